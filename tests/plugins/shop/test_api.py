"""Orders over the REST API (FEATURES S6, H6): placed once for each key, at the database's prices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from core.contacts.models import Contact
from core.site import Site
from core.testing import count_queries
from plugins.shop.models import Order, Variant
from tests.plugins.shop.helpers import Client, add, count, everything, order, stock_of
from tests.support.api import use_token

ORDERS = "/api/v1/shop/orders"


@pytest.fixture
def api(site: Site, client: Client) -> Client:
    use_token(site, client, "manager")
    return client


def place(api: Client, key: str, **body: Any) -> Any:
    return api.post(ORDERS, json={"email": "anna@example.org", **body}, headers={"idempotency-key": key})


def test_t_b4_an_order_is_placed_once_and_read_again(site: Site, api: Client) -> None:
    bread = add(site, stock=9)
    with site.begin() as session:
        session.get_one(Variant, bread).sku = "RYE"
    body = {
        "details": {"name": "Anna Müller", "street": "Lindenstraße 4", "country": "DE"},
        "delivery": {"name": "Bert", "street": "Other 1", "city": "Bonn"},
        "items": [
            {"sku": "RYE", "quantity": 2},
            {"name": "Engraving", "unit_price": 500, "tax_rate": 1900},
        ],
        "note": "By the till",
    }
    first = place(api, "k-1", **body)
    assert first.status_code == 201, first.text
    made = first.json()
    assert first.headers["location"] == made["href"]
    assert [(line["name"], line["quantity"], line["unit_price"]) for line in made["lines"]] == [
        ("Rye bread", 2, 590),
        ("Engraving", 1, 500),
    ]
    assert (made["total"], made["taxes"]) == (
        1680,
        [{"rate": 700, "gross": 1180, "tax": 77}, {"rate": 1900, "gross": 500, "tax": 80}],
    )
    assert (made["delivery"]["city"], made["state"], made["source"]) == ("Bonn", "open", None)

    before = everything(site)
    again = place(api, "k-1", **body)
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
    assert place(api, "k-1", **{**body, "note": "Another"}).status_code == 422
    assert everything(site) == before
    assert stock_of(site, bread) == 7
    assert api.get(f"{ORDERS}/{made['id']}").json() == made
    with site.session() as session:
        assert session.scalars(select(Contact)).one().stage == "customer"


@pytest.mark.parametrize("one_key", [True, False])
def test_t_b4_eight_at_once_place_one_order_and_with_keys_of_their_own_eight(
    site: Site, api: Client, one_key: bool
) -> None:
    bread = add(site, stock=20)
    barrier = Barrier(8)

    def run(index: int) -> int:
        barrier.wait(30)
        key = "one" if one_key else f"k-{index}"
        answer: int = place(api, key, items=[{"variant_id": bread}]).status_code
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(run, range(8)))
    assert answers <= {201, 409}
    assert 201 in answers
    assert (count(site, Order), stock_of(site, bread)) == ((1, 19) if one_key else (8, 12))


def test_s6_an_order_from_elsewhere_is_here_once(site: Site, api: Client) -> None:
    source = {"name": "Market stall", "reference": "77"}
    lines = [{"name": "Cheese", "unit_price": 1234, "tax_rate": 700, "quantity": 3}]
    body = {"items": lines, "source": source, "placed_at": "2025-03-01T10:00:00+01:00", "currency": "chf"}
    barrier = Barrier(4)

    def run(index: int) -> int:
        barrier.wait(30)
        answer: int = place(api, f"k-{index}", **body, discount=2).status_code
        return answer

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(run, range(4))) == [201, 409, 409, 409]
    [made] = api.get(f"{ORDERS}?source=Market+stall").json()["orders"]
    assert (made["number"], made["total"], made["currency"]) == ("Market stall 77", 3700, "CHF")
    assert made["placed_at"] == "2025-03-01T09:00:00Z"
    assert api.get(f"{ORDERS}?source=here").json()["orders"] == []


def test_t_b6_what_can_t_be_is_refused_and_nothing_is_written(site: Site, api: Client) -> None:
    bread = add(site, stock=1)
    before = everything(site)
    free = {"name": "x", "unit_price": 1, "tax_rate": 0}
    for status, body in (
        (400, {"items": []}),
        (400, {"items": [{"variant_id": bread, "unit_price": 1}]}),
        (400, {"items": [{"variant_id": bread, "quantity": -1}]}),
        (400, {"items": [{"variant_id": 2**70}]}),
        (400, {"items": [{"sku": "NONE"}]}),
        (400, {"items": [{**free, "unit_price": -5}]}),
        (400, {"items": [{**free, "tax_rate": 10001}]}),
        (400, {"items": [{"name": "x"}]}),
        (400, {"items": [free], "discount": 2}),
        (400, {"items": [free], "discount": -1}),
        (400, {"items": [free], "currency": "XXY"}),
        (400, {"items": [free], "placed_at": "2999-01-01T00:00:00Z"}),
        (400, {"items": [free], "placed_at": "2025-01-01T00:00:00"}),
        (400, {"items": [free], "source": {"name": "", "reference": "1"}}),
        (400, {"items": [free], "details": {"nick": "x"}}),
        (400, {"items": [free], "details": {"country": "ZZ"}}),
        (400, {"items": [free], "email": "nobody"}),
        (400, {"items": [free], "voucher": "NONE"}),
        (409, {"items": [{"variant_id": bread, "quantity": 2}]}),
        (409, {"items": [{"variant_id": bread}], "currency": "CHF"}),
    ):
        answer = place(api, "k", **body)
        assert answer.status_code == status, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.post(ORDERS, json={"email": "a@example.org", "items": [free]}).status_code == 400
    assert everything(site) == before
    # What is not asked for changes nothing (THREATS T-Z4).
    made = place(api, "k", items=[free], total=1, state="paid", id=9).json()
    assert (made["total"], made["state"]) == (1, "open")


def test_h6_orders_page_by_page_and_what_becomes_of_them(site: Site, api: Client) -> None:
    bread = add(site, price=1000, stock=9)
    numbers = [order(site, (bread, 2), email=f"n{index}@example.org").number for index in range(3)]
    page = api.get(f"{ORDERS}?limit=2&status=open").json()
    assert [one["number"] for one in page["orders"]] == numbers[:0:-1]
    rest = api.get(page["older"].removeprefix(site.settings.base_url)).json()
    assert ([one["number"] for one in rest["orders"]], rest["older"]) == (numbers[:1], None)

    def queries(limit: int) -> int:
        with count_queries(site) as counted:
            assert len(api.get(f"{ORDERS}?limit={limit}").json()["orders"]) == limit
        return len([one for one in counted.statements if "site_state" not in one])

    queries(1)
    assert queries(1) == queries(3)

    one = rest["orders"][0]
    state, refunds = f"{ORDERS}/{one['id']}/state", f"{ORDERS}/{one['id']}/refunds"
    assert api.post(state, json={"step": "lost"}).status_code == 400
    assert api.post(state, json={"step": "paid"}).json()["state"] == "paid"
    assert api.post(state, json={"step": "paid"}).status_code == 409
    body = {"pieces": {str(one["lines"][0]["id"]): 1}, "reduction": 100}
    for _ in range(2):
        answer = api.post(refunds, json=body, headers={"idempotency-key": "r-1"})
        assert (answer.status_code, answer.json()["amount"], answer.json()["money_back"]) == (201, 1100, 1100)
    assert answer.json()["order"]["refunded"] == 1100
    assert stock_of(site, bread) == 4
    too_much = api.post(refunds, json={"reduction": 901}, headers={"idempotency-key": "r-2"})
    assert (too_much.status_code, too_much.json()["field"]) == (400, "reduction")
    assert (
        api.get(f"{ORDERS}/999").status_code
        == api.post(f"{ORDERS}/999/state", json={"step": "paid"}).status_code
        == 404
    )


def test_h6_without_the_permission_nothing_is_placed(site: Site, client: Client) -> None:
    assert place(client, "k", items=[]).status_code == 401
    before = everything(site)
    use_token(site, client, "assistant")
    # Assistants sell, and may do so over the API too.
    assert place(client, "k", items=[]).status_code == 400
    assert everything(site) == before
