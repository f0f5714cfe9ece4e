"""The chain of all evidence: who takes an entry out, adds one in between or changes a byte breaks it visibly.

An event carries its own digest from the moment it is written. The worker puts it into the chain within seconds: in a
transaction of its own, so that nobody who fills in a form waits for anybody else. What an erasure takes along is said
in an entry too; the digests stay, and nothing can be read from them.

A chain that somebody made anew as a whole would fit. Whoever wants to be sure keeps the last hash elsewhere: it is on
every proof.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from core import Check, Contact, Site
from plugins.consent.models import ConsentChain, ConsentEvent
from plugins.consent.recording import FIELDS, digest_of

BATCH = 500
"""Events put into the chain in one transaction."""

EVERY = timedelta(seconds=10)
"""How often the worker looks for events that are not in the chain."""

LATE = timedelta(days=1)
"""How long an event may wait for the worker before the doctor says so."""


DIGEST = re.compile(r"[0-9a-f]{64}")


def seal(session: Session, contact_ids: Sequence[int] | None = None) -> int:
    """Put events into the chain that are not yet in it, or those of some contacts; answers how many.

    Without contacts, at most `BATCH` at a time.
    """
    loose = select(ConsentEvent.id, ConsentEvent.digest).where(ConsentEvent.entry.is_(None)).order_by(ConsentEvent.id)
    loose = loose.limit(BATCH) if contact_ids is None else loose.where(ConsentEvent.contact_id.in_(contact_ids))
    if session.execute(loose.limit(1)).first() is None:
        return 0
    entry, before = _held_head(session)
    # Read again: another worker may have had the chain until now.
    events = session.execute(loose).all()
    moment = datetime.now(UTC)
    rows, places = [], []
    for event in events:
        entry += 1
        # Nothing else than a hash comes into the chain, which outlives the person.
        digest = event.digest if DIGEST.fullmatch(event.digest) else "-"
        before = hash_of(before, entry, moment, digest, "")
        rows.append({"entry": entry, "sealed_at": moment, "digest": digest, "erased": "", "hash": before})
        places.append({"id": event.id, "entry": entry})
    if rows:
        session.execute(insert(ConsentChain), rows)
        session.execute(update(ConsentEvent), places)
    return len(rows)


def seal_all(site: Site) -> None:
    """Put everything into the chain that is not yet in it: the worker's job."""
    while True:
        with site.session() as session:
            if session.scalar(select(ConsentEvent.id).where(ConsentEvent.entry.is_(None)).limit(1)) is None:
                return
        with site.begin() as session:
            if seal(session) < BATCH:
                return


def note_erasure(session: Session, contact_ids: Sequence[int]) -> None:
    """Say in the chain which entries' events go because their people are erased, in the erasure's transaction."""
    seal(session, contact_ids)
    gone = session.scalars(
        select(ConsentEvent.entry).where(ConsentEvent.contact_id.in_(contact_ids)).order_by(ConsentEvent.entry)
    ).all()
    if not gone:
        return
    last, before = _held_head(session)
    entry, moment, erased = last + 1, datetime.now(UTC), _spans(one for one in gone if one is not None)
    session.add(
        ConsentChain(
            entry=entry, sealed_at=moment, digest="", erased=erased, hash=hash_of(before, entry, moment, "", erased)
        )
    )
    session.flush()


def hash_of(before: str, entry: int, sealed_at: datetime, digest: str, erased: str) -> str:
    """The hash of an entry, which covers that of the entry before; empty before the first."""
    said = "\n".join((before, str(entry), sealed_at.astimezone(UTC).isoformat(), digest, erased))
    return hashlib.sha256(said.encode()).hexdigest()


def last_entry(session: Session) -> tuple[int, str]:
    """Number and hash of the newest entry; 0 and nothing without any."""
    row = session.execute(select(ConsentChain.entry, ConsentChain.hash).order_by(ConsentChain.entry.desc())).first()
    return (row.entry, row.hash) if row else (0, "")


def checks() -> list[Check]:
    """The chain, for `tresen doctor`. There is nothing to mend: what was changed is proof no more."""
    return [Check(key="consent.evidence", label="Evidence of consents", find=broken, order=300)]


