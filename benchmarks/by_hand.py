"""The contact list by hand: SQL through sqlite3 and one Jinja template, for `benchmarks.listing` to compare with.

The template has the frame of the page, its menus and its filters as fixed text, as the product's page has them: only
what depends on the contacts is filled in. No request, no session, no permissions, no plugins.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field
from babel import Locale
from jinja2 import Environment, Template
from markupsafe import Markup

from core.contacts.portrait import initials, tone

PAGE = 50
COUNTED_UP_TO = 10_000
ZONE = ZoneInfo("Europe/Berlin")

COLUMNS = """c.id, c.name, c.email, c.email_key, c.phone, c.country, c.joined_at, a.state, s.state, t.orders"""
SIDES = """
    LEFT JOIN consent_states a ON a.contact_id = c.id AND a.purpose = 'marketing'
    LEFT JOIN consent_states s ON s.contact_id = c.id AND s.purpose = 'system'
"""
TOTALS = "LEFT JOIN shop_customer_totals t ON t.contact_id = c.id"
ACTIVE = "c.merged_into_id IS NULL AND c.inactive_at IS NULL"

ROWS = Path(__file__).with_name("by_hand.html").read_text(encoding="utf-8")

CONSENTS = """<span class="indicator indicator-{{ name }}"><svg class="icon" width="20" height="20" aria-hidden="true">\
<use href="ICONS#{{ icon }}"></use></svg>{{ label }}</span>"""


@define
class ByHand:
    """The list of a SQLite site, without the product. `page` is the product's own, for the frame around the rows."""

    file: Path
    page: str
    _template: Template = field(init=False)
    _connection: sqlite3.Connection = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = sqlite3.connect(self.file)
        environment = Environment(autoescape=True)
        icons = re.findall(r'href="([^"#]*icons\.svg)#', self.page)[0]
        before, rest = self.page.split('<tbody role="rowgroup">\n', 1)
        after = rest.split("</tbody>", 1)[1]
        after = re.sub(r"<span>1–50 of [^<]*</span>", "<span>1–50 of TOTAL</span>", after)
        source = f'{_fixed(before)}<tbody role="rowgroup">\n{ROWS}</tbody>{_fixed(after)}'.replace("ICONS", icons)
        self._template = environment.from_string(source.replace("TOTAL", "{% endraw %}{{ total }}{% raw %}"))
        drawn = environment.from_string(
            "{% autoescape false %}" + CONSENTS.replace("ICONS", icons) + "{% endautoescape %}"
        )

        states = {
            None: ("off", "off", "Never asked"),
            "subscribed": ("on", "on", "Subscribed"),
            "unsubscribed": ("off", "off", "Unsubscribed"),
            "pending": ("other", "clock", "Confirmation open"),
            "bounced": ("off", "off", "Undeliverable"),
        }
        environment.globals.update(
            tone=tone,
            initials=initials,
            countries=dict(Locale.parse("en_GB").territories),
            labels={"shop": ("Shop", "bag"), "booking": ("Appointments", "calendar"), "forms": ("Forms", "clipboard")},
            consents={
                state: Markup(drawn.render(name=name, icon=icon, label=label))
                for state, (name, icon, label) in states.items()
            },
            written=lambda moment: moment.astimezone(ZONE).strftime("%d/%m/%Y, %H:%M"),
        )

    def draw(self, statement: str, *values: object, total: str = "", count: str = "") -> tuple[list[int], str]:
        """The contacts' ids and the page, by a statement for the rows, and one that counts or a number known before."""
        ask = self._connection.execute
        if count:
            [(number,)] = ask(count, values)
            total = f"{COUNTED_UP_TO:,}+" if number > COUNTED_UP_TO else f"{number:,}"
        rows: list[Any] = [
            (*row[:6], datetime.fromisoformat(row[6]).replace(tzinfo=UTC), *row[7:]) for row in ask(statement, values)
        ]
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
        amounts: dict[int, list[int]] = {}
        for contact, minor in ask(
            f"SELECT contact_id, minor FROM shop_customer_amounts WHERE contact_id IN {marks} AND minor > 0", ids
        ):
            amounts.setdefault(contact, []).append(minor)
        following = dict(
            ask(
                f"SELECT contact_id, min(starts_at) FROM booking_appointments WHERE contact_id IN {marks} "
                "AND state = 'booked' AND starts_at > ? GROUP BY contact_id",
                [*ids, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"],
            )
        )
        return ids, self._template.render(
            rows=rows, modules=modules, tags=tags, amounts=amounts, next=following, total=total
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _fixed(text: str) -> str:
    """Text as a part of a template's source, without anything a template would do."""
    return "{% raw %}" + text + "{% endraw %}"
