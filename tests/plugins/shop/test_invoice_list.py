"""All invoices and corrections: found, written to a file, and read by programs (FEATURES S4, I7)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.site import Site
from core.testing import count_queries, make_client, sign_in
from core.values import SYSTEM, Details
from plugins.shop.invoices import issue_invoice
from plugins.shop.refunds import TakeBack, refund
from plugins.shop.states import take_step
from tests.plugins.shop.helpers import Client, add, everything, order
from tests.plugins.shop.test_refunds import lines
from tests.support.api import use_token

LIST = "/dashboard/shop/invoices"
API = "/api/v1/shop/invoices"


def made(site: Site) -> None:
    """Three invoices, the first and the third still to be paid, and after them the correction of the second."""
    bread, cake = add(site, "Rye bread", 590, 700), add(site, "Cake", 2450, 1900)
    people = (("=Anna", "anna", [(bread, 2)]), ("Bert", "bert", [(bread, 1), (cake, 1)]), ("Carl", "carl", [(cake, 1)]))
    for month, (name, local, items) in enumerate(people, 1):
        when = datetime(2026, month, 1, 0, 30, tzinfo=UTC)
        details = Details(name=name, city="Bonn", country="DE")
        new = order(site, *items, email=f"{local}@example.org", details=details, placed_at=when)
        with site.begin() as session:
            if name == "Bert":
                take_step(session, new.id, "paid", SYSTEM, when)
            issue_invoice(session, site, new.id, SYSTEM, when)
    [bread_line, _] = lines(site, 2)
    with site.begin() as session:
        refund(session, 2, TakeBack(pieces={bread_line.id: 1}), SYSTEM, datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture
def client(selling: Site) -> Iterator[Client]:
    with make_client(selling) as client:
        client.headers["accept-language"] = "en"
        yield client


def test_s4_invoices_are_found_filed_and_read_by_programs(selling: Site, client: Client) -> None:
    made(selling)
    sign_in(selling, client)

    def shown(query: str) -> list[str]:
        page = client.get(f"{LIST}?{query}")
        assert page.status_code == 200
        return re.findall(r'<a href="/dashboard/shop/invoices/\d+">RE-2026-000(\d)<', page.text)

    for query, expected in (
        ("", "4321"),
        ("kind=correction", "4"),
        ("kind=invoice", "321"),
        # The zone's days: the second was made on 1 February at 1:30 in Berlin.
        ("since=2026-02-01&until=2026-02-28", "2"),
        ("until=2026-01-31", "1"),
        ("paid=yes", "2"),
        ("paid=no", "31"),
        ("q=bert", "42"),
        ("q=re-2026-0003", "3"),
        ("q=2026-0001+anna", "1"),
        # Literal, and nonsense is left out (THREATS T-J1).
        ("q=%25", ""),
        ("since=tomorrow&kind=x&paid=maybe&before=x&after=99999", "4321"),
        ("before=2", "1"),
        ("after=2", "43"),
    ):
        assert "".join(shown(query)) == expected, query
    page = client.get(f"{LIST}?q=bert").text
    assert "2 documents" in page
    assert "€24.50 in all" in page
    assert "−€5.90" in page or "-€5.90" in page
    with count_queries(selling) as few:
        shown("until=2026-01-31")
    with count_queries(selling) as many:
        shown("since=2026-01-01")
    assert len(many.statements) == len(few.statements)

    text = client.get(f"{LIST}/export?format=csv&since=2026-01-01").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["Number"][-1] for row in rows] == ["1", "2", "3", "4"]
    first, second, _, correction = rows
    assert (first["Name"], first["Date"], first["Paid"]) == ("'=Anna", "2026-01-01", "")
    assert (second["Total"], second["Net at 7 %"], second["Tax at 7 %"]) == ("30.40", "5.51", "0.39")
    assert (second["Net at 19 %"], second["Tax at 19 %"], second["Paid"]) == ("20.59", "3.91", "2026-02-01")
    assert (correction["Kind"], correction["Corrects"]) == ("Correction of invoice", "RE-2026-0002")
    assert (correction["Total"], correction["Tax at 7 %"], correction["Net at 19 %"]) == ("-5.90", "-0.39", "")
    assert client.get(f"{LIST}/export?format=xlsx&paid=no").content.startswith(b"PK")

    use_token(selling, client, "manager")
    listed = client.get(f"{API}?limit=3").json()
    assert [one["number"][-1] for one in listed["invoices"]] == ["4", "3", "2"]
    assert listed["invoices"][0]["total"] == -590
    assert listed["invoices"][0]["taxes"] == [{"rate": 700, "gross": -590, "tax": -39}]
    assert [one["id"] for one in client.get(listed["older"]).json()["invoices"]] == [1]
    one = client.get(f"{API}/2").json()
    assert (one["order_id"], one["issued_on"], one["buyer"]["city"], one["corrects"]) == (2, "2026-02-01", "Bonn", "")
    assert client.get(one["pdf"]).content.startswith(b"%PDF-")
    assert client.get(f"{API}?limit=0").status_code == 400
    for lost in ("99", "9223372036854775808", "99/pdf"):
        assert client.get(f"{API}/{lost}").status_code == 404


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s4_who_may_not_export_invoices_sees_no_export(selling: Site, client: Client) -> None:
    sign_in(selling, client, "assistant")
    assert "No invoices yet" in client.get(LIST).text
    made(selling)
    assert f"{LIST}/export" not in client.get(LIST).text
    before = everything(selling)
    assert client.get(f"{LIST}/export").status_code == 403
    assert everything(selling) == before
