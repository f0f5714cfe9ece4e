"""What the profile and the consent page show of a contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Literal

from attrs import frozen
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import Contact, Indicator, NotFound, TileData
from plugins.consent.changing import PURPOSES
from plugins.consent.models import ConsentEvent, ConsentState

STATE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "": "Never asked",
        "pending": "Confirmation open",
        "subscribed": "Subscribed",
        "unsubscribed": "Unsubscribed",
        "bounced": "Undeliverable",
    }
)
"""State → its name for people, a message id."""

WAY_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "form": "Box ticked on a form",
        "confirm_link": "Confirmed by the link",
        "unsubscribe_link": "Unsubscribed by the link",
        "one_click": "Unsubscribed in the mail program",
        "staff": "Recorded by staff",
        "import": "Imported",
        "bounce": "E-mail came back",
        "suppression": "Had ended before a deletion",
    }
)
"""Way → what is shown of it, a message id."""


@frozen(kw_only=True)
class Entry:
    """One event of the history, as it is shown."""

    id: int
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


@frozen(kw_only=True)
class Consent:
    """One purpose of a contact: its state and its history, newest first."""

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


@frozen(kw_only=True)
class Consents:
    """A contact with its consents, one for each purpose."""

    contact_id: int
    email: str
    name: str
    purposes: Sequence[Consent]


def consents_of(session: Session, contact_id: int) -> Consents:
    """All consents of a contact. Raises NotFound when there is no such contact."""
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
    for purpose, label in PURPOSES.items():
        row = states.get(purpose)
        state = row.state if row else ""
        purposes.append(
            Consent(
                purpose=purpose,
                label=label,
                state=state,
                state_label=STATE_LABELS[state],
                sign="on" if state == "subscribed" else "other" if state == "pending" else "off",
                since=row.since if row else None,
                entries=tuple(_entry(event) for event in events if event.purpose == purpose),
            )
        )
    return Consents(contact_id=contact_id, email=contact.email, name=contact.name, purposes=tuple(purposes))


def _entry(event: ConsentEvent) -> Entry:
    return Entry(
        id=event.id,
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
    )


@cache
def as_indicator(state: str) -> Indicator:
    """How a state stands in the list (FEATURES L2): green only when subscribed; never asked is off, too."""
    sign: Literal["on", "off", "pending"] = (
        "on" if state == "subscribed" else "pending" if state == "pending" else "off"
    )
    return Indicator(state=sign, label=STATE_LABELS[state])


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
