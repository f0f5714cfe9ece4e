"""One contact per address, its log and notes, its profile, its deletion: C1, C5, C8, C12, C13, P1, P2 in a browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core import Details
from core.contacts.models import Contact
from plugins.shop.models import Order
from plugins.shop.orders import Item, NewOrder, record_order
from plugins.shop.products import ProductValues, VariantValues, add_product, make_slug, variant_ids
from tests.system.rows.conftest import Counter


def order(counter: Counter, email: str, name: str, *, street: str = "Lindenweg 1", days_ago: int = 0) -> str:
    """Somebody orders a loaf; answers the order's number."""
    with counter.site.begin() as session:
        product = f"Laib {name} {days_ago}"
        product_id = add_product(
            session,
            counter.site,
            ProductValues(
                name=product,
                slug=make_slug(product),
                variants=[VariantValues(price=500)],
                tax_rate=700,
                position=1,
            ),
        )
        return record_order(
            session,
            counter.site,
            NewOrder(
                email=email,
                details=Details(name=name, street=street, postal_code="53111", city="Bonn", country="DE"),
                items=[Item(variant_id=variant_ids(session, product_id)[0], quantity=1)],
                placed_at=datetime.now(UTC) - timedelta(days=days_ago),
            ),
        ).number


def contact_id(counter: Counter, key: str) -> int:
    with counter.site.session() as session:
        return session.execute(select(Contact.id).where(Contact.email_key == key)).scalar_one()


def open_action(page: Page, label: str) -> None:
    """Choose something from „Aktionen“ on the profile."""
    page.get_by_role("button", name="Aktionen", exact=True).click()
    page.locator("#contact-actions").get_by_text(label, exact=True).click()


SPELLINGS = ("jörg.einmal@müller.example", "  JÖRG.EINMAL@MÜLLER.EXAMPLE ", "jörg.einmal@xn--mller-kva.example")


def test_c1_one_contact_for_an_address_however_it_is_written(counter: Counter) -> None:
    counter.contact("Jörg Einmal", email="Jörg.Einmal@Müller.example")
    page = counter.staff()

    for spelling in SPELLINGS:
        page.goto(f"{counter.url}/dashboard/contacts/new")
        # As text: the browser itself would have the domain in ASCII.
        page.locator("[name=email]").evaluate("field => { field.type = 'text' }")
        page.locator("[name=email]").fill(spelling)
        page.get_by_role("button", name="Kontakt hinzufügen").click()
        expect(page.get_by_role("main").get_by_text("Jörg Einmal").first).to_be_visible()

    page.goto(f"{counter.url}/dashboard/contacts?q=einmal")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_c5_an_order_brings_details_up_to_date_and_replayed_history_does_not(counter: Counter) -> None:
    order(counter, "petra.c5@example.org", "Petra Umzug", street="Alter Weg 1", days_ago=5)
    order(counter, "PETRA.C5@example.org", "Petra Umzug", street="Neuer Weg 9")
    page = counter.staff()
    page.goto(counter.profile(contact_id(counter, "petra.c5@example.org")))
    expect(page.locator("dd").filter(has_text="Neuer Weg 9")).to_be_visible()

    order(counter, "petra.c5@example.org", "Petra Umzug", street="Uralter Weg 3", days_ago=400)

    page.reload()
    expect(page.locator("dd").filter(has_text="Neuer Weg 9")).to_be_visible()
    expect(page.get_by_text("Uralter Weg 3")).to_have_count(0)
    expect(page.locator("#panel-shop-orders tbody tr")).to_have_count(3)


