"""The one place where a consent changes: which change is whose, and the evidence that is kept of it.

The rules are those of GDPR Art. 7 and of § 7 (2) no. 2 UWG: advertising needs express consent, given
beforehand by the person, provable, and as easy to withdraw as to give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import (
    SYSTEM,
    Activity,
    Actor,
    Contact,
    InvalidInput,
    NotFound,
    Site,
    add_activity,
    current_contact_id,
    hold_contact,
    site_of,
    upsert,
)
from plugins.consent import suppression
from plugins.consent.models import ConsentEvent, ConsentState

Purpose = Literal["marketing", "system"]

PURPOSES: Mapping[str, str] = MappingProxyType({"marketing": "Advertising", "system": "System notification"})
"""Purpose → its name for people, a message id."""

State = Literal["", "pending", "subscribed", "unsubscribed", "bounced"]
"""What a contact may be in; empty means never asked."""

Way = Literal["form", "confirm_link", "unsubscribe_link", "one_click", "staff", "import", "bounce", "suppression"]
"""How a change came about: a ticked box, a button behind a link, RFC 8058, staff, a file, a mail server; or that an
address came in again that had ended before its person was erased (`suppression`)."""

_ASKED: frozenset[Way] = frozenset({"form"})
_CONFIRMED: frozenset[Way] = frozenset({"confirm_link"})
_ON_RECORD: frozenset[Way] = frozenset({"staff", "import"})
_WITHDRAWN: frozenset[Way] = frozenset({"unsubscribe_link", "one_click", "staff", "import"})
_BOUNCED: frozenset[Way] = frozenset({"bounce"})
_AGAIN: frozenset[Way] = frozenset({"suppression"})

RULES: Mapping[tuple[str, str], frozenset[Way]] = MappingProxyType(
    {
        ("", "pending"): _ASKED,
        ("", "subscribed"): _ON_RECORD,
        ("", "unsubscribed"): _WITHDRAWN | _AGAIN,
        ("", "bounced"): _BOUNCED | _AGAIN,
        # Asked again while the first confirmation is open: new evidence, same state.
        ("pending", "pending"): _ASKED,
        ("pending", "subscribed"): _CONFIRMED,
        ("pending", "unsubscribed"): _WITHDRAWN,
        ("pending", "bounced"): _BOUNCED,
        ("subscribed", "unsubscribed"): _WITHDRAWN,
        ("subscribed", "bounced"): _BOUNCED,
        # Whoever unsubscribed is asked by nobody; only the person's own new tick begins again.
        ("unsubscribed", "pending"): _ASKED,
        ("unsubscribed", "bounced"): _BOUNCED,
        ("bounced", "unsubscribed"): _WITHDRAWN,
    }
)
"""(from, to) → the ways in which that change may come about. What is not here is refused."""

SYSTEM_RULES: Mapping[tuple[str, str], frozenset[Way]] = MappingProxyType(
    {
        **{change: ways for change, ways in RULES.items() if "pending" not in change},
        # Notices about the service are no advertising: the person's own tick is enough, without a
        # confirmation.
        ("", "subscribed"): _ASKED | _ON_RECORD,
        ("unsubscribed", "subscribed"): _ASKED,
    }
)
"""As `RULES`, for the purpose "system"."""

NEEDS_BASIS: frozenset[Way] = frozenset({"staff", "import"})
"""Ways that must say what a consent is based on when they switch it on."""

KINDS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (purpose, state): f"consent.{purpose}_{state}"
        for purpose in PURPOSES
        for state in ("pending", "subscribed", "unsubscribed", "bounced")
    }
)
"""(purpose, state) → kind of the entry in the activity log."""


class ConsentRefused(InvalidInput):
    """This change is not this actor's to make; nothing was written."""


@frozen(kw_only=True)
class Evidence:
    """How a change came about, as it is kept. `email` is the address as typed, or empty for the contact's."""

    way: Way
    actor: Actor
    occurred_at: datetime
    email: str = ""
    page: str = ""
    form: str = ""
    wording: str = ""
    language: str = ""
    basis: str = ""


def rules_of(purpose: str) -> Mapping[tuple[str, str], frozenset[Way]]:
    """The rules of one purpose. Raises NotFound for a purpose there is none of."""
    if purpose not in PURPOSES:
        raise NotFound("There is no purpose '%(purpose)s'.", purpose=purpose)
    return SYSTEM_RULES if purpose == "system" else RULES


def state_of(session: Session, contact_id: int, purpose: str) -> str:
    """The state a contact is in; empty when it was never asked."""
    return _stored(session, current_contact_id(session, contact_id), purpose)[0]


