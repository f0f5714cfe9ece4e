"""What staff know of a contact, in a browser and in German: details, fields, lock, two who edit (FEATURES C2 to L9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core import Activity, Actor, Capture, Details, capture_contact
from core.contacts.custom_fields.administration import add_field, remove_field
from core.contacts.custom_fields.definitions import key_of, read_definitions
from core.contacts.fields import write_fields
from tests.support.sites import within
from tests.system.rows.conftest import Counter

LONG_NAME = "Dr. Maximiliane-Sophie von und zu Hohenlohe-Schillingsfürst"


@pytest.fixture
def fields(counter: Counter) -> Iterator[Counter]:
    """The counter, without fields again when the test is over: other tests share the site."""
    yield counter
    with counter.site.begin() as session:
        for one in read_definitions(session):
            remove_field(session, counter.site.refreshed(), one.id, Actor(kind="system"))


def order(counter: Counter, email: str, **details: str) -> None:
    """An order that brings details."""
    capture = Capture(
        email=email,
        module="shop",
        activity=Activity(kind="shop.ordered", reference="1007"),
        details=Details(**details),
        makes_customer=True,
    )
    with counter.site.begin() as session:
        capture_contact(session, counter.site, capture)


def row_of(page: Page, name: str) -> str:
    """What the list shows of a contact."""
    return page.locator("tbody tr").filter(has_text=name).inner_text()


def test_c2_the_address_stands_there_and_is_not_edited(counter: Counter) -> None:
    contact_id = counter.contact("Anna Fest", email="anna.fest@example.org")
    page = counter.staff()
    page.goto(f"{counter.profile(contact_id)}/edit")

    address = page.get_by_label("E-Mail")
    expect(address).to_have_value("anna.fest@example.org")
    expect(address).not_to_be_editable()
    expect(page.get_by_text("Die Adresse lässt sich nicht ändern", exact=False)).to_be_visible()
    # Whoever sends it all the same changes nothing.
    address.evaluate("input => { input.readOnly = false; input.value = 'other@example.org'; }")
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_role("link", name="anna.fest@example.org")).to_be_visible()


def test_c3_only_the_address_is_needed_and_all_else_follows(counter: Counter) -> None:
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts/new")
    page.get_by_label("E-Mail").fill("c3@example.org")
    page.get_by_role("button", name="Kontakt hinzufügen").click()
    expect(page.get_by_role("heading", name="c3@example.org", level=1)).to_be_visible()

    page.get_by_role("link", name="Bearbeiten").first.click()
    for label, text in (("Name", LONG_NAME), ("Telefonnummer", "+49 30 1234"), ("Ort", "Berlin")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Straße und Hausnummer").fill("Lindenstraße 4")
    page.get_by_label("Land", exact=True).select_option("DE")
    page.get_by_role("combobox", name="Sprache").select_option("de")
    page.get_by_label("Tags hinzufügen").fill("Stammgast, Verein")
    picture = BytesIO()
    Image.new("RGB", (80, 80), "olive").save(picture, "PNG")
    page.get_by_label("Bild", exact=True).set_input_files(
        {"name": "bild.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    page.get_by_role("button", name="Speichern").click()

    expect(page.get_by_role("heading", name=LONG_NAME, level=1)).to_be_visible()
    for text in ("+49 30 1234", "Lindenstraße 4", "Deutschland", "Deutsch", "Stammgast", "Verein"):
        expect(page.locator("main").get_by_text(text).first).to_be_visible()
    expect(page.locator("main .avatar img")).to_have_count(1)


def test_c6_edited_details_are_locked_and_what_an_order_says_is_a_suggestion(counter: Counter) -> None:
    email = "c6@example.org"
    contact_id = counter.contact("Carla Sechs", email=email, phone="030 1", street="Alter Weg 1", city="Bonn")
    page = counter.staff()
    page.goto(counter.profile(contact_id))
    expect(page.locator("dd").filter(has_text="Alter Weg 1")).to_contain_text("seit")
    page.get_by_role("link", name="Bearbeiten").first.click()
    page.get_by_label("Telefonnummer").fill("030 2222")
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_text("Gesperrt: ", exact=False).first).to_be_visible()
    expect(page.locator("dd").filter(has_text="030 2222")).to_contain_text("eingetragen von Owner")

    order(counter, email, name="Carla Sechs", street="Neuer Weg 2", city="Bonn")
    page.reload()
    suggestion = page.locator(".suggestion")
    expect(suggestion).to_contain_text("Bestellung 1007 nennt eine andere Adresse")
    suggestion.get_by_role("button", name="Verwerfen").click()
    expect(page.locator(".suggestion")).to_have_count(0)
    expect(page.locator("dd").filter(has_text="Alter Weg 1")).to_be_visible()

    order(counter, email, name="Carla Sechs", street="Dritter Weg 3", city="Bonn")
    page.reload()
    page.locator(".suggestion").get_by_role("button", name="Übernehmen").click()
    expect(page.locator("dd").filter(has_text="Dritter Weg 3")).to_contain_text("aus Bestellung 1007, seit")

    page.get_by_role("button", name="Entsperren").click()
    expect(page.get_by_text("Sperre aufgehoben.")).to_be_visible()
    order(counter, email, name="Carla Sechs", street="Vierter Weg 4", city="Bonn")
    page.reload()
    expect(page.locator("dd").filter(has_text="Vierter Weg 4")).to_be_visible()


def add_by_hand(page: Page, label: str, kind: str, *, hint: str = "", choices: str = "") -> None:
    """Add a field on the screen, in the dialog."""
    page.locator("main").get_by_role("link", name="Feld hinzufügen").first.click()
    dialog = page.get_by_role("dialog", name="Feld hinzufügen")
    dialog.get_by_label("Name des Felds").fill(label)
    dialog.get_by_label(kind, exact=True).check()
    dialog.get_by_label("Hinweis").fill(hint)
    dialog.get_by_label("Optionen").fill(choices)
    dialog.get_by_role("button", name="Feld hinzufügen").click()
    expect(page.locator("tbody tr").filter(has_text=label)).to_be_visible()


def test_c14_a_field_is_on_the_form_in_the_list_in_the_search_and_goes_again(fields: Counter) -> None:
    counter, page = fields, fields.staff()
    page.get_by_role("button", name="Weitere Aktionen").click()
    page.get_by_role("link", name="Felder verwalten").click()
    expect(page.get_by_text("Hier erscheinen Ihre eigenen Felder")).to_be_visible()
    add_by_hand(page, "Hund", "Text")
    add_by_hand(page, "Schuhgröße", "Zahl", hint="Halbe Größen mit Komma")
    add_by_hand(page, "Geburtstag", "Datum")
    add_by_hand(page, "Lieblingsbrot", "Auswahl", choices="Roggen\nDinkel")
    add_by_hand(page, "Stammkunde", "Ja oder Nein")

    # In the form, in the order in which they stand; a mistake stands beside its field.
    page.goto(f"{counter.url}/dashboard/contacts/new")
    page.get_by_label("E-Mail").fill("c14@example.org")
    page.get_by_label("Name", exact=True).fill("Vera Vierzehn")
    page.get_by_label("Hund").fill("Bello")
    page.get_by_label("Schuhgröße").fill("groß")
    page.get_by_label("Geburtstag").fill("1990-02-28")
    page.get_by_label("Lieblingsbrot").select_option("Dinkel")
    page.get_by_label("Stammkunde").select_option("Ja")
    page.get_by_role("button", name="Kontakt hinzufügen").click()
    expect(page.get_by_role("alert")).to_contain_text("Geben Sie eine Zahl ein.")
    expect(page.get_by_label("Hund")).to_have_value("Bello")
    page.get_by_label("Schuhgröße").fill("37,5")
    page.get_by_role("button", name="Kontakt hinzufügen").click()
    profile = page.locator("main")
    for text in ("Bello", "37,5", "28.02.1990", "Dinkel"):
        expect(profile.locator("dd").filter(has_text=text)).to_contain_text("eingetragen von Owner")
    expect(profile.get_by_text("Schuhgröße: – → 37,5")).to_be_visible()

    # In the list: a column that sorts, a filter, the search.
    with counter.site.session() as session:
        keys = {one.label: key_of(one.id) for one in read_definitions(session)}
        choices = {choice.label: choice.id for one in read_definitions(session) for choice in one.choices}
    other = counter.contact("Otto Ohne")
    with counter.site.begin() as session:
        site = counter.site.refreshed()
        write_fields(session, site, other, {keys["Hund"]: "Zorro"}, Actor(kind="system"))
    page.goto(f"{counter.url}/dashboard/contacts?sort={keys['Hund']}")
    expect(page.locator("tbody tr").first).to_contain_text("Vera Vierzehn")
    page.get_by_role("link", name="Hund").click()
    expect(page.locator("tbody tr").first).to_contain_text("Otto Ohne")
    assert "37,5" in row_of(page, "Vera Vierzehn")
    page.goto(f"{counter.url}/dashboard/contacts?{keys['Lieblingsbrot']}={choices['Dinkel']}")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("searchbox").first.fill("bello")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=bello"))

    # A choice is renamed everywhere, and deleted with a warning; so is a field.
    page.goto(f"{counter.url}/dashboard/contacts/fields")
    page.get_by_role("link", name="Lieblingsbrot").click()
    page.get_by_label("Option 2").fill("Dinkelvollkorn")
    page.get_by_role("button", name="Speichern").click()
    page.goto(f"{counter.url}/dashboard/contacts?q=vera")
    assert "Dinkelvollkorn" in row_of(page, "Vera Vierzehn")
    page.goto(f"{counter.url}/dashboard/contacts/fields")
    page.get_by_role("link", name="Lieblingsbrot").click()
    page.get_by_role("link", name="Option „Dinkelvollkorn“ löschen").click()
    dialog = page.get_by_role("dialog", name="Option „Dinkelvollkorn“ löschen")
    expect(dialog).to_contain_text("1 Kontakt hat diese Angabe und dann keine mehr")
    dialog.get_by_role("button", name="Option löschen").click()
    expect(page.get_by_text("Option „Dinkelvollkorn“ gelöscht.")).to_be_visible()

    page.goto(f"{counter.url}/dashboard/contacts/fields")
    page.get_by_role("button", name="Aktionen für Hund").click()
    page.get_by_role("link", name="Löschen").locator("visible=true").click()
    dialog = page.get_by_role("dialog", name="Feld „Hund“ löschen")
    expect(dialog).to_contain_text("Die Angaben von 2 Kontakten")
    dialog.get_by_role("button", name="Feld löschen").click()
    expect(page.get_by_text("Feld „Hund“ gelöscht.")).to_be_visible()
    page.goto(f"{counter.url}/dashboard/contacts")
    expect(page.get_by_role("columnheader", name="Schuhgröße")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Hund")).to_have_count(0)

    def is_forgotten() -> bool:
        page.goto(f"{counter.url}/dashboard/contacts?q=bello")
        return page.get_by_text("Nichts gefunden").count() > 0 or page.locator("tbody tr").count() == 0

    # The server's worker takes the values out of the search.
    within(10, is_forgotten)


def test_l9_a_contact_is_added_from_the_list_with_tag_and_mailing_list(counter: Counter) -> None:
    page = counter.staff()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="Kontakt hinzufügen")
    dialog.get_by_label("E-Mail").fill("neuling@example.org")
    dialog.get_by_label("Tags").fill("Newsletter")
    dialog.get_by_label("Werbung").select_option("Abonniert")
    dialog.get_by_role("button", name="Kontakt hinzufügen").click()
    # Without a basis there is no consent, and no contact either; what was typed stays.
    expect(page.get_by_role("alert")).to_contain_text("Wählen Sie, wie die Einwilligung erteilt wurde.")
    expect(page.get_by_label("Tags")).to_have_value("Newsletter")
    page.get_by_label("Wie wurde sie erteilt?").select_option("Auf Papier unterschrieben")
    page.get_by_label("Nachweis").fill("Karte vom 3. Mai, Ordner Einwilligungen, Nr. 12")
    page.get_by_role("button", name="Kontakt hinzufügen").click()
    expect(page.get_by_role("heading", name="neuling@example.org", level=1)).to_be_visible()
    page.goto(f"{counter.url}/dashboard/contacts?q=neuling")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Newsletter")
    expect(row).to_contain_text("Abonniert")

    page.get_by_role("link", name="Kontakt hinzufügen").click()
    dialog = page.get_by_role("dialog", name="Kontakt hinzufügen")
    dialog.get_by_label("E-Mail").fill(" NEULING@example.org")
    dialog.get_by_role("button", name="Kontakt hinzufügen").click()
    expect(page.get_by_text("neuling@example.org ist bereits ein Kontakt", exact=False)).to_be_visible()
    page.get_by_role("link", name="Kontakt öffnen").click()
    expect(page.get_by_role("heading", name="neuling@example.org", level=1)).to_be_visible()


def test_p3_t_f1_two_people_edit_one_contact_and_the_second_chooses(fields: Counter) -> None:
    counter = fields
    with counter.site.begin() as session:
        field_id = add_field(session, kind="text", label="Hund")
    contact_id = counter.contact("Paula Drei", email="p3@example.org", phone="030 1")
    with counter.site.begin() as session:
        site = counter.site.refreshed()
        write_fields(session, site, contact_id, {key_of(field_id): "Bello"}, Actor(kind="staff", id=1, name="Karla"))
    first, second = counter.staff(), counter.staff("manager")
    for page in (first, second):
        page.goto(f"{counter.profile(contact_id)}/edit")

    first.get_by_label("Telefonnummer").fill("030 2222")
    first.get_by_label("Hund").fill("Rex")
    first.get_by_role("button", name="Speichern").click()
    expect(first.get_by_text("Änderungen gespeichert.")).to_be_visible()

    second.get_by_label("Name", exact=True).fill("Paula Dreier")
    second.get_by_label("Hund").fill("Waldi")
    second.get_by_label("Systembenachrichtigung").select_option("Abgemeldet")
    second.get_by_label("Tags hinzufügen").fill("Verein")
    second.get_by_role("button", name="Speichern").click()
    expect(second.get_by_role("heading", name="Jemand anderes war schneller")).to_be_visible()
    table = second.get_by_role("table")
    for text in ("030 1", "030 2222", "Rex", "Waldi", "Paula Dreier", "Abgemeldet"):
        expect(table.get_by_text(text, exact=True).first).to_be_visible()
    # What the second did not touch is chosen as the first saved it.
    expect(second.get_by_role("radio", name=re.compile("Telefonnummer, .*Owner"))).to_be_checked()
    second.get_by_role("radio", name=re.compile("Hund, .*Owner")).check()
    second.get_by_role("button", name="Diese Auswahl speichern").click()

    expect(second.get_by_role("heading", name="Paula Dreier", level=1)).to_be_visible()
    profile = second.locator("main")
    for text in ("030 2222", "Rex"):
        expect(profile.locator("dd").filter(has_text=text)).to_be_visible()
    expect(profile.locator("#panel-consent-all")).to_contain_text("Abgemeldet")
    expect(profile.get_by_text("Verein").first).to_be_visible()

    # A person who unsubscribed is not subscribed again by staff, and the form says so.
    second.goto(f"{counter.profile(contact_id)}/edit")
    second.get_by_label("Systembenachrichtigung").select_option("Abonniert")
    second.get_by_label("Wie wurde sie erteilt?").select_option("Im Gespräch erteilt")
    second.get_by_label("Nachweis").fill("Am Tresen gesagt")
    second.get_by_role("button", name="Speichern").click()
    expect(second.get_by_role("alert")).to_contain_text("Diese Person hat sich abgemeldet.")
    expect(second.get_by_label("Nachweis")).to_have_value("Am Tresen gesagt")
