"""What a page of the contact list costs over HTTP, against the same rows and the same page made by hand.

The product answers whole requests, with session, permissions, plugins and counting. By hand it is sqlite3 and one
template (`benchmarks.by_hand`), once behind a bare Litestar handler and once as a function without any request. Both
show the same contacts in the same order, which is checked, and pages of nearly the same size, which is printed. The
times are the processor's, in all threads of this process: what else the machine does is not in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from attrs import frozen

from benchmarks.asking import Asker, signed_in
from benchmarks.by_hand import ACTIVE, COLUMNS, COUNTED_UP_TO, LIST, PAGE, SIDES, TOTALS, ByHand
from benchmarks.generator import COMMON_TAG, RARE_TAG, TAGS, make_people
from benchmarks.measuring import Result, compare
from core.contacts.cursors import Cursor, encode_cursor
from core.contacts.models import Contact
from core.settings import Settings
from core.site import Site, open_site

NEWEST = "ORDER BY c.joined_at DESC, c.id DESC"


@frozen(kw_only=True)
class Case:
    """A page of the list, its rows in SQL, and the number that stands in its foot: counted, or known before."""

    name: str
    query: str
    rows: str
    values: tuple[object, ...] = ()
    count: str = ""
    total: str = ""


def _select(source: str, rest: str) -> str:
    totals = "" if "shop_customer_totals t" in source else TOTALS
    return f"SELECT {COLUMNS} FROM {source} {SIDES} {totals} {rest} LIMIT {PAGE}"


def _count(source: str, where: str) -> str:
    return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {ACTIVE} AND {where} LIMIT {COUNTED_UP_TO + 1})"


def cases(site: Site) -> Iterator[Case]:
    """The pages that are measured."""
    number = {name: at for at, name in enumerate(TAGS, start=1)}
    all_of_them = f"{_active(site):,}"
    tagged = "contact_tags g JOIN contacts c ON c.id = g.contact_id"
    has_tag = "EXISTS (SELECT 1 FROM contact_tags g WHERE g.tag_id = ? AND g.contact_id = c.id)"

    yield Case(name="first page", query="", total=all_of_them, rows=_select("contacts c", f"WHERE {ACTIVE} {NEWEST}"))
    yield Case(
        name="last page",
        query=f"?after={_before_last(site)}",
        total=all_of_them,
        # Read from the end, as nobody would count a hundred thousand rows to find it.
        rows=f"SELECT * FROM ({_select('contacts c', f'WHERE {ACTIVE} ORDER BY c.joined_at, c.id')}) "
        "ORDER BY joined_at DESC, id DESC",
    )
    yield Case(
        name="filter: a rare tag",
        query=f"?contact.tag={number[RARE_TAG]}",
        values=(number[RARE_TAG],),
        rows=_select(tagged, f"WHERE {ACTIVE} AND g.tag_id = ? {NEWEST}"),
        count=_count(tagged, "g.tag_id = ?"),
    )
    yield Case(
        name="filter: a common tag",
        query=f"?contact.tag={number[COMMON_TAG]}",
        values=(number[COMMON_TAG],),
        rows=_select("contacts c", f"WHERE {ACTIVE} AND {has_tag} {NEWEST}"),
        count=_count(tagged, "g.tag_id = ?"),
    )
    yield Case(
        name="two filters: tag and country",
        query=f"?contact.tag={number['Stammkundschaft']}&contact.country=AT",
        values=(number["Stammkundschaft"],),
        rows=_select("contacts c", f"WHERE {ACTIVE} AND {has_tag} AND c.country = 'AT' {NEWEST}"),
        count=_count(
            "contacts c",
            "c.id IN (SELECT contact_id FROM contact_tags WHERE tag_id = ?) AND nullif(c.country, '') = 'AT'",
        ),
    )
    yield Case(
        name="search: many hits",
        query="?q=example",
        values=("%example%",),
        rows=_select("contacts c", f"WHERE {ACTIVE} AND c.search_text LIKE ? {NEWEST}"),
        count=_count("contacts c", "c.search_text LIKE ?"),
    )
    for name, word in (("few hits", "quastenflosser"), ("no hit", "nobodyhasthis")):
        letters = " AND ".join(f'"{word[at : at + 3]}"' for at in range(len(word) - 2))
        found = "contact_search f JOIN contacts c ON c.id = f.rowid"
        yield Case(
            name=f"search: {name}",
            query=f"?q={word}",
            values=(letters, f"%{word}%"),
            rows=_select(found, f"WHERE {ACTIVE} AND f.contact_search MATCH ? AND c.search_text LIKE ? {NEWEST}"),
            count=_count(found, "f.contact_search MATCH ? AND c.search_text LIKE ?"),
        )
    bought = "shop_customer_totals t JOIN contacts c ON c.id = t.contact_id"
    yield Case(
        name="sorted by a plugin's column",
        query="?sort=-shop.orders",
        total=all_of_them,
        rows=_select(bought, f"WHERE {ACTIVE} ORDER BY t.orders DESC, t.contact_id DESC"),
    )
    yield Case(
        name="sorted by name",
        query="?sort=contact.name",
        total=all_of_them,
        rows=_select("contacts c", f"WHERE {ACTIVE} AND c.name_sort IS NOT NULL ORDER BY c.name_sort, c.id"),
    )


def _active(site: Site) -> int:
    with site.session() as session:
        return session.query(Contact).filter(Contact.inactive_at.is_(None)).count()


def _before_last(site: Site) -> str:
    """The cursor after which the last page begins."""
    with site.session() as session:
        active = session.query(Contact.joined_at, Contact.id).filter(Contact.inactive_at.is_(None))
        joined_at, contact_id = active.order_by(Contact.joined_at, Contact.id).offset(PAGE).limit(1).one()
        position = active.count() - PAGE + 1
    cursor = Cursor(order="-contact.joined", value=joined_at, id=contact_id, position=position)
    return encode_cursor(site.secret, cursor)


def run(folder: Path, contacts: int) -> Iterator[Result]:
    """Pages of a list of so many contacts."""
    site = open_site(Settings(data_dir=folder))
    make_people(site, contacts)
    asker = signed_in(site)
    for case in cases(site):
        page = asker.page(LIST + case.query)
        ids = [int(found) for found in re.findall(r'data-row="(\d+)"', page)]
        by_hand = ByHand(folder / "tresen.sqlite", page)

        def ask(case: Case = case) -> str:
            return asker.page(LIST + case.query)

        def draw(case: Case = case, by_hand: ByHand = by_hand) -> tuple[list[int], str]:
            return by_hand.draw(case.rows, *case.values, count=case.count, total=case.total)

        drawn_ids, drawn = draw()
        if drawn_ids != ids:
            raise RuntimeError(f"{case.name}: by hand other contacts were found: {drawn_ids[:5]}, not {ids[:5]}")
        name = f"{case.name}, {len(ask()) / 1000:.0f} kB"
        served = Asker(by_hand.serve(draw), [(b"cookie", b"session=x")])
        yield compare(
            name,
            ask,
            f"by hand, over HTTP, {len(drawn) / 1000:.0f} kB",
            lambda served=served: served.page("/"),  # type: ignore[misc]
            clock=process_time,
        )
        yield compare(name, ask, "by hand, as a function", draw, clock=process_time)
        served.close()
        by_hand.close()
    asker.close()
    site.close()