def change_consent(session: Session, *, contact_id: int, purpose: str, to: str, evidence: Evidence) -> bool:
    """Change a consent and keep the evidence, in the caller's transaction; answers whether anything changed.

    A change to the state that already holds does nothing (links are opened twice), and neither does an older
    statement than the one that holds: replayed history never brings back what was withdrawn since. Raises
    ConsentRefused when the way may not make this change, InvalidInput on `basis` when a ground is missing,
    and NotFound when there is no such contact or purpose.
    """
    rules = rules_of(purpose)
    # Held, so that two changes at once come one after the other; an old link may name a contact that was merged.
    contact_id = hold_contact(session, contact_id)
    email, email_key = _addresses_of(session, contact_id)
    before, since = _stored(session, contact_id, purpose)
    if since is None and evidence.way != "suppression":
        # The plugin may have been off when the contact came in again.
        _take_up(session, site_of(session), contact_id, email_key, purpose)
        before, since = _stored(session, contact_id, purpose)
    when = evidence.occurred_at.astimezone(UTC)
    if (before == to and (before, to) not in rules) or (since is not None and when < since and to != "unsubscribed"):
        return False
    if evidence.way not in rules.get((before, to), frozenset()):
        raise _refusal(before, evidence.way)
    if to == "subscribed" and evidence.way in NEEDS_BASIS and not evidence.basis.strip():
        raise InvalidInput("Say what this consent is based on.", field="basis")
    began = since if since is not None and before == to else when
    session.execute(
        upsert(
            session,
            ConsentState,
            {"contact_id": contact_id, "purpose": purpose, "state": to, "since": began},
            keys=["contact_id", "purpose"],
            update={"state": to, "since": began},
        )
    )
    session.add(
        ConsentEvent(
            contact_id=contact_id,
            purpose=purpose,
            from_state=before,
            to_state=to,
            occurred_at=when,
            recorded_at=datetime.now(UTC),
            way=evidence.way,
            email=evidence.email or email,
            page=evidence.page,
            form=evidence.form,
            wording=evidence.wording,
            wording_hash=wording_hash(evidence.wording),
            language=evidence.language,
            basis=evidence.basis.strip(),
            actor_kind=evidence.actor.kind,
            actor_id=evidence.actor.id,
            actor_name=evidence.actor.name,
        )
    )
    session.flush()
    add_activity(session, contact_id, Activity(kind=KINDS[purpose, to]), actor=evidence.actor, occurred_at=when)
    return True


def wording_hash(wording: str) -> str:
    """SHA-256 of a wording, by which two events can be seen to show the same text; empty for no wording."""
    return hashlib.sha256(wording.encode()).hexdigest() if wording else ""


def take_up_suppression(session: Session, site: Site, contact_id: int) -> None:
    """Begin where it ended, for a new contact whose address is on the list of those who get nothing (T-C6)."""
    _, email_key = _addresses_of(session, contact_id)
    for purpose in PURPOSES:
        _take_up(session, site, contact_id, email_key, purpose)


def _take_up(session: Session, site: Site, contact_id: int, email_key: str, purpose: str) -> None:
    if (held := suppression.held(session, site, email_key, purpose)) is not None:
        evidence = Evidence(way="suppression", actor=SYSTEM, occurred_at=held.since)
        change_consent(session, contact_id=contact_id, purpose=purpose, to=held.state, evidence=evidence)


def _addresses_of(session: Session, contact_id: int) -> tuple[str, str]:
    """The address of a contact, as typed and as compared."""
    row = session.execute(select(Contact.email, Contact.email_key).where(Contact.id == contact_id)).one_or_none()
    return (row.email, row.email_key) if row else ("", "")


def _stored(session: Session, contact_id: int, purpose: str) -> tuple[str, datetime | None]:
    row = session.execute(
        select(ConsentState.state, ConsentState.since).where(
            ConsentState.contact_id == contact_id, ConsentState.purpose == purpose
        )
    ).one_or_none()
    return (row.state, row.since) if row else ("", None)


def _refusal(before: str, way: Way) -> ConsentRefused:
    if before == "unsubscribed":
        return ConsentRefused("This person has unsubscribed. Only the person can subscribe again, on a form.")
    if before == "pending":
        return ConsentRefused("The confirmation is still open. Only the person can give it, by the link.")
    if before == "bounced":
        return ConsentRefused("E-mails to this address came back. Nothing is sent to it any more.")
    return ConsentRefused("This change can't be made in this way (%(way)s).", way=way)
