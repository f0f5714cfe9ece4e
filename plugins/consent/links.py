"""Links for the person, to confirm and to unsubscribe: signed, so that nothing has to be stored for them."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Contact, NotFound, Site, sign, unsign
from plugins.consent.changing import PURPOSES
from plugins.consent.models import ConsentEvent


@frozen(kw_only=True)
class Request:
    """The tick that a confirmation link belongs to: whose, for what, and what stood beside the box.

    `outdated` is True when the person has unsubscribed since: the link then confirms nothing any more.
    """

    contact_id: int
    purpose: str
    wording: str
    email: str
    language: str
    outdated: bool


@frozen(kw_only=True)
class Subscription:
    """What an unsubscribe link ends. `contact_id` is None when the contact was erased."""

    contact_id: int | None
    purpose: str


def confirm_url(session: Session, site: Site, event_id: int) -> str:
    """The link that confirms the tick recorded as event `event_id`, absolute."""
    token = sign(site.secret, "consent.confirm", _name_of(session.get_one(ConsentEvent, event_id)))
    return f"{site.settings.base_url}/consent/confirm/{token}"


def _name_of(event: ConsentEvent) -> str:
    # With its moment: SQLite gives the number of an erased event again, and that one would be somebody else's.
    return f"{event.id} {event.recorded_at.isoformat()}"


def unsubscribe_url(site: Site, contact_id: int, purpose: str) -> str:
    """The link that ends what a contact gets for a purpose, absolute. It works for ever (RFC 8058)."""
    token = sign(site.secret, "consent.unsubscribe", f"{contact_id} {purpose}")
    return f"{site.settings.base_url}/unsubscribe/{token}"


def read_confirm_token(session: Session, site: Site, token: str) -> Request:
    """What a confirmation link belongs to. Raises NotFound for a forged one, and for an erased contact."""
    text = unsign(site.secret, "consent.confirm", token)
    event = session.get(ConsentEvent, int(text.partition(" ")[0])) if text is not None else None
    if event is None or _name_of(event) != text:
        raise NotFound("This link is not valid. Copy it from the e-mail once more, as a whole.")
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
    return Request(
        contact_id=event.contact_id,
        purpose=event.purpose,
        wording=event.wording,
        email=event.email,
        language=event.language,
        outdated=withdrawn is not None,
    )


def read_unsubscribe_token(session: Session, site: Site, token: str) -> Subscription:
    """What an unsubscribe link ends; follows a merged contact. Raises NotFound for a forged one."""
    text = unsign(site.secret, "consent.unsubscribe", token)
    if text is None:
        raise NotFound("This link is not valid. Copy it from the e-mail once more, as a whole.")
    number, _, purpose = text.partition(" ")
    if purpose not in PURPOSES:
        raise NotFound("This link is not valid. Copy it from the e-mail once more, as a whole.")
    contact = session.get(Contact, int(number))
    while contact is not None and contact.merged_into_id is not None:
        contact = session.get(Contact, contact.merged_into_id)
    return Subscription(contact_id=contact.id if contact else None, purpose=purpose)
