"""S1 to S5 in a browser: a visitor orders on a phone without scripts, staff on a contact's behalf, vouchers in both."""

from __future__ import annotations

import re

from attrs import evolve
from playwright.sync_api import Page, expect

from plugins.shop.products import ProductValues, VariantValues, add_product
from plugins.shop.vouchers import VoucherValues, add_voucher
from tests.system.rows.conftest import Counter


def stock_up(counter: Counter) -> None:
    """A product in two variants, a voucher of ten percent, and one with a balance of ten euros."""
    with counter.site.begin() as session:
        values = ProductValues(
            name="Sonntagsbrot",
            slug="sunday-bread",
            option="Größe",
            variants=[VariantValues(name="klein", price=400), VariantValues(name="groß", price=700, stock=5)],
            tax_rate=700,
            position=0,
        )
        add_product(session, counter.site, values)
        voucher = VoucherValues(
            code="Sonntag 10",
            kind="percent",
            value=1000,
            minimum=0,
            starts_on=None,
            ends_on=None,
            limit=None,
            limit_per_customer=None,
        )
        add_voucher(session, counter.site, voucher)
        add_voucher(session, counter.site, evolve(voucher, code="Geschenk-2026", kind="balance", value=1000))


def fill_delivery(page: Page) -> None:
    """The other address, whose country is chosen already."""
    for name, value in {"name": "Onkel Otto", "street": "Am Hang 2", "postal_code": "50667", "city": "Köln"}.items():
        page.locator(f"[name=delivery_{name}]").fill(value)


def test_s1_s2_s3_visitor_and_staff_order_with_vouchers(counter: Counter) -> None:
    stock_up(counter)
    visitor = counter.visitor(java_script_enabled=False, viewport={"width": 360, "height": 780})
    visitor.goto(f"{counter.url}/shop")
    visitor.get_by_role("link", name="Sonntagsbrot").first.click()
    visitor.get_by_label("groß").check()
    visitor.get_by_label("Menge").fill("2")
    visitor.get_by_role("button", name="In den Warenkorb").click()
    visitor.goto(f"{counter.url}/shop/cart")
    visitor.get_by_label("Gutschein", exact=True).fill("sonntag-10")
    visitor.get_by_role("button", name="Gutschein einlösen").click()
    expect(visitor.locator(".totals .grand")).to_contain_text("12,60 €")
    # A balance pays a part: the total stays.
    visitor.get_by_label("Noch ein Gutschein").fill("geschenk 2026")
    visitor.get_by_role("button", name="Gutschein einlösen").click()
    expect(visitor.locator(".totals .grand")).to_contain_text(["12,60 €", "2,60 €"])
    visitor.get_by_role("link", name="Zur Kasse").click()
    expect(visitor.locator("main")).to_contain_text("Davon Guthaben Geschenk-2026")
    visitor.locator("[name=email]").fill("nora.neu@example.org")
    visitor.locator("[name=name]").fill("Nora Neu")
    visitor.locator("[name=street]").fill("Lindenstraße 1")
    visitor.locator("[name=postal_code]").fill("53111")
    visitor.locator("[name=city]").fill("Bonn")
    visitor.locator("[name=country]").select_option("DE")
    # Without scripts too, the fields for another address come with their tick.
    expect(visitor.locator("[name=delivery_street]")).to_be_hidden()
    visitor.get_by_label("An eine andere Adresse liefern").check()
    fill_delivery(visitor)
    visitor.get_by_role("button", name="Zahlungspflichtig bestellen").click()
    expect(visitor).to_have_url(re.compile("/shop/thanks/"))
    expect(visitor.locator(".totals .grand")).to_contain_text(["12,60 €", "2,60 €"])

    # The customer is in the list at once, with the order on the profile.
    staff = counter.staff()
    staff.goto(f"{counter.url}/dashboard/contacts?q=nora.neu")
    row = staff.locator("tbody tr")
    expect(row).to_contain_text("Nora Neu")
    expect(row).to_contain_text("12,60 €")
    row.get_by_role("link", name=re.compile("Ansehen")).click()
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()

    # Staff order for a lead, from the lead's profile: from the shelf, and something that is not on it.
    lead = counter.contact("Lena Lead")
    staff.goto(counter.profile(lead))
    expect(staff.get_by_text("Lead", exact=True)).to_be_visible()
    staff.get_by_role("button", name="Aktionen", exact=True).click()
    staff.locator("#contact-actions").get_by_role("link", name="Bestellung aufgeben").click()
    staff.get_by_label("Menge von Sonntagsbrot, klein").fill("1")
    staff.get_by_text("Etwas, das nicht im Shop steht").click()
    line = staff.get_by_role("group", name="Zeile 1")
    line.get_by_label("Name").fill("Torte nach Wunsch")
    line.get_by_label("Preis inkl. MwSt.").fill("36,00")
    staff.get_by_label("Gutschein", exact=True).fill("Sonntag 10")
    staff.get_by_role("button", name="Bestellung aufgeben").click()
    expect(staff).to_have_url(counter.profile(lead))
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()
    panel = staff.locator("#panel-shop-orders")
    expect(panel.locator("dd").first).to_have_text("36,00 €")

    panel.locator("tbody a").first.click()
    expect(staff.locator("main")).to_contain_text("Torte nach Wunsch")
    expect(staff.locator("main")).to_contain_text("Gutschein Sonntag 10")
    staff.get_by_role("button", name="Als bezahlt markieren").click()
    expect(staff.locator(".page-title")).to_contain_text("Bezahlt")

    # And from the orders, for somebody who is not in the list yet: sent elsewhere, and the order is shown.
    staff.goto(f"{counter.url}/dashboard/shop/orders")
    staff.get_by_role("link", name="Neue Bestellung erstellen").click()
    staff.get_by_label("E-Mail").fill("telefon@example.org")
    staff.get_by_role("button", name="Weiter").click()
    expect(staff.locator("main")).to_contain_text("diese Adresse hat noch kein Kontakt")
    staff.get_by_label("Menge von Sonntagsbrot, groß").fill("2")
    staff.locator("[name=name]").fill("Tilda Telefon")
    staff.get_by_label("An eine andere Adresse liefern").check()
    fill_delivery(staff)
    staff.get_by_role("button", name="Bestellung aufgeben").click()
    expect(staff).to_have_url(re.compile(r"/dashboard/shop/orders/\d+$"))
    expect(staff.locator(".totals .grand")).to_contain_text("14,00 €")
    expect(staff.locator("main")).to_contain_text("Am Hang 2")
    staff.get_by_role("link", name="Kontakt ansehen").click()
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()
    expect(staff.locator(".page-title")).to_contain_text("Tilda Telefon")

    # What is left of the balance, and what it was spent for.
    staff.goto(f"{counter.url}/dashboard/shop/vouchers?q=geschenk")
    card = staff.get_by_role("row", name=re.compile("Geschenk-2026"))
    expect(card).to_contain_text("noch 0,00 € von 10,00 €")
    card.get_by_role("link", name="1", exact=True).click()
    expect(staff.locator("tbody tr")).to_contain_text("Nora Neu")
    expect(staff.locator("tbody tr")).to_contain_text("-10,00 €")
    # A balance has no limits: the form takes those fields away when it is chosen.
    staff.goto(f"{counter.url}/dashboard/shop/vouchers/new")
    expect(staff.get_by_label("Wie oft insgesamt")).to_be_visible()
    staff.get_by_label("Guthaben").check()
    expect(staff.get_by_label("Wie oft insgesamt")).to_be_hidden()
