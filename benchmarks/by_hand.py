"""The contact list by hand: SQL through sqlite3 into the list's own template, for `benchmarks.listing` to compare with.

No permissions, no plugins, no contributions: what is around the rows is known, as whoever writes one page by hand knows
it. The page that comes out is the product's own, byte for byte.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field
from jinja2 import Template
from litestar import Litestar, Request, get

from core.contacts.portrait import initials, tone
from core.values import Indicator, Link, Money

LIST = "/dashboard/contacts"
PAGE = 50
COUNTED_UP_TO = 10_000

COLUMNS = """c.id, c.name, c.email, c.email_key, c.phone, c.country, c.joined_at, a.state, s.state, t.orders"""
SIDES = """
    LEFT JOIN consent_states a ON a.contact_id = c.id AND a.purpose = 'marketing'
    LEFT JOIN consent_states s ON s.contact_id = c.id AND s.purpose = 'system'
"""
TOTALS = "LEFT JOIN shop_customer_totals t ON t.contact_id = c.id"
ACTIVE = "c.merged_into_id IS NULL AND c.inactive_at IS NULL"

CONSENTS = {
    None: Indicator(state="off", label="Never asked"),
    "subscribed": Indicator(state="on", label="Subscribed"),
    "unsubscribed": Indicator(state="off", label="Unsubscribed"),
    "pending": Indicator(state="pending", label="Confirmation open"),
    "bounced": Indicator(state="off", label="Undeliverable"),
}


@define
class ByHand:
    """The list of a SQLite site: `template` and the `values` around the rows are the page's own."""

    file: Path
    template: Template
    values: Mapping[str, Any]
    _connection: sqlite3.Connection = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = sqlite3.connect(self.file, check_same_thread=False)

    def draw(self, statement: str, *values: object, count: str = "") -> str:
        """The page, by a statement for the rows and, for a search or filter, one that counts."""
        ask = self._connection.execute
        pages = self.values["pages"]
        if count:
            [(number,)] = ask(count, values)
            total = f"{COUNTED_UP_TO:,}+" if number > COUNTED_UP_TO else f"{number:,}"
            if pages is not None:
                pages = {**pages, "total": total, "all_matching": total if pages["all_matching"] else None}
        rows: list[Any] = list(ask(statement, values))
        ids = [row[0] for row in rows]
        marks = f"({', '.join('?' * len(ids))})"
        modules: dict[int, list[str]] = {}
        for contact, module in ask(
            f"SELECT contact_id, module FROM contact_modules WHERE contact_id IN {marks} ORDER BY first_at, module", ids
        ):
            modules.setdefault(contact, []).append(module)
        tags: dict[int, list[str]] = {}
        for contact, name in ask(
            "SELECT contact_id, name FROM contact_tags JOIN tags ON id = tag_id "
            f"WHERE contact_id IN {marks} ORDER BY key",
            ids,
        ):
            tags.setdefault(contact, []).append(name)
        amounts: dict[int, list[Money]] = {}
        for contact, minor, currency in ask(
            f"SELECT contact_id, minor, currency FROM shop_customer_amounts WHERE contact_id IN {marks} AND minor > 0",
            ids,
        ):
            amounts.setdefault(contact, []).append(Money(minor=minor, currency=currency))
        following = dict(
            ask(
                f"SELECT contact_id, min(starts_at) FROM booking_appointments WHERE contact_id IN {marks} "
                "AND state = 'booked' AND starts_at > ? GROUP BY contact_id",
                [*ids, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"],
            )
        )
        drawn = [
            {
                "id": contact,
                "label": name or email,
                "initials": initials(name, email),
                "tone": tone(key),
                "picture_url": "",
                "menu": "active",
                "c0": name,
                "c1": email,
                "c2": phone or None,
                "c3": country or None,
                "c4": modules.get(contact),
                "c5": tags.get(contact),
                "c6": _moment(joined_at),
                "c7": CONSENTS[advertising],
                "c8": CONSENTS[system],
                "c9": _moment(following[contact]) if contact in following else None,
                "c10": orders,
                "c11": amounts.get(contact),
                "c12": Link(text="View profile", href=f"{LIST}/{contact}"),
            }
            for contact, name, email, key, phone, country, joined_at, advertising, system, orders in rows
        ]
        return self.template.render({**self.values, "rows": drawn, "pages": pages})

    def serve(self, draw: Callable[[], str]) -> Litestar:
        """An application with this one page, for one person who is signed in: a handler in a thread, and no more."""

        def page(request: Request[Any, Any, Any]) -> str:
            token = hashlib.sha256(request.cookies["session"].encode()).hexdigest()
            ask = "SELECT id, role FROM staff_accounts WHERE email_key = ? AND disabled_at IS NULL AND ? <> ''"
            if self._connection.execute(ask, ("b@example.org", token)).fetchone() is None:
                raise PermissionError
            return draw()

        return Litestar(
            [get("/", sync_to_thread=True, media_type="text/html")(page)], openapi_config=None, logging_config=None
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
