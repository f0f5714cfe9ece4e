"""Rows C7, C11, L7, L8 and the keyboard of the list, in a browser, in German."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core import Activity, Capture, capture_contact
from core.contacts.models import Contact, ContactActivity, now
from tests.system.rows.conftest import Counter


def find(page: Page, counter: Counter, text: str) -> None:
    """Show the contacts that a search finds."""
    page.goto(f"{counter.url}/dashboard/contacts?q={text}")


def tick(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label(f"{name} auswählen").check()


def act(page: Page, label: str) -> None:
    """Open „Aktionen“ under the list and choose an entry."""
    page.locator("#bulk").get_by_role("button", name="Aktionen").click()
    page.locator("#bulk-menu").get_by_role("button", name=label, exact=True).click()


def kinds(counter: Counter, contact_id: int) -> list[str]:
    with counter.site.session() as session:
        return list(session.scalars(select(ContactActivity.kind).where(ContactActivity.contact_id == contact_id)))


def test_c7_inactive_and_back_by_an_order(counter: Counter) -> None:
    one, two = counter.contact("Ida Ruhe"), counter.contact("Udo Ruhe", email="udo.ruhe@example.org")
    counter.contact("Eva Ruhe")
    page = counter.staff()
    find(page, counter, "Ruhe")

    # One, from its row.
    page.get_by_role("button", name="Aktionen für Ida Ruhe").click()
    page.get_by_role("button", name="Inaktiv", exact=True).click()
    expect(page.get_by_text("Der Kontakt ist jetzt inaktiv.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    # Several.
    tick(page, "Udo Ruhe")
    expect(page.get_by_text("1 ausgewählt")).to_be_visible()
    act(page, "Inaktiv")
    expect(page.get_by_text("1 Kontakt ist jetzt inaktiv.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)

    page.get_by_role("link", name=re.compile("^Inaktiv")).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    with counter.site.begin() as session:
        capture = Capture(
            email="udo.ruhe@example.org", module="forms", activity=Activity(kind="forms.sent"), makes_customer=True
        )
        capture_contact(session, counter.site, capture)
    find(page, counter, "Ruhe")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.goto(counter.profile(two) + "/activity")
    expect(page.get_by_text("Wieder aktiv")).to_be_visible()
    assert "contact.reactivated" not in kinds(counter, one)


def test_l7_tick_one_a_range_the_page_and_take_it_back(counter: Counter) -> None:
    names = [f"{first} Häkchen" for first in ("Ada", "Bea", "Cem", "Dora", "Emil")]
    for name in names:
        counter.contact(name)
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts?q=Häkchen&sort=contact.name")
    count = page.locator("[data-bulk-text]")
    ticks = page.locator("[data-tick]")

    ticks.nth(1).click()
    expect(count).to_have_text("1 ausgewählt")
    ticks.nth(3).click(modifiers=["Shift"])
    expect(count).to_have_text("3 ausgewählt")
    # A search that takes rows away takes their ticks away.
    page.get_by_role("searchbox").fill("Häkchen Bea")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(count).to_have_text("1 ausgewählt")
    page.get_by_role("searchbox").fill("Häkchen")
    expect(page.locator("tbody tr")).to_have_count(5)
    expect(count).to_have_text("1 ausgewählt")
    page.get_by_label("Alle auf dieser Seite auswählen").check()
    expect(count).to_have_text("5 ausgewählt")
    ticks.nth(4).uncheck()
    expect(count).to_have_text("4 ausgewählt")

    act(page, "Tag hinzufügen")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("4 Kontakte sind ausgewählt.")
    dialog.get_by_label("Tag").fill("Fest")
    dialog.get_by_role("button", name="Tag hinzufügen").click()
    expect(page.get_by_text("Tag „Fest“ bei 4 Kontakten hinzugefügt.")).to_be_visible()
    expect(page.locator(".chip-tag", has_text="Fest")).to_have_count(4)
    expect(page).to_have_url(re.compile("q=H%C3%A4kchen.*sort=contact.name|sort=contact.name.*q=H%C3%A4kchen"))
    page.get_by_role("button", name="Rückgängig").click()
    expect(page.get_by_text("Bei 4 Kontakten rückgängig gemacht.")).to_be_visible()
    expect(page.locator(".chip-tag", has_text="Fest")).to_have_count(0)


def test_l7_all_that_match_with_progress_and_without_scripts(counter: Counter) -> None:
    for number in range(52):
        counter.contact(f"Menge {number}")
    page = counter.staff(java_script_enabled=False)
    find(page, counter, "Menge")

    page.get_by_label("Alle 52 Treffer auswählen").check()
    act(page, "Werbung …")
    expect(page.get_by_text("52 Kontakte sind ausgewählt.")).to_be_visible()
    page.get_by_label("Abmeldung oder Widerspruch").check()
    counter.contact("Menge später")
    page.get_by_role("button", name="Festhalten").click()

    expect(page.get_by_text("Einwilligung bei 52 Kontakten geändert.")).to_be_visible()
    find(page, counter, "Menge später")
    expect(page.locator("tbody tr")).to_contain_text("Nie gefragt")

    with counter.site.begin() as session:
        for number in range(450):
            email = f"menge{number}@example.org"
            session.add(Contact(email=email, email_key=email, joined_at=now(), search_text="menge und mehr"))
    page = counter.staff()
    find(page, counter, "Menge")
    page.get_by_label("Alle auf dieser Seite auswählen").check()
    page.get_by_label("Alle 503 Treffer auswählen").check()
    expect(page.locator("[data-bulk-text]")).to_have_text(re.compile("^Alle 503 "))
    act(page, "Inaktiv")
    page.get_by_role("button", name="Inaktiv", exact=True).last.click()
    expect(page).to_have_url(re.compile("/dashboard/jobs/"))
    # Gone before it is done, and told elsewhere; or it was quicker than the page.
    expect(page.get_by_text("Fertig")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("503 Kontakte sind jetzt inaktiv.")).to_be_visible()
    page.get_by_role("button", name="Rückgängig").click()
    expect(page.get_by_text("503 Kontakte sind wieder aktiv.")).to_be_visible(timeout=20_000)


def test_l8_the_row_menu_never_leaves_the_list(counter: Counter) -> None:
    contact = counter.contact("Rosa Reihe")
    counter.contact("Rolf Reihe")
    page = counter.staff()
    find(page, counter, "Reihe")
    here = page.url

    page.get_by_role("button", name="Aktionen für Rosa Reihe").click()
    menu = page.locator(".menu:popover-open")
    for label in ("Bearbeiten", "Aktivitätsprotokoll ansehen", "Bestellung aufgeben", "Inaktiv"):
        expect(menu.get_by_text(label, exact=True)).to_be_visible()
    # The same menu for another row.
    page.get_by_role("button", name="Aktionen für Rolf Reihe").click()
    expect(menu).to_have_count(1)
    expect(menu.get_by_role("link", name="Bearbeiten")).not_to_have_attribute("href", re.compile(f"/{contact}/"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Aktionen für Rosa Reihe").click()
    menu.get_by_text("Bearbeiten", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Telefonnummer").fill("+49 228 4711")
    dialog.get_by_role("button", name="Speichern").click()
    expect(page.get_by_text("Änderungen gespeichert.")).to_be_visible()
    expect(page).to_have_url(here)
    expect(page.get_by_text("+49 228 4711")).to_be_visible()
    expect(page.get_by_role("link", name="Rosa Reihe").first).to_be_focused()

    page.get_by_role("button", name="Aktionen für Rosa Reihe").click()
    menu.get_by_text("Aktivitätsprotokoll ansehen").click()
    expect(dialog).to_contain_text("Aktivitätsprotokoll · Rosa Reihe")
    expect(dialog).to_contain_text("Angaben bearbeitet")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Aktionen für Rosa Reihe").click()
    menu.get_by_text("Bestellung aufgeben").click()
    expect(dialog).to_contain_text("Bestellung für Rosa Reihe aufgeben")
    page.keyboard.press("Escape")
    expect(page).to_have_url(here)

    plain = counter.staff(java_script_enabled=False)
    find(plain, counter, "Rosa Reihe")
    plain.get_by_role("button", name="Aktionen für Rosa Reihe").click()
    expect(plain).to_have_url(re.compile(f"/dashboard/contacts/{contact}/actions"))
    plain.get_by_role("button", name="Inaktiv").click()
    expect(plain.get_by_text("Der Kontakt ist jetzt inaktiv.")).to_be_visible()
    expect(plain).to_have_url(re.compile("q=Rosa"))


def test_c11_tags_for_all_contacts_at_once(counter: Counter) -> None:
    for name in ("Tilo Wort", "Tara Wort"):
        contact = counter.contact(name)
        page = counter.staff()
        page.goto(counter.profile(contact))
        page.get_by_label("Tag hinzufügen").fill("Probeback" if name == "Tilo Wort" else "Probebacken")
        page.get_by_label("Tag hinzufügen").press("Enter")
        expect(page.locator(".chip-tag").first).to_be_visible()

    page.goto(f"{counter.url}/dashboard/contacts")
    page.get_by_role("button", name="Weitere Aktionen").click()
    page.get_by_role("link", name="Tags verwalten").click()
    expect(page.get_by_role("heading", name="Tags", level=1)).to_be_visible()
    page.get_by_role("button", name="Aktionen für Probeback", exact=True).click()
    page.get_by_role("link", name="Umbenennen").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("probebacken")
    dialog.get_by_role("button", name="Umbenennen").click()
    expect(page.get_by_text("Einen Tag „Probebacken“ gibt es schon").first).to_be_visible()
    page.get_by_role("button", name="Mit „Probebacken“ zusammenführen").click()
    expect(page.get_by_text("Aus „Probeback“ wurde „Probebacken“, bei 1 Kontakt.")).to_be_visible()
    row = page.locator("tr", has_text="Probebacken")
    row.get_by_role("link", name="2", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)

    page.goto(f"{counter.url}/dashboard/contacts/tags")
    page.get_by_role("button", name="Aktionen für Probebacken").click()
    page.locator(".menu:popover-open").get_by_role("link", name="Entfernen").click()
    expect(dialog).to_contain_text("2 Kontakte verlieren diesen Tag, sonst nichts.")
    dialog.get_by_role("button", name="Tag entfernen").click()
    expect(page.get_by_text("Tag „Probebacken“ entfernt, auch bei 2 Kontakten.")).to_be_visible()
    expect(page.locator("tbody tr", has_text="Probebacken")).to_have_count(0)
    page.get_by_role("button", name="Rückgängig").click()
    expect(page.locator("tr", has_text="Probebacken").get_by_role("link", name="2", exact=True)).to_be_visible()


def test_ux_the_list_by_keyboard_alone(counter: Counter) -> None:
    for name in ("Anton Taste", "Berta Taste", "Clara Taste"):
        counter.contact(name)
    page = counter.staff()
    press = page.keyboard.press

    press("/")
    page.keyboard.type("Taste", delay=20)
    expect(page.locator("tbody tr")).to_have_count(3)
    press("Escape")
    press("Escape")
    page.goto(f"{counter.url}/dashboard/contacts?q=Taste&sort=contact.name")
    press("j")
    press("j")
    press("k")
    expect(page.get_by_role("link", name="Anton Taste").first).to_be_focused()
    press("x")
    press("j")
    press("j")
    press("Shift+X")
    expect(page.locator("[data-bulk-text]")).to_have_text("3 ausgewählt")
    press("k")
    press("e")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Berta Taste bearbeiten")
    expect(dialog.get_by_label("Name")).to_be_focused()
    press("End")
    page.keyboard.type("!")
    press("Enter")
    expect(page.get_by_text("Änderungen gespeichert.")).to_be_visible()
    expect(page.get_by_role("link", name="Berta Taste!").first).to_be_focused()
    press("?")
    expect(page.get_by_role("heading", name="Tastenkürzel")).to_be_visible()
    press("Escape")
    press("n")
    expect(page.get_by_role("dialog")).to_contain_text("Kontakt hinzufügen")
    press("Escape")
    press("j")
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Taste")
    press("g")
    press("c")
    expect(page).to_have_url(f"{counter.url}/dashboard/contacts")
    # The menu of a row: opened, walked through and left.
    page.locator("[data-row-actions]").first.focus()
    press("Enter")
    expect(page.locator(".menu:popover-open")).to_have_count(1)
    press("ArrowDown")
    press("Escape")
    expect(page.locator("[data-row-actions]").first).to_be_focused()
    with counter.site.session() as session:
        assert session.scalar(select(Contact.name).where(Contact.name.like("Berta%"))) is not None
