"""Countries, languages and times as files write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from core.errors import InvalidInput

SPOKEN = ("en", "de", "fr", "it", "es", "nl", "pl", "da")
"""Languages in which countries and languages are understood by their names."""

MORE_COUNTRIES: Mapping[str, str] = {
    "d": "DE",
    "a": "AT",
    "brd": "DE",
    "deu": "DE",
    "aut": "AT",
    "che": "CH",
    "lie": "LI",
    "lux": "LU",
    "uk": "GB",
    "gbr": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "great britain": "GB",
    "usa": "US",
    "u s a": "US",
    "united states of america": "US",
    "nld": "NL",
    "holland": "NL",
    "fra": "FR",
    "ita": "IT",
    "esp": "ES",
    "pol": "PL",
    "bel": "BE",
    "dnk": "DK",
    "cze": "CZ",
    "czech republic": "CZ",
    "suisse": "CH",
    "svizzera": "CH",
    "bundesrepublik deutschland": "DE",
    "großbritannien": "GB",
}

DateOrder = Literal["", "dmy", "mdy"]
"""How the day and the month of a date stand; empty while nobody has said so."""


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", text))


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    from babel import Locale

    found = {_plain(name): code for name, code in MORE_COUNTRIES.items()}
    for spoken in SPOKEN:
        for code, name in Locale.parse(spoken).territories.items():
            if re.fullmatch(r"[A-Z]{2}", str(code)) and code not in ("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"):
                found.setdefault(_plain(str(name)), str(code))
                found.setdefault(str(code).casefold(), str(code))
    return found


@lru_cache(maxsize=1)
def _languages() -> Mapping[str, str]:
    from babel import Locale

    found: dict[str, str] = {}
    for spoken in SPOKEN:
        for code, name in Locale.parse(spoken).languages.items():
            if re.fullmatch(r"[a-z]{2}", str(code)):
                found.setdefault(_plain(str(name)), str(code))
                found.setdefault(str(code), str(code))
    return found


@lru_cache(maxsize=4096)
def parse_country(text: str) -> str:
    """The ISO 3166 code of a country by code or name. Raises InvalidInput for one that is not known."""
    code = _countries().get(_plain(text))
    if code is None:
        raise InvalidInput("This country is not known.")
    return code


@lru_cache(maxsize=4096)
def parse_language(text: str) -> str:
    """The ISO 639-1 code of a language by code („de“, „de-AT“) or name. Raises InvalidInput for one not known."""
    code = _languages().get(_plain(text)) or _languages().get(re.split(r"[-_]", text.strip().casefold())[0])
    if code is None:
        raise InvalidInput("This language is not known.")
    return code


_NUMERIC = re.compile(r"\s*(\d{1,2})\s*([./-])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})(?:,?[ T]+(.*))?\s*")
_ISO = re.compile(r"\s*(\d{4})-(\d{2})-(\d{2})(?:[ T]+(.*))?\s*")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([ap]m)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?", re.IGNORECASE)


def date_order(values: Iterable[str]) -> tuple[DateOrder, bool]:
    """How days and months stand in these dates, and whether any date leaves it open and none says it."""
    open_question = False
    for value in values:
        found = _NUMERIC.fullmatch(value)
        if found is None:
            continue
        first, second = int(found[1]), int(found[3])
        if first > 12 >= second:
            return "dmy", False
        if second > 12 >= first:
            return "mdy", False
        open_question = open_question or first != second
    return "", open_question


def decimal_sign(values: Iterable[str]) -> tuple[str, bool]:
    """Which sign stands before the decimals of these numbers, and whether any leaves it open and none says it."""
    open_question = False
    for value in values:
        signs = re.findall(r"[.,]", value)
        if not signs:
            continue
        if len(set(signs)) == 2:
            return signs[-1], False
        if len(signs) > 1:
            return ("," if signs[0] == "." else "."), False
        if len(re.split(r"[.,]", value)[1].strip()) != 3:
            return signs[0], False
        open_question = True
    return "", open_question


def parse_moment(text: str, order: DateOrder, zone: ZoneInfo) -> datetime:
    """A date, or a date with its time, as a moment in UTC; without an offset, in this zone.

    Raises InvalidInput for what is no date, and for a date whose order nobody has said.
    """
    if (iso := _ISO.fullmatch(text)) is not None:
        parts, clock = (int(iso[1]), int(iso[2]), int(iso[3])), iso[4]
    elif (numeric := _NUMERIC.fullmatch(text)) is not None:
        first, second, year = int(numeric[1]), int(numeric[3]), int(numeric[4])
        year += (2000 if year < 70 else 1900) if len(numeric[4]) == 2 else 0
        if not order and first != second and first <= 12 and second <= 12:
            raise InvalidInput("It is not clear which is the day and which the month.")
        day, month = (second, first) if order == "mdy" or (not order and second > 12) else (first, second)
        parts, clock = (year, month, day), numeric[5]
    else:
        raise InvalidInput("This is not a date.")
    try:
        return _with_clock(parts, clock or "", zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("This is not a date.") from error


def parse_date(text: str, order: DateOrder) -> date:
    """A date without its time. Raises InvalidInput as `parse_moment`."""
    return parse_moment(text, order, ZoneInfo("UTC")).date()


def _with_clock(parts: Sequence[int], clock: str, zone: ZoneInfo) -> datetime:
    year, month, day = parts
    found = _CLOCK.fullmatch(clock.strip()) if clock.strip() else None
    if clock.strip() and found is None:
        raise ValueError(clock)
    if found is None:
        return datetime(year, month, day, tzinfo=zone)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        hour = hour % 12 + (12 if found[4].lower() == "pm" else 0)
    moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    offset = (found[5] or "").upper()
    if offset in ("Z", "UTC"):
        return moment.replace(tzinfo=UTC)
    if offset:
        return datetime.fromisoformat(f"{moment:%Y-%m-%dT%H:%M:%S}{offset[:3]}:{offset[-2:]}")
    return moment
