"""Erasing a person from the profile, and for a set (FEATURES C8): what is asked, what goes, what stays, who may."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

import core.contacts.capture as capturing
from core import VISITOR, Kept
from core.contacts.files import file_path, storing
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Contact, ContactNote, StoredFile
from core.contacts.notes import add_note
from core.database import migrate
from core.privacy import bulk, remains
from core.privacy.erasing import erase, preview
from core.privacy.models import ErasedContact, ErasureReceipt
from core.privacy.receipts import read_receipt
from core.site import Site
from core.state import PluginFailure, PluginState
from core.testing import make_client, make_site, run_due_jobs, sign_in
from core.web.application import Application
from plugins.booking.models import BookingAppointment, BookingClaim
from plugins.consent.changing import Evidence, change_consent, state_of
from plugins.forms.models import Entry
from plugins.shop import persons
from plugins.shop.models import Order, OrderLine
from tests.core.contacts.profile_support import stored
from tests.core.privacy.people import ANNA, KARLA, capture, contacts, make_person
from tests.support.plugins import plugin_module

Client = TestClient[Application]


def plain(html: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# Asked first


def test_c8_the_page_before_says_what_is_lost_and_what_is_kept_by_whom_and_until_when(
    site: Site, staff: Client
) -> None:
    person = make_person(site)
    before = stored(site)
    with site.session() as session:
        year = session.scalars(select(Order.placed_at)).one().year

    page = plain(staff.get(f"/dashboard/contacts/{person.contact_id}/delete").text)

    assert "all details of Anna Müller" in page
    for line in (
        "Internal notes: 1",
        "Files and pictures: 1",
        "Messages: 2",
        "Form entries: 1",
        "Entries in quarantine: 1",
        "Names and addresses in orders: 1",
        "Open orders that can’t be delivered without them: 1",
        "Booked appointments, whose time is free again: 1",
        "Consents with their evidence: 2",
    ):
        assert line in page, line
    assert "Orders, without the person: 1 (Shop). Orders and invoices are booking records" in page
    assert f"Kept until 31/12/{year + 8}" in page
    assert "Entries of the list of those who get nothing: 1 (Consent)" in page
    assert stored(site) == before, "looking changes nothing"


def test_c8_a_page_that_is_only_looked_at_keeps_the_files(site: Site, staff: Client) -> None:
    person = make_person(site)

    staff.get(f"/dashboard/contacts/{person.contact_id}/delete")

    with site.session() as session:
        names = session.scalars(select(StoredFile.stored_name)).all()
    assert [file_path(site.settings.data_dir, name).is_file() for name in names] == [True]


# What goes and what stays


def test_c8_one_person_goes_and_the_other_stays_as_it_was(site: Site, staff: Client) -> None:
    anna = make_person(site)
    berta = make_person(site, "berta@example.org", "Anna Müller")

    answer = staff.post(f"/dashboard/contacts/{anna.contact_id}/delete")

    assert "The contact was deleted." in answer.text
    assert "/dashboard/contacts/receipts/1" in answer.text
    assert contacts(site) == [(berta.contact_id, "berta@example.org")]
    with site.session() as session:
        orders = session.scalars(select(Order).order_by(Order.id)).all()
        assert [(one.number, one.email, one.country, one.contact_id) for one in orders] == [
            (anna.order, "", "DE", None),
            (berta.order, "berta@example.org", "DE", berta.contact_id),
        ]
        assert len(session.scalars(select(OrderLine)).all()) == 2
        assert [one.contact_id for one in session.scalars(select(BookingAppointment))] == [berta.contact_id]
        assert len(set(session.scalars(select(BookingClaim.appointment_id)))) == 1
        assert [one.email for one in session.scalars(select(Entry))] == ["BERTA@EXAMPLE.ORG"] * 2
        assert [one.text for one in session.scalars(select(ContactNote))] == ["Note about berta"]
        names = session.scalars(select(StoredFile.stored_name)).all()
    on_disk = [path.name for path in (site.settings.data_dir / "files").rglob("*") if path.is_file()]
    assert on_disk == list(names)


def test_c8_the_receipt_names_numbers_and_nobody(site: Site, staff: Client) -> None:
    person = make_person(site)
    staff.post(f"/dashboard/contacts/{person.contact_id}/delete")

    page = staff.get("/dashboard/contacts/receipts/1")
    listed = staff.get("/dashboard/contacts/receipts")

    said = plain(page.text)
    assert person.order in said
    assert "Karla Lindner (account 1)" in said
    assert "§ 147 AO" in said
    assert "Keyed hash" in said or "keyed hash" in said
    for word in ("Anna", "anna@", "Müller", "Berlin", "030 "):
        assert word not in said.replace("Karla Lindner", "")
    assert "Receipt 1" in listed.text
    assert staff.get("/dashboard/contacts/receipts/2").status_code == 404


def test_c8_who_may_not_delete_changes_nothing(site: Site) -> None:
    person = make_person(site)
    with make_client(site) as client:
        sign_in(site, client, "assistant")
        before = stored(site)
        for method, path in (
            ("GET", f"/dashboard/contacts/{person.contact_id}/delete"),
            ("POST", f"/dashboard/contacts/{person.contact_id}/delete"),
            ("POST", f"/dashboard/contacts/{person.contact_id}/data"),
            ("GET", "/dashboard/contacts/receipts"),
        ):
            assert client.request(method, path).status_code == 403
        profile = client.get(f"/dashboard/contacts/{person.contact_id}").text

    assert stored(site) == before
    assert f"contacts/{person.contact_id}/delete" not in profile
    assert f"contacts/{person.contact_id}/data" not in profile


def test_c8_whoever_was_merged_goes_too_and_a_merged_one_alone_does_not(site: Site, staff: Client) -> None:
    person = make_person(site)
    old = capture(site, "old@example.org")
    with site.begin() as session:
        merge_contacts(session, site, person.contact_id, old, KARLA)

    assert staff.post(f"/dashboard/contacts/{old}/delete").status_code == 409
    assert str(staff.get(f"/dashboard/contacts/{old}/delete").url).endswith(f"/{person.contact_id}/delete")
    assert len(contacts(site)) == 2

    staff.post(f"/dashboard/contacts/{person.contact_id}/delete")

    assert contacts(site) == []
    with site.session() as session:
        assert set(session.scalars(select(ErasedContact.contact_id))) == {person.contact_id, old}


def test_c8_a_number_is_never_given_again(site: Site) -> None:
    first = capture(site)
    with site.begin() as session:
        erase(session, site, [first], KARLA)

    assert capture(site, "other@example.org") > first


def test_c8_a_set_is_erased_on_one_receipt_and_who_is_gone_is_left_out(site: Site) -> None:
    ids = [make_person(site, f"p{number}@example.org").contact_id for number in range(3)]
    stays = capture(site, "stays@example.org")

    with site.begin() as session:
        first = erase(session, site, [*ids[:2], 999_999], KARLA, occasion="job 7")
    with site.begin() as session:
        batch = select(Contact.id).where(Contact.id.in_(ids))
        assert bulk.erase_batch(session, site, batch, {"occasion": "job 7"}, KARLA) == 1
    with site.begin() as session:
        assert erase(session, site, ids, KARLA).id is None

    assert first.contacts == 2
    assert contacts(site) == [(stays, "stays@example.org")]
    with site.session() as session:
        receipt = read_receipt(session, first.id or 0)
    assert receipt.head.contacts == 3
    (orders,) = [one for one in receipt.entries if one.label == "Orders, without the person"]
    assert orders.number == len(orders.references) == 3


def test_c8_erasing_a_batch_asks_as_often_as_erasing_one(site: Site) -> None:
    from core.testing import count_queries

    numbers = []
    for many in (1, 20):
        ids = [capture(site, f"{many}-{number}@example.org") for number in range(many)]
        with site.begin() as session, count_queries(site) as queries:
            erase(session, site, ids, KARLA)
            numbers.append(len(queries))

    assert numbers[0] == numbers[1]


# A plugin that fails


def failing(site: Site, answer: Callable[..., Any]) -> Site:
    """The same site with one more plugin, whose part in erasing is `answer`."""
    extra = plugin_module("extra", erase_contacts=answer, export_contact=answer)
    found = [one for one in site.plugins.installed if one.key in ("shop", "booking", "forms", "consent")]
    settings = {"database_url": site.settings.database_url, "language": "en"}
    return make_site(site.settings.data_dir, *found, extra, **settings)  # type: ignore[arg-type]


def _raises(contact_ids: Any = None, contact_id: Any = None) -> Any:
    # Not as it stands in the source, which a traceback shows.
    raise ValueError(f"{ANNA} can't be erased")


@pytest.mark.parametrize(
    "answer", [_raises, lambda: ["nonsense"], lambda: Kept(label="One", number=1, reason="Not in a list")]
)
def test_c8_a_plugin_that_fails_is_named_and_nothing_is_erased(
    site: Site, answer: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    person = make_person(site)
    other = failing(site, answer)
    try:
        with make_client(other) as client:
            sign_in(other, client, "owner")
            client.headers["accept-language"] = "en"
            before = {name: rows for name, rows in stored(other).items() if name != "plugin_failures"}
            asked = client.get(f"/dashboard/contacts/{person.contact_id}/delete")
            done = client.post(f"/dashboard/contacts/{person.contact_id}/delete")
            data = client.post(f"/dashboard/contacts/{person.contact_id}/data")
            after = {name: rows for name, rows in stored(other).items() if name != "plugin_failures"}
    finally:
        other.close()

    for page in (asked, done):
        assert page.status_code == 409
        assert "the plugin “extra” could not do its part" in page.text
        assert "Delete for good" not in page.text
    assert "the plugin “extra” could not hand out its data" in data.text
    assert after == before
    assert "anna@" not in caplog.text, "a log never carries the person"
    with site.session() as session:
        failures = session.scalars(select(PluginFailure)).all()
        assert {one.plugin for one in failures} == {"extra"}
        assert not [one for one in failures if "anna@" in one.message]


def test_c8_a_plugin_that_is_gone_is_named_with_what_it_holds(site: Site, staff: Client) -> None:
    person = make_person(site)
    found = [one for one in site.plugins.installed if one.key in ("booking", "forms", "consent")]
    other = make_site(site.settings.data_dir, *found, database_url=site.settings.database_url, language="en")
    try:
        with other.session() as session:
            assert session.get(PluginState, "shop") is not None
        lines = preview(other, person.contact_id)
    finally:
        other.close()

    assert [(line.plugin, line.value.number) for line in lines if line.kind == "missing"] == [("shop", 1)]


# Files, when the process dies in between


def test_c8_bytes_that_a_crash_left_behind_are_swept_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person(site)
    with monkeypatch.context() as crash:
        crash.setattr(remains, "clear", lambda *_arguments: None)
        with site.begin() as session:
            erase(session, site, [person.contact_id], KARLA)
    (left,) = [path for path in (site.settings.data_dir / "files").rglob("*") if path.is_file()]
    kept = make_person(site, "berta@example.org")

    # An upload under way is written before its row: what is young stays, and so does the receipt's open end.
    remains.clear_again(site)
    assert left.is_file()
    old = time.time() - 2 * remains.UPLOADING.total_seconds()
    for path in (site.settings.data_dir / "files").rglob("*"):
        os.utime(path, (old, old))
    run_due_jobs(site)

    assert not left.exists()
    with site.session() as session:
        (name,) = session.scalars(select(StoredFile.stored_name).where(StoredFile.contact_id == kept.contact_id))
        assert file_path(site.settings.data_dir, name).is_file()
        assert session.scalars(select(ErasureReceipt.cleared_at)).one() is not None


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_c8_a_reader_only_delays_the_clearing(site: Site) -> None:
    person = make_person(site)
    with site.session() as reader:
        reader.scalars(select(Contact.id)).all()
        with site.begin() as session:
            erase(session, site, [person.contact_id], KARLA)
        with site.session() as session:
            assert session.scalars(select(ErasureReceipt.cleared_at)).one() is None

    remains.clear_again(site)

    with site.session() as session:
        assert session.scalars(select(ErasureReceipt.cleared_at)).one() is not None


def test_c8_an_erasing_that_is_given_up_keeps_the_files(site: Site) -> None:
    person = make_person(site)
    with site.database.writing.connect() as connection, Session(connection) as session:
        erase(session, site, [person.contact_id], KARLA)
        session.rollback()
    with site.begin() as session:
        savepoint = session.begin_nested()
        erase(session, site, [person.contact_id], KARLA)
        savepoint.rollback()

    with site.session() as session:
        (name,) = session.scalars(select(StoredFile.stored_name))
    assert file_path(site.settings.data_dir, name).is_file()
    assert len(contacts(site)) == 1


# Whoever comes in the same moment


def test_c8_an_order_in_the_same_moment_makes_a_new_contact(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person(site)

    new, number = erase_while_captured(site, person.contact_id, monkeypatch)

    assert new != person.contact_id
    assert contacts(site) == [(new, ANNA)]
    assert number == 1


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_c8_control_an_order_that_looks_once_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_person(site)
    held = capturing.hold_address

    def once(session: Session, key: str) -> Contact:
        found = held(session, key)
        assert found is not None, "it was erased while we waited"
        return found

    monkeypatch.setattr(capturing, "hold_address", once)
    with pytest.raises(AssertionError, match="erased while we waited"):
        erase_while_captured(site, person.contact_id, monkeypatch)


def erase_while_captured(site: Site, contact_id: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Erase a contact while an order with its address waits for it; answers the order's contact, and how many went.

    The order comes when the contact is held and not yet gone.
    """
    holding, go_on = Event(), Event()
    part = persons.erase

    def slowly(*arguments: Any) -> Any:
        holding.set()
        go_on.wait(timeout=30)
        return part(*arguments)

    def erase_it() -> int:
        with site.begin() as session:
            return erase(session, site, [contact_id], KARLA).contacts

    def order() -> int:
        holding.wait(timeout=30)
        # Let go a little after this one has begun to wait: for the contact's row, on SQLite for the write lock.
        Timer(0.5, go_on.set).start()
        return capture(site)

    monkeypatch.setattr(persons, "erase", slowly)
    with ThreadPoolExecutor(2) as pool:
        gone, made = pool.submit(erase_it), pool.submit(order)
        try:
            return made.result(timeout=60), gone.result(timeout=60)
        finally:
            go_on.set()


