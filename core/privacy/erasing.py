"""Erasing people (FEATURES C8, GDPR Art. 17): the core's own data, and through a duty what every plugin holds.

One transaction holds all of it: either nobody knows the person any more, or nothing has changed. Only what is not in
tables goes afterwards: `core.privacy.remains`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from core.backup import journal
from core.contacts.models import Contact, StoredFile
from core.contacts.search_index import forget_removed
from core.database.after import after_commit
from core.database.upsert import upsert
from core.mailbox.pile import stored_names_of
from core.privacy import quotes, remains
from core.privacy.asking import ask_all
from core.privacy.missing import rows_of_missing_plugins
from core.privacy.models import ErasedContact, ErasureLine, ErasureReceipt, LineKind
from core.values import Actor, Erased, Kept

if TYPE_CHECKING:
    from core.site import Site

BATCH = 500
"""Contacts that the plugins are asked about at a time."""


@frozen(kw_only=True)
class Receipt:
    """What `erase` did: the receipt's id (None when there was nobody to erase), and how many contacts went."""

    id: int | None
    contacts: int


@frozen(kw_only=True)
class Line:
    """A line of a receipt, or of what a receipt would say."""

    plugin: str
    kind: LineKind
    value: Erased | Kept


def erase(
    session: Session, site: Site, contact_ids: Iterable[int], actor: Actor, *, occasion: str | None = None
) -> Receipt:
    """Erase these contacts and those merged into them, in the caller's transaction (`site.begin()`).

    Contacts that are gone by now, or were merged into another meanwhile, are left out. Calls with the same `occasion`
    write one receipt. Raises DutyFailed, naming the plugin: the transaction must then be given up.
    """
    wanted = list(dict.fromkeys(contact_ids))
    receipt_id: int | None = None
    number = 0
    files: list[str] = []
    for start in range(0, len(wanted), BATCH):
        found, people = _hold(session, wanted[start : start + BATCH])
        if not found:
            continue
        quotes.blank(session, people)
        files += session.scalars(select(StoredFile.stored_name).where(StoredFile.contact_id.in_(people)))
        files += stored_names_of(session, people)
        lines = _erase(session, site, people)
        receipt_id = receipt_id or _receipt(session, actor, occasion)
        _write(session, receipt_id, people, len(found), lines)
        number += len(found)
    if receipt_id is not None:
        forget_removed(session.connection())
        after_commit(session, partial(journal.write_down, site))
        after_commit(session, partial(remains.clear, site, receipt_id, files))
    return Receipt(id=receipt_id, contacts=number)


class _Seen(Exception):
    """Carries what would happen out of the transaction that it ends."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines


def preview(site: Site, contact_id: int) -> Sequence[Line]:
    """What erasing this contact would do: it is done, looked at, and rolled back. Raises DutyFailed."""
    try:
        with site.begin() as session:
            _, people = _hold(session, [contact_id])
            raise _Seen(_erase(session, site, people))
    except _Seen as seen:
        return seen.lines


def would_erase(session: Session, site: Site, contact_id: int) -> Sequence[Line]:
    """As `preview`, within the caller's transaction, by a savepoint of it. Raises DutyFailed."""
    savepoint = session.begin_nested()
    try:
        _, people = _hold(session, [contact_id])
        return _erase(session, site, people)
    finally:
        savepoint.rollback()


def _hold(session: Session, contact_ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Those that are there, and with them all that were merged into them, locked until the transaction ends.

    An order for one of their addresses waits, and then makes a new contact.
    """
    # In the order in which a capture locks them: first the address that it finds, then the contact it leads to.
    _lock(session, _merged_into(session, contact_ids))
    found = _lock(session, contact_ids, Contact.merged_into_id.is_(None))
    return found, [*found, *_merged_into(session, found)]


def _lock(session: Session, contact_ids: Sequence[int], *conditions: ColumnElement[bool]) -> list[int]:
    statement = select(Contact.id).where(Contact.id.in_(contact_ids), *conditions)
    return list(session.scalars(statement.order_by(Contact.id).with_for_update())) if contact_ids else []


def _merged_into(session: Session, contact_ids: Sequence[int]) -> list[int]:
    """The contacts that were merged into these, and into those in turn: addresses of the same people (C2)."""
    found: list[int] = []
    wanted: Sequence[int] = contact_ids
    while wanted:
        wanted = list(session.scalars(select(Contact.id).where(Contact.merged_into_id.in_(wanted))))
        found.extend(wanted)
    return sorted(found)


def _erase(session: Session, site: Site, contact_ids: Sequence[int]) -> list[Line]:
    answers = ask_all(session, site, "erase_contacts", (Erased, Kept), contact_ids=contact_ids)
    lines = [
        Line(plugin=plugin, kind="kept" if isinstance(value, Kept) else "erased", value=value)
        for plugin, value in answers
        if value.number
    ]
    lines += [
        Line(plugin=plugin, kind="missing", value=Erased(label=plugin, number=number))
        for plugin, number in rows_of_missing_plugins(session, site, contact_ids).items()
    ]
    # What refers to them goes with them, or lets go of them: no table of a plugin can stand in the way (DESIGN 3).
    session.flush()
    session.execute(delete(Contact).where(Contact.id.in_(contact_ids)))
    session.expire_all()
    return lines


def _receipt(session: Session, actor: Actor, occasion: str | None) -> int:
    values = {"actor_kind": actor.kind, "staff_id": actor.id, "contacts": 0, "occasion": occasion}
    made = session.scalar(upsert(session, ErasureReceipt, values, keys=["occasion"]).returning(ErasureReceipt.id))
    if made is not None:
        return int(made)
    return session.execute(select(ErasureReceipt.id).where(ErasureReceipt.occasion == occasion)).scalar_one()


def _write(session: Session, receipt_id: int, contact_ids: Sequence[int], number: int, lines: Sequence[Line]) -> None:
    session.execute(
        update(ErasureReceipt)
        .where(ErasureReceipt.id == receipt_id)
        .values(contacts=ErasureReceipt.contacts + number, cleared_at=None)
    )
    session.execute(
        upsert(
            session,
            ErasedContact,
            [{"contact_id": one, "receipt_id": receipt_id} for one in contact_ids],
            keys=["contact_id"],
        )
    )
    if lines:
        session.execute(insert(ErasureLine), [_row(receipt_id, line) for line in lines])


def _row(receipt_id: int, line: Line) -> dict[str, object]:
    row: dict[str, object] = {
        "receipt_id": receipt_id,
        "plugin": line.plugin,
        "kind": line.kind,
        "label": line.value.label,
        "number": line.value.number,
        "reason": "",
        "until": None,
        "references": [],
    }
    if isinstance(line.value, Kept):
        row |= {
            "reason": line.value.reason,
            "until": line.value.until,
            "references": list(line.value.references),
        }
    return row
