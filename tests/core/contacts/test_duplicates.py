"""Likely duplicates: what contacts have in common, paged by the keys' indexes, and said to be none (FEATURES C9)."""

from __future__ import annotations

import pytest
from litestar.testing import TestClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.contacts.editing import edit_contact
from core.contacts.likeness import MIN_DIGITS, keys_of, meant_domain, name_key, one_keystroke, phone_key, twin_key
from core.contacts.merging.duplicates import TOO_MANY, duplicates_of, find_duplicates, say_distinct
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Contact
from core.site import Site
from core.testing import count_queries
from core.values import Details
from core.web.application import Application
from tests.core.contacts.profile_support import KARLA, NOON, capture, contact_of, sale


def person(site: Site, email: str, **details: str) -> int:
    return capture(site, sale(email, details=Details(**details))).contact_id


def reasons(site: Site) -> dict[tuple[int, int], tuple[str, ...]]:
    with site.session() as session:
        return {(one.first.id, one.second.id): one.reasons for one in find_duplicates(session).pairs}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("030 123456", "+49 30 123456", True),
        ("030/123456", "0049 (0)30 123456", True),
        ("+39 06 1234567", "06 1234567", True),
        ("0171 5551234", "0172 5551234", False),
        ("030 123456", "030 1234567", False),
        ("12345", "12345", False),
        ("000000000", "000000000", False),
        ("", "", False),
    ],
)
def test_the_same_number_in_two_spellings_has_one_key(one: str, other: str, same: bool) -> None:
    assert (phone_key(one) == phone_key(other) != "") == same
    assert len("12345") < MIN_DIGITS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("anna@gmail.com", "a.n.n.a@googlemail.com", True),
        ("anna@gmial.com", "anna@gmail.com", True),
        ("anna+shop@example.org", "anna@example.org", True),
        ("anna@gmx.ed", "anna@gmx.de", True),
        ("a.nna@example.org", "anna@example.org", False),
        ("anna@gmx.de", "anna@gmx.net", False),
        ("anna@web.de", "anne@web.de", False),
    ],
)
def test_the_same_mailbox_in_two_spellings_has_one_key(one: str, other: str, same: bool) -> None:
    assert (twin_key(one) == twin_key(other)) == same


