"""Adding a contact by hand (FEATURES L9)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import func, select

from core.contacts.adding import Added, add_contact
from core.contacts.details import origin_of
from core.contacts.models import Contact, ContactActivity
from core.contacts.tags import Tag
from core.site import Site
from core.values import SYSTEM, Details
from tests.core.contacts.list_support import LIST, add, everything, open_site, plugin_of, signed_in

NEW = f"{LIST}/new"


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Any:
    with open_site(tmp_path, fresh_database) as site:
        yield site


def only(site: Site) -> Contact:
    with site.session() as session:
        return session.scalars(select(Contact)).one()


def test_l9_the_email_is_enough(site: Site) -> None:
    with signed_in(site) as client:
        answer = client.post(NEW, data={"email": " Jörg@Müller.example "})

    contact = only(site)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{LIST}/{contact.id}"
    assert (contact.email, contact.email_key) == ("Jörg@Müller.example", "jörg@xn--mller-kva.example")
    assert (contact.stage, contact.name, contact.locked_at, contact.version) == ("lead", "", None, 1)


def test_l9_everything_at_once(site: Site) -> None:
    typed = {
        "email": "anna@example.org",
        "name": "Anna  Müller",
        "phone": "+49 30 1234",
        "street": "Lindenstraße 4",
        "postal_code": "10969",
        "city": "Berlin",
        "country": "DE",
        "language": "de",
        "tags": "VIP, Stammkundschaft, vip,, ",
    }
    with signed_in(site, language="de") as client:
        client.post(NEW, data=typed)
        page = client.get(f"{LIST}?q=lindenstra").text
        found = client.get(f"{LIST}?q=1234+berlin").text

    contact = only(site)
    assert (contact.name, contact.city, contact.country, contact.language) == (
        "Anna Müller",
        "Berlin",
        "DE",
        "de",
    )
    origin = origin_of(contact, "address")
    assert origin is not None
    assert (origin.kind, origin.name) == ("contact.added", "Owner")
    assert "Anna Müller" in found
    assert "Nichts gefunden" in page
    with site.session() as session:
        assert set(session.scalars(select(Tag.name))) == {"VIP", "Stammkundschaft"}
        entry = session.scalars(select(ContactActivity)).one()
    assert (entry.kind, entry.actor_kind, entry.actor_name) == ("contact.added", "staff", "Owner")


def test_c6_adding_by_hand_does_not_lock(site: Site) -> None:
    from core.contacts.capture import capture_contact
    from core.values import Activity, Capture

    with signed_in(site) as client:
        client.post(NEW, data={"email": "anna@example.org", "name": "Anna"})
    with site.begin() as session:
        capture_contact(
            session,
            site,
            Capture(
                email="ANNA@example.org",
                module="sample_plugin",
                activity=Activity(kind="sample_plugin.given"),
                details=Details(name="Anna Müller"),
            ),
        )
    assert only(site).name == "Anna Müller"


@pytest.mark.parametrize("email", ["anna@example.org", " ANNA@Example.org ", "old@example.org"])
def test_l9_a_known_address_offers_its_contact_and_changes_nothing(site: Site, email: str) -> None:
    anna = add(site, "anna@example.org", name="Anna <i>")
    add(site, "old@example.org", merged_into=anna)
    before = everything(site)
    with signed_in(site) as client:
        answer = client.post(NEW, data={"email": email, "name": "Else", "tags": "VIP"})

    assert answer.status_code == 200
    assert f'href="{LIST}/{anna}"' in answer.text
    assert "Anna &lt;i&gt; is a contact already" in answer.text
    assert 'value="Else"' in answer.text
    assert "inactive" not in answer.text
    assert everything(site) == before
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(ContactActivity)) == 0
        assert session.scalar(select(func.count()).select_from(Tag)) == 0


def test_l9_a_known_inactive_contact_is_said_to_be_inactive(site: Site) -> None:
    add(site, "anna@example.org", inactive=True)
    before = everything(site)
    with signed_in(site) as client:
        answer = client.post(NEW, data={"email": "anna@example.org"})

    assert "The contact is inactive at the moment" in answer.text
    assert everything(site) == before


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ({"email": ""}, "Enter an e-mail address."),
        ({"email": "anna"}, "has an @ in it"),
        ({"email": "a@b@c"}, "This is not an e-mail address"),
        ({"email": "a@example.org\r\nBcc: eve@example.org"}, "This is not an e-mail address"),
        ({"email": "a@example.org", "country": "XX"}, "Choose a country"),
        ({"email": "a@example.org", "language": "tlh"}, "Choose a language"),
        ({"email": "a@example.org", "name": "x" * 201}, "This is too long"),
        ({"email": "a@example.org", "tags": "x" * 61}, "A tag has 60 characters at most."),
    ],
)
def test_l9_mistakes_stand_beside_the_field_and_nothing_typed_is_lost(
    site: Site, typed: dict[str, str], text: str
) -> None:
    with signed_in(site) as client:
        answer = client.post(NEW, data={"phone": "+49 30 1", **typed})

    assert answer.status_code == 422
    assert text in answer.text
    assert 'value="+49 30 1"' in answer.text
    assert everything(site) == []


def test_t_z4_extra_fields_are_ignored(site: Site) -> None:
    extra = {"id": "77", "stage": "customer", "locked_at": "1", "version": "9", "merged_into_id": "1"}
    with signed_in(site) as client:
        client.post(NEW, data={"email": "a@example.org", **extra})

    contact = only(site)
    assert contact.id != 77
    assert (contact.stage, contact.locked_at, contact.version, contact.merged_into_id) == (
        "lead",
        None,
        1,
        None,
    )


def test_t_x1_another_sites_page_adds_nothing(site: Site) -> None:
    with signed_in(site) as client:
        answer = client.post(NEW, data={"email": "a@example.org"}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert everything(site) == []


def test_plugins_are_told_once(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    told: list[int] = []

    def contact_created(contact_id: int) -> None:
        told.append(contact_id)

    with open_site(tmp_path, fresh_database, plugin_of("ear", contact_created=contact_created)) as site:
        with signed_in(site) as client:
            client.post(NEW, data={"email": "a@example.org"})
            client.post(NEW, data={"email": "A@example.org"})
        assert told == [only(site).id]


def test_t_f2_the_same_address_added_at_once_is_one_contact(site: Site) -> None:
    barrier = Barrier(8)
    results: list[Added] = []

    def work(number: int) -> None:
        barrier.wait()
        with site.begin() as session:
            results.append(
                add_contact(
                    session,
                    site,
                    email=f"Anna{'' if number % 2 else ' '}@example.org".replace(" ", ""),
                    details=Details(name=f"Anna {number}"),
                    actor=SYSTEM,
                    tags=["VIP"],
                )
            )

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [added.created for added in results].count(True) == 1
    assert {added.contact_id for added in results} == {only(site).id}


def test_t_f2_control_without_the_unique_key_there_would_be_several(site: Site) -> None:
    """Looking first and inserting then, as if nothing were unique: the same race makes several contacts."""
    from sqlalchemy import text

    columns = [column.name for column in Contact.__table__.c]
    add(site, "a@example.org")
    with site.begin() as session:
        session.execute(text("CREATE TABLE template AS SELECT * FROM contacts"))
        session.execute(text("DELETE FROM contacts"))
        if site.database.is_sqlite:
            # SQLite can't drop a table's own constraint: a copy without it is enough for the race.
            session.execute(text("CREATE TABLE loose AS SELECT * FROM contacts"))
            name = "loose"
        else:
            session.execute(text("ALTER TABLE contacts DROP CONSTRAINT uq_contacts_email_key"))
            name = "contacts"
    barrier = Barrier(4)

    def work() -> None:
        with site.session() as session:
            known = session.execute(text(f"SELECT id FROM {name} WHERE email_key = 'a@example.org'")).first()
        barrier.wait()
        if known is None:
            with site.begin() as session:
                copied = ", ".join(column for column in columns if column != "id")
                session.execute(text(f"INSERT INTO {name} ({copied}) SELECT {copied} FROM template"))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with site.session() as session:
        assert (session.scalar(text(f"SELECT count(*) FROM {name}")) or 0) > 1


def test_l9_the_form_suggests_tags_and_opens_in_german(site: Site) -> None:
    add(site, tags=("Stammkundschaft",))
    with signed_in(site, language="de") as client:
        page = client.get(NEW).text

    assert '<option value="Stammkundschaft">' in page
    for text in ("Kontakt hinzufügen", "Telefonnummer", "Straße und Hausnummer", "Deutschland"):
        assert text in page
