"""The contact list by hand: SQL through sqlite3 and one Jinja template, for `benchmarks.listing` to compare with.

The template draws tabs, filters, heads, rows and foot; the rest of the page, side menu and dialogs, is fixed text in
it. What the filters offer is known, as the product keeps it for a minute; their addresses are put together for each
page. No request, no session, no permissions, no plugins.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from attrs import define, field
from babel import Locale
from jinja2 import Environment, Template
from litestar import Litestar, Request, get
from markupsafe import Markup

from core.contacts.portrait import initials, tone

LIST = "/dashboard/contacts"
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
    _links: list[list[tuple[list[tuple[str, str]], str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = sqlite3.connect(self.file, check_same_thread=False)
        environment = Environment(autoescape=True)
        icons = re.findall(r'href="([^"#]*icons\.svg)#', self.page)[0]
        before, rest = self.page.split('<tbody role="rowgroup">\n', 1) if "<tbody" in self.page else (self.page, "")
        after = rest.split("</tbody>", 1)[1] if rest else ""
        self._links = []
        source = self._with_links(before)
        if rest:
            after = re.sub(r"<span>1–50 of [^<]*</span>", "<span>1–50 of @total@</span>", after)
            source += f'{{% endraw %}}<tbody role="rowgroup">\n{ROWS}</tbody>{{% raw %}}{after}'
        source = "{% raw %}" + source.replace("@total@", "{% endraw %}{{ total }}{% raw %}") + "{% endraw %}"
        self._template = environment.from_string(source.replace("ICONS", icons))
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

    def _with_links(self, text: str) -> str:
        """The text with loops for the tabs, for what each filter offers, and for the links of the heads."""

        def loop(found: re.Match[str], item: str) -> str:
            links = re.findall(r'href="([^"]*)"[^>]*>([^<]*)', found[2])
            number = len(self._links)
            self._links.append(
                [(parse_qsl(unescape(href).partition("?")[2]), unescape(label)) for href, label in links]
            )
            each = item.replace("LINK", "{{ one[0] }}").replace("LABEL", "{{ one[1] }}")
            return (
                f"{found[1]}{{% endraw %}}{{% for one in links[{number}] %}}{each}{{% endfor %}}{{% raw %}}{found[3]}"
            )

        for pattern, item in (
            (
                r'(<div class="menu menu-start" id="filter-\d+" popover><ul role="list">)(.*?)(</ul></div>)',
                '<li><a href="LINK">LABEL</a></li>',
            ),
            (r'(<nav class="tabs"[^>]*>)(.*?)(</nav>)', '<a href="LINK">LABEL <span class="count">9,999</span></a>'),
            (
                r'(<td class="tick" role="cell">.*?</td>)(<th scope="col".*)(<th scope="col" [^>]* class="row-menu">)',
                '<th scope="col" role="columnheader"><a class="sort" href="LINK">LABEL<svg class="icon" width="20" '
                'height="20" aria-hidden="true"><use href="ICONS#sort"></use></svg></a></th>',
            ),
        ):
            text = re.sub(pattern, lambda found, item=item: loop(found, item), text, flags=re.DOTALL)  # type: ignore[misc]
        return text

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
            links=[
                [(f"{LIST}?{urlencode(pairs)}" if pairs else LIST, label) for pairs, label in links]
                for links in self._links
            ],
            rows=rows,
            modules=modules,
            tags=tags,
            amounts=amounts,
            next=following,
            total=total,
        )

    def serve(self, draw: Callable[[], tuple[list[int], str]]) -> Litestar:
        """An application with this one page, for one person who is signed in: a handler in a thread, and no more."""

        def page(request: Request[Any, Any, Any]) -> str:
            token = hashlib.sha256(request.cookies["session"].encode()).hexdigest()
            ask = "SELECT id, role FROM staff_accounts WHERE email_key = ? AND disabled_at IS NULL AND ? <> ''"
            if self._connection.execute(ask, ("b@example.org", token)).fetchone() is None:
                raise PermissionError
            return draw()[1]

        return Litestar(
            [get("/", sync_to_thread=True, media_type="text/html")(page)], openapi_config=None, logging_config=None
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
