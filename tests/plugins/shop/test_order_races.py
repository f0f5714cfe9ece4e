"""Refunds, confirmations and invoices in the same moment, each with a control: with the protection off, it fails."""

from __future__ import annotations

from threading import Barrier, get_ident, local
from typing import Any

import pytest
from sqlalchemy import func, select

from core.errors import Conflict, InvalidInput
from core.site import Site
from core.values import SYSTEM, Money, PaymentResult
from plugins.shop import invoices, payments, refunds, states
from plugins.shop.invoices import issue_invoice
from plugins.shop.models import Invoice, InvoiceCounter, Order, OrderEvent, Payment, Refund
from plugins.shop.payments import begin_payment, settle
from plugins.shop.refunds import TakeBack, refund
from tests.plugins.shop.helpers import add, count, order, stock_of
from tests.plugins.shop.test_races import at_once
from tests.plugins.shop.test_refunds import agree, lines, step
from tests.sample_plugin.models import Heard


def _click(site: Site, order_id: int, seen: int | None) -> Any:
    line = lines(site, order_id)[0].id

    def click(_index: int) -> Any:
        with site.begin() as session:
            return refund(session, order_id, TakeBack(pieces={line: 1}, seen=seen), SYSTEM)

    return click


def test_one_form_sent_six_times_at_once_refunds_once(site: Site) -> None:
    bread = add(site, stock=9)
    made = order(site, (bread, 4))
    step(site, made.id, "paid")

    results = at_once(6, _click(site, made.id, 0))

    assert sum(isinstance(one, Conflict) for one in results) == 5, results
    assert agree(site, made.id) == ("paid", 3 * 590)
    assert stock_of(site, bread) == 6


def test_control_without_what_was_seen_each_refunds_and_only_the_lock_keeps_the_sum(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = order(site, (add(site), 4))
    step(site, made.id, "paid")

    results = at_once(6, _click(site, made.id, None))

    assert sum(isinstance(one, Conflict | InvalidInput) for one in results) == 2, results
    assert count(site, Refund) == 4
    assert agree(site, made.id) == ("refunded", 0)

    # Without the lock each would go by what there was before the others.
    other = order(site, (add(site, "Cake"), 4), email="berta@example.org")
    step(site, other.id, "paid")

    def as_it_was_seen(session: Any, order_id: int) -> Order:
        found = session.get_one(Order, order_id)
        found.refunded = 0
        return found  # type: ignore[no-any-return]

    def unrefunded(session: Any, order_id: int) -> Any:
        found = real(session, order_id)
        for line in found:
            line.refunded = line.refunded_amount = 0
        return found

    real = refunds.lines_of
    monkeypatch.setattr(refunds, "hold_order", as_it_was_seen)
    monkeypatch.setattr(refunds, "lines_of", unrefunded)
    monkeypatch.setattr(refunds, "lines_of_flushed", lambda session, row: session.flush() or real(session, row.id))
    results = at_once(3, _click(site, other.id, None))
    assert any(not isinstance(one, Exception) for one in results), results
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        agree(site, other.id)


def _confirmed(site: Site) -> tuple[str, PaymentResult]:
    made = order(site, (add(site), 1), payment_method="sample_plugin.bank")
    begin_payment(site, made.id, site.language("en"))
    with site.session() as session:
        payment = session.scalars(select(Payment)).one()
    amount = Money(minor=payment.amount, currency="EUR")
    return payment.reference, PaymentResult(reference=payment.reference, state="paid", amount=amount)


def _paid_events(site: Site) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(OrderEvent).where(OrderEvent.event == "paid")) or 0


def _settle(site: Site, reference: str, result: PaymentResult) -> Any:
    def once(_index: int) -> Any:
        with site.begin() as session:
            return settle(session, reference, result).state

    return once


