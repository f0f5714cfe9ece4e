"""Import over the API (FEATURES I1 to I6, H6): the wizard's steps for programs, with the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import Site
from core.testing import make_site, run_queued_jobs
from core.transfer.models import ContactImport
from tests.core.transfer.import_support import count, people
from tests.support.api import API, Client, program, use_token

IMPORTS = f"{API}/imports"


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = make_site(tmp_path, database_url=database_url)
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with program(site) as client:
        yield client


def send(client: Client, content: str | bytes, name: str = "people.csv", **fields: str) -> Any:
    answer = client.post(IMPORTS, files={"file": (name, content)}, data=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_i6_a_file_is_asked_about_checked_imported_and_taken_back(site: Site, client: Client) -> None:
    content = "Wer;Mail dazu;Seit\nJörg Müller;joerg@example.org;01.02.2024\nX;kaputt;02.03.2024\n".encode("cp1252")
    one = send(client, content, tags="Messe, VIP")
    assert one["state"] == "new"
    assert [question["key"] for question in one["questions"]] == ["email"]
    assert (one["encoding"], one["delimiter"], one["left_out"]) == ("cp1252", ";", ["Wer", "Mail dazu", "Seit"])
    href = one["href"].removeprefix("http://localhost:8000").removeprefix("http://testserver")
    assert client.post(f"{IMPORTS}/{one['id']}/run").status_code == 409

    columns = {"Wer": "name", "#2": "email", "Seit": "joined"}
    one = client.patch(href, json={"columns": columns}).json()
    assert [question["key"] for question in one["questions"]] == ["dates"]
    assert count(site) == 0
    one = client.patch(href, json={"dates": "dmy"}).json()
    assert (one["state"], one["questions"], one["left_out"]) == ("checked", [], [])
    assert {key: value for key, value in one["numbers"].items() if value} == {"records": 2, "new": 1, "refused": 1}
    assert one["tags"] == ["Messe", "VIP"]
    (wrong,) = client.get(f"{IMPORTS}/{one['id']}/problems").json()["problems"]
    assert (wrong["line"], wrong["refused"], wrong["column"], wrong["value"]) == (3, True, "Mail dazu", "kaputt")
    assert wrong["cells"] == ["X", "kaputt", "02.03.2024"]
    assert "has an @ in it" in wrong["reason"]
    assert count(site) == 0

    begun = client.post(f"{IMPORTS}/{one['id']}/run")
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    run_queued_jobs(site)
    assert client.get(href).json()["state"] == "done"
    assert people(site) == {"joerg@example.org": {"name": "Jörg Müller", "tags": "Messe,VIP"}}
    assert [found["id"] for found in client.get(IMPORTS).json()["imports"]] == [one["id"]]
    client.post(f"{IMPORTS}/{one['id']}/undo")
    run_queued_jobs(site)
    undone = client.get(href).json()
    assert (undone["state"], undone["numbers"]["removed"], count(site)) == ("undone", 1, 0)


def test_i1_addresses_as_text_problems_in_pages_and_cancelling(site: Site, client: Client) -> None:
    text = 'a@example.org, "B" <b@example.org>; eins zwei drei'
    one = client.post(IMPORTS, data={"text": text, "policy": "skip"}, files={"none": ("", b"")}).json()
    assert (one["kind"], one["numbers"]["new"], one["numbers"]["refused"], one["policy"]) == ("paste", 2, 3, "skip")
    first = client.get(f"{IMPORTS}/{one['id']}/problems?limit=2").json()
    rest = client.get(f"{API}{first['next'].partition(API)[2]}").json()
    assert [found["cells"][0] for found in (*first["problems"], *rest["problems"])] == ["eins", "zwei", "drei"]
    assert rest["next"] is None
    client.post(f"{IMPORTS}/{one['id']}/run")
    assert client.post(f"{IMPORTS}/{one['id']}/cancel").json()["state"] == "cancelled"
    run_queued_jobs(site)
    assert count(site) == 0
    two = send(client, "email\na@example.org\n")
    assert client.delete(f"{IMPORTS}/{two['id']}").json() == {"name": "people.csv"}
    assert client.get(f"{IMPORTS}/{two['id']}").status_code == 404


def test_i4_what_can_not_be_is_refused_and_nothing_is_kept(site: Site, client: Client) -> None:
    refused = [
        ({"policy": "double"}, "email\na@example.org\n", "policy"),
        ({"choices": "nobody.offers"}, "email\na@example.org\n", "choices"),
        ({}, "", "file"),
        ({}, "email,name\n", "file"),
    ]
    for fields, content, field in refused:
        answer = client.post(IMPORTS, files={"file": ("a.csv", content)}, data=fields)
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
    one = send(client, "email,name\na@example.org,A\n")
    for change, field in (({"columns": {"nowhere": "name"}}, "columns"), ({"delimiter": "x"}, "delimiter")):
        answer = client.patch(f"{IMPORTS}/{one['id']}", json=change)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert "email" in client.get(f"{IMPORTS}/fields").json()["fields"]
    assert count(site, ContactImport) == 1
    use_token(site, client, "assistant")
    for path in (IMPORTS, f"{IMPORTS}/{one['id']}"):
        assert client.get(path).status_code == 403
    assert client.post(IMPORTS, files={"file": ("a.csv", "email\nb@example.org\n")}).status_code == 403
    assert client.post(f"{IMPORTS}/{one['id']}/run").status_code == 403
    assert (count(site, ContactImport), count(site)) == (1, 0)
