"""Fields that staff add, and fields of plugins: stored exactly, found, sorted, edited (FEATURES C14; THREATS T-F1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict
from litestar.testing import TestClient
from sqlalchemy import func, select, update

from core import Actor, ContactField, Details, FieldValue, InvalidInput, Site
from core.contacts.adding import add_contact
from core.contacts.custom_fields.administration import add_field, change_field, move_choice, remove_choice, remove_field
from core.contacts.custom_fields.definitions import key_of, read_definitions
from core.contacts.custom_fields.models import CustomField, CustomFieldValue
from core.contacts.directory import find_contacts
from core.contacts.field_texts import field_in_words, read_typed, typed
from core.contacts.fields import read_fields, write_fields
from core.contacts.matching import contacts_of
from core.contacts.models import Contact, ContactActivity
from core.contacts.views import View
from core.errors import Conflict
from core.testing import make_client, make_site, run_queued_jobs, sign_in
from core.web.application import Application
from tests.sample_plugin import plugin as sample
from tests.support.plugins import plugin_module

Client = TestClient[Application]
KARLA = Actor(kind="staff", id=7, name="Karla Lindner")


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = make_site(tmp_path, database_url=database_url, language="en")
    yield site
    site.close()


def add(site: Site, kind: Any, label: str, *choices: str, **more: Any) -> tuple[Site, str]:
    """The site with one more field, and the field's key."""
    with site.begin() as session:
        field_id = add_field(session, kind=kind, label=label, choices=choices, **more)
    return site.refreshed(), key_of(field_id)


def contact(site: Site, name: str, **values: FieldValue | None) -> int:
    with site.begin() as session:
        made = add_contact(
            session, site, email=f"{name}@example.org", details=Details(name=name), actor=KARLA
        ).contact_id
        if values:
            write_fields(session, site, made, values, KARLA)
    return made


def write(site: Site, contact_id: int, **values: FieldValue | None) -> frozenset[str]:
    with site.begin() as session:
        return write_fields(session, site, contact_id, values, KARLA)


def read(site: Site, contact_id: int) -> dict[str, FieldValue]:
    with site.session() as session:
        return read_fields(session, site, [contact_id])[contact_id]


def listed(site: Site, client: Client, address: str) -> list[str]:
    """The names of the contacts that the list shows, in its order."""
    page = client.get(address)
    assert page.status_code == 200, page.text
    return re.findall(r"data-row-link>([^<]+)<", page.text)


def found(site: Site, search: str) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(contacts_of(site, View(search=search)).subquery())) or 0


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with make_client(site) as client:
        sign_in(site, client)
        client.headers["accept-language"] = "en"
        yield client


# Values


VALUES: dict[str, list[FieldValue]] = {
    "text": ["Bello", "Ä" * 400],
    "number": [Decimal("-0.000001"), Decimal("999999999999.999999"), Decimal("37.5"), Decimal(0)],
    "date": [date(1000, 1, 1), date(9999, 12, 31)],
    "yesno": [True, False],
}


def test_c14_values_come_back_exactly_and_are_logged_in_words(site: Site) -> None:
    for kind, values in VALUES.items():
        site, key = add(site, kind, f"Field {kind}")
        for place, value in enumerate(values):
            contact_id = contact(site, f"{kind}{place}", **{key: value})
            assert read(site, contact_id) == {key: value}
            assert type(read(site, contact_id)[key]) is type(value)
    site, key = add(site, "choice", "Bread", "Rye", "Spelt")
    rye, spelt = (choice.value for choice in site.contributions.contact_fields[key].choices)
    contact_id = contact(site, "anna", **{key: rye})
    assert write(site, contact_id, **{key: rye}) == frozenset()
    assert write(site, contact_id, **{key: spelt}) == {key}
    assert write(site, contact_id, **{key: None}) == {key}
    assert read(site, contact_id) == {}
    with site.session() as session:
        entries = session.scalars(
            select(ContactActivity)
            .where(ContactActivity.contact_id == contact_id, ContactActivity.kind == "contact.fields_edited")
            .order_by(ContactActivity.id)
        ).all()
        number = key.rpartition("_")[2]
        changes = [(one.data[f"before_{number}"], one.data[f"after_{number}"]) for one in entries]
    assert changes == [("", "Rye"), ("Rye", "Spelt"), ("Spelt", "")]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "x" * 401),
        ("text", 7),
        ("number", Decimal("1e12")),
        ("number", Decimal("0.0000001")),
        ("number", Decimal("NaN")),
        ("number", True),
        ("number", "7"),
        ("date", "2026-11-21"),
        ("yesno", "yes"),
        ("choice", "999"),
        ("choice", "x"),
    ],
)
def test_c14_a_value_that_does_not_fit_is_refused_and_nothing_is_written(site: Site, kind: str, value: Any) -> None:
    site, key = add(site, kind, "Field", *(["Rye"] if kind == "choice" else []))
    contact_id = contact(site, "anna")

    with pytest.raises(InvalidInput) as refused:
        write(site, contact_id, **{key: value})

    assert refused.value.field == key
    assert read(site, contact_id) == {}


