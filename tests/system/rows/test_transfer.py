"""Export and import as staff meet them in the browser, in German (FEATURES L10, I1 to I7)."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import openpyxl
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.contacts.models import Contact
from tests.system.rows.conftest import NUMBERS, Counter

FILES = Path(__file__).parents[2] / "core" / "transfer" / "files"


def address(name: str) -> str:
    """An address that no other test has."""
    return f"{name}{next(NUMBERS)}@example.org"


def upload(page: Page, url: str, name: str, content: bytes, *ticks: str) -> None:
    page.goto(f"{url}/dashboard/contacts/import")
    page.get_by_label("Datei").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    for tick in ticks:
        page.get_by_label(tick).check()
    page.get_by_role("button", name="Weiter").click()


def run(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"Zeilen? importieren")).click()
    expect(page.get_by_role("heading", name="Der Import ist fertig")).to_be_visible(timeout=20_000)


def number(page: Page, label: str) -> str:
    """The number beside a label of the preview."""
    return page.locator(".stat", has=page.get_by_text(label, exact=True)).locator(".stat-number").inner_text()


def contact(counter: Counter, email: str) -> Contact | None:
    with counter.site.session() as session:
        return session.scalar(select(Contact).where(Contact.email == email))


def save(page: Page, what: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=what).or_(page.get_by_role("link", name=what)).first.click()
    return Path(waiting.value.path()).read_bytes()


def barriers(page: Page) -> list[str]:
    """What axe finds on the page as it stands."""
    return [f"{one['id']} {one['nodes'][0]['html'][:150]}" for one in Axe().run(page).response["violations"]]


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_l10_the_arrow_beside_leads_to_export_and_import(counter: Counter) -> None:
    page = counter.staff()
    page.get_by_role("button", name="Weitere Aktionen").click()
    expect(page.get_by_role("link", name="Exportieren", exact=True)).to_be_visible()
    page.get_by_role("link", name="Importieren", exact=True).click()
    expect(page.get_by_role("heading", name="Kontakte importieren")).to_be_visible()


def test_i1_addresses_are_pasted_as_they_come(counter: Counter) -> None:
    first, second, third = address("eins"), address("zwei"), address("drei")
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts/import")
    page.get_by_label("Oder Adressen einfügen").fill(f'{first}, "Zwei, Zoe" <{second}>;\n{third} unsinn')
    page.get_by_role("button", name="Weiter").click()
    expect(page.get_by_role("button", name="3 Zeilen importieren")).to_be_visible()
    expect(page.locator("#refused")).to_contain_text("unsinn")
    run(page)
    assert [contact(counter, email) is not None for email in (first, second, third)] == [True, True, True]
    page.goto(f"{counter.url}/dashboard/contacts?q={second}")
    expect(page.locator("tbody tr")).to_contain_text("Zwei, Zoe")


def test_i1_a_workbook_and_address_cards_are_taken_too(counter: Counter) -> None:
    email = address("mappe")
    book = openpyxl.Workbook()
    book.active.append(["E-Mail", "Vorname", "Ort"])
    book.active.append([email, "Mappe", "Köln"])
    target = io.BytesIO()
    book.save(target)
    page = counter.staff()
    upload(page, counter.url, "kunden.xlsx", target.getvalue())
    expect(page.get_by_text("Excel (XLSX)")).to_be_visible()
    run(page)
    upload(page, counter.url, "karten.vcf", (FILES / "cards.vcf").read_bytes())
    expect(page.get_by_text("Adresskarten (vCard)")).to_be_visible()
    expect(page.locator("#examples")).to_contain_text("Prof. Ida Hübner")
    found = contact(counter, email)
    assert found is not None
    assert (found.name, found.city, found.stage) == ("Mappe", "Köln", "lead")


def test_i2_the_sample_has_the_headings_of_this_site(counter: Counter) -> None:
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts/import")
    sample = save(page, "Beispiel-CSV herunterladen")
    heads = rows_of(sample)[0]
    assert heads[:3] == ["E-Mail", "Name", "Telefonnummer"]
    assert "Werbung" in heads
    upload(page, counter.url, "beispiel.csv", sample)
    expect(page.get_by_role("heading", name="Prüfen und importieren")).to_be_visible()
    assert number(page, "Abgelehnt") == "0"


def test_i3_what_was_recognised_is_shown_and_the_rest_is_mapped(counter: Counter) -> None:
    email = address("bär")
    content = f"Wer so heißt;Mail dazu;Ort;Kunde seit\nBärbel Groß;{email};Köln;01.02.2024\n".encode("cp1252")
    page = counter.staff()
    upload(page, counter.url, "kundschaft.csv", content)
    expect(page.get_by_text("In welcher Spalte steht die E-Mail-Adresse?")).to_be_visible()
    expect(page.get_by_text("der Tag oder der Monat?")).to_be_visible()
    expect(page.get_by_label("Zeichenkodierung")).to_have_value("cp1252")
    assert barriers(page) == []
    page.get_by_label("Wer so heißt").select_option("Name")
    page.get_by_label("Mail dazu").select_option("E-Mail")
    page.get_by_label("Tag vor Monat").check()
    page.get_by_role("button", name="Prüfen").click()
    expect(page.locator(".facts")).to_contain_text("Windows-1252")
    expect(page.locator(".facts")).to_contain_text("Semikolon")
    expect(page.locator("#examples")).to_contain_text("Bärbel Groß")
    run(page)
    found = contact(counter, email)
    assert found is not None
    assert found.joined_at.astimezone(counter.site.settings.zone).date().isoformat() == "2024-02-01"


def test_i4_the_preview_tells_everything_before_anything_is_written(counter: Counter) -> None:
    known, new = address("bekannt"), address("neu")
    counter.contact("Bekannte Person", email=known)
    content = (
        f"E-Mail;Name;Telefon;Schuhgröße\n{new};Neu;;38\n{known};Anders;0228 1;\nkaputt;Kaputt;;\n"
        f"{new.upper()};Nochmal;;\n"
    ).encode("utf-8-sig")
    page = counter.staff()
    upload(page, counter.url, "vorschau.csv", content)
    expect(page.get_by_text("Bisher wurde nichts geschrieben.")).to_be_visible()
    found = {label: number(page, label) for label in ("Neu", "Geändert", "Unverändert", "Abgelehnt")}
    assert found == {"Neu": "1", "Geändert": "1", "Unverändert": "0", "Abgelehnt": "1"}
    expect(page.get_by_text("Weggelassen, weil nicht bekannt ist, was sie sind: Schuhgröße")).to_be_visible()
    expect(page.locator("#refused")).to_contain_text("kaputt")
    assert barriers(page) == []
    assert contact(counter, new) is None
    refused = rows_of(save(page, "Herunterladen"))
    assert refused[0][:3] == ["Zeile", "Grund", "E-Mail"]
    assert refused[1][0] == "4"
    assert refused[1][2] == "kaputt"
    run(page)
    after = contact(counter, known)
    assert after is not None
    assert (after.name, after.phone) == ("Bekannte Person", "0228 1")


def test_i5_subscribing_is_off_unless_ticked_and_never_brings_anybody_back(counter: Counter) -> None:
    gone, new = address("weg"), address("frisch")
    contact_id = counter.contact("Abgemeldet", email=gone)
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts/import")
    expect(page.get_by_label("Automatisch abonnieren")).not_to_be_checked()
    upload(page, counter.url, "weg.csv", f"E-Mail;Abgemeldet am\n{gone};2024-01-01\n".encode())
    run(page)
    upload(page, counter.url, "werbung.csv", f"E-Mail\n{gone}\n{new}\n".encode(), "Automatisch abonnieren")
    run(page)
    expect(page.get_by_text("„Automatisch abonnieren“: 1 festgehalten, 1 unverändert gelassen.")).to_be_visible()
    page.goto(f"{counter.url}/dashboard/consent/{contact_id}")
    expect(page.locator("main")).to_contain_text("Abgemeldet")
    page.goto(f"{counter.url}/dashboard/contacts?q={new}")
    expect(page.locator("tbody tr")).to_contain_text("Abonniert")


def test_i6_a_large_import_shows_its_progress_and_is_taken_back_as_a_whole(counter: Counter) -> None:
    mark = next(NUMBERS)
    rows = "".join(f"viele{n}-{mark}@example.org;Person {n};Hauptstraße {n};Bonn\n" for n in range(4000))
    page = counter.staff()
    upload(page, counter.url, "viele.csv", f"E-Mail;Name;Straße;Ort\n{rows}".encode())
    expect(page.get_by_role("button", name="4.000 Zeilen importieren")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="4.000 Zeilen importieren").click()
    expect(page.get_by_role("heading", name="Der Import ist fertig")).to_be_visible(timeout=60_000)
    assert number(page, "Neu") == "4.000"

    page.get_by_role("link", name="Import rückgängig machen").click()
    page.get_by_role("button", name="Rückgängig machen").click()
    expect(page.get_by_role("heading", name="Der Import wurde rückgängig gemacht")).to_be_visible(timeout=60_000)
    assert number(page, "Kontakte entfernt") == "4.000"
    assert contact(counter, f"viele1-{mark}@example.org") is None


def test_i7_what_is_exported_is_harmless_and_comes_back_unchanged(counter: Counter) -> None:
    email = address("formel")
    counter.contact('=HYPERLINK("http://evil.example")', email=email, phone="+49 228 1")
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts?q={email}")
    page.get_by_role("button", name="Weitere Aktionen").click()
    page.get_by_role("link", name="Exportieren", exact=True).click()
    expect(page.get_by_label("Die Kontakte der Liste (1)")).to_be_checked()
    expect(page.get_by_label("CSV für Excel")).to_be_checked()
    content = save(page, "Exportieren")
    assert content.startswith(b"\xef\xbb\xbf")
    assert rows_of(content)[1][:3] == [email, '\'=HYPERLINK("http://evil.example")', "'+49 228 1"]
    upload(page, counter.url, "zurück.csv", content)
    expect(page.get_by_text("Es gibt nichts zu importieren")).to_be_visible()
    assert number(page, "Unverändert") == "1"

    page.goto(f"{counter.url}/dashboard/contacts/export")
    page.get_by_label("Excel (XLSX)").check()
    book = openpyxl.load_workbook(io.BytesIO(save(page, "Exportieren")), read_only=True)
    assert [email, '=HYPERLINK("http://evil.example")'] in [
        list(row[:2]) for row in book.worksheets[0].iter_rows(values_only=True)
    ]

    page.goto(f"{counter.url}/dashboard/contacts/export?q={email}")
    page.get_by_label("Adresskarten (vCard 3)").check()
    assert f"EMAIL;TYPE=INTERNET:{email}".encode() in save(page, "Exportieren")
