"""Columns, filter, panel and tile (FEATURES B3), the demonstration, and the German words (H8)."""

from __future__ import annotations

import ast
import random
import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment
from sqlalchemy import func, select

from core import SYSTEM, Contact, Demo, DemoPerson, Details, Site
from core.contacts.matching import contacts_of
from core.contacts.views import View
from core.testing import count_queries
from plugins.booking import plugin
from plugins.booking.appointments import book_appointment, cancel_appointment, new_token
from plugins.booking.contact_views import BookedServices
from plugins.booking.models import BookingAppointment, BookingClaim, BookingService
from plugins.booking.services import find_service
from tests.plugins.booking.conftest import MakeSite
from tests.plugins.booking.rows import rows_of

FOLDER = Path(plugin.__file__).parent


@pytest.fixture
def noon(soon: date) -> datetime:
    return datetime.combine(soon, time(12), ZoneInfo("Europe/Berlin")).astimezone(UTC)


def take(site: Site, email: str, starts_at: datetime) -> tuple[int, int]:
    """Book, in the past for a past time; answers the ids of the contact and the appointment."""
    now = min(datetime.now(UTC), starts_at - timedelta(days=1))
    with site.begin() as session:
        booked = book_appointment(
            session,
            site,
            find_service(session, "haircut"),
            starts_at=starts_at,
            email=email,
            token=new_token(),
            now=now,
        )
    assert booked.contact_id is not None
    return booked.contact_id, booked.id


def test_b3_columns_show_the_next_and_the_last_appointment(site: Site, noon: datetime) -> None:
    anna, _ = take(site, "anna@example.org", noon)
    take(site, "anna@example.org", noon + timedelta(days=1))
    take(site, "anna@example.org", noon - timedelta(days=28))
    take(site, "anna@example.org", noon - timedelta(days=21))
    bea, cancelled = take(site, "bea@example.org", noon + timedelta(days=2))
    with site.begin() as session:
        cancel_appointment(session, site, cancelled, actor=SYSTEM)

    columns = {column.key: column for column in plugin.contact_columns()}
    loaded = {}
    with site.session() as session:
        for key, column in columns.items():
            assert column.load is not None
            with count_queries(site) as queries:
                loaded[key] = column.load(session, [anna, bea])
            assert len(queries) == 1
    assert loaded["booking.next"] == {anna: noon}
    assert loaded["booking.last"] == {anna: noon - timedelta(days=21)}


def test_b3_the_filter_finds_who_booked_and_who_will_come(site: Site, noon: datetime) -> None:
    take(site, "past@example.org", noon - timedelta(days=28))
    take(site, "upcoming@example.org", noon)
    _, cancelled = take(site, "cancelled@example.org", noon + timedelta(days=1))
    with site.begin() as session:
        cancel_appointment(session, site, cancelled, actor=SYSTEM)
    has_booked = site.contributions.contact_filters["booking.has_booked"]

    def found(value: str) -> list[str]:
        predicate = has_booked.predicate(value)
        assert predicate is not None
        with site.session() as session:
            return sorted(email.partition("@")[0] for email in session.scalars(select(Contact.email).where(predicate)))

    assert found("yes") == ["past", "upcoming"]
    assert found("upcoming") == ["upcoming"]
    assert found("no") == ["cancelled"]
    assert has_booked.predicate("nonsense") is None


def test_b3_filters_by_the_day_of_the_next_and_the_last(site: Site, noon: datetime) -> None:
    take(site, "soon@example.org", noon)
    take(site, "soon@example.org", noon + timedelta(days=14))
    take(site, "later@example.org", noon + timedelta(days=21))
    take(site, "past@example.org", noon - timedelta(days=28))
    day = noon.astimezone(site.settings.zone).date()

    def found(key: str, value: str) -> list[str]:
        with site.session() as session:
            ids = contacts_of(site, View(filters=((key, (value,)),)))
            emails = session.scalars(select(Contact.email).where(Contact.id.in_(ids)))
            return sorted(email.partition("@")[0] for email in emails)

    assert found("booking.next", f"{day}..{day}") == ["soon"]
    assert found("booking.next", f"{day}..") == ["later", "soon"]
    assert found("booking.last", f"..{day}") == ["past"]
    assert found("booking.next", "none:") == ["past"]


