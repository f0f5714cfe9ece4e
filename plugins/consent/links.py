"""Links for the person, to confirm, to unsubscribe and to choose: signed, so that nothing has to be stored for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import NotFound, Site, current_contact_id, sign, unsign
from plugins.consent.changing import state_of
from plugins.consent.models import ConsentEvent
from plugins.consent.purposes import check_purpose
from plugins.consent.waiting import pending_time

INVALID = "This link is not valid. Copy it from the e-mail once more, as a whole."


@frozen(kw_only=True)
class Asked:
    """One tick that a confirmation link belongs to: what for, and what stood beside the box.

    `stage` is "open", "done" when it is confirmed already, "outdated" when the person has unsubscribed since, or
    "expired" when too much time has passed: then the link confirms nothing any more.
    """

    purpose: str
    wording: str
    wording_version: int
    stage: Literal["open", "done", "outdated", "expired"]


@frozen(kw_only=True)
class Request:
    """The ticks that a confirmation link belongs to, all of one person at one time. `key` names the mail with it."""

    contact_id: int
    email: str
    language: str
    key: str
    asked: Sequence[Asked]


@frozen(kw_only=True)
class Subscription:
    """What an unsubscribe link ends. `contact_id` is None when the contact was erased.

    `message_id` is the message with the link; 0 for a link that stood in none.
    """

    contact_id: int | None
    purpose: str
    message_id: int = 0


def confirm_url(site: Site, events: Sequence[ConsentEvent]) -> str:
    """The link that confirms these ticks, absolute."""
    return f"{site.settings.base_url}/consent/confirm/{sign(site.secret, 'consent.confirm', name_of(events))}"


def name_of(events: Sequence[ConsentEvent]) -> str:
    """What the link to confirm these ticks says."""
    # With their moments: SQLite gives the number of an erased event again, and that one would be somebody else's.
    return ",".join(f"{event.id} {event.recorded_at.isoformat()}" for event in events)


def mail_key(name: str) -> str:
    """What the mail with this link is known by in the outbox, so that there is one."""
    return "consent.confirm:" + hashlib.sha256(name.encode()).hexdigest()


def unsubscribe_url(site: Site, contact_id: int, purpose: str, message_id: int | None = None) -> str:
    """The link that ends what a contact gets for a purpose, absolute. It works for ever (RFC 8058).

    `message_id` is the message that it stands in, for the numbers of a newsletter.
    """
    said = f"{contact_id} {purpose}" if message_id is None else f"{contact_id} {purpose} {message_id}"
    token = sign(site.secret, "consent.unsubscribe", said)
    return f"{site.settings.base_url}/unsubscribe/{token}"


def preferences_url(site: Site, contact_id: int) -> str:
    """The link to the person's own page with all purposes, absolute. It works as long as the contact is there."""
    return f"{site.settings.base_url}/consent/preferences/{sign(site.secret, 'consent.preferences', str(contact_id))}"


def read_confirm_token(session: Session, site: Site, token: str) -> Request:
    """What a confirmation link belongs to. Raises NotFound for a forged one, and for an erased contact."""
    text = unsign(site.secret, "consent.confirm", token)
    if text is None:
        raise NotFound(INVALID)
    events = []
    for part in text.split(","):
        event = session.get(ConsentEvent, int(part.partition(" ")[0]))
        if event is None or name_of([event]) != part:
            raise NotFound(INVALID)
        events.append(event)
    return Request(
        contact_id=events[0].contact_id,
        email=events[0].email,
        language=events[0].language,
        key=mail_key(text),
        asked=tuple(_asked(session, site, event) for event in events),
    )


def _asked(session: Session, site: Site, event: ConsentEvent) -> Asked:
    withdrawn = session.scalar(
        select(ConsentEvent.id)
        .where(
            ConsentEvent.contact_id == event.contact_id,
            ConsentEvent.purpose == event.purpose,
            ConsentEvent.id > event.id,
            ConsentEvent.to_state.in_(("unsubscribed", "bounced")),
        )
        .limit(1)
    )
    state = state_of(session, event.contact_id, event.purpose)
    stage: Literal["open", "done", "outdated", "expired"] = "open"
    if state == "subscribed":
        stage = "done"
    elif withdrawn is not None:
        stage = "outdated"
    elif state != "pending" or event.recorded_at < datetime.now(UTC) - pending_time(site):
        stage = "expired"
    return Asked(purpose=event.purpose, wording=event.wording, wording_version=event.wording_version, stage=stage)


def read_unsubscribe_token(session: Session, site: Site, token: str) -> Subscription:
    """What an unsubscribe link ends; follows a merged contact. Raises NotFound for a forged one."""
    text = unsign(site.secret, "consent.unsubscribe", token)
    if text is None:
        raise NotFound(INVALID)
    number, purpose, *message = text.split(" ")
    try:
        check_purpose(session, purpose)
    except NotFound:
        raise NotFound(INVALID) from None
    message_id = int(message[0]) if message else 0
    return Subscription(contact_id=_person(session, number), purpose=purpose, message_id=message_id)


def read_preferences_token(session: Session, site: Site, token: str) -> int:
    """The contact whose page this is; follows a merged one. Raises NotFound for a forged one, and for an erased one."""
    text = unsign(site.secret, "consent.preferences", token)
    contact_id = _person(session, text) if text is not None else None
    if contact_id is None:
        raise NotFound(INVALID)
    return contact_id


def _person(session: Session, number: str) -> int | None:
    try:
        return current_contact_id(session, int(number))
    except NotFound:
        return None
