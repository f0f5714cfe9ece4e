"""The one place where a consent changes: which change is whose, and the evidence that is kept of it.

The rules are those of GDPR Art. 7 and of § 7 (2) no. 2 UWG: advertising needs express consent, given
beforehand by the person, provable, and as easy to withdraw as to give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from attrs import field, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import (
    SYSTEM,
    Activity,
    Actor,
    Contact,
    InvalidInput,
    Site,
    add_activity,
    current_contact_id,
    hold_contact,
    site_of,
    upsert,
)
from plugins.consent import suppression
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.consent.purposes import BUILTIN, check_purpose, names_of
from plugins.consent.recording import facts_text, record

State = Literal["", "pending", "expired", "subscribed", "existing_customer", "unsubscribed", "bounced"]
"""What a contact may be in; empty means never asked.

Pending is a tick that waits for its confirmation, expired one that was never confirmed. An existing customer has not
agreed, and may get advertising for similar goods (§ 7 (3) UWG). Of who was erased nothing is left but, after
unsubscribed and bounced, a keyed hash of the address (`suppression`).
"""

Way = Literal[
    "form",
    "preferences",
    "confirm_link",
    "expiry",
    "purchase",
    "unsubscribe_link",
    "one_click",
    "complaint",
    "staff",
    "import",
    "bounce",
    "suppression",
]
"""How a change came about: a ticked box on a form or on the person's own page, a button behind a link, the time for it
having passed, a purchase, RFC 8058, a complaint that a mail provider passed on, staff, a file, a mail server; or that
an address came in again that had ended before its person was erased (`suppression`)."""

_ASKED: frozenset[Way] = frozenset({"form", "preferences"})
_CONFIRMED: frozenset[Way] = frozenset({"confirm_link"})
_TOO_LATE: frozenset[Way] = frozenset({"expiry"})
_BOUGHT: frozenset[Way] = frozenset({"purchase"})
_ON_RECORD: frozenset[Way] = frozenset({"staff", "import"})
_WITHDRAWN: frozenset[Way] = frozenset({"preferences", "unsubscribe_link", "one_click", "complaint", "staff", "import"})
_BOUNCED: frozenset[Way] = frozenset({"bounce"})
_AGAIN: frozenset[Way] = frozenset({"suppression"})

RULES: Mapping[tuple[str, str], frozenset[Way]] = MappingProxyType(
    {
        ("", "pending"): _ASKED,
        ("", "subscribed"): _ON_RECORD,
        ("", "existing_customer"): _BOUGHT,
        ("", "unsubscribed"): _WITHDRAWN | _AGAIN,
        ("", "bounced"): _BOUNCED | _AGAIN,
        # Asked again while the first confirmation is open: new evidence, same state.
        ("pending", "pending"): _ASKED,
        ("pending", "subscribed"): _CONFIRMED,
        ("pending", "expired"): _TOO_LATE,
        ("pending", "unsubscribed"): _WITHDRAWN,
        ("pending", "bounced"): _BOUNCED,
        ("expired", "pending"): _ASKED,
        ("expired", "unsubscribed"): _WITHDRAWN,
        ("expired", "bounced"): _BOUNCED,
        ("subscribed", "unsubscribed"): _WITHDRAWN,
        ("subscribed", "bounced"): _BOUNCED,
        ("existing_customer", "unsubscribed"): _WITHDRAWN,
        ("existing_customer", "bounced"): _BOUNCED,
        # Whoever unsubscribed is asked by nobody; only the person's own new tick begins again.
        ("unsubscribed", "pending"): _ASKED,
        ("unsubscribed", "bounced"): _BOUNCED,
        ("bounced", "unsubscribed"): _WITHDRAWN,
    }
)
"""(from, to) → the ways in which that change may come about. What is not here is refused."""

SYSTEM_RULES: Mapping[tuple[str, str], frozenset[Way]] = MappingProxyType(
    {
        **{
            change: ways
            for change, ways in RULES.items()
            if not {"pending", "expired", "existing_customer"} & set(change)
        },
        # Notices about the service are no advertising: the person's own tick is enough, without a
        # confirmation.
        ("", "subscribed"): _ASKED | _ON_RECORD,
        ("unsubscribed", "subscribed"): _ASKED,
    }
)
"""As `RULES`, for the purpose "system"."""

OWN_RULES: Mapping[tuple[str, str], frozenset[Way]] = MappingProxyType(
    {change: ways for change, ways in RULES.items() if "existing_customer" not in change}
)
"""As `RULES`, for the site's own purposes: all of them are advertising, and a purchase leads to none of them."""

