"""Fields' values as texts (FEATURES C14): as people type them, as pages show them, and the same in all languages."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal

from core.errors import InvalidInput
from core.i18n import Language
from core.values import ContactField, FieldValue

GERMAN_DATE = re.compile(r"([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-9]{4})", re.ASCII)
ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)
BRITISH_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)

YES, NO = "yes", "no"


def plain(value: FieldValue | None) -> str:
    """A value as a text that is the same in all languages: `1234.5`, `2026-11-21`, `yes`; empty for none."""
    match value:
        case None:
            return ""
        case bool():
            return YES if value else NO
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case str():
            return value


def typed(field: ContactField, value: FieldValue | None, language: Language) -> str:
    """A value as it stands in a form's input: a number with the language's decimal sign, a date as the input wants."""
    text = plain(value)
    return text.replace(".", ",") if field.kind == "number" and language.code == "de" else text


def read_typed(field: ContactField, text: str, language: Language) -> FieldValue | None:
    """The value that a person typed or chose; None for nothing. Raises InvalidInput naming the field."""
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        return None
    match field.kind:
        case "number":
            return _number(field, text, language)
        case "date":
            return _date(field, text)
        case "yesno":
            if text not in (YES, NO):
                raise InvalidInput("Choose one of the options.", field=field.key)
            return text == YES
        case "choice":
            if text not in {choice.value for choice in field.choices}:
                raise InvalidInput("Choose one of the options.", field=field.key)
            return text
        case "text":
            return re.sub(r"\s+", " ", text)


def _number(field: ContactField, text: str, language: Language) -> Decimal:
    """A number as the language writes it, with or without separators of thousands; a bare point is a decimal sign."""
    point, thousands = (",", ".") if language.code == "de" else (".", ",")
    bare = re.sub(r"[\s\u00a0\u202f']", "", text).replace("−", "-")
    grouped = rf"-?[0-9]{{1,3}}(\{thousands}[0-9]{{3}})+(\{point}[0-9]+)?"
    if re.fullmatch(grouped, bare, re.ASCII):
        bare = bare.replace(thousands, "")
    bare = bare.replace(",", ".")
    if len(bare) > 40 or not re.fullmatch(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", bare, re.ASCII):
        raise InvalidInput("Enter a number.", field=field.key)
    return Decimal(bare)


def _date(field: ContactField, text: str) -> date:
    """A date as the browser's input sends it, or as it is written in German or in English."""
    try:
        if found := ISO_DATE.fullmatch(text):
            made = date(int(found[1]), int(found[2]), int(found[3]))
        elif found := GERMAN_DATE.fullmatch(text) or BRITISH_DATE.fullmatch(text):
            made = date(int(found[3]), int(found[2]), int(found[1]))
        else:
            raise ValueError
    except ValueError:
        raise InvalidInput("Enter a date, such as 21.11.2026.", field=field.key) from None
    if made.year < 1000:
        raise InvalidInput("Enter the year with four digits.", field=field.key)
    return made


def in_words(field: ContactField, value: FieldValue | None, language: Language) -> str:
    """A value as pages show it; empty for none. Choices of plugins are translated."""
    if field.kind == "choice":
        label = {choice.value: choice.label for choice in field.choices}.get(str(value), "")
        return language.text(label)
    return field_in_words(language, field.kind, plain(value))


def field_in_words(language: Language, kind: str, text: str) -> str:
    """As `in_words`, from what `plain` made; a choice is its name already."""
    try:
        match kind:
            case "number" if text:
                return language.number(Decimal(text))
            case "date" if text:
                return language.date(date.fromisoformat(text))
            case "yesno" if text:
                return language.text("Yes") if text == YES else language.text("No")
    except (ValueError, ArithmeticError):
        # An old entry of the log is shown as it was stored.
        return text
    return text
