"""Rows L3, L5 and the search for everything, in a browser, in German."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.system.rows.conftest import Counter


def names(page: Page) -> list[str]:
    return page.locator("tbody [data-row-link]").all_inner_texts()


def test_l3_c3_newest_first_and_every_column_up_and_down(counter: Counter) -> None:
    people = (
        ("Zita Sortierung", "AT", "+43 1 9"),
        ("Änne Sortierung", "DE", ""),
        ("Anna Sortierung", "", "+49 30 1"),
        ("özge sortierung", "CH", "+49 30 2"),
    )
    for number, (name, country, phone) in enumerate(people):
        counter.contact(name, country=country, phone=phone, email=f"s{number}@sortierung.example")
    counter.contact(email="ohne@sortierung.example")
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts?q=sortierung")

    # Newest first; C3: only the address is required, names stand as they were typed.
    newest = ["ohne@sortierung.example", "özge sortierung", "Anna Sortierung", "Änne Sortierung", "Zita Sortierung"]
    assert names(page) == newest

    def head(name: str) -> None:
        page.get_by_role("columnheader", name=name).get_by_role("link").click()
        expect(page.locator("th[aria-sort]")).to_have_text(re.compile(name))

    head("Name")
    assert names(page) == [
        "Anna Sortierung", "Änne Sortierung", "özge sortierung", "Zita Sortierung", "ohne@sortierung.example",
    ]  # fmt: skip
    head("Name")
    assert names(page)[:2] == ["Zita Sortierung", "özge sortierung"]
    assert names(page)[-1] == "ohne@sortierung.example"
    head("Land")
    assert names(page)[:3] == ["Zita Sortierung", "özge sortierung", "Änne Sortierung"]
    head("Telefonnummer")
    assert names(page)[:3] == ["Zita Sortierung", "Anna Sortierung", "özge sortierung"]
    head("E-Mail")
    assert names(page)[0] == "ohne@sortierung.example"
    # A plugin's column, and back to the order of the beginning.
    head("Bestellungen")
    head("Beitrittszeit")
    assert names(page) == newest


def test_l5_search_as_you_type(counter: Counter) -> None:
    counter.contact("Jürgen Tippfehler", email="juergen@tippen.example", phone="+49 171 2345678", city="Köln")
    counter.contact("Ülkü Tippfehler", email="uelkue@tippen.example")
    page = counter.staff()
    field = page.get_by_role("searchbox", name="Name, E-Mail, Telefon")

    # „/“ leads there; what is typed is looked for without a key to send it, and stays in the address.
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("tippf")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("q=tippf"))
    for typed, found in (
        ("jurgen", "Jürgen Tippfehler"),
        ("JUERGEN", "Jürgen Tippfehler"),
        ("ülkü tipp", "Ülkü Tippfehler"),
        ("uelkue@tipp", "Ülkü Tippfehler"),
        ("0171 234", "Jürgen Tippfehler"),
        ("koln tippf", "Jürgen Tippfehler"),
    ):
        field.fill(typed)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody [data-row-link]")).to_have_text(found)
    field.fill("tippfx")
    expect(page.get_by_role("heading", name="Nichts gefunden")).to_be_visible()


def test_ux_ctrl_k_jumps_to_any_contact_or_page_by_keyboard_alone(counter: Counter) -> None:
    contact = counter.contact("Quirin Sprungziel", email="quirin@sprung.example")
    page = counter.staff()
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Zu einem Kontakt oder einer Seite springen")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    # Pages are there at once; arrows walk through them and back into the field.
    expect(dialog.get_by_role("link", name="Übersicht")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("link").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    # Faster than the answer: Enter waits for it.
    page.keyboard.type("sprungz")
    page.keyboard.press("Enter")
    page.wait_for_url(counter.profile(contact))

    page.keyboard.press("Control+k")
    page.keyboard.type("kontakt hinz")
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{counter.url}/dashboard/contacts/new")

    page.keyboard.press("Control+k")
    page.keyboard.type("gibt es nicht")
    expect(page.get_by_text("Für „gibt es nicht“ wurde nichts gefunden.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_ux_the_search_for_everything_without_scripts(counter: Counter) -> None:
    contact = counter.contact("Ohne Skripte", email="ohne@skripte.example")
    page = counter.staff(java_script_enabled=False)
    page.get_by_role("link", name="Suchen").click()
    page.get_by_role("searchbox", name="Zu einem Kontakt oder einer Seite springen").fill("ohne skri")
    page.get_by_role("searchbox", name="Zu einem Kontakt oder einer Seite springen").press("Enter")
    page.get_by_role("link", name="Ohne Skripte").click()
    expect(page).to_have_url(counter.profile(contact))
