"""Two imports at once, and an import beside an order, make one contact of one address (FEATURES C1, I6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import select

from core import Activity, Capture, Details, capture_contact
from core.contacts.models import Contact, Tag
from core.site import Site
from core.transfer.bulk import insert_rows
from core.transfer.known import Plan
from core.transfer.rows import Incoming
from core.transfer.taking import take_batch
from core.values import SYSTEM
from tests.core.transfer.import_support import count, people
from tests.core.transfer.test_import import begin, many


def test_rows_that_are_there_already_are_left_out(site: Site) -> None:
    for names in (["a", "b"], ["b", "c"]):
        with site.begin() as session:
            rows = [(name.upper(), name) for name in names]
            insert_rows(session, Tag.__table__, ["name", "key"], rows, unique="key")  # type: ignore[arg-type]
    with site.session() as session:
        assert sorted(session.scalars(select(Tag.key))) == ["a", "b", "c"]


def test_c1_two_imports_of_the_same_people_at_once_make_each_once(site: Site) -> None:
    from core.testing import run_queued_jobs

    begin(site, many(600))
    begin(site, many(600))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: run_queued_jobs(site), range(2)))
    run_queued_jobs(site)

    assert count(site) == 600
    assert people(site)["p7@example.org"]["name"] == "Person 7"


def test_c1_an_address_that_comes_while_a_batch_is_written_is_met_not_doubled(
    site: Site, staff: TestClient[Any], monkeypatch: Any, database_kind: str
) -> None:
    """On PostgreSQL an order's contact appears between the look and the insert; SQLite's write lock forbids it."""
    from core.transfer import taking

    real, gate = taking.insert_contacts, Barrier(2, timeout=20)

    def slow(*arguments: Any) -> Any:
        if database_kind == "postgresql" and arguments[3]:
            gate.wait()
            gate.wait()
        return real(*arguments)

    monkeypatch.setattr(taking, "insert_contacts", slow)

    def order() -> None:
        if database_kind == "postgresql":
            gate.wait()
        with site.begin() as session:
            activity = Activity(kind="notes.asked")
            details = Details(name="From the order")
            capture_contact(
                session, site, Capture(email="b@example.org", module="notes", activity=activity, details=details)
            )
        if database_kind == "postgresql":
            gate.wait()

    moment = datetime.now(UTC)
    plan = Plan(0, "a.csv", "", "/dashboard", "fill", (), (), frozenset(), SYSTEM, moment)
    group = [
        Incoming(n, f"{c}@example.org", f"{c}@example.org", {"name": c, "phone": "1"}) for n, c in enumerate("abc")
    ]
    monkeypatch.setattr(taking, "remember", lambda *arguments: None)
    with ThreadPoolExecutor(1) as pool:
        ordered = pool.submit(order)
        with site.begin() as session:
            taken = take_batch(session, site, plan, group, write=True)
        ordered.result()

    assert sorted(people(site)) == ["a@example.org", "b@example.org", "c@example.org"]
    if database_kind == "postgresql":
        assert [outcome for _, outcome in taken.outcomes] == ["new", "changed", "new"]
        assert people(site)["b@example.org"] == {"name": "From the order", "phone": "1"}
    with site.session() as session:
        assert session.query(Contact).count() == 3