def test_c8_a_contact_is_deleted_from_the_profile_and_the_receipt_says_what_stays(counter: Counter) -> None:
    number = order(counter, "lotte.c8@example.org", "Lotte Löschmich")
    person = contact_id(counter, "lotte.c8@example.org")
    page = counter.staff()
    page.goto(counter.profile(person))
    page.get_by_label("Kommentar").fill("Mag Roggen")
    page.get_by_role("button", name="Kommentar hinzufügen").click()

    page.get_by_role("button", name="Aktionen", exact=True).click()
    expect(page.locator("#contact-actions li").last).to_have_text("Löschen")
    page.locator("#contact-actions").get_by_text("Löschen", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Alles über diese Person wird endgültig gelöscht")
    expect(dialog).to_contain_text("Interne Notizen: 1")
    expect(dialog).to_contain_text("Bestellungen, ohne die Person: 1 (Shop)")
    expect(dialog).to_contain_text("§ 147 AO")
    expect(dialog).to_contain_text(f"31.12.{datetime.now(UTC).year + 8}")
    dialog.get_by_role("link", name="Abbrechen").click()
    expect(page.get_by_text("Mag Roggen").first).to_be_visible()

    open_action(page, "Löschen")
    page.get_by_role("dialog").get_by_role("button", name="Endgültig löschen").click()
    expect(page).to_have_url(f"{counter.url}/dashboard/contacts")
    expect(page.get_by_text("Der Kontakt wurde gelöscht.")).to_be_visible()
    page.get_by_role("link", name="Beleg ansehen").click()
    expect(page.get_by_role("heading", name=re.compile("Löschbeleg"), level=1)).to_be_visible()
    expect(page.get_by_text(number)).to_be_visible()
    expect(page.get_by_text("Lotte")).to_have_count(0)

    assert page.goto(counter.profile(person)).status == 404  # type: ignore[union-attr]
    page.goto(f"{counter.url}/dashboard/contacts?q=lotte")
    expect(page.get_by_text("Lotte Löschmich")).to_have_count(0)
    with counter.site.session() as session:
        kept = session.scalars(select(Order).where(Order.number == number)).one()
    assert (kept.name, kept.email, kept.total) == ("", "", 500)
    page.goto(f"{counter.url}/dashboard/contacts/receipts")
    expect(page.get_by_role("heading", name="Löschbelege", level=1)).to_be_visible()


OPEN_AND_TYPE = """(button, key) => {
  button.click();
  button.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  return document.activeElement.textContent.trim();
}"""


def test_c12_the_log_is_newest_first_and_filtered_by_kind_with_the_keyboard_alone(counter: Counter) -> None:
    number = order(counter, "karl.c12@example.org", "Karl Protokoll")
    page = counter.staff()
    page.goto(counter.profile(contact_id(counter, "karl.c12@example.org")))
    page.get_by_label("Tag hinzufügen").fill("Stammgast")
    page.get_by_label("Tag hinzufügen").press("Enter")
    expect(page.get_by_text("Tag „Stammgast“ hinzugefügt.").first).to_be_visible()

    open_action(page, "Aktivitätsprotokoll ansehen")
    log = page.locator("dialog[open] .event-text")
    entries = log.locator("> div:first-child")
    expect(entries.first).to_contain_text("Tag „Stammgast“ hinzugefügt")
    expect(entries.last).to_contain_text(f"Bestellung {number}")
    button = page.get_by_role("button", name="Art", exact=True)
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    # Somebody types on at once: the letter comes before the browser has told that the menu is open.
    assert button.evaluate(OPEN_AND_TYPE, "b").startswith("Bestellung")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    # A letter leads to „Bestellung“, the plugin's own kind.
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    expect(log).to_have_count(1)
    expect(entries.first).to_contain_text(f"Bestellung {number}")


def test_c13_a_note_with_a_file_is_written_edited_and_deleted(counter: Counter, tmp_path: Path) -> None:
    person = counter.contact("Nora Notiz")
    file = tmp_path / "Rezept.txt"
    file.write_text("Sauerteig")
    page = counter.staff()
    page.goto(counter.profile(person))
    notes = page.locator("#notes")

    page.get_by_label("Kommentar").fill("Ruft montags an")
    page.get_by_label("Dateien").set_input_files(file)
    page.get_by_role("button", name="Kommentar hinzufügen").click()
    expect(notes).to_contain_text("Ruft montags an")
    with page.expect_download() as download:
        notes.get_by_role("link", name=re.compile("Rezept")).click()
    assert download.value.path().read_text() == "Sauerteig"
    expect(page.locator("#activity")).to_contain_text("Interne Notiz: Ruft montags an")

    notes.get_by_role("button", name="Aktionen für diese Notiz").click()
    notes.get_by_role("link", name="Bearbeiten").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kommentar").fill("Ruft dienstags an")
    dialog.get_by_label("Rezept.txt").check()
    dialog.get_by_role("button", name="Speichern").click()
    expect(notes).to_contain_text("Ruft dienstags an")
    expect(notes).to_contain_text("bearbeitet")
    expect(notes.get_by_role("link", name=re.compile("Rezept"))).to_have_count(0)

    notes.get_by_role("button", name="Aktionen für diese Notiz").click()
    notes.get_by_role("link", name="Löschen").click()
    page.get_by_role("dialog").get_by_role("button", name="Notiz löschen").click()
    expect(page.get_by_text("Notiz gelöscht.")).to_be_visible()
    expect(page.locator("#activity")).to_contain_text("Interne Notiz gelöscht")
    expect(page.get_by_text("dienstags")).to_have_count(0)
    expect(page.get_by_text("montags")).to_have_count(0)


def test_p1_the_profile_shows_everything_on_one_page(counter: Counter) -> None:
    order(counter, "paula.p1@example.org", "Paula Profil")
    person = contact_id(counter, "paula.p1@example.org")
    page = counter.staff()
    page.goto(counter.profile(person))

    expect(page.get_by_role("heading", name="Paula Profil", level=1)).to_be_visible()
    expect(page.get_by_text("Kunde", exact=True)).to_be_visible()
    headings = ["Person", "Tags", "Module", "Interne Notizen", "Aktivitätsprotokoll", "Bestellungen", "Einwilligungen"]
    for heading in headings:
        expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
    expect(page.locator("#panel-shop-orders")).to_contain_text("Gesamtsumme der Käufe")
    expect(page.locator("#panel-shop-orders")).to_contain_text("5,00 €")
    expect(page.get_by_role("button", name="Sperren")).to_be_visible()


def test_p2_actions_of_the_profile_and_the_data_to_download(counter: Counter, tmp_path: Path) -> None:
    number = order(counter, "peter.p2@example.org", "Peter Aktion")
    person = contact_id(counter, "peter.p2@example.org")
    page = counter.staff()
    page.goto(counter.profile(person))
    page.get_by_role("button", name="Aktionen", exact=True).click()
    labels = [one.strip() for one in page.locator("#contact-actions li").all_inner_texts()]
    wanted = [
        "Bearbeiten",
        "Aktivitätsprotokoll ansehen",
        "Bestellung aufgeben",
        "Inaktiv",
        "Daten exportieren",
        "Löschen",
    ]
    assert [one for one in labels if one in wanted] == wanted
    assert labels[-1] == "Löschen"

    with page.expect_download() as download:
        page.locator("#contact-actions").get_by_text("Daten exportieren").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    with ZipFile(saved) as archive:
        data = json.loads(archive.read("data.json"))
        readable = archive.read("index.html").decode()
    assert data["sections"]["shop.orders"]["records"][0]["number"] == number
    assert "Ihre Daten bei" in readable
    assert "Peter Aktion" in readable
    page.goto(f"{counter.profile(person)}/activity")
    expect(page.locator(".event-text").first).to_contain_text("Daten exportiert")

    page.goto(counter.profile(person))
    open_action(page, "Inaktiv")
    expect(page.get_by_text("Der Kontakt ist jetzt inaktiv.")).to_be_visible()
    page.get_by_role("button", name="Rückgängig").click()
    expect(page.get_by_text("Der Kontakt ist wieder aktiv.")).to_be_visible()
