"""L8 and S3 in a browser: staff order for a contact out of the list, with a voucher."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from plugins.shop.products import ProductValues, VariantValues, add_product
from tests.system.rows.conftest import Counter


def test_l8_s3_order_for_a_contact_from_the_list_with_a_voucher(counter: Counter) -> None:
    with counter.site.begin() as session:
        values = ProductValues(
            name="Gutscheinbrot", slug="voucher-bread", variants=[VariantValues(price=1000)], tax_rate=700, position=1
        )
        add_product(session, counter.site, values)
        for number in range(12):
            other = ProductValues(
                name=f"Brezel {number}", slug=f"brezel-{number}", variants=[VariantValues(price=90)], tax_rate=700
            )
            add_product(session, counter.site, other)
    contact = counter.contact("Gerda Gutschein")
    page = counter.staff()

    page.goto(f"{counter.url}/dashboard/shop/vouchers")
    page.get_by_role("link", name="Gutschein anlegen").first.click()
    page.get_by_label("Code").fill("Treue 10")
    page.get_by_label("Prozent oder Betrag").fill("10")
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_role("row", name=re.compile("Treue 10"))).to_contain_text("Einlösbar")

    page.goto(f"{counter.url}/dashboard/contacts?q=gerda")
    page.get_by_role("button", name="Aktionen für Gerda Gutschein").click()
    page.get_by_role("link", name="Bestellung aufgeben").click()
    page.get_by_label("Menge von Gutscheinbrot").fill("2")
    # The search stays in the dialog, and what was chosen stays in it.
    page.get_by_label("Name oder Artikelnummer").fill("brezel 1")
    page.get_by_label("Name oder Artikelnummer").press("Enter")
    expect(page.get_by_label("Menge von Brezel 11")).to_be_visible()
    expect(page.get_by_label("Menge von Brezel 2")).to_have_count(0)
    expect(page.get_by_label("Menge von Gutscheinbrot")).to_have_value("2")
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.get_by_label("Gutschein", exact=True).fill("treue-10")
    page.get_by_role("button", name="Bestellung aufgeben").click()

    # Back at the list, where it began.
    expect(page).to_have_url(f"{counter.url}/dashboard/contacts?q=gerda")
    page.goto(counter.profile(contact))
    page.locator("#panel-shop-orders tbody a").first.click()
    expect(page.get_by_text("Gutschein Treue 10")).to_be_visible()
    expect(page.get_by_text("−2,00 €")).to_be_visible()
    expect(page.locator(".totals .grand")).to_contain_text("18,00 €")
    page.goto(counter.profile(contact))
    expect(page.get_by_text("Kunde", exact=True)).to_be_visible()