TYPED = [
    ("number", "de", "1.234,5", Decimal("1234.5")),
    ("number", "de", "12.5", Decimal("12.5")),
    ("number", "de", "1.234", Decimal("1234")),
    ("number", "en", "1,234.5", Decimal("1234.5")),
    ("number", "en", "12,5", Decimal("12.5")),
    ("number", "de", " −3 ", Decimal(-3)),
    ("date", "de", "21.11.2026", date(2026, 11, 21)),
    ("date", "en", "21/11/2026", date(2026, 11, 21)),
    ("date", "de", "2026-11-21", date(2026, 11, 21)),
    ("text", "de", "  Bello   II ", "Bello II"),
    ("yesno", "de", "no", False),
    ("date", "de", "  ", None),
]


@pytest.mark.parametrize(("kind", "language", "text", "value"), TYPED)
def test_c14_what_people_type_is_understood_and_shown_again(
    tmp_path: Path, kind: Any, language: str, text: str, value: FieldValue | None
) -> None:
    spoken = make_site(tmp_path).language(language)
    field = ContactField(key="a.b", label="A", kind=kind, write=lambda *values: None)

    assert read_typed(field, text, spoken) == value
    assert read_typed(field, typed(field, value, spoken), spoken) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("number", text) for text in ("1.2.3", "seven", "1e9", "1" * 99, "٣")),
        *(("date", text) for text in ("31.2.2026", "26-11-21", "1.1.26", "0999-01-01")),
        ("yesno", "maybe"),
    ],
)
def test_c14_what_is_no_value_is_refused_beside_its_field(tmp_path: Path, kind: Any, text: str) -> None:
    field = ContactField(key="a.b", label="A", kind=kind, write=lambda *values: None)

    with pytest.raises(InvalidInput) as refused:
        read_typed(field, text, make_site(tmp_path).language("de"))

    assert refused.value.field == "a.b"


