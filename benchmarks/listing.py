"""What a page of the contact list costs, against the same rows read with sqlite3 and a template written by hand."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment
from litestar.testing import TestClient
from sqlalchemy import insert

from benchmarks.measuring import Result, compare
from core import Contact
from core.contacts.details import search_text
from core.testing import make_client, make_site, sign_in
from core.web.application import Application

PAGE = 50
COLUMNS = "id, name, email, phone, country, joined_at"

BY_HAND = Environment(autoescape=True).from_string(
    "<table>{% for row in rows %}<tr><td>{{ row[1] }}</td><td>{{ row[2] }}</td><td>{{ row[3] }}</td>"
    "<td>{{ row[4] }}</td><td>{{ row[5] }}</td></tr>{% endfor %}</table>"
)


def _contacts(count: int) -> list[dict[str, Any]]:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return [
        {
            "email": f"person{number}@example.org",
            "email_key": f"person{number}@example.org",
            "name": f"Person {number}",
            "phone": f"+49 228 {number:07}",
            "country": ("DE", "AT", "CH")[number % 3],
            "stage": ("lead", "customer")[number % 2],
            "joined_at": start + timedelta(minutes=number),
            "search_text": search_text(f"Person {number}", f"person{number}@example.org", "", "", ""),
        }
        for number in range(count)
    ]


def run(folder: Path, contacts: int) -> list[Result]:
    """The first page, a search, and a page sorted by name, over HTTP in this process and with its whole frame."""
    site = make_site(folder)
    with site.begin() as session:
        for start in range(0, contacts, 5000):
            session.execute(insert(Contact), _contacts(contacts)[start : start + 5000])
    by_hand = sqlite3.connect(folder / "tresen.sqlite")

    def page(client: TestClient[Application], query: str) -> None:
        answer = client.get("/dashboard/contacts" + query)
        assert answer.status_code == 200, answer.text

    def floor(where: str, order: str) -> None:
        statement = f"SELECT {COLUMNS} FROM contacts WHERE merged_into_id IS NULL {where} ORDER BY {order} LIMIT {PAGE}"
        BY_HAND.render(rows=by_hand.execute(statement).fetchall())

    newest = "joined_at DESC, id DESC"
    floor_name = "sqlite3 and a template of five cells"
    results = []
    with make_client(site) as client:
        sign_in(site, client)
        for name, query, where, order in (
            (f"first page of {contacts} contacts", "", "", newest),
            ("search for a rare word", "?q=person1999", "AND search_text LIKE '%person1999%'", newest),
            ("sorted by name", "?sort=contact.name", "", "lower(name), id"),
        ):
            results.append(
                compare(
                    name,
                    lambda query=query: page(client, query),  # type: ignore[misc]
                    floor_name,
                    lambda where=where, order=order: floor(where, order),  # type: ignore[misc]
                )
            )
    by_hand.close()
    site.close()
    return results
