"""The REST API (FEATURES H6): tokens, contacts in any view, changes, errors as problem details."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core import Activity, Capture, Contact, Details, Site, capture_contact
from core.api.tokens import ApiToken
from core.contacts.custom_fields.administration import add_field
from core.contacts.models import now
from core.contacts.segments import Keeper, add_segment
from core.contacts.views import read_view
from core.database.base import Base
from core.staff.models import StaffAccount
from core.testing import count_queries, make_client, make_site, run_queued_jobs, sign_in
from tests.support.api import API, Client, program, use_token
from tests.support.dumps import Dump, rows_of


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = make_site(tmp_path, database_url=database_url)
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with program(site) as client:
        yield client


def capture(site: Site, email: str, name: str = "", **details: str) -> int:
    one = Capture(email=email, module="test", activity=Activity(kind="test.met"), details=Details(name=name, **details))
    with site.begin() as session:
        return capture_contact(session, site, one).contact_id


def everything(site: Site) -> Dump:
    # When a token was last used is written while one looks.
    return rows_of(
        site,
        [
            table
            for table in Base.metadata.tables.values()
            if table.name.startswith("contact") or table.name in ("tags", "files")
        ],
    )


# Reading


def test_h6_the_list_in_any_view(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna", country="DE")
    capture(site, "bert@example.org", "Bert", country="AT")
    page = client.get(f"{API}/contacts").json()
    assert [one["details"]["name"] for one in page["contacts"]] == ["Bert", "Anna"]
    assert (page["total"], page["next"]) == (2, None)

    page = client.get(f"{API}/contacts?contact.country=DE&q=ann&sort=contact.name").json()
    [found] = page["contacts"]
    assert (found["id"], found["email"], found["modules"]) == (anna, "anna@example.org", ["test"])
    assert found["href"] == f"http://127.0.0.1:8000/api/v1/contacts/{anna}"


def test_h6_page_after_page_there_and_back(site: Site, client: Client) -> None:
    for number in range(5):
        capture(site, f"n{number}@example.org", f"N{number}")
    address: str | None = f"{API}/contacts?limit=2&sort=contact.name"
    names, pages = [], []
    while address:
        page = client.get(address.removeprefix("http://127.0.0.1:8000")).json()
        names += [one["details"]["name"] for one in page["contacts"]]
        pages.append(page)
        address = page["next"]
    assert names == ["N0", "N1", "N2", "N3", "N4"]
    back = client.get(pages[2]["previous"].removeprefix("http://127.0.0.1:8000")).json()
    assert back["contacts"] == pages[1]["contacts"]


def test_h6_the_number_of_queries_does_not_grow(site: Site, client: Client) -> None:
    def queries() -> int:
        with count_queries(site) as counted:
            assert client.get(f"{API}/contacts").status_code == 200
        # Whether plugins were switched is asked every so often, and not for each request.
        return len([one for one in counted.statements if "site_state" not in one])

    capture(site, "first@example.org")
    queries()
    one = queries()
    for number in range(20):
        capture(site, f"n{number}@example.org")
    assert queries() == one


def test_h6_activity_and_notes_and_tags(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org")
    assert client.post(f"{API}/contacts/{anna}/notes", json={"text": "Likes rye"}).status_code == 201
    client.patch(f"{API}/contacts/{anna}", json={"tags": ["Regular", "regular", "VIP"]})

    [note] = client.get(f"{API}/contacts/{anna}/notes").json()["notes"]
    assert (note["text"], note["author"]) == ("Likes rye", "Prog")
    log = client.get(f"{API}/contacts/{anna}/activity?limit=2").json()
    assert [one["kind"] for one in log["activities"]] == ["contact.tagged", "contact.tagged"]
    rest = client.get(log["older"].removeprefix("http://127.0.0.1:8000")).json()["activities"]
    assert next(one["text"] for one in rest) == "Internal note: Likes rye"
    assert [(one["name"], one["contacts"]) for one in client.get(f"{API}/tags").json()["tags"]] == [
        ("Regular", 1),
        ("VIP", 1),
    ]


# Writing


def test_h6_l9_add_a_contact_and_a_known_address(site: Site, client: Client) -> None:
    sent = {"email": "New@Example.org", "details": {"name": "Nora", "country": "AT"}, "tags": ["VIP"]}
    answer = client.post(f"{API}/contacts", json=sent)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["email"], made["stage"], made["tags"], made["details"]["country"]) == (
        "New@Example.org",
        "lead",
        ["VIP"],
        "AT",
    )
    assert answer.headers["location"] == made["href"]

    before = everything(site)
    again = client.post(f"{API}/contacts", json={"email": "new@EXAMPLE.org", "details": {"name": "Other"}})
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["contact"] == made["href"]
    assert everything(site) == before


def test_h6_c6_a_change_locks_the_details_and_leaves_the_rest(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna", phone="030 1")
    answer = client.patch(f"{API}/contacts/{anna}", json={"details": {"name": "Anna B."}, "inactive": True})
    body = answer.json()
    assert (body["details"]["name"], body["details"]["phone"]) == ("Anna B.", "030 1")
    assert body["locked_at"]
    assert body["inactive_at"]

    body = client.patch(f"{API}/contacts/{anna}", json={"locked": False, "inactive": False}).json()
    assert (body["locked_at"], body["inactive_at"]) == (None, None)


def test_t_f1_a_stale_version_gets_both_sides(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna")
    version = client.get(f"{API}/contacts/{anna}").json()["version"]
    client.patch(f"{API}/contacts/{anna}", json={"details": {"name": "First"}, "version": version})
    before = everything(site)
    answer = client.patch(f"{API}/contacts/{anna}", json={"details": {"name": "Second"}, "version": version})

    assert answer.status_code == 409
    assert (answer.json()["theirs"]["name"], answer.json()["yours"]["name"]) == ("First", "Second")
    assert everything(site) == before


def test_c14_custom_fields_are_read_and_written(site: Site, client: Client, make_field: Callable[..., str]) -> None:
    number, day, choice = make_field("number"), make_field("date"), make_field("choice", choices=["Red", "Green"])
    fields = {one["key"]: one for one in client.get(f"{API}/fields").json()["fields"]}
    assert fields[number]["kind"] == "number"
    [red, _] = fields[choice]["choices"]

    sent = {"email": "a@example.org", "fields": {number: 12.5, day: "2026-02-28", choice: red}}
    made = client.post(f"{API}/contacts", json=sent).json()
    assert made["fields"] == sent["fields"]
    changed = client.patch(f"{API}/contacts/{made['id']}", json={"fields": {number: None, choice: red}}).json()
    assert changed["fields"] == {day: "2026-02-28", choice: red}
    before = everything(site)
    for wrong in ({number: "many"}, {day: "2026-02-30"}, {choice: "blue"}, {"contact.none": 1}):
        answer = client.patch(f"{API}/contacts/{made['id']}", json={"fields": wrong, "tags": ["x"]})
        assert answer.status_code == 400, wrong
        assert answer.json()["field"] in wrong
    assert everything(site) == before


@pytest.fixture
def make_field(site: Site, client: Client) -> Callable[..., str]:
    """Makes a custom field of a kind, and answers its key."""

    def make(kind: str, choices: list[str] | None = None) -> str:
        with site.begin() as session:
            field_id = add_field(session, label=f"A {kind}", kind=kind, choices=choices or [])
        client.app._checked = 0.0
        return f"contact.field_{field_id}"

    return make


# What is done with contacts


def test_l6_l7_a_bulk_action_takes_ids_or_a_segment(site: Site, client: Client) -> None:
    german, austrian = capture(site, "d@example.org", country="DE"), capture(site, "a@example.org", country="AT")
    with site.begin() as session:
        view = read_view([("contact.country", "DE")], site, lambda _: True)
        account = session.scalars(select(StaffAccount.id)).one()
        keeper = Keeper(account_id=account, may_share=True)
        segment = add_segment(session, site, keeper, view, name="Germany", shared=True, layout=None)
    [known] = client.get(f"{API}/segments").json()["segments"]
    assert (known["name"], known["filter"]) == ("Germany", f"segment={segment}")
    assert known["words"].startswith("All")
    [found] = client.get(f"{API}/contacts?{known['filter']}").json()["contacts"]
    assert found["id"] == german

    keys = {one["key"]: one["values"] for one in client.get(f"{API}/bulk-actions").json()["actions"]}
    assert keys["contact.tag"] == ["tag"]
    sent = {"action": "contact.tag", "view": {"segment": segment}, "values": {"tag": "VIP"}}
    assert client.post(f"{API}/contacts/bulk", json=sent).json() == {"chosen": 1, "changed": 1, "job": None}
    assert client.get(f"{API}/contacts/{german}").json()["tags"] == ["VIP"]
    assert client.get(f"{API}/contacts/{austrian}").json()["tags"] == []

    sent = {"action": "contact.deactivate", "ids": [austrian, 987654321]}
    assert client.post(f"{API}/contacts/bulk", json=sent).json()["changed"] == 1
    assert client.get(f"{API}/contacts/{austrian}").json()["inactive_at"]


def test_l7_a_large_bulk_action_becomes_a_job(site: Site, client: Client) -> None:
    with site.begin() as session:
        moment = now()
        for start in range(0, 600, 300):
            session.add_all(
                Contact(email=f"n{one}@example.org", email_key=f"n{one}@example.org", joined_at=moment)
                for one in range(start, start + 300)
            )
    sent = {"action": "contact.tag", "view": {}, "values": {"tag": "All"}}
    begun = client.post(f"{API}/contacts/bulk", json=sent).json()
    assert (begun["chosen"], begun["changed"]) == (600, 0)
    path = begun["job"].removeprefix("http://127.0.0.1:8000")
    assert client.get(path).json()["state"] == "queued"
    run_queued_jobs(site)
    job = client.get(path).json()
    assert (job["state"], job["done"]) == ("done", 600)
    [tag] = client.get(f"{API}/tags").json()["tags"]
    assert tag["contacts"] == 600


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"action": "contact.none", "ids": [1]}, 404),
        ({"action": "contact.tag"}, 400),
        ({"action": "contact.tag", "ids": [1], "view": {}}, 400),
        ({"action": "contact.tag", "view": {"none": "1"}, "values": {"tag": "x"}}, 400),
        ({"action": "contact.tag", "view": {"segment": 987654321}, "values": {"tag": "x"}}, 404),
        ({"action": "contact.tag", "view": {}, "values": {}}, 400),
    ],
)
def test_l7_a_bulk_action_that_is_not_understood_touches_nobody(
    site: Site, client: Client, sent: dict[str, Any], status: int
) -> None:
    capture(site, "anna@example.org")
    before = everything(site)
    assert client.post(f"{API}/contacts/bulk", json=sent).status_code == status
    assert everything(site) == before


def test_c9_two_contacts_are_merged(site: Site, client: Client) -> None:
    kept, other = capture(site, "anna@example.org", "Anna"), capture(site, "a.old@example.org", phone="030 123456")
    answer = client.post(f"{API}/contacts/{kept}/merge", json={"absorb": other}).json()
    assert answer["contact"]["details"]["phone"] == "030 123456"
    moved = client.get(f"{API}/contacts/{other}")
    assert (moved.status_code, moved.headers["location"]) == (308, f"{API}/contacts/{kept}")
    assert client.post(f"{API}/contacts/{kept}/merge", json={"absorb": kept}).status_code == 400


def test_c8_a_contact_is_deleted_with_a_receipt(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna")
    assert "/dashboard/contacts/receipts/" in client.delete(f"{API}/contacts/{anna}").json()["receipt"]
    assert client.get(f"{API}/contacts/{anna}").status_code == 404
    assert client.delete(f"{API}/contacts/{anna}").status_code == 404


def test_t_z3_a_token_does_what_its_role_allows(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna")
    use_token(site, client, "assistant")
    before = everything(site)
    assert client.delete(f"{API}/contacts/{anna}").status_code == 403
    sent = {"action": "contact.erase", "ids": [anna]}
    assert client.post(f"{API}/contacts/bulk", json=sent).status_code == 403
    assert everything(site) == before


# What is refused, and how


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/contacts?tab=none", None, 400),
        ("GET", "/contacts?contact.none=1", None, 400),
        ("GET", "/contacts?limit=0", None, 400),
        ("GET", "/contacts?limit=many", None, 400),
        ("GET", "/contacts?after=forged", None, 400),
        ("GET", "/contacts/987654321", None, 404),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/tags", None, 405),
        ("POST", "/contacts", {"email": "no address"}, 400),
        ("POST", "/contacts", {"email": "a@example.org", "details": {"role": "owner"}}, 400),
        ("POST", "/contacts", {"email": "a@example.org", "details": {"country": "XX"}}, 400),
        ("POST", "/contacts", {"email": "a@example.org", "details": {"name": "x" * 300}}, 400),
        ("POST", "/contacts", {"email": "a@example.org", "tags": [""]}, 400),
        ("POST", "/contacts", {"email": 5}, 400),
        ("POST", "/contacts", {}, 400),
        ("POST", "/contacts", b"{", 400),
        ("POST", "/contacts", b"[" * 100_000, 400),
        ("PATCH", "/contacts/1", {"details": {"email": "b@example.org"}}, 400),
    ],
)
def test_h6_mistakes_are_problems_and_change_nothing(
    site: Site, client: Client, method: str, path: str, body: Any, status: int
) -> None:
    capture(site, "anna@example.org", "Anna")
    before = everything(site)
    sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    answer = client.request(method, API + path, headers={"content-type": "application/json"}, **sent)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert everything(site) == before


def test_t_z4_members_that_nobody_may_set_are_ignored(site: Site, client: Client) -> None:
    anna = capture(site, "anna@example.org", "Anna")
    sent = {"id": 7, "email": "b@example.org", "stage": "customer", "role": "owner", "locked_at": "2020-01-01"}
    body = client.patch(f"{API}/contacts/{anna}", json=sent).json()

    assert (body["id"], body["email"], body["stage"], body["locked_at"]) == (anna, "anna@example.org", "lead", None)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer tresen_wrong", "Basic dHJlc2VuOg=="])
def test_h7_without_a_token_that_counts_nothing_is_told(site: Site, client: Client, header: str | None) -> None:
    capture(site, "anna@example.org", "Anna")
    del client.headers["authorization"]
    answer = client.get(f"{API}/contacts", headers={} if header is None else {"authorization": header})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "anna" not in answer.text


def test_t_x1_a_cookie_counts_for_nothing_and_a_token_not_in_the_dashboard(site: Site, client: Client) -> None:
    before = everything(site)
    assert client.get("/dashboard/contacts").status_code == 303
    del client.headers["authorization"]
    sign_in(site, client)
    assert client.post(f"{API}/contacts", json={"email": "a@example.org"}).status_code == 401
    assert everything(site) == before


def test_t_a7_a_token_ends_with_its_account_and_by_hand(site: Site, client: Client) -> None:
    assert client.get(f"{API}/tags").status_code == 200
    with site.begin() as session:
        session.execute(update(StaffAccount).values(role="assistant"))
    assert client.get(f"{API}/tags").status_code == 200
    with site.begin() as session:
        session.execute(update(StaffAccount).values(disabled_at=now()))
    assert client.get(f"{API}/tags").status_code == 401


def test_h6_staff_make_a_token_see_it_once_and_end_it(site: Site, client: Client) -> None:
    del client.headers["authorization"]
    sign_in(site, client, "manager")
    assert client.post("/dashboard/account/tokens", data={"name": ""}).status_code == 422
    page = client.post("/dashboard/account/tokens", data={"name": "Till"}).text
    token = page.partition('class="token" tabindex="0">')[2].partition("<")[0]
    assert token.startswith("tresen_")
    assert token not in client.get("/dashboard/account/tokens").text
    bearer = {"authorization": f"Bearer {token}"}
    client.cookies.clear()
    assert client.get(f"{API}/contacts", headers=bearer).status_code == 200

    with site.session() as session:
        made = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
        assert made is not None
        assert token not in repr(session.execute(select(ApiToken.__table__)).all())
    with make_client(site) as other:
        other.follow_redirects = False
        sign_in(site, other, "owner")
        assert other.post(f"/dashboard/account/tokens/{made.id}/revoke").status_code == 404
    assert client.get(f"{API}/contacts", headers=bearer).status_code == 200
    sign_in(site, client, "manager", name="second")
    assert client.post(f"/dashboard/account/tokens/{made.id}/revoke").status_code == 404


def test_h6_the_openapi_document_describes_every_route(site: Site, client: Client) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["info"]["title"] == "Tresen"
    for owner, route in site.contributions.routers:
        for path in route.paths:
            if path.startswith(API):
                described = document["paths"][path.replace(":int", "")]
                assert {method.lower() for method in route.http_methods} - {"options"} <= set(described), (owner, path)
    contact = document["paths"][f"{API}/contacts"]["post"]
    assert contact["summary"] == "Add a contact."
    assert "NewContact" in str(contact["requestBody"])


def test_h6_the_paths_that_the_documentation_names_exist(site: Site, client: Client) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    paths = client.get("/api/openapi.json").json()["paths"]
    named = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/[\w/{}-]*)", text))

    assert len(named) > 5
    assert [pair for pair in named if pair[0].lower() not in paths.get(API + pair[1], {})] == []
