"""What people enter for a filter whose value is typed: an operator and one or two values, and back (FEATURES L4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from attrs import evolve, frozen

from core.contacts.comparing import DAYS, NUMBER
from core.contacts.views import SEARCH_FILTER
from core.errors import InvalidInput
from core.i18n import Language
from core.values import Filter, FilterKind

OPERATORS: Mapping[FilterKind, Mapping[str, str]] = MappingProxyType(
    {
        "choices": {},
        "text": {"has": "contains", "is": "is", "any": "has a value", "none": "has no value"},
        "number": {
            "min": "at least",
            "max": "at most",
            "is": "exactly",
            "between": "between",
            "any": "has a value",
            "none": "has no value",
        },
        "date": {
            "between": "from … to …",
            "min": "from … on",
            "max": "until",
            "is": "on",
            "last": "in the last … days",
            "next": "in the next … days",
            "any": "has a value",
            "none": "has no value",
        },
    }
)
"""Kind → operator → how it is called, a message id. The first is the usual one."""

MAX_TEXT = 200


@frozen(kw_only=True)
class Typed:
    """What stands in the inputs; everything as it was typed."""

    operator: str = ""
    low: str = ""
    high: str = ""
    days: str = ""
    text: str = ""
    unit: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed that would be lost."""
        return not (self.low or self.high or self.days or self.text) and self.operator not in ("any", "none")


FIELDS = ("operator", "low", "high", "days", "text", "unit")


def operators_of(offered: Filter) -> Mapping[str, str]:
    """The operators that a filter has."""
    known = OPERATORS[offered.kind]
    # Words are looked for as the search does, which knows nothing else.
    return {"has": known["has"]} if offered.key == SEARCH_FILTER else known


def from_fields(read: Callable[[str], str], prefix: str = "") -> Typed:
    """What was sent; `read` answers the text of a field."""
    return Typed(**{name: read(prefix + name) for name in FIELDS})


def from_value(offered: Filter, value: str) -> Typed:
    """The inputs for a stored value; empty ones when it means nothing."""
    unit = ""
    if offered.units is not None:
        value, _, unit = value.rpartition(" ")
    word, colon, rest = value.partition(":")
    if colon and word in ("any", "none"):
        return Typed(operator=word, unit=unit)
    if offered.kind == "text":
        return Typed(operator=word, text=rest, unit=unit)
    if colon and word in ("last", "next"):
        return Typed(operator=word, days=rest)
    low, dots, high = value.partition("..")
    if not dots:
        return Typed()
    operator = "is" if low == high else "between" if low and high else "min" if low else "max"
    return Typed(operator=operator, low=low or (high if operator == "max" else ""), high=high, unit=unit)


def to_value(offered: Filter, typed: Typed, units: Sequence[str] = ()) -> str:
    """The value for address and store. Raises InvalidInput with the input it belongs to."""
    operator = typed.operator if typed.operator in operators_of(offered) else next(iter(operators_of(offered)))
    value = _value(offered.kind, evolve(typed, operator=operator))
    if offered.units is None:
        return value
    if typed.unit not in units:
        raise InvalidInput("Choose a unit.", field="unit")
    return f"{value} {typed.unit}"


def _value(kind: FilterKind, typed: Typed) -> str:
    operator = typed.operator
    if operator in ("any", "none"):
        return f"{operator}:"
    if kind == "text":
        text = " ".join(typed.text.split())[:MAX_TEXT]
        if not text:
            raise InvalidInput("Enter what to look for.", field="text")
        return f"{operator}:{text}"
    if operator in ("last", "next"):
        if not DAYS.fullmatch(typed.days):
            raise InvalidInput("Enter a number of days.", field="days")
        return f"{operator}:{typed.days}"
    clean: Callable[[str, str], str] = _day if kind == "date" else _number
    first = clean(typed.low, "low")
    if operator == "max":
        return f"..{first}"
    if operator == "min":
        return f"{first}.."
    if operator == "is":
        return f"{first}..{first}"
    last = clean(typed.high, "high")
    if (first > last) if kind == "date" else (float(first) > float(last)):
        raise InvalidInput("The second value must not lie before the first.", field="high")
    return f"{first}..{last}"


def _number(text: str, field: str) -> str:
    number = text.strip().replace(",", ".")
    if not NUMBER.fullmatch(number):
        raise InvalidInput("Enter a number.", field=field)
    return number


def _day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise InvalidInput("Enter a day.", field=field) from None


def inputs(
    language: Language, offered: Filter, typed: Typed, units: Mapping[str, str], *, prefix: str, place: str
) -> dict[str, Any]:
    """The inputs as plain values for the macro `typed_inputs`; `place` makes their ids unique on the page."""
    operators = operators_of(offered)
    return {
        "kind": offered.kind,
        "prefix": prefix,
        "id": place,
        "label": language.text(offered.label),
        "operators": [{"value": value, "label": language.text(label)} for value, label in operators.items()],
        "operator": typed.operator if typed.operator in operators else next(iter(operators), ""),
        **{name: getattr(typed, name) for name in FIELDS if name != "operator"},
        "unit_text": language.text(offered.unit),
        "units": [{"value": value, "label": label} for value, label in units.items()],
    }
