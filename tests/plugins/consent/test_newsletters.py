"""Newsletters and consent: who is left out and why, before sending and in the moment of it (T-C1, T-C5, M3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

import plugins.consent.plugin as consent
from core import SYSTEM, SendRefused, Site
from core.contacts.models import Contact
from core.messages import feeding
from core.messages.models import Message
from core.testing import make_client
from plugins.consent.changing import state_of
from plugins.consent.purposes import add_purpose
from tests.core.messages.mail_support import add_contact, mail_site, queue, send, staff
from tests.plugins.consent.test_sending import STATES, bring_to
from tests.support.api import use_token
from tests.support.mail import MailServer, mail_server

HERE = "/dashboard/newsletters"
TEXT = re.compile(r"<[^>]*>")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def mailing(tmp_path: Path, database_url: str, server: MailServer) -> Iterator[Site]:
    site = mail_site(tmp_path, database_url, server.url, consent)
    yield site
    site.close()


def own_purpose(site: Site) -> str:
    with site.begin() as session:
        return add_purpose(session, {"de": "Kuchenpost", "en": "Cake post"}, {"de": "Ja", "en": "Yes"}, SYSTEM)


def people_in_every_state(site: Site, purpose: str) -> dict[str, int]:
    """State → a contact in it."""
    people = {}
    for state in STATES:
        if state != "existing_customer" or purpose == "marketing":
            people[state] = add_contact(site, f"{state or 'never'}@example.org", name=state or "never")
            bring_to(site, people[state], purpose, state)
    return people


def letters(site: Site) -> dict[str, str]:
    """Address → state of its letter."""
    with site.session() as session:
        rows = session.execute(select(Contact.email, Message.state).join(Message, Message.contact_id == Contact.id))
        return {row.email: row.state for row in rows}


def words(page: str) -> str:
    """What a page says."""
    return " ".join(TEXT.sub(" ", page).split())


def write(client, **values: str) -> str:  # type: ignore[no-untyped-def]
    """Keep a draft by the form; answers the address of its page."""
    form = {"subject": "Hello {{name}}", "text": "Cake for {{email}}", "purpose": "marketing", "audience": "all"}
    page = client.post(f"{HERE}/new", data={**form, **values})
    assert page.status_code == 200, words(page.text)
    return str(page.url.path)


def send_it(client, path: str) -> None:  # type: ignore[no-untyped-def]
    """Press the button of its page."""
    number = re.search(r'name="number" value="(\d+)"', client.get(path).text)
    assert number
    client.post(f"{path}/send", data={"number": number[1]})


def go_out(site: Site) -> None:
    """What the worker does until nothing is left to do."""
    feeding.run(site)
    while send(site):
        feeding.run(site)
    feeding.run(site)


def test_t_c1_by_every_way_and_for_every_state_only_subscribers_get_advertising(
    mailing: Site, server: MailServer
) -> None:
    topic = own_purpose(mailing)
    purposes = {"marketing": "marketing", topic: f"consent.{topic}"}
    people = people_in_every_state(mailing, "marketing")
    for state, contact_id in people.items():
        bring_to(mailing, contact_id, topic, state if state != "existing_customer" else "")
    with staff(mailing, "manager") as client, make_client(mailing) as program:
        use_token(mailing, program)
        for state, contact_id in people.items():
            for purpose, kind in purposes.items():
                # The page for advertising in general: `test_sending`.
                status = 201 if state == "subscribed" else 400
                answer = program.post(
                    f"/api/v1/contacts/{contact_id}/messages", json={"subject": "A", "text": "B", "purpose": kind}
                )
                assert answer.status_code == status, (state, purpose, answer.text)
                if purpose == topic:
                    form = {"subject": "A", "text": "B", "purpose": kind, "once": purpose}
                    page = client.post(f"/dashboard/contacts/{contact_id}/message", data=form, follow_redirects=False)
                    assert page.status_code == (303 if state == "subscribed" else 422), state
                if state != "subscribed":
                    with pytest.raises(SendRefused):
                        queue(mailing, contact_id, purpose="marketing", topic=kind if "." in kind else "")
        assert letters(mailing) == {"subscribed@example.org": "queued"}
        # What is in the queue by whatever way is stopped in the moment of sending.
        with mailing.begin() as session:
            for contact_id in people.values():
                for kind in ("", f"consent.{topic}"):
                    row = Message(contact_id=contact_id, direction="out", text="C", subject="C", purpose="marketing")
                    row.state, row.topic, row.mail_id = "queued", kind, f"{contact_id}{kind}@example.org"
                    session.add(row)
        send(mailing)
        assert {to for _, to in ((one, one["To"].addresses[0].addr_spec) for one in server.letters)} == {
            "subscribed@example.org"
        }
        assert len(server.letters) == 5, "by the API and out of the queue for both purposes, and by the page"
        server.mails.clear()
        for kind in purposes.values():
            path = write(client, purpose=kind)
            said = words(client.get(path).text)
            assert "1 of 7" in said
            assert sum(int(one) for one in re.findall(r" (\d) × (?:This|Mails|Existing) ", said)) == 6
            send_it(client, path)
        go_out(mailing)
    assert [one["To"].addresses[0].addr_spec for one in server.letters] == ["subscribed@example.org"] * 2


def test_k2_one_click_in_a_newsletter_about_one_topic_ends_that_topic_and_is_counted(
    mailing: Site, server: MailServer
) -> None:
    topic = own_purpose(mailing)
    contact_id = add_contact(mailing, "anna@example.org", name="Anna")
    for purpose in ("marketing", topic):
        bring_to(mailing, contact_id, purpose, "subscribed")
    with staff(mailing, "manager") as client:
        path = write(client, purpose=f"consent.{topic}")
        send_it(client, path)
        go_out(mailing)
        (letter,) = server.letters
        assert letter["Subject"] == "Hello Anna"
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        plain = letter.get_body(("plain",))
        assert plain is not None
        assert "“Cake post”" in plain.get_content()
        link = urlsplit(letter["List-Unsubscribe"].strip("<>")).path
        with make_client(mailing) as stranger:
            stranger.get(link)
            assert "0 by the link" in words(client.get(path).text), "opening it changes nothing"
            for _ in range(2):
                assert stranger.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert "1 by the link" in words(client.get(path).text)
    with mailing.session() as session:
        assert state_of(session, contact_id, topic) == "unsubscribed"
        assert state_of(session, contact_id, "marketing") == "subscribed"


def test_t_c5_who_unsubscribes_while_a_newsletter_goes_out_gets_nothing_any_more(
    mailing: Site, server: MailServer
) -> None:
    people = [add_contact(mailing, f"p{one}@example.org", name=f"P{one}") for one in range(3)]
    for contact_id in people:
        bring_to(mailing, contact_id, "marketing", "subscribed")
    server.data.append("hang")
    with staff(mailing, "manager") as client, ThreadPoolExecutor(1) as pool:
        path = write(client)
        send_it(client, path)
        feeding.run(mailing)
        sending = pool.submit(send, mailing)
        assert server.reached.wait(30)
        # One letter is on its way, two are in the outbox.
        bring_to(mailing, people[2], "marketing", "unsubscribed")
        server.release.set()
        sending.result(60)
        go_out(mailing)
        said = words(client.get(path).text)
        assert "Sent 2 Left out 1" in said
        assert "1 × This person has unsubscribed from advertising." in said
        assert "Nothing to decide" in client.get("/dashboard/messages?show=undecided").text
    assert letters(mailing) == {"p0@example.org": "sent", "p1@example.org": "sent", "p2@example.org": "withdrawn"}
    assert sorted(one["To"].addresses[0].addr_spec for one in server.letters) == ["p0@example.org", "p1@example.org"]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_m3_with_the_module_of_its_topic_off_nobody_gets_a_newsletter(mailing: Site, server: MailServer) -> None:
    topic = own_purpose(mailing)
    bring_to(mailing, add_contact(mailing, "anna@example.org"), topic, "subscribed")
    with staff(mailing, "manager") as client:
        send_it(client, path := write(client, purpose=f"consent.{topic}"))
    feeding.run(mailing)
    off = mailing.switch("consent", on=False)
    go_out(off)
    assert server.mails == []
    assert letters(off) == {"anna@example.org": "withdrawn"}
    with staff(off, "owner") as client:
        assert "It is switched off" in words(client.get(path).text)
        form = {"subject": "A", "text": "B", "purpose": f"consent.{topic}", "audience": "all"}
        assert client.post(f"{HERE}/new", data=form).status_code == 422
        # Nor any other advertising: nobody knows who agreed to it.
        assert "No module that is switched on knows" in words(client.get(write(client)).text)
        data = {"subject": "A", "text": "B", "purpose": "marketing"}
        assert client.post("/dashboard/contacts/1/message", data=data).status_code == 422
