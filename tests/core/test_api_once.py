"""Idempotency-Key (THREATS T-B4): the same answer; 422 for another body; 409 while under way; resumed when killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core import Contact, Site
from core.api import keys
from core.api.keys import ApiRequest
from core.api.routing import api_post
from core.contacts.models import ContactNote, now
from core.privacy.erasing import erase
from core.testing import make_site, run_due_jobs
from core.values import SYSTEM
from core.web.requests import Request
from tests.support.api import API, Client, program, use_token
from tests.support.dumps import difference, dump
from tests.support.plugins import plugin_module


class Gate:
    """A handler that waits in the middle of its work."""

    def __init__(self) -> None:
        self.reached, self.opened, self.calls = Event(), Event(), 0


GATE = Gate()


@api_post("/gate", permission="contact.edit", status=201, key_needed=True)
def pass_gate(request: Request) -> dict[str, Any]:
    """Add a contact, slowly."""
    GATE.calls += 1
    with request.site.begin() as session:
        session.add(Contact(email="slow@example.org", email_key="slow@example.org", joined_at=now()))
    GATE.reached.set()
    assert GATE.opened.wait(20)
    with request.site.session() as session:
        return {"contacts": session.scalar(select(func.count()).select_from(Contact))}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    GATE.__init__()  # type: ignore[misc]
    plugin = plugin_module("gate", routers=lambda: [pass_gate])
    site = make_site(tmp_path, plugin, database_url=database_url)
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with program(site) as client:
        yield client


def send(client: Client, key: str, path: str = "/contacts", method: str = "POST", **body: Any) -> Any:
    body = body or {"email": "anna@example.org", "details": {"name": "Änna"}, "tags": ["VIP"]}
    return client.request(method, API + path, json=body, headers={"idempotency-key": key})


def number(site: Site, model: Any) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def changes(site: Site, work: Callable[[], Any]) -> Any:
    """What `work` changes in the database, besides when a token was last used."""
    before = dump(site, without=("api_tokens",))
    work()
    return difference(before, dump(site, without=("api_tokens",)))


def test_t_b4_the_same_request_is_answered_as_before_and_done_once(site: Site, client: Client) -> None:
    first = send(client, "k-1")
    assert (first.status_code, first.json()["details"]["name"], first.json()["tags"]) == (201, "Änna", ["VIP"])
    assert "idempotent-replayed" not in first.headers

    def again() -> None:
        # With quotation marks it is the same key (draft-ietf-httpapi-idempotency-key-header).
        for key in ("k-1", '"k-1"'):
            answer = send(client, key)
            assert (answer.status_code, answer.content) == (201, first.content)
            assert answer.headers["location"] == first.headers["location"]
            assert answer.headers["content-type"] == first.headers["content-type"]
            assert answer.headers["idempotent-replayed"] == "true"

    assert changes(site, again) == {}
    contact = f"/contacts/{first.json()['id']}"
    for method, path, body in (
        ("POST", f"{contact}/notes", {"text": "Called."}),
        ("PATCH", contact, {"details": {"name": "Anna"}}),
        ("POST", "/contacts/bulk", {"action": "contact.tag", "ids": [first.json()["id"]], "values": {"tag": "New"}}),
        ("DELETE", contact, {"why": "asked"}),
    ):
        once = send(client, f"k {path} {method}".replace(" ", "-"), path, method, **body)
        assert once.status_code < 300, once.text
        twice = send(client, f"k {path} {method}".replace(" ", "-"), path, method, **body)
        # What the first answers say of a person goes with the person.
        assert (twice.status_code, twice.content) == (once.status_code, once.content)
    assert (number(site, ContactNote), number(site, Contact)) == (0, 0)


def test_t_b4_another_body_or_path_under_the_key_is_refused_and_another_account_has_its_own(
    site: Site, client: Client
) -> None:
    assert send(client, "k-1").status_code == 201

    def others() -> None:
        for answer in (
            send(client, "k-1", email="berta@example.org"),
            send(client, "k-1", "/contacts/1/notes", text="Called."),
            send(client, "k-1", "/contacts?x=1"),
        ):
            assert answer.status_code == 422
            assert answer.json()["field"] == "Idempotency-Key"
        for key in ("", "two words", "ä", "x" * 201):
            header: Any = {b"idempotency-key": key.encode()}
            answer = client.post(f"{API}/contacts", json={"email": "c@example.org"}, headers=header)
            assert answer.status_code == 400, key
        assert client.post(f"{API}/gate").status_code == 400

    assert changes(site, others) == {}
    use_token(site, client, "manager")
    assert send(client, "k-1", email="berta@example.org").status_code == 201
    assert number(site, Contact) == 2


def test_t_b4_what_is_refused_did_nothing_and_leaves_its_key_free(site: Site, client: Client) -> None:
    def refused() -> None:
        assert send(client, "k-1", email="nobody").status_code == 400
        assert send(client, "k-1", "/contacts/7/notes", text="Called.").status_code == 404
        assert send(client, "k-1", email="a@example.org", fields={"no.field": "x"}).status_code == 400
        assert send(client, "k-1", email=5).status_code == 400

    assert changes(site, refused) == {}
    assert send(client, "k-1").status_code == 201
    assert send(client, "k-2").status_code == 409
    assert send(client, "k-2", email="berta@example.org").status_code == 201


def test_t_b4_while_it_is_under_way_the_same_request_gets_409(site: Site, client: Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, client, "k-1", "/gate", a=1)
        assert GATE.reached.wait(20)
        # What the handler wrote is seen by nobody else yet.
        assert number(site, Contact) == 0
        second = send(client, "k-1", "/gate", a=1)
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert send(client, "k-1", "/gate", a=2).status_code == 422
        GATE.opened.set()
        first = slow.result(20)
    assert (first.status_code, first.json()) == (201, {"contacts": 1})
    assert send(client, "k-1", "/gate", a=1).content == first.content
    assert (GATE.calls, number(site, Contact)) == (1, 1)


@pytest.mark.parametrize("protected", [True, False])
def test_t_b4_eight_at_once_do_it_once_and_without_a_key_each_does_it(
    site: Site, client: Client, protected: bool
) -> None:
    contact = send(client, "k-0").json()["id"]
    barrier = Barrier(8)

    def note(index: int) -> int:
        barrier.wait(20)
        key = {"idempotency-key": "one"} if protected else {}
        answer = client.post(f"{API}/contacts/{contact}/notes", json={"text": "Called."}, headers=key)
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(note, range(8)))
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert number(site, ContactNote) == (1 if protected else 8)


def test_t_b4_a_killed_request_did_all_or_nothing_and_is_resumed(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # Killed in the middle: nobody lets go of the key either.
        patched.setattr(keys, "keep_answer", kill)
        patched.setattr(keys, "let_go", lambda *_: None)
        assert send(client, "k-1").status_code == 500
    assert number(site, Contact) == 0
    assert send(client, "k-1").status_code == 409
    with site.begin() as session:
        session.execute(update(ApiRequest).values(held_until=now() - timedelta(seconds=1)))
    assert send(client, "k-1", email="berta@example.org").status_code == 422
    answer = send(client, "k-1")
    assert (answer.status_code, number(site, Contact)) == (201, 1)

    with monkeypatch.context() as patched:
        # Killed when all was written, before the answer went out.
        patched.setattr("core.api.once._as_json", kill)
        assert send(client, "k-2", f"/contacts/{answer.json()['id']}/notes", text="Called.").status_code == 500
    assert number(site, ContactNote) == 1
    again = send(client, "k-2", f"/contacts/{answer.json()['id']}/notes", text="Called.")
    assert (again.status_code, again.json()["text"], number(site, ContactNote)) == (201, "Called.", 1)


def test_t_b4_one_that_was_taken_for_dead_and_wakes_up_does_nothing(site: Site, client: Client) -> None:
    send(client, "k-0")
    with site.session() as session:
        account = session.scalar(select(ApiRequest.account_id))
    asked = keys.Asked(account_id=account or 0, key="k-1", path="/", fingerprint="f")
    slow = keys.claim(site, asked)
    assert isinstance(slow, keys.Held)
    with site.begin() as session:
        session.execute(update(ApiRequest).values(held_until=now() - timedelta(seconds=1)))
    quick = keys.claim(site, asked)
    assert isinstance(quick, keys.Held)
    with site.begin() as session:
        with pytest.raises(keys.UnderWay):
            keys.hold_on(session, slow)
        keys.hold_on(session, quick)
        keys.keep_answer(session, quick, 200, {}, "1")
    with site.begin() as session, pytest.raises(keys.UnderWay):
        keys.hold_on(session, slow)
    keys.let_go(site, slow)
    assert keys.claim(site, asked) == keys.Answered(status=200, headers={}, answer="1")


def test_c8_answers_go_with_the_person_and_after_three_days(site: Site, client: Client) -> None:
    anna = send(client, "k-1").json()["id"]
    send(client, "k-2", f"/contacts/{anna}/notes", text="Secret marker.")
    berta = send(client, "k-3", email="berta@example.org")
    with site.begin() as session:
        erase(session, site, [anna], SYSTEM)
    assert "Secret marker" not in repr(dump(site)["api_requests"])
    assert "anna@example.org" not in repr(dump(site))
    for answer in (send(client, "k-1"), send(client, "k-2", f"/contacts/{anna}/notes", text="Secret marker.")):
        assert answer.status_code == 410
    assert number(site, Contact) == 1
    assert send(client, "k-3", email="berta@example.org").content == berta.content
    run_due_jobs(site)
    assert number(site, ApiRequest) == 3
    with site.begin() as session:
        session.execute(update(ApiRequest).values(created_at=now() - keys.KEPT - timedelta(minutes=1)))
    keys.forget_old_answers(site)
    assert number(site, ApiRequest) == 0
