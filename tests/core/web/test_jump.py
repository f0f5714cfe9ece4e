"""The search for everything: what it finds, for whom, and what becomes of a source that fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from core.site import Site
from core.testing import make_client, sign_in
from core.values import Permission, Role, SearchHit, SearchSource
from tests.core.contacts.list_support import add, everything, open_site, plugin_of, signed_in

JUMP = "/dashboard/jump"
NUMBERS = count(1)


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as site:
        yield site


def results(site: Site, text: str, role: Role = "owner", language: str = "en") -> list[tuple[str, str]]:
    """Address and words of each hit."""
    # Not as a context: the site would be closed behind it.
    client = make_client(site)
    client.headers["accept-language"] = language
    sign_in(site, client, role, name=f"{role} {next(NUMBERS)}")
    answer = client.get(JUMP, params={"q": text})
    assert answer.status_code == 200
    part = answer.text.partition('data-live="jump"')[2].partition("</main>")[0]
    found = re.findall(r'<li><a href="([^"]*)">(.*?)</a></li>', part, re.DOTALL)
    return [(unescape(href), " ".join(unescape(re.sub(r"<[^>]+>", " ", words)).split())) for href, words in found]


def test_jump_finds_contacts_by_all_that_the_list_finds_them_by(site: Site) -> None:
    one = add(site, "anna@example.org", name="Anna Müller", phone="+49 171 5551234")
    gone = add(site, "old@example.org", name="Otto Müller", inactive=True)
    add(site, "merged@example.org", name="Mia Müller", merged_into=one)

    assert [href for href, _ in results(site, "mueller")] == [
        f"/dashboard/contacts/{one}",
        f"/dashboard/contacts/{gone}",
    ]
    assert results(site, "0171 555")[0] == (f"/dashboard/contacts/{one}", "Anna Müller anna@example.org")


def test_jump_puts_names_that_begin_so_first(site: Site) -> None:
    add(site, "b@example.org", name="Berta Marquardt", days=3)
    wanted = add(site, "q@example.org", name="Quarta Bert", days=1)

    assert results(site, "quar")[0][0] == f"/dashboard/contacts/{wanted}"


@pytest.mark.parametrize(("language", "text"), [("de", "kontakt hinzu"), ("en", "add con")])
def test_jump_finds_pages_and_what_can_be_done(site: Site, language: str, text: str) -> None:
    assert [href for href, _ in results(site, text, language=language)] == ["/dashboard/contacts/new"]


def test_jump_without_a_text_shows_the_pages(site: Site) -> None:
    assert "/dashboard/modules" in [href for href, _ in results(site, "  ")]


def test_jump_shows_only_pages_that_the_person_may_open(site: Site) -> None:
    assert "/dashboard/modules" in [href for href, _ in results(site, "mod")]
    assert "/dashboard/modules" not in [href for href, _ in results(site, "mod", "assistant")]


def test_jump_asks_the_sources_of_plugins_and_translates_their_hits(site: Site) -> None:
    assert ("/dashboard/sample_plugin?level=Gold", "Gold") in results(site, "gold")


def source(key: str, search: Callable[..., Any], **values: Any) -> SearchSource:
    return SearchSource(key=key, label=key.title(), search=search, **values)


def hits(*titles: str) -> Callable[..., Sequence[SearchHit]]:
    return lambda session, text, limit: [SearchHit(title=title, href="/dashboard") for title in titles]


def test_t_g1_a_source_that_fails_hangs_or_lies_is_named_and_the_others_stand(
    tmp_path: Path, fresh_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = Event()

    def raising(**_: object) -> list[SearchHit]:
        raise ValueError("no index")

    monkeypatch.setattr("core.web.jump.BUDGET", 0.2)
    plugins = [
        plugin_of("bad", search_sources=lambda: [source("bad.a", lambda session, text, limit: raising())]),
        plugin_of("slow", search_sources=lambda: [source("slow.a", lambda session, text, limit: never.wait(20))]),
        plugin_of("liar", search_sources=lambda: [source("liar.a", lambda session, text, limit: ["x"])]),
        plugin_of("many", search_sources=lambda: [source("many.a", hits(*map(str, range(50))))]),
    ]
    with open_site(tmp_path, fresh_database, *plugins) as site:
        with signed_in(site) as client:
            page = unescape(client.get(JUMP, params={"q": "qx"}).text)
        never.set()

    assert "“bad” could not search: ValueError: no index" in page
    assert "“slow” could not search: took too long" in page
    assert "“liar” could not search: TypeError: search() answered 'x', not SearchHit values" in page
    assert page.count('<span class="jump-title">') == 8


def test_h7_a_source_is_asked_for_those_who_may_only(tmp_path: Path, fresh_database: Callable[..., str]) -> None:
    asked = []

    def search(session: object, text: str, limit: int) -> list[SearchHit]:
        asked.append(text)
        return [SearchHit(title="Secret", href="/dashboard")]

    plugin = plugin_of(
        "vault",
        permissions=lambda: [Permission(key="vault.see", label="See", roles=frozenset({"owner"}))],
        search_sources=lambda: [source("vault.a", search, permission="vault.see")],
    )
    with open_site(tmp_path, fresh_database, plugin) as site:
        assert "Secret" not in [words for _, words in results(site, "x", "assistant")]
        assert asked == []
        assert "Secret" in [words for _, words in results(site, "x")]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "{{7*7}}", "%' OR 1=1 --", "\u202e", "x" * 5000, '"*^'])
def test_t_x3_t_j1_what_is_typed_is_text(site: Site, text: str) -> None:
    add(site, name="Anna")
    before = everything(site)
    with signed_in(site) as client:
        answer = client.get(JUMP, params={"q": text})

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert everything(site) == before


def test_visitors_are_sent_to_sign_in(site: Site) -> None:
    with make_client(site) as client:
        answer = client.get(JUMP, params={"q": "a"}, follow_redirects=False)
    assert answer.headers["location"].startswith("/dashboard/sign-in")
