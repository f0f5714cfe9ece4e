"""Vouchers („Gutscheine“): what they take off an order, and who may use them how often (FEATURES S3)."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from core import Conflict, InvalidInput, Money, NotFound, Site, upsert
from plugins.shop.amounts import FULL
from plugins.shop.models import Voucher, VoucherUse, now

MAX_CODE = 40
MAX_LIMIT = 1_000_000
LEAST_CODE = 10
"""Letters and digits that the code of a balance has at least, as many as those that are made here."""

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody takes for one another."""


class VoucherRefused(InvalidInput):
    """A voucher can't be used for this order; the text says why."""

    def __init__(self, message: str, field: str = "voucher", **values: object) -> None:
        super().__init__(message, field=field, **values)


@frozen(kw_only=True)
class VoucherValues:
    """What staff typed for a voucher, checked.

    `value` is basis points of the order for kind "percent" (1000 is 10 %), minor units for "fixed" and for "balance",
    which pays for orders until it is used up, and so has no limits. `starts_on`
    and `ends_on` are days in the site's zone, both included. `minimum` are minor units an order must come to. A limit
    of None is no limit.
    """

    code: str
    kind: str
    value: int
    minimum: int
    starts_on: date | None
    ends_on: date | None
    limit: int | None
    limit_per_customer: int | None


@frozen(kw_only=True)
class VoucherView(VoucherValues):
    """A voucher as staff see it; `state` is one of active, planned, expired, used_up, off, other_currency.

    `left` is what is left of a balance, in minor units.
    """

    id: int
    currency: str
    active: bool
    uses: int
    left: int
    state: str

    @property
    def amount(self) -> Money | None:
        """What it takes off, or what was on it at first; None for a share of the order."""
        return Money(minor=self.value, currency=self.currency) if self.kind != "percent" else None

    @property
    def balance(self) -> Money | None:
        """What is left on it; None for one that takes something off."""
        return Money(minor=self.left, currency=self.currency) if self.kind == "balance" else None

    @property
    def least(self) -> Money | None:
        """What an order must come to."""
        return Money(minor=self.minimum, currency=self.currency) if self.minimum else None

    @property
    def href(self) -> str:
        """Address of its form."""
        return f"/dashboard/shop/vouchers/{self.id}"


@frozen(kw_only=True)
class Discount:
    """What a voucher takes off one order."""

    voucher_id: int
    code: str
    amount: Money
    limit_per_customer: int | None = None


def code_key(code: str) -> str:
    """The form in which two spellings of a code are the same: without spaces and hyphens, casefolded."""
    return re.sub(r"[\s\-]+", "", unicodedata.normalize("NFKC", code)).casefold()


def make_code() -> str:
    """A code that can't be guessed: 50 random bits."""
    letters = [secrets.choice(ALPHABET) for _ in range(10)]
    return f"{''.join(letters[:5])}-{''.join(letters[5:])}"


def check_code(code: str) -> str:
    """A code as it will be shown. Raises InvalidInput."""
    cleaned = " ".join(unicodedata.normalize("NFC", code).split())
    if not code_key(cleaned) or len(cleaned) > MAX_CODE:
        raise InvalidInput("Enter a code of at most %(max)s characters.", field="code", max=MAX_CODE)
    return cleaned


# Using one


def find_discount(session: Session, code: str, goods: Money, at: datetime | None = None) -> Discount:
    """What the voucher with this code takes off goods worth `goods`; nothing is written.

    Raises VoucherRefused for one that does not exist, is off, not valid at this moment, used up, or asks for more.
    """
    voucher = find_voucher(session, code)
    if voucher.kind == "balance":
        # Such as one that was given the code of another, which is still in somebody's cart.
        raise _unknown()
    check_voucher(voucher, goods, at or now())
    if voucher.limit is not None and voucher.uses >= voucher.limit:
        raise _used_up()
    return _discount(voucher, goods)


