"""The opening day in a browser, in German: visitors order, book and write, and staff see them in the dashboard."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from core.cli.running import DEMO_EMAIL, DEMO_PASSWORD
from tests.support.server import ServerProcess

VISITOR = "Petra.Neu@example.org"
SAME_VISITOR = "petra.neu@EXAMPLE.org"


def order(page: Page, url: str, email: str, *, street: str, city: str) -> None:
    """Order two of the first product, as a visitor."""
    page.goto(f"{url}/shop")
    page.locator("a[href^='/shop/products/']").first.click()
    page.get_by_label("Menge").fill("2")
    page.get_by_role("button", name="In den Warenkorb").click()
    page.goto(f"{url}/shop/cart")
    page.get_by_role("link", name="Zur Kasse").click()
    page.locator("[name=email]").fill(email)
    page.locator("[name=name]").fill("Petra Neu")
    page.locator("[name=street]").fill(street)
    page.locator("[name=postal_code]").fill("53111")
    page.locator("[name=city]").fill(city)
    page.locator("[name=country]").select_option("DE")
    page.get_by_role("button", name="Zahlungspflichtig bestellen").click()
    expect(page).to_have_url(re.compile("/shop/thanks/"))


def sign_in(page: Page, url: str) -> None:
    """Sign in to the dashboard with what `tresen demo` printed."""
    page.goto(f"{url}/dashboard")
    page.locator("[name=email]").fill(DEMO_EMAIL)
    page.locator("[name=password]").fill(DEMO_PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page).to_have_url(f"{url}/dashboard")


def open_newest(page: Page, url: str, name: str) -> None:
    """The contact at the top of the list, whose name is `name`; its profile is opened."""
    page.goto(f"{url}/dashboard/contacts")
    expect(page.locator("tbody tr").first).to_contain_text(name)
    page.locator("tbody tr").first.get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_c5_c6_s1_visitor_orders_twice_and_staff_edit_in_between(demo: ServerProcess, new_page: object) -> None:
    visitor: Page = new_page()  # type: ignore[operator]
    staff: Page = new_page()  # type: ignore[operator]
    order(visitor, demo.url, VISITOR, street="Lindenstraße 1", city="Bonn")

    sign_in(staff, demo.url)
    staff.goto(f"{demo.url}/dashboard/contacts")
    newest = staff.locator("tbody tr").first
    expect(newest).to_contain_text("Petra Neu")
    expect(newest).to_contain_text("Shop")
    open_newest(staff, demo.url, "Petra Neu")
    profile = staff.url
    orders = staff.locator("#panel-shop-orders")
    expect(orders).to_contain_text("Gesamtsumme der Käufe")
    number = re.search(r"\d{4}-\d+", orders.inner_text())
    assert number is not None
    total = orders.locator("dd").first.inner_text()
    assert re.fullmatch(r"\d+,\d\d\s€", total)
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()

    staff.get_by_role("link", name="Bearbeiten").first.click()
    staff.locator("[name=phone]").fill("+49 228 123456")
    staff.get_by_role("button", name="Speichern").click()
    expect(staff).to_have_url(re.compile(re.escape(profile)))
    expect(staff.get_by_role("link", name="+49 228 123456")).to_be_visible()
    expect(staff.get_by_text("Gesperrt: ", exact=False).first).to_be_visible()

    order(visitor, demo.url, SAME_VISITOR, street="Rosenweg 9", city="Köln")
    staff.goto(f"{demo.url}/dashboard/contacts?q=petra.neu")
    expect(staff.locator("tbody tr")).to_have_count(1)
    staff.goto(profile)
    expect(staff.get_by_text(VISITOR, exact=True)).to_be_visible()
    expect(staff.locator("dd").filter(has_text="Lindenstraße 1")).to_be_visible()
    suggestion = staff.locator(".suggestion")
    expect(suggestion).to_have_count(1)
    expect(suggestion).to_contain_text("nennt eine andere Adresse")
    expect(suggestion).to_contain_text("Rosenweg 9")
    expect(staff.locator("#panel-shop-orders tbody tr")).to_have_count(2)

    suggestion.get_by_role("button", name="Übernehmen").click()
    expect(staff.locator("dd").filter(has_text="Rosenweg 9")).to_be_visible()
    expect(staff.locator(".suggestion")).to_have_count(0)


def test_b1_visitor_books_and_is_a_customer(demo: ServerProcess, new_page: object) -> None:
    visitor: Page = new_page()  # type: ignore[operator]
    visitor.goto(f"{demo.url}/booking")
    visitor.locator("main a[href^='/booking/']").first.click()
    go_on = visitor.get_by_role("link", name="Zum nächsten freien Tag")
    if go_on.count():
        go_on.click()
    visitor.locator("a[href*='/book?']").first.click()
    visitor.locator("[name=email]").fill("Karim.Termin@example.org")
    visitor.locator("[name=name]").fill("Karim Termin")
    visitor.get_by_role("button", name="Jetzt buchen").click()
    expect(visitor).to_have_url(re.compile("/booking/thanks/"))

    staff: Page = new_page()  # type: ignore[operator]
    sign_in(staff, demo.url)
    open_newest(staff, demo.url, "Karim Termin")
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()
    expect(staff.get_by_role("heading", name="Gebuchte Services")).to_be_visible()
    expect(staff.get_by_text("Terminplan").first).to_be_visible()


def test_f1_s2_visitor_writes_and_becomes_a_customer_by_an_order_of_staff(
    demo: ServerProcess, new_page: object
) -> None:
    visitor: Page = new_page()  # type: ignore[operator]
    visitor.goto(f"{demo.url}/forms/contact")
    # A person takes a moment to write; the form takes what comes sooner for a machine's.
    visitor.get_by_label("Name").type("Frieda Frage", delay=120)
    visitor.get_by_role("textbox", name="E-Mail").type("frieda.frage@example.org", delay=60)
    visitor.get_by_label("Nachricht").type("Backen Sie auch glutenfrei, und wenn ja, wann?", delay=30)
    visitor.get_by_role("button", name="Senden").click()
    expect(visitor.get_by_role("heading", name=re.compile("Danke|Vielen Dank"))).to_be_visible()

    staff: Page = new_page()  # type: ignore[operator]
    sign_in(staff, demo.url)
    open_newest(staff, demo.url, "Frieda Frage")
    expect(staff.get_by_text("Lead", exact=True)).to_be_visible()
    expect(staff.get_by_text("glutenfrei").first).to_be_visible()
    profile = staff.url

    staff.get_by_role("button", name="Aktionen").click()
    staff.get_by_role("link", name="Bestellung aufgeben").first.click()
    staff.locator("input.quantity:not([disabled])").first.fill("1")
    staff.get_by_role("button", name="Bestellung aufgeben").click()
    staff.goto(profile)
    expect(staff.get_by_text("Kunde", exact=True)).to_be_visible()
    expect(staff.locator("#panel-shop-orders tbody tr")).to_have_count(1)
