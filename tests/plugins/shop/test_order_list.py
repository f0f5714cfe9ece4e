"""The orders list: what is looked for, and the file of all that fit (FEATURES S5, I7)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook

from core.site import Site
from core.testing import count_queries, sign_in
from core.values import SYSTEM, Details
from plugins.shop.states import take_step
from tests.plugins.shop.helpers import Client, add, everything, order, product_of

LIST = "/dashboard/shop/orders"


def made(site: Site) -> tuple[Mapping[str, str], int]:
    """Three orders by what they are for, and the product that two of them have."""
    bread, cake = add(site, "Rye bread", 590, 700), add(site, "Cake", 2450, 1900)

    def at(month: int, *items: tuple[int, int], name: str) -> str:
        details = Details(name=name, country="DE")
        when = datetime(2026, month, 1, 0, 30, tzinfo=UTC)
        return order(site, *items, email=f"{name[-4:].lower()}@example.org", details=details, placed_at=when).number

    numbers = {
        "old": at(1, (bread, 2), name="=Anna"),
        "paid": at(2, (bread, 1), (cake, 1), name="Bert"),
        "gone": at(3, (cake, 3), name="Carl"),
    }
    with site.begin() as session:
        take_step(session, 2, "paid", SYSTEM)
        take_step(session, 3, "cancelled", SYSTEM)
    return numbers, product_of(site, bread)


def shown(client: Client, query: str) -> list[str]:
    page = client.get(f"{LIST}?{query}")
    assert page.status_code == 200
    return re.findall(r'<a href="/dashboard/shop/orders/\d+"[^>]*>(2026-\d{4})<', page.text)


def test_s5_orders_are_found_by_state_period_payment_product_and_words(site: Site, client: Client) -> None:
    numbers, bread = made(site)
    sign_in(site, client)
    old, paid, gone = numbers["old"], numbers["paid"], numbers["gone"]
    for query, expected in (
        ("", [gone, paid, old]),
        ("status=paid", [paid]),
        # The zone's days: the second order was placed on 1 February at 1:30 in Berlin.
        ("since=2026-02-01", [gone, paid]),
        ("until=2026-02-01", [paid, old]),
        ("since=2026-02-01&until=2026-02-01", [paid]),
        ("paid=yes", [paid]),
        ("paid=no", [old]),
        (f"product={bread}", [paid, old]),
        (f"product={bread}&since=2026-02-01&q=bert", [paid]),
        ("source=here", [gone, paid, old]),
        ("source=Elsewhere", []),
        ("q=bert+2026", [paid]),
        # Literal, and nonsense is left out (THREATS T-J1).
        ("q=%25", []),
        ("q='%20OR%201=1--", []),
        ("since=tomorrow&product=x&status=lost&paid=maybe&before=x", [gone, paid, old]),
        ("product=9223372036854775808", [gone, paid, old]),
    ):
        assert shown(client, query) == expected, query
    page = client.get(f"{LIST}?since=2026-02-01&product={bread}&status=paid").text
    assert "Rye bread" in page
    assert "1 order" in page
    assert re.search(r'href="/dashboard/shop/orders\?status=paid&amp;since=2026-02-01"', page)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s5_the_list_asks_as_often_for_many_as_for_one(site: Site, client: Client) -> None:
    _, bread = made(site)
    sign_in(site, client)

    def queries() -> int:
        with count_queries(site) as counted:
            shown(client, f"product={bread}")
        return len([one for one in counted.statements if "site_state" not in one])

    queries()
    few = queries()
    for number in range(8):
        order(site, (1, 1), email=f"n{number}@example.org")
    assert queries() == few


def test_s5_all_that_fit_as_a_file(site: Site, client: Client) -> None:
    numbers, bread = made(site)
    sign_in(site, client)
    answer = client.get(f"{LIST}/export?format=csv")
    assert re.search(r'filename="orders-\d{4}-\d\d-\d\d\.csv"', answer.headers["content-disposition"])
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["Number"] for row in rows] == [numbers["old"], numbers["paid"], numbers["gone"]]
    first, second, third = rows
    assert first["Name"] == "'=Anna"
    assert (first["Placed"], first["State"], first["Country"]) == ("2026-01-01 01:30:00", "Still open", "DE")
    assert (second["Total"], second["Gross at 7 %"], second["Tax at 7 %"]) == ("30.40", "5.90", "0.39")
    assert (second["Gross at 19 %"], second["Tax at 19 %"], first["Tax at 19 %"]) == ("24.50", "3.91", "")
    assert third["Cancelled"]

    lines = client.get(f"{LIST}/export?format=csv&what=lines&product={bread}&since=2026-02-01").text
    read = list(csv.DictReader(io.StringIO(lines)))
    assert [(row["Product"], row["Quantity"], row["Price"], row["Tax rate in %"]) for row in read] == [
        ("Rye bread", "1", "5.90", "7.00"),
        ("Cake", "1", "24.50", "19.00"),
    ]

    german = client.get(f"{LIST}/export", headers={"accept-language": "de"}).content
    assert german.startswith(b"\xef\xbb\xbf")
    [head, row, *_] = csv.reader(io.StringIO(german.decode("utf-8-sig")), delimiter=";")
    assert row[head.index("Summe")] == "11,80"

    book = load_workbook(io.BytesIO(client.get(f"{LIST}/export?format=xlsx&status=paid").content), read_only=True)
    sheet = list(book.worksheets[0].iter_rows(values_only=True))
    assert sheet[1][sheet[0].index("Total")] == 30.4
    assert sheet[1][sheet[0].index("Name")] == "Bert"


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s5_who_may_not_export_sees_no_export(site: Site, client: Client) -> None:
    made(site)
    sign_in(site, client, "assistant")
    assert "/dashboard/shop/orders/export" not in client.get(LIST).text
    before = everything(site)
    assert client.get(f"{LIST}/export").status_code == 403
    assert everything(site) == before
