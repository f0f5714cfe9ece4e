"""Languages: catalogues of the core and the plugins, and how a locale writes dates, numbers and money (FEATURES H8).

English message ids stand in the code. The files `locale/<language>/LC_MESSAGES/*.po` of the core and of each plugin's
folder translate them; the catalogues are read at first use and merged, the core's words first.
"""

from __future__ import annotations

import datetime as clock
import gettext
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from attrs import define

from core.values import Money

LANGUAGES: Mapping[str, str] = {"de": "Deutsch", "en": "English"}
"""Language code → its own name."""

LOCALES: Mapping[str, str] = {"de": "de_DE", "en": "en_GB"}
"""Language code → the locale whose dates, numbers and amounts are written."""


@define(eq=False)
class Language:
    """One language of the screens: translates message ids and formats values. Shared by all requests."""

    code: str
    zone: ZoneInfo
    folders: Sequence[Path]

    @cached_property
    def catalogues(self) -> tuple[Path, ...]:
        """The files with its texts, in the order in which they are asked; folders without any add nothing."""
        return tuple(file for folder in self.folders for file in _catalogue_files(folder, self.code))

    @cached_property
    def translations(self) -> gettext.NullTranslations:
        """The merged catalogue; English has none, its texts are the ids."""
        return _Catalogue(_read_catalogues(self.code, self.catalogues))

    def text(self, message: str, **values: object) -> str:
        """Translate a message id and fill its `%(name)s` placeholders; amounts are written as the language does."""
        translated = self.translations.gettext(message) if message else ""
        written = {name: self.money(value) if isinstance(value, Money) else value for name, value in values.items()}
        return translated % written if values else translated

    def plural(self, one: str, many: str, number: int, **values: object) -> str:
        """Translate the form that fits `number`, which also fills `%(n)s`."""
        return self.translations.ngettext(one, many, number) % {"n": self.number(number), **values}

    def datetime(self, value: clock.datetime | None) -> str:
        """Date and time in the site's zone, short: 21.11.2026, 14:05."""
        return self._datetime_format(value.astimezone(self.zone)) if value else ""

    def date(self, value: clock.date | None) -> str:
        """A date: 21.11.2026. An aware datetime is taken in the site's zone."""
        if isinstance(value, clock.datetime):
            value = value.astimezone(self.zone).date()
        return self._date_format(value) if value else ""

    def time(self, value: clock.datetime | None) -> str:
        """The time of day in the site's zone: 14:05."""
        return value.astimezone(self.zone).strftime("%H:%M") if value else ""

    def long_date(self, value: clock.date | None) -> str:
        """A date with its weekday: Samstag, 21. November 2026."""
        from babel.dates import format_date

        if isinstance(value, clock.datetime):
            value = value.astimezone(self.zone).date()
        return format_date(value, "full", locale=LOCALES[self.code]) if value else ""

    def short_date(self, value: clock.date | None) -> str:
        """A day of this or the next weeks, without its year: Sa., 21. Nov."""
        from babel.dates import format_skeleton

        if isinstance(value, clock.datetime):
            value = value.astimezone(self.zone).date()
        return format_skeleton("MMMEd", value, locale=LOCALES[self.code]) if value else ""

    def number(self, value: int | float | Decimal | None) -> str:
        """A number with the locale's separators; a Decimal of up to six digits after the point keeps them all."""
        if isinstance(value, int):
            # As both locales write it; a page of a list has a hundred.
            return f"{value:,}".replace(",", "." if self.code == "de" else ",")

        from babel.numbers import format_decimal

        if value is None:
            return ""
        exact = isinstance(value, Decimal) and -6 <= int(value.as_tuple().exponent) < 0
        return format_decimal(value, locale=LOCALES[self.code], decimal_quantization=not exact)

    def money(self, value: Money | None) -> str:
        """An amount as the locale writes it: 12,50 €. Digits after the comma are the currency's own (ISO 4217)."""
        return _format_money(value.minor, value.currency, LOCALES[self.code]) if value else ""

    def country(self, code: str) -> str:
        """The name of a country by its ISO 3166 code; an unknown code is shown as it is."""
        return self._countries.get(code, code) if code else ""

    @cached_property
    def countries(self) -> Sequence[tuple[str, str]]:
        """All countries as (code, name), sorted by name."""
        named = [(code, name) for code, name in self._countries.items() if len(code) == 2 and code.isalpha()]
        excluded = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
        return sorted(
            ((code, name) for code, name in named if code not in excluded), key=lambda pair: sort_key(pair[1])
        )

    @cached_property
    def _countries(self) -> Mapping[str, str]:
        from babel import Locale

        return dict(Locale.parse(LOCALES[self.code]).territories)

    # Babel takes 50 to 85 µs a value; these two are called for every row of a list.
    def _datetime_format(self, value: clock.datetime) -> str:
        return value.strftime("%d.%m.%Y, %H:%M" if self.code == "de" else "%d/%m/%Y, %H:%M")

    def _date_format(self, value: clock.date) -> str:
        return value.strftime("%d.%m.%Y" if self.code == "de" else "%d/%m/%Y")


@lru_cache(maxsize=4096)
def _format_money(minor: int, currency: str, locale: str) -> str:
    from babel.numbers import format_currency

    amount = Decimal(minor).scaleb(-currency_digits(currency))
    return format_currency(amount, currency, locale=locale)


@lru_cache(maxsize=256)
def currency_digits(currency: str) -> int:
    """Digits after the comma of a currency (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def sort_key(text: str) -> str:
    """A key under which names sort as people expect: accents and case do not matter."""
    import unicodedata

    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()


class _Catalogue(gettext.NullTranslations):
    """Message id → forms, read from .po files."""

    def __init__(self, messages: Mapping[tuple[str | None, str], tuple[str, ...]]) -> None:
        super().__init__()
        self._messages = messages

    def gettext(self, message: str) -> str:
        return self._messages.get((None, message), (message,))[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        forms = self._messages.get((None, msgid1), (msgid1, msgid2))
        # German and English share one plural rule.
        return forms[0] if n == 1 else forms[-1]

    def pgettext(self, context: str, message: str) -> str:
        return self._messages.get((context, message), (message,))[0]

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        forms = self._messages.get((context, msgid1), (msgid1, msgid2))
        return forms[0] if n == 1 else forms[-1]


@lru_cache(maxsize=16)
def _read_catalogues(language: str, files: tuple[Path, ...]) -> Mapping[tuple[str | None, str], tuple[str, ...]]:
    messages: dict[tuple[str | None, str], tuple[str, ...]] = {}
    for file in files:
        from babel.messages.pofile import read_po

        with file.open("rb") as opened:
            for message in read_po(opened, locale=language):
                forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
                ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
                if ids[0] and all(forms) and not message.fuzzy:
                    messages.setdefault((message.context, str(ids[0])), tuple(str(form) for form in forms))
    return messages


def _catalogue_files(folder: Path, language: str) -> list[Path]:
    return sorted((folder / "locale" / language / "LC_MESSAGES").glob("*.po"))


def choose_language(accept: str, fallback: str) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110 section 12.5.4), else `fallback`."""
    weighted = []
    for position, part in enumerate(accept[:1000].split(",")):
        tag, _, parameters = part.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        quality = 1.0
        if parameters.strip().startswith("q="):
            try:
                quality = float(parameters.strip()[2:])
            except ValueError:
                quality = 0.0
        if code in LANGUAGES and quality > 0:
            weighted.append((-quality, position, code))
    return min(weighted)[2] if weighted else fallback
