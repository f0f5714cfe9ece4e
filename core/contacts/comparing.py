"""Filters with values that people type: ranges of numbers and dates, words in a text (FEATURES L4).

In an address, and in a saved view, such a value is written so:

- number: `5..7`, `5..` or `..7`, both ends included; a decimal point, no separators
- date: `2026-01-01..2026-01-31`, either end may be missing, both days included; `last:30`, `next:30`: days from today
- text: `is:…` or `has:…`
- each: `any:` (there is a value), `none:` (there is none)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, Table, and_, select

from core.contacts.models import Contact
from core.values import FilterKind

contacts: Table = Contact.__table__  # type: ignore[assignment]

NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
DAYS = re.compile(r"[0-9]{1,5}", re.ASCII)

Predicate = Callable[[str], ColumnElement[bool] | None]


def comparison(
    kind: FilterKind, expression: Any, contact_id: Any = None, *, scale: int = 1, where: Any = None
) -> Predicate:
    """The `predicate` of a filter of this kind that compares `expression`.

    `expression` is a column of the contacts, or of a table with at most one row a contact (and `where`, if given); its
    column `contact_id` then says whose. Numbers are compared as `scale` times what was typed (100 for an amount in
    cents), texts without regard to case with a column that holds casefolded text. Raises ValueError for "choices".
    """
    if kind == "choices":
        raise ValueError("A filter of kind 'choices' has a predicate of its own.")

    def predicate(value: str) -> ColumnElement[bool] | None:
        if value == "none:":
            met = _meet(expression.is_not(None), contact_id, where)
            return ~met
        if value == "any:":
            return _meet(expression.is_not(None), contact_id, where)
        condition = _CONDITIONS[kind](expression, value, scale)
        return None if condition is None else _meet(condition, contact_id, where)

    return predicate


def _meet(condition: ColumnElement[bool], contact_id: Any, where: Any) -> ColumnElement[bool]:
    """The condition as one on contacts."""
    if contact_id is None:
        return condition if where is None else and_(condition, where)
    rows: Select[Any] = select(contact_id).where(condition)
    return contacts.c.id.in_(rows if where is None else rows.where(where))


def _text(expression: Any, value: str, _scale: int) -> ColumnElement[bool] | None:
    operator, _, text = value.partition(":")
    text = text.strip().casefold()
    if not text:
        return None
    if operator == "is":
        return expression == text  # type: ignore[no-any-return]
    if operator == "has":
        escaped = re.sub(r"([%_\\])", r"\\\1", text)
        return expression.like(f"%{escaped}%", escape="\\")  # type: ignore[no-any-return]
    return None


def _number(expression: Any, value: str, scale: int) -> ColumnElement[bool] | None:
    low, dots, high = value.partition("..")
    if not dots or not (low or high) or any(end and not NUMBER.fullmatch(end) for end in (low, high)):
        return None
    ends = []
    if low:
        ends.append(expression >= _scaled(low, scale))
    if high:
        ends.append(expression <= _scaled(high, scale))
    return and_(*ends)


def _scaled(text: str, scale: int) -> int | Decimal:
    number = Decimal(text) * scale
    return int(number) if number == number.to_integral_value() else number


def _date(expression: Any, value: str, _scale: int) -> ColumnElement[bool] | None:
    low, dots, high = value.partition("..")
    if not dots:
        return None
    try:
        start, end = (datetime.fromisoformat(text) if text else None for text in (low, high))
    except ValueError:
        return None
    whole_days = isinstance(expression.type, Date)
    ends = []
    if start is not None:
        ends.append(expression >= (start.date() if whole_days else start))
    if end is not None:
        ends.append(expression < (end.date() if whole_days else end))
    return and_(*ends) if ends else None


_CONDITIONS: dict[str, Callable[[Any, str, int], ColumnElement[bool] | None]] = {
    "text": _text,
    "number": _number,
    "date": _date,
}


def resolved(kind: FilterKind, value: str, zone: ZoneInfo, today: date) -> str | None:
    """What a predicate is asked about a value from an address: days become moments, all else stays as it is.

    `2026-01-01..2026-01-31` becomes the beginnings of the first day and of the day after the last, in `zone`, so that
    the second is exclusive. Answers None for what is no range of days.
    """
    if kind != "date" or value in ("any:", "none:"):
        return value
    word, colon, number = value.partition(":")
    if colon and word in ("last", "next"):
        if not DAYS.fullmatch(number):
            return None
        away = timedelta(days=int(number))
        first, last = (today - away, today) if word == "last" else (today, today + away)
    else:
        low, dots, high = value.partition("..")
        try:
            first = date.fromisoformat(low) if low else date.min
            last = date.fromisoformat(high) if high else date.max
        except ValueError:
            return None
        if not dots or not (low or high):
            return None

    def beginning(day: date) -> str:
        return datetime(day.year, day.month, day.day, tzinfo=zone).isoformat()

    # The first and the last years have no neighbours, and no moment in another zone.
    start = beginning(first) if first.year > 1 else ""
    end = beginning(last + timedelta(days=1)) if last.year < 9999 else ""
    return f"{start}..{end}" if start or end else None
