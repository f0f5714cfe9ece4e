"""Reading receipts (FEATURES C8): what an erasing removed and what stays, plugin by plugin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from attrs import evolve, frozen
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.contacts.finding import check_id
from core.errors import NotFound
from core.privacy.erasing import Line
from core.privacy.models import ErasureLine, ErasureReceipt, LineKind
from core.staff.models import StaffAccount
from core.values import Kept

PAGE = 50


@frozen(kw_only=True)
class Entry:
    """Lines that say the same, added up over the batches of a receipt; `references` in their order."""

    plugin: str
    kind: LineKind
    label: str
    number: int
    reason: str = ""
    until: date | None = None
    references: tuple[str, ...] = ()


@frozen(kw_only=True)
class ReceiptHead:
    """A receipt in the list. `by` is the account's name as it is now, `staff_id` its number."""

    id: int
    erased_at: datetime
    contacts: int
    staff_id: int | None
    by: str
    cleared_at: datetime | None


@frozen(kw_only=True)
class FullReceipt:
    """A receipt with its entries."""

    head: ReceiptHead
    entries: Sequence[Entry]


def read_receipts(session: Session, *, before: int | None = None) -> tuple[Sequence[ReceiptHead], int | None]:
    """A page of receipts, the newest first, and the id before which the next page begins."""
    statement = _heads().order_by(ErasureReceipt.id.desc()).limit(PAGE + 1)
    if before is not None:
        statement = statement.where(ErasureReceipt.id < before)
    heads = [_head(row[0], row[1], row[2]) for row in session.execute(statement)]
    return heads[:PAGE], heads[PAGE - 1].id if len(heads) > PAGE else None


def read_receipt(session: Session, receipt_id: int) -> FullReceipt:
    """One receipt. Raises NotFound."""
    check_id(receipt_id)
    row = session.execute(_heads().where(ErasureReceipt.id == receipt_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such receipt.")
    lines = session.scalars(select(ErasureLine).where(ErasureLine.receipt_id == receipt_id).order_by(ErasureLine.id))
    return FullReceipt(
        head=_head(row[0], row[1], row[2]),
        entries=_added_up(
            Entry(
                plugin=line.plugin,
                kind=line.kind,
                label=line.label,
                number=line.number,
                reason=line.reason,
                until=line.until,
                references=tuple(str(one) for one in line.references),
            )
            for line in lines
        ),
    )


def entries_of(lines: Iterable[Line]) -> Sequence[Entry]:
    """What a receipt would say of these lines."""
    return _added_up(
        Entry(
            plugin=line.plugin,
            kind=line.kind,
            label=line.value.label,
            number=line.value.number,
            reason=line.value.reason if isinstance(line.value, Kept) else "",
            until=line.value.until if isinstance(line.value, Kept) else None,
            references=line.value.references if isinstance(line.value, Kept) else (),
        )
        for line in lines
    )


def _heads() -> Select[ErasureReceipt, str | None, str | None]:
    join = StaffAccount.id == ErasureReceipt.staff_id
    return select(ErasureReceipt, StaffAccount.name, StaffAccount.email).outerjoin(StaffAccount, join)


def _head(receipt: ErasureReceipt, name: str | None, email: str | None) -> ReceiptHead:
    return ReceiptHead(
        id=receipt.id,
        erased_at=receipt.erased_at,
        contacts=receipt.contacts,
        staff_id=receipt.staff_id,
        by=name or email or "",
        cleared_at=receipt.cleared_at,
    )


def _added_up(entries: Iterable[Entry]) -> Sequence[Entry]:
    found: dict[tuple[object, ...], Entry] = {}
    for one in entries:
        key = (one.plugin, one.kind, one.label, one.reason, one.until)
        before = found.get(key)
        found[key] = (
            one
            if before is None
            else evolve(one, number=before.number + one.number, references=(*before.references, *one.references))
        )
    return list(found.values())
