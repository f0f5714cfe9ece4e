"""The page of the list: its labels, every kind of cell, plugins that fail, and what a page costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import ColumnElement, column, literal_column, table
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.site import PAGE_BUDGET, Site
from core.testing import count_queries
from core.values import Action, Choice, Column, Filter, Indicator, Link, Money
from tests.core.contacts.list_support import (
    LIST,
    MENU,
    Page,
    add,
    add_many,
    open_site,
    plugin_of,
    signed_in,
)
from tests.sample_plugin.models import Points

NAUGHTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "' OR 1=1 --",
    "javascript:alert(1)",
    "%(name)s %s %",
    "\u202eevil\u202c \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Any:
    with open_site(tmp_path, fresh_database) as site:
        yield site


def constant(value: object) -> Callable[[Session, Sequence[int]], Mapping[int, object]]:
    return lambda session, ids: dict.fromkeys(ids, value)


def test_l2_the_german_page(site: Site) -> None:
    one = add(
        site,
        "anna@example.org",
        name="Anna Müller",
        phone="+49 30 1",
        country="DE",
        tags=("VIP",),
        days=0,
    )
    with signed_in(site, language="de") as client:
        page = Page(client.get(LIST).text)

    assert page.heads[:7] == ["Name", "E-Mail", "Telefonnummer", "Land", "Module", "Tags", "Beitrittszeit"]
    assert page.heads[-2:] == ["Ansehen", "Aktionen"]
    texts = [text for _, text in page.links]
    for text in ("Alle 1", "Kundschaft 0", "Leads 1", "Inaktiv 0", "Kontakte", "Kontakt hinzufügen"):
        assert text in texts
    assert page.cell(one, "Land") == "DE"
    assert '<abbr title="Deutschland">DE</abbr>' in page.html
    assert page.cell(one, "Beitrittszeit") == "01.03.2026, 13:00"
    assert page.cell(one, "Ansehen") == "Ansehen Anna Müller"
    assert "1–1 von 1" in page.html


def test_l8_the_row_menu_has_what_fits_the_contact_and_the_person(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    def action(key: str, **values: Any) -> Action:
        href = f"/dashboard/menu/{{contact_id}}/{key}"
        return Action(key=f"menu.{key}", label=f"Do {key}", href=href, permission="contact.edit", **values)

    actions = [
        action("go"),
        action("off", method="post", only="active"),
        action("on", method="post", only="inactive"),
    ]
    with open_site(tmp_path, fresh_database, plugin_of("menu", contact_actions=lambda: actions)) as site:
        active, inactive = add(site), add(site, inactive=True)
        with signed_in(site) as client:
            first = client.get(f"{LIST}?q=example").text
            second = client.get(f"{LIST}?tab=inactive").text

    # One menu for all rows: a script puts the row's number into its addresses.
    assert f'formaction="{LIST}/{active}/actions" data-row-actions="active"' in first
    assert '<a href="/dashboard/menu/{id}/go?next=%2Fdashboard%2Fcontacts%3Fq%3Dexample"' in first
    assert 'action="/dashboard/menu/{id}/off"' in first
    assert f'name="next" value="{LIST}?q=example"' in first
    assert "/dashboard/menu/{id}/on" not in first
    assert f'formaction="{LIST}/{inactive}/actions" data-row-actions="inactive"' in second
    assert 'action="/dashboard/menu/{id}/on"' in second
    assert "/dashboard/menu/{id}/off" not in second


def test_l2_every_kind_of_cell(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    euros, francs = Money(minor=125_000, currency="EUR"), Money(minor=99, currency="CHF")
    values: dict[str, Any] = {
        "text": "words",
        "datetime": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "date": date(2026, 1, 2),
        "number": 1234,
        "money": [euros, francs],
        "country": "AT",
        "chips": ("one", "two"),
        "badge": "Paid",
        "indicator": Indicator(state="on", label="Subscribed"),
        "link": Link(text="To it", href="/dashboard/it"),
    }
    columns = [
        Column(key=f"kinds.{kind}", label=kind, kind=kind, load=constant(value))  # type: ignore[arg-type]
        for kind, value in values.items()
    ]
    with open_site(tmp_path, fresh_database, plugin_of("kinds", contact_columns=lambda: columns)) as site:
        one = add(site)
        with signed_in(site, language="de") as client:
            page = Page(client.get(LIST).text)
        cells = {kind: page.cell(one, kind) for kind in values}

    assert cells == {
        "text": "words",
        "datetime": "02.01.2026, 04:04",
        "date": "02.01.2026",
        "number": "1.234",
        "money": "1.250,00 €0,99 CHF",
        "country": "AT",
        "chips": "onetwo",
        "badge": "Paid",
        "indicator": "Subscribed",
        "link": "To it",
    }
    assert '<span class="indicator indicator-on"><svg' in page.html
    assert 'href="/dashboard/it"' in page.html


@pytest.mark.parametrize("evil", NAUGHTY)
def test_t_x3_whatever_stands_in_a_cell_is_text(tmp_path: Path, fresh_database: Callable[..., str], evil: str) -> None:
    columns = [
        Column(key="evil.text", label=evil, load=constant(evil)),
        Column(key="evil.chips", label="b", kind="chips", load=constant([evil])),
        Column(key="evil.badge", label="c", kind="badge", load=constant(evil)),
        Column(
            key="evil.indicator",
            label="d",
            kind="indicator",
            load=constant(Indicator(state="off", label=evil)),
        ),
        Column(key="evil.link", label="e", kind="link", load=constant(Link(text=evil, href="/x?" + evil))),
        Column(key="evil.country", label="f", kind="country", load=constant(evil)),
    ]
    choices = [Choice(value=evil, label=evil)]
    filters = [
        Filter(
            key="evil.filter",
            label=evil,
            predicate=lambda value: Contact.id > 0,
            choices=lambda session: choices,
        )
    ]
    plugin = plugin_of("evil", contact_columns=lambda: columns, contact_filters=lambda: filters)
    with open_site(tmp_path, fresh_database, plugin) as site:
        one = add(site, name=evil, phone=evil[:40], tags=(evil[:50],))
        with signed_in(site) as client:
            answer = client.get(LIST, params={"evil.filter": evil})
            searched = client.get(LIST, params={"q": evil})

    page = Page(answer.text)
    assert answer.status_code == searched.status_code == 200
    assert {page.cell(one, head) for head in ("Name", "b", "c", "d", "e", "f")} >= {" ".join(evil.split())}
    for html in (answer.text, searched.text):
        shown = Page(html)
        assert shown.tags.count("script") == 1
        assert "img" not in shown.tags
        assert all(href.startswith(("/", "#")) for href, _ in shown.links)
    assert one in Page(searched.text).ids or not searched.text.count("table-cards")


def failing(session: Session, ids: Sequence[int]) -> Mapping[int, object]:
    raise ZeroDivisionError("division by zero")


def leaving(session: Session, ids: Sequence[int]) -> Mapping[int, object]:
    raise SystemExit(3)


def cross(value: Any) -> object:
    raise ValueError("not convertible")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "raises": ({"load": failing}, "ZeroDivisionError: division by zero"),
    "exits": ({"load": leaving}, "called sys.exit()"),
    "no mapping": ({"load": lambda session, ids: 7}, "not a mapping"),
    "wrong value": ({"load": constant(7)}, "takes str"),
    "naive time": ({"kind": "datetime", "load": constant(datetime(2026, 1, 1))}, "time zone"),  # noqa: DTZ001
    "bad convert": ({"expression": Contact.id, "convert": cross}, "not convertible"),
    "wrong kind": ({"expression": Contact.id}, "takes str"),
    "no such column": ({"expression": literal_column("nowhere")}, "nowhere"),
    "no such table": (
        {
            "expression": table("missing", column("contact_id"), column("x")).c.x,
            "side_table": table("missing", column("contact_id"), column("x")),
        },
        "missing",
    ),
    "table not joined": ({"expression": Points.__table__.c.points}, "without side_table="),
    "no expression": ({"expression": "points"}, "Column “Broken” of plugin “broken”"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_t_g1_a_broken_column_is_named_and_the_rest_is_shown(
    tmp_path: Path, fresh_database: Callable[..., str], how: str
) -> None:
    values, message = BROKEN[how]
    plugin = plugin_of(
        "broken",
        contact_columns=lambda: [
            Column(key="broken.column", label="Broken", **values),
            Column(key="broken.good", label="Good", load=constant("fine")),
        ],
    )
    with open_site(tmp_path, fresh_database, plugin) as site:
        one, two = add(site, name="Anna"), add(site, name="Berta")
        with site.begin() as session:
            session.add(Points(contact_id=one, points=3))
        with signed_in(site) as client:
            answer = client.get(LIST)

    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.ids == [two, one]
    assert page.cell(one, "Good") == "fine"
    assert page.cell(one, "Points") == "3"
    assert "Column “Broken” of plugin “broken” could not be shown: " in answer.text
    assert message in answer.text


def test_t_g1_a_slow_column_is_given_up_within_the_budget(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    release = Event()

    def slow(session: Session, ids: Sequence[int]) -> Mapping[int, object]:
        # Far longer than the page waits, however busy the machine is.
        release.wait(120)
        return {}

    columns = [
        Column(key="slow.column", label="Slow", load=slow),
        Column(key="slow.good", label="Good", load=constant("fine")),
    ]
    with open_site(tmp_path, fresh_database, plugin_of("slow", contact_columns=lambda: columns)) as site:
        one = add(site)
        try:
            with signed_in(site) as client:
                began = monotonic()
                answer = client.get(LIST)
                took = monotonic() - began
        finally:
            release.set()

    assert answer.status_code == 200
    assert took < PAGE_BUDGET + 60
    assert Page(answer.text).cell(one, "Good") == "fine"
    assert "Column “Slow” of plugin “slow” could not be shown: took too long" in answer.text


def raising(value: str) -> ColumnElement[bool]:
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (raising, "RuntimeError: no idea"),
        (lambda value: literal_column("nowhere") == value, "nowhere"),
        (lambda value: Points.points > 0, "subselect"),
        (lambda value: "all", "failed"),
    ],
)
def test_l4_a_broken_filter_shows_no_contacts_rather_than_too_many(
    tmp_path: Path, fresh_database: Callable[..., str], predicate: Any, message: str
) -> None:
    broken = Filter(
        key="broken.filter",
        label="Broken",
        predicate=predicate,
        choices=lambda session: [Choice(value="1", label="One")],
    )
    with open_site(tmp_path, fresh_database, plugin_of("broken", contact_filters=lambda: [broken])) as site:
        one = add(site, country="DE")
        with signed_in(site) as client:
            filtered = client.get(LIST, params={"broken.filter": "1", "contact.country": "DE"})
            plain = client.get(LIST)

    assert filtered.status_code == 200
    assert Page(filtered.text).ids == []
    assert "filter “Broken” of plugin “broken” failed" in filtered.text
    assert message in filtered.text
    assert Page(plain.text).ids == [one]


def test_h4_failing_choices_are_named_where_they_are_asked_for_and_the_list_is_shown(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    def choices(session: Session) -> Sequence[Choice]:
        raise LookupError("gone")

    broken = Filter(key="broken.filter", label="Broken", predicate=lambda value: Contact.id > 0, choices=choices)
    with open_site(tmp_path, fresh_database, plugin_of("broken", contact_filters=lambda: [broken])) as site:
        one = add(site)
        with signed_in(site) as client:
            plain = client.get(LIST)
            filtered = client.get(f"{LIST}?broken.filter=1")
            asked = [
                client.get(f"{LIST}/filter{query}", headers=headers)
                for query in ("", "?filter=broken.filter")
                for headers in ({}, MENU)
            ]

    assert Page(plain.text).ids == Page(filtered.text).ids == [one]
    for answer in (filtered, *asked):
        assert answer.status_code == 200
        assert "Filter “Broken” of plugin “broken” has no choices: LookupError: gone" in answer.text


def test_t_g1_a_sort_that_the_database_refuses_falls_back_to_the_usual_order(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    bad = Column(key="broken.sort", label="Broken", load=constant("x"), sort=literal_column("nowhere"))
    with open_site(tmp_path, fresh_database, plugin_of("broken", contact_columns=lambda: [bad])) as site:
        old, young = add(site, days=1), add(site, days=2)
        with signed_in(site) as client:
            answer = client.get(f"{LIST}?sort=broken.sort")

    assert Page(answer.text).ids == [young, old]
    assert "The list could not be sorted by column “Broken” of plugin “broken”" in answer.text


def test_h5_the_queries_of_a_page_do_not_grow_with_its_rows(site: Site) -> None:
    """The sample plugin has a column of each sort: an expression on a side table, and a loader."""

    def cost(client: Any, rows: int) -> list[str]:
        with count_queries(site) as queries:
            assert len(Page(client.get(LIST).text).ids) == rows
        return queries.statements

    with signed_in(site) as client:
        add(site, tags=("VIP",), modules=("sample_plugin",))
        one = cost(client, 1)
        add_many(site, 49)
        fifty = cost(client, 50)
        add_many(site, 30, start=49)
        more = cost(client, 50)

    assert len(one) == len(fifty) == len(more) == 8, "\n".join(fifty)


def test_hidden_columns_cost_nothing(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    asked: list[str] = []

    def load(session: Session, ids: Sequence[int]) -> Mapping[int, object]:
        asked.append("hidden")
        return {}

    hidden = Column(key="hidden.column", label="Hidden", load=load, shown=False)
    with open_site(tmp_path, fresh_database, plugin_of("hidden", contact_columns=lambda: [hidden])) as site:
        add(site)
        with signed_in(site) as client:
            page = Page(client.get(LIST).text)

    assert "Hidden" not in page.heads
    assert asked == []


def test_statement_and_template_are_made_once(site: Site) -> None:
    add(site)
    with signed_in(site) as client:
        client.get(LIST)
        client.get(f"{LIST}?q=nobody")
        client.get(f"{LIST}?q=example")
        statements = dict(site.__dict__["_contact_statements"])
        tables = dict(site.__dict__["_contact_tables"])
        client.get(f"{LIST}?q=example")
        client.get(LIST)

    assert site.__dict__["_contact_statements"] == statements
    assert site.__dict__["_contact_tables"] == tables
    # One finds the contacts, another reads their cells; SQLite has one more for the few that a search leaves.
    assert (len(statements), len(tables)) == (3 if site.database.is_sqlite else 2, 1)


def test_empty_states_say_what_to_do(site: Site) -> None:
    with signed_in(site) as client:
        nobody = client.get(LIST).text
        lead = add(site)
        assert Page(client.get(LIST).text).ids == [lead]
        no_customers = client.get(f"{LIST}?tab=customers").text
        nothing = Page(client.get(f"{LIST}?q=nobody").text)

    assert "Your contacts will appear here" in nobody
    assert f'href="{LIST}/new"' in nobody
    assert "No customers yet" in no_customers
    assert (LIST, "Remove search and filters") in nothing.links


def test_l2_pages_say_where_they_are(site: Site) -> None:
    add_many(site, 120)
    with signed_in(site) as client:
        first = Page(client.get(LIST).text)
        second = Page(client.get(first.next).text)
        third = Page(client.get(second.next).text)
        again = Page(client.get(third.previous).text)

    assert "1–50 of 120" in first.html
    assert "51–100 of 120" in second.html
    assert "101–120 of 120" in third.html
    assert third.next == ""
    assert first.previous == ""
    assert again.ids == second.ids


def test_many_matches_are_counted_up_to_a_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("core.contacts.counts", "core.contacts.directory", "core.web.contact_list.page"):
        monkeypatch.setattr(f"{module}.COUNTED_UP_TO", 60)
    add_many(site, 70)
    with signed_in(site) as client:
        assert "1–50 of 60+" in client.get(f"{LIST}?q=person").text
        assert "1–50 of 70" in client.get(LIST).text