def test_a_payment_confirmed_eight_times_at_once_pays_the_order_once(selling: Site) -> None:
    results = at_once(8, _settle(selling, *_confirmed(selling)))

    assert results == ["paid"] * 8
    assert _paid_events(selling) == 1


def test_control_without_claim_and_lock_each_confirmation_pays(selling: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def still_unpaid(session: Any, order_id: int) -> Order:
        found = session.get_one(Order, order_id)
        found.paid_at = None
        return found  # type: ignore[no-any-return]

    confirmed = _confirmed(selling)
    claim = payments.claim_payment
    monkeypatch.setattr(payments, "hold_order", still_unpaid)
    monkeypatch.setattr(payments, "claim_payment", lambda *arguments: claim(*arguments) or True)

    at_once(4, _settle(selling, *confirmed))

    assert _paid_events(selling) > 1


def _orders(site: Site, number: int) -> list[int]:
    bread = add(site)
    return [order(site, (bread, 1), email=f"person{index}@example.org").id for index in range(number)]


def _issue(site: Site, ids: list[int]) -> Any:
    def issue(index: int) -> Any:
        with site.begin() as session:
            return issue_invoice(session, site, ids[index % len(ids)], SYSTEM)

    return issue


def test_invoices_made_at_once_have_numbers_without_gaps_and_one_an_order(selling: Site) -> None:
    ids = _orders(selling, 5)

    results = at_once(10, _issue(selling, ids))

    assert results[:5] == results[5:]
    with selling.session() as session:
        positions = session.scalars(select(Invoice.position).order_by(Invoice.position)).all()
        assert list(positions) == [1, 2, 3, 4, 5]
        assert session.scalars(select(InvoiceCounter.last)).one() == 5


def test_control_numbers_by_what_was_seen_are_given_twice(selling: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, seen, looked = _orders(selling, 4), local(), Barrier(4)
    monkeypatch.setattr(invoices, "next_position", lambda session, year: seen.last + 1)
    issue = _issue(selling, ids)

    def look_then_issue(index: int) -> Any:
        with selling.session() as session:
            seen.last = session.scalar(select(func.coalesce(func.max(Invoice.position), 0))) or 0
        looked.wait(30)
        return issue(index)

    results = at_once(4, look_then_issue)

    # The unique key lets one of them through; the others have no invoice.
    assert sum(isinstance(one, Exception) for one in results) == 3, results


def _cancelled(site: Site) -> int:
    """An order that was paid through the provider, and then cancelled: its money waits to go back."""
    reference, result = _confirmed(site)
    _settle(site, reference, result)(0)
    with site.session() as session:
        order_id = session.scalars(select(Order.id)).one()
    with site.begin() as session:
        states.take_step(session, order_id, "cancelled", SYSTEM)
    return order_id


def _give_back_at_once(site: Site, order_id: int, monkeypatch: pytest.MonkeyPatch, key_of: Any) -> int:
    """Four pay the same refund back, all having seen that it waits; answers how often the provider paid."""
    real, looked = refunds.pay_back, Barrier(4)

    def pay_back(site: Site, method: Any, result: PaymentResult, amount: Money, key: str) -> None:
        looked.wait(30)
        real(site, method, result, amount, key_of(key))

    monkeypatch.setattr(refunds, "pay_back", pay_back)
    assert at_once(4, lambda index: refunds.give_money_back(site, order_id)) == [True] * 4
    with site.session() as session:
        assert session.scalars(select(Refund.paid_back_at)).one() is not None
        return session.scalar(select(func.count()).select_from(Heard).where(Heard.hook == "pay_back")) or 0


def test_money_that_four_give_back_at_once_goes_back_once(selling: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _give_back_at_once(selling, _cancelled(selling), monkeypatch, lambda key: key) == 1


def test_control_without_the_refunds_own_key_the_provider_pays_back_each_time(
    selling: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _give_back_at_once(selling, _cancelled(selling), monkeypatch, lambda key: f"{key}.{get_ident()}") == 4
