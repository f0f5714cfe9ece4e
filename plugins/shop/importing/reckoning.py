"""Making another shop's sums ours: prices with the tax in them, a rate for each line, a total that is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from plugins.shop.amounts import FULL, spread, tax_in
from plugins.shop.importing.foreign import NO_RATE, ForeignLine
from plugins.shop.orders import FreeItem

USUAL = (
    0, 210, 250, 260, 380, 400, 480, 500, 550, 600, 700, 770, 800, 810, 900, 1000, 1200, 1300, 1350, 1400, 1500, 1600,
    1700, 1800, 1900, 2000, 2100, 2200, 2300, 2400, 2500, 2550, 2700,
)  # fmt: skip
"""Rates that there are in Europe, in basis points: one that explains a tax to the cent is taken for it."""

MOST_TRIES = 4096
"""Ways to give rates to lines that are tried."""


def rate_of(gross: int, tax: int) -> int:
    """The rate, in basis points, at which `gross` has this tax in it: a usual one that fits, else to a tenth of a %."""
    if tax <= 0 or gross <= tax:
        return 0
    exact = FULL * tax / (gross - tax)
    fitting = [rate for rate in USUAL if abs(tax_in(gross, rate) - tax) <= 1]
    if fitting:
        return min(fitting, key=lambda rate: abs(rate - exact))
    return min(round(exact / 10) * 10, FULL)


def with_tax(nets: Sequence[int], taxed: Sequence[bool], tax: int) -> list[int]:
    """Prices without tax, each with its share of the tax, in proportion."""
    weights = {place: net for place, net in enumerate(nets) if taxed[place] and net > 0}
    if not weights:
        weights = {place: net for place, net in enumerate(nets) if net > 0}
    shares = spread(tax, weights)
    return [net + shares.get(place, 0) for place, net in enumerate(nets)]


def give_rates(lines: Sequence[ForeignLine], off: int, taxes: Mapping[int, int], tax: int) -> list[int]:
    """The rate of each line. What a line does not say itself is found by the tax that the order says, rate by rate."""
    known = [line.rate if line.taxed else 0 for line in lines]
    unknown = [place for place, rate in enumerate(known) if rate == NO_RATE]
    if not unknown:
        return known
    if not taxes:
        gross = sum(lines[place].gross for place in unknown)
        share = spread(off, {place: line.gross for place, line in enumerate(lines)})
        gross -= sum(share.get(place, 0) for place in unknown)
        rest = tax - sum(tax_in(line.gross, rate) for line, rate in zip(lines, known, strict=True) if rate > 0)
        rate = rate_of(gross, rest)
        return [rate if place in unknown else one for place, one in enumerate(known)]
    rates = sorted(taxes)
    if len(rates) == 1:
        return [rates[0] if place in unknown else one for place, one in enumerate(known)]
    if len(rates) ** len(unknown) > MOST_TRIES:
        # Nobody can tell: the rate with most of the tax.
        most = max(rates, key=lambda rate: taxes[rate])
        return [most if place in unknown else one for place, one in enumerate(known)]

    def tried(chosen: Sequence[int]) -> list[int]:
        given = dict(zip(unknown, chosen, strict=True))
        return [given.get(place, one) for place, one in enumerate(known)]

    def error(given: Sequence[int]) -> int:
        found = taxes_by_rate(lines, given, off)
        return sum(abs(found.get(rate, 0) - taxes[rate]) for rate in rates)

    return min((tried(chosen) for chosen in product(rates, repeat=len(unknown))), key=error)


def taxes_by_rate(lines: Sequence[ForeignLine], rates: Sequence[int], off: int) -> dict[int, int]:
    """The tax of each rate in these lines less what was taken off."""
    gross: dict[int, int] = {}
    for line, rate in zip(lines, rates, strict=True):
        gross[rate] = gross.get(rate, 0) + line.gross
    for rate, share in spread(off, gross).items():
        gross[rate] -= share
    return {rate: tax_in(amount, rate) for rate, amount in gross.items()}


def items_of(lines: Sequence[ForeignLine], rates: Sequence[int], variants: Mapping[int, int]) -> list[FreeItem]:
    """The lines as items of an order. `variants` are those that a line is of, by its place.

    Three pieces for ten cents are two for three and one for four: nothing is rounded.
    """
    items = []
    for place, (line, rate) in enumerate(zip(lines, rates, strict=True)):
        price, rest = divmod(line.gross, line.quantity)
        for unit_price, quantity in ((price, line.quantity - rest), (price + 1, rest)):
            if quantity:
                items.append(
                    FreeItem(
                        name=line.name,
                        unit_price=unit_price,
                        tax_rate=rate,
                        quantity=quantity,
                        variant_id=variants.get(place),
                    )
                )
    return items
