"""How long a tick waits for its confirmation, and what is done when that time has passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import SYSTEM, InvalidInput, SettingsField, Site, erase_bare
from plugins.consent.changing import ConsentRefused, Evidence, change_consent, newest_event
from plugins.consent.models import ConsentMailing, ConsentState

DAYS = "consent.pending_days"
DEFAULT_DAYS = 14
MAX_DAYS = 90

EVERY = timedelta(hours=1)
"""How often it is looked for ticks whose time has passed."""

BATCH = 100

KEPT = timedelta(days=31)
"""How long it is known that a confirmation mail went to an address, to count them."""


def settings_field() -> SettingsField:
    """The setting."""
    return SettingsField(
        key=DAYS,
        label="Days to confirm a consent",
        default=str(DEFAULT_DAYS),
        hint="A tick on a form that is not confirmed by the link in the e-mail by then is void. A contact of whom "
        "nothing but the address is known is then deleted.",
        clean=clean_days,
        order=100,
    )


def clean_days(text: str) -> str:
    """A number of days. Raises InvalidInput."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_DAYS):
        raise InvalidInput("Enter a number of days from 1 to %(max)s.", max=MAX_DAYS)
    return str(int(text))


def pending_time(site: Site) -> timedelta:
    """How long a tick waits for its confirmation."""
    return timedelta(days=int(site.setting(DAYS)))


def expire(site: Site) -> None:
    """End what was not confirmed in time: the worker's job.

    Of a person of whom nothing else is known the address goes, too: nobody has agreed to its being kept.
    """
    latest = datetime.now(UTC) - pending_time(site)
    late = (
        select(ConsentState.contact_id, ConsentState.purpose)
        .where(ConsentState.state == "pending", ConsentState.since < latest)
        .order_by(ConsentState.contact_id, ConsentState.purpose)
    )
    after = 0
    while True:
        with site.session() as session:
            people = session.execute(late.where(ConsentState.contact_id > after).limit(BATCH)).all()
        for contact_id, purpose in people:
            with site.begin() as session:
                _expire_one(session, site, contact_id, purpose, latest)
        if len(people) < BATCH:
            break
        # Both purposes of one contact may fall apart here; the second then comes in an hour.
        after = people[-1].contact_id
    with site.begin() as session:
        session.execute(delete(ConsentMailing).where(ConsentMailing.queued_at < datetime.now(UTC) - KEPT))


def _expire_one(session: Session, site: Site, contact_id: int, purpose: str, latest: datetime) -> None:
    row = session.get(ConsentState, (contact_id, purpose))
    if row is None or row.state != "pending" or newest_event(session, contact_id, purpose).recorded_at >= latest:
        # Asked again since, or told of only now: the time begins with the newest mail.
        return
    evidence = Evidence(way="expiry", actor=SYSTEM, occurred_at=datetime.now(UTC))
    try:
        change_consent(session, contact_id=contact_id, purpose=purpose, to="expired", evidence=evidence)
    except ConsentRefused:
        # Confirmed or withdrawn in this moment.
        return
    session.expire_all()
    others = session.scalars(select(ConsentState.state).where(ConsentState.contact_id == contact_id)).all()
    if set(others) <= {"expired"}:
        erase_bare(session, site, contact_id, besides="consent")