def claim(session: Session, code: str, goods: Money, at: datetime) -> Discount:
    """Take one use of the voucher for an order, in the order's transaction. Raises VoucherRefused.

    Limit and count are one statement, whose row stays locked until the transaction ends: of two orders for the last
    use the second finds none (THREATS T-B2).
    """
    voucher = find_voucher(session, code)
    check_voucher(voucher, goods, at)
    taken = session.scalar(
        update(Voucher)
        .where(Voucher.id == voucher.id, Voucher.active, or_(Voucher.limit.is_(None), Voucher.uses < Voucher.limit))
        .values(uses=Voucher.uses + 1)
        .returning(Voucher.id)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        raise _used_up()
    return _discount(voucher, goods)


def record_use(session: Session, discount: Discount, order_id: int, contact_id: int) -> None:
    """Write down which order used a claimed voucher. Raises VoucherRefused beyond the limit for one customer."""
    if discount.limit_per_customer is not None:
        # Nobody else counts now: `claim` holds the voucher's row.
        used = session.scalar(
            select(func.count())
            .select_from(VoucherUse)
            .where(VoucherUse.voucher_id == discount.voucher_id, VoucherUse.contact_id == contact_id)
        )
        if (used or 0) >= discount.limit_per_customer:
            raise _used_up()
    session.add(VoucherUse(voucher_id=discount.voucher_id, order_id=order_id, contact_id=contact_id))
    session.flush()


def give_back(session: Session, order_id: int) -> None:
    """Give back the use of what was taken off an order that was cancelled.

    That a balance paid for it stays written down: what of it went back is a movement of its own.
    """
    took_off = select(Voucher.id).where(Voucher.kind != "balance").scalar_subquery()
    voucher_id = session.scalar(
        delete(VoucherUse)
        .where(VoucherUse.order_id == order_id, VoucherUse.voucher_id.in_(took_off))
        .returning(VoucherUse.voucher_id)
    )
    if voucher_id is not None:
        session.execute(
            update(Voucher)
            .where(Voucher.id == voucher_id)
            .values(uses=Voucher.uses - 1)
            .execution_options(synchronize_session=False)
        )


def discount_on(kind: str, value: int, goods: int) -> int:
    """What is taken off `goods` minor units: a share rounded half up, or a fixed amount; never more than there is."""
    amount = (2 * goods * value + FULL) // (2 * FULL) if kind == "percent" else value
    return min(amount, goods)


def find_voucher(session: Session, code: str) -> Voucher:
    """The voucher with this code, as it is now. Raises VoucherRefused for one that does not exist, or is off.

    The same words for both: a stranger learns nothing of which codes there are.
    """
    key = code_key(code)
    statement = select(Voucher).where(Voucher.code_key == key)
    voucher = session.scalar(statement, execution_options={"populate_existing": True}) if key else None
    if voucher is None or not voucher.active:
        raise _unknown()
    return voucher


def _unknown() -> VoucherRefused:
    return VoucherRefused("There is no voucher with this code. Check it for a typing mistake.")


def check_voucher(voucher: Voucher, goods: Money, at: datetime) -> None:
    """Whether a voucher can be used for goods worth `goods` at this moment. Raises VoucherRefused."""
    if voucher.starts_at is not None and at < voucher.starts_at:
        raise VoucherRefused("This voucher is not valid yet.")
    if voucher.ends_at is not None and at >= voucher.ends_at:
        raise VoucherRefused("This voucher has expired.")
    if (voucher.kind != "percent" or voucher.minimum) and voucher.currency != goods.currency:
        raise VoucherRefused("This voucher is in another currency.")
    if goods.minor < voucher.minimum:
        least = Money(minor=voucher.minimum, currency=voucher.currency)
        raise VoucherRefused("This voucher is for orders of %(least)s and more.", least=least)


def _discount(voucher: Voucher, goods: Money) -> Discount:
    return Discount(
        voucher_id=voucher.id,
        code=voucher.code,
        amount=Money(minor=discount_on(voucher.kind, voucher.value, goods.minor), currency=goods.currency),
        limit_per_customer=voucher.limit_per_customer,
    )


def _used_up() -> VoucherRefused:
    # The same words for everybody's limit and for one customer's: a stranger learns nothing of who ordered before.
    return VoucherRefused("This voucher was used as often as it may be.")


# Making them


def get_voucher(session: Session, site: Site, voucher_id: int) -> VoucherView:
    """One voucher. Raises NotFound."""
    return view_of(site, _get(session, voucher_id))


def usable_codes(session: Session, site: Site) -> Sequence[str]:
    """Codes to choose from while staff order on somebody's behalf: the newest that were made one by one.

    None with a balance: that is the money of whoever has the code.
    """
    offered = (Voucher.active, Voucher.batch_id.is_(None), Voucher.kind != "balance")
    statement = select(Voucher).where(*offered).order_by(Voucher.id.desc()).limit(200)
    views = [view_of(site, voucher) for voucher in session.scalars(statement)]
    return [one.code for one in views if one.state == "active"][:50]


def add_voucher(session: Session, site: Site, values: VoucherValues) -> int:
    """Add a voucher, usable at once; answers its id.

    Raises InvalidInput when there is one with this code, or when it stands for money and can be guessed.
    """
    _check_guessing(values)
    row = columns_of(site, values) | {"active": True}
    voucher_id: int | None = session.scalar(upsert(session, Voucher, row, keys=["code_key"]).returning(Voucher.id))
    if voucher_id is None:
        raise _taken()
    return voucher_id


def edit_voucher(session: Session, site: Site, voucher_id: int, values: VoucherValues) -> None:
    """Change a voucher; orders keep what it took off them, and what it paid. Raises NotFound and InvalidInput."""
    voucher = _get(session, voucher_id, lock=True)
    if session.scalar(select(Voucher.id).where(Voucher.code_key == code_key(values.code), Voucher.id != voucher_id)):
        raise _taken()
    columns = columns_of(site, values)
    if (voucher.kind == "balance") != (values.kind == "balance"):
        raise InvalidInput("What has a balance stays a balance, and nothing else becomes one. Add another voucher.")
    if voucher.kind == "balance":
        _check_guessing(values)
        if voucher.uses and values.value != voucher.value:
            raise InvalidInput("Orders were paid with it already, so its amount stays.", field="value")
        # It is somebody's money, in the currency in which it was paid for.
        del columns["currency"]
        if voucher.uses:
            del columns["balance"]
    for name, value in columns.items():
        setattr(voucher, name, value)


def _check_guessing(values: VoucherValues) -> None:
    if values.kind == "balance" and len(code_key(values.code)) < LEAST_CODE:
        raise InvalidInput(
            "Whoever has this code has the money. Take at least %(min)s letters and digits that nobody guesses.",
            field="code",
            min=LEAST_CODE,
        )


def set_voucher_active(session: Session, voucher_id: int, *, active: bool) -> str:
    """Let a voucher be used, or no longer; answers its code. Raises NotFound."""
    voucher = _get(session, voucher_id, lock=True)
    voucher.active = active
    return voucher.code


def delete_voucher(session: Session, voucher_id: int) -> str:
    """Remove a voucher nobody has used; answers its code. Raises NotFound, and Conflict for a used one."""
    voucher = _get(session, voucher_id, lock=True)
    if voucher.uses:
        raise Conflict("Voucher %(code)s was used, so it is kept. Switch it off instead.", code=voucher.code)
    session.delete(voucher)
    return voucher.code


def _get(session: Session, voucher_id: int, *, lock: bool = False) -> Voucher:
    known = 0 < voucher_id < 2**63
    voucher = session.get(Voucher, voucher_id, with_for_update=lock, populate_existing=True) if known else None
    if voucher is None:
        raise NotFound("There is no such voucher.")
    return voucher


def columns_of(site: Site, values: VoucherValues) -> dict[str, object]:
    """The columns of a voucher's row for these values."""
    zone = site.settings.zone
    return {
        "code": values.code,
        "code_key": code_key(values.code),
        "kind": values.kind,
        "value": values.value,
        "currency": site.setting("shop.currency"),
        "minimum": values.minimum,
        "starts_at": _beginning(values.starts_on, zone),
        "ends_at": _beginning(values.ends_on + timedelta(days=1), zone) if values.ends_on else None,
        "limit": values.limit,
        "limit_per_customer": values.limit_per_customer,
        "balance": values.value if values.kind == "balance" else 0,
    }


def _beginning(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=zone) if day is not None else None


def view_of(site: Site, voucher: Voucher) -> VoucherView:
    """A voucher's row as staff see it."""
    zone, moment = site.settings.zone, now()
    if not voucher.active:
        state = "off"
    elif voucher.ends_at is not None and moment >= voucher.ends_at:
        state = "expired"
    elif (voucher.limit is not None and voucher.uses >= voucher.limit) or (
        voucher.kind == "balance" and not voucher.balance
    ):
        state = "used_up"
    elif voucher.starts_at is not None and moment < voucher.starts_at:
        state = "planned"
    elif voucher.currency != site.setting("shop.currency") and (voucher.kind != "percent" or voucher.minimum):
        state = "other_currency"
    else:
        state = "active"
    return VoucherView(
        id=voucher.id,
        code=voucher.code,
        kind=voucher.kind,
        value=voucher.value,
        currency=voucher.currency,
        minimum=voucher.minimum,
        starts_on=voucher.starts_at.astimezone(zone).date() if voucher.starts_at else None,
        ends_on=(voucher.ends_at - timedelta(microseconds=1)).astimezone(zone).date() if voucher.ends_at else None,
        limit=voucher.limit,
        limit_per_customer=voucher.limit_per_customer,
        active=voucher.active,
        uses=voucher.uses,
        left=voucher.balance,
        state=state,
    )


def _taken() -> InvalidInput:
    return InvalidInput("There is a voucher with this code already. Choose another.", field="code")
