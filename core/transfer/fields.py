"""The fields that plugins and staff add to contacts, as files write and read them.

Values are what a `ContactField` of each kind holds: text, Decimal, date, the chosen value, True or False.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from core.errors import InvalidInput
from core.i18n import LANGUAGES, Language
from core.values import ContactField, FieldValue

if TYPE_CHECKING:
    from core.site import Site

YES = frozenset({"1", "yes", "y", "true", "t", "x", "on", "ja", "j", "wahr", "an", "✓"})
NO = frozenset({"0", "no", "n", "false", "f", "off", "nein", "falsch", "aus", "-"})
"""What people and programs write for yes and no, in small letters."""


def file_fields(site: Site) -> Mapping[str, ContactField]:
    """The site's contact fields that files can hold, by key: an input alone, such as a proof, has no value to show."""
    return {key: field for key, field in site.contributions.contact_fields.items() if field.read is not None}


def labels_of(site: Site, field: ContactField) -> Mapping[str, str]:
    """A choice field's labels in every language, and its values, in small letters → the value."""
    found = {choice.value.casefold(): choice.value for choice in field.choices}
    for code in LANGUAGES:
        language = site.language(code)
        found |= {language.text(choice.label).casefold(): choice.value for choice in field.choices}
    return found


def write_value(field: ContactField, value: object, language: Language) -> str:
    """A field's value as a cell of a file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return language.text("Yes") if value else language.text("No")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    labels = {choice.value: choice.label for choice in field.choices} if field.kind == "choice" else {}
    return language.text(labels[str(value)]) if str(value) in labels else str(value)


def parse_yes(text: str) -> bool | None:
    """Yes or no as a file says it; None for an empty cell. Raises InvalidInput for anything else."""
    word = text.strip().casefold()
    if not word:
        return None
    if word in YES or word in NO:
        return word in YES
    raise InvalidInput("Write yes or no.")


def parse_number(text: str, decimal: str) -> Decimal:
    """A number with this sign (“,” or “.”) before its decimals. Raises InvalidInput."""
    grouping = "." if decimal == "," else ","
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("'", "").replace("’", "")
    head, _, tail = plain.partition(decimal)
    if grouping in tail:
        raise InvalidInput("This is not a number.")
    try:
        number = Decimal(head.replace(grouping, "") + (f".{tail}" if tail else ""))
    except InvalidOperation as error:
        raise InvalidInput("This is not a number.") from error
    if not number.is_finite():
        raise InvalidInput("This is not a number.")
    return number


def as_json(value: Any) -> Any:
    """A field's value as JSON can hold it."""
    return value if value is None or isinstance(value, bool | str) else str(value)


def from_json(field: ContactField, value: Any) -> FieldValue | None:
    """What `as_json` made of a value of this field."""
    if value is None or isinstance(value, bool):
        return value
    if field.kind == "number":
        return Decimal(value)
    return date.fromisoformat(value) if field.kind == "date" else str(value)
