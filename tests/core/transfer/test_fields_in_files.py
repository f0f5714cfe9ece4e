"""Contact fields, the plugins' and staff's own, in files (FEATURES C14, I2, I7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from core.contacts.custom_fields.administration import add_field
from core.contacts.fields import read_fields, write_fields
from core.settings import Settings
from core.site import Site, open_site
from core.testing import make_client, sign_in
from core.transfer.recognising import recognise
from core.values import SYSTEM
from tests.core.transfer.import_support import IMPORT, Import, count, upload
from tests.core.transfer.support import add, download, rows_of

FIELDS = {"cake": "text", "size": "number", "born": "date", "shirt": "choice", "regular": "yesno"}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    """A site with the bundled plugins, and a field of each kind."""
    site = open_site(Settings(data_dir=tmp_path / "data", database_url=database_url))
    with site.begin() as session:
        for label, kind in FIELDS.items():
            choices = ("Small", "Large") if kind == "choice" else ()
            add_field(session, kind=kind, label=label, choices=choices)  # type: ignore[arg-type]
    yield site.refreshed()
    site.close()


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Any]]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        sign_in(site, client)
        yield client


def keys(site: Site) -> dict[str, str]:
    return {field.label: key for key, field in site.contributions.contact_fields.items() if field.label in FIELDS}


def values(site: Site, contact_id: int) -> dict[str, Any]:
    names = {key: label for label, key in keys(site).items()}
    with site.session() as session:
        found = read_fields(session, site, [contact_id])[contact_id]
    return {names[key]: value for key, value in found.items() if key in names}


def test_i7_fields_are_exported_and_come_back(site: Site, staff: TestClient[Any]) -> None:
    contact_id = add(site, "a@example.org")
    of = keys(site)
    full: dict[str, Any] = {
        "cake": "=Bienenstich",
        "size": Decimal("38.5"),
        "born": date(1990, 2, 1),
        "shirt": site.contributions.contact_fields[of["shirt"]].choices[0].value,
        "regular": False,
    }
    with site.begin() as session:
        write_fields(session, site, contact_id, {of[name]: value for name, value in full.items()}, SYSTEM)
    content = download(staff)
    heads, row = rows_of(content)
    said = dict(zip(heads, row, strict=True))
    assert [said[name] for name in FIELDS] == ["'=Bienenstich", "38.5", "1990-02-01", "Small", "No"]

    assert upload(site, staff, content).numbers == {"unchanged": 1}
    with site.begin() as session:
        write_fields(session, site, contact_id, dict.fromkeys(of.values()), SYSTEM)
    assert values(site, contact_id) == {}
    one = upload(site, staff, content).run()
    assert one.numbers == {"changed": 1}
    assert values(site, contact_id) == full
    one.undo()
    assert values(site, contact_id) == {}


def test_i6_a_field_that_somebody_changed_since_stays(site: Site, staff: TestClient[Any]) -> None:
    contact_id = add(site, "a@example.org")
    one = upload(site, staff, "email,cake,size\na@example.org,Rührkuchen,38\n").run()
    with site.begin() as session:
        write_fields(session, site, contact_id, {keys(site)["cake"]: "Torte"}, SYSTEM)
    one.undo()

    assert values(site, contact_id) == {"cake": "Torte"}
    assert "These details were changed since." in one.text()


def test_i6_what_stays_on_record_does_not_stop_the_undoing(site: Site, staff: TestClient[Any]) -> None:
    add(site, "a@example.org")
    one = upload(site, staff, "email,System notification,name\na@example.org,Unsubscribed,Anna\n").run()
    one.undo()

    with site.session() as session:
        found = read_fields(session, site, [1], ["consent.system"])
    assert found == {1: {"consent.system": "unsubscribed"}}
    assert "These details were changed since." in one.text()


def test_i3_ambiguous_numbers_are_asked_and_bad_values_noted(site: Site, staff: TestClient[Any]) -> None:
    content = b"email;size;born;shirt;regular\na@example.org;1.234;x;XXL;vielleicht\n"
    answer = staff.post(IMPORT, files={"file": ("a.csv", content)}, data={"policy": "fill"})
    assert "Which sign stands before the decimals" in answer.text
    of = keys(site)
    mapping = {"column-0": "email", **{f"column-{place}": of[name] for place, name in enumerate(list(FIELDS)[1:], 1)}}
    plan = {"encoding": "utf-8-sig", "delimiter": ";", "header": "yes", "unguard": "1", "decimal": ",", **mapping}
    page = staff.post(str(answer.url), data=plan)
    one = Import(site, staff, int(str(page.url).rpartition("/")[2]))
    for text in ("This is not a date.", "This is none of the choices.", "Write yes or no."):
        assert text in one.text()
    one.run()
    assert values(site, 1) == {"size": Decimal("1234")}


def test_i5_a_consent_in_the_sites_own_file_is_no_way_to_subscribe(site: Site, staff: TestClient[Any]) -> None:
    content = "E-Mail;Werbung;Systembenachrichtigung\na@example.org;Abonniert;Abonniert\nb@example.org;Abgemeldet;\n"
    one = upload(site, staff, content).run()

    with site.session() as session:
        found = read_fields(session, site, [1, 2], ["consent.marketing", "consent.system"])
    assert found == {1: {}, 2: {"consent.marketing": "unsubscribed"}}
    assert one.numbers["notes"] == 1
    assert count(site) == 2


def test_t_z4_a_column_is_only_what_the_person_may_write(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("email,Advertising,System notification,Stage\na@example.org,yes,Subscribed,Customer\n")
    chosen = {"mapping": {"0": "email", "1": "choice:consent.marketing", "2": "consent.system", "3": "stage"}}
    for given in ({}, chosen):
        plan = recognise(site, path, "csv", given, lambda permission: permission is None)
        assert plan["mapping"] == {"0": "email"}
