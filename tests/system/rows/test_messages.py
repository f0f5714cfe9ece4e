"""M1, M3 and K2, and „Nachricht senden“ of L8 and P2, in German; the mails go to a real server."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core import SYSTEM, Contact, state
from core.contacts.segments import Keeper, add_segment
from core.contacts.views import read_view
from core.staff.models import StaffAccount
from plugins.consent.changing import Evidence, change_consent
from tests.core.messages.mail_support import queue
from tests.plugins.shop.helpers import add as add_product
from tests.support.mail import MailServer, mail_server
from tests.support.server import ServerProcess
from tests.support.sites import open_same_site, within
from tests.system.rows.conftest import Counter

CIRCLE = ("Maja", "Nils", "Olga")


@pytest.fixture(scope="module")
def _post_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, MailServer, Path, str]]:
    folder = tmp_path_factory.mktemp("mail")
    database = f"sqlite:///{folder / 'tresen.sqlite'}"
    site = open_same_site(database, folder)
    with site.begin() as session:
        state.save_setting(session, "site.name", "Bäckerei Lindner")
    site.close()
    with mail_server() as mails:
        environment = {"TRESEN_LANGUAGE": "de", "TRESEN_SMTP_URL": mails.url}
        with ServerProcess(database, folder, environment=environment) as server:
            yield server, mails, folder, database


@pytest.fixture
def office(
    _post_office: tuple[ServerProcess, MailServer, Path, str], new_page: Callable[..., Page]
) -> Iterator[Counter]:
    """A running site that sends mail."""
    server, _, folder, database = _post_office
    site = open_same_site(database, folder)
    yield Counter(site=site, url=server.url, data_dir=folder, new_page=new_page)
    site.close()


@pytest.fixture
def mails(_post_office: tuple[ServerProcess, MailServer, Path, str]) -> MailServer:
    """The mail server it sends to; what tests before sent is forgotten."""
    found = _post_office[1]
    found.mails.clear()
    found.envelopes.clear()
    return found


def set_sender(page: Page, office: Counter) -> None:
    page.goto(f"{office.url}/dashboard/settings")
    page.get_by_label("E-Mail-Adresse des Absenders").fill("laden@example.org")
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_text("Einstellungen gespeichert")).to_be_visible()


def thread(page: Page, office: Counter, contact_id: int, expected: str) -> None:
    """Open the profile and wait until the thread says so."""

    def shows() -> bool:
        page.goto(office.profile(contact_id))
        return expected in page.locator("#panel-message-thread").inner_text()

    within(20, shows)


def test_m1_staff_write_with_a_template_and_a_file_and_it_arrives_once(office: Counter, mails: MailServer) -> None:
    contact_id = office.contact("Anna Müller", email="anna@example.org")
    page = office.staff()

    # Before the sender is set the page says what is missing, and keeps what is typed.
    page.goto(f"{office.profile(contact_id)}/message")
    expect(page.get_by_text("Noch kann nichts gesendet werden")).to_be_visible()
    expect(page.get_by_role("link", name="Absender einstellen")).to_be_visible()
    set_sender(page, office)

    page.goto(f"{office.url}/dashboard/messages")
    page.get_by_role("link", name="Vorlagen").click()
    page.get_by_role("link", name="Neue Vorlage").first.click()
    page.locator("[name=name]").fill("Abholung")
    page.locator("[name=subject]").fill("Ihre Bestellung, {{name}}")
    page.locator("[name=body]").fill("Guten Tag {{nmae}}")
    page.get_by_role("button", name="Vorschau").click()
    expect(page.locator("#field-body-error")).to_contain_text("Den Platzhalter {{nmae}} gibt es nicht")
    page.locator("[name=body]").fill("Guten Tag {{name}},\n\nes ist alles fertig.")
    page.get_by_role("button", name="Vorschau").click()
    expect(page.locator("#preview")).to_contain_text("Guten Tag Anna Müller")
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_text("Vorlage „Abholung“ gespeichert.")).to_be_visible()

    page.goto(f"{office.profile(contact_id)}/message")
    page.get_by_label("Vorlage").select_option(label="Abholung")
    page.get_by_role("button", name="Vorlage übernehmen").click()
    expect(page.get_by_label("Betreff")).to_have_value("Ihre Bestellung, Anna Müller")
    page.locator("[name=files]").set_input_files(
        {"name": "Rechnung.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    page.get_by_role("button", name="Senden").dblclick()
    expect(page.get_by_text("Die Nachricht an Anna Müller ist unterwegs.")).to_be_visible()
    expect(page.locator("#panel-message-thread")).to_contain_text("Ihre Bestellung, Anna Müller")
    thread(page, office, contact_id, "Gesendet")

    (letter,) = mails.letters
    assert mails.envelopes == [("laden@example.org", ["anna@example.org"])]
    assert str(letter["From"]) == "Bäckerei Lindner <laden@example.org>"
    assert letter["Subject"] == "Ihre Bestellung, Anna Müller"
    assert [part.get_filename() for part in letter.iter_attachments()] == ["Rechnung.pdf"]
    expect(page.locator("#panel-message-thread")).to_contain_text("Rechnung.pdf")
    # The page that first showed it as sent may have read the log a moment before.
    page.reload()
    expect(page.locator("#activity")).to_contain_text("Nachricht gesendet: Ihre Bestellung, Anna Müller")


def test_m1_what_could_not_be_sent_is_for_staff_to_decide(office: Counter, mails: MailServer) -> None:
    contact_id = office.contact("Bert Beispiel")
    page = office.staff()
    set_sender(page, office)
    mails.data += ["drop", "550 5.1.1 Kein Postfach"]
    for subject in ("Unklare Sache", "Abgelehnte Sache"):
        page.goto(f"{office.profile(contact_id)}/message")
        page.get_by_label("Betreff").fill(subject)
        page.get_by_label("Text").fill("Guten Tag")
        page.get_by_role("button", name="Senden").click()
        thread(page, office, contact_id, "Unklar" if subject == "Unklare Sache" else "Fehlgeschlagen")

    page.goto(f"{office.url}/dashboard/messages")
    page.get_by_role("link", name="Zu entscheiden").click()
    unclear = page.locator(".inbox-line").filter(has_text="Unklare Sache")
    expect(unclear).to_contain_text("Niemand weiß, ob diese Nachricht angekommen ist")
    unclear.get_by_role("button", name="Als gesendet ansehen").click()
    refused = page.locator(".inbox-line").filter(has_text="Abgelehnte Sache")
    expect(refused).to_contain_text("550 5.1.1 Kein Postfach")
    refused.get_by_role("button", name="Erneut senden").click()
    expect(page.get_by_text("Die Nachricht wird erneut gesendet.")).to_be_visible()
    within(20, lambda: [letter["Subject"] for letter in mails.letters] == ["Unklare Sache", "Abgelehnte Sache"])


def test_m3_advertising_without_consent_is_refused_with_the_reason(office: Counter, mails: MailServer) -> None:
    contact_id = office.contact("Clara Neu", email="clara@example.org")
    page = office.staff()
    set_sender(page, office)
    page.goto(f"{office.profile(contact_id)}/message")
    page.get_by_label("Betreff").fill("Angebot")
    page.get_by_label("Text").fill("Nur heute.")
    page.get_by_label("Werbung").check()
    page.get_by_role("button", name="Senden").click()
    reason = "Einwilligungen: Diese Person hat in Werbung nie eingewilligt."
    expect(page.locator("#field-purpose-error")).to_have_text(reason)
    expect(page.get_by_label("Text")).to_have_value("Nur heute.")

    evidence = Evidence(way="staff", actor=SYSTEM, occurred_at=datetime.now(UTC), basis="Karte im Ordner")
    with office.site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose="marketing", to="subscribed", evidence=evidence)
    page.goto(f"{office.profile(contact_id)}/message")
    page.get_by_label("Betreff").fill("Angebot")
    page.get_by_label("Text").fill("Nur heute.")
    page.get_by_label("Werbung").check()
    page.get_by_role("button", name="Senden").click()
    thread(page, office, contact_id, "Gesendet")

    (letter,) = mails.letters
    assert re.fullmatch(r"<http://\S+/unsubscribe/\S+>", str(letter["List-Unsubscribe"]))
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "Sie können sich jederzeit abmelden: http" in plain.get_content()


def test_l8_nachricht_senden_in_the_row_s_menu_opens_over_the_list(office: Counter, mails: MailServer) -> None:
    office.contact("Dora Liste", email="dora@example.org")
    page = office.staff()
    set_sender(page, office)
    list_url = f"{office.url}/dashboard/contacts?q=dora"
    page.goto(list_url)
    page.locator("tbody tr").first.get_by_role("button", name="Aktionen für Dora Liste").click()
    page.get_by_role("link", name="Nachricht senden").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert page.url == list_url, "the list is still there"
    dialog.get_by_label("Betreff").fill("Aus der Liste")
    dialog.get_by_label("Text").fill("Guten Tag")
    dialog.get_by_role("button", name="Senden").click()
    expect(page).to_have_url(list_url)
    expect(page.get_by_text("Die Nachricht an Dora Liste ist unterwegs.")).to_be_visible()
    within(20, lambda: [letter["Subject"] for letter in mails.letters] == ["Aus der Liste"])

    # The same by keyboard alone.
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(page.get_by_role("dialog").get_by_label("Betreff")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_p2_nachricht_senden_on_the_profile_also_without_scripts(office: Counter, mails: MailServer) -> None:
    contact_id = office.contact("Emil Profil", email="emil@example.org")
    page = office.staff(java_script_enabled=False)
    set_sender(page, office)
    page.goto(office.profile(contact_id))
    page.get_by_role("button", name="Aktionen", exact=True).click()
    page.get_by_role("link", name="Nachricht senden").first.click()
    expect(page.get_by_role("heading", name="Nachricht senden", level=1)).to_be_visible()
    page.get_by_label("Betreff").fill("Vom Profil")
    page.get_by_label("Text").fill("Guten Tag")
    page.get_by_role("button", name="Senden").click()
    expect(page).to_have_url(re.compile(re.escape(office.profile(contact_id))))
    expect(page.locator("#panel-message-thread")).to_contain_text("Vom Profil")
    within(20, lambda: [letter["Subject"] for letter in mails.letters] == ["Vom Profil"])

    scripted = office.staff()
    scripted.goto(office.profile(contact_id))
    scripted.keyboard.press("m")
    expect(scripted.get_by_role("dialog").get_by_label("Betreff")).to_be_visible()


def test_m1_m3_a_newsletter_to_a_view_is_looked_at_sent_stopped_and_gone_on_with(
    office: Counter, mails: MailServer
) -> None:
    circle = {name: office.contact(f"{name} Kreis", email=f"{name}@kreis.example".lower()) for name in CIRCLE}
    page = office.staff()
    set_sender(page, office)
    agreed = Evidence(way="staff", actor=SYSTEM, occurred_at=datetime.now(UTC), basis="Karte")
    with office.site.begin() as session:
        for name in ("Maja", "Nils"):
            change_consent(session, contact_id=circle[name], purpose="marketing", to="subscribed", evidence=agreed)
        (owner,) = session.scalars(select(StaffAccount.id).order_by(StaffAccount.id).limit(1))
        view = read_view([("q", "kreis.example")], office.site, lambda _: True)
        keeper = Keeper(account_id=owner, may_share=True)
        add_segment(session, office.site, keeper, view, name="Der Kreis", shared=True, layout=())

    page.get_by_role("link", name="Newsletter", exact=True).click()
    page.get_by_role("link", name="Neuer Newsletter").first.click()
    page.get_by_label("Wer soll ihn bekommen?").select_option(label="Der Kreis")
    page.get_by_label("Betreff").fill("Neues im Mai, {{name}}")
    page.get_by_label("Text").fill("Guten Tag {{name}},\n\nes gibt Spargelbrot.")
    page.get_by_role("button", name="Weiter").click()
    main = page.locator("main")
    expect(main).to_contain_text("2 von 3")
    expect(main).to_contain_text("Diese Person hat in Werbung nie eingewilligt.")
    page.get_by_label("Vorschau für").fill("nils@kreis.example")
    page.get_by_role("button", name="Anzeigen").click()
    letter = page.frame_locator("iframe.mail-frame").locator("body")
    expect(letter).to_contain_text("Guten Tag Nils Kreis,")
    expect(letter).to_contain_text("Bäckerei Lindner")
    expect(letter).to_contain_text("jederzeit abmelden")

    # Stopped while the first letter is with the mail server: that one arrives, the other one waits.
    mails.reached.clear()
    mails.release.clear()
    mails.data.append("hang")
    page.get_by_role("button", name="An 2 Personen senden").click()
    expect(page.get_by_text("Der Newsletter wird verschickt.")).to_be_visible()
    assert mails.reached.wait(20)
    page.get_by_role("button", name="Anhalten").click()
    expect(page.get_by_role("button", name="Weiter verschicken")).to_be_visible()
    mails.release.set()

    def numbers() -> str:
        page.reload()
        return " ".join(page.locator(".tiles").inner_text().split())

    within(20, lambda: numbers().startswith("Gesendet 1 Wartet 1 Ausgelassen 1"))
    expect(main).to_contain_text("1 Person hat ihn nicht bekommen.")
    assert len(mails.mails) == 1
    page.get_by_role("button", name="Weiter verschicken").click()
    within(20, lambda: numbers().startswith("Gesendet 2 Ausgelassen 1 Fehlgeschlagen 0"))
    assert sorted(str(one["Subject"]) for one in mails.letters) == [
        "Neues im Mai, Maja Kreis",
        "Neues im Mai, Nils Kreis",
    ]
    expect(main).to_contain_text("Der Kreis")


def test_m1_the_framed_letter_is_seen_when_its_page_is_opened(counter: Counter) -> None:
    message_id = queue(counter.site, counter.contact("Ida Blatt"), "Ihre Tasche", "Guten Tag\n" * 30)
    page = counter.staff(color_scheme="light")
    page.goto(f"{counter.url}/dashboard/messages/outgoing/{message_id}")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("L")
    box = page.locator("iframe").bounding_box()
    assert box is not None
    left, top = int(box["x"]) + 10, int(box["y"]) + 10
    darkest, brightest = picture.crop((left, top, left + 300, top + 250)).getextrema()
    assert darkest < 100 < 240 < brightest, "there are letters on the paper"


def link_in(letter: EmailMessage, path: str) -> str:
    """The link to this page in the text of a mail."""
    plain = letter.get_body(("plain",))
    assert plain is not None
    found = re.search(rf"http\S+{path}\S+", plain.get_content())
    assert found is not None, plain.get_content()
    return found[0]


def test_k2_a_tick_at_the_checkout_is_confirmed_proved_and_withdrawn_and_no_file_brings_it_back(
    office: Counter, mails: MailServer, tmp_path: Path
) -> None:
    staff, visitor = office.staff(), office.visitor()
    set_sender(staff, office)
    add_product(office.site, "Roggenbrot")

    visitor.goto(f"{office.url}/shop")
    visitor.locator("a[href^='/shop/products/']").first.click()
    visitor.get_by_role("button", name="In den Warenkorb").click()
    visitor.goto(f"{office.url}/shop/checkout")
    for name, value in {
        "email": "petra@example.org",
        "name": "Petra Neu",
        "street": "Am Markt 1",
        "postal_code": "53111",
        "city": "Bonn",
    }.items():
        visitor.locator(f"[name={name}]").fill(value)
    visitor.locator("[name=country]").select_option("DE")
    box = visitor.get_by_role("checkbox", name=re.compile("Angebote und Neuigkeiten von Bäckerei Lindner"))
    expect(box).not_to_be_checked()
    box.check()
    visitor.get_by_role("button", name="Zahlungspflichtig bestellen").click()
    expect(visitor).to_have_url(re.compile("/shop/thanks/"))

    def asked() -> list[EmailMessage]:
        return [letter for letter in mails.letters if letter["Subject"] == "Bitte bestätigen: Werbung"]

    within(20, lambda: len(asked()) == 1)
    (letter,) = asked()
    assert letter["To"].addresses[0].addr_spec == "petra@example.org"
    assert letter["List-Unsubscribe"] is None, "it is one that was asked for"
    visitor.goto(link_in(letter, "/consent/confirm/"))
    visitor.get_by_role("button", name="Ja, ich bestätige").click()
    expect(visitor.get_by_role("heading", name="das ist bestätigt")).to_be_visible()

    with office.site.session() as session:
        contact_id = session.scalars(select(Contact.id).where(Contact.email_key == "petra@example.org")).one()
    staff.goto(office.profile(contact_id))
    panel = staff.locator("#panel-consent-all")
    state_now = panel.locator(".row-between").first
    expect(state_now).to_contain_text("Abonniert")
    panel.get_by_role("link", name="Nachweis").click()
    expect(staff.get_by_role("heading", name="Nachweis der Einwilligungen")).to_be_visible()
    for words in ("Bestätigung offen → Abonniert", str(letter["Message-ID"]).strip("<>"), "shop.checkout"):
        expect(staff.locator("main")).to_contain_text(words)
    with staff.expect_download() as waiting:
        staff.get_by_role("link", name="Als PDF herunterladen").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"%PDF-")

    mails.mails.clear()
    staff.goto(f"{office.profile(contact_id)}/message")
    staff.get_by_label("Betreff").fill("Neues im Mai")
    staff.get_by_label("Text").fill("Es gibt Spargel.")
    staff.get_by_label("Werbung").check()
    staff.get_by_role("button", name="Senden").click()
    within(20, lambda: [one["Subject"] for one in mails.letters] == ["Neues im Mai"])
    (offer,) = mails.letters
    # As a mail program does it: no cookie, no Origin (RFC 8058).
    url = str(offer["List-Unsubscribe"]).strip("<>")
    assert url == link_in(offer, "/unsubscribe/")
    assert httpx.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    staff.goto(office.profile(contact_id))
    expect(state_now).to_contain_text("Abgemeldet")

    staff.goto(f"{office.url}/dashboard/contacts/import")
    staff.get_by_label("Oder Adressen einfügen").fill("Petra Neu <PETRA@example.org>")
    staff.get_by_label("Automatisch abonnieren").check()
    staff.get_by_role("button", name="Weiter").click()
    staff.get_by_role("button", name=re.compile(r"Zeilen? importieren")).click()
    expect(staff.get_by_role("heading", name="Der Import ist fertig")).to_be_visible(timeout=20_000)
    staff.goto(office.profile(contact_id))
    expect(state_now).to_contain_text("Abgemeldet")
    expect(panel).to_contain_text("3 Einträge")

    # The person's own page, from the mail that came long ago.
    visitor.goto(link_in(offer, "/consent/preferences/"))
    expect(box).not_to_be_checked()
    walk_through_the_client_zone(office, mails, visitor, staff, contact_id)


def newest(mails: MailServer, subject: str) -> EmailMessage:
    """The newest mail whose subject begins like this, as soon as it has come."""

    def found() -> list[EmailMessage]:
        return [letter for letter in mails.letters if str(letter["Subject"]).startswith(subject)]

    within(20, lambda: bool(found()))
    return found()[-1]


def walk_through_the_client_zone(
    office: Counter, mails: MailServer, visitor: Page, staff: Page, contact_id: int
) -> None:
    """K4: in by a link, own order, details, messages, consents, and a wish to be deleted that is stopped again."""
    visitor.goto(office.url)
    visitor.get_by_role("link", name="Kundenbereich").first.click()
    visitor.get_by_label("E-Mail").fill("Petra@example.org")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Sehen Sie in Ihrem Postfach nach")).to_be_visible()
    letter = newest(mails, "Ihr Link zum Anmelden: Bäckerei Lindner")
    link = link_in(letter, "/account/enter/")
    staff.goto(office.profile(contact_id))
    expect(staff.locator("#panel-message-thread")).not_to_contain_text(link.rpartition("/")[2])
    visitor.goto(link)
    visitor.get_by_role("button", name="Anmelden").click()
    expect(visitor.get_by_role("heading", name="Guten Tag, Petra Neu")).to_be_visible()

    visitor.get_by_role("navigation", name="Ihr Konto").get_by_role("link", name="Bestellungen").click()
    visitor.locator("tbody a").first.click()
    expect(visitor.locator("main")).to_contain_text("Roggenbrot")

    visitor.get_by_role("link", name="Ihre Angaben").click()
    visitor.get_by_label("Telefon").fill("0228 4711")
    visitor.get_by_role("button", name="Speichern").click()
    expect(visitor.get_by_text("Ihre Angaben wurden gespeichert.")).to_be_visible()

    visitor.get_by_role("link", name="Nachrichten", exact=True).click()
    expect(visitor.locator(".thread")).not_to_contain_text("Spargel")
    visitor.get_by_label("Ihre Nachricht").fill("Haben Sie auch Dinkelbrot?")
    visitor.get_by_role("button", name="Senden").click()
    expect(visitor.locator(".thread")).to_contain_text("Haben Sie auch Dinkelbrot?")

    visitor.get_by_role("link", name="E-Mails von uns").click()
    box = visitor.get_by_role("checkbox", name=re.compile("Angebote und Neuigkeiten von Bäckerei Lindner"))
    expect(box).not_to_be_checked()

    visitor.get_by_role("link", name="Ihre Daten").click()
    with visitor.expect_download() as waiting:
        visitor.get_by_role("button", name="Herunterladen").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"PK")
    visitor.get_by_role("link", name="Meine Daten löschen").click()
    visitor.get_by_role("button", name="Meine Daten löschen").click()
    expect(visitor.get_by_text("Bis dahin können Sie es aufhalten.")).to_be_visible()

    staff.goto(office.profile(contact_id))
    expect(staff.locator("#panel-zone-deletion")).to_contain_text("Im Kundenbereich gewünscht am")
    expect(staff.locator("main")).to_contain_text("durch Kunde selbst")
    expect(staff.locator("#panel-message-thread")).to_contain_text("Dinkelbrot")

    visitor.get_by_role("button", name="Abmelden").click()
    visitor.goto(f"{office.url}/account/messages")
    expect(visitor.get_by_role("button", name="Link zusenden")).to_be_visible()
    visitor.goto(link_in(newest(mails, "Ihre Daten werden am"), "/account/keep/"))
    visitor.get_by_role("button", name="Meine Daten doch nicht löschen").click()
    expect(visitor.get_by_role("heading", name="Ihre Daten werden nicht gelöscht")).to_be_visible()
    staff.reload()
    expect(staff.locator("#panel-zone-deletion")).to_have_count(0)
