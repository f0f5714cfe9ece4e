"""The public shop, from outside: products, cart, checkout, thanks (FEATURES S1; THREATS T-B6, T-P1, T-P3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import select, update

from core import hookimpl
from core.contacts.models import Contact, ContactActivity, ContactModule
from core.site import Site
from core.testing import make_client, make_site
from core.values import Capture, PublicField, Screening, Submission
from plugins.shop import plugin as shop
from plugins.shop import shopping
from plugins.shop.models import Cart, CartLine, Delivery, Order, OrderLine, Product, Variant
from tests.plugins.shop.helpers import (
    PERSON,
    Client,
    add,
    check_out,
    contact,
    count,
    everything,
    offer,
    only_order,
    put_in,
    stock_of,
)
from tests.plugins.shop.test_races import at_once

SCRIPT = "<script>alert(1)</script>"


def test_s1_a_visitor_orders_and_becomes_a_customer(site: Site, client: Client) -> None:
    bread, cake = add(site, "Bread", 590), add(site, "Cake", 2650, stock=3)
    assert "Bread" in client.get("/shop").text
    assert "€26.50" in client.get("/shop/products/cake").text

    put_in(client, bread, 2)
    put_in(client, cake, 1)
    assert "€38.30" in client.get("/shop/cart").text
    answer = check_out(client, note="Please ring")

    assert answer.status_code == 303
    made = only_order(site)
    assert answer.headers["location"] == f"/shop/thanks/{made.token}"
    thanks = client.get(answer.headers["location"]).text
    assert made.number in thanks
    assert "€38.30" in thanks
    person = contact(site)
    assert (person.stage, person.name, person.city, person.language) == (
        "customer",
        "Anna Müller",
        "Berlin",
        "en",
    )
    assert (made.contact_id, made.note, made.total, made.placed_by_id) == (
        person.id,
        "Please ring",
        3830,
        None,
    )
    with site.session() as session:
        assert session.scalars(select(ContactModule.module)).all() == ["shop"]
        assert session.scalars(select(ContactActivity.kind)).all() == ["shop.ordered"]
    assert stock_of(site, cake) == 2
    assert count(site, CartLine) == 0


def test_s1_an_order_goes_to_another_address_and_the_customer_keeps_their_own(site: Site, client: Client) -> None:
    bread = add(site)
    put_in(client, bread)
    there = {
        "delivery_name": "Oma Erna",
        "delivery_street": "Ring 1",
        "delivery_postal_code": "53111",
        "delivery_country": "DE",
    }
    before = everything(site)
    wrong = check_out(client, elsewhere="1", **there)
    assert wrong.status_code == 422
    assert 'id="field-delivery_city-error"' in wrong.text
    assert 'value="Oma Erna"' in wrong.text
    assert everything(site) == before

    thanks = check_out(client, elsewhere="1", delivery_city="Bonn", **there).headers["location"]

    assert (contact(site).city, only_order(site).city) == ("Berlin", "Berlin")
    with site.session() as session:
        delivery = session.scalars(select(Delivery)).one()
        assert (delivery.name, delivery.street, delivery.city) == ("Oma Erna", "Ring 1", "Bonn")
    assert "Ring 1" not in client.get(thanks).text
    # What stands in the fields counts with the tick only.
    put_in(client, bread)
    check_out(client, **there)
    assert (count(site, Order), count(site, Delivery)) == (2, 1)


def test_the_language_of_the_visitor_is_recorded(site: Site, client: Client) -> None:
    client.headers["accept-language"] = "de-AT"
    put_in(client, add(site))
    assert "Zahlungspflichtig bestellen" in client.get("/shop/checkout").text

    check_out(client)

    assert contact(site).language == "de"


def test_a_cart_survives_and_its_cookie_is_bare_and_locked_away(site: Site, client: Client) -> None:
    assert "set-cookie" not in client.get("/shop").headers

    answer = put_in(client, add(site), 2)

    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("tresen_shop="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    with site.session() as session:
        stored = session.scalars(select(Cart.token_hash)).one()
    assert stored not in cookie
    with make_client(site) as later:
        later.cookies.set("tresen_shop", client.cookies["tresen_shop"])
        assert 'value="2"' in later.get("/shop/cart").text


def test_t_a1_a_cart_token_that_the_visitor_chose_is_not_adopted(site: Site, client: Client) -> None:
    client.cookies.set("tresen_shop", "mine")

    answer = put_in(client, add(site))

    token = re.search(r"tresen_shop=([^;]+)", "; ".join(answer.headers.get_list("set-cookie")))
    assert token is not None
    assert token[1] != "mine"


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    site = make_site(tmp_path, shop, base_url="https://shop.example.org")
    with make_client(site) as client:
        answer = put_in(client, add(site))
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "shop" in one)
    assert cookie.startswith("__Host-tresen-shop=")
    assert "Secure" in cookie


def test_quantities_change_and_products_go(site: Site, client: Client) -> None:
    bread, cake = add(site, "Bread", 100), add(site, "Cake", 1000, stock=3)
    put_in(client, bread)
    put_in(client, cake)

    client.post("/shop/cart", data={f"quantity-{bread}": "5", f"quantity-{cake}": "2"})
    assert "€25.00" in client.get("/shop/cart").text
    client.post("/shop/cart/remove", data={"id": str(cake)})
    page = client.get("/shop/cart").text
    assert "Cake" not in page
    assert "€5.00" in page
    client.post("/shop/cart", data={f"quantity-{bread}": ""})
    assert "Your cart is empty" in client.get("/shop/cart").text


def test_t_b6_a_quantity_that_can_not_be_leaves_the_cart_alone(site: Site, client: Client) -> None:
    bread = add(site)
    put_in(client, bread, 2)
    before = everything(site)

    for quantity in ("-1", "0", "1000", "1.5", "x", "9" * 40, "١"):
        put_in(client, bread, quantity)
        client.post("/shop/cart", data={f"quantity-{bread}": "-1" if quantity == "0" else quantity})

        assert everything(site) == before, quantity


def test_t_b6_price_and_total_of_the_client_are_not_listened_to(site: Site, client: Client) -> None:
    bread = add(site, price=590)
    put_in(client, bread, 1, price="1", unit_price="1")

    check_out(client, price="1", total="1", unit_price="1", currency="JPY", tax_rate="0", state="paid")

    made = only_order(site)
    assert (made.total, made.currency, made.state) == (590, "EUR", "open")


def test_t_b6_a_forged_offer_orders_nothing(site: Site, client: Client) -> None:
    put_in(client, add(site))
    before = everything(site)

    for forged in ("", "x", "x.y", "Ünsinn"):
        answer = client.post("/shop/checkout", data={"offer": forged, **PERSON})

        assert answer.status_code == 409, forged
        assert everything(site) == before


def test_t_b6_a_price_that_changed_is_shown_before_it_is_charged(site: Site, client: Client) -> None:
    put_in(client, add(site, price=590))
    shown = offer(client)
    with site.begin() as session:
        session.execute(update(Variant).values(price=990))

    answer = check_out(client, offer=shown)

    assert answer.status_code == 409
    assert "A price has changed" in answer.text
    assert "Lindenstraße 4" in answer.text
    assert count(site, Order) == count(site, Contact) == 0
    assert check_out(client).status_code == 303
    assert only_order(site).total == 990


def test_a_cart_that_changed_in_another_tab_is_shown_before_it_is_ordered(site: Site, client: Client) -> None:
    bread = add(site)
    put_in(client, bread)
    shown = offer(client)
    put_in(client, bread)

    answer = check_out(client, offer=shown)

    assert answer.status_code == 409
    assert "Your cart has changed" in answer.text
    assert count(site, Order) == 0


def test_t_b5_what_was_sold_meanwhile_is_said_and_nothing_is_ordered(site: Site, client: Client) -> None:
    bread, cake = add(site, "Bread"), add(site, "Cake", stock=2)
    put_in(client, bread)
    put_in(client, cake, 2)
    shown = offer(client)
    with site.begin() as session:
        session.execute(update(Variant).where(Variant.id == cake).values(stock=1))
    before = everything(site)

    answer = check_out(client, offer=shown)

    assert answer.headers["location"] == "/shop/cart"
    page = client.get("/shop/cart").text
    assert "Only 1 of Cake are left." in page
    assert "/shop/checkout" not in page
    assert everything(site) == before


def test_the_cart_takes_no_more_than_there_is(site: Site, client: Client) -> None:
    cake = add(site, "Cake", stock=2)
    put_in(client, cake, 2)
    before = everything(site)

    put_in(client, cake, 1)

    assert "Only 2 of Cake are left." in client.get("/shop").text
    assert everything(site) == before


def test_t_p1_back_and_replay_lead_to_the_same_order(site: Site, client: Client) -> None:
    bread = add(site, stock=5)
    put_in(client, bread)
    shown = offer(client)
    first = check_out(client, offer=shown)
    put_in(client, bread)

    again = check_out(client, offer=shown, name="Somebody else")

    assert again.headers["location"] == first.headers["location"]
    assert count(site, Order) == 1
    assert contact(site).name == "Anna Müller"
    assert stock_of(site, bread) == 4
    # What was put in since is still there.
    assert count(site, CartLine) == 1


def _click_at_once(site: Site, client: Client, clicks: int = 6) -> Sequence[object]:
    shown, token = offer(client), client.cookies["tresen_shop"]
    with ExitStack() as stack:
        clients = [stack.enter_context(make_client(site)) for _ in range(clicks)]
        for one in clients:
            one.cookies.set("tresen_shop", token)
        return at_once(clicks, lambda index: check_out(clients[index], offer=shown))


def test_t_p1_a_double_click_makes_one_order(site: Site, client: Client) -> None:
    put_in(client, add(site))

    answers = _click_at_once(site, client)

    assert {getattr(one, "status_code", one) for one in answers} == {303}
    assert {one.headers["location"] for one in answers} == {f"/shop/thanks/{only_order(site).token}"}  # type: ignore[attr-defined]


def test_t_p1_control_without_key_and_emptied_cart_each_click_orders(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shopping, "empty_cart", lambda session, cart: None)
    monkeypatch.setattr(shopping, "order_of_form", lambda session, key: None)
    keep = shopping.NewOrder
    monkeypatch.setattr(shopping, "NewOrder", lambda **values: keep(**{**values, "checkout_key": None}))
    put_in(client, add(site))

    _click_at_once(site, client)

    assert count(site, Order) == 6


def test_t_p1_a_message_of_a_megabyte_is_refused(site: Site, client: Client) -> None:
    put_in(client, add(site))
    shown = offer(client)
    before = everything(site)

    assert check_out(client, offer=shown, note="x" * 1_000_000).status_code == 413
    answer = check_out(client, offer=shown, note="x" * 2001)

    assert answer.status_code == 422
    assert "2000 characters at most" in answer.text
    assert everything(site) == before


def test_a_mistake_stands_beside_its_field_and_nothing_typed_is_lost(site: Site, client: Client) -> None:
    put_in(client, add(site))
    before = everything(site)
    for field, value, error in (
        ("email", "nobody", "has an @ in it"),
        ("email", "", "Enter an e-mail address."),
        ("name", "  ", "Enter a name."),
        ("street", "", "Enter street and house number."),
        ("country", "ZZ", "Choose a country from the list."),
        ("country", "de", "Choose a country from the list."),
        ("city", "x" * 101, "100 characters at most"),
    ):
        answer = check_out(client, **{field: value})

        assert answer.status_code == 422, field
        assert f'id="field-{field}-error"' in answer.text
        assert error in answer.text
        kept = "Lindenstraße 4" if field != "street" else "Anna Müller"
        assert kept in answer.text
        assert everything(site) == before


def test_t_p3_nothing_is_prefilled_or_disclosed_for_a_known_address(site: Site, client: Client) -> None:
    bread = add(site)
    put_in(client, bread)
    check_out(client)
    first = client.get(check_out_location(site)).text

    with make_client(site) as stranger:
        stranger.headers["accept-language"] = "en"
        put_in(stranger, bread)
        form = stranger.get("/shop/checkout").text
        refused = check_out(stranger, name="").text
        unknown = check_out(stranger, name="", email="unknown@example.org").text
        answer = check_out(stranger, name="Eve", street="Elsewhere 1")
        thanks = stranger.get(answer.headers["location"]).text

    for page in (form, thanks):
        assert "Anna" not in page
        assert "030 123456" not in page
    assert _without_secrets(refused) == _without_secrets(unknown)
    assert _without_secrets(thanks) == _without_secrets(first)
    assert count(site, Contact) == 1
    assert "tresen_session" not in client.cookies


def check_out_location(site: Site) -> str:
    return f"/shop/thanks/{only_order(site).token}"


def _without_secrets(page: str) -> str:
    page = re.sub(r"[\w.-]+@example\.org", "ADDRESS", page, flags=re.IGNORECASE)
    page = re.sub(r"(next=%2Fshop%2Fthanks%2F)[\w-]+", "TOKEN", page)
    page = re.sub(r'name="offer" value="[^"]+"', "OFFER", page)
    return re.sub(r"\d{4}-\d{4}|\d\d/\d\d/\d{4}, \d\d:\d\d", "VARIES", page)


def test_thanks_tells_no_more_than_the_order_and_only_to_whom_has_its_address(site: Site, client: Client) -> None:
    put_in(client, add(site))
    answer = check_out(client)

    page = client.get(answer.headers["location"])

    assert "noindex" in page.text
    assert page.headers["cache-control"] == "no-store"
    for private in ("Anna", "Lindenstraße", "example.org"):
        assert private not in page.text
    assert client.get("/shop/thanks/2026-0001").status_code == 404
    assert client.get("/shop/thanks/1").status_code == 404


def test_a_checkout_without_a_cart_leads_to_the_cart(site: Site, client: Client) -> None:
    add(site)
    assert client.get("/shop/checkout", follow_redirects=False).headers["location"] == "/shop/cart"
    answer = client.post("/shop/checkout", data={"offer": "x", **PERSON}, follow_redirects=False)
    assert answer.headers["location"] == "/shop/cart"
    assert count(site, Order) == 0


def test_what_is_off_sale_is_not_found_and_not_ordered(site: Site, client: Client) -> None:
    bread = add(site, "Bread")
    put_in(client, bread)
    shown = offer(client)
    with site.begin() as session:
        session.execute(update(Product).values(active=False))
    before = everything(site)

    assert "Bread" not in client.get("/shop").text
    assert client.get("/shop/products/bread").status_code == 404
    put_in(client, bread)
    check_out(client, offer=shown)

    assert everything(site) == before


def test_t_x3_what_is_typed_is_text_everywhere(site: Site, client: Client) -> None:
    product = add(site, f"{SCRIPT} bread")
    with site.begin() as session:
        session.execute(update(Product).values(description=SCRIPT, slug="x"))
    put_in(client, product)
    pages = [client.get(path).text for path in ("/shop", "/shop/products/x", "/shop/cart", "/shop/checkout")]
    refused = check_out(client, name=SCRIPT, note=SCRIPT, street=SCRIPT, email=SCRIPT)
    answer = check_out(client, name=SCRIPT, note=SCRIPT, street=SCRIPT)
    pages += [refused.text, client.get(answer.headers["location"]).text]

    assert answer.status_code == 303
    for page in pages:
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


def test_t_x5_the_way_back_leads_to_this_site_only(site: Site, client: Client) -> None:
    answer = put_in(client, add(site), next="//evil.example")
    assert answer.headers["location"] == "/"


def test_t_x1_another_site_s_page_can_not_order(site: Site, client: Client) -> None:
    put_in(client, add(site))
    shown = offer(client)
    before = everything(site)

    answer = client.post("/shop/checkout", data={"offer": shown, **PERSON}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert everything(site) == before


# With other plugins


def _neighbour(told: list[Submission]) -> ModuleType:
    module = ModuleType("neighbour")
    module.__package__ = "neighbour"

    @hookimpl
    def public_fields(form: str) -> list[PublicField]:
        return [
            PublicField(key="neighbour.news", wording="Send me <news>"),
            PublicField(key="neighbour.terms", wording="I agree to the terms", required=True),
        ]

    @hookimpl
    def public_form_submitted(submission: Submission) -> None:
        told.append(submission)

    module.public_fields = public_fields  # type: ignore[attr-defined]
    module.public_form_submitted = public_form_submitted  # type: ignore[attr-defined]
    return module


def test_other_plugins_boxes_are_shown_checked_and_told(tmp_path: Path, database_url: str) -> None:
    told: list[Submission] = []
    site = make_site(tmp_path, shop, _neighbour(told), database_url=database_url)
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        put_in(client, add(site))
        assert "Send me &lt;news&gt;" in client.get("/shop/checkout").text

        refused = check_out(client, **{"neighbour.news": "1"})

        assert refused.status_code == 422
        assert "Tick this box to go on." in refused.text
        assert re.search(r'name="neighbour.news" value="1" checked', refused.text)
        assert (count(site, Order), told) == (0, [])

        check_out(client, **{"neighbour.news": "1", "neighbour.terms": "1"})

    (submission,) = told
    assert submission.form == "shop.checkout"
    assert submission.ticked == {"neighbour.news", "neighbour.terms"}
    assert submission.wordings["neighbour.news"] == "Send me <news>"
    assert submission.contact_id == contact(site).id
    site.close()


def test_a_rejected_order_says_why_and_keeps_the_form(tmp_path: Path, database_url: str) -> None:
    gate = ModuleType("gate")
    gate.__package__ = "gate"

    @hookimpl
    def screen_capture(capture: Capture) -> Screening:
        return Screening(verdict="reject", reason="We do not deliver there.")

    gate.screen_capture = screen_capture  # type: ignore[attr-defined]
    site = make_site(tmp_path, shop, gate, database_url=database_url)
    with make_client(site) as client:
        put_in(client, add(site, stock=2))
        before = everything(site)

        answer = check_out(client)

    assert answer.status_code == 422
    assert "We do not deliver there." in answer.text
    assert "Lindenstraße 4" in answer.text
    assert everything(site) == before
    site.close()


def test_the_cart_orders_each_product_once(site: Site, client: Client) -> None:
    bread = add(site)
    put_in(client, bread, 2)
    put_in(client, bread, 3)
    check_out(client)
    with site.session() as session:
        assert session.scalars(select(OrderLine.quantity)).all() == [5]
