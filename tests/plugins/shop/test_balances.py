"""Vouchers with a balance pay for orders: never more than is on them, and given back once (FEATURES S3, T-B3)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from threading import Barrier, local
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from core.checking import run_checks
from core.errors import Conflict, InvalidInput
from core.messages.models import Message
from core.site import Site
from core.testing import sign_in
from core.values import SYSTEM, Money, PaymentResult
from plugins.shop import balances, refunds, states
from plugins.shop.documents import read_document
from plugins.shop.invoices import issue_invoice
from plugins.shop.models import (
    Cart,
    CustomerAmount,
    Order,
    OrderTax,
    Payment,
    Refund,
    Voucher,
    VoucherMovement,
    VoucherUse,
)
from plugins.shop.payments import begin_payment
from plugins.shop.refunds import TakeBack, refund
from plugins.shop.states import take_step, withdraw_payment
from plugins.shop.vouchers import VoucherRefused, VoucherValues, edit_voucher, usable_codes
from tests.plugins.shop.helpers import (
    PERSON,
    Client,
    add,
    check_out,
    count,
    everything,
    offer,
    only_order,
    order,
    put_in,
)
from tests.plugins.shop.test_api import ORDERS, place, use_token
from tests.plugins.shop.test_order_races import _settle
from tests.plugins.shop.test_races import at_once
from tests.plugins.shop.test_refunds import agree, step, take
from tests.plugins.shop.test_vouchers import today, voucher
from tests.sample_plugin.models import Heard

CARD = "GIFT-CARD-2026"


def card(site: Site, value: int = 5000, code: str = CARD, **values: Any) -> int:
    return voucher(site, code, "balance", value, **values)


def left(site: Site, code: str = CARD) -> int:
    """What is on the voucher, after the movements were found to say the same."""
    with site.session() as session:
        found = session.scalars(select(Voucher).where(Voucher.code == code)).one()
        moved = session.scalar(select(func.sum(VoucherMovement.amount)).where(VoucherMovement.voucher_id == found.id))
        assert found.balance == found.value + (moved or 0) >= 0
        assert found.uses == session.scalar(
            select(func.count()).select_from(VoucherUse).where(VoucherUse.voucher_id == found.id)
        )
    assert [one.problems for one in run_checks(site) if one.problems] == []
    return found.balance


def movements(site: Site) -> list[tuple[str, int]]:
    with site.session() as session:
        rows = session.execute(select(VoucherMovement.kind, VoucherMovement.amount).order_by(VoucherMovement.id))
        return [(kind, amount) for kind, amount in rows]


# Paying with it


def test_s3_a_visitor_pays_with_a_balance_beside_a_discount(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000), 2)
    voucher(site, "SUMMER", value=1000)
    card(site, 2500)

    client.post("/shop/cart/voucher", data={"voucher": "SUMMER"})
    page = client.post("/shop/cart/voucher", data={"voucher": "gift card 2026"}).text
    assert all(part in page for part in ("€18.00", f"Paid with voucher {CARD}", "−€18.00", "€0.00", "€7.00"))
    assert 'name="voucher" id' not in page
    assert "Nothing is left to pay." in client.get("/shop/checkout").text
    done = check_out(client)
    assert done.status_code == 303
    thanks = client.get(done.headers["location"]).text
    assert "Paid with a voucher" in thanks
    assert CARD not in thanks

    placed = only_order(site)
    # A payment and no discount: total and tax are those of any other order.
    assert (placed.total, placed.discount, placed.voucher_code) == (1800, 200, "SUMMER")
    assert (placed.state, placed.payment_method, placed.paid_at) == ("paid", "shop.balance", placed.placed_at)
    assert agree(site, placed.id) == ("paid", 1800)
    assert left(site) == 700
    with site.session() as session:
        assert session.execute(select(OrderTax.gross, OrderTax.tax)).all() == [(1800, 118)]
        assert session.execute(select(Payment.method, Payment.amount)).all() == [("shop.balance", 1800)]
        assert session.execute(select(Cart.voucher_code, Cart.balance_code)).all() == [("", "")]
        assert session.scalars(select(CustomerAmount.minor)).one() == 1800

    # The rest pays a part of the next one.
    put_in(client, add(site, "Cake", price=1000))
    page = client.post("/shop/cart/voucher", data={"voucher": CARD}).text
    assert "−€7.00" in page
    assert "€3.00" in page
    client.post("/shop/cart/voucher", data={"voucher": "", "drop": "balance"})
    assert "Paid with voucher" not in client.get("/shop/cart").text
    client.post("/shop/cart/voucher", data={"voucher": CARD})
    seen = offer(client)
    with site.begin() as session:
        session.execute(update(Voucher).where(Voucher.code == CARD).values(balance=600))
    before = everything(site)
    answer = check_out(client, offer=seen)
    assert answer.status_code == 409
    assert "The balance of your voucher has changed in the meantime." in answer.text
    assert "€4.00" in answer.text
    assert everything(site) == before


def test_s3_staff_and_programs_pay_with_a_balance(site: Site, client: Client) -> None:
    bread = add(site, price=1000)
    card(site, 1500)
    sign_in(site, client)
    form = "/dashboard/shop/orders/new?email=anna.mueller@example.org"
    data = {**PERSON, "key": "k", f"quantity-{bread}": "2"}
    assert CARD not in client.get(form).text
    refused = client.post(form, data={**data, "second_voucher": "nothing-like-it"})
    assert refused.status_code == 422
    assert 'id="field-second_voucher-error"' in refused.text
    assert count(site, Order) == 0

    page = client.post(form, data={**data, "second_voucher": CARD, "payment": "shop.transfer"}).text
    made = only_order(site)
    assert (made.state, made.total, made.paid_at, made.payment_method) == ("open", 2000, None, "shop.transfer")
    assert f"Paid with voucher {CARD}" in page
    assert "Left to pay" in page
    assert "Not all has come in" not in page
    assert left(site) == 0
    # What is left is what is noted as paid, and can be taken back; the balance's part can't.
    step(site, made.id, "paid")
    with site.begin() as session:
        withdraw_payment(session, made.id, SYSTEM)
    with site.session() as session:
        paid = session.execute(select(Payment.method, Payment.amount, Payment.state).order_by(Payment.id)).all()
    assert paid == [("shop.balance", 1500, "paid"), ("shop.transfer", 500, "failed")]
    assert only_order(site).paid_at is None
    with pytest.raises(Conflict), site.begin() as session:
        withdraw_payment(session, made.id, SYSTEM)

    # And over the API, in whichever of the two fields.
    card(site, 3000, "GIFT-CARD-2027")
    use_token(site, client, "manager")
    item = {"items": [{"variant_id": bread, "quantity": 1}], "voucher": "GIFT-CARD-2027"}
    paid = place(client, "one", **item).json()
    assert (paid["state"], paid["total"], paid["voucher"]) == ("paid", 1000, "")
    assert (paid["balance_voucher"], paid["paid_by_voucher"]) == ("GIFT-CARD-2027", 1000)
    assert place(client, "one", **item).json() == paid
    back = client.post(
        f"{ORDERS}/{paid['id']}/refunds", json={"reduction": 300}, headers={"idempotency-key": "back"}
    ).json()
    assert (back["money_back"], back["to_balance"], back["order"]["paid_by_voucher"]) == (300, 300, 700)
    two = place(client, "two", **item, second_voucher="GIFT-CARD-2027")
    assert two.status_code == 400
    assert "second_voucher" in two.text
    assert left(site, "GIFT-CARD-2027") == 2300


def test_s3_what_a_balance_can_not_be_used_for(site: Site) -> None:
    bread = add(site, price=1000)
    tomorrow, yesterday = today(site) + timedelta(1), today(site) - timedelta(1)
    terms: list[dict[str, Any]] = [{"starts_on": tomorrow}, {"ends_on": yesterday}, {"minimum": 1001}, {}]
    for number, values in enumerate(terms):
        card(site, code=f"{CARD}-{number}", **values)
    card(site, code="OTHER-CURRENCY")
    with site.begin() as session:
        session.execute(update(Voucher).where(Voucher.code == f"{CARD}-3").values(active=False))
        session.execute(update(Voucher).where(Voucher.code == "OTHER-CURRENCY").values(currency="CHF"))
    card(site)
    card(site, code="GIFT-CARD-2027")
    before = everything(site)
    for codes, says in (
        ((f"{CARD}-0",), "not valid yet"),
        ((f"{CARD}-1",), "expired"),
        ((f"{CARD}-2",), "for orders of"),
        ((f"{CARD}-3",), "no voucher with this code"),
        (("OTHER-CURRENCY",), "another currency"),
        ((CARD, "GIFT-CARD-2027"), "one voucher that takes something off, and one with a balance"),
        ((CARD, CARD), "one voucher that takes something off, and one with a balance"),
    ):
        with pytest.raises(VoucherRefused, match=says):
            order(site, (bread, 1), **dict(zip(("voucher", "second_voucher"), codes, strict=False)))
    with pytest.raises(InvalidInput):
        card(site, code="GIFT")
    assert everything(site) == before
    with site.session() as session:
        assert usable_codes(session, site) == []

    order(site, (bread, 5), voucher=CARD)
    with pytest.raises(VoucherRefused, match="Nothing is left"):
        order(site, (bread, 1), voucher=CARD)
    spent = VoucherValues(
        code=CARD, kind="balance", value=5000, minimum=0, starts_on=None, ends_on=None, limit=None,
        limit_per_customer=None,
    )  # fmt: skip
    with site.begin() as session:
        number = session.scalars(select(Voucher.id).where(Voucher.code == CARD)).one()
        edit_voucher(session, site, number, evolve(spent, code="GIFT-CARD-NEW"))
    for changes in ({"value": 9000}, {"kind": "fixed"}, {"code": "short"}):
        with pytest.raises(InvalidInput), site.begin() as session:
            edit_voucher(session, site, number, evolve(spent, **changes))
    assert left(site, "GIFT-CARD-NEW") == 0
    for statement in ("UPDATE shop_voucher_movements SET amount = -1", "DELETE FROM shop_voucher_movements"):
        with pytest.raises(DBAPIError, match="only ever added"), site.begin() as session:
            session.execute(text(statement))


# Spent once (T-B3)


def test_t_b3_ten_orders_at_once_spend_a_balance_once(site: Site) -> None:
    bread = add(site, price=300)
    card(site, 1000)

    made = at_once(10, lambda index: order(site, (bread, 1), voucher=CARD, email=f"p{index}@example.org"))

    assert sum(isinstance(one, VoucherRefused) for one in made) == 6, made
    assert left(site) == 0
    assert sorted(amount for _, amount in movements(site)) == [-300, -300, -300, -100]
    with site.session() as session:
        assert session.scalar(select(func.sum(Payment.amount))) == 1000


def test_t_b3_control_without_the_condition_in_the_update_more_is_spent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bread, seen, looked = add(site, price=300), local(), Barrier(4)
    card(site, 300)

    def take_what_was_seen(session: Any, voucher_id: int, amount: int) -> int:
        session.execute(update(Voucher).values(balance=seen.balance - amount))
        return int(seen.balance - amount)

    class Seen:
        """The voucher as it was before the others came."""

        def __init__(self, row: Voucher) -> None:
            self.row = row

        def __getattr__(self, name: str) -> Any:
            return seen.balance if name == "balance" else getattr(self.row, name)

    find = balances.find_voucher
    monkeypatch.setattr(balances, "take", take_what_was_seen)
    monkeypatch.setattr(balances, "find_voucher", lambda session, code: Seen(find(session, code)))

    def buy(index: int) -> Any:
        with site.session() as session:
            seen.balance = session.scalars(select(Voucher.balance)).one()
        looked.wait(30)
        return order(site, (bread, 1), voucher=CARD, email=f"p{index}@example.org")

    at_once(4, buy)

    assert -sum(amount for _, amount in movements(site)) > 300
    assert [one.check.key for one in run_checks(site) if one.problems] == ["shop.voucher_uses", "shop.voucher_balances"]


# Given back once


def test_s4_what_a_balance_paid_goes_back_onto_it_first_and_once(site: Site, client: Client) -> None:
    bread = add(site, price=1000, stock=9)
    card(site, 2500)
    made = order(site, (bread, 3), voucher=CARD)
    # Taken off what is still owed: nothing goes back, until the balance covers the rest, and the order is paid.
    assert take(site, made.id, reduction=200).money_back.minor == 0
    assert only_order(site).paid_at is None
    done = take(site, made.id, 1)
    assert (done.amount.minor, done.money_back.minor, done.to_balance.minor) == (933, 633, 633)
    assert left(site) == 633
    assert agree(site, made.id) == ("paid", 1867)
    step(site, made.id, "cancelled")
    assert left(site) == 2500
    assert agree(site, made.id) == ("cancelled", 0)
    with pytest.raises(Conflict):
        step(site, made.id, "cancelled")
    assert movements(site) == [("spent", -2500), ("refunded", 633), ("cancelled", 1867)]

    # Of one that was paid in two ways, the balance is filled first, whatever is taken back when.
    other = order(site, (bread, 4), voucher=CARD)
    step(site, other.id, "paid")
    step(site, other.id, "shipped")
    parts = [take(site, other.id, 1, restock=False) for _ in range(4)]
    assert [(one.money_back.minor, one.to_balance.minor) for one in parts] == [
        (1000, 1000), (1000, 1000), (1000, 500), (1000, 0),
    ]  # fmt: skip
    assert left(site) == 2500
    sign_in(site, client)
    page = client.get(f"/dashboard/shop/orders/{other.id}").text
    assert "€5.00 back on the voucher" in page
    assert "€5.00 paid back" in page


def test_s4_the_rest_goes_back_through_the_provider(selling: Site) -> None:
    card(selling, 400)
    made = order(selling, (add(selling, price=500), 2), voucher=CARD, payment_method="sample_plugin.bank", mail=True)
    begin_payment(selling, made.id, selling.language("en"))
    with selling.session() as session:
        asked = session.scalars(select(Payment).where(Payment.method == "sample_plugin.bank")).one()
    assert asked.amount == 600
    result = PaymentResult(reference=asked.reference, state="paid", amount=Money(minor=600, currency="EUR"))
    assert _settle(selling, asked.reference, result)(0) == "paid"
    assert only_order(selling).state == "paid"
    with selling.begin() as session:
        number = issue_invoice(session, selling, made.id, SYSTEM)
        done = refund(session, made.id, TakeBack(reduction=700), SYSTEM, mail=True)
    assert (done.money_back.minor, done.to_balance.minor) == (700, 400)
    refunds.give_money_back(selling, made.id)
    with selling.session() as session:
        [heard] = session.scalars(select(Heard.detail).where(Heard.hook == "pay_back"))
        paper, correction = (read_document(session, selling, one) for one in (number, number + 1))
        mails = session.scalars(select(Message.text).order_by(Message.id)).all()
    assert "300" in heard
    assert paper.total[1] == "10,00\xa0€"
    assert list(paper.paid) == [("Mit Gutschein bezahlt", "−4,00\xa0€")]
    assert "Davon wurden 4,00\xa0€ wieder auf den Gutschein gebucht." in correction.notes
    assert "Mit Gutschein bezahlt: −4,00\xa0€\nNoch zu zahlen: 6,00\xa0€" in mails[0]
    assert "4,00\xa0€ sind wieder auf Ihrem Gutschein.\n\nWir zahlen Ihnen 3,00\xa0€ zurück." in mails[-1]
    assert not any(CARD in mail for mail in mails)
    assert left(selling) == 400


def _cancel_at_once(site: Site, number: int) -> list[Any]:
    """Cancel an order so often at once, paid with a balance of which another order has spent too."""
    bread = add(site, price=1000)
    card(site, 5000)
    made = order(site, (bread, 1), voucher=CARD)
    order(site, (bread, 3), voucher=CARD, email="berta@example.org")

    def cancel(_index: int) -> Any:
        with site.begin() as session:
            return take_step(session, made.id, "cancelled", SYSTEM)

    return at_once(number, cancel)


def test_t_b3_an_order_that_six_cancel_at_once_gives_its_balance_back_once(site: Site) -> None:
    results = _cancel_at_once(site, 6)

    assert sum(isinstance(one, Conflict) for one in results) == 5, results
    assert left(site) == 2000
    assert count(site, Refund) == 1


def test_t_b3_control_without_the_lock_each_who_cancels_gives_it_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_it_was(session: Any, order_id: int) -> Order:
        found = session.get_one(Order, order_id)
        found.state, found.cancelled_at, found.refunded = "open", None, 0
        return found  # type: ignore[no-any-return]

    real = refunds.lines_of

    def untouched(session: Any, order_id: int) -> Any:
        found = real(session, order_id)
        for line in found:
            line.refunded = line.refunded_amount = 0
        return found

    monkeypatch.setattr(states, "hold_order", as_it_was)
    monkeypatch.setattr(refunds, "lines_of", untouched)
    monkeypatch.setattr(refunds, "held_of", lambda session, order_id: 1000)
    monkeypatch.setattr(refunds, "in_hand", lambda session, order_id: 1000)

    results = _cancel_at_once(site, 3)

    assert sum(not isinstance(one, Exception) for one in results) > 1, results
    with site.session() as session:
        # No more than was on it at first: so much the database itself sees to.
        assert 2000 < session.scalars(select(Voucher.balance)).one() <= 5000
    assert any("what a balance paid of it" in text for one in run_checks(site) for text in one.problems)


# What staff see


def test_s3_gift_cards_in_bulk_their_movements_and_files(site: Site, client: Client) -> None:
    sign_in(site, client)
    vouchers = "/dashboard/shop/vouchers"
    assert 'value="balance"' in client.get(f"{vouchers}/new").text
    typed = {"name": "Christmas", "number": "3", "kind": "balance", "value": "25", "limit": "1"}
    batch = client.post(f"{vouchers}/batches/new", data=typed, follow_redirects=False).headers["location"]
    cards = list(csv.DictReader(io.StringIO(client.get(f"{batch}/codes?format=csv").text)))
    assert [(one["Amount"], one["Left on it"], one["Currency"]) for one in cards] == [("25.00", "25.00", "EUR")] * 3
    made = order(site, (add(site, price=1000), 1), voucher=cards[0]["Code"])
    order(site, (add(site, "Cake", price=500), 1), voucher=cards[1]["Code"], email="berta@example.org")
    with site.begin() as session:
        take_step(session, made.id, "cancelled", SYSTEM)

    page = client.get(f"{batch}/uses").text
    assert all(part in page for part in ("€75.00", "€15.00", "€10.00", "€70.00", made.number, cards[0]["Code"]))
    [_, *rows] = csv.reader(io.StringIO(client.get(f"{batch}/uses/export?format=csv").text))
    assert [row[-1] for row in rows] == ["10.00", "-5.00", "-10.00"]
    assert "€20.00 left of €25.00" in client.get(batch).text
    one = client.get(f"{vouchers}/1").text
    assert 'type="hidden" name="kind" value="balance"' in one
    assert "On it at first" in one
    # What was used once is a record, even when all of it went back.
    assert client.post(f"{vouchers}/1/delete").status_code == 409
    client.post(f"{batch}/delete")
    assert count(site, Voucher) == 2
    [row, *_] = csv.DictReader(io.StringIO(client.get("/dashboard/shop/orders/export?format=csv").text))
    assert (row["Total"], row["Taken off"], row["Paid with a voucher"]) == ("10.00", "0.00", "0.00")

    with site.begin() as session:
        session.execute(update(Voucher).values(balance=1))
    wrong = {one.check.key: one.problems for one in run_checks(site, repair=True) if one.problems}
    assert wrong == {}
    with site.session() as session:
        assert session.scalars(select(Voucher.balance).order_by(Voucher.id)).all() == [2500, 2000]