def test_c14_a_number_is_shown_with_all_its_digits(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    assert field_in_words(site.language("de"), "number", "1234.000001") == "1.234,000001"
    assert field_in_words(site.language("en"), "number", "7") == "7"


# The list


def test_c14_l3_a_column_sorts_both_ways_with_empty_values_last_page_after_page(site: Site, client: Client) -> None:
    site, size = add(site, "number", "Size")
    site, bread = add(site, "choice", "Bread", "Rye", "Barley")
    site, regular = add(site, "yesno", "Regular")
    rye, barley = (choice.value for choice in site.contributions.contact_fields[bread].choices)
    contact(site, "small", **{size: Decimal("-1.5"), bread: barley, regular: True})
    contact(site, "none")
    contact(site, "large", **{size: Decimal("1000.000001"), bread: rye})
    contact(site, "middle", **{size: Decimal("9.5"), bread: barley})

    def paged(key: str, *, descending: bool) -> list[str]:
        view, after, names = View(sort=key, descending=descending), "", []
        while True:
            page, _ = find_contacts(site, view, [site.contributions.contact_columns[key]], after=after, size=1)
            names += [row["name"] for row in page.rows]
            if page.next is None:
                return names
            after = page.next

    assert paged(size, descending=False) == ["small", "middle", "large", "none"]
    assert paged(size, descending=True) == ["large", "middle", "small", "none"]
    # In the order of the choices, and not of their names.
    assert paged(bread, descending=False)[0] == "large"
    assert paged(regular, descending=True)[0] == "small"
    page = client.get(f"/dashboard/contacts?sort={size}").text
    for cell in ("1,000.000001", "Barley", '<span class="badge">Yes</span>'):
        assert f">{cell}</td>" in page


def test_c14_l4_each_kind_can_be_filtered(site: Site, client: Client) -> None:
    site, dog = add(site, "text", "Dog")
    site, size = add(site, "number", "Size")
    site, birthday = add(site, "date", "Birthday")
    site, bread = add(site, "choice", "Bread", "Rye", "Spelt")
    site, regular = add(site, "yesno", "Regular")
    rye = site.contributions.contact_fields[bread].choices[0].value
    contact(
        site,
        "anna",
        **{dog: "Ümit", size: Decimal("37.5"), birthday: date(1990, 2, 28), bread: rye, regular: True},
    )
    contact(site, "bert", **{dog: "Rex", size: Decimal(44), birthday: date(1990, 3, 1), regular: False})
    contact(site, "cora")

    def names(key: str, *values: str) -> list[str]:
        with site.session() as session:
            chosen = contacts_of(site, View(filters=((key, values),)))
            return list(session.scalars(select(Contact.name).where(Contact.id.in_(chosen)).order_by(Contact.name)))

    assert names(dog, "has:üM") == ["anna"]
    assert names(size, "37.5..40") == ["anna"]
    assert names(size, "999999999999999..") == []
    assert names(birthday, "1990-02-01..1990-02-28") == ["anna"]
    assert names(bread, rye) == ["anna"]
    assert names(bread, "none") == ["bert", "cora"]
    assert names(regular, "no") == ["bert"]
    assert names(regular, "yes", "none") == ["anna", "cora"]
    assert names(size, "none:") == ["cora"]
    with pytest.raises(InvalidInput):
        names(bread, "999")
    assert listed(site, client, f"/dashboard/contacts?{bread}={rye}") == ["anna"]


def test_c14_l5_search_finds_texts_choices_numbers_and_dates_as_they_are_now(site: Site) -> None:
    site, dog = add(site, "text", "Dog")
    site, bread = add(site, "choice", "Bread", "Rye", "Spelt")
    site, born = add(site, "date", "Born")
    rye, spelt = (choice.value for choice in site.contributions.contact_fields[bread].choices)
    contact_id = contact(site, "anna", **{dog: "Bello", bread: rye, born: date(1990, 2, 28)})
    contact(site, "bert", **{bread: spelt})
    assert [found(site, text) for text in ("bello", "rye", "28.02.1990", "anna bello")] == [1, 1, 1, 1]

    write(site, contact_id, **{dog: "Rex"})
    assert (found(site, "bello"), found(site, "rex")) == (0, 1)

    with site.begin() as session:
        change_field(
            session,
            site,
            int(bread.rpartition("_")[2]),
            label="Loaf",
            hint="",
            in_list=True,
            choices={int(rye): "Wheat"},
            more_choices=["Oat"],
            actor=KARLA,
        )
    run_queued_jobs(site)
    assert (found(site, "rye"), found(site, "wheat")) == (0, 1)


# Administration


def test_c14_removing_a_choice_and_a_field_takes_their_values_out_of_everything(site: Site, client: Client) -> None:
    site, bread = add(site, "choice", "Bread", "Rye", "Spelt")
    rye, spelt = (int(choice.value) for choice in site.contributions.contact_fields[bread].choices)
    field_id = int(bread.rpartition("_")[2])
    anna = contact(site, "anna", **{bread: str(rye)})
    bert = contact(site, "bert", **{bread: str(spelt)})
    page = client.get(f"/dashboard/contacts/fields/{field_id}/choices/{rye}/delete").text
    assert "1 contact has it, and has no value then" in page

    with site.begin() as session:
        remove_choice(session, site, field_id, rye, KARLA)
    assert read(site.refreshed(), anna) == {}
    run_queued_jobs(site)
    assert (found(site, "rye"), found(site, "spelt")) == (0, 1)
    with site.begin() as session, pytest.raises(Conflict):
        remove_choice(session, site, field_id, spelt, KARLA)

    assert "The value of 1 contact" in client.get(f"/dashboard/contacts/fields/{field_id}/delete").text
    answer = client.post(f"/dashboard/contacts/fields/{field_id}/delete", follow_redirects=False)
    assert answer.status_code == 303
    site = site.refreshed()
    assert bread not in site.contributions.contact_fields
    assert bread not in site.contributions.contact_columns
    assert read(site, bert) == {}
    # Its name is free at once, before its values are gone.
    site, _ = add(site, "text", "bread")
    run_queued_jobs(site)
    assert found(site, "spelt") == 0
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(CustomFieldValue)) == 0
        assert session.scalars(select(CustomField.label)).all() == ["bread"]
    assert client.get(f"/dashboard/contacts/fields/{field_id}").status_code == 404


