"""„Daten exportieren“: everything of one person, for machines and people, nothing of anybody else (P2, T-R3)."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from httpx import Response
from litestar.testing import TestClient

from core.site import Site
from core.web.application import Application
from tests.core.privacy.people import Person, capture, make_person
from tests.support.activity import log_of

Client = TestClient[Application]


def unpack(answer: Response) -> tuple[dict[str, Any], str, dict[str, bytes]]:
    """The data for machines, the page for people, and the files."""
    archive = ZipFile(io.BytesIO(answer.content))
    files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files.pop("data.json")), files.pop("index.html").decode(), files


def download(client: Client, person: Person) -> Response:
    answer = client.post(f"/dashboard/contacts/{person.contact_id}/data")
    assert answer.headers["content-type"] == "application/zip", answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="contact-{person.contact_id}.zip"'
    return answer


def test_t_r3_of_two_people_with_one_name_each_gets_their_own(site: Site, staff: Client) -> None:
    anna = make_person(site, "anna@example.org", "Anna Müller")
    other = make_person(site, "berta@example.org", "Anna Müller")

    for person, own, foreign in ((anna, "anna", "berta"), (other, "berta", "anna")):
        data, page, files = unpack(download(staff, person))
        everything = json.dumps(data) + page + repr(files)
        assert f"{own}@example.org" in everything
        # Names of files and people apart, nothing of the other one is said.
        assert foreign not in everything.casefold().replace("anna müller", "").replace("anna m\\u00fcller", "")
        assert "Karla" not in everything, "staff are other people, too"


def test_p2_the_data_comes_from_every_plugin_with_values_for_machines(site: Site, staff: Client) -> None:
    person = make_person(site)

    data, _, files = unpack(download(staff, person))

    sections = data["sections"]
    assert data["format"] == "tresen.person/1"
    assert set(sections) == {
        "contact.details",
        "contact.notes",
        "contact.note_activity",
        "message.thread",
        "contact.activity",
        "shop.orders",
        "booking.appointments",
        "forms.entries",
        "consent.history",
        "sample_plugin.points",
    }
    (order,) = sections["shop.orders"]["records"]
    assert order["number"] == person.order
    assert order["total"] == {"amount": "11.80", "currency": "EUR"}
    assert order["lines"][0]["quantity"] == 2
    assert len(sections["forms.entries"]["records"]) == 2, "the one in quarantine, too"
    assert [one["state"] for one in sections["consent.history"]["records"]] == ["Subscribed", "Unsubscribed"]
    assert sections["contact.notes"]["files"] == [{"name": "contract anna.txt", "path": "files/001-contract anna.txt"}]
    assert files == {"files/001-contract anna.txt": b"Contract of anna"}


def test_p2_the_page_is_in_the_persons_language(site: Site, staff: Client) -> None:
    person = make_person(site)

    _, page, _ = unpack(download(staff, person))

    assert '<html lang="de">' in page
    for text in ("Ihre Daten bei Tresen", "Bestellungen", "11,80", "Deutschland", "Note about anna", "Einwilligung"):
        assert text in page, text


def test_p2_what_is_handed_out_is_in_the_log(site: Site, staff: Client) -> None:
    person = make_person(site)

    download(staff, person)

    assert log_of(site, person.contact_id)[-1] == ("contact.exported", "")


def test_p2_texts_are_texts_in_the_page(site: Site, staff: Client) -> None:
    person = make_person(site, "mallory@example.org", "<script>alert(1)</script>")

    _, page, _ = unpack(download(staff, person))

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_p2_plugins_that_are_off_hand_out_their_part(site: Site, staff: Client) -> None:
    person = make_person(site)
    for plugin in ("shop", "consent"):
        staff.post(f"/dashboard/modules/{plugin}/off")

    data, page, _ = unpack(download(staff, person))

    assert data["sections"]["shop.orders"]["records"][0]["number"] == person.order
    assert "Bestellungen" in page


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_p2_nothing_is_left_behind(site: Site, staff: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    person = make_person(site)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = sorted(path for path in site.settings.data_dir.rglob("*") if "tresen.sqlite" not in path.name)
    handles = len(os.listdir("/proc/self/fd"))

    for _ in range(3):
        download(staff, person)

    assert list(folder.iterdir()) == []
    assert sorted(path for path in site.settings.data_dir.rglob("*") if "tresen.sqlite" not in path.name) == before
    assert len(os.listdir("/proc/self/fd")) <= handles + 1


def test_p2_a_contact_that_is_gone_has_no_data(site: Site, staff: Client) -> None:
    contact_id = capture(site)
    staff.post(f"/dashboard/contacts/{contact_id}/delete")

    assert staff.post(f"/dashboard/contacts/{contact_id}/data").status_code == 404