def broken(session: Session, site: Site) -> Sequence[str]:
    """What does not fit in the chain and its events, each by the number of its entry."""
    return [*_broken_entries(session), *_broken_rest(session), *_misfiled(session)]


def _broken_entries(session: Session) -> Iterator[str]:
    event_columns = [getattr(ConsentEvent, name) for name in FIELDS]
    rows = session.execute(
        select(
            ConsentChain.entry.label("place"),
            ConsentChain.sealed_at,
            ConsentChain.digest.label("sealed"),
            ConsentChain.erased,
            ConsentChain.hash,
            ConsentEvent.id.label("event_id"),
            ConsentEvent.contact_id,
            ConsentEvent.salt,
            ConsentEvent.digest,
            *event_columns,
        )
        .outerjoin(ConsentEvent, ConsentEvent.entry == ConsentChain.entry)
        .order_by(ConsentChain.entry),
        execution_options={"yield_per": 1000},
    )
    expected, before = 1, ""
    gone: set[int] = set()
    for row in rows:
        if row.place != expected:
            yield f"Entry {expected}{f' to {row.place - 1}' if row.place - 1 > expected else ''} is missing."
        elif hash_of(before, row.place, row.sealed_at, row.sealed, row.erased) != row.hash:
            yield f"Entry {row.place} of the chain was changed, or the one before it."
        expected, before = row.place + 1, row.hash
        if row.erased:
            gone.difference_update(_numbers(row.erased))
        elif row.event_id is None:
            gone.add(row.place)
        elif digest_of(row.salt, dict(row._mapping)) != row.sealed or row.digest != row.sealed:
            yield (
                f"Entry {row.place} was changed: event {row.event_id} of contact {row.contact_id}, {row.purpose}, "
                f"{row.occurred_at:%Y-%m-%d %H:%M:%S} UTC."
            )
    for place in sorted(gone):
        yield f"Entry {place}: its event is gone, and nobody was erased."


def _broken_rest(session: Session) -> Iterator[str]:
    """Events outside of the chain: those that wait for the worker, and those whose entry is gone."""
    late = datetime.now(UTC) - LATE
    waiting = 0
    statement = (
        select(ConsentEvent)
        .outerjoin(ConsentChain, ConsentChain.entry == ConsentEvent.entry)
        .where(ConsentChain.entry.is_(None))
        .order_by(ConsentEvent.id)
    )
    for event in session.scalars(statement):
        if event.entry is not None:
            yield f"Entry {event.entry} is missing, and event {event.id} of contact {event.contact_id} says it has it."
        elif digest_of(event.salt, {name: getattr(event, name) for name in FIELDS}) != event.digest:
            yield f"Event {event.id} of contact {event.contact_id} was changed before it came into the chain."
        elif event.recorded_at < late:
            waiting += 1
    if waiting:
        yield f"{waiting} events wait to come into the chain: is the worker running?"


def _misfiled(session: Session) -> Iterator[str]:
    """Events at another contact than the one that they were recorded for, unless that one was merged into it."""
    moved = session.execute(
        select(ConsentEvent.id, ConsentEvent.entry, ConsentEvent.recorded_for, ConsentEvent.contact_id).where(
            ConsentEvent.recorded_for != ConsentEvent.contact_id
        )
    ).all()
    if not moved:
        return
    aliases = select(Contact.id, Contact.merged_into_id).where(Contact.merged_into_id.is_not(None))
    into = {row.id: row.merged_into_id for row in session.execute(aliases)}
    for event in moved:
        place, passed = event.recorded_for, set[int]()
        while place != event.contact_id and place not in passed:
            passed.add(place)
            place = into.get(place) or place
        if place != event.contact_id:
            yield (
                f"Entry {event.entry or '(new)'}: event {event.id} was recorded for contact {event.recorded_for} and "
                f"stands at contact {event.contact_id}."
            )


def _held_head(session: Session) -> tuple[int, str]:
    """The newest entry, and nobody else adds one until the transaction ends."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("LOCK TABLE consent_chain IN SHARE ROW EXCLUSIVE MODE"))
    return last_entry(session)


def _spans(numbers: Iterable[int]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)


def _numbers(spans: str) -> Iterator[int]:
    for span in spans.split(","):
        first, _, last = span.partition("-")
        if first.isdigit() and (last or first).isdigit():
            yield from range(int(first), int(last or first) + 1)
