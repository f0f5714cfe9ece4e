"""Vouchers in bulk: many codes that are worth the same each, and which orders have used them (FEATURES S3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from core import Actor, InvalidInput, Money, NotFound, Site, upsert
from plugins.shop.models import Order, Voucher, VoucherBatch, VoucherUse
from plugins.shop.states import STATE_LABELS, STATE_TONES
from plugins.shop.vouchers import MAX_CODE, VoucherValues, VoucherView, check_code, columns_of, make_code, view_of

MAX_NUMBER = 10_000
"""Codes that are made at once."""

CHUNK = 1000
PAGE = 50
MAX_NAME = 100


@frozen(kw_only=True)
class BatchView:
    """Vouchers that were made together: how many there are still, how many of them were used, and how often in all.

    `kind` is that of all of them, as far as it matters: those with a balance are among themselves.
    """

    id: int
    name: str
    number: int
    active: int
    used: int
    uses: int
    kind: str
    created_at: datetime
    created_by: str

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/dashboard/shop/vouchers/batches/{self.id}"


@frozen(kw_only=True)
class UseView:
    """That an order uses a voucher."""

    code: str
    voucher_id: int
    order_id: int
    number: str
    name: str
    contact_id: int | None
    placed_at: datetime
    discount: Money
    total: Money
    state: str

    @property
    def href(self) -> str:
        """Address of the order."""
        return f"/dashboard/shop/orders/{self.order_id}"

    @property
    def sign(self) -> tuple[str, str, str]:
        """The order's state for people (a message id), and the colour and icon of its badge."""
        return (STATE_LABELS[self.state], *STATE_TONES[self.state])


def add_batch(
    session: Session, site: Site, name: str, number: int, prefix: str, values: VoucherValues, by: Actor
) -> int:
    """Make `number` vouchers with codes that nobody can guess, each beginning with `prefix`; answers the batch's id.

    `values` are those of each of them; its code is not asked. Raises InvalidInput.
    """
    if not name or len(name) > MAX_NAME:
        raise InvalidInput("Enter a name of at most %(max)s characters.", field="name", max=MAX_NAME)
    if not 1 <= number <= MAX_NUMBER:
        raise InvalidInput("Enter a number from 1 to %(max)s.", field="number", max=MAX_NUMBER)
    prefix = f"{check_code(prefix)}-" if prefix else ""
    if len(prefix) + len(make_code()) > MAX_CODE:
        most = MAX_CODE - len(make_code()) - 1
        raise InvalidInput("This is too long: %(max)s characters at most.", field="prefix", max=most)
    batch = VoucherBatch(name=name, number=number, created_by=by.name)
    session.add(batch)
    session.flush()
    missing = number
    while missing:
        codes = [prefix + make_code() for _ in range(min(missing, CHUNK))]
        rows = [
            columns_of(site, evolve(values, code=code)) | {"active": True, "batch_id": batch.id}
            for code in dict.fromkeys(codes)
        ]
        # A code that exists already is left out, and another one is made in its place.
        made = session.execute(upsert(session, Voucher, rows, keys=["code_key"]).returning(Voucher.id))
        missing -= len(made.all())
    return batch.id


_batch = (
    select(
        VoucherBatch.id,
        VoucherBatch.name,
        VoucherBatch.created_at,
        VoucherBatch.created_by,
        func.count(Voucher.id).label("number"),
        func.count(Voucher.id).filter(Voucher.active).label("active"),
        func.count(Voucher.id).filter(Voucher.uses > 0).label("used"),
        func.coalesce(func.sum(Voucher.uses), 0).label("uses"),
        func.coalesce(func.min(Voucher.kind), "").label("kind"),
    )
    .outerjoin(Voucher, Voucher.batch_id == VoucherBatch.id)
    .group_by(VoucherBatch.id, VoucherBatch.name, VoucherBatch.created_at, VoucherBatch.created_by)
    .order_by(VoucherBatch.id.desc())
)


def list_batches(session: Session, limit: int = 100) -> Sequence[BatchView]:
    """The batches, the newest first."""
    return [BatchView(**row._mapping) for row in session.execute(_batch.limit(limit))]


def read_batch(session: Session, batch_id: int) -> BatchView:
    """One batch. Raises NotFound."""
    row = session.execute(_batch.where(VoucherBatch.id == batch_id)).one_or_none() if 0 < batch_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such batch of vouchers.")
    return BatchView(**row._mapping)


def switch_batch(session: Session, batch_id: int, *, active: bool) -> BatchView:
    """Let all vouchers of a batch be used, or none any longer. Raises NotFound."""
    read_batch(session, batch_id)
    session.execute(
        update(Voucher)
        .where(Voucher.batch_id == batch_id)
        .values(active=active)
        .execution_options(synchronize_session=False)
    )
    return read_batch(session, batch_id)


