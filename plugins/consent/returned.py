"""Mails that came back and complaints: what they end (THREATS section 2).

An address that does not exist gets nothing more: a name like that on a list makes mail servers distrust the sender, and
may belong to somebody else one day. Who calls a message spam has said clearly enough that no other one like it is
wanted.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SYSTEM, Bounce, Contact, current_contact_id
from plugins.consent.changing import ConsentRefused, Evidence, change_consent
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN
from plugins.consent.sending import asked_purpose


def end_undeliverable(session: Session, contact_id: int, bounce: Bounce) -> None:
    """After a bounce that says that the address is gone: all purposes are undeliverable.

    One of an address that is not the contact's any more says nothing of the one that is.
    """
    if not bounce.address_is_gone:
        return
    contact_id = current_contact_id(session, contact_id)
    if session.scalar(select(Contact.email).where(Contact.id == contact_id)) != bounce.email:
        return
    facts = {"status": bounce.status, "server": bounce.words}
    evidence = Evidence(
        way="bounce",
        actor=SYSTEM,
        occurred_at=datetime.now(UTC),
        email=bounce.email,
        facts={name: value for name, value in facts.items() if value},
    )
    _end(session, contact_id, _all_purposes(session, contact_id), "bounced", evidence)


def end_unwanted(session: Session, contact_id: int, purpose: str, topic: str) -> None:
    """After a complaint about a message: what it was for is unsubscribed.

    One for a purpose of the site's own ends that purpose, as its link does. Any other one ends all advertising, of
    which the person has not said which kind is meant, and one about a notice the notices too.
    """
    contact_id = current_contact_id(session, contact_id)
    evidence = Evidence(way="complaint", actor=SYSTEM, occurred_at=datetime.now(UTC))
    needed = asked_purpose(purpose, topic)
    if needed in ("marketing", "system", "personal"):
        ended = _all_purposes(session, contact_id) - ({"system"} - {needed})
    else:
        ended = {needed}
    _end(session, contact_id, ended, "unsubscribed", evidence)


def _all_purposes(session: Session, contact_id: int) -> set[str]:
    """The site's two, and those of its own that this contact was ever asked about."""
    asked = select(ConsentState.purpose).where(ConsentState.contact_id == contact_id)
    return {*BUILTIN, *session.scalars(asked)}


def _end(session: Session, contact_id: int, purposes: set[str], to: str, evidence: Evidence) -> None:
    for purpose in sorted(purposes):
        try:
            change_consent(session, contact_id=contact_id, purpose=purpose, to=to, evidence=evidence)
        except ConsentRefused:
            # Ended already, in another way.
            continue
