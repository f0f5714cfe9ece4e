"""Reckoning: sums and the tax in them, and amounts as people type them.

Prices include the tax. A line costs unit price times quantity, an order the sum of its lines: both exact. The
tax in it is worked out once for each rate, from the sum of that rate's lines, `gross * rate / (100 % +
rate)`, rounded half up to the minor unit. So net and tax always add up to the total, in currencies without
decimals (JPY) and with three (KWD) alike. What a voucher takes off is taken off the rates in proportion first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen, validators

from core import InvalidInput, Money, currency_digits

MAX_PRICE = 10_000_000_000
"""Minor units. With `MAX_QUANTITY` and `MAX_LINES`, a total stays far below the 64 bits of its column."""

MAX_QUANTITY = 999
MAX_LINES = 100
MAX_STOCK = 1_000_000

FULL = 10_000
"""100 % in basis points."""


@frozen(kw_only=True)
class PricedLine:
    """One line to be reckoned: `unit_price` in minor units with the tax in it, `tax_rate` in basis points."""

    name: str
    unit_price: int = field(validator=[validators.instance_of(int), validators.ge(0)])
    tax_rate: int = field(validator=[validators.instance_of(int), validators.ge(0)])
    quantity: int = field(validator=[validators.instance_of(int), validators.ge(1)])
    currency: str
    product_id: int | None = None
    variant_id: int | None = None
    from_stock: bool = False

    @property
    def sum(self) -> Money:
        """What the line costs."""
        return Money(minor=self.unit_price * self.quantity, currency=self.currency)

    @property
    def price(self) -> Money:
        """What one costs."""
        return Money(minor=self.unit_price, currency=self.currency)


@frozen(kw_only=True)
class TaxPart:
    """The tax of one rate: `gross` is what its lines cost, `tax` what of that is tax; both in minor units."""

    rate: int
    gross: int
    tax: int


def tax_moneys(taxes: Iterable[TaxPart], currency: str) -> list[Money]:
    """The taxes as amounts that can be shown."""
    return [Money(minor=part.tax, currency=currency) for part in taxes]


def total_of(lines: Sequence[PricedLine], currency: str) -> Money:
    """The sum of the lines. Raises ValueError when one is in another currency."""
    total = Money(minor=0, currency=currency)
    for line in lines:
        total = total + line.sum
    return total


def taxes_of(lines: Iterable[PricedLine], discount: int = 0) -> tuple[TaxPart, ...]:
    """The tax in the lines' sum less `discount` minor units, one part a rate, the lowest first.

    A discount is taken off each rate in proportion (German UStG § 17, Abschn. 10.3 UStAE), to the minor unit.
    """
    gross: dict[int, int] = {}
    for line in lines:
        gross[line.tax_rate] = gross.get(line.tax_rate, 0) + line.sum.minor
    for rate, share in spread(discount, gross).items():
        gross[rate] -= share
    return tuple(TaxPart(rate=rate, gross=gross[rate], tax=tax_in(gross[rate], rate)) for rate in sorted(gross))


def discounts_of(lines: Sequence[PricedLine], discount: int) -> list[int]:
    """What of a discount falls on each line: over the rates first, as `taxes_of` has it, then over a rate's lines."""
    gross: dict[int, dict[int, int]] = {}
    for place, line in enumerate(lines):
        gross.setdefault(line.tax_rate, {})[place] = line.sum.minor
    shares = [0] * len(lines)
    for rate, off in spread(discount, {rate: sum(of_rate.values()) for rate, of_rate in gross.items()}).items():
        for place, share in spread(off, gross[rate]).items():
            shares[place] = share
    return shares


def part_of(rest: int, pieces: int, left: int) -> int:
    """What `pieces` of the `left` ones cost that together cost `rest` minor units, rounded half up; all of them: all.

    Taken piece by piece or at once, the parts add up to the rest.
    """
    return (2 * rest * pieces + left) // (2 * left)


def spread(amount: int, weights: Mapping[int, int]) -> dict[int, int]:
    """Split `amount` in proportion to the weights, so that the parts add up to it: the largest remainders round up.

    No part is more than its weight as long as `amount` is not more than their sum.
    """
    whole = sum(weights.values())
    if not amount or not whole:
        return {}
    parts = {key: amount * weight // whole for key, weight in weights.items()}
    missing = amount - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount * weights[key] % whole), key))
    for key in by_remainder[:missing]:
        parts[key] += 1
    return parts


def tax_in(gross: int, rate: int) -> int:
    """The tax contained in `gross` at `rate` basis points, rounded half up to a minor unit."""
    whole = FULL + rate
    return (2 * gross * rate + whole) // (2 * whole)


def parse_decimal(text: str, digits: int, *, name: str, maximum: int) -> int:
    """What a person typed ("12,50", "12.5", "12") as a whole number of its last `digits` decimals. Raises
    InvalidInput.

    Comma and point both mark the decimals and nothing groups the thousands: "1.250" would be 1250 to one
    person and 1.25 to the next, and is refused where the currency has two decimals.
    """
    match = re.fullmatch(r"([0-9]{1,12})(?:[.,]([0-9]{1,6}))?", text.strip().replace("\u00a0", ""))
    if match is None:
        raise InvalidInput("Enter a number such as %(example)s.", field=name, example=_example(digits))
    decimals = match[2] or ""
    if len(decimals) > digits:
        raise InvalidInput(
            "Enter at most %(digits)s digits after the comma, and nothing between thousands.",
            field=name,
            digits=digits,
        )
    number: int = int(match[1]) * 10**digits + int(decimals.ljust(digits, "0") or "0")
    if number > maximum:
        raise InvalidInput("This is too much.", field=name)
    return number


def _example(digits: int) -> str:
    return "12" + ("," + "50".ljust(digits, "0")[:digits] if digits else "")


def parse_price(text: str, currency: str, *, name: str = "price") -> int:
    """A price in minor units of `currency`. Raises InvalidInput."""
    return parse_decimal(text, currency_digits(currency), name=name, maximum=MAX_PRICE)


def parse_rate(text: str, *, name: str = "tax_rate") -> int:
    """A tax rate in percent ("19", "8,1") in basis points. Raises InvalidInput."""
    return parse_decimal(text.replace("%", ""), 2, name=name, maximum=FULL)


def written_decimal(number: int, digits: int, *, comma: bool) -> str:
    """The other way: 1250 with two digits is "12,50" (or "12.50"), to fill a field with."""
    if not digits:
        return str(number)
    whole, rest = divmod(number, 10**digits)
    return f"{whole}{',' if comma else '.'}{rest:0{digits}d}"


def written_rate(rate: int, *, comma: bool) -> str:
    """A rate in percent without needless zeros: 1900 is "19", 810 is "8,1"."""
    text = written_decimal(rate, 2, comma=comma)
    return text.rstrip("0").rstrip(",.")