def test_c14_who_writes_while_a_field_is_removed_is_told(site: Site) -> None:
    site, key = add(site, "text", "Dog")
    contact_id = contact(site, "anna")
    with site.begin() as session:
        remove_field(session, site, int(key.rpartition("_")[2]), KARLA)

    # This process does not know yet.
    with pytest.raises(InvalidInput, match="deleted in the meantime"):
        write(site, contact_id, **{key: "Bello"})


def test_c14_moving_a_choice_moves_the_contacts_that_have_it(site: Site, client: Client) -> None:
    site, bread = add(site, "choice", "Bread", "Rye", "Spelt")
    rye, spelt = (choice.value for choice in site.contributions.contact_fields[bread].choices)
    contact(site, "anna", **{bread: rye})
    contact(site, "bert", **{bread: spelt})
    assert listed(site, client, f"/dashboard/contacts?sort={bread}") == ["anna", "bert"]

    with site.begin() as session:
        assert move_choice(session, int(bread.rpartition("_")[2]), int(spelt), up=True)
        assert not move_choice(session, int(bread.rpartition("_")[2]), int(spelt), up=True)

    assert listed(site, client, f"/dashboard/contacts?sort={bread}") == ["bert", "anna"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"label": "", "kind": "text"}, "Enter a name for the field."),
        ({"label": "DOG", "kind": "text"}, "There is a field with this name already."),
        ({"label": "Telefonnummer", "kind": "text"}, "Contacts have a “Telefonnummer” already."),
        ({"label": "x" * 61, "kind": "text"}, "This is too long: 60 characters at most."),
        ({"label": "Cat", "kind": "colour"}, "Choose what the field holds."),
        ({"label": "Cat", "kind": "choice"}, "Enter at least one choice."),
        ({"label": "Cat", "kind": "text", "choices": "Rye"}, "Only a field of the kind “Choice” has choices."),
        ({"label": "Cat", "kind": "choice", "choices": "Rye\nrye"}, "“rye” is there twice."),
    ],
)
def test_c14_mistakes_stand_beside_the_input_and_nothing_is_added(
    site: Site, client: Client, data: dict[str, str], error: str
) -> None:
    add(site, "text", "Dog")

    answer = client.post("/dashboard/contacts/fields/new", data=data)

    assert answer.status_code == 422
    assert error in unescape(answer.text)
    if data["label"]:
        assert f'value="{data["label"]}"' in answer.text
    with site.session() as session:
        assert [one.label for one in read_definitions(session)] == ["Dog"]


@pytest.mark.parametrize("path", ["new", "1", "1/move", "1/delete", "1/choices/1/move", "1/choices/1/delete"])
def test_t_z3_an_assistant_changes_no_field(site: Site, path: str) -> None:
    add(site, "choice", "Bread", "Rye", "Spelt")
    with make_client(site) as client:
        sign_in(site, client, "assistant")
        answer = client.post(
            f"/dashboard/contacts/fields/{path}",
            data={"label": "New", "kind": "text", "to": "down", "choices": "More"},
        )
        assert answer.status_code == 403
    with site.session() as session:
        defined = read_definitions(session)
    assert [(one.label, [choice.label for choice in one.choices]) for one in defined] == [("Bread", ["Rye", "Spelt"])]


