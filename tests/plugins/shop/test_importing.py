"""Orders of other shops (FEATURES S6): as their files say it, with their dates, once, and never over newer details."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.checking import run_checks
from core.cli import main
from core.contacts.activity import deactivate_contact
from core.contacts.models import Contact, ContactActivity
from core.site import Site
from core.testing import count_queries, run_queued_jobs, sign_in
from core.values import SYSTEM
from plugins.shop.importing import reading, runs
from plugins.shop.importing.foreign import NO_RATE, ForeignLine, minor
from plugins.shop.importing.reckoning import give_rates, items_of, rate_of
from plugins.shop.importing.runs import follow, new_import, problems_of, run_now
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Delivery,
    Order,
    OrderEvent,
    OrderImport,
    OrderLine,
    OrderTax,
    Payment,
    Variant,
)
from tests.plugins.shop.examples import EXAMPLES
from tests.plugins.shop.helpers import Client, add, count, everything, order, product_of

FILES = Path(__file__).parent / "files"
START = "/dashboard/shop/orders/import"


def bring(site: Site, name: str, **values: str) -> OrderImport:
    with (FILES / name).open("rb") as opened:
        import_id = new_import(site, name, opened, SYSTEM, **values)
    assert follow(site, import_id).state == "checked"
    return run_now(site, import_id)


def orders(site: Site) -> dict[str, Order]:
    with site.session() as session:
        return {one.number: one for one in session.scalars(select(Order))}


def lines(site: Site, one: Order) -> list[tuple[str, int, int, int]]:
    with site.session() as session:
        found = session.scalars(select(OrderLine).where(OrderLine.order_id == one.id).order_by(OrderLine.id))
        return [(line.name, line.quantity, line.unit_price, line.tax_rate) for line in found]


def taxes(site: Site, one: Order) -> dict[int, tuple[int, int]]:
    with site.session() as session:
        return {
            tax.rate: (tax.gross, tax.tax)
            for tax in session.scalars(select(OrderTax).where(OrderTax.order_id == one.id))
        }


def books_fit(site: Site) -> None:
    """All of what the doctor looks at."""
    assert {one.check.key: list(one.problems) for one in run_checks(site) if one.problems} == {}


def test_s6_shopify_with_lines_taxes_discount_refunds_and_true_dates(site: Site) -> None:
    bread = add(site, "Rye bread", stock=5)
    with site.begin() as session:
        session.get_one(Variant, bread).sku = "RYE"
    row = bring(site, "shopify_orders.csv")
    assert (row.layout, row.numbers["taken"], row.numbers["refused"]) == ("shopify", 4, 1)
    with site.session() as session:
        [refused] = problems_of(session, row.id, refused=True)
        assert (refused.line, refused.reference) == (8, "1005")
    made = orders(site)
    assert set(made) == {f"Shopify {number}" for number in (1001, 1002, 1003, 1004)}

    one = made["Shopify 1001"]
    assert (one.total, one.discount, one.state, one.voucher_code, one.note) == (
        3699,
        411,
        "shipped",
        "SPRING",
        "Bitte klingeln",
    )
    assert one.placed_at == datetime(2025, 3, 1, 9, 14, tzinfo=UTC)
    assert (one.paid_at, one.shipped_at) == (
        datetime(2025, 3, 1, 9, 15, tzinfo=UTC),
        datetime(2025, 3, 2, 8, 0, tzinfo=UTC),
    )
    assert lines(site, one) == [
        ("Rye bread", 3, 590, 700),
        ("Proofing basket", 1, 1850, 1900),
        ("Standard", 1, 490, 1900),
    ]
    # 7 % and 19 % of what is left of each after the discount; their sum is the file's to the cent.
    assert sum(tax for _, tax in taxes(site, one).values()) == 444
    assert sum(gross for gross, _ in taxes(site, one).values()) == 3699

    two = made["Shopify 1002"]
    assert (two.currency, two.total, two.refunded, two.state) == ("USD", 5688, 1001, "shipped")
    assert sum(tax for _, tax in taxes(site, two).values()) == 388
    with site.session() as session:
        delivery = session.get_one(Delivery, two.id)
        assert (delivery.name, delivery.street) == ("Bob Example", "2 Other Lane")
        assert session.get(Delivery, one.id) is None

    three, four = made["Shopify 1003"], made["Shopify 1004"]
    assert (three.state, three.refunded, three.cancelled_at) == (
        "cancelled",
        2450,
        datetime(2025, 5, 2, 6, 0, tzinfo=UTC),
    )
    # Ten for 3.33: seven for 33 cents and three for 34.
    assert (four.state, four.total, lines(site, four)) == (
        "open",
        333,
        [("Roll", 7, 33, 700), ("Roll", 3, 34, 700)],
    )
    with site.session() as session:
        anna = session.scalars(select(Contact).where(Contact.email_key == "anna@example.org")).one()
        assert (anna.stage, anna.name, anna.postal_code, anna.phone) == (
            "customer",
            "Anna Müller",
            "10969",
            "+49 30 123456",
        )
        assert anna.joined_at == one.placed_at
        totals = session.get_one(CustomerTotals, anna.id)
        assert (totals.orders, totals.last_order_at) == (1, one.placed_at)
        assert session.scalar(select(CustomerAmount.minor).where(CustomerAmount.contact_id == anna.id)) == 3699
        assert session.scalar(select(Variant.stock)) == 5
        assert session.scalar(select(OrderLine.product_id).where(OrderLine.name == "Rye bread")) == product_of(
            site, bread
        )
    books_fit(site)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s6_each_program_that_exports_woocommerce_is_understood(site: Site) -> None:
    add(site, "Rye bread")
    assert bring(site, "woocommerce_orders.csv", shop="Old shop").numbers["taken"] == 4
    made = orders(site)
    one = made["Old shop 501"]
    assert (one.total, one.state, one.voucher_code) == (3550, "shipped", "WINTER")
    assert lines(site, one) == [
        ("Rye bread; sliced", 2, 590, 700),
        ("Proofing basket", 1, 1880, 1900),
        ("DHL Paket", 1, 490, 1900),
    ]
    assert taxes(site, one) == {700: (1180, 77), 1900: (2370, 378)}
    two = made["Old shop 502"]
    assert (two.total, two.refunded, two.state) == (2360, 590, "paid")
    with site.session() as session:
        [line] = session.scalars(select(OrderLine).where(OrderLine.order_id == two.id))
        assert (line.refunded, line.refunded_amount) == (1, 590)
    assert (made["Old shop 503"].state, made["Old shop 505"].state) == ("cancelled", "refunded")
    # Half past six in the evening in the site's zone.
    assert one.placed_at == datetime(2025, 2, 3, 17, 30, tzinfo=UTC)

    for file, number in (("items", "601"), ("suite", "701")):
        bring(site, f"woocommerce_{file}.csv")
        same = orders(site)[f"WooCommerce {number}"]
        assert lines(site, same) == [("Rye bread", 2, 590, 700), ("Proofing basket", 1, 1970, 1900)], file
        assert (same.total, taxes(site, same)) == (3150, {700: (1180, 77), 1900: (1970, 315)}), file
    bring(site, "woocommerce_advanced.csv", currency="CHF")
    last = orders(site)["WooCommerce 801"]
    assert (last.currency, last.total, last.state) == ("CHF", 3700, "shipped")
    assert lines(site, last) == [("Proofing basket", 1, 1851, 1900), ("Bread knife", 1, 1849, 1900)]
    assert taxes(site, last) == {1900: (3700, 591)}
    books_fit(site)


def test_s6_importing_twice_doubles_nothing_and_history_never_overwrites(site: Site) -> None:
    bread = add(site)
    now = order(site, (bread, 1), email="anna@example.org")
    with site.begin() as session:
        assert now.contact_id is not None
        deactivate_contact(session, site, now.contact_id, SYSTEM)
    bring(site, "shopify_orders.csv")
    with site.session() as session:
        anna = session.get_one(Contact, now.contact_id)
        # What stands there is newer (C5), and what happened long ago is no sign of life (C7).
        assert (anna.phone, anna.inactive_at is None) == ("030 123456", False)
        assert session.get_one(CustomerTotals, now.contact_id).orders == 2
    before = everything(site)
    again = bring(site, "shopify_orders.csv")
    assert (again.numbers["known"], again.numbers.get("taken")) == (4, None)
    without = ("shop_order_imports", "shop_order_import_problems")
    assert {name: rows for name, rows in everything(site).items() if name not in without} == {
        name: rows for name, rows in before.items() if name not in without
    }
    # The same file under another shop's name is another shop's.
    assert bring(site, "shopify_orders.csv", shop="Second").numbers["taken"] == 4


def test_s6_a_killed_import_goes_on_where_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(site, "shopify_orders.csv", shop="Whole")
    monkeypatch.setattr(runs, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(runs, "CHECKED", 1)
    with (FILES / "shopify_orders.csv").open("rb") as opened:
        import_id = new_import(site, "orders.csv", opened, SYSTEM, shop="Cut")
    follow(site, import_id)
    with site.begin() as session:
        runs.begin(session, site, import_id, SYSTEM)
    usual, calls = runs.take, iter(range(100))

    def killed_now_and_then(*arguments: Any) -> int:
        made = usual(*arguments)
        if next(calls) % 2 == 0:
            raise RuntimeError("killed")
        return made

    monkeypatch.setattr(runs, "take", killed_now_and_then)
    monkeypatch.setattr(runs, "STEP_SECONDS", 1.0)
    for _ in range(20):
        # Another process has nothing of it open.
        for key in list(reading.open_files.readings):
            reading.open_files.close(key)
        try:
            with site.begin() as session:
                if runs.take_step_of(session, site, runs.find_import(session, import_id, lock=True)):
                    break
        except RuntimeError:
            continue
    else:
        pytest.fail("The import never ends")
    made = orders(site)
    assert sum(number.startswith("Cut") for number in made) == 4
    for number, one in made.items():
        if number.startswith("Cut"):
            whole = made[number.replace("Cut", "Whole")]
            assert (one.total, one.refunded, one.state, one.placed_at) == (
                whole.total,
                whole.refunded,
                whole.state,
                whole.placed_at,
            )
            assert lines(site, one) == lines(site, whole)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s6_staff_import_in_the_browser_and_see_what_happened(site: Site, client: Client) -> None:
    sign_in(site, client, "manager")
    file = (FILES / "shopify_orders.csv").read_bytes()
    assert client.post(START, data={"currency": "EUR"}).status_code == 422
    wrong = client.post(START, files={"file": ("people.csv", b"email,name\nanna@example.org,Anna\n")})
    assert wrong.status_code == 422
    assert "its headings are not known" in wrong.text
    before = everything(site)["shop_orders"]
    page = client.post(START, files={"file": ("orders.csv", file)}, data={"shop": " Old  shop "})
    assert page.status_code == 200
    for text in ("Import 4 orders", "Old shop", "€40.32", "$46.87", "1005", "2025"):
        assert text in page.text, text
    assert everything(site)["shop_orders"] == before
    path = str(page.url.path)
    assert "Being imported" in client.post(f"{path}/run").text
    assert client.post(f"{path}/run").status_code == 409
    run_queued_jobs(site)
    done = client.get(path).text
    assert "Imported" in done
    assert count(site, Order) == 4
    assert "Old shop 1001" in client.get("/dashboard/shop/orders?source=Old+shop&q=anna").text
    assert client.post(f"{path}/discard").status_code == 409
    # The file goes when it was taken in.
    with site.session() as session:
        stored = session.scalar(select(OrderImport.stored_name))
    assert list(site.settings.data_dir.glob(f"files/*/{stored}")) == []

    page = client.post(START, files={"file": ("orders.csv", file)})
    client.post(f"{page.url.path}/discard")
    assert client.get(str(page.url.path)).status_code == 404
    sign_in(site, client, "assistant")
    assert client.get(START).status_code == 403


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s6_the_command_says_what_it_would_do_and_does_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRESEN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRESEN_DATABASE_URL", database_url)
    file = str(FILES / "shopify_orders.csv")
    for dry, expected in (("--dry-run", "taken in 4, here already 0"), ("", "taken in 4"), ("", "here already 4")):
        assert main(["shop", "import-orders", file, *([dry] if dry else [])]) == 1
        printed = capsys.readouterr().out
        assert expected in printed
        assert "row 8, order 1005: " in printed
    assert main(["shop", "import-orders", str(FILES / "woocommerce_items.csv"), "--shop", "Old"]) == 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s6_imported_orders_stand_in_the_log_with_their_dates(site: Site) -> None:
    bring(site, "woocommerce_items.csv")
    with site.session() as session:
        rows = session.execute(
            select(ContactActivity.kind, ContactActivity.reference, ContactActivity.occurred_at).order_by(
                ContactActivity.id
            )
        ).all()
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
    when = datetime(2025, 2, 3, 17, 30, tzinfo=UTC)
    assert [tuple(row) for row in rows] == [
        ("shop.ordered", "WooCommerce 601", when),
        ("shop.paid", "WooCommerce 601", when),
    ]


# Reckoning


@given(
    quantity=st.integers(1, 50),
    gross=st.integers(0, 10**7),
    more=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10**6)), max_size=3),
    rates=st.sampled_from([(700,), (1900,), (700, 1900), (0, 810, 2100)]),
    share=st.integers(0, 100),
)
@EXAMPLES
def test_t_b1_another_shops_sums_are_kept_to_the_cent(
    quantity: int, gross: int, more: list[tuple[int, int]], rates: tuple[int, ...], share: int
) -> None:
    sold = [(quantity, gross), *more]
    parts = [ForeignLine(name="x", quantity=number, gross=amount, rate=NO_RATE) for number, amount in sold]
    total = sum(line.gross for line in parts)
    off = total * share // 100
    given_rates = give_rates(parts, off, dict.fromkeys(rates, 1), 0)
    items = items_of(parts, given_rates, {})
    assert sum(item.unit_price * item.quantity for item in items) == total
    assert sum(item.quantity for item in items) == sum(line.quantity for line in parts)
    assert set(given_rates) <= set(rates)


def test_t_b1_rates_and_amounts_as_files_write_them() -> None:
    assert [rate_of(*one) for one in ((1190, 190), (1070, 70), (595, 39), (100, 0), (0, 5), (10000, 752))] == [
        1900,
        700,
        700,
        0,
        0,
        810,
    ]
    for text, currency, expected in (
        ("1,234.50", "EUR", 123450),
        ("1.234,50 €", "EUR", 123450),
        ("12,5", "EUR", 1250),
        ("-3.00", "EUR", -300),
        ("", "EUR", 0),
        ("1500", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("0.335", "EUR", 34),
    ):
        assert minor(text, currency) == expected, text


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_s6_an_order_with_its_history_costs_few_statements(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    head = (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Taxes,Total,Created at"
    )
    day = "2025-03-01 10:00:00 +0100"
    rows = [
        f"#{number},p{number % 8}@example.org,paid,{day},fulfilled,{day},EUR,10.70,0.70,10.70,{day},1,Bread,10.70"
        for number in range(16)
    ]
    file.write_text("\n".join((f"{head},Lineitem quantity,Lineitem name,Lineitem price", *rows)))
    with file.open("rb") as opened:
        import_id = new_import(site, "orders.csv", opened, SYSTEM)
    follow(site, import_id)

    with count_queries(site) as counted:
        assert run_now(site, import_id).numbers["taken"] == 16

    assert len(counted.statements) < 22 * 16
    with site.session() as session:
        events = session.scalars(select(OrderEvent.event).where(OrderEvent.order_id == 1).order_by(OrderEvent.id))
        assert list(events) == ["placed", "paid", "shipped"]
        kinds = session.scalars(select(ContactActivity.kind).where(ContactActivity.reference.endswith(" 0")))
        assert list(kinds) == ["shop.ordered", "shop.paid", "shop.shipped"]
        assert set(session.scalars(select(Payment.amount))) == {1070}
    books_fit(site)
