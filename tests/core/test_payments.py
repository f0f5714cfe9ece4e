"""Ways to pay: a provider that fails harms nobody else, and what it says must be genuine (hook `payment_methods`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core import (
    InvalidInput,
    Money,
    PaymentFailed,
    PaymentMessage,
    PaymentMethod,
    PaymentRequest,
    PaymentResult,
    Site,
    offered_payment_methods,
    pay_back,
    payment_method,
    payment_note,
    read_payment,
    start_payment,
)
from core.state import PluginFailure
from core.testing import make_site
from tests.sample_plugin import plugin as sample
from tests.sample_plugin.models import Heard
from tests.support.plugins import plugin_module

AMOUNT = Money(minor=1250, currency="EUR")
REQUEST = PaymentRequest(
    reference="0123456789abcdef",
    amount=AMOUNT,
    description="Order 1",
    language="en",
    return_url="https://example.org/return",
    notify_url="https://example.org/notice",
)


def broken(*_arguments: object) -> Any:
    raise RuntimeError("no line")


ACME = [
    PaymentMethod(key="acme.hand", label="By hand", note=broken, order=1),
    PaymentMethod(key="acme.closed", label="Closed", available=lambda site: False),
    PaymentMethod(key="acme.ill", label="Ill", available=broken),
    PaymentMethod(key="acme.away", label="Away", start=broken, read=broken, pay_back=broken),
    PaymentMethod(key="acme.odd", label="Odd", start=lambda site, request: "yes", read=lambda site, message: None),  # type: ignore[arg-type,return-value]
]


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    acme = plugin_module("acme", payment_methods=lambda: ACME)
    site = make_site(tmp_path, sample, acme, database_url=database_url)
    yield site
    site.close()


def failed(site: Site) -> list[str]:
    with site.session() as session:
        return sorted(session.scalars(select(PluginFailure.place)))


def test_those_that_can_be_used_are_offered_in_their_order(site: Site) -> None:
    offered = [method.key for method in offered_payment_methods(site)]

    assert offered == ["acme.hand", "acme.away", "acme.odd", "sample_plugin.bank"]
    assert failed(site) == ["payment_methods: available"]
    hand = payment_method(site, "acme.hand")
    assert hand is not None
    assert payment_note(site, hand, site.language("en")) == ""
    assert payment_method(site, "gone.card") is None


def test_a_provider_that_fails_or_answers_rubbish_is_named(site: Site) -> None:
    message = PaymentMessage(kind="return")
    for key in ("acme.away", "acme.odd", "acme.hand"):
        method = payment_method(site, key)
        assert method is not None
        with pytest.raises(PaymentFailed):
            start_payment(site, method, REQUEST)
        with pytest.raises(InvalidInput if key == "acme.hand" else PaymentFailed):
            read_payment(site, method, message)
        with pytest.raises(PaymentFailed):
            pay_back(site, method, PaymentResult(reference="x", state="pending"), AMOUNT, "1")

    assert failed(site) == [f"payment_methods: {what}" for what in ("pay_back", "read", "start")]


def test_a_provider_takes_up_proves_and_gives_back_once(site: Site) -> None:
    bank = payment_method(site, "sample_plugin.bank")
    assert bank is not None
    assert start_payment(site, bank, REQUEST).url.startswith(f"{site.settings.base_url}/bank/")

    body = sample.bank_word(REQUEST.reference, "paid", AMOUNT)
    genuine = PaymentMessage(kind="notice", headers={"x-bank-seal": sample.bank_seal(site, body)}, body=body)
    paid = read_payment(site, bank, genuine)
    assert (paid.reference, paid.state, paid.amount) == (REQUEST.reference, "paid", AMOUNT)
    forged = PaymentMessage(kind="notice", headers=genuine.headers, body=body.replace(b"1250", b"9250"))
    for message in (forged, PaymentMessage(kind="return", query={"word": "paid"})):
        with pytest.raises(InvalidInput):
            read_payment(site, bank, message)

    for _ in range(2):
        pay_back(site, bank, paid, AMOUNT, "refund 1")
    with site.session() as session:
        told = session.scalars(select(Heard.detail).where(Heard.hook == "pay_back")).all()
    assert told == ["refund 1 bank-01234567 1250 EUR"]


def test_values_that_make_no_sense_are_refused() -> None:
    for wrong in ({"start": broken}, {"pay_back": broken}, {"key": "card"}):
        with pytest.raises(ValueError, match="PaymentMethod"):
            PaymentMethod(**{"key": "acme.card", "label": "Card", **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="amount"):
        PaymentResult(reference="x", state="paid")
