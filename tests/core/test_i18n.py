"""Languages: which one is spoken, plurals, and how dates, numbers and money are written (FEATURES H8)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core import Language, Money, currency_digits
from core.i18n import choose_language
from core.testing import make_client, make_site
from tests.sample_plugin import plugin as sample

SAMPLE = Path(sample.__file__ or "").parent


def language(code: str, zone: str = "Europe/Berlin", folder: Path = SAMPLE) -> Language:
    return Language(code, ZoneInfo(zone), (folder,))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("de", "de"),
        ("en", "en"),
        ("de-AT", "de"),
        ("EN-us,de;q=0.5", "en"),
        ("fr,en;q=0.3,de;q=0.9", "de"),
        ("fr, ja", "de"),
        ("", "de"),
        ("en;q=0, de;q=0.1", "de"),
        ("en;q=0", "de"),
        ("en;q=nonsense", "de"),
        ("*", "de"),
        ("de,en", "de"),
        ("en,de", "en"),
        (";;;,,q=", "de"),
        ("x" * 100_000 + ",en", "de"),
    ],
)
def test_h8_the_language_follows_what_the_browser_asks_for(accept: str, chosen: str) -> None:
    assert choose_language(accept, "de") == chosen


@pytest.mark.parametrize(("given", "spoken"), [("de", "de"), ("en", "en"), ("fr", "en")])
def test_h8_a_page_is_in_the_language_asked_for_else_in_the_sites(tmp_path: Path, given: str, spoken: str) -> None:
    site = make_site(tmp_path, language="en")
    with make_client(site) as client:
        assert f'<html lang="{spoken}"' in client.get("/", headers={"accept-language": given}).text


def test_h8_a_chosen_language_is_remembered_over_the_browsers(tmp_path: Path) -> None:
    with make_client(make_site(tmp_path)) as client:
        client.get("/language", params={"code": "en", "next": "/"})
        assert '<html lang="en"' in client.get("/", headers={"accept-language": "de"}).text

        client.get("/language", params={"code": "xx", "next": "/"})
        assert '<html lang="en"' in client.get("/", headers={"accept-language": "de"}).text


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example"])
def test_t_x5_choosing_a_language_leads_nowhere_else(tmp_path: Path, target: str) -> None:
    with make_client(make_site(tmp_path)) as client:
        answer = client.get("/language", params={"code": "en", "next": target}, follow_redirects=False)

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("code", "number", "text"),
    [
        ("de", 0, "0 Punkte"),
        ("de", 1, "1 Punkt"),
        ("de", 2, "2 Punkte"),
        ("en", 0, "0 points"),
        ("en", 1, "1 point"),
        ("en", 2, "2 points"),
    ],
)
def test_h8_the_plural_fits_the_number(code: str, number: int, text: str) -> None:
    assert language(code).plural("%(num)s point", "%(num)s points", number, num=number) == text


def test_h8_an_unknown_text_is_shown_in_english_with_its_values() -> None:
    assert language("de").text("Nobody translated %(this)s.", this="100 %") == "Nobody translated 100 %."
    assert language("de").text("") == ""


NBSP = "\xa0"


@pytest.mark.parametrize(
    ("code", "minor", "currency", "text"),
    [
        ("de", 125050, "EUR", f"1.250,50{NBSP}€"),
        ("de", -500, "EUR", f"-5,00{NBSP}€"),
        ("de", 1250, "JPY", f"1.250{NBSP}¥"),
        ("de", 1250, "KWD", f"1,250{NBSP}KWD"),
        ("en", 125050, "EUR", "€1,250.50"),
        ("en", -500, "EUR", "-€5.00"),
        ("en", 1250, "JPY", "JP¥1,250"),
        ("en", 1250, "KWD", "KWD1.250"),
    ],
)
def test_h8_money_has_the_digits_of_its_currency(code: str, minor: int, currency: str, text: str) -> None:
    assert language(code).money(Money(minor=minor, currency=currency)) == text


def test_h8_a_large_amount_is_exact_to_the_last_cent() -> None:
    assert language("de").money(Money(minor=9_007_199_254_740_993, currency="EUR")) == (f"90.071.992.547.409,93{NBSP}€")


def test_currencies_have_their_own_digits_and_are_never_added_up() -> None:
    assert [currency_digits(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert Money(minor=1, currency="EUR") + Money(minor=2, currency="EUR") == Money(minor=3, currency="EUR")
    with pytest.raises(ValueError, match="JPY and EUR can't be added"):
        Money(minor=1, currency="JPY") + Money(minor=1, currency="EUR")


LATE = datetime(2026, 11, 21, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "zone", "moment", "day", "hour", "long"),
    [
        ("de", "Europe/Berlin", "22.11.2026, 00:05", "22.11.2026", "00:05", "Sonntag, 22. November 2026"),
        ("en", "Europe/Berlin", "22/11/2026, 00:05", "22/11/2026", "00:05", "Sunday, 22 November 2026"),
        ("de", "America/New_York", "21.11.2026, 18:05", "21.11.2026", "18:05", "Samstag, 21. November 2026"),
        ("de", "UTC", "21.11.2026, 23:05", "21.11.2026", "23:05", "Samstag, 21. November 2026"),
    ],
)
def test_h8_a_moment_is_shown_in_the_sites_zone(
    code: str, zone: str, moment: str, day: str, hour: str, long: str
) -> None:
    spoken = language(code, zone)

    assert spoken.datetime(LATE) == moment
    assert spoken.date(LATE) == day
    assert spoken.time(LATE) == hour
    assert spoken.long_date(LATE) == long


def test_t_b8_the_two_hours_of_a_clock_change_are_shown_as_the_clock_showed_them() -> None:
    spoken = language("de")

    shown = [spoken.time(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1, 2)]

    assert shown == ["02:30", "02:30", "03:30"]


def test_h8_a_date_without_a_time_is_of_no_zone() -> None:
    assert language("de", "America/New_York").date(date(2026, 1, 1)) == "01.01.2026"


def test_h8_numbers_have_the_separators_of_the_locale() -> None:
    assert (language("de").number(12480), language("en").number(12480)) == ("12.480", "12,480")
    assert language("de").number(0.5) == "0,5"


def test_h8_nothing_is_shown_as_nothing() -> None:
    spoken = language("de")

    assert [spoken.datetime(None), spoken.date(None), spoken.time(None), spoken.long_date(None)] == [""] * 4
    assert [spoken.number(None), spoken.money(None), spoken.country("")] == [""] * 3


def test_h8_countries_are_named_and_sorted_in_the_language() -> None:
    assert (language("de").country("DE"), language("en").country("DE")) == ("Deutschland", "Germany")
    assert language("de").country("QQ") == "QQ"
    names = [name for _, name in language("de").countries]
    assert names.index("Ägypten") < names.index("Albanien") < names.index("Zypern")
    assert {"EU", "UN", "ZZ"}.isdisjoint(code for code, _ in language("de").countries)


def test_h8_the_words_of_the_core_come_before_a_plugins(tmp_path: Path) -> None:
    for name, german in (("core", "Kern"), ("plugin", "Plugin")):
        folder = tmp_path / name / "locale" / "de" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "messages.po").write_text(
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
            f'msgid "Word"\nmsgstr "{german}"\n\nmsgid "Only {name}"\nmsgstr "Nur {german}"\n'
        )
    spoken = Language("de", ZoneInfo("UTC"), (tmp_path / "core", tmp_path / "plugin"))

    assert [spoken.text(text) for text in ("Word", "Only core", "Only plugin")] == [
        "Kern",
        "Nur Kern",
        "Nur Plugin",
    ]
