"""The shop in the dashboard: orders, orders on behalf, products (FEATURES S2, S4, S5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from core.contacts.models import Contact, ContactActivity
from core.site import Site
from core.testing import make_client, sign_in
from core.values import Activity, Capture, Details
from plugins.shop.models import Order, Product, Variant
from plugins.shop.orders import record_once
from tests.plugins.shop.helpers import (
    DETAILS,
    Client,
    add,
    contact,
    count,
    everything,
    only_order,
    order,
    product_of,
    stock_of,
)

SCRIPT = "<script>alert(1)</script>"


def lead(site: Site, email: str = "Lea@Example.org", **details: str) -> int:
    from core.contacts.capture import capture_contact

    with site.begin() as session:
        capture = Capture(email=email, module="web", activity=Activity(kind="web.entry"), details=Details(**details))
        return capture_contact(session, site, capture).contact_id


def place(client: Client, who: str, **fields: str) -> Any:
    """Fill the form on behalf of somebody and send it."""
    page = client.get(f"/dashboard/shop/orders/new?{who}").text
    key = re.search(r'name="key" value="([^"]+)"', page)
    data = {"key": key[1] if key else "", "name": "Lea Lang", **fields}
    return client.post(f"/dashboard/shop/orders/new?{who}", data=data, follow_redirects=False)


def test_s2_an_order_on_behalf_makes_the_lead_a_customer(site: Site, client: Client) -> None:
    berta = sign_in(site, client, "assistant", "Berta")
    bread = add(site, stock=9)
    contact_id = lead(site, name="Lea Lang", street="Ring 1", city="Köln", country="DE")
    form = client.get(f"/dashboard/shop/orders/new?contact={contact_id}").text
    assert 'value="Ring 1"' in form
    assert 'value="Lea Lang"' in form

    answer = place(client, f"contact={contact_id}", **{f"quantity-{bread}": "3"}, street="Ring 1", city="Köln")

    made = only_order(site)
    assert answer.headers["location"] == f"/dashboard/shop/orders/{made.id}"
    assert (made.contact_id, made.total, made.placed_by_id, made.placed_by_name) == (
        contact_id,
        1770,
        berta,
        "Berta",
    )
    person = contact(site, "lea@example.org")
    assert (person.stage, person.id) == ("customer", contact_id)
    assert stock_of(site, bread) == 6
    with site.session() as session:
        entry = session.scalars(select(ContactActivity).where(ContactActivity.kind == "shop.ordered")).one()
    assert (entry.actor_kind, entry.actor_id) == ("staff", berta)


def test_s2_the_order_goes_to_that_contact_whatever_the_form_says(site: Site, client: Client) -> None:
    sign_in(site, client)
    bread, contact_id = add(site), lead(site)
    other = lead(site, "other@example.org")

    place(client, f"contact={contact_id}", **{f"quantity-{bread}": "1"}, email="other@example.org")

    assert only_order(site).contact_id == contact_id != other
    assert contact(site, "other@example.org").stage == "lead"


def test_s2_by_e_mail_a_known_address_leads_to_its_contact_and_a_new_one_makes_one(site: Site, client: Client) -> None:
    sign_in(site, client)
    bread, contact_id = add(site), lead(site)
    known = client.get("/dashboard/shop/orders/new?email=LEA@example.org", follow_redirects=False)
    assert known.headers["location"] == f"/dashboard/shop/orders/new?contact={contact_id}"
    assert client.get("/dashboard/shop/orders/new?email=nobody").status_code == 422
    assert client.get("/dashboard/shop/orders/new?contact=4711").status_code == 404
    assert client.get("/dashboard/shop/orders/new?contact=x").status_code == 404

    place(client, "email=new@example.org", **{f"quantity-{bread}": "1"})

    assert contact(site, "new@example.org").stage == "customer"


def test_c9_an_order_for_a_merged_contact_goes_to_the_one_that_was_kept(site: Site, client: Client) -> None:
    sign_in(site, client)
    bread, kept, merged = add(site), lead(site), lead(site, "old@example.org")
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == merged).values(merged_into_id=kept))

    place(client, f"contact={merged}", **{f"quantity-{bread}": "1"})

    assert only_order(site).contact_id == kept


def test_s2_sent_twice_it_is_one_order(site: Site, client: Client) -> None:
    sign_in(site, client)
    bread, contact_id = add(site), lead(site)
    data = {"key": "same", "name": "Lea", f"quantity-{bread}": "1"}
    path = f"/dashboard/shop/orders/new?contact={contact_id}"

    first = client.post(path, data=data, follow_redirects=False)
    again = client.post(path, data=data, follow_redirects=False)

    assert first.headers["location"] == again.headers["location"]
    assert count(site, Order) == 1


def test_s2_a_mistake_keeps_what_was_typed_and_orders_nothing(site: Site, client: Client) -> None:
    sign_in(site, client)
    cake, contact_id = add(site, "Cake", stock=4), lead(site)
    before = everything(site)

    for quantity, status in (("", 422), ("0", 422), ("-2", 422), ("x", 422), ("5", 409), ("1000", 422)):
        answer = place(client, f"contact={contact_id}", **{f"quantity-{cake}": quantity}, street="Typed 7")

        assert answer.status_code == status, quantity
        assert 'value="Typed 7"' in answer.text
        assert everything(site) == before


def test_h7_nobody_gets_in_without_the_permission_and_nothing_changes(site: Site, client: Client) -> None:
    bread = add(site)
    made, bread_page = order(site, (bread, 1)), f"/dashboard/shop/products/{product_of(site, bread)}"
    before = everything(site)
    products = [
        ("get", "/dashboard/shop/products"),
        ("get", "/dashboard/shop/products/new"),
        ("get", bread_page),
        ("post", "/dashboard/shop/products/new"),
        ("post", bread_page),
        ("post", f"{bread_page}/active"),
    ]
    orders = [
        ("get", "/dashboard/shop"),
        ("get", "/dashboard/shop/orders"),
        ("get", "/dashboard/shop/orders/new"),
        ("get", f"/dashboard/shop/orders/{made.id}"),
        ("get", f"/dashboard/shop/orders/{made.id}/cancel"),
        ("post", "/dashboard/shop/orders/new"),
        ("post", f"/dashboard/shop/orders/{made.id}/state"),
    ]
    data = {"name": "x", "price-0": "1", "tax_rate": "1", "step": "cancelled", f"quantity-{bread}": "1"}

    def ask(method: str, path: str) -> Any:
        body = {"data": data} if method == "post" else {}
        return client.request(method.upper(), path, follow_redirects=False, **body)  # type: ignore[arg-type]

    for method, path in products + orders:
        answer = ask(method, path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/dashboard/sign-in")
    sign_in(site, client, "assistant")
    for method, path in products:
        assert ask(method, path).status_code == 403, path
    assert everything(site) == before


def test_s5_orders_are_listed_searched_and_paged(site: Site, client: Client) -> None:
    sign_in(site, client)
    assert "No orders yet" in client.get("/dashboard/shop/orders").text
    bread = add(site)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for index in range(61):
        details = Details(name=f"Person {index}%_")
        order(
            site,
            (bread, 1),
            email=f"p{index}@example.org",
            details=details,
            placed_at=start + timedelta(hours=index),
        )

    first = client.get("/dashboard/shop/orders").text
    assert first.count('class="badge tone-amber"') == 50
    assert "2026-0061" in first
    assert "2026-0011" not in first
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older is not None
    second = client.get(older[1].replace("&amp;", "&")).text
    assert "2026-0011" in second
    assert "2026-0012" not in second
    newer = re.search(r'href="([^"]+)" rel="prev"', second)
    assert newer is not None
    assert "2026-0061" in client.get(newer[1].replace("&amp;", "&")).text

    def found(query: str) -> set[str]:
        return set(re.findall(r">(2026-\d{4})<", client.get(f"/dashboard/shop/orders?{query}").text))

    assert found("q=0007") == {"2026-0007"}
    assert found("q=PERSON+56%25") == {"2026-0057"}
    assert found("q=p60@example.org") == {"2026-0061"}
    assert found("q=%25") != set()
    assert found("q=nobody") == set()
    assert found("status=paid") == set()
    assert len(found("status=open")) == 50
    # What nobody sends by clicking does no harm.
    for query in ("before=x", "after=-1", "before=999999", "status='--", "before=" + "9" * 30):
        assert client.get(f"/dashboard/shop/orders?{query}").status_code == 200


def test_s4_staff_take_an_order_its_steps(site: Site, client: Client) -> None:
    sign_in(site, client, name="Berta")
    made = order(site, (add(site, stock=4), 1))
    path = f"/dashboard/shop/orders/{made.id}"

    client.post(f"{path}/state", data={"step": "paid"})
    assert "Paid" in client.get(path).text
    assert "will be" not in client.get(f"{path}/cancel").text
    client.post(f"{path}/state", data={"step": "cancelled"})

    assert only_order(site).state == "cancelled"
    before = everything(site)
    assert client.post(f"{path}/state", data={"step": "shipped"}).status_code == 409
    assert client.post(f"{path}/state", data={"step": "open"}).status_code == 400
    assert client.post("/dashboard/shop/orders/4711/state", data={"step": "paid"}).status_code == 404
    assert client.get("/dashboard/shop/orders/4711").status_code == 404
    assert everything(site) == before


def test_t_x3_an_order_shows_what_was_typed_as_text(site: Site, client: Client) -> None:
    sign_in(site, client)
    hostile = Details(name=SCRIPT, street=SCRIPT, city=SCRIPT, phone=SCRIPT)
    made = order(site, (add(site, f"{SCRIPT} bread"), 1), details=hostile, note=SCRIPT)

    for path in (
        "/dashboard/shop/orders",
        f"/dashboard/shop/orders/{made.id}",
        f"/dashboard/shop/orders/new?contact={made.contact_id}",
        "/dashboard/shop/products",
        f"/dashboard/shop/orders?q={SCRIPT}",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert SCRIPT not in page.text
        assert "&lt;script&gt;" in page.text


def test_the_order_page_shows_lines_taxes_and_address(site: Site, client: Client) -> None:
    sign_in(site, client)
    made = order(site, (add(site, "Bread", 590, 700), 2), (add(site, "Bag", 1190, 1900), 1))

    page = client.get(f"/dashboard/shop/orders/{made.id}").text

    for text in (
        "Bread",
        "€23.70",
        "19 % tax included",
        "€1.90",
        "7 % tax included",
        "€0.77",
        "Lindenstraße 4",
    ):
        assert text in page, text


# Products


def product(client: Client, path: str = "/dashboard/shop/products/new", **fields: str) -> Any:
    data = {"name": "Käse-Brötchen", "price-0": "2,40", "tax_rate": "7"}
    # A name such as price_0 can be an argument, price-0 can not.
    data |= {re.sub(r"_(?=\d$)", "-", name): value for name, value in fields.items()}
    return client.post(path, data=data, follow_redirects=False)


def test_s1_staff_add_change_and_withdraw_a_product(site: Site, client: Client) -> None:
    sign_in(site, client)
    assert product(client, description="With cheese", stock_0="4").status_code == 303
    with site.session() as session:
        row = session.scalars(select(Product)).one()
        only = session.scalars(select(Variant)).one()
    assert (row.slug, row.tax_rate, row.active) == ("kaese-broetchen", 700, True)
    assert (only.name, only.price, only.stock, only.sku) == ("", 240, 4, None)
    path = f"/dashboard/shop/products/{row.id}"
    assert 'value="2.40"' in client.get(path).text

    product(client, path, id_0=str(only.id), price_0="2.60", stock_0="", seen_stock_0="4", slug="roll", position="7")
    client.post(f"{path}/active", data={"active": ""})

    with site.session() as session:
        row = session.scalars(select(Product)).one()
        only = session.scalars(select(Variant)).one()
    assert (row.slug, row.position, row.active) == ("roll", 7, False)
    assert (only.price, only.stock) == (260, None)
    assert "Off sale" in client.get("/dashboard/shop/products").text


def test_a_product_that_can_not_be_is_refused_beside_its_field(site: Site, client: Client) -> None:
    sign_in(site, client)
    before = everything(site)
    for field, value in (
        ("name", ""),
        ("name", "x" * 121),
        ("price-0", "-1"),
        ("price-0", "1.000,00"),
        ("tax_rate", "101"),
        ("stock-0", "-1"),
        ("stock-0", "1.5"),
        ("position", "-1"),
        ("slug", "a/b"),
        ("slug", "Größe"),
        ("description", "x" * 5001),
    ):
        answer = product(client, **{field: value})

        assert answer.status_code == 422, (field, value)
        assert f'id="field-{field}-error"' in answer.text, (field, value)
    assert everything(site) == before


def test_two_products_can_not_have_one_address(site: Site, client: Client) -> None:
    sign_in(site, client)
    product(client)
    other = add(site, "Other")
    before = everything(site)

    assert product(client).status_code == 422
    assert (
        product(client, f"/dashboard/shop/products/{product_of(site, other)}", slug="kaese-broetchen").status_code
        == 422
    )

    assert everything(site) == before


def test_t_f1_an_order_between_opening_and_saving_a_product_is_not_undone(site: Site, client: Client) -> None:
    sign_in(site, client)
    cake = add(site, "Cake", stock=5)
    path = f"/dashboard/shop/products/{product_of(site, cake)}"
    order(site, (cake, 2))
    cake_form = {"name": "Cake", "slug": "cake", "id_0": str(cake)}

    # Whoever leaves the stock alone does not write it.
    assert product(client, path, **cake_form, stock_0="5", seen_stock_0="5").status_code == 303
    assert stock_of(site, cake) == 3
    answer = product(client, path, **cake_form, stock_0="10", seen_stock_0="5")

    assert answer.status_code == 409
    assert 'name="seen_stock-0" value="3"' in answer.text
    assert stock_of(site, cake) == 3


def test_prices_in_the_former_currency_ask_to_be_typed_anew(site: Site, client: Client) -> None:
    from core.state import save_setting

    bread = add(site, "Bread", 590)
    with site.begin() as session:
        save_setting(session, "shop.currency", "JPY")
    with make_client(site.refreshed()) as later:
        later.headers["accept-language"] = "en"
        sign_in(site, later)
        assert "Some prices are in another currency" in later.get("/dashboard/shop/products").text
        assert "Bread" not in later.get("/shop").text
        path = f"/dashboard/shop/products/{product_of(site, bread)}"
        assert 'value="5.90"' not in later.get(path).text

        product(later, path, name="Bread", slug="bread", id_0=str(bread), price_0="900")

        assert "¥900" in later.get("/shop").text


def test_record_once_gives_on_what_is_not_a_second_click(site: Site) -> None:
    from plugins.shop.orders import Item, NewOrder

    bread = add(site)
    new = NewOrder(email="a@example.org", details=DETAILS, items=[Item(variant_id=bread, quantity=1)], checkout_key="k")
    first = record_once(site, new)
    assert record_once(site, new).id == first.id
