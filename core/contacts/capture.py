"""`capture_contact`: the one way in which an order, a visit or an entry becomes a contact (FEATURES C5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.addresses import Address, parse_address
from core.contacts.finding import hold_address
from core.contacts.log import write_entries
from core.contacts.merging.models import ContactMerge
from core.contacts.models import Contact, ContactActivity, ContactModule, ContactSuggestion, now
from core.contacts.tags import add_tags
from core.database.upsert import upsert
from core.errors import CaptureRejected
from core.values import SYSTEM, Activity, Capture, Captured

if TYPE_CHECKING:
    from core.site import Site


def capture_contact(session: Session, site: Site, capture: Capture) -> Captured:
    """Attach what happened to the contact with this address, making the contact when there is none.

    In the caller's transaction (`site.begin()`): asks `screen_capture`, matches by address or alias, brings details up
    to date or keeps them as suggestions while the contact is locked (C5, C6), makes a customer if told to (C4),
    reactivates (C7), records module (C10), tags and activity (C12), and tells the plugins.

    Raises InvalidEmail for something that is no address, and CaptureRejected with a plugin's reason.
    """
    capture = _screened(session, site, capture)
    address = parse_address(capture.email)
    # Asked before a contact is made, and again under its lock: the same event may be on its way in another process.
    if (known := _replay_of(session, capture.idempotency_key)) is not None:
        return Captured(contact_id=known, replayed=True)
    contact, created = match_or_create(session, address, capture)
    held_late = not created and not site.database.is_sqlite  # SQLite has one writer: nothing has changed since.
    if held_late and (known := _replay_of(session, capture.idempotency_key)) is not None:
        return Captured(contact_id=known, replayed=True)

    before = contact.stage
    # Replayed history is no sign of life: only what happened since reactivates (C7).
    reactivated = contact.inactive_at is not None and capture.occurred_at >= contact.inactive_at
    if reactivated:
        contact.inactive_at = None
    if capture.makes_customer:
        if before == "customer" and not created:
            _earn_stage_again(session, contact.id)
        contact.stage = "customer"
    changed, suggested = _take_details(session, contact, capture, created)
    contact.updated_at = now()
    if changed or created:
        contact.version += 0 if created else 1
        rules.refresh_search_text(contact)
    session.flush()
    _touch_module(session, contact.id, capture)
    tags = add_tags(session, contact.id, capture.tags)

    entries = [(capture.activity, capture.actor, capture.occurred_at)]
    if reactivated:
        entries.append((Activity(kind="contact.reactivated"), SYSTEM, now()))
    if before != contact.stage and not created:
        became = Activity(kind="contact.became_customer", reference=capture.activity.reference)
        entries.append((became, SYSTEM, capture.occurred_at))
    entries += [(activity, SYSTEM, at) for activity, at in capture.history]
    write_entries(session, contact.id, entries, idempotency_key=capture.idempotency_key)

    captured = Captured(
        contact_id=contact.id,
        created=created,
        became_customer=contact.stage == "customer" and (created or before == "lead"),
        reactivated=reactivated,
        changed=frozenset(changed),
        suggested=frozenset(suggested),
    )
    if created:
        site.tell(session, "contact_created", contact_id=contact.id)
    elif changed or tags:
        site.tell(
            session,
            "contact_updated",
            contact_id=contact.id,
            changed=frozenset(changed | ({"tags"} if tags else set())),
        )
    if before != contact.stage and not created:
        site.tell(session, "stage_changed", contact_id=contact.id, before=before, after=contact.stage)
    site.tell(session, "contact_captured", capture=capture, captured=captured)
    return captured


def _screened(session: Session, site: Site, capture: Capture) -> Capture:
    """What the plugins' `screen_capture` make of it; each sees what the ones before made."""
    for implementation in site.plugins.implementations("screen_capture", site.enabled):
        screening = site.ask_one(session, implementation, capture=capture)
        if screening is None:
            continue
        if screening.verdict == "reject":
            raise CaptureRejected(screening.reason)
        capture = screening.capture
    return capture


