"""Mails that came back and complaints: what they end (THREATS section 2).

An address that does not exist gets nothing more: a name like that on a list makes mail servers distrust the sender, and
may belong to somebody else one day. Who calls a message spam has said clearly enough that no other one is wanted.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SYSTEM, Bounce, Contact, current_contact_id
from plugins.consent.changing import ConsentRefused, Evidence, change_consent
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN


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
    _end(session, contact_id, "bounced", evidence)


def end_unwanted(session: Session, contact_id: int) -> None:
    """After a complaint: everything that one can unsubscribe from is."""
    evidence = Evidence(way="complaint", actor=SYSTEM, occurred_at=datetime.now(UTC))
    _end(session, current_contact_id(session, contact_id), "unsubscribed", evidence)


def _end(session: Session, contact_id: int, to: str, evidence: Evidence) -> None:
    asked = select(ConsentState.purpose).where(ConsentState.contact_id == contact_id)
    for purpose in sorted({*BUILTIN, *session.scalars(asked)}):
        try:
            change_consent(session, contact_id=contact_id, purpose=purpose, to=to, evidence=evidence)
        except ConsentRefused:
            # Ended already, in another way.
            continue
