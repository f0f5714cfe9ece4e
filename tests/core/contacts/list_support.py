"""For the tests of the contact list: sites, plugins made of a few hooks, and what a page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import insert, select

from core import hookimpl
from core.contacts.details import search_text
from core.contacts.models import Contact, ContactModule
from core.contacts.tags import add_tags
from core.plugins import Plugin, make_plugin
from core.site import Site
from core.testing import make_client, make_site, sign_in
from core.values import Role
from tests.sample_plugin import plugin as sample_plugin

LIST = "/dashboard/contacts"
MENU = {"x-fragment": "menu"}
"""Asks for what stands in a menu of the toolbar, as its scripts do."""
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def plugin_of(key: str, **hooks: Callable[..., Any]) -> Plugin:
    """A plugin with these hooks."""
    module = ModuleType(key)
    module.__file__ = None
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return make_plugin(module, key)


@contextmanager
def open_site(
    tmp_path: Path, fresh_database: Callable[..., str], *plugins: Plugin | ModuleType, **settings: Any
) -> Iterator[Site]:
    """A site with the sample plugin and `plugins`, on a fresh database whose tables are there already."""

    def prepare(url: str) -> None:
        site = make_site(tmp_path / "template", sample_plugin, database_url=url)
        site.close()

    url = fresh_database("contact-list", prepare)
    site = make_site(tmp_path / "data", sample_plugin, *plugins, database_url=url, **settings)
    assert site.refused == ()
    try:
        yield site
    finally:
        site.close()


@contextmanager
def signed_in(site: Site, role: Role = "owner", language: str = "en") -> Iterator[TestClient[Any]]:
    """A client signed in to the dashboard; it follows no redirects."""
    with make_client(site) as client:
        client.follow_redirects = False
        client.headers["accept-language"] = language
        sign_in(site, client, role)
        yield client


def add(
    site: Site,
    email: str = "",
    *,
    name: str = "",
    phone: str = "",
    country: str = "",
    stage: str = "lead",
    days: float = 0,
    inactive: bool = False,
    merged_into: int | None = None,
    tags: tuple[str, ...] = (),
    modules: tuple[str, ...] = (),
) -> int:
    """Write a contact into the database, joined `days` after START; answers its id."""
    joined = START + timedelta(days=days)
    with site.begin() as session:
        email = email or f"c{session.query(Contact).count()}@example.org"
        contact = Contact(
            email=email,
            email_key=email.casefold(),
            name=name,
            phone=phone,
            country=country,
            stage=stage,
            joined_at=joined,
            inactive_at=joined if inactive else None,
            merged_into_id=merged_into,
            search_text=search_text(name, email, email.casefold(), phone, ""),
        )
        session.add(contact)
        session.flush()
        add_tags(session, contact.id, tags)
        for module in modules:
            session.add(ContactModule(contact_id=contact.id, module=module, first_at=joined, last_at=joined))
        return contact.id


def add_many(site: Site, count: int, start: int = 0) -> None:
    """Write `count` contacts at once, each a minute younger than the one before."""
    rows = [
        {
            "email": f"many{number}@example.org",
            "email_key": f"many{number}@example.org",
            "name": f"Person {number}",
            "joined_at": START + timedelta(minutes=number),
            "search_text": f"person {number}\nmany{number}@example.org",
        }
        for number in range(start, start + count)
    ]
    with site.begin() as session:
        session.execute(insert(Contact), rows)


def everything(site: Site) -> list[tuple[Any, ...]]:
    """All contacts as they are stored, to see that nothing changed."""
    with site.session() as session:
        return [tuple(row) for row in session.execute(select(*Contact.__table__.c).order_by(Contact.id))]


class Page(HTMLParser):
    """What a page of the list shows: rows by contact id, heads, links, and the ways to the next pages."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[int, list[str]] = {}
        self.heads: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.next = self.previous = ""
        self._cells: list[str] | None = None
        self._cell: list[str] | None = None
        self._link: list[str] | None = None
        self._in_head = False
        self._id = 0
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "thead":
            self._in_head = True
        elif tag == "tr" and not self._in_head:
            self._cells = []
        elif tag in ("td", "th"):
            # The ticks are no column.
            self._cell = None if values.get("class") == "tick" else []
        elif tag == "a":
            self._link = []
            href = values.get("href") or ""
            self.links.append((href, ""))
            if "data-row-link" in values:
                self._id = int(href.rpartition("/")[2])
            if values.get("rel") == "next":
                self.next = href
            if values.get("rel") == "prev":
                self.previous = href

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        elif tag in ("td", "th") and self._cell is not None:
            text = " ".join("".join(self._cell).split())
            if self._in_head:
                self.heads.append(text)
            elif self._cells is not None:
                self._cells.append(text)
            self._cell = None
        elif tag == "tr" and self._cells is not None:
            self.rows[self._id] = self._cells
            self._cells = None
        elif tag == "a" and self._link is not None:
            self.links[-1] = (self.links[-1][0], " ".join("".join(self._link).split()))
            self._link = None

    def handle_data(self, data: str) -> None:
        for into in (self._cell, self._link):
            if into is not None:
                into.append(data)

    @property
    def ids(self) -> list[int]:
        """Contact ids in the order shown."""
        return list(self.rows)

    def cell(self, contact_id: int, head: str) -> str:
        """The text of a contact's cell below a head."""
        return self.rows[contact_id][self.heads.index(head)]
