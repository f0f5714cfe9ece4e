"""The thread on the profile and the inbox (FEATURES P1, M2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from core.contacts.capture import capture_contact
from core.messages.models import Message
from core.messages.receiving import receive_message
from core.site import Site
from core.testing import make_client, make_site, sign_in
from core.values import Activity, Capture, Details
from core.web.application import Application

Client = TestClient[Application]
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    opened = make_site(tmp_path, database_url=database_url, language="en")
    yield opened
    opened.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with make_client(site) as made:
        sign_in(site, made, "assistant")
        made.headers["accept-language"] = "en"
        yield made


def write(site: Site, text: str, at: datetime = NOON, email: str = "anna@example.org", subject: str = "") -> int:
    """A message from a contact; answers the contact's id."""
    with site.begin() as session:
        contact_id = capture_contact(
            session,
            site,
            Capture(
                email=email,
                module="entries",
                activity=Activity(kind="entries.sent"),
                details=Details(name=email.partition("@")[0].title()),
            ),
        ).contact_id
        receive_message(
            session, site, contact_id=contact_id, text=text, subject=subject, module="entries", occurred_at=at
        )
    return contact_id


def unread(site: Site) -> list[str]:
    with site.session() as session:
        return list(session.scalars(select(Message.text).where(Message.read_at.is_(None)).order_by(Message.id)))


def ids(site: Site) -> list[int]:
    with site.session() as session:
        return list(session.scalars(select(Message.id).order_by(Message.id)))


def test_p1_the_thread_stands_on_the_profile_oldest_first(site: Site, client: Client) -> None:
    contact_id = write(site, "Second\nline <b>", NOON + HOUR, subject="About Saturday")
    write(site, "First", NOON)

    page = client.get(f"/dashboard/contacts/{contact_id}").text

    assert page.index("First") < page.index("Second\nline &lt;b&gt;")
    assert "About Saturday" in page
    assert page.count("Unread") == 2
    assert unread(site) == ["Second\nline <b>", "First"], "reading a page changes nothing"


def test_a_contact_without_messages_has_no_card_for_them(site: Site, client: Client) -> None:
    with site.begin() as session:
        contact_id = capture_contact(
            session,
            site,
            Capture(email="a@example.org", module="entries", activity=Activity(kind="entries.sent")),
        ).contact_id

    assert "panel-message-thread" not in client.get(f"/dashboard/contacts/{contact_id}").text


def test_marking_a_thread_as_read_leaves_what_came_in_meanwhile(site: Site, client: Client) -> None:
    contact_id = write(site, "Seen")
    page = client.get(f"/dashboard/contacts/{contact_id}").text
    (through,) = re.findall(r'name="through" value="(\d+)"', page)
    write(site, "Came in meanwhile", NOON + HOUR)
    write(site, "Of another", email="other@example.org")

    answer = client.post(
        f"/dashboard/contacts/{contact_id}/messages/read", data={"through": through}, follow_redirects=False
    )

    assert answer.headers["location"] == f"/dashboard/contacts/{contact_id}#panel-message-thread"
    assert unread(site) == ["Came in meanwhile", "Of another"]


def test_the_inbox_is_newest_first_and_leads_to_the_profile(site: Site, client: Client) -> None:
    anna = write(site, "From Anna", NOON, subject="Cake")
    write(site, "From Bert " + "x" * 500, NOON + HOUR, email="bert@example.org")

    page = client.get("/dashboard/messages").text

    assert page.index("From Bert") < page.index("From Anna")
    assert f'href="/dashboard/contacts/{anna}#panel-message-thread"' in page
    assert "x" * 300 not in page
    assert re.search(r'<a href="/dashboard/messages" aria-current="page">.*?<span>Messages</span>', page)


def test_the_inbox_goes_on_page_after_page(site: Site, client: Client) -> None:
    for number in range(101):
        contact_id = write(site, f"Number {number:03}.", NOON + HOUR * (number // 2))
    url: str | None = f"/dashboard/messages?contact={contact_id}"
    seen: list[str] = []
    while url:
        page = client.get(url).text
        seen += re.findall(r"Number (\d{3})\.", page)
        older = re.findall(r'href="([^"]+before=[^"]+)"', page)
        url = older[0].replace("&amp;", "&") if older else None

    assert seen == [f"{number:03}" for number in reversed(range(101))]


def test_the_inbox_has_a_line_for_each_thread_with_its_newest_message(site: Site, client: Client) -> None:
    anna = write(site, "Anna's first", NOON)
    write(site, "Anna's last", NOON + HOUR * 2)
    write(site, "Bert's", NOON + HOUR, email="bert@example.org")

    page = client.get("/dashboard/messages").text

    assert "first" not in page
    assert page.index("Anna&#39;s last") < page.index("Bert&#39;s")
    (through,) = re.findall(rf'action="/dashboard/contacts/{anna}/messages/read".*?name="through" value="(\d+)"', page)
    answer = client.post(
        f"/dashboard/contacts/{anna}/messages/read",
        data={"through": through, "next": "/dashboard/messages"},
        follow_redirects=False,
    )
    assert answer.headers["location"] == "/dashboard/messages"
    assert unread(site) == ["Bert's"]


def test_a_message_is_marked_read_and_unread_again_by_undo(site: Site, client: Client) -> None:
    write(site, "One")
    write(site, "Two", NOON + HOUR)
    first = ids(site)[0]
    back = "/dashboard/messages?unread=1"

    answer = client.post(f"/dashboard/messages/{first}/read", data={"next": back}, follow_redirects=False)

    assert answer.headers["location"] == back
    page = client.get(back).text
    assert "Two" in page
    assert "One" not in page
    (undo,) = re.findall(r'action="([^"]+/unread\?[^"]*)"', page)
    client.post(undo.replace("&amp;", "&"), follow_redirects=False)
    assert unread(site) == ["One", "Two"]


def test_the_inbox_of_one_contact_and_of_one_that_does_not_exist(site: Site, client: Client) -> None:
    anna = write(site, "From Anna")
    write(site, "From Bert", email="bert@example.org")

    page = client.get(f"/dashboard/messages?contact={anna}").text

    assert "From Anna" in page
    assert "From Bert" not in page
    assert client.get("/dashboard/messages?contact=99").status_code == 404
    assert client.get("/dashboard/messages?contact=x&before=y").status_code == 200


def test_an_empty_inbox_says_what_will_be_there(site: Site, client: Client) -> None:
    assert "No messages yet" in client.get("/dashboard/messages").text
    assert "Everything is read" in client.get("/dashboard/messages?unread=1").text


@pytest.mark.parametrize("path", ["read", "unread"])
def test_t_z3_a_visitor_marks_nothing(site: Site, path: str) -> None:
    contact_id = write(site, "One")
    (message,) = ids(site)
    with make_client(site) as visitor:
        for url in (
            f"/dashboard/messages/{message}/{path}",
            f"/dashboard/contacts/{contact_id}/messages/read",
        ):
            answer = visitor.post(url, data={"through": str(message)}, follow_redirects=False)
            assert answer.headers["location"].startswith("/dashboard/sign-in")
        assert unread(site) == ["One"]


@pytest.mark.parametrize("message", ["99", "0", "-1", str(2**63)])
def test_a_message_that_does_not_exist(client: Client, message: str) -> None:
    assert client.post(f"/dashboard/messages/{message}/read", follow_redirects=False).status_code == 404
