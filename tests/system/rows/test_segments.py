"""The list's tabs, columns, filters and saved views, and a contact's stage and modules, as staff see them in German."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core import Activity, Capture, Details, capture_contact
from core.contacts.models import ContactModule
from core.contacts.tagging import tag_contact
from core.values import SYSTEM
from tests.system.rows.conftest import Counter

LIST = "/dashboard/contacts"


def heads(page: Page) -> list[str]:
    """The headings of the table, without the one of the menus and of ticks."""
    return [text.strip() for text in page.locator("#contacts thead th").all_inner_texts() if text.strip()]


def names(page: Page) -> list[str]:
    """The names in the list, as they stand there."""
    return page.locator("[data-row-link]").all_inner_texts()


def test_l1_l2_l3_tabs_with_numbers_and_columns_with_signs_and_words(counter: Counter) -> None:
    lead = counter.contact("Leonie Lead", country="DE", phone="+49 30 1234567")
    counter.contact("Kurt Kunde", customer=True, country="AT")
    page = counter.staff()

    numbers = {}
    for tab in page.locator(".tabs a").all():
        label, number = tab.inner_text().split()
        numbers[label] = int(number.replace(".", ""))
    assert list(numbers) == ["Alle", "Kundschaft", "Leads", "Inaktiv"]
    assert numbers["Alle"] == numbers["Kundschaft"] + numbers["Leads"]
    # Newest first.
    assert names(page)[:2] == ["Kurt Kunde", "Leonie Lead"]
    for head in ("Name", "E-Mail", "Telefonnummer", "Land", "Module", "Tags", "Beitrittszeit", "Werbung"):
        assert head in heads(page)
    assert "Systembenachrichtigung" in heads(page)

    row = page.locator("tbody tr").filter(has_text="Leonie Lead")
    expect(row.locator("time").first).to_have_text(re.compile(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d"))
    expect(row.get_by_title("Formulare")).to_be_visible()
    # Green or red, and a sign and a word beside it.
    signs = row.locator(".indicator")
    expect(signs).to_have_count(2)
    for number in range(2):
        expect(signs.nth(number).locator("svg")).to_be_visible()
        expect(signs.nth(number)).to_have_text(re.compile(r"\w"))
    expect(signs.first).to_have_class(re.compile("indicator-off"))

    page.locator(".tabs a").filter(has_text="Leads").click()
    expect(page.get_by_role("link", name="Leonie Lead").first).to_be_visible()
    expect(page.get_by_role("link", name="Kurt Kunde")).to_have_count(0)
    # Every column that can be sorted is, up and down.
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Name")
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Name")
    page.goto(f"{counter.url}{LIST}?q=Leonie")
    page.locator("tbody tr").get_by_role("link", name=re.compile("Ansehen")).click()
    expect(page).to_have_url(counter.profile(lead))


def test_l4_filters_combine_and_are_in_the_address(counter: Counter) -> None:
    first = counter.contact("Frida Filter", country="NO")
    counter.contact("Frank Filter", country="NO")
    with counter.site.begin() as session:
        tag_contact(session, counter.site, first, ["Filterprobe"], SYSTEM)
    page = counter.staff()

    page.get_by_role("button", name="Land", exact=True).click()
    page.get_by_role("link", name="Norwegen").click()
    assert names(page) == ["Frank Filter", "Frida Filter"]
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("link", name="Filterprobe").click()
    assert names(page) == ["Frida Filter"]
    expect(page.get_by_role("group", name="Verwendete Filter")).to_contain_text("Land: Norwegen")
    assert "contact.country=NO" in page.url

    # Joined between, behind „+ Filter“, by keyboard alone.
    page.get_by_role("button", name="Filter", exact=True).press("Enter")
    page.locator(".menu:popover-open").get_by_role("button", name="Beitrittszeit").press("Enter")
    form = page.locator("form.menu-form:visible")
    today = datetime.now(UTC).date()
    form.locator("input[name=low]").fill(str(today - timedelta(days=2)))
    form.locator("input[name=high]").fill(str(today + timedelta(days=1)))
    form.get_by_role("button", name="Anwenden").press("Enter")
    assert names(page) == ["Frida Filter"]
    expect(page.locator(".filter-chip").filter(has_text="Beitrittszeit")).to_contain_text("vom")

    # A colleague who opens the address sees the same list.
    colleague = counter.staff("assistant")
    colleague.goto(page.url)
    assert names(colleague) == ["Frida Filter"]

    # A plugin's filter: whoever has no order at all.
    page.goto(f"{counter.url}{LIST}/filter?filter=shop.orders&contact.country=NO")
    page.get_by_role("combobox", name="Bestellungen (Anzahl)").select_option(label="höchstens")
    page.locator("input[name=low]").fill("0")
    page.get_by_role("button", name="Anwenden").click()
    assert names(page) == ["Frank Filter", "Frida Filter"]
    page.get_by_role("link", name="Alle entfernen").click()
    expect(page).to_have_url(f"{counter.url}{LIST}")


def test_l6_columns_are_chosen_and_ordered_by_keyboard_and_without_scripts(counter: Counter) -> None:
    counter.contact("Siegrid Spalte")
    page = counter.staff()
    usual = heads(page)
    page.get_by_role("link", name="Spalten").press("Enter")
    dialog = page.get_by_role("dialog", name="Spalten")
    dialog.get_by_label("Telefonnummer", exact=True).uncheck()
    dialog.get_by_role("button", name="Land nach oben").press("Enter")
    dialog.get_by_role("button", name="Land nach oben").press("Enter")
    dialog.get_by_role("button", name="Speichern").press("Enter")
    expect(page.get_by_text("Ihre Spalten wurden gespeichert.")).to_be_visible()
    assert heads(page)[:3] == ["Name", "Land", "E-Mail"]
    assert "Telefonnummer" not in heads(page)

    page.get_by_role("link", name="Spalten").click()
    page.get_by_role("dialog", name="Spalten").get_by_role("button", name="Zurück zum Standard").click()
    expect(page.get_by_text("Ihre Spalten wurden gespeichert.")).to_be_visible()
    assert heads(page) == usual

    plain = counter.staff(java_script_enabled=False)
    plain.get_by_role("link", name="Spalten").click()
    plain.get_by_role("button", name="Land nach oben").click()
    plain.get_by_role("button", name="Land nach oben").click()
    plain.get_by_label("Tags", exact=True).uncheck()
    plain.get_by_role("button", name="Speichern").last.click()
    assert heads(plain)[:3] == ["Name", "Land", "E-Mail"]
    assert "Tags" not in heads(plain)


def test_l6_a_view_with_combined_conditions_is_saved_live_and_shared(counter: Counter) -> None:
    vip = counter.contact("Vera View", country="DK")
    counter.contact("Kuno View", country="DK", customer=True)
    counter.contact("Lars View", country="DK")
    with counter.site.begin() as session:
        tag_contact(session, counter.site, vip, ["Ansichtsprobe"], SYSTEM)
    page = counter.staff()
    page.goto(f"{counter.url}{LIST}?contact.country=DK")
    page.get_by_role("link", name="Bedingungen verbinden").first.click()
    expect(page.locator(".builder-count")).to_have_text("3 Kontakte")

    # Denmark and (the tag or a customer): the number follows while it is built.
    page.get_by_role("button", name="Gruppe hinzufügen").click()
    group = page.locator(".group .group")
    group.locator("select.condition-filter").select_option(label="Tag")
    group.get_by_label("Ansichtsprobe").check()
    expect(page.locator(".builder-count")).to_have_text("1 Kontakt")
    group.get_by_role("button", name="Bedingung hinzufügen").press("Enter")
    expect(group.locator("select.condition-filter").nth(1)).to_be_focused()
    group.locator("select.condition-filter").nth(1).select_option(label="Stufe")
    group.get_by_label("Kunde").check()
    expect(page.locator(".builder-count")).to_have_text("2 Kontakte")
    sentence = "Land ist Dänemark und (Tag ist Ansichtsprobe oder Stufe ist Kunde)"
    expect(page.get_by_text(sentence)).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Gute Dänen")
    page.get_by_label("Für alle, die hier arbeiten").check()
    page.get_by_role("button", name="Speichern", exact=True).click()
    expect(page.get_by_text("Die Ansicht „Gute Dänen“ wurde gespeichert.")).to_be_visible()
    assert names(page) == ["Kuno View", "Vera View"]

    # Live, and the same for a colleague, who finds it in the menu.
    counter.contact("Nele View", country="DK", customer=True)
    colleague = counter.staff("assistant")
    colleague.get_by_role("button", name="Ansicht", exact=True).click()
    colleague.get_by_role("link", name="Gute Dänen").click()
    assert names(colleague) == ["Nele View", "Kuno View", "Vera View"]
    assert re.search(r"\?segment=\d+$", colleague.url)
    colleague.get_by_role("searchbox").fill("Nele")
    expect(colleague.get_by_text("geändert")).to_be_visible()
    # What is everyone's is not an assistant's to change; it can be saved under another name.
    expect(colleague.get_by_role("button", name="Speichern", exact=True)).to_have_count(0)
    colleague.get_by_role("link", name="Verwerfen").click()
    expect(colleague.locator("[data-row-link]")).to_have_count(3)

    # Changed, and kept.
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.get_by_text("geändert")).to_be_visible()
    page.get_by_role("button", name="Speichern", exact=True).click()
    expect(page.get_by_text("Die Ansicht „Gute Dänen“ wurde gespeichert.")).to_be_visible()
    assert names(page) == ["Kuno View", "Nele View", "Vera View"]

    # Renamed, and deleted after a question.
    page.get_by_role("link", name="Ansicht bearbeiten").click()
    page.get_by_label("Name", exact=True).fill("Beste Dänen")
    page.get_by_role("button", name="Speichern", exact=True).click()
    page.goto(f"{counter.url}{LIST}/segments")
    expect(page.get_by_text(sentence)).to_be_visible()
    page.get_by_role("button", name="Aktionen für Beste Dänen").click()
    page.get_by_role("link", name="Ansicht löschen").click()
    page.get_by_role("button", name="Ansicht löschen").click()
    expect(page.get_by_text("Die Ansicht „Beste Dänen“ wurde gelöscht.")).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_text("Diese Ansicht gibt es nicht mehr.")).to_be_visible()


def test_c4_a_stage_never_goes_down_by_itself(counter: Counter) -> None:
    contact = counter.contact("Stefan Stufe", email="stefan.stufe@example.org")
    page = counter.staff()
    page.goto(f"{counter.url}{LIST}?q=stefan.stufe&tab=leads")
    assert names(page) == ["Stefan Stufe"]
    counter.contact("Stefan Stufe", email="Stefan.Stufe@example.org", customer=True)
    page.goto(counter.profile(contact))
    expect(page.get_by_text("Kunde", exact=True)).to_be_visible()

    # A form, whoever sent it, makes no lead of a customer.
    counter.contact("Stefan Stufe", email="stefan.stufe@example.org")
    page.reload()
    expect(page.get_by_text("Kunde", exact=True)).to_be_visible()
    page.goto(f"{counter.url}{LIST}?q=stefan.stufe&tab=customers")
    assert names(page) == ["Stefan Stufe"]


def test_c10_a_module_with_its_first_and_last_time(counter: Counter) -> None:
    email = "mona.modul@example.org"
    first, last = datetime(2024, 3, 1, 9, 30, tzinfo=UTC), datetime(2025, 6, 1, 16, 15, tzinfo=UTC)
    for moment in (last, first):
        capture = Capture(
            email=email,
            module="booking",
            activity=Activity(kind="booking.booked", reference="1"),
            details=Details(name="Mona Modul"),
            occurred_at=moment,
        )
        with counter.site.begin() as session:
            contact = capture_contact(session, counter.site, capture).contact_id
    with counter.site.session() as session:
        row = session.execute(
            select(ContactModule.first_at, ContactModule.last_at).where(ContactModule.contact_id == contact)
        ).one()
    assert tuple(row) == (first, last)

    page = counter.staff()
    page.goto(counter.profile(contact))
    module = page.locator("main").filter(has_text="Terminplan")
    expect(module).to_contain_text("01.03.2024")
    expect(module).to_contain_text("01.06.2025")
    page.goto(f"{counter.url}{LIST}?q=mona.modul")
    expect(page.locator("tbody tr").get_by_title("Terminplan")).to_be_visible()
