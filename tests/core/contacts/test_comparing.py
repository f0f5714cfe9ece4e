"""Filters whose values are typed: ranges of numbers and days, words (FEATURES L4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core import Activity, Capture, Contact, Details, Filter, Site, capture_contact, comparison, hookimpl
from core.contacts.matching import contacts_of
from core.contacts.views import View
from core.errors import InvalidInput
from core.testing import make_site
from tests.support.plugins import plugin_module


@hookimpl
def contact_filters() -> list[Filter]:
    return [
        Filter(key="typed.joined", label="Joined", kind="date", predicate=comparison("date", Contact.joined_at)),
        Filter(key="typed.id", label="Half", kind="number", predicate=comparison("number", Contact.id, scale=2)),
        Filter(key="typed.city", label="City", kind="text", predicate=comparison("text", func.lower(Contact.city))),
        Filter(
            key="typed.own",
            label="Own",
            kind="number",
            predicate=comparison("number", Contact.id, Contact.id, where=Contact.city != ""),
        ),
    ]


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = make_site(tmp_path, plugin_module("typed", contact_filters=contact_filters), database_url=database_url)
    moments = ["2026-01-31T22:59:59", "2026-01-31T23:00:00", "2026-02-01T22:59:59", "2026-02-01T23:00:00"]
    for moment, city in zip(moments, ("Bonn", "", "100 % Bonn", "Köln"), strict=True):
        when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        with site.begin() as session:
            capture = Capture(
                email=f"{moment.replace(':', '')}@example.org",
                module="typed",
                activity=Activity(kind="typed.met"),
                occurred_at=when,
                details=Details(city=city, name="A"),
            )
            capture_contact(session, site, capture)
    yield site
    site.close()


def found(site: Site, key: str, *values: str) -> list[int]:
    view = View(filters=((key, values),))
    with site.session() as session:
        first = session.scalar(select(func.min(Contact.id))) or 0
        return sorted(one - first + 1 for one in session.scalars(contacts_of(site, view)))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        # The first of February in Berlin lasts from 23:00 to 23:00 in UTC.
        ("typed.joined", "2026-02-01..2026-02-01", [2, 3]),
        ("typed.joined", "..2026-01-31", [1]),
        ("typed.joined", "2026-02-02..", [4]),
        ("typed.joined", "any:", [1, 2, 3, 4]),
        ("typed.joined", "none:", []),
        ("typed.joined", "last:0", []),
        ("typed.joined", "0001-01-01..9999-12-31", []),
        ("typed.city", "has:bonn", [1, 3]),
        ("typed.city", "is:BONN", [1]),
        ("typed.city", "has:100 %", [3]),
        ("typed.city", "has:%", [3]),
    ],
)
def test_l4_typed_value(site: Site, key: str, value: str, expected: list[int]) -> None:
    if value == "0001-01-01..9999-12-31":
        with pytest.raises(InvalidInput):
            found(site, key, value)
    else:
        assert found(site, key, value) == expected


def test_l4_numbers_are_compared_at_their_scale_and_by_whose_they_are(site: Site) -> None:
    with site.session() as session:
        lowest = session.scalar(select(func.min(Contact.id))) or 0

    assert found(site, "typed.id", f"{(lowest + 1) / 2}..") == [2, 3, 4]
    assert found(site, "typed.id", f"..{lowest / 2}", f"{(lowest + 3) / 2}..") == [1, 4]
    assert found(site, "typed.own", f"{lowest}..{lowest + 2}") == [1, 3]
    assert found(site, "typed.own", "none:") == [2]


@pytest.mark.parametrize("value", ["", "5", "..", "a..b", "1e9..", "last:", "2026-13-01..", "has:", "١..٢"])
@pytest.mark.parametrize("key", ["typed.joined", "typed.id", "typed.city"])
def test_l4_a_value_that_means_nothing_is_refused(site: Site, key: str, value: str) -> None:
    with pytest.raises(InvalidInput):
        found(site, key, value)