# Who must not be written to


def test_t_c6_whoever_unsubscribed_is_still_unsubscribed_after_erasing_and_coming_again(
    site: Site, staff: Client
) -> None:
    person = make_person(site)
    staff.post(f"/dashboard/contacts/{person.contact_id}/delete")

    again = capture(site, " ANNA@example.org ")

    with site.begin() as session:
        assert state_of(session, again, "marketing") == "unsubscribed"
        evidence = Evidence(way="import", actor=KARLA, occurred_at=datetime.now(UTC), basis="A list")
        with pytest.raises(Exception, match="unsubscribed"):
            change_consent(session, contact_id=again, purpose="marketing", to="subscribed", evidence=evidence)
    with site.session() as session:
        assert state_of(session, again, "marketing") == "unsubscribed"


def test_t_c6_it_holds_when_the_plugin_was_off_in_between(site: Site, staff: Client) -> None:
    person = make_person(site)
    off = site.switch("consent", on=False)
    with off.begin() as session:
        erase(session, off, [person.contact_id], KARLA)
    again = capture(off)
    on = off.switch("consent", on=True)

    with on.begin() as session:
        assert state_of(session, again, "marketing") == ""
        evidence = Evidence(way="staff", actor=KARLA, occurred_at=datetime.now(UTC), basis="On paper")
        with pytest.raises(Exception, match="unsubscribed"):
            change_consent(session, contact_id=again, purpose="marketing", to="subscribed", evidence=evidence)


