"""Words for what is stored: a log entry's sentence, the origin of a detail, an address in lines.

An entry whose kind is not known (its plugin is off or gone) is shown by its kind's key and reference, and a
text that does not fit its data by its label: a log never fails to show (FEATURES C12).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import frozen

from core.contacts import details as rules
from core.contacts.field_texts import field_in_words
from core.i18n import LOCALES, Language, sort_key
from core.values import ActivityKind, Money

DETAIL_LABELS: Mapping[str, str] = {
    "name": "Name",
    "phone": "Phone",
    "street": "Street and number",
    "street2": "Address line 2",
    "postal_code": "Postcode",
    "city": "City",
    "region": "State or region",
    "country": "Country",
    "language": "Language",
}
"""Detail → its name for people, a message id."""


@frozen(kw_only=True)
class Words:
    """What turns stored entries into words: the kinds that the enabled plugins know, and a language."""

    kinds: Mapping[str, ActivityKind]
    language: Language

    def label(self, kind: str) -> str:
        """A kind's name; its key when it is not known."""
        known = self.kinds.get(kind)
        return self.language.text(known.label) if known else kind

    def icon(self, kind: str) -> str:
        """A kind's symbol."""
        known = self.kinds.get(kind)
        return known.icon if known else "clock"

    def sentence(self, kind: str, reference: str, data: Mapping[str, Any]) -> str:
        """An entry's sentence, its placeholders filled from reference and data."""
        known = self.kinds.get(kind)
        if known is None:
            return f"{kind} {reference}".strip()
        return self._fill(known.text, reference, data) or f"{self.label(kind)} {reference}".strip()

    def source(self, origin: rules.Origin) -> str:
        """Where a detail came from: a person's name, „Bestellung 1007“, or at least the kind of its entry."""
        if origin.name:
            return origin.name
        known = self.kinds.get(origin.kind)
        if known is None:
            return f"{origin.kind} {origin.reference}".strip()
        filled = self._fill(known.source, origin.reference, {}) if known.source else ""
        return filled or f"{self.label(origin.kind)} {origin.reference}".strip()

    def changes(self, data: Mapping[str, Any]) -> str:
        """The details and fields that an entry changed or dismissed, one a line: „Telefon: 030 1 → 030 2“."""
        lines = []
        for name, label in DETAIL_LABELS.items():
            if f"after_{name}" in data:
                before = self.detail(name, str(data.get(f"before_{name}", "")))
                after = self.detail(name, str(data[f"after_{name}"]))
                lines.append(f"{self.language.text(label)}: {before or '–'} → {after or '–'}")
            elif f"dismissed_{name}" in data:
                value = self.detail(name, str(data[f"dismissed_{name}"]))
                lines.append(f"{self.language.text(label)}: {value or '–'}")
        for name, label in data.items():
            kind, _, number = name.rpartition("_")
            if kind == "field" and f"kind_{number}" in data:
                before, after = (
                    field_in_words(self.language, str(data[f"kind_{number}"]), str(data.get(f"{side}_{number}", "")))
                    for side in ("before", "after")
                )
                lines.append(f"{label}: {before or '–'} → {after or '–'}")
        return "\n".join(lines)

    def detail(self, name: str, value: str) -> str:
        """A detail's value as people read it: countries and languages by their names."""
        if name == "country":
            return self.language.country(value)
        if name == "language":
            return dict(language_names(self.language.code)).get(value, value)
        return value

    def group(self, group: str, values: Mapping[str, str]) -> str:
        """A group of details in lines; an address as it stands on a letter."""
        if group != "address":
            name = rules.GROUPS[group][0]
            return self.detail(name, values.get(name, ""))
        place = f"{values.get('postal_code', '')} {values.get('city', '')}".strip()
        lines = [
            values.get("street", ""),
            values.get("street2", ""),
            place,
            values.get("region", ""),
            self.language.country(values.get("country", "")),
        ]
        return "\n".join(line for line in lines if line)

    def _fill(self, text: str, reference: str, data: Mapping[str, Any]) -> str:
        values: dict[str, object] = {"reference": reference}
        for key, value in data.items():
            currency = data.get(f"{key}_currency")
            if isinstance(value, bool):
                values[key] = self.language.text("Yes") if value else self.language.text("No")
            elif isinstance(value, int) and isinstance(currency, str):
                try:
                    values[key] = self.language.money(Money(minor=value, currency=currency))
                except ValueError:
                    values[key] = f"{value} {currency}"
            elif isinstance(value, int):
                values[key] = self.language.number(value)
            else:
                values[key] = value
        try:
            return self.language.text(text, **{**values, "reference": reference})
        except (KeyError, ValueError, TypeError):
            # A placeholder that this entry does not fill, or one that is misspelt in a translation.
            return ""


@lru_cache(maxsize=4)
def language_names(code: str) -> tuple[tuple[str, str], ...]:
    """All languages with a two-letter code (ISO 639-1) as (code, name), named in the language `code`."""
    from babel import Locale

    named = Locale.parse(LOCALES[code]).languages
    pairs = [(str(key), str(name)) for key, name in named.items() if len(str(key)) == 2]
    return tuple(sorted(pairs, key=lambda pair: sort_key(pair[1])))