def match_or_create(session: Session, address: Address, capture: Capture) -> tuple[Contact, bool]:
    """The contact with this address or alias, locked for this transaction, and whether it was made just now.

    Two transactions that see a new address at once both insert; the unique key lets one through, and the other waits
    for it and then finds its contact (C1).
    """
    while True:
        inserted = session.execute(
            upsert(
                session,
                Contact,
                {
                    "email": address.email,
                    "email_key": address.key,
                    "joined_at": capture.occurred_at,
                    "stage": "customer" if capture.makes_customer else "lead",
                },
                keys=["email_key"],
            ).returning(Contact.id)
        ).scalar()
        # Held: two captures of one contact would otherwise overwrite each other's details on PostgreSQL. None when
        # it was erased just now.
        if (contact := hold_address(session, address.key)) is not None:
            break
    return contact, inserted is not None


def _replay_of(session: Session, key: str | None) -> int | None:
    """The contact to which the event with this idempotency key was attached before."""
    if key is None:
        return None
    return session.scalar(select(ContactActivity.contact_id).where(ContactActivity.idempotency_key == key))


def _take_details(session: Session, contact: Contact, capture: Capture, created: bool) -> tuple[set[str], set[str]]:
    """Bring details up to date, group by group; answers the names of changed details and of suggested groups."""
    changed: set[str] = set()
    suggested: set[str] = set()
    settled: list[str] = []
    when = capture.occurred_at.astimezone(UTC)
    for group in rules.GROUPS:
        if not rules.says(capture.details, group) or rules.adds_nothing(contact, capture.details, group):
            continue
        origin = rules.origin_of(contact, group)
        if origin is not None and when < origin.since:
            # Replayed history: what is stored is newer (C5).
            continue
        values = rules.values_of(capture.details, group)
        if contact.locked_at is not None:
            if rules.same(contact, capture.details, group):
                settled.append(group)
            elif keep_suggestion(session, contact.id, group, values, capture.activity, capture.occurred_at):
                suggested.add(group)
            continue
        before = rules.values_of(contact, group)
        rules.write_group(
            contact,
            # Said again in another spelling of the same: the stored one stays, its origin is confirmed.
            before if rules.same(contact, capture.details, group) else values,
            group,
            rules.Origin(
                kind=capture.activity.kind,
                since=when,
                reference=capture.activity.reference,
                href=capture.activity.href,
            ),
        )
        changed |= {name for name, value in rules.values_of(contact, group).items() if value != before[name]}
        # A suggestion kept while the contact was locked: what is written now is newer.
        settled.append(group)
    if settled and not created:
        _drop_suggestions(session, contact.id, settled, capture.occurred_at)
    return changed, suggested


def keep_suggestion(
    session: Session, contact_id: int, group: str, values: dict[str, str], activity: Activity, occurred_at: datetime
) -> bool:
    """Keep what the lock held back, unless a newer suggestion stands there; answers whether it was kept."""
    row = {
        "details": values,
        "source_kind": activity.kind,
        "reference": activity.reference,
        "href": activity.href,
        "occurred_at": occurred_at,
    }
    kept = session.execute(
        upsert(
            session,
            ContactSuggestion,
            {"contact_id": contact_id, "group": group, **row},
            keys=["contact_id", "group"],
            update=row,
            where=ContactSuggestion.occurred_at <= occurred_at,
        ).returning(ContactSuggestion.id)
    ).first()
    return kept is not None


def _drop_suggestions(session: Session, contact_id: int, groups: Sequence[str], until: datetime) -> None:
    """Forget suggestions for these groups that are not newer than a statement that now stands."""
    # The contact's own changes can wait for the others that follow.
    with session.no_autoflush:
        session.execute(
            delete(ContactSuggestion).where(
                ContactSuggestion.contact_id == contact_id,
                ContactSuggestion.group.in_(groups),
                ContactSuggestion.occurred_at <= until,
            )
        )


def _earn_stage_again(session: Session, contact_id: int) -> None:
    """Note with merges that made a customer of this contact: undone, it now stays one (C4)."""
    session.execute(
        update(ContactMerge)
        .where(ContactMerge.kept_id == contact_id, ContactMerge.customer_since.is_(False))
        .values(customer_since=True)
        .execution_options(synchronize_session=False)
    )


def _touch_module(session: Session, contact_id: int, capture: Capture) -> None:
    when = capture.occurred_at
    row = {"contact_id": contact_id, "module": capture.module, "first_at": when, "last_at": when}
    session.execute(
        upsert(
            session,
            ContactModule,
            row,
            keys=["contact_id", "module"],
            update={
                "first_at": case((ContactModule.first_at > when, when), else_=ContactModule.first_at),
                "last_at": case((ContactModule.last_at < when, when), else_=ContactModule.last_at),
            },
        )
    )