def test_t_c6_whoever_subscribes_again_and_is_erased_is_on_no_list(site: Site, staff: Client) -> None:
    person = make_person(site)
    staff.post(f"/dashboard/contacts/{person.contact_id}/delete")
    again = capture(site)
    with site.begin() as session:
        for to, way in (("pending", "form"), ("subscribed", "confirm_link")):
            evidence = Evidence(way=way, actor=VISITOR, occurred_at=datetime.now(UTC))  # type: ignore[arg-type]
            assert change_consent(session, contact_id=again, purpose="marketing", to=to, evidence=evidence)
    with site.begin() as session:
        erase(session, site, [again], KARLA)

    once_more = capture(site)

    with site.session() as session:
        assert state_of(session, once_more, "marketing") == ""


# The tables


def test_the_migration_keeps_what_refers_to_contacts_both_ways(tmp_path: Path, empty_database_url: str) -> None:
    site = make_site(tmp_path / "data", database_url=empty_database_url)
    try:
        with storing(site.settings.data_dir) as store:
            saved = store.save("a.txt", io.BytesIO(b"a"))
            with site.begin() as session:
                session.add(Contact(email=ANNA, email_key=ANNA, joined_at=datetime.now(UTC), origins={}))
                session.flush()
                contact_id = session.scalars(select(Contact.id)).one()
                add_note(session, contact_id, "Note", [saved], KARLA)
        before = stored(site)
        (revision,) = [path.name[:4] for path in migrate.CORE.folder.iterdir() if path.name.endswith("_erase.py")]
        migrate.downgrade(site.database, migrate.CORE, f"{int(revision) - 1:04}")
        migrate.upgrade(site.database, [migrate.CORE])
        after = stored(site)
    finally:
        site.close()

    assert {name: rows for name, rows in after.items() if name.startswith("contact") or name == "files"} == {
        name: rows for name, rows in before.items() if name.startswith("contact") or name == "files"
    }