def test_c14_two_who_add_the_same_field_at_once_get_one(site: Site) -> None:
    def attempt(_number: int) -> bool:
        try:
            add(site, "text", "Dog")
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(attempt, range(4)))

    assert sorted(outcomes) == [False, False, False, True]
    assert len(site.refreshed().custom_fields) == 1


# Forms


def form(version: int, details: Details, **more: Any) -> dict[str, Any]:
    return {**asdict(details), "version": str(version), **more}


def test_c14_l9_a_contact_is_added_with_its_fields_and_they_are_on_its_profile(site: Site, client: Client) -> None:
    site, size = add(site, "number", "Shoe size", hint="German sizes")
    site, born = add(site, "date", "Born on")
    client.post("/dashboard/contacts/fields/new", data={"label": "", "kind": "text"})
    page = client.get("/dashboard/contacts/new").text
    assert "German sizes" in page

    answer = client.post("/dashboard/contacts/new", data={"email": "a@example.org", size: "big", born: "1990-02-28"})
    assert answer.status_code == 422
    assert "Enter a number." in answer.text
    assert 'value="big"' in answer.text
    assert 'value="1990-02-28"' in answer.text
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0

    profile = client.post("/dashboard/contacts/new", data={"email": "a@example.org", size: "37.5", born: "1990-02-28"})
    assert profile.status_code == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", unescape(profile.text)).split())
    assert "Shoe size 37.5 entered by Owner, since" in text
    assert "Born on 28/02/1990" in text
    assert "Shoe size: – → 37.5" in text


def test_p3_the_form_saves_fields_with_details_and_tags_or_nothing(site: Site, client: Client) -> None:
    site, dog = add(site, "text", "Dog")
    contact_id = contact(site, "anna", **{dog: "Bello"})
    with site.session() as session:
        version = session.get_one(Contact, contact_id).version
    path = f"/dashboard/contacts/{contact_id}/edit"
    mine = form(version, Details(name="Anna"), new_tags="vip", **{dog: "x" * 401, f"shown-{dog}": "Bello"})

    answer = client.post(path, data=mine)
    assert answer.status_code == 422
    assert "This is too long: 400 characters at most." in answer.text
    assert "x" * 401 in answer.text
    assert 'value="vip"' in answer.text
    with site.session() as session:
        assert session.get_one(Contact, contact_id).name == "anna"
    assert read(site, contact_id) == {dog: "Bello"}

    assert client.post(path, data={**mine, dog: "Rex"}, follow_redirects=False).status_code == 303
    assert read(site, contact_id) == {dog: "Rex"}
    with site.session() as session:
        kept = session.get_one(Contact, contact_id)
        assert (kept.name, kept.locked_by) == ("Anna", "Owner")


def test_t_f1_the_second_of_two_sees_both_values_of_a_field_and_loses_nothing(site: Site, client: Client) -> None:
    site, dog = add(site, "text", "Dog")
    contact_id = contact(site, "anna", **{dog: "Bello"})
    with site.session() as session:
        version = session.get_one(Contact, contact_id).version
    path = f"/dashboard/contacts/{contact_id}/edit"
    shown = {f"shown-{dog}": "Bello", **{f"shown-{name}": text for name, text in asdict(Details(name="anna")).items()}}
    # Another person changes the dog, while this one changes the name and the dog.
    write(site, contact_id, **{dog: "Rex"})

    answer = client.post(path, data=form(version, Details(name="Anna B."), **shown, **{dog: "Waldi"}))
    assert answer.status_code == 409
    page = unescape(answer.text)
    for text in ("Rex", "Waldi", "Anna B.", "Karla Lindner"):
        assert text in page
    assert read(site, contact_id) == {dog: "Rex"}

    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert hidden[f"shown-{dog}"] == "Rex"
    chosen = {f"choose-{dog}": "theirs", "choose-name": "yours"}
    assert client.post(path, data={**hidden, **chosen}, follow_redirects=False).status_code == 303
    assert read(site, contact_id) == {dog: "Rex"}
    with site.session() as session:
        assert session.get_one(Contact, contact_id).name == "Anna B."


