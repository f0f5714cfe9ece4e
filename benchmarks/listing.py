"""What a page of the contact list costs over HTTP, against the same rows in the same template, put together by hand.

The product answers whole requests, with session, permissions, plugins and counting. By hand it is sqlite3 and the
list's own template (`benchmarks.by_hand`), once behind a bare Litestar handler and once as a function without any
request. The pages must be equal, byte for byte. The times are the processor's, in all threads of this process: what
else the machine does is not in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

from attrs import frozen
from jinja2 import Template

from benchmarks.asking import Asker, signed_in
from benchmarks.by_hand import ACTIVE, COLUMNS, COUNTED_UP_TO, LIST, PAGE, SIDES, TOTALS, ByHand
from benchmarks.generator import COMMON_TAG, RARE_TAG, TAGS, make_people
from benchmarks.measuring import Result, compare
from core.contacts.cursors import Cursor, encode_cursor
from core.contacts.models import Contact
from core.settings import Settings
from core.site import Site, open_site
from core.web import rendering
from core.web.requests import Request

NEWEST = "ORDER BY c.joined_at DESC, c.id DESC"


@frozen(kw_only=True)
class Case:
    """A page of the list, its rows in SQL, and for a search or filter the statement that counts."""

    name: str
    query: str
    rows: str
    values: tuple[object, ...] = ()
    count: str = ""


def _select(source: str, rest: str) -> str:
    totals = "" if "shop_customer_totals t" in source else TOTALS
    return f"SELECT {COLUMNS} FROM {source} {SIDES} {totals} {rest} LIMIT {PAGE}"


def _count(source: str, where: str) -> str:
    return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {ACTIVE} AND {where} LIMIT {COUNTED_UP_TO + 1})"


def cases(site: Site) -> Iterator[Case]:
    """The pages that are measured."""
    number = {name: at for at, name in enumerate(TAGS, start=1)}
    tagged = "contact_tags g JOIN contacts c ON c.id = g.contact_id"
    has_tag = "EXISTS (SELECT 1 FROM contact_tags g WHERE g.tag_id = ? AND g.contact_id = c.id)"

    yield Case(name="first page", query="", rows=_select("contacts c", f"WHERE {ACTIVE} {NEWEST}"))
    yield Case(
        name="last page",
        query=f"?after={_before_last(site)}",
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
        rows=_select(bought, f"WHERE {ACTIVE} ORDER BY t.orders DESC, t.contact_id DESC"),
    )
    yield Case(
        name="sorted by name",
        query="?sort=contact.name",
        rows=_select("contacts c", f"WHERE {ACTIVE} AND c.name_sort IS NOT NULL ORDER BY c.name_sort, c.id"),
    )


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
        template, values, page = _drawn(asker, LIST + case.query)
        by_hand = ByHand(folder / "tresen.sqlite", template, values)

        def ask(case: Case = case) -> str:
            return asker.page(LIST + case.query)

        def draw(case: Case = case, by_hand: ByHand = by_hand) -> str:
            return by_hand.draw(case.rows, *case.values, count=case.count)

        if draw() != page:
            raise RuntimeError(
                f"{case.name}: by hand it is another page: {''.join(unified_diff([page], [draw()]))[:2000]}"
            )
        name = f"{case.name}, {len(page) / 1000:.0f} kB"
        served = Asker(by_hand.serve(draw), [(b"cookie", b"session=x")])
        floor = "by hand, over HTTP"
        yield compare(name, ask, floor, lambda served=served: served.page("/"), clock=process_time)  # type: ignore[misc]
        yield compare(name, ask, "by hand, as a function", draw, clock=process_time)
        served.close()
        by_hand.close()
    asker.close()
    site.close()


def _drawn(asker: Asker, address: str) -> tuple[Template, Mapping[str, Any], str]:
    """The template of a page of the product, what it was rendered with, and the page."""
    seen: list[tuple[Template, Mapping[str, Any]]] = []

    def render(request: Request, template: str, values: Mapping[str, object]) -> str:
        made = rendering.environment(request.site, request.language).get_template(template)
        seen.append((made, {**rendering.frame(request), **values}))
        return made.render(seen[-1][1])

    with patch.object(rendering, "render", render):
        page = asker.page(address)
    return *seen[0], page