NEEDS_BASIS: frozenset[Way] = frozenset({"staff", "import"})
"""Ways that must say what a consent is based on when they switch it on."""

LOGGED_STATES = ("pending", "expired", "subscribed", "existing_customer", "unsubscribed", "bounced")
"""States that a change can lead to."""


SOME = 500
"""New contacts that are looked for at a time."""


class ConsentRefused(InvalidInput):
    """This change is not this actor's to make; nothing was written."""


@frozen(kw_only=True)
class Evidence:
    """How a change came about, as it is kept. `email` is the address as typed, or empty for the contact's.

    `wording_version` is the number of the wording among the purpose's; `facts` are further proofs by name.
    """

    way: Way
    actor: Actor
    occurred_at: datetime
    email: str = ""
    page: str = ""
    form: str = ""
    wording: str = ""
    wording_version: int = 0
    language: str = ""
    basis: str = ""
    facts: Mapping[str, str] = field(factory=dict)


def rules_of(purpose: str) -> Mapping[tuple[str, str], frozenset[Way]]:
    """The rules of one purpose."""
    return SYSTEM_RULES if purpose == "system" else RULES if purpose == "marketing" else OWN_RULES


def logged(session: Session, site: Site, purpose: str, state: str) -> Activity:
    """The entry in the activity log for a change to this state."""
    if purpose in BUILTIN:
        return Activity(kind=f"consent.{purpose}_{state}")
    name = names_of(session, site, site.settings.language).get(purpose, purpose)
    return Activity(kind=f"consent.own_{state}", data={"purpose": name})


def state_of(session: Session, contact_id: int, purpose: str) -> str:
    """The state a contact is in; empty when it was never asked."""
    return _stored(session, current_contact_id(session, contact_id), purpose)[0]


def change_consent(session: Session, *, contact_id: int, purpose: str, to: str, evidence: Evidence) -> bool:
    """Change a consent and keep the evidence, in the caller's transaction; answers whether anything was recorded.

    A change to the state that already holds does nothing (links are opened twice), and neither does an older
    statement than the one that holds: replayed history never brings back what was withdrawn since. Raises
    ConsentRefused when the way may not make this change, InvalidInput on `basis` when a ground is missing,
    and NotFound when there is no such contact or purpose.
    """
    check_purpose(session, purpose)
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
    record(
        session,
        [
            {
                "contact_id": contact_id,
                "purpose": purpose,
                "from_state": before,
                "to_state": to,
                "occurred_at": when,
                "recorded_at": datetime.now(UTC),
                "way": evidence.way,
                "email": evidence.email or email,
                "page": evidence.page,
                "form": evidence.form,
                "wording": evidence.wording,
                "wording_version": evidence.wording_version,
                "language": evidence.language,
                "basis": evidence.basis.strip(),
                "facts": facts_text(evidence.facts),
                "actor_kind": evidence.actor.kind,
                "actor_id": evidence.actor.id,
                "actor_name": evidence.actor.name,
            }
        ],
    )
    activity = logged(session, site_of(session), purpose, to)
    add_activity(session, contact_id, activity, actor=evidence.actor, occurred_at=when)
    return True


def newest_event(session: Session, contact_id: int, purpose: str) -> ConsentEvent:
    """The event that was recorded last, of a contact that has one."""
    statement = select(ConsentEvent).where(ConsentEvent.contact_id == contact_id, ConsentEvent.purpose == purpose)
    return session.scalars(statement.order_by(ConsentEvent.id.desc()).limit(1)).one()


def take_up_suppressions(session: Session, site: Site, contact_ids: Sequence[int]) -> None:
    """Begin where it ended, for new contacts whose address is on the list of those who get nothing (T-C6)."""
    if not suppression.is_any(session):
        return
    for start in range(0, len(contact_ids), SOME):
        some = contact_ids[start : start + SOME]
        keys = session.execute(select(Contact.id, Contact.email_key).where(Contact.id.in_(some)).order_by(Contact.id))
        of_hash = {suppression.address_hash(site, row.email_key): row for row in keys}
        for address_hash, purpose in suppression.held_of(session, list(of_hash)):
            one = of_hash[address_hash]
            _take_up(session, site, one.id, one.email_key, purpose)


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
    if before == "expired":
        return ConsentRefused("This was not confirmed in time. Only the person can ask for it again, on a form.")
    if before == "existing_customer":
        return ConsentRefused("This person gets advertising as a customer. The person can only object to it.")
    if before == "bounced":
        return ConsentRefused("E-mails to this address came back. Nothing is sent to it any more.")
    return ConsentRefused("This change can't be made in this way (%(way)s).", way=way)
