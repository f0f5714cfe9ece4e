"""C2 and C9 in a browser: the address stays, two contacts become one and two again, duplicates are offered."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from core import Contact
from tests.system.rows.conftest import Counter


def toast(page: Page) -> None:
    """The message after merging, with its way back."""
    expect(page.get_by_text("Die Kontakte sind zusammengeführt.")).to_be_visible()


def test_c2_a_wrong_address_is_corrected_by_merging_and_stays_known(counter: Counter) -> None:
    wrong = counter.contact("Carla Irrtum", email="carla.irtum@example.org", phone="0171 9990001")
    right = counter.contact("Carla Irrtum", email="carla.irrtum@example.org", city="Köln")
    page = counter.staff()

    page.goto(counter.profile(wrong) + "/edit")
    field = page.get_by_label("E-Mail")
    expect(field).to_have_value("carla.irtum@example.org")
    expect(field).not_to_be_editable()
    expect(page.get_by_text("indem Sie den Kontakt mit dem richtigen zusammenführen")).to_be_visible()

    page.goto(counter.profile(right))
    page.get_by_role("button", name="Aktionen", exact=True).click()
    page.get_by_role("link", name="Zusammenführen …").last.click()
    page.get_by_role("searchbox").fill("carla.irtum")
    page.get_by_role("button", name="Suchen").click()
    page.get_by_role("link", name="Carla Irrtum wählen").click()
    page.get_by_role("radio", name="Bleibt, carla.irrtum@example.org").check()
    page.get_by_role("button", name="Zusammenführen").click()

    toast(page)
    expect(page).to_have_url(counter.profile(right))
    expect(page.get_by_text("Auch bekannt als")).to_be_visible()
    expect(page.get_by_text("carla.irtum@example.org", exact=True)).to_be_visible()
    expect(page.get_by_text("0171 9990001")).to_be_visible()

    # A later order to the old address, and a search for it, find the right contact.
    assert counter.contact("Carla Irrtum", email="Carla.Irtum@example.org", customer=True) == right
    page.goto(f"{counter.url}/dashboard/contacts?q=carla.irtum")
    expect(page.get_by_role("row").filter(has_text="Carla Irrtum")).to_have_count(1)
    expect(page.get_by_role("link", name="Carla Irrtum").first).to_have_attribute(
        "href", re.compile(f"/dashboard/contacts/{right}$")
    )
    page.goto(counter.profile(wrong))
    expect(page).to_have_url(counter.profile(right))


def test_c9_merge_choose_what_stays_and_undo(counter: Counter) -> None:
    kept = counter.contact(
        "Berta Bleibt", email="berta@example.org", phone="0221 5550001", street="Domplatz 1", city="Köln"
    )
    merged = counter.contact("B. Bleibt", email="berta.alt@example.org", phone="0221 777", street="Ring 9", city="Bonn")
    page = counter.staff()
    page.goto(counter.profile(merged))
    page.get_by_label("Kommentar").fill("Mag Mohnschnecken")
    page.get_by_role("button", name="Kommentar hinzufügen").click()

    page.goto(f"{counter.url}/dashboard/contacts/merge?ids={kept},{merged}")
    expect(page.get_by_role("row", name=re.compile("^Interne Notizen"))).to_contain_text("1")
    page.get_by_role("radio", name="Bleibt, berta@example.org").check()
    page.get_by_role("radio", name="Adresse, berta.alt@example.org").check()
    page.get_by_role("button", name="Zusammenführen").click()

    toast(page)
    expect(page.get_by_text("Ring 9")).to_be_visible()
    expect(page.get_by_text("0221 5550001")).to_be_visible()
    expect(page.get_by_text("Mag Mohnschnecken", exact=True)).to_be_visible()
    expect(page.get_by_text("Mit dem Kontakt berta.alt@example.org zusammengeführt")).to_be_visible()

    page.locator(".toast").get_by_role("button", name="Rückgängig").click()

    expect(page.get_by_text("B. Bleibt ist wieder ein eigener Kontakt.")).to_be_visible()
    expect(page.get_by_text("Domplatz 1")).to_be_visible()
    expect(page.get_by_text("Mag Mohnschnecken", exact=True)).to_have_count(0)
    page.goto(counter.profile(merged))
    expect(page).to_have_url(counter.profile(merged))
    expect(page.get_by_text("Mag Mohnschnecken", exact=True)).to_be_visible()


def test_c9_what_stands_in_the_way_of_undoing_is_named(counter: Counter) -> None:
    kept = counter.contact("Wanda Weg", email="wanda@example.org", city="Köln")
    merged = counter.contact("Wanda Weg", email="wanda.alt@example.org", city="Bonn", street="Ring 9")
    page = counter.staff()
    page.goto(f"{counter.url}/dashboard/contacts/merge?ids={merged},{kept}")
    page.get_by_role("radio", name="Bleibt, wanda@example.org").check()
    page.get_by_role("radio", name="Adresse, wanda.alt@example.org").check()
    page.get_by_role("button", name="Zusammenführen").click()
    toast(page)
    page.goto(counter.profile(kept) + "/edit")
    page.get_by_label("Ort").fill("Aachen")
    page.get_by_role("button", name="Speichern").click()

    page.get_by_role("button", name="Rückgängig").last.click()

    expect(page.get_by_text("Die Adresse wurde seitdem bearbeitet.")).to_be_visible()
    with counter.site.session() as session:
        assert session.get_one(Contact, merged).merged_into_id == kept


def test_c9_likely_duplicates_are_offered_and_dismissed_for_good(counter: Counter) -> None:
    first = counter.contact("Dora Doppelt", email="dora.doppelt@example.org", phone="+49 241 8887771")
    second = counter.contact("Doppelt, Dora", email="dora.d@example.org", phone="0241 8887771", city="Aachen")
    page = counter.staff()
    page.get_by_role("button", name="Weitere Aktionen").click()
    page.get_by_role("link", name="Duplikate finden").click()

    expect(page.get_by_role("heading", name="Wahrscheinliche Duplikate")).to_be_visible()
    pair = page.get_by_role("region", name=re.compile("Dora Doppelt"))
    expect(pair).to_contain_text("Gleiche Telefonnummer")

    # On the profile too, and from there with the keyboard alone.
    page.goto(counter.profile(first))
    expect(page.get_by_text("Das könnte dieselbe Person sein")).to_be_visible()
    page.get_by_role("link", name="Zusammenführen …").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{counter.url}/dashboard/contacts/merge?ids={first},{second}")

    page.goto(f"{counter.url}/dashboard/contacts/duplicates")
    pair.get_by_role("button", name="Kein Duplikat").click()
    expect(page.get_by_text("Diese beiden werden nicht mehr als Duplikat vorgeschlagen.")).to_be_visible()
    expect(pair).to_have_count(0)
    page.goto(counter.profile(second))
    expect(page.get_by_text("Das könnte dieselbe Person sein")).to_have_count(0)