def test_t_f1_what_one_did_not_touch_is_kept_as_the_other_saved_it(site: Site, client: Client) -> None:
    site, dog = add(site, "text", "Dog")
    contact_id = contact(site, "anna", **{dog: "Bello"})
    with site.session() as session:
        version = session.get_one(Contact, contact_id).version
    path = f"/dashboard/contacts/{contact_id}/edit"
    shown = {f"shown-{dog}": "Bello", **{f"shown-{name}": text for name, text in asdict(Details(name="anna")).items()}}
    with site.begin() as session:
        session.execute(update(Contact).values(phone="030 1", version=Contact.version + 1))

    answer = client.post(path, data=form(version, Details(name="Anna B."), **shown, **{dog: "Bello"}))
    page = answer.text
    assert answer.status_code == 409
    # Only the name is this person's: the other's telephone is ticked.
    assert re.search(r'name="choose-phone" value="theirs" checked', page)
    assert re.search(r'name="choose-name" value="yours" checked', page)


# Fields of plugins


def test_c14_a_field_of_a_plugin_is_on_the_form_and_what_it_refuses_stands_beside_it(
    tmp_path: Path, database_url: str
) -> None:
    site = make_site(tmp_path, sample, database_url=database_url, language="en")
    contact_id = contact(site, "anna")
    with make_client(site) as client:
        sign_in(site, client)
        client.headers["accept-language"] = "en"
        path = f"/dashboard/contacts/{contact_id}/edit"
        assert 'name="sample_plugin.points"' in client.get(path).text
        mine = form(1, Details(name="Anna"), **{"sample_plugin.points": "-1", "shown-sample_plugin.points": ""})
        answer = client.post(path, data=mine)
        assert (answer.status_code, "Points are never less than none." in answer.text) == (422, True)
        with site.session() as session:
            assert session.get_one(Contact, contact_id).name == "anna"

        mine["sample_plugin.points"] = "12"
        assert client.post(path, data=mine, follow_redirects=False).status_code == 303
        assert read(site, contact_id) == {"sample_plugin.points": Decimal(12)}
        with make_client(site) as assistant:
            sign_in(site, assistant, "assistant")
            assert "sample_plugin.points" not in assistant.get(path).text
            mine |= {"version": "2", "sample_plugin.points": "99", "shown-sample_plugin.points": "12"}
            assistant.post(path, data=mine)
        assert read(site, contact_id) == {"sample_plugin.points": Decimal(12)}
    site.close()


def test_t_g1_a_plugin_that_fails_in_a_field_is_named_and_the_form_saves_the_rest(tmp_path: Path) -> None:
    def fail(*values: object) -> Any:
        raise RuntimeError("the shelf fell down")

    def fields() -> list[ContactField]:
        return [
            ContactField(key="notes.unread", label="Unread", read=fail, write=fail),
            ContactField(key="notes.unsaved", label="Unsaved", read=lambda session, ids: {}, write=fail),
        ]

    site = make_site(tmp_path, plugin_module("notes", contact_fields=fields), language="en")
    contact_id = contact(site, "anna")
    path = f"/dashboard/contacts/{contact_id}/edit"
    with make_client(site) as client:
        sign_in(site, client)
        client.headers["accept-language"] = "en"
        assert "“notes” could not show this." in client.get(f"/dashboard/contacts/{contact_id}").text
        page = client.get(path).text
        assert "“notes” could not show this." in page
        assert 'name="notes.unread"' not in page
        mine = form(1, Details(name="Anna"), **{"notes.unsaved": "text", "shown-notes.unsaved": ""})
        answer = client.post(path, data=mine)
        assert answer.status_code == 422
        assert "Plugin “notes” could not save this: RuntimeError: the shelf fell down" in unescape(answer.text)
        assert client.post(path, data={**mine, "notes.unsaved": ""}, follow_redirects=False).status_code == 303
    with site.session() as session:
        assert session.get_one(Contact, contact_id).name == "Anna"
    site.close()


def test_c14_another_process_knows_a_new_field_by_its_next_look(site: Site, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other", database_url=site.database.engine.url.render_as_string(hide_password=False))
    _, key = add(site, "text", "Dog")

    assert key not in other.contributions.contact_fields
    assert key in other.refreshed().contributions.contact_fields
    other.close()