def test_names_and_keystrokes() -> None:
    assert name_key("Dr. Anna Müller") == name_key("MUELLER, Anna") != ""
    assert name_key("Anna") == ""
    assert [one_keystroke("gmail", other) for other in ("gmail", "gmial", "gmai", "gmaill", "gnail", "gnial")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip
    assert meant_domain("example.org") == "example.org"


def test_the_keys_are_written_wherever_details_are(counter_site: Site) -> None:
    captured = person(counter_site, "anna+x@gmail.com", name="Anna Müller", phone="030 123456", city="Köln")
    with counter_site.begin() as session:
        session.execute(
            insert(Contact).values(
                email="b@c.de", email_key="b@c.de", name="Bo Bär", phone="0221 77777", joined_at=NOON
            )
        )
        contact = session.get_one(Contact, captured)
        edit_contact(session, counter_site, captured, Details(name="Anna Kurz"), contact.version, KARLA)

    with counter_site.session() as session:
        for contact in session.scalars(select(Contact)):
            row = {name: getattr(contact, name) for name in [column.name for column in Contact.__table__.columns]}
            expected = keys_of(row)
            assert {name: row[name] for name in expected} == expected
            assert contact.name_key != ""
    assert contact_of(counter_site, captured).phone_key == ""


def test_c9_likely_duplicates_are_found_with_their_reasons(counter_site: Site) -> None:
    anna = person(counter_site, "anna@gmail.com", name="Anna Müller", phone="030 123456", city="Köln", country="DE")
    dotted = person(counter_site, "an.na@gmail.com")
    phone = person(counter_site, "x@example.org", name="Someone", phone="+49 30 123456")
    named = person(counter_site, "y@example.org", name="Mueller Anna", city="KÖLN", postal_code="50667")
    person(counter_site, "z@example.org", name="Anna Müller", city="Bonn")
    person(counter_site, "w@example.org", name="Someone Else", phone="+43 30 123456")

    found = reasons(counter_site)

    assert found == {
        (anna, dotted): ("twin",),
        (anna, phone): ("phone",),
        (anna, named): ("name_city",),
        # Written without a country code, the number may be either.
        (anna, max(pair[1] for pair in found)): ("phone",),
    }
    with counter_site.session() as session:
        assert [one.second.id for one in duplicates_of(session, session.get_one(Contact, anna))][:2] == [dotted, phone]
        assert [one.first.id for one in duplicates_of(session, session.get_one(Contact, dotted))] == [anna]


def test_c9_what_many_have_in_common_says_nothing(counter_site: Site) -> None:
    for number in range(TOO_MANY + 1):
        person(counter_site, f"p{number}@example.org", phone="030 5550000")

    assert reasons(counter_site) == {}


def test_c9_merged_and_distinct_contacts_are_not_offered(counter_site: Site, staff: TestClient[Application]) -> None:
    one, two, three = (person(counter_site, f"{name}@example.org", phone="030 123456") for name in ("a", "b", "c"))
    assert len(reasons(counter_site)) == 3

    page = staff.post("/dashboard/contacts/duplicates/dismiss", data={"ids": f"{two},{one}"})
    assert "no longer offered" in page.text
    assert set(reasons(counter_site)) == {(one, three), (two, three)}
    with counter_site.begin() as session:
        merge_contacts(session, counter_site, three, two, KARLA)
    # Who is not the merged contact is not the kept one either.
    assert reasons(counter_site) == {}
    staff.post(f"/dashboard/contacts/duplicates/restore?ids={one},{three}")
    assert set(reasons(counter_site)) == {(one, three)}
    assert staff.post("/dashboard/contacts/duplicates/dismiss", data={"ids": f"{one},{two}"}).status_code == 404


def test_c9_all_pages_together_have_every_pair_once(counter_site: Site, staff: TestClient[Application]) -> None:
    with counter_site.begin() as session:
        _many(session, 300)

    pairs, after, pages = list[tuple[int, int]](), "", 0
    with counter_site.session() as session:
        while True:
            found = find_duplicates(session, after)
            pairs += [(one.first.id, one.second.id) for one in found.pairs]
            pages += 1
            if found.after is None:
                break
            after = found.after

    assert pages > 3
    assert len(pairs) == len(set(pairs)) == 150
    assert staff.get("/dashboard/contacts/duplicates", params={"after": after}).status_code == 200
    for nonsense in ("x", "9", "1\n2\n3", "2\na", "0\na\nb"):
        assert staff.get("/dashboard/contacts/duplicates", params={"after": nonsense}).status_code == 200


def test_a_page_of_duplicates_asks_as_often_for_few_as_for_many(counter_site: Site) -> None:
    def asked() -> int:
        with count_queries(counter_site) as queries, counter_site.session() as session:
            find_duplicates(session)
        return len(queries)

    with counter_site.begin() as session:
        _many(session, 60)
    few = asked()
    with counter_site.begin() as session:
        _many(session, 600, start=60)
    assert asked() <= few


def _many(session: Session, number: int, start: int = 0) -> None:
    """Contacts of which each two have a phone number in common."""
    session.execute(
        insert(Contact),
        [
            {
                "email": f"m{i}@x.org",
                "email_key": f"m{i}@x.org",
                "phone": f"030 {1_000_000 + i // 2}",
                "joined_at": NOON,
            }
            for i in range(start, start + number)
        ],
    )


def test_c9_the_hint_stands_on_the_profile_of_both(counter_site: Site, staff: TestClient[Application]) -> None:
    pair = [person(counter_site, f"{name}@example.org", phone="030 123456") for name in ("a", "b")]

    for contact_id in pair:
        page = staff.get(f"/dashboard/contacts/{contact_id}").text
        assert "This may be the same person" in page
        assert "Same phone number" in page
    with counter_site.begin() as session:
        say_distinct(session, pair[1], pair[0], KARLA)
    assert "This may be the same person" not in staff.get(f"/dashboard/contacts/{pair[0]}").text


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_c9_groups_are_read_out_of_the_indexes_alone(counter_site: Site) -> None:
    with count_queries(counter_site) as queries, counter_site.session() as session:
        find_duplicates(session)

    with counter_site.database.engine.connect() as connection:
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (2, 12, 40, 0)).all())
            for statement in queries.statements
        ]
    assert len(plans) == 3
    for plan, index in zip(plans, ("twin_key", "phone_key", "name_place"), strict=True):
        assert f"USING COVERING INDEX ix_contacts_{index}" in plan
        assert "TEMP B-TREE" not in plan