def test_b3_the_panel_lists_what_is_next_and_what_was(site: Site, noon: datetime) -> None:
    contact_id, _ = take(site, "anna@example.org", noon)
    take(site, "anna@example.org", noon + timedelta(days=1))
    take(site, "anna@example.org", noon - timedelta(days=28))
    (panel,) = plugin.contact_panels()

    with site.session() as session:
        shown = panel.load(session, contact_id)
        nothing = panel.load(session, contact_id + 1)

    assert isinstance(shown, BookedServices)
    assert shown.total == 3
    assert [one.starts_at for one in shown.upcoming] == [noon, noon + timedelta(days=1)]
    assert [one.starts_at for one in shown.past] == [noon - timedelta(days=28)]
    assert nothing is None


def test_b3_h9_the_tile_counts_by_weeks(site: Site) -> None:
    (tile,) = plugin.overview_tiles()
    with site.session() as session:
        assert tile.load(session) is None
    today = datetime.now(UTC).astimezone(ZoneInfo("Europe/Berlin")).date()
    monday = today - timedelta(days=today.weekday())

    def at(day: date) -> datetime:
        return datetime.combine(day, time(9), ZoneInfo("Europe/Berlin")).astimezone(UTC)

    take(site, "a@example.org", at(monday))
    take(site, "b@example.org", at(monday + timedelta(days=6)))
    take(site, "c@example.org", at(monday - timedelta(days=1)))
    take(site, "d@example.org", at(monday + timedelta(days=7)))
    with site.session() as session:
        data = tile.load(session)

    assert data is not None
    assert data.value == 2
    assert [count for _, count in data.series][-2:] == [1, 2]
    assert len(data.series) == 12
    assert data.series[-1][0] == str(today.isocalendar().week)


def demo_of(seed: int, now: datetime, people: int = 15) -> Demo:
    chance = random.Random(seed)
    return Demo(
        random=chance,
        people=[
            DemoPerson(
                email=f"person{number}@example.org",
                details=Details(name=f"Person {number}"),
                since=now - timedelta(days=chance.randint(0, 700)),
            )
            for number in range(people)
        ],
        now=now,
    )


def test_the_demonstration_fills_two_years_without_an_overlap(make_booking_site: MakeSite) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    sites = [make_booking_site(), make_booking_site()]
    for site in sites:
        plugin.demo_history(site, demo_of(7, now))

    site = sites[0]
    assert rows_of(site, BookingService) == 6
    with site.session() as session:
        rows = session.scalars(
            select(BookingAppointment)
            .where(BookingAppointment.state != "cancelled")
            .order_by(BookingAppointment.starts_at)
        ).all()
        claimed = session.scalar(select(func.count(BookingClaim.appointment_id.distinct())).select_from(BookingClaim))
    assert len(rows) == claimed
    assert all(before.ends_at <= after.starts_at for before, after in pairwise(rows))
    assert any(row.starts_at > now for row in rows)
    assert {row.state for row in rows if row.ends_at <= now} <= {"done", "no_show"}
    assert all(row.booked_at <= now for row in rows)
    with sites[1].session() as session:
        again = session.scalars(
            select(BookingAppointment.starts_at)
            .where(BookingAppointment.state != "cancelled")
            .order_by(BookingAppointment.starts_at)
        ).all()
    assert [row.starts_at for row in rows] == again, "the same seed makes the same site"


def messages() -> set[str]:
    """Every text of the plugin that a person reads: in templates, in contributions, in errors."""
    found: set[str] = set()
    environment = Environment(extensions=["jinja2.ext.i18n"])
    for file in (FOLDER / "templates").rglob("*.html"):
        for _, _, message in environment.extract_translations(file.read_text()):  # type: ignore[attr-defined]
            parts = message if isinstance(message, tuple) else (message,)
            found.add(next(part for part in parts if isinstance(part, str)))
    sentence = re.compile(r"[A-Z“'%][^\n]* [^\n]*[^ ]")
    for file in FOLDER.glob("*.py"):
        if file.name in ("demo.py", "models.py"):
            continue
        tree = ast.parse(file.read_text())
        documentation = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        raised = {
            id(node.args[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError" and node.args
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                documentation |= {id(part) for part in node.values}
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation | raised
            and sentence.fullmatch(node.value)
            and not node.value.startswith("%Y")
        }
    return found


def test_h8_every_text_is_german_too(site: Site) -> None:
    language = site.language("de")
    # The same word in both languages.
    same = {"Name", "Service", "Services", "Status", "%(start)s–%(end)s"}

    missing = {text for text in messages() - same if language.text(text) == text}
    missing = {text for text in missing if language.translations.ngettext(text, text, 2) == text}

    assert not missing
