"""Paying through a provider, mails about orders, and invoices as § 14 UStG wants them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import evolve
from sqlalchemy import select, update

from core.contacts.models import ContactActivity
from core.errors import Conflict, InvalidInput
from core.messages.models import Message, MessageFile
from core.site import Site
from core.state import PluginFailure, save_setting
from core.testing import sign_in
from core.values import SYSTEM, Details, Money, PaymentResult
from plugins.shop.amounts import tax_in
from plugins.shop.documents import read_document
from plugins.shop.holding import in_hand
from plugins.shop.invoice_pdf import render_pdf
from plugins.shop.invoices import issue_invoice
from plugins.shop.mails import is_name
from plugins.shop.models import Delivery, Invoice, Order, OrderEvent, OrderLine, Payment, Refund
from plugins.shop.orders import FreeItem, Item, NewOrder, record_order
from plugins.shop.payments import begin_payment, settle
from plugins.shop.persons import erase, export
from plugins.shop.refunds import TakeBack, refund
from plugins.shop.seller import clean_iban
from plugins.shop.states import take_step, withdraw_payment
from tests.plugins.shop.helpers import (
    DETAILS,
    PERSON,
    SELLER,
    Client,
    add,
    check_out,
    count,
    everything,
    only_order,
    order,
    put_in,
)
from tests.sample_plugin import plugin as sample
from tests.support.api import use_token


@pytest.fixture
def site(selling: Site) -> Site:
    return selling


def mails(site: Site) -> list[tuple[str, str]]:
    with site.session() as session:
        return [(one.subject, one.text) for one in session.scalars(select(Message).order_by(Message.id))]


def step(site: Site, order_id: int, what: Any, at: datetime | None = None) -> None:
    with site.begin() as session:
        take_step(session, order_id, what, SYSTEM, at, mail=True)


def take(site: Site, order_id: int, *pieces: int, **values: Any) -> None:
    with site.begin() as session:
        ids = session.scalars(select(OrderLine.id).where(OrderLine.order_id == order_id).order_by(OrderLine.id)).all()
        wanted = TakeBack(pieces=dict(zip(ids, pieces, strict=False)), **values)
        refund(session, order_id, wanted, SYSTEM, mail=True)


# Paying


def test_s4_a_visitor_pays_at_the_provider_and_both_words_of_it_count_once(site: Site, client: Client) -> None:
    put_in(client, add(site, price=1000, stock=5), 2)
    page = client.get("/shop/checkout").text
    assert "Points bank" in page
    assert "DE89 3704 0044 0532 0130 00" in page
    assert check_out(client, payment="acme.gold").status_code == 422
    thanks = check_out(client, payment="sample_plugin.bank").headers["location"]
    placed = only_order(site)
    assert placed.payment_method == "sample_plugin.bank"
    bank = re.search(r'href="([^"]*/bank/[^"]+)"', client.get(thanks).text)
    assert bank is not None

    path = urlsplit(bank[1]).path
    back = client.post(path, data={}, follow_redirects=False).headers["location"]
    assert "Nothing was paid." in client.get(back).text
    with site.session() as session:
        assert session.scalars(select(Payment.state)).one() == "failed"
    client.post(f"{thanks}/pay")
    bank = re.search(r'href="([^"]*/bank/[^"]+)"', client.get(thanks).text)
    assert bank is not None
    paid = client.post(urlsplit(bank[1]).path, data={"pay": "yes"}, follow_redirects=False).headers["location"]
    assert "your payment has come in" in client.get(paid).text
    assert only_order(site).state == "paid"
    before = everything(site)
    client.get(paid)
    with site.session() as session:
        reference = session.scalars(select(Payment.reference).where(Payment.state == "paid")).one()
    word = sample.bank_word(reference, "paid", Money(minor=2000, currency="EUR"))
    seal = {"x-bank-seal": sample.bank_seal(site, word), "content-type": "application/json"}
    notice = f"/shop/pay/{reference}/notice"
    assert client.post(notice, content=word, headers=seal).status_code == 200
    # Forged, of another payment, unknown.
    assert client.post(notice, content=word.replace(b"2000", b"1"), headers=seal).status_code == 400
    other = sample.bank_word("x" * 32, "paid", Money(minor=2000, currency="EUR"))
    sealed = {**seal, "x-bank-seal": sample.bank_seal(site, other)}
    assert client.post(notice, content=other, headers=sealed).status_code == 400
    assert client.post(f"/shop/pay/{'x' * 32}/notice", content=word, headers=seal).status_code == 404
    assert client.get(f"/shop/pay/{reference}/return?word=paid").status_code == 400
    assert everything(site) == before
    assert [subject for subject, _ in mails(site)] == [
        f"Your order {placed.number}",
        f"Your order {placed.number} is paid",
    ]


def test_s4_what_comes_in_too_late_or_twice_is_shown_and_paid_back(site: Site, client: Client) -> None:
    made = order(site, (add(site, price=1000), 1), payment_method="sample_plugin.bank")
    thanks = f"/shop/thanks/{made.token}"
    client.post(f"{thanks}/pay")
    bank = re.search(r'href="([^"]*/bank/[^"]+)"', client.get(thanks).text)
    assert bank is not None
    step(site, made.id, "cancelled")
    back = client.post(urlsplit(bank[1]).path, data={"pay": "yes"}, follow_redirects=False).headers["location"]
    client.get(back)

    sign_in(site, client)
    page = client.get(f"/dashboard/shop/orders/{made.id}").text
    assert "More has come in than the order comes to" in page
    assert only_order(site).state == "cancelled"
    client.post(f"/dashboard/shop/orders/{made.id}/surplus")
    page = client.get(f"/dashboard/shop/orders/{made.id}").text
    assert "More has come in" not in page
    with site.session() as session:
        made_refund = session.scalars(select(Refund).where(Refund.kind == "surplus")).one()
        assert (made_refund.money_back, made_refund.paid_back_at is not None) == (1000, True)


def test_a_provider_that_fails_costs_no_order(site: Site, client: Client) -> None:
    def broken(*_arguments: object) -> Any:
        raise RuntimeError("no line")

    bank = site.contributions.payment_methods["sample_plugin.bank"]
    put_in(client, add(site), 1)
    object.__setattr__(bank, "start", broken)
    thanks = check_out(client, payment="sample_plugin.bank").headers["location"]
    page = client.get(thanks).text
    assert "does not work at the moment" in page
    assert "Pay now" in page
    object.__setattr__(bank, "start", sample.start_payment)
    assert only_order(site).state == "open"
    with site.session() as session:
        assert session.scalars(select(PluginFailure.plugin)).all() == ["sample_plugin"]
    client.post(f"{thanks}/pay", data={"payment": "shop.pickup"})
    assert only_order(site).payment_method == "shop.pickup"
    assert "You pay in cash" in client.get(thanks).text
    # What was refunded through a provider that is away waits, and can be tried again.
    client.post(f"{thanks}/pay", data={"payment": "sample_plugin.bank"})
    with site.begin() as session:
        session.execute(update(Payment).values(state="paid", provider_reference="b1").where(Payment.url != ""))
        session.execute(update(Order).values(paid_at=datetime.now(UTC), state="paid"))
    sign_in(site, client)
    object.__setattr__(bank, "pay_back", broken)
    href = f"/dashboard/shop/orders/{only_order(site).id}"
    assert "did not pay back yet" in client.post(f"{href}/state", data={"step": "cancelled"}).text
    assert "has not paid back yet" in client.get(href).text
    object.__setattr__(bank, "pay_back", sample.pay_back)
    client.post(f"{href}/pay-back")
    assert "has not paid back yet" not in client.get(href).text


# Mails


def test_s4_each_step_is_mailed_in_the_contacts_language_unless_switched_off(site: Site, client: Client) -> None:
    put_in(client, add(site, "Rye bread", price=1000), 2)
    check_out(client, email="ANNA.Mueller@example.org", payment="shop.transfer", note="cheap pills http://x.example")
    placed = only_order(site)
    step(site, placed.id, "paid")
    step(site, placed.id, "shipped")
    take(site, placed.id, 1)
    other = order(
        site, (add(site, "Cake"), 1), details=Details(name="Bo", language="de"), email="bo@example.org", mail=True
    )
    take(site, other.id, 0, reduction=90)
    step(site, other.id, "cancelled")

    told = mails(site)
    number = placed.number
    assert [subject for subject, _ in told] == [
        f"Your order {number}",
        f"Your order {number} is paid",
        f"Your order {number} is on its way",
        f"A refund for your order {number}",
        f"Ihre Bestellung {other.number}",
        f"Ihre Bestellung {other.number} wurde geändert",
        f"Ihre Bestellung {other.number} ist storniert",
    ]
    assert "Sie beläuft sich jetzt auf 5,00" in told[5][1]
    first = told[0][1]
    for said in (
        "Hello Anna Müller,",
        "2 × Rye bread: €20.00",
        "Total: €20.00",
        "7 % tax included: €1.31",
        "IBAN: DE89",
    ):
        assert said in first
    assert f"Reason for payment: {number}" in first
    assert "pills" not in first
    assert "We pay back €10.00 to you." in told[3][1]
    assert "Bäckerei Krume GmbH" in told[4][1]
    with site.session() as session:
        assert set(session.scalars(select(Message.purpose))) == {"system"}
        assert all(session.scalars(select(Message.necessary)))

    quiet = site.with_plugins(site.enabled, site.revision, {**SELLER, "shop.mail_placed": "no"})
    order(quiet, (add(site, "Roll"), 1), mail=True)
    order(site, (add(site, "Bun"), 1), mail=False)
    assert len(mails(site)) == 7


def test_t_p2_one_address_gets_a_few_confirmations_a_day(site: Site) -> None:
    bread = add(site)
    for _ in range(9):
        order(site, (bread, 1), email="victim@example.org", mail=True)
    order(site, (bread, 1), email="victim@example.org", mail=True, placed_at=datetime.now(UTC) - timedelta(days=3))

    assert len(mails(site)) <= 5 + 1
    for text in ("Buy now http://x.example", "www.x.example", "Anna 2", "a" * 61, "win a car at x com today ok"):
        assert not is_name(text)
    for text in ("Anna Müller", "Anna-Lena d’Arc", "J. R. Müller", "李小龙"):
        assert is_name(text)


# Invoices


def test_14_ustg_an_invoice_has_what_the_law_wants_and_never_changes(site: Site, client: Client) -> None:
    bread, book = add(site, "Brot „Krume“", 590, 700), add(site, "Book", 2200, 1900)
    made = order(site, (bread, 3), (book, 1), payment_method="shop.transfer", details=DETAILS)
    step(site, made.id, "shipped", datetime(2026, 3, 4, 12, tzinfo=UTC))
    sign_in(site, client)
    href = f"/dashboard/shop/orders/{made.id}"

    shown = client.post(f"{href}/invoice")
    page = shown.text
    with site.session() as session:
        invoice = session.scalars(select(Invoice)).one()
    year = datetime.now(site.settings.zone).year
    assert invoice.number == f"RE-{year}-0001"
    for said in (
        "Bäckerei Krume GmbH", "Mühlengasse 3", "USt-IdNr.: DE123456789", "Anna Müller", "Lindenstraße 4",
        "10969 Berlin", invoice.number, "Geliefert am", "04.03.2026", made.number, "5,90\u00a0€", "17,70\u00a0€",
        "39,70\u00a0€", "7 %", "16,54\u00a0€", "1,16\u00a0€", "19 %", "18,49\u00a0€", "3,51\u00a0€",
        "IBAN: DE89 3704 0044 0532 0130 00",
    ):  # fmt: skip
        assert said in page, said
    assert client.post(f"{href}/invoice").url == shown.url

    assert f"/dashboard/shop/invoices/{invoice.id}" in client.get(f"/dashboard/jump?q=re-{year}").text
    pdf = client.get(f"/dashboard/shop/invoices/{invoice.id}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.content == client.get(f"/dashboard/shop/invoices/{invoice.id}/pdf").content

    with site.begin() as session:
        session.execute(update(Order).values(name="Other", street="Elsewhere 1"))
        session.execute(update(OrderLine).values(name="Other"))
    moved = site.with_plugins(site.enabled, site.revision, {**SELLER, "shop.seller_name": "Other GmbH"})
    with moved.session() as session:
        again = read_document(session, moved, invoice.id)
    assert again.buyer[0] == "Anna Müller"
    assert again.seller[0] == "Bäckerei Krume GmbH"
    assert render_pdf(again) == pdf.content
    many = [evolve(again.lines[0], name="Stück – " + "ein langer Name " * (place % 9)) for place in range(90)]
    assert render_pdf(evolve(again, lines=many)).count(b"/Type /Page\n") >= 3

    client.post(f"/dashboard/shop/invoices/{invoice.id}/send")
    assert mails(site)[-1][0] == f"Rechnung {invoice.number}"
    assert count(site, MessageFile) == 1


def test_14_ustg_corrections_take_back_exactly_the_tax_of_the_invoice(site: Site) -> None:
    bread, book = add(site, "Bread", 333, 700), add(site, "Book", 1999, 1900)
    made = order(site, (bread, 5), (book, 2))
    with site.begin() as session:
        issue_invoice(session, site, made.id, SYSTEM)
    take(site, made.id, 1, 0, reason="burnt")
    take(site, made.id, 0, 1)
    take(site, made.id, 0, 0, reduction=777)
    take(site, made.id, 4, 1)

    with site.session() as session:
        found = session.scalars(select(Invoice).order_by(Invoice.position)).all()
        assert [one.position for one in found] == [1, 2, 3, 4, 5]
        assert [one.kind for one in found] == ["invoice", *["correction"] * 4]
        first, *corrections = found
        assert sum(one.total for one in corrections) == first.total
        for part in first.content["taxes"]:
            back = [p for one in corrections for p in one.content["taxes"] if p["rate"] == part["rate"]]
            assert sum(p["gross"] for p in back) == part["gross"]
            assert sum(p["tax"] for p in back) == part["tax"] == tax_in(part["gross"], part["rate"])
        document = read_document(session, site, corrections[0].id)
    assert (document.language, document.title) == ("de", "Rechnungskorrektur")
    assert any(first.number in text for text in document.opening)
    assert any("burnt" in text for text in document.opening)
    assert document.total[1].startswith("−")
    other = order(site, (bread, 1), email="berta@example.org")
    step(site, other.id, "cancelled")
    with pytest.raises(Conflict), site.begin() as session:
        issue_invoice(session, site, other.id, SYSTEM)


def test_14_ustg_no_invoice_without_seller_or_address_and_the_rest_only(site: Site, client: Client) -> None:
    bread = add(site, "Bread", 1000, 700)
    made = order(site, (bread, 3), details=Details(name="Anna"))
    nobody = site.with_plugins(site.enabled, site.revision, {})
    with pytest.raises(InvalidInput), nobody.begin() as session:
        issue_invoice(session, nobody, made.id, SYSTEM)
    dear = order(site, (add(site, "Oven", 30_000, 1900), 1), details=Details(name="Bo"), email="bo@example.org")
    with pytest.raises(InvalidInput), site.begin() as session:
        issue_invoice(session, site, dear.id, SYSTEM)
    assert count(site, Invoice) == 0

    take(site, made.id, 1)
    with site.begin() as session:
        # Up to €250 the name and address of the customer may be missing (§ 33 UStDV).
        invoice = session.get_one(Invoice, issue_invoice(session, site, made.id, SYSTEM))
    assert (invoice.total, invoice.content["lines"][0]["quantity"]) == (2000, 2)
    assert invoice.position == 1

    with site.begin() as session:
        save_setting(session, "shop.invoice_on_shipping", "yes")
    sign_in(site, client)
    for one in (dear, order(site, (bread, 1), email="cem@example.org")):
        client.post(f"/dashboard/shop/orders/{one.id}/state", data={"step": "shipped"})
    # The one that lacks an address is shipped all the same, and has none yet.
    assert count(site, Invoice) == 2
    assert mails(site)[-1][0] == f"Rechnung {invoice.number[:-1]}2"
    assert clean_iban("de89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    for wrong in ("DE89370400440532013001", "89", "DE"):
        with pytest.raises(InvalidInput):
            clean_iban(wrong)


def test_s4_a_payment_recorded_by_mistake_is_taken_back_with_log(site: Site, client: Client) -> None:
    use_token(site, client, "manager")
    sign_in(site, client)
    made = order(site, (add(site, "Bread", 1000), 3))
    page = f"/dashboard/shop/orders/{made.id}"
    step(site, made.id, "shipped")

    paid = client.post(f"{page}/state", data={"step": "paid"})
    assert f'action="{page}/unpaid' in paid.text
    client.post(f"{page}/invoice")
    told = client.post(f"{page}/unpaid").text

    assert "Its invoice says that it was paid: tell the customer." in told
    assert "Payment taken back" in told
    assert f'action="{page}/unpaid' not in told
    assert only_order(site).paid_at is None
    assert only_order(site).state == "shipped"
    with site.session() as session:
        events = session.execute(select(OrderEvent.event, OrderEvent.actor_kind).order_by(OrderEvent.id)).all()
        assert [tuple(one) for one in events][-2:] == [("paid", "staff"), ("unpaid", "staff")]
        assert session.scalars(select(ContactActivity.kind)).all()[-1] == "shop.unpaid"
        assert in_hand(session, made.id) == 0
    before = everything(site)
    assert client.post(f"{page}/unpaid").status_code == 409
    assert everything(site) == before

    # Paid again, it is paid; once something went back of it, it stays.
    steps = f"/api/v1/shop/orders/{made.id}/state"
    assert client.post(steps, json={"step": "paid"}).json()["paid_at"]
    assert client.post(steps, json={"step": "unpaid"}).json()["paid_at"] is None
    assert client.post(steps, json={"step": "paid"}).json()["paid_at"]
    take(site, made.id, 1)
    before = everything(site)
    assert client.post(steps, json={"step": "unpaid"}).status_code == 409
    assert everything(site) == before


def test_s4_what_a_provider_confirmed_is_not_taken_back(site: Site) -> None:
    made = order(site, (add(site), 1), payment_method="sample_plugin.bank")
    begin_payment(site, made.id, site.language("en"))
    with site.session() as session:
        payment = session.scalars(select(Payment)).one()
    result = PaymentResult(
        reference=payment.reference, state="paid", amount=Money(minor=payment.amount, currency="EUR")
    )
    step(site, made.id, "paid")
    with site.begin() as session:
        settle(session, payment.reference, result)
    with site.begin() as session:
        # Noted as well, though the provider had it: the order stays paid, and nothing came in too much.
        withdraw_payment(session, made.id, SYSTEM)
        assert in_hand(session, made.id) == made.total.minor
    assert only_order(site).paid_at is not None
    before = everything(site)
    with pytest.raises(Conflict), site.begin() as session:
        withdraw_payment(session, made.id, SYSTEM)
    assert everything(site) == before


def test_s4_what_shipping_could_not_bring_is_said_and_the_order_is_shipped(site: Site, client: Client) -> None:
    with site.begin() as session:
        save_setting(session, "shop.invoice_on_shipping", "yes")
    use_token(site, client, "manager")
    sign_in(site, client)
    bread, oven = add(site, "Bread", 1000, 700), add(site, "Oven", 30_000, 1900)
    unaddressed = order(site, (oven, 1), details=Details(name="Bo"), email="bo@example.org")
    silent, second = (order(site, (bread, 1), email=f"{name}@silent.example.org") for name in ("ada", "eve"))
    unkept = order(site, (bread, 1), email="cem@example.org")

    def ship(order_id: int) -> str:
        answer = client.post(f"/dashboard/shop/orders/{order_id}/state", data={"step": "shipped"})
        assert answer.status_code == 200
        return str(answer.text)

    assert "No invoice was made: An invoice of more than €250 needs" in ship(unaddressed.id)
    assert "Its invoice was made, but not mailed: This person wants no mail." in ship(silent.id)
    by_api = client.post(f"/api/v1/shop/orders/{second.id}/state", json={"step": "shipped"})
    assert (by_api.status_code, by_api.json()["state"]) == (200, "shipped")
    assert by_api.json()["problem"] == "This person wants no mail."
    # No room for the PDF: where the files are kept stands something else.
    (site.settings.data_dir / "files").rename(site.settings.data_dir / "gone")
    (site.settings.data_dir / "files").touch()
    assert "not mailed: The PDF could not be kept." in ship(unkept.id)

    with site.session() as session:
        assert session.scalars(select(Order.state).distinct()).all() == ["shipped"]
    assert count(site, Invoice) == 3
    assert count(site, MessageFile) == 0


# Staff orders, and what stays of a person


def test_s2_staff_order_what_is_not_in_the_shop_for_another_address(site: Site, client: Client) -> None:
    bread = add(site, price=1000)
    sign_in(site, client)
    form = "/dashboard/shop/orders/new?email=anna.mueller@example.org"
    free = {"free_name_1": "Torte nach Maß", "free_price_1": "49,90", "free_rate_1": "7", "free_quantity_1": "2"}
    data = {**PERSON, "key": "k", f"quantity-{bread}": "1", "payment": "shop.pickup", "mail": "1", **free}

    wrong = client.post(form, data={**data, "free_price_1": "viel", "elsewhere": "1", "delivery_country": "DE"})
    assert wrong.status_code == 422
    assert "Torte nach Maß" in wrong.text
    assert "Enter street and house number." in wrong.text
    assert count(site, Order) == 0

    elsewhere = {f"delivery_{name}": PERSON[name] for name in ("postal_code", "city", "country")}
    there = {"elsewhere": "1", **elsewhere, "delivery_name": "Oma Erna", "delivery_street": "Ring 1"}
    page = client.post(form, data={**data, **there}).text
    assert "Oma Erna" in page
    assert "Torte nach Maß" in page
    placed = only_order(site)
    assert (placed.total, placed.payment_method) == (1000 + 2 * 4990, "shop.pickup")
    with site.session() as session:
        assert session.get_one(Delivery, placed.id).street == "Ring 1"
    assert len(mails(site)) == 1


def test_orders_from_elsewhere_keep_their_currency_and_discount(site: Site) -> None:
    new = NewOrder(
        email="anna@example.org",
        details=DETAILS,
        items=[FreeItem(name="Sushi", unit_price=1200, tax_rate=1000, quantity=3)],
        currency="JPY",
        discount=100,
    )
    with site.begin() as session:
        made = record_order(session, site, new)
    assert made.total == Money(minor=3500, currency="JPY")
    for wrong in (
        {"discount": 3601},
        {"items": [Item(variant_id=add(site), quantity=1)]},
        {"items": [FreeItem(name="x", unit_price=1, tax_rate=0, quantity=0)]},
    ):
        with pytest.raises((InvalidInput, Conflict)), site.begin() as session:
            record_order(session, site, evolve(new, **wrong))  # type: ignore[arg-type]
    assert count(site, Order) == 1


def test_c8_erased_the_invoice_alone_keeps_name_and_address_and_says_so(site: Site) -> None:
    elsewhere = Details(name="Oma Erna", street="Ring 1", city="Bonn")
    made = order(site, (add(site), 1), delivery=elsewhere)
    take(site, made.id, 0, reduction=90, reason="Anna was sad")
    with site.begin() as session:
        invoice_id = issue_invoice(session, site, made.id, SYSTEM)
    with site.session() as session:
        section = export(session, made.contact_id or 0)[0]
        assert [file.name for file in section.files] == [f"RE-{datetime.now(site.settings.zone).year}-0001.pdf"]
        assert section.files[0].content.startswith(b"%PDF-")
        assert section.records[0]["delivery"] == [{"name": "Oma Erna", "street": "Ring 1", "city": "Bonn"}]

    with site.begin() as session:
        receipt = erase(session, site, [made.contact_id or 0])

    kept = {one.label: one.references for one in receipt if hasattr(one, "references")}
    with site.session() as session:
        invoice = session.get_one(Invoice, invoice_id)
        assert kept["Invoices, with name and address"] == (invoice.number,)
        assert session.scalars(select(Order.name)).one() == ""
        assert session.scalars(select(Refund.reason)).one() == ""
        assert invoice.content["buyer"]["name"] == "Anna Müller"
        rest = repr({k: v for k, v in invoice.content.items() if k != "buyer"}) + repr(
            [session.execute(select(table)).all() for table in (Order.__table__, Delivery.__table__)]
        )
    for gone in ("Anna", "Erna", "anna@example.org", "030 123456"):
        assert gone not in rest, gone
    # Corrected after that, it is still the customer's invoice.
    take(site, made.id, 1)
    with site.session() as session:
        assert (
            session.scalars(select(Invoice).where(Invoice.kind == "correction")).one().content["buyer"]["name"]
            == "Anna Müller"
        )
