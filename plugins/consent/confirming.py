"""Double opt-in: the mail with the link, of which only so many go to one address (FEATURES K2, THREATS T-P2).

The mail is free of advertising: it names what was ticked, where, and the link, and nothing else. It is one that the
person has just asked for, so that it also reaches who has switched notices off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import (
    VISITOR,
    Contact,
    Kept,
    SendRefused,
    Site,
    current_contact_id,
    delivery_of,
    hold_contact,
    queue_message,
)
from plugins.consent.changing import Evidence, change_consent
from plugins.consent.links import Request, confirm_url, mail_key, name_of
from plugins.consent.models import ConsentEvent, ConsentMailing
from plugins.consent.purposes import names_of
from plugins.consent.recording import wording_hash
from plugins.consent.suppression import address_hash
from plugins.consent.waiting import KEPT, pending_time

CAPS: Mapping[timedelta, int] = {timedelta(days=1): 3, timedelta(days=30): 6}
"""Time → how many confirmation mails go to one address within it at most, whoever asks for them."""

SUBJECT = "Please confirm: %(purposes)s"
TEXT = """Hello,

this was ticked for the address %(email)s on %(page)s:

%(wordings)s

Please confirm that it was you, with the button on this page:
%(url)s

The link works until %(until)s. If it was not you, ignore this message: without your confirmation you get nothing."""


def may_mail(session: Session, site: Site, contact_id: int) -> bool:
    """Whether one more confirmation mail may go to this contact's address. The contact is held from here on."""
    contact_id = hold_contact(session, contact_id)
    address = _address(session, site, contact_id)
    moment = datetime.now(UTC)
    for time, most in CAPS.items():
        sent = select(func.count(ConsentMailing.id)).where(
            ConsentMailing.address_hash == address, ConsentMailing.queued_at > moment - time
        )
        if (session.scalar(sent) or 0) >= most:
            return False
    return True


def ask_to_confirm(session: Session, site: Site, events: Sequence[ConsentEvent]) -> bool:
    """Queue one mail with the link for these ticks of one person; answers whether it was.

    It is not when too many went to the address already, or a plugin refuses it: the ticks then wait without one.
    """
    if not events or not may_mail(session, site, events[0].contact_id):
        return False
    first, name = events[0], name_of(events)
    language = site.language(first.language or site.settings.language)
    names = names_of(session, site, language.code)
    until = datetime.now(UTC) + pending_time(site)
    subject = language.text(SUBJECT, purposes=", ".join(names[event.purpose] for event in events))
    text = language.text(
        TEXT,
        email=first.email,
        page=first.page or site.settings.base_url,
        wordings="\n\n".join(language.text("“%(wording)s”", wording=event.wording) for event in events),
        url=confirm_url(site, events),
        until=language.date(until),
    )
    try:
        with session.begin_nested():
            queue_message(
                session,
                site,
                first.contact_id,
                " ".join(subject.split())[:200],
                text,
                "system",
                module="consent",
                necessary=True,
                idempotency_key=mail_key(name),
            )
    except SendRefused:
        return False
    session.add(ConsentMailing(address_hash=_address(session, site, first.contact_id), queued_at=datetime.now(UTC)))
    session.flush()
    return True


def confirm(session: Session, site: Site, asked: Request, *, token: str, language: str) -> None:
    """The person has pressed the button: what is still open of these ticks is subscribed, with the mail as a proof."""
    delivery = delivery_of(session, asked.key)
    # The token itself would still work; its hash shows which link it was.
    facts = {"link_sha256": wording_hash(token)}
    if delivery is not None:
        facts |= {"mail_id": delivery.mail_id, "mail_to": delivery.recipient}
        if delivery.sent_at is not None:
            facts["mail_sent_at"] = delivery.sent_at.isoformat()
    for one in asked.asked:
        if one.stage != "open":
            continue
        evidence = Evidence(
            way="confirm_link",
            actor=VISITOR,
            occurred_at=datetime.now(UTC),
            email=asked.email,
            page=f"{site.settings.base_url}/consent/confirm/",
            wording=one.wording,
            wording_version=one.wording_version,
            language=asked.language or language,
            facts=facts,
        )
        change_consent(session, contact_id=asked.contact_id, purpose=one.purpose, to="subscribed", evidence=evidence)


def mailings_kept(session: Session, site: Site, contact_ids: Sequence[int]) -> list[Kept]:
    """What stays of the confirmation mails to these contacts for a month, so that erasing resets no count."""
    keys = session.scalars(select(Contact.email_key).where(Contact.id.in_(contact_ids))).all()
    hashes = [address_hash(site, key) for key in keys]
    number = session.scalar(select(func.count(ConsentMailing.id)).where(ConsentMailing.address_hash.in_(hashes)))
    return [
        Kept(
            label="Counted confirmation e-mails",
            number=number or 0,
            reason="So that nobody can have one address flooded with confirmation e-mails: the moment, and a keyed "
            "hash from which the address can’t be read.",
            until=(datetime.now(UTC) + KEPT).date(),
        )
    ]


def _address(session: Session, site: Site, contact_id: int) -> str:
    contact_id = current_contact_id(session, contact_id)
    return address_hash(site, session.scalars(select(Contact.email_key).where(Contact.id == contact_id)).one())
