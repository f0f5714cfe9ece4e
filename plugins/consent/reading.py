"""What the profile and the consent page show of a contact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Literal

from attrs import frozen
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import Contact, Indicator, NotFound, Site, TileData, site_of
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.consent.purposes import all_purposes

STATE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "": "Never asked",
        "pending": "Confirmation open",
        "expired": "Not confirmed in time",
        "subscribed": "Subscribed",
        "existing_customer": "Existing customer",
        "unsubscribed": "Unsubscribed",
        "bounced": "Undeliverable",
    }
)
"""State → its name for people, a message id."""

WAY_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "form": "Box ticked on a form",
        "preferences": "Chosen on the person’s own page",
        "confirm_link": "Confirmed by the link",
        "expiry": "The time for the confirmation has passed",
        "purchase": "Bought something, with the notice of § 7 (3) UWG",
        "unsubscribe_link": "Unsubscribed by the link",
        "one_click": "Unsubscribed in the mail program",
        "complaint": "Complained at the mail provider",
        "staff": "Recorded by staff",
        "import": "Imported",
        "bounce": "E-mail came back",
        "suppression": "Had ended before a deletion",
    }
)
"""Way → what is shown of it, a message id."""


FACT_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "box": "Box",
        "mail_id": "Confirmation e-mail",
        "mail_to": "Sent to",
        "mail_sent_at": "Message sent at",
        "link_sha256": "SHA-256 of the link",
        "status": "Status of the mail server",
        "server": "Words of the mail server",
    }
)
"""Further fact of an event → its name for people, a message id."""


@frozen(kw_only=True)
class Entry:
    """One event of the history, as it is shown. `entry` is its place in the chain, None while it waits for it."""

    id: int
    from_label: str
    to_state: str
    state_label: str
    way: str
    way_label: str
    occurred_at: datetime
    email: str
    page: str
    form: str
    wording: str
    wording_hash: str
    language: str
    basis: str
    actor_name: str
    wording_version: int
    facts: Mapping[str, str]
    entry: int | None
    digest: str

    @property
    def sign(self) -> Literal["on", "off", "other"]:
        """Colour and icon of the state."""
        return sign_of(self.to_state)


@frozen(kw_only=True)
class Consent:
    """One purpose of a contact: its name, its state and its history, newest first."""

    purpose: str
    label: str
    state: str
    state_label: str
    sign: Literal["on", "off", "other"]
    since: datetime | None
    entries: Sequence[Entry]

    @property
    def can_switch_on(self) -> bool:
        """Whether staff may record a consent: only for somebody who was never asked."""
        return self.state == ""

    @property
    def can_switch_off(self) -> bool:
        """Whether there is anything to switch off."""
        return self.state != "unsubscribed"

    @property
    def open_request(self) -> int | None:
        """Id of the tick that waits for its confirmation."""
        return self.entries[0].id if self.state == "pending" and self.entries else None

    @property
    def is_asked(self) -> bool:
        """Whether anything is known of this purpose."""
        return bool(self.state or self.entries)


@frozen(kw_only=True)
class Consents:
    """A contact with its consents, one for each purpose."""

    contact_id: int
    email: str
    name: str
    purposes: Sequence[Consent]


def consents_of(session: Session, contact_id: int) -> Consents:
    """All consents of a contact, in the site's language. Raises NotFound when there is no such contact."""
    site = site_of(session)
    return spoken_consents(session, site, contact_id, site.settings.language)


def spoken_consents(session: Session, site: Site, contact_id: int, language: str) -> Consents:
    """All consents of a contact, the purposes named in `language`. Raises NotFound when there is no such contact.

    A purpose that is closed is there as long as the contact was asked about it.
    """
    contact = session.execute(select(Contact.email, Contact.name).where(Contact.id == contact_id)).one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    states = {
        row.purpose: row
        for row in session.execute(
            select(ConsentState.purpose, ConsentState.state, ConsentState.since).where(
                ConsentState.contact_id == contact_id
            )
        )
    }
    events = session.scalars(
        select(ConsentEvent).where(ConsentEvent.contact_id == contact_id).order_by(ConsentEvent.id.desc())
    ).all()
    purposes = []
    for one in all_purposes(session):
        purpose = one.key
        row = states.get(purpose)
        if one.is_closed and row is None:
            continue
        state = row.state if row else ""
        purposes.append(
            Consent(
                purpose=purpose,
                label=one.name(site, language),
                state=state,
                state_label=STATE_LABELS[state],
                sign=sign_of(state),
                since=row.since if row else None,
                entries=tuple(_entry(event) for event in events if event.purpose == purpose),
            )
        )
    return Consents(contact_id=contact_id, email=contact.email, name=contact.name, purposes=tuple(purposes))


def _entry(event: ConsentEvent) -> Entry:
    return Entry(
        id=event.id,
        from_label=STATE_LABELS[event.from_state],
        to_state=event.to_state,
        state_label=STATE_LABELS[event.to_state],
        way=event.way,
        way_label=WAY_LABELS[event.way],
        occurred_at=event.occurred_at,
        email=event.email,
        page=event.page,
        form=event.form,
        wording=event.wording,
        wording_hash=event.wording_hash,
        language=event.language,
        basis=event.basis,
        actor_name=event.actor_name,
        wording_version=event.wording_version,
        facts=json.loads(event.facts) if event.facts else {},
        entry=event.entry,
        digest=event.digest,
    )


def sign_of(state: str) -> Literal["on", "off", "other"]:
    """Colour and icon of a state on pages."""
    return "on" if state in ("subscribed", "existing_customer") else "other" if state == "pending" else "off"


@cache
def as_indicator(state: str) -> Indicator:
    """How a state stands in the list (FEATURES L2): green only when subscribed; never asked is off, too."""
    sign = sign_of(state)
    return Indicator(state="pending" if sign == "other" else sign, label=STATE_LABELS[state])


def subscribed_share(session: Session) -> TileData | None:
    """The share of contacts that gets advertising, in whole per cent; None without contacts."""
    contacts = session.scalar(select(func.count(Contact.id)).where(Contact.merged_into_id.is_(None))) or 0
    if not contacts:
        return None
    subscribed = session.scalar(
        select(func.count()).where(ConsentState.purpose == "marketing", ConsentState.state == "subscribed")
    )
    return TileData(
        value=f"{100 * (subscribed or 0) // contacts} %",
        kind="text",
        detail="of all contacts get advertising",
    )