def delete_unused(session: Session, batch_id: int) -> tuple[str, int]:
    """Remove a batch's vouchers that nobody has used, and the batch with its last one; answers its name and how many.

    Raises NotFound.
    """
    name = read_batch(session, batch_id).name
    gone = session.scalars(
        delete(Voucher)
        .where(Voucher.batch_id == batch_id, Voucher.uses == 0)
        .returning(Voucher.id)
        .execution_options(synchronize_session=False)
    ).all()
    if session.scalar(select(Voucher.id).where(Voucher.batch_id == batch_id).limit(1)) is None:
        session.execute(delete(VoucherBatch).where(VoucherBatch.id == batch_id))
    return name, len(gone)


@frozen(kw_only=True)
class VoucherPage:
    """A page of vouchers, the newest first; `older` is the id from which the next one goes on."""

    vouchers: Sequence[VoucherView]
    older: int | None


def list_vouchers(
    session: Session, site: Site, *, key: str = "", batch_id: int | None = None, before: int = 0
) -> VoucherPage:
    """Vouchers of a batch; or whose code begins with `key`; else those that were made one by one."""
    statement = select(Voucher).order_by(Voucher.id.desc()).limit(PAGE + 1)
    if batch_id is not None:
        statement = statement.where(Voucher.batch_id == batch_id)
    elif not key:
        statement = statement.where(Voucher.batch_id.is_(None))
    if key:
        statement = statement.where(Voucher.code_key.startswith(key, autoescape=True))
    if before:
        statement = statement.where(Voucher.id < before)
    found = session.scalars(statement).all()
    return VoucherPage(
        vouchers=[view_of(site, one) for one in found[:PAGE]], older=found[PAGE - 1].id if len(found) > PAGE else None
    )


def codes_of(site: Site, batch_id: int) -> Iterator[VoucherView]:
    """All vouchers of a batch, in the order in which they were made."""
    last = 0
    while True:
        with site.session() as session:
            statement = select(Voucher).where(Voucher.batch_id == batch_id, Voucher.id > last)
            found = [view_of(site, one) for one in session.scalars(statement.order_by(Voucher.id).limit(CHUNK))]
        yield from found
        if len(found) < CHUNK:
            return
        last = found[-1].id


# Who has used them


@frozen(kw_only=True)
class UsePage:
    """A page of uses, the newest order first; `older` is the order's id from which the next one goes on."""

    uses: Sequence[UseView]
    older: int | None


def _uses(voucher_id: int | None, batch_id: int | None) -> list[ColumnElement[bool]]:
    return [Voucher.batch_id == batch_id] if voucher_id is None else [VoucherUse.voucher_id == voucher_id]


def list_uses(
    session: Session, *, voucher_id: int | None = None, batch_id: int | None = None, before: int = 0, limit: int = PAGE
) -> UsePage:
    """The orders that use a voucher, or one of a batch. What was cancelled has given its use back."""
    statement = (
        select(Order, Voucher.code, Voucher.id)
        .join(VoucherUse, VoucherUse.order_id == Order.id)
        .join(Voucher, Voucher.id == VoucherUse.voucher_id)
        .where(*_uses(voucher_id, batch_id))
        .order_by(Order.id.desc())
        .limit(limit + 1)
    )
    if before:
        statement = statement.where(Order.id < before)
    rows = session.execute(statement).all()
    uses = [
        UseView(
            code=code,
            voucher_id=number,
            order_id=order.id,
            number=order.number,
            name=order.name or order.email,
            contact_id=order.contact_id,
            placed_at=order.placed_at,
            discount=Money(minor=order.discount, currency=order.currency),
            total=Money(minor=order.total, currency=order.currency),
            state=order.state,
        )
        for order, code, number in rows[:limit]
    ]
    return UsePage(uses=uses, older=uses[-1].order_id if len(rows) > limit else None)


def sum_uses(
    session: Session, *, voucher_id: int | None = None, batch_id: int | None = None
) -> tuple[int, Sequence[Money], Sequence[Money]]:
    """How many orders use them, what was taken off in all, and what those orders came to; one amount a currency."""
    rows = session.execute(
        select(Order.currency, func.count(), func.sum(Order.discount), func.sum(Order.total - Order.refunded))
        .join(VoucherUse, VoucherUse.order_id == Order.id)
        .join(Voucher, Voucher.id == VoucherUse.voucher_id)
        .where(*_uses(voucher_id, batch_id))
        .group_by(Order.currency)
        .order_by(Order.currency)
    ).all()
    return (
        sum(row[1] for row in rows),
        [Money(minor=int(row[2]), currency=row[0]) for row in rows],
        [Money(minor=int(row[3]), currency=row[0]) for row in rows],
    )


def all_uses(site: Site, *, voucher_id: int | None = None, batch_id: int | None = None) -> Iterator[UseView]:
    """All uses, the newest first."""
    before = 0
    while True:
        with site.session() as session:
            page = list_uses(session, voucher_id=voucher_id, batch_id=batch_id, before=before, limit=CHUNK)
        yield from page.uses
        if page.older is None:
            return
        before = page.older
