"""Filters in words: „Land ist Deutschland und (Tag ist VIP oder Gesamtsumme mindestens 100 EUR)“ (FEATURES L6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from attrs import field, frozen

from core.contacts.choices import choice_labels, read_choices
from core.contacts.criteria import Criterion, Group
from core.contacts.views import View
from core.i18n import Language
from core.values import Filter

if TYPE_CHECKING:
    from core.site import Site

JOINED = {"all": " and ", "any": " or ", "none": " or "}

UNKNOWN = "…"
"""Stands for what the person may not see."""


@frozen(kw_only=True)
class Wording:
    """How filters and their values are called in one language.

    `labels` are choices and units that were read already, by filter; others are read when they are asked for.
    """

    site: Site
    language: Language
    view: View
    labels: dict[str, Mapping[str, str]] = field(factory=dict)

    def group(self, group: Group, *, inside: bool = False) -> str:
        """A sentence for conditions that are combined; empty for none."""
        parts = [part for part in group.parts if isinstance(part, Criterion) or part]
        several = len(parts) > 1
        said = [
            self.criterion(part, inside=several) if isinstance(part, Criterion) else self.group(part, inside=several)
            for part in parts
        ]
        text = self.language.text(JOINED[group.join]).join(said)
        if group.join == "none" and said:
            return self.language.text("not (%(condition)s)", condition=text)
        return f"({text})" if inside and several else text

    def criterion(self, criterion: Criterion, *, inside: bool = False) -> str:
        """A sentence for one condition."""
        key, text = criterion.filter, self.language.text
        offered = self.site.contributions.contact_filters.get(key)
        label = self.label(key)
        if key in self.view.forbidden:
            return f"{label} {UNKNOWN}"
        several = len(criterion.values) > 1
        if offered is None or offered.kind == "choices":
            names = [self.value(key, value) for value in criterion.values]
            if criterion.negated and several:
                joined = text(" nor ").join(names)
                return text("%(filter)s is neither %(values)s", filter=label, values=joined)
            if criterion.negated:
                return text("%(filter)s is not %(values)s", filter=label, values=names[0])
            said = text("%(filter)s is %(values)s", filter=label, values=text(" or ").join(names))
        else:
            said = f"{label} " + text(" or ").join(self.value(key, value) for value in criterion.values)
            if criterion.negated:
                return text("not (%(condition)s)", condition=said)
        return f"({said})" if inside and several else said

    def label(self, key: str) -> str:
        """What a filter is called; one that is gone as it was called when the view was saved."""
        offered = self.site.contributions.contact_filters.get(key)
        return self.language.text(offered.label if offered else str(self._earlier(key).get("label", key)))

    def value(self, key: str, value: str) -> str:
        """What one value of a filter is called."""
        offered = self.site.contributions.contact_filters.get(key)
        if offered is None or offered.kind == "choices":
            return self.choices(key).get(value) or self._earlier_value(offered, key, value)
        return range_text(self.language, offered, value, self.choices(key))

    def choices(self, key: str) -> Mapping[str, str]:
        """What the choices of a filter, or its units, are called."""
        if key not in self.labels:
            offered = self.site.contributions.contact_filters.get(key)
            try:
                found = read_choices(self.site, offered) if offered else ()
                self.labels[key] = dict(choice_labels(self.site, self.language, offered, found)) if offered else {}
            except (Exception, SystemExit):
                # The list names the filter whose choices failed; a sentence goes on without them.
                self.labels[key] = {}
        return self.labels[key]

    def _earlier(self, key: str) -> Mapping[str, object]:
        return self.view.words.get(key, {})

    def _earlier_value(self, offered: Filter | None, key: str, value: str) -> str:
        if key == "contact.country":
            return self.language.country(value)
        values = self._earlier(key).get("values")
        named = str(values.get(value, value)) if isinstance(values, Mapping) else value
        return self.language.text(named) if offered is None or offered.translate_choices else named


def range_text(language: Language, offered: Filter, value: str, units: Mapping[str, str]) -> str:
    """A value that was typed, in words: „mindestens 5“, „in den letzten 30 Tagen“, „enthält „Bonn““."""
    text = language.text
    unit = offered.unit
    if offered.units is not None:
        value, _, chosen = value.rpartition(" ")
        unit = units.get(chosen, chosen)
    word, colon, rest = value.partition(":")
    if colon and word in ("any", "none"):
        return text("has a value" if word == "any" else "has no value")
    if offered.kind == "text":
        return text("contains “%(text)s”" if word == "has" else "is “%(text)s”", text=rest)
    if colon and word in ("last", "next"):
        if word == "last":
            return language.plural("in the last day", "in the last %(n)s days", _whole(rest))
        return language.plural("in the next day", "in the next %(n)s days", _whole(rest))
    low, _, high = value.partition("..")
    say = _day if offered.kind == "date" else _number
    lowest, highest = say(language, low), say(language, high)
    if offered.kind == "date":
        if low and low == high:
            return text("on %(value)s", value=lowest)
        if low and high:
            return text("from %(low)s to %(high)s", low=lowest, high=highest)
        return text("from %(value)s on", value=lowest) if low else text("until %(value)s", value=highest)
    after = f" {unit}" if unit else ""
    if low and low == high:
        return text("exactly %(value)s", value=lowest + after)
    if low and high:
        return text("between %(low)s and %(high)s", low=lowest, high=highest + after)
    return text("at least %(value)s", value=lowest + after) if low else text("at most %(value)s", value=highest + after)


def _whole(number: str) -> int:
    return int(number) if number.isascii() and number.isdigit() else 0


def _day(language: Language, day: str) -> str:
    try:
        return language.date(date.fromisoformat(day)) if day else ""
    except ValueError:
        return day


def _number(language: Language, number: str) -> str:
    try:
        return language.number(float(Decimal(number))) if number else ""
    except (InvalidOperation, ValueError):
        return number
