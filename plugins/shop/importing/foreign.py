"""An order of another shop as its file says it, before it becomes one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from attrs import frozen

from core import Details, InvalidInput, currency_digits

NO_RATE = -1
"""The tax rate of a line for which the file does not say one."""


@frozen(kw_only=True)
class ForeignLine:
    """What was sold: so many pieces for `gross` minor units in all, the tax in it.

    `rate` is basis points, or `NO_RATE`; `taxed` says whether there is tax in it at all. `back` are pieces that were
    taken back.
    """

    name: str
    quantity: int
    gross: int
    rate: int = NO_RATE
    taxed: bool = True
    sku: str = ""
    back: int = 0


@frozen(kw_only=True)
class ForeignOrder:
    """An order of a file. Amounts are minor units of `currency`; `reference` is its number there, `line` its first row.

    `total` is what was to be paid, `tax` the tax in it, `taxes` by rate as far as the file says that; `refunded` is
    what was given back.
    """

    line: int
    reference: str
    email: str
    details: Details
    placed_at: datetime
    currency: str
    lines: Sequence[ForeignLine]
    total: int
    tax: int
    taxes: Mapping[int, int]
    refunded: int = 0
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    delivery: Details | None = None
    voucher: str = ""
    note: str = ""


class Skipped(Exception):
    """Something in a file that is no order, such as a draft: it is counted, and no mistake."""


def minor(text: str, currency: str, times: int = 1) -> int:
    """An amount as files write it ("1,234.50", "12,5", "€ 3"), so many times, in minor units. Raises InvalidInput.

    What stands after the last point or comma are decimals: no program groups thousands without writing them.
    """
    digits = re.sub(r"[^\d.,\-]", "", text)
    if not digits:
        return 0
    cut = max(digits.rfind("."), digits.rfind(","))
    whole, decimals = (digits[:cut], digits[cut + 1 :]) if cut >= 0 else (digits, "")
    try:
        number = Decimal(f"{re.sub(r'[.,]', '', whole) or '0'}.{decimals or '0'}")
    except InvalidOperation as error:
        raise InvalidInput("“%(text)s” is no amount.", text=text[:40]) from error
    places = currency_digits(currency)
    return int((number * times * 10**places).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def count(text: str) -> int:
    """A number of pieces. Raises InvalidInput for what is none, such as half a piece."""
    found = re.fullmatch(r"\s*-?(\d{1,6})(?:[.,]0+)?\s*", text)
    if found is None:
        raise InvalidInput("“%(text)s” is no number of pieces.", text=text[:40])
    return int(found[1])
