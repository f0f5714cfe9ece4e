"""Sums, taxes and typed amounts (THREATS T-B1)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.i18n import currency_digits
from plugins.shop.amounts import (
    MAX_PRICE,
    MAX_QUANTITY,
    PricedLine,
    parse_price,
    parse_rate,
    tax_in,
    taxes_of,
    total_of,
    written_decimal,
    written_rate,
)

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])
RATES = st.sampled_from([0, 700, 810, 1900, 2550])


def lines_in(currency: str) -> st.SearchStrategy[list[PricedLine]]:
    return st.lists(
        st.builds(
            PricedLine,
            name=st.just("x"),
            unit_price=st.integers(0, MAX_PRICE),
            tax_rate=RATES,
            quantity=st.integers(1, MAX_QUANTITY),
            currency=st.just(currency),
        ),
        min_size=1,
        max_size=30,
    )


@given(CURRENCIES.flatmap(lines_in))
def test_t_b1_lines_taxes_and_total_agree_to_the_minor_unit(lines: list[PricedLine]) -> None:
    currency = lines[0].currency
    total, taxes = total_of(lines, currency), taxes_of(lines)

    assert total.minor == sum(line.sum.minor for line in lines)
    assert sum(part.gross for part in taxes) == total.minor
    assert [part.rate for part in taxes] == sorted({line.tax_rate for line in lines})
    for part in taxes:
        exact = Fraction(part.gross * part.rate, 10_000 + part.rate)
        assert abs(part.tax - exact) <= Fraction(1, 2)
        assert 0 <= part.tax <= part.gross
        # Net plus tax is the total without a rest, because net is what is left.
        assert all(isinstance(number, int) for number in (part.gross, part.tax))


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [
        (11900, 1900, 1900),
        (10700, 700, 700),
        (107, 700, 7),
        (1, 1900, 0),
        (3, 2000, 1),
        (1100, 1000, 100),
        (5, 0, 0),
    ],
)
def test_t_b1_tax_is_rounded_half_up(gross: int, rate: int, tax: int) -> None:
    assert tax_in(gross, rate) == tax


def test_t_b1_two_currencies_are_never_added() -> None:
    line = PricedLine(name="x", unit_price=100, tax_rate=0, quantity=1, currency="JPY")

    with pytest.raises(ValueError, match="can't be added"):
        total_of([line], "EUR")


@given(CURRENCIES, st.integers(0, MAX_PRICE), st.booleans())
def test_a_price_that_is_written_reads_back_the_same(currency: str, minor: int, comma: bool) -> None:
    assert parse_price(written_decimal(minor, currency_digits(currency), comma=comma), currency) == minor


@given(st.integers(0, 10_000), st.booleans())
def test_a_rate_that_is_written_reads_back_the_same(rate: int, comma: bool) -> None:
    assert parse_rate(written_rate(rate, comma=comma)) == rate


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12,5", "EUR", 1250),
        ("12.50", "EUR", 1250),
        ("12", "EUR", 1200),
        ("1200", "JPY", 1200),
        ("1.250", "KWD", 1250),
    ],
)
def test_prices_are_read_as_people_type_them(text: str, currency: str, minor: int) -> None:
    assert parse_price(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.250", "EUR"),
        ("1.250,00", "EUR"),
        ("12,5", "JPY"),
        ("-1", "EUR"),
        ("", "EUR"),
        ("1e3", "EUR"),
        ("١٢", "EUR"),
        ("999999999999", "EUR"),
        ("NaN", "EUR"),
        ("9" * 100_000, "EUR"),
    ],
)
def test_prices_that_could_mean_two_things_or_nothing_are_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_price(text, currency)
    assert refused.value.field == "price"
