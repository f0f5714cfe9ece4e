"""What the shop adds to contacts, overview and site (FEATURES S5, H2, H8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from sqlalchemy import func, inspect, select

from core.contacts.matching import contacts_of
from core.contacts.models import Contact
from core.contacts.views import View
from core.database import migrate
from core.demo import Demo, make_people, save_demo_settings
from core.errors import InvalidInput
from core.site import Site, migrations_of
from core.testing import count_queries, make_client, sign_in
from core.values import SYSTEM, Money
from plugins.shop import plugin as shop
from plugins.shop.demo import make_history
from plugins.shop.models import (
    CustomerAmount,
    CustomerTotals,
    Invoice,
    Order,
    OrderCounter,
    OrderEvent,
    OrderTax,
    Product,
    Refund,
    Variant,
)
from plugins.shop.panels import OrdersPanel
from plugins.shop.states import take_step
from plugins.shop.tiles import month_starts
from tests.plugins.shop.helpers import Client, add, order, put_in

FOLDER = Path(shop.__file__).parent


def test_the_shop_fits_and_contributes_under_its_own_keys(site: Site) -> None:
    added = site.contributions
    assert site.refused == ()
    assert added.modules["shop"].label == "Shop"
    assert {"shop.orders", "shop.total", "shop.last_order"} <= set(added.contact_columns)
    assert "shop.has_ordered" in added.contact_filters
    assert [one.label for one in added.contact_actions if one.key == "shop.order"] == ["Place an order"]
    assert site.language("de").text("Place an order") == "Bestellung aufgeben"
    assert site.language("de").text("Create a new order") == "Neue Bestellung erstellen"
    assert site.language("de").text("Total of purchases") == "Gesamtsumme der Käufe"


def test_s5_columns_give_orders_total_and_last_order(site: Site) -> None:
    bread = add(site)
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    buyer = order(site, (bread, 2), email="b@example.org", placed_at=when).contact_id
    gone = order(site, (bread, 1), email="c@example.org", placed_at=when)
    with site.begin() as session:
        take_step(session, gone.id, "cancelled", SYSTEM)
    orders, last = (site.contributions.contact_columns[key] for key in ("shop.orders", "shop.last_order"))
    assert orders.side_table is not None
    assert last.side_table is orders.side_table

    with site.session() as session:
        table = orders.side_table
        rows = session.execute(
            select(table.c.contact_id, orders.expression, last.expression).order_by(table.c.contact_id)
        ).all()
        load = site.contributions.contact_columns["shop.total"].load
        assert load is not None
        totals = load(session, [buyer or 0, gone.contact_id or 0])

    assert [tuple(row) for row in rows] == [(buyer, 1, when), (gone.contact_id, 0, None)]
    assert totals == {buyer: [Money(minor=1180, currency="EUR")]}


@pytest.mark.parametrize("many", [1, 50])
def test_s5_the_total_of_a_page_is_one_query(site: Site, many: int) -> None:
    bread = add(site)
    ids = [order(site, (bread, 1), email=f"p{index}@example.org").contact_id or 0 for index in range(many)]
    load = site.contributions.contact_columns["shop.total"].load
    assert load is not None

    with count_queries(site) as queries, site.session() as session:
        assert len(load(session, ids)) == many

    assert len(queries) == 1


def test_l4_the_filter_finds_who_has_ordered_and_who_has_not(site: Site) -> None:
    bread = add(site)
    buyer = order(site, (bread, 1), email="b@example.org").contact_id
    gone = order(site, (bread, 1), email="c@example.org")
    with site.begin() as session:
        take_step(session, gone.id, "cancelled", SYSTEM)
        session.add(Contact(email="d@example.org", email_key="d@example.org", joined_at=datetime.now(UTC)))
    ordered = site.contributions.contact_filters["shop.has_ordered"]

    with site.session() as session:

        def emails(value: str) -> list[str]:
            condition = ordered.predicate(value)
            assert condition is not None
            return list(session.scalars(select(Contact.email).where(condition).order_by(Contact.email)))

        assert emails("yes") == ["b@example.org"]
        assert emails("no") == ["c@example.org", "d@example.org"]
        assert ordered.predicate("maybe") is None
        assert [one.value for one in ordered.choices(session)] == ["yes", "no"]
    assert buyer is not None


def test_l4_filters_by_number_total_and_day_of_orders(site: Site) -> None:
    bread, crate = add(site), add(site, "Crate", price=10_000)
    order(site, (bread, 1), email="small@example.org")
    for _ in range(2):
        order(site, (crate, 1), email="large@example.org")
    gone = order(site, (crate, 5), email="gone@example.org")
    with site.begin() as session:
        take_step(session, gone.id, "cancelled", SYSTEM)
        session.add(Contact(email="never@example.org", email_key="never@example.org", joined_at=datetime.now(UTC)))

    def found(key: str, value: str) -> list[str]:
        with site.session() as session:
            ids = contacts_of(site, View(filters=((key, (value,)),)))
            emails = session.scalars(select(Contact.email).where(Contact.id.in_(ids)).order_by(Contact.email))
            return [email.partition("@")[0] for email in emails]

    assert found("shop.orders", "2..") == ["large"]
    assert found("shop.orders", "1..1") == ["small"]
    assert found("shop.orders", "..0") == ["gone", "never"]
    assert found("shop.total", "200.. EUR") == ["large"]
    assert found("shop.total", "5.90..5.90 EUR") == ["small"]
    assert found("shop.total", "..5.90 EUR") == ["gone", "never", "small"]
    # Amounts of two currencies are never compared.
    assert found("shop.total", "0.01.. CHF") == []
    assert found("shop.last_order", "last:1") == ["large", "small"]
    assert found("shop.last_order", "..2020-01-01") == []
    assert found("shop.last_order", "none:") == ["gone", "never"]
    for value in ("200..", "200.. eur", "EUR", "x.. EUR"):
        with pytest.raises(InvalidInput):
            found("shop.total", value)


def test_p1_the_panel_shows_orders_and_the_total_of_purchases(site: Site) -> None:
    bread = add(site)
    made = [order(site, (bread, 1)) for _ in range(12)]
    with site.begin() as session:
        take_step(session, made[-1].id, "cancelled", SYSTEM)
    (panel,) = [one for one in site.contributions.contact_panels if one.key == "shop.orders"]

    with site.session() as session:
        shown = panel.load(session, made[0].contact_id or 0)
        nobody = panel.load(session, 4711)

    assert isinstance(shown, OrdersPanel)
    assert (shown.count, shown.totals, shown.more) == (11, [Money(minor=11 * 590, currency="EUR")], True)
    assert [one.number for one in shown.orders] == [one.number for one in made[:1:-1]]
    assert isinstance(nobody, OrdersPanel)
    assert (nobody.orders, nobody.count, nobody.totals) == ([], 0, ())
    page = _rendered(site, panel.template, shown)
    assert "Total of purchases" in page
    assert "€64.90" in page
    assert "Place an order" in _rendered(site, panel.template, nobody)


def _rendered(site: Site, template: str, panel: object) -> str:
    from core.web.rendering import environment

    made = environment(site, site.language("en"))
    return made.get_template(template).render(panel=panel, allows=lambda permission: True)


def test_h9_tiles_count_orders_and_revenue_by_month_of_the_site_s_zone(site: Site) -> None:
    tiles = {one.key: one for one in site.contributions.overview_tiles if one.key.startswith("shop.")}
    with site.session() as session:
        assert tiles["shop.revenue"].load(session) is None
    bread = add(site)
    this_month = month_starts(datetime.now(site.settings.zone))[-2]
    # A minute before is last month in the site's zone, though in UTC both are.
    order(site, (bread, 1), placed_at=this_month + timedelta(minutes=1))
    order(site, (bread, 2), placed_at=this_month - timedelta(minutes=1))
    cancelled = order(site, (bread, 5), placed_at=this_month + timedelta(minutes=2))
    with site.begin() as session:
        take_step(session, cancelled.id, "cancelled", SYSTEM)

    with site.session() as session:
        orders, revenue = tiles["shop.orders"].load(session), tiles["shop.revenue"].load(session)

    assert orders is not None
    assert revenue is not None
    assert (orders.value, [number for _, number in orders.series][-2:]) == (1, [1, 1])
    assert revenue.value == Money(minor=590, currency="EUR")
    assert [number for _, number in revenue.series][-2:] == [1180, 590]
    assert len(orders.series) == 12


def test_h2_switched_off_its_pages_are_gone_and_its_data_stays(site: Site, client: Client) -> None:
    sign_in(site, client)
    bread = add(site)
    made = order(site, (bread, 1))
    put_in(client, bread)

    off = site.switch("shop", on=False)

    with make_client(off) as later:
        later.cookies.update(client.cookies)
        for path in ("/shop", "/shop/cart", "/dashboard/shop/orders", f"/dashboard/shop/orders/{made.id}"):
            assert later.get(path).status_code == 404, path
        assert later.post("/shop/cart/add", data={"product": str(bread)}).status_code == 404
    assert not [key for key in off.contributions.contact_columns if key.startswith("shop.")]
    on = off.switch("shop", on=True)
    with make_client(on) as again:
        again.cookies.update(client.cookies)
        assert again.get(f"/dashboard/shop/orders/{made.id}").status_code == 200
        assert 'value="1"' in again.get("/shop/cart").text


def test_migrations_go_down_and_up_again(site: Site) -> None:
    migrations = migrations_of(site.plugins["shop"])

    migrate.downgrade(site.database, migrations)
    with site.database.engine.connect() as connection:
        assert not [name for name in inspect(connection).get_table_names() if name.startswith("shop_")]

    assert migrate.upgrade(site.database, [migrations]) == ["shop"]
    order(site, (add(site), 1))


@pytest.mark.parametrize("typed", ["eur", " JPY ", "KWD"])
def test_the_currency_is_one(typed: str) -> None:
    field = next(one for one in shop.settings_fields() if one.key == "shop.currency")
    assert field.clean is not None
    assert field.clean(typed) == typed.strip().upper()


@pytest.mark.parametrize("typed", ["", "EURO", "XQQ", "€"])
def test_what_is_no_currency_is_refused(typed: str) -> None:
    field = next(one for one in shop.settings_fields() if one.key == "shop.currency")
    assert field.clean is not None
    with pytest.raises(InvalidInput):
        field.clean(typed)


def test_h8_every_text_of_a_template_has_a_german_one() -> None:
    with (FOLDER / "locale/de/LC_MESSAGES/messages.po").open("rb") as opened:
        known = {message.id for message in read_po(opened, locale="de") if message.string}
    options = {"trim_blocks": "1", "lstrip_blocks": "1", "silent": "0"}
    used = set()
    for file in sorted((FOLDER / "templates").rglob("*.html")):
        with file.open("rb") as opened:
            for _, function, message, _ in babel_extract(opened, ["_", "ngettext"], [], options):
                texts = [message] if isinstance(message, str) else [one for one in message if isinstance(one, str)]
                used.add(tuple(texts) if function == "ngettext" else texts[0])
    assert len(used) > 80
    assert used - known == set()


def test_h8_no_page_in_german_shows_an_english_word(site: Site, client: Client) -> None:
    client.headers["accept-language"] = "de"
    sign_in(site, client)
    bread = add(site, "Brot")
    made = order(site, (bread, 1))
    put_in(client, bread)

    for path in (
        "/shop",
        "/shop/products/brot",
        "/shop/cart",
        "/shop/checkout",
        f"/shop/thanks/{made.token}",
        "/dashboard/shop/orders",
        f"/dashboard/shop/orders/{made.id}",
        f"/dashboard/shop/orders/{made.id}/cancel",
        "/dashboard/shop/orders/new",
        f"/dashboard/shop/orders/new?contact={made.contact_id}",
        "/dashboard/shop/products",
        "/dashboard/shop/products/new",
    ):
        page = client.get(path)
        assert page.status_code == 200, path
        main = re.sub(r"<[^>]+>", " ", page.text[page.text.index("<main") : page.text.index("</main>")])
        english = re.findall(
            r"\b(the|your|you|with|order|orders|total|product|from|quantity|cancel|price)\b", main, re.I
        )
        assert english == [], path


def test_the_demonstration_is_made_of_real_orders(selling: Site) -> None:
    with selling.begin() as session:
        save_demo_settings(session, selling)
    site = selling.refreshed()
    # What a plugin declares for the demonstration is checked like what somebody types; the rest stays as it was.
    assert (site.setting("sample_plugin.word"), site.setting("shop.currency")) == ("Taler", "EUR")
    assert site.setting("shop.privacy_policy") == "https://example.com/privacy"
    moment = datetime.now(UTC).replace(microsecond=0)
    random = Random(3)
    demo = Demo(random=random, people=make_people(random, 25, moment), now=moment)

    make_history(site, demo)

    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(Product)) == 18
        orders = session.scalars(select(Order)).all()
        assert len(orders) > 20
        assert all(one.placed_at <= moment for one in orders)
        assert session.scalar(select(func.sum(OrderCounter.last))) == len(orders)
        assert session.scalar(select(func.min(Variant.stock))) == 0
        assert session.scalar(select(func.sum(CustomerAmount.minor))) == sum(one.total - one.refunded for one in orders)
        assert session.scalar(select(func.sum(CustomerTotals.orders))) == sum(
            one.state not in ("cancelled", "refunded") for one in orders
        )
        assert session.scalar(select(func.sum(OrderTax.gross))) == sum(one.total for one in orders)
        assert session.scalars(select(Contact.stage).distinct()).all() == ["customer"]
        assert session.scalar(select(func.max(OrderEvent.at))) <= moment  # type: ignore[operator]
        invoices = session.scalars(select(Invoice).order_by(Invoice.year, Invoice.position)).all()
        assert {one.order_id for one in invoices} == {one.id for one in orders if one.shipped_at}
        assert sum(one.kind == "correction" for one in invoices) == session.scalar(
            select(func.count()).select_from(Refund).where(Refund.kind == "refund")
        )
        assert [one.issued_at for one in invoices] == sorted(one.issued_at for one in invoices)
        # In the order in which they were placed, so that numbers grow with time.
        assert [one.number for one in sorted(orders, key=lambda one: (one.placed_at, one.id))] == sorted(
            one.number for one in orders
        )
