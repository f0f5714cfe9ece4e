"""The order of the list and its pages: every column up and down, no contact twice or left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.contacts.directory import find_contacts
from core.contacts.views import View
from core.site import Site
from tests.core.contacts.list_support import LIST, Page, add, open_site, signed_in
from tests.sample_plugin.models import Points


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Any:
    with open_site(tmp_path, fresh_database) as site:
        yield site


# name, country, day of joining, points: with ties, and with nothing at all.
PEOPLE = [
    ("Ada", "DE", 1, 30),
    ("ada", "", 1, None),
    ("", "AT", 2, 30),
    ("Bo", "", 2, 10),
    ("", "DE", 2, None),
    ("Zoe", "CH", 0, 30),
    ("bo", "DE", 3, None),
    ("", "", 3, 0),
    ("Cy", "CH", 3, None),
]

KEYS: dict[str, Callable[[tuple[str, str, int, int | None]], Any]] = {
    "contact.joined": lambda person: person[2],
    "contact.name": lambda person: person[0].lower() or None,
    "contact.country": lambda person: person[1] or None,
    "sample_plugin.points": lambda person: person[3],
}


def people(site: Site) -> dict[int, tuple[str, str, int, int | None]]:
    found = {}
    for person in PEOPLE:
        name, country, days, points = person
        contact_id = add(site, name=name, country=country, days=days)
        found[contact_id] = person
        if points is not None:
            with site.begin() as session:
                session.add(Points(contact_id=contact_id, points=points))
    # In no list: merged away, and inactive; both with values that would come first.
    add(site, name="AAA", country="AA", days=9, inactive=True)
    add(site, name="AAA", country="AA", days=9, merged_into=next(iter(found)))
    return found


def expected(found: dict[int, tuple[str, str, int, int | None]], sort: str, descending: bool) -> list[int]:
    key = KEYS[sort]
    valued = [one for one in found if key(found[one]) is not None]
    empty = [one for one in found if key(found[one]) is None]
    valued.sort(key=lambda one: (key(found[one]), one), reverse=descending)
    empty.sort(reverse=descending)
    return valued + empty


@pytest.mark.parametrize("sort", KEYS)
def test_l3_pages_forward_and_backward_hold_every_contact_once(site: Site, sort: str) -> None:
    found = people(site)
    columns = list(site.contributions.contact_columns.values())
    for descending in (True, False):
        wanted = expected(found, sort, descending)
        view = View(sort=sort, descending=descending)
        for size in (1, 2, 3, 4, 9, 10):
            pages, after = [], ""
            while True:
                page, _ = find_contacts(site, view, columns, after=after, size=size)
                pages.append(page)
                if page.next is None:
                    break
                after = page.next
            walked = [[row["id"] for row in page.rows] for page in pages]
            assert [one for ids in walked for one in ids] == wanted, (sort, descending, size)
            assert pages[0].previous is None
            assert [page.first for page in pages] == list(range(1, len(PEOPLE) + 1, size))
            assert {page.total for page in pages} == {len(PEOPLE)}

            backward = [walked[-1]]
            before = pages[-1].previous
            while before:
                page, _ = find_contacts(site, view, columns, before=before, size=size)
                backward.append([row["id"] for row in page.rows])
                assert page.first == 1 + size * (len(pages) - len(backward))
                assert page.next is not None
                before = page.previous
            assert backward[::-1] == walked, (sort, descending, size)


def test_l3_newest_first_and_by_id_among_equals(site: Site) -> None:
    old, young, twin = add(site, days=1), add(site, days=5), add(site, days=5)

    with signed_in(site) as client:
        assert Page(client.get(LIST).text).ids == [twin, young, old]


def test_l3_a_head_sorts_up_and_down(site: Site) -> None:
    b, a, nameless = add(site, name="berta"), add(site, name="Anton"), add(site)
    with signed_in(site) as client:
        first = Page(client.get(LIST).text)
        [up] = [href for href, text in first.links if text == "Name"]
        upwards = Page(client.get(up).text)
        [down] = [href for href, text in upwards.links if text == "Name"]
        downwards = Page(client.get(down).text)

    assert upwards.ids == [a, b, nameless]
    assert downwards.ids == [b, a, nameless]
    assert 'aria-sort="ascending"' in upwards.html
    assert 'aria-sort="descending"' in downwards.html


def test_l3_a_column_with_a_value_for_every_contact_keeps_contacts_without_a_row(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    from sqlalchemy import func

    from core.values import Column
    from tests.core.contacts.list_support import plugin_of

    table = Points.__table__
    column = Column(
        key="sums.points",
        label="Sum",
        kind="number",
        expression=func.coalesce(table.c.points, 0),
        side_table=table,
    )
    with open_site(tmp_path, fresh_database, plugin_of("sums", contact_columns=lambda: [column])) as site:
        without, with_points = add(site), add(site)
        with site.begin() as session:
            session.add(Points(contact_id=with_points, points=5))
        with signed_in(site) as client:
            assert Page(client.get(f"{LIST}?sort=sums.points").text).ids == [without, with_points]
            down = Page(client.get(f"{LIST}?sort=-sums.points").text)
        assert down.ids == [with_points, without]
        assert down.cell(without, "Sum") == "0"


def test_l3_going_back_to_the_start_shows_a_whole_page(site: Site) -> None:
    ids = [add(site, days=day) for day in range(4)][::-1]
    columns = list(site.contributions.contact_columns.values())
    first, _ = find_contacts(site, View(), columns, size=2)
    second, _ = find_contacts(site, View(), columns, after=first.next or "", size=2)
    newest = add(site, days=9)

    back, _ = find_contacts(site, View(), columns, before=second.previous or "", size=2)
    further, _ = find_contacts(site, View(), columns, before=back.previous or "", size=2)

    assert [row["id"] for row in back.rows] == ids[:2]
    assert [row["id"] for row in further.rows] == [newest, ids[0]]
    assert further.previous is None


def test_a_page_whose_contacts_are_gone_becomes_the_beginning(site: Site) -> None:
    from sqlalchemy import delete

    from core.contacts.models import Contact

    ids = [add(site, days=day) for day in range(3)][::-1]
    columns = list(site.contributions.contact_columns.values())
    first, _ = find_contacts(site, View(), columns, size=2)
    with site.begin() as session:
        session.execute(delete(Contact).where(Contact.id == ids[2]))

    page, _ = find_contacts(site, View(), columns, after=first.next or "", size=2)

    assert [row["id"] for row in page.rows] == ids[:2]


@pytest.mark.parametrize(
    "sort",
    [
        "password_hash",
        "(select 1)",
        "name]",
        "contact.name desc",
        "contact.modules",
        "contact.view",
        "--contact.name",
        "contact.unknown",
    ],
)
def test_t_z6_only_listed_columns_sort(site: Site, sort: str) -> None:
    add(site)
    with signed_in(site) as client:
        answer = client.get(LIST, params={"sort": sort})

    assert answer.status_code == 400
    assert "be sorted by" in answer.text


@pytest.mark.parametrize("name", ["password_hash", "name]", "contact.email", "sort]", "limit"])
def test_t_z6_only_listed_filters_are_taken(site: Site, name: str) -> None:
    with signed_in(site) as client:
        assert client.get(LIST, params={name: "1"}).status_code == 400


def test_t_z6_altered_and_foreign_cursors_are_refused(site: Site) -> None:
    columns = list(site.contributions.contact_columns.values())
    for day in range(3):
        add(site, days=day)
    cursor = find_contacts(site, View(), columns, size=2)[0].next or ""
    with signed_in(site) as client:
        assert client.get(LIST, params={"after": cursor}).status_code == 200
        for wrong in (
            {"after": cursor[:-2]},
            {"after": "x" + cursor},
            {"before": cursor},
            {"after": cursor, "sort": "contact.name"},
        ):
            assert client.get(LIST, params=wrong).status_code == 400, wrong
