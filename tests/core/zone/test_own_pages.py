"""What a signed-in customer sees and changes: details, messages, data, and the wish to be deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import state
from core.contacts.capture import capture_contact
from core.contacts.editing import lock_details
from core.contacts.files import add_file, storing
from core.contacts.log import add_activity
from core.contacts.merging.merging import merge_contacts
from core.contacts.merging.undoing import merges_of, undo_merge
from core.contacts.models import Contact, ContactActivity, ContactNote, now
from core.messages.models import Message, MessageFile
from core.privacy.models import ErasureReceipt
from core.site import Site
from core.testing import make_client, make_site, sign_in
from core.values import SYSTEM, Activity, Actor, Capture, Details, ZoneSection
from core.zone.deletion import erase_due, read_wish
from core.zone.models import ZoneDeletion, ZoneSession
from core.zone.thread import read_own_thread
from tests.core.messages.mail_support import ADA, add_contact, queue
from tests.core.zone.zone_support import Client, count, enter
from tests.support.activity import log_of
from tests.support.plugins import plugin_module

STAFF = Actor(kind="staff", id=1, name="Ada")


def fail_to_erase(session: Session, site: Site, contact_ids: object) -> list[object]:
    if site.saved_settings.get("test.broken"):
        raise RuntimeError("it does not work")
    return []


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    plugin = plugin_module("sulky", erase_contacts=fail_to_erase)
    made = make_site(tmp_path, plugin, database_url=database_url, base_url="https://crm.example.org", language="en")
    yield made
    made.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with make_client(site) as made:
        made.headers["accept-language"] = "en"
        yield made


def contact(site: Site, contact_id: int) -> Contact:
    with site.session() as session:
        return session.get_one(Contact, contact_id)


def kinds(site: Site, contact_id: int) -> list[tuple[str, str]]:
    return log_of(site, contact_id, ContactActivity.kind, ContactActivity.actor_kind)


DETAILS = {"name": "Anna Maier", "phone": "030 123", "street": "Weg 1", "city": "Bonn", "country": "DE"}


def version_on(client: Client) -> str:
    page = client.get("/account/details").text
    return page.partition('name="version" value="')[2].partition('"')[0]


def test_k4_c5_c6_a_customer_changes_own_details_and_staff_see_it(site: Site, client: Client) -> None:
    anna, bert = add_contact(site), add_contact(site, "bert@example.org", "Bert")
    with site.begin() as session:
        # Locked: orders change nothing, the person does.
        lock_details(session, anna, STAFF)
    enter(site, client, anna)
    version = version_on(client)

    # What can't be, and what does not belong here (T-Z4).
    wrong = {**DETAILS, "version": version, "country": "Nowhere"}
    answer = client.post("/account/details", data=wrong)
    assert answer.status_code == 422
    assert "Anna Maier" in answer.text
    assert contact(site, anna).name == "Anna Müller"
    sent = {**DETAILS, "version": version, "email": "x@example.org", "contact_id": str(bert), "stage": "customer"}
    assert client.post("/account/details", data=sent, follow_redirects=False).status_code == 303

    changed = contact(site, anna)
    assert (changed.name, changed.city, changed.email, changed.stage) == (
        "Anna Maier",
        "Bonn",
        "anna@example.org",
        "lead",
    )
    assert changed.locked_at is not None
    assert contact(site, bert).name == "Bert"
    assert kinds(site, anna)[-1] == ("zone.edited", "visitor")
    with make_client(site) as staff:
        sign_in(site, staff)
        staff.headers["accept-language"] = "de"
        page = staff.get(f"/dashboard/contacts/{anna}").text
        assert "Kunde selbst" in page
        assert "Anna Müller → Anna Maier" in page

    # Sent twice it changes nothing more; from an old page it is a conflict, and nothing typed is lost (T-F1).
    assert client.post("/account/details", data=sent, follow_redirects=False).status_code == 303
    assert [kind for kind, _ in kinds(site, anna)].count("zone.edited") == 1
    stale = {**DETAILS, "name": "Anna Huber", "version": version}
    answer = client.post("/account/details", data=stale)
    assert answer.status_code == 409
    assert 'value="Anna Huber"' in answer.text
    assert contact(site, anna).name == "Anna Maier"

    # An older order says something else: what the person said is newer (C5).
    with site.begin() as session:
        old = Capture(
            email="anna@example.org",
            module="entries",
            activity=Activity(kind="entries.sent"),
            occurred_at=now() - timedelta(days=1),
            details=Details(name="Old Name"),
        )
        capture_contact(session, site, old)
    assert contact(site, anna).name == "Anna Maier"


def test_k4_m2_t_z2_a_customer_reads_the_own_thread_and_writes_back(site: Site, client: Client) -> None:
    anna, bert = add_contact(site), add_contact(site, "bert@example.org", "Bert")
    sent = {
        "Personal": queue(site, anna, "Personal", "For Anna."),
        "Notice": queue(site, anna, "Notice", purpose="system"),
        "Offer": queue(site, anna, "Offer"),
        "Bert": queue(site, bert, "Bert", "For Bert."),
    }
    waiting = queue(site, anna, "Not sent yet")
    files = {}
    with storing(site.settings.data_dir) as store:
        of = {"a.txt": (anna, sent["Personal"]), "b.txt": (bert, sent["Bert"]), "w": (anna, waiting)}
        for name, (owner, message) in of.items():
            with site.begin() as session:
                saved = add_file(session, owner, store.save(name, io.BytesIO(name.encode())))
                session.add(MessageFile(file_id=saved.id, message_id=message))
                files[name] = saved.id
        with site.begin() as session:
            note = ContactNote(contact_id=anna, text="Internal", author_name="Ada")
            session.add(note)
            session.flush()
            files["note"] = add_file(session, anna, store.save("n", io.BytesIO(b"n")), note_id=note.id).id
            away = Message(contact_id=anna, direction="in", text="I am away.", automatic=True)
            session.add(away)
            session.flush()
            files["away"] = add_file(session, anna, store.save("away", io.BytesIO(b"away"))).id
            session.add(MessageFile(file_id=files["away"], message_id=away.id))
    with site.begin() as session:
        session.execute(update(Message).where(Message.id.in_(sent.values())).values(state="sent"))
        # No plugin of this site says who may be sent advertising, so none can be queued.
        session.execute(update(Message).where(Message.id == sent["Offer"]).values(purpose="marketing"))
    enter(site, client, anna)
    page = client.get("/account/messages").text
    for word, seen in (("For Anna.", True), ("Notice", True), ("Offer", False), ("Bert", False), ("Not sent", False)):
        assert (word in page) == seen, word
    assert client.get(f"/account/messages/files/{files['a.txt']}").content == b"a.txt"
    assert "I am away." not in page + client.get("/account").text
    for name in ("b.txt", "w", "note", "away"):
        assert client.get(f"/account/messages/files/{files[name]}").status_code == 404
    assert client.get(f"/account/messages/files/{2**62}").status_code == 404

    # Writing: clicked twice it is one message; it is unread for staff, and brings who was inactive back (C7).
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == anna).values(inactive_at=now()))
    evil = {"subject": "Ask", "text": "<script>alert(1)</script>\r\nmore"}
    for _ in range(2):
        assert client.post("/account/messages", data=evil, follow_redirects=False).status_code == 303
    assert client.post("/account/messages", data={"text": " "}).status_code == 422
    assert client.post("/account/messages", data={"text": "x", "subject": "=?utf-8?q?x?="}).status_code == 422
    assert client.post("/account/messages", data={"text": "x" * 10_001}).status_code == 422
    with site.session() as session:
        incoming = session.scalars(select(Message).where(Message.module == "zone")).one()
        assert (incoming.contact_id, incoming.text, incoming.read_at, incoming.module) == (
            anna,
            "<script>alert(1)</script>\nmore",
            None,
            "zone",
        )
    assert contact(site, anna).inactive_at is None
    assert "<script>alert" not in client.get("/account/messages").text
    assert "&lt;script&gt;" in client.get("/account").text
    assert ("zone.wrote", "visitor") in kinds(site, anna)
    with make_client(site) as staff:
        staff.headers["accept-language"] = "en"
        sign_in(site, staff)
        for path in ("/dashboard/messages", "/dashboard/settings"):
            page = staff.get(path).text
            assert (">Client Zone<" in page, ">zone<" in page) == (True, False)

    # Page by page, and not without end.
    with site.begin() as session:
        session.add_all(
            Message(contact_id=anna, direction="in", text=f"old {number}", occurred_at=now() - timedelta(days=number))
            for number in range(1, 41)
        )
    with site.session() as session:
        first = read_own_thread(session, anna)
        assert first.older is not None
        rest = read_own_thread(session, anna, first.older)
    assert (len(first.messages), len(rest.messages), rest.older) == (30, 13, None)
    answers = [
        client.post("/account/messages", data={"text": f"m{number}"}, follow_redirects=False).status_code
        for number in range(21)
    ]
    assert answers[-1] == 429
    assert answers.count(303) == 19


def test_k4_t_r3_a_customer_downloads_everything_but_what_staff_keep_to_themselves(site: Site, client: Client) -> None:
    anna, bert = add_contact(site), add_contact(site, "bert@example.org", "Bert")
    queue(site, bert, "Bert", "For Bert.")
    with site.begin() as session:
        note = ContactNote(contact_id=anna, text="Difficult, says Carl", author_name="Ada")
        session.add(note)
        session.flush()
        add_activity(session, anna, Activity(kind="contact.noted", data={"note": note.id}), actor=ADA)
    enter(site, client, anna)
    answer = client.post("/account/data/download")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.zip"'
    german = client.post("/account/data/download", headers={"accept-language": "de"})
    assert german.headers["content-disposition"] == 'attachment; filename="meine-daten.zip"'
    with ZipFile(io.BytesIO(answer.content)) as archive:
        everything = {name: archive.read(name).decode() for name in archive.namelist()}
    data = json.loads(everything["data.json"])

    assert data["sections"]["contact.details"]["records"][0]["email"] == "anna@example.org"
    assert len(data["sections"]["zone.sessions"]["records"]) == 1
    assert not {"contact.notes", "contact.note_activity"} & data["sections"].keys()
    for secret in ("Difficult", "Carl", "bert@example.org", "For Bert", "Ada"):
        assert not any(secret in text for text in everything.values()), secret
    assert kinds(site, anna)[-1] == ("zone.exported", "visitor")
    assert client.get("/account/data/download").status_code == 405
    with make_client(site) as staff:
        sign_in(site, staff)
        answer = staff.post(f"/dashboard/contacts/{anna}/data")
        with ZipFile(io.BytesIO(answer.content)) as archive:
            assert "Difficult, says Carl" in archive.read("data.json").decode()


def keep_link(site: Site) -> str:
    with site.session() as session:
        text = session.scalars(select(Message.text).order_by(Message.id.desc()).limit(1)).one()
    return "/account/keep/" + text.rpartition("/account/keep/")[2].split()[0]


def be_due(site: Site) -> None:
    with site.begin() as session:
        session.execute(update(ZoneDeletion).values(due_at=now() - timedelta(seconds=1)))


def test_k4_c8_a_wish_to_be_deleted_waits_can_be_stopped_and_is_carried_out(site: Site, client: Client) -> None:
    anna, bert = add_contact(site), add_contact(site, "bert@example.org", "Bert")
    enter(site, client, anna)
    assert "14 days" in client.get("/account/delete").text
    assert count(site, ZoneDeletion) == [0]
    for _ in range(2):
        assert client.post("/account/delete", follow_redirects=False).status_code == 303
    assert [kind for kind, _ in kinds(site, anna)].count("zone.deletion_asked") == 1
    with site.session() as session:
        wish = read_wish(session, anna)
    assert wish is not None
    assert timedelta(days=13.9) < wish.due_at - now() < timedelta(days=14)
    erase_due(site)
    assert contact(site, anna).name == "Anna Müller"

    # By the link of the mail, without signing in: opening changes nothing, an altered one is refused.
    link = keep_link(site)
    with make_client(site) as anywhere:
        assert anywhere.get(link).status_code == 200
        assert anywhere.post(link[:-3] + "AAA").status_code == 404
        assert count(site, ZoneDeletion) == [1]
        assert anywhere.post(link).status_code == 200
        assert count(site, ZoneDeletion) == [0]
        assert kinds(site, anna)[-1] == ("zone.deletion_stopped", "visitor")
        client.post("/account/delete")
        # The link of the first wish does not stop the second.
        assert anywhere.post(link).status_code == 404
        assert count(site, ZoneDeletion) == [1]
    client.post("/account/keep")
    assert count(site, ZoneDeletion) == [0]

    # Staff see it, and can stop it: then the person is told.
    client.post("/account/delete")
    with make_client(site) as staff:
        staff.headers["accept-language"] = "en"
        sign_in(site, staff, "assistant")
        assert "Asked for in the Client Zone" in staff.get(f"/dashboard/contacts/{anna}").text
        assert staff.post(f"/dashboard/contacts/{anna}/deletion/stop").status_code == 403
        assert count(site, ZoneDeletion) == [1]
        sign_in(site, staff, "manager")
        assert "anna@example.org" in staff.get(f"/dashboard/contacts/{anna}").text
        assert f'href="/dashboard/contacts/{anna}"' in staff.get("/dashboard/contacts/receipts").text
        assert "Wants to be deleted" in staff.get("/dashboard").text
        staff.post(f"/dashboard/contacts/{anna}/deletion/stop")
    assert count(site, ZoneDeletion) == [0]
    with site.session() as session:
        assert "stays as it is" in session.scalars(select(Message.text).order_by(Message.id.desc())).first()  # type: ignore[operator]

    # A plugin that can't do its part: nobody is erased, staff see why, and it is tried again.
    client.post("/account/delete")
    be_due(site)
    with site.begin() as session:
        state.save_setting(session, "test.broken", "yes")
    erase_due(site.refreshed())
    assert contact(site, anna).name == "Anna Müller"
    with site.session() as session:
        wish = read_wish(session, anna)
    assert wish is not None
    assert wish.trouble == "sulky"
    with site.begin() as session:
        state.save_setting(session, "test.broken", "")
    erase_due(site.refreshed())
    assert client.get("/account/data", follow_redirects=False).status_code == 303
    with site.session() as session:
        assert session.get(Contact, anna) is None
        assert session.get(Contact, bert) is not None
        assert session.scalars(select(ErasureReceipt.contacts)).all() == [1]
    assert count(site, ZoneDeletion, ZoneSession) == [0, 0]


def test_k4_c9_a_wish_goes_with_a_merge_and_back(site: Site) -> None:
    kept, merged = add_contact(site), add_contact(site, "bert@example.org", "Bert")

    def wishes() -> list[int]:
        with site.session() as session:
            return list(session.scalars(select(ZoneDeletion.contact_id)))

    def merge(*, undone: bool) -> None:
        with site.begin() as session:
            if not undone:
                merge_contacts(session, site, kept, merged, SYSTEM)
            else:
                undo_merge(session, site, kept, merges_of(session, kept)[0][0].id, SYSTEM)

    with site.begin() as session:
        session.add(ZoneDeletion(contact_id=merged, due_at=now() + timedelta(days=1)))
    merge(undone=False)
    assert wishes() == [kept]
    merge(undone=True)
    assert wishes() == [merged]
    # Stopped while they were one: it does not come back, with a day that has passed.
    merge(undone=False)
    with site.begin() as session:
        session.execute(update(ZoneDeletion).values(due_at=now()))
        session.delete(session.get_one(ZoneDeletion, kept))
    merge(undone=True)
    assert wishes() == []


def test_k4_h4_a_section_that_fails_costs_its_card_alone(tmp_path: Path, database_url: str) -> None:
    def section(key: str, load: object) -> ZoneSection:
        template = "zone/parts.html" if key.endswith("nothing") else "nowhere.html"
        return ZoneSection(key=key, label=key, href=f"/account/{key[4:]}", template=template, load=load)  # type: ignore[arg-type]

    def fail(session: Session, contact_id: int) -> object:
        raise RuntimeError("secret of the plugin")

    plugin = plugin_module(
        "odd",
        zone_sections=lambda: [
            section("odd.a", fail),
            section("odd.b", lambda session, contact_id: {"x": 1}),
            section("odd.nothing", lambda session, contact_id: None),
        ],
    )
    site = make_site(tmp_path, plugin, database_url=database_url, language="en")
    anna = add_contact(site)
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        enter(site, client, anna)
        answer = client.get("/account")
        assert answer.status_code == 200
        assert answer.text.count("This can’t be shown at the moment") == 2
        assert "secret of the plugin" not in answer.text
        with site.session() as session:
            assert {failure.place for failure in state.failures(session)} == {"odd.a", "odd.b"}
    site.close()
