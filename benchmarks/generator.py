"""A site of many contacts in some seconds: people with tags, modules, consents and totals, as a shop has them.

The same seed makes the same people. Rows go in by COPY, or through a table in memory with one INSERT … SELECT, which is
what an import does too.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, text

from core import Base
from core.contacts.folding import name_key, search_text
from core.demo_names import PLACES
from core.site import Site

START = datetime(2021, 1, 1, tzinfo=UTC)
COUNTRIES = ("DE",) * 78 + ("AT",) * 9 + ("CH",) * 7 + ("FR", "NL", "IT", "PL", "GB", "DK")
RARE_COUNTRY = "LI"

TAGS: Mapping[str, float] = {
    "Newsletter": 0.4, "Stammkundschaft": 0.15, "Messe 2025": 0.05, "Großkunde": 0.02, "Lieferung": 0.08,
    "Abholung": 0.2, "Vegan": 0.03, "Gewerbe": 0.06, "Weihnachten": 0.1, "Presse": 0.0003,
}  # fmt: skip
"""Tag → the part of all contacts that has it. „Presse“ is the rare one, „Newsletter“ the common one."""

COMMON_TAG, RARE_TAG = "Newsletter", "Presse"
RARE_NAME = "Xaverine Quastenflosser"
"""One in ten thousand is called so."""

Row = Sequence[Any]


def make_people(site: Site, count: int, seed: int = 1) -> None:
    """Fill an empty site with `count` contacts and what the shop and the consents know of them."""
    chance = random.Random(seed)
    with site.begin() as session:
        connection = session.connection()
        _insert(connection, "tags", ("id", "name", "key"), (
            (number, name, name.casefold()) for number, name in enumerate(TAGS, start=1)
        ))  # fmt: skip
        _insert(connection, "contacts", CONTACT, _contacts(chance, count))
        _insert(connection, "contact_tags", ("tag_id", "contact_id"), (
            (tag, contact)
            for tag, part in enumerate(TAGS.values(), start=1)
            for contact in sorted(chance.sample(range(1, count + 1), max(1, int(count * part))))
        ))  # fmt: skip
        _insert(connection, "contact_modules", ("contact_id", "module", "first_at", "last_at"), (
            (number, module, _joined(number, count), _joined(number, count))
            for number in range(1, count + 1)
            for module in _modules(number)
        ))  # fmt: skip
        _insert(connection, "consent_states", ("contact_id", "purpose", "state", "since"), (
            (number, purpose, chance.choice(states), _joined(number, count))
            for number in range(1, count + 1)
            for purpose, states in CONSENTS.items()
            if number % 5 or purpose == "system"
        ))  # fmt: skip
        buyers = [number for number in range(1, count + 1) if _is_customer(number)]
        orders = {number: min(40, int(chance.expovariate(0.3)) + 1) for number in buyers}
        _insert(connection, "shop_customer_totals", ("contact_id", "orders", "last_order_at"), (
            (number, orders[number], START + timedelta(minutes=chance.randrange(2_600_000))) for number in buyers
        ))  # fmt: skip
        _insert(connection, "shop_customer_amounts", ("contact_id", "currency", "minor"), (
            (number, "EUR", orders[number] * chance.randrange(500, 9000)) for number in buyers
        ))  # fmt: skip
        if connection.dialect.name != "sqlite":
            for name in ("contacts", "tags"):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))
    if not site.database.is_sqlite:
        # As autovacuum does by itself before long.
        with site.begin() as session:
            session.execute(text("ANALYZE"))


CONSENTS = {
    "marketing": ("subscribed", "subscribed", "unsubscribed", "pending"),
    "system": ("subscribed",) * 9 + ("bounced",),
}
CONTACT = (
    "id", "email", "email_key", "name", "phone", "city", "country", "stage", "joined_at", "updated_at", "inactive_at",
    "name_sort", "search_text", "origins",
)  # fmt: skip


def _joined(number: int, count: int) -> datetime:
    # Spread over five years whatever their number, some in the same minute.
    return START + timedelta(minutes=number * 2_600_000 // count)


def _is_customer(number: int) -> bool:
    return number % 9 in (0, 2, 4, 7)


def _modules(number: int) -> Iterator[str]:
    if _is_customer(number):
        yield "shop"
    if number % 4 == 1:
        yield "booking"
    if number % 3 == 0:
        yield "forms"


def _contacts(chance: random.Random, count: int) -> Iterator[Row]:
    first = [name for place in PLACES for name in place.first_names]
    last = [name for place in PLACES for name in place.last_names]
    cities = [city for place in PLACES for _, city in place.cities]
    for number in range(1, count + 1):
        name = RARE_NAME if number % 10_000 == 77 else f"{chance.choice(first)} {chance.choice(last)}"
        email = f"{'.'.join(name.split())}{number}@example.org".replace("'", "")
        key = email.casefold()
        phone = f"+49 {chance.randrange(30, 999)} {number:07}" if number % 3 else ""
        city = chance.choice(cities)
        country = RARE_COUNTRY if number % 20_000 == 99 else chance.choice(COUNTRIES)
        joined = _joined(number, count)
        yield (
            number, email, key, name, phone, city, country if number % 10 else "",
            "customer" if _is_customer(number) else "lead", joined, joined, joined if number % 60 == 1 else None,
            name_key(name), search_text(name, email, key, phone, city), "{}",
        )  # fmt: skip


def _insert(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows as fast as the driver can; columns that are not named get their plain defaults."""
    made: Table = Base.metadata.tables[table]
    plain = {
        column.name: column.default.arg
        for column in made.columns
        if column.name not in columns and column.default is not None and column.default.is_scalar
    }
    names = ", ".join((*columns, *plain))
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((*row, *plain.values()))
        return
    driver.execute(f"CREATE TEMP TABLE filling ({', '.join(columns)})")
    marks = ", ".join("?" * len(columns))
    rows = iter(rows)
    while batch := [tuple(map(_stored, row)) for row in islice(rows, 20_000)]:
        driver.executemany(f"INSERT INTO filling VALUES ({marks})", batch)
    kept = ", ".join((*columns, *("?" * len(plain))))
    driver.execute(f"INSERT INTO {table} ({names}) SELECT {kept} FROM filling", tuple(plain.values()))
    driver.execute("DROP TABLE filling")


def _stored(value: object) -> object:
    """As SQLAlchemy writes it into SQLite."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value
