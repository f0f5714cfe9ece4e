"""What capturing costs, against the same rows written with sqlite3 by hand in as many transactions."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path

from benchmarks.measuring import Result, compare
from core import Activity, Capture, Details, capture_contact
from core.testing import make_site

BATCH = 50


def run(folder: Path, contacts: int) -> list[Result]:
    """New contacts, one a transaction, as orders come in; no plugin listens."""
    site = make_site(folder)
    numbers = count()

    def captured() -> None:
        for _ in range(BATCH):
            number = next(numbers)
            with site.begin() as session:
                capture_contact(
                    session,
                    site,
                    Capture(
                        email=f"person{number}@example.org",
                        module="bench",
                        activity=Activity(kind="bench.done", reference=str(number)),
                        details=Details(name=f"Person {number}", city="Bonn", country="DE"),
                        makes_customer=True,
                        idempotency_key=f"bench-{number}",
                    ),
                )

    by_hand = sqlite3.connect(folder / "hand.sqlite", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"):
        by_hand.execute(statement)
    with site.database.engine.connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN "
            "('contacts', 'contact_modules', 'contact_activities', 'files') AND name NOT LIKE 'sqlite_%'"
        )
        for (statement,) in tables:
            by_hand.execute(statement)
    hand_numbers = count()

    def written() -> None:
        for _ in range(BATCH):
            number = next(hand_numbers)
            by_hand.execute("BEGIN IMMEDIATE")
            contact = {
                "id": number + 1,
                "email": f"person{number}@example.org",
                "email_key": f"person{number}@example.org",
                "name": f"Person {number}",
                "city": "Bonn",
                "country": "DE",
                "stage": "customer",
                "joined_at": "2026-01-01 00:00:00.000000",
                "updated_at": "2026-01-01 00:00:00.000000",
                "origins": "{}",
                "version": 1,
            }
            empty = dict.fromkeys(
                (
                    one[1]
                    for one in by_hand.execute("PRAGMA table_info(contacts)").fetchall()
                    if one[3] and one[1] not in contact
                ),
                "",
            )
            row = contact | empty
            by_hand.execute(
                f"INSERT INTO contacts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
            )
            by_hand.execute(
                "INSERT INTO contact_modules (contact_id, module, first_at, last_at) VALUES (?, 'bench', ?, ?)",
                (number + 1, contact["joined_at"], contact["joined_at"]),
            )
            by_hand.execute(
                "INSERT INTO contact_activities (contact_id, kind, reference, data, href, actor_kind, actor_name, "
                "occurred_at, recorded_at, idempotency_key) "
                "VALUES (?, 'bench.done', ?, '{}', '', 'visitor', '', ?, ?, ?)",
                (number + 1, str(number), contact["joined_at"], contact["joined_at"], f"bench-{number}"),
            )
            by_hand.execute("COMMIT")

    result = compare(f"capture {BATCH} new contacts", captured, "the same rows through sqlite3", written)
    by_hand.close()
    site.close()
    return [result]
