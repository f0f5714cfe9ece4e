"""Newsletters: written, looked at, sent once in batches, stopped and gone on with (FEATURES M1, M3, L7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core import Site, current_contact_id
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Contact, now
from core.contacts.segments import Keeper, add_segment
from core.contacts.views import read_view
from core.messages import feeding, newsletters
from core.messages.models import Message, Newsletter, NewsletterFile, NewsletterRecipient
from core.messages.newsletter_numbers import numbers_of
from core.messages.newsletters import Draft, DraftChanged, change_draft
from core.testing import count_queries
from core.values import Actor
from core.web.application import Application
from tests.core.contacts.test_races import _deferred
from tests.core.messages.mail_support import ADA, add_contact, mail_site, message, queue, send, staff
from tests.sample_plugin import plugin as sample
from tests.support.mail import MailServer
from tests.support.plugins import plugin_module

HERE = "/dashboard/newsletters"
Client = TestClient[Application]


@pytest.fixture
def site(tmp_path: Path, database_url: str, server: MailServer) -> Iterator[Site]:
    site = mail_site(tmp_path, database_url, server.url, sample)
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with staff(site, "owner") as client:
        yield client


def people(site: Site, number: int, domain: str = "example.org") -> list[int]:
    """So many contacts, written at once."""
    addresses = [f"p{one}@{domain}" for one in range(number)]
    rows = [{"email": one, "email_key": one, "name": one.split("@")[0], "joined_at": now()} for one in addresses]
    with site.begin() as session:
        return list(session.scalars(insert(Contact).returning(Contact.id), rows))


def write(client: Client, files: Any = None, **values: str) -> str:
    """Keep a draft by the form; answers the address of its page."""
    form = {"subject": "Hello {{name}}", "text": "Cake for {{email}}", "purpose": "system", "audience": "all"}
    page = client.post(f"{HERE}/new", data={**form, **values}, files=files)
    assert page.status_code == 200, words(page.text)
    return str(page.url.path)


def words(page: str) -> str:
    """What a page says."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def press_send(client: Client, path: str) -> str:
    """Send it to as many as the page says; answers what the next page says."""
    number = re.search(r'name="number" value="(\d+)"', client.get(path).text)
    assert number
    return words(client.post(f"{path}/send", data={"number": number[1]}).text)


def go_out(site: Site) -> None:
    """What the worker does until nothing is left to do."""
    feeding.run(site)
    while send(site):
        feeding.run(site)
    feeding.run(site)


def newsletter(site: Site) -> Newsletter:
    with site.session() as session:
        return session.scalars(select(Newsletter).order_by(Newsletter.id.desc()).limit(1)).one()


def recipients(server: MailServer) -> list[str]:
    return sorted(one["To"].addresses[0].addr_spec for one in server.letters)


def test_m1_chosen_contacts_each_get_a_letter_of_their_own(site: Site, client: Client, server: MailServer) -> None:
    first, second, third = people(site, 3)
    silent = people(site, 1, "silent.example.org")[0]
    chosen = {"action": "message.write", "id": [str(first), str(second), str(silent)]}
    form = client.post("/dashboard/contacts/bulk", data=chosen)
    assert "3 contacts are chosen." in words(form.text)
    selection = re.search(r'name="selection" value="(\d+)"', form.text)
    assert selection
    once = {"selection": selection[1], "once": "x"}
    attached = {"files": ("plan.txt", BytesIO(b"the plan"), "text/plain")}
    path = write(client, attached, **once)
    assert write(client, **once) == path, "the button pressed twice makes one draft"

    page = words(client.get(path).text)
    assert "Hello p1" in page
    assert "Cake for p1@example.org" in page
    assert "Collect points." in page, "what plugins put below it is shown"
    assert "2 of 3" in page
    assert re.search(r" 1 × This person wants no mail.", page)
    looked = client.get(f"{path}?to=p0@example.org").text
    assert "Cake for p0@example.org" in words(looked)
    frame = re.search(r'<iframe class="mail-frame" src="([^"]+)"', looked)
    assert frame
    letter_page = client.get(frame[1])
    assert "Cake for p0@example.org" in letter_page.text
    assert "Bäckerei Lindner" in letter_page.text
    assert "Collect points." in letter_page.text
    assert "sandbox" in letter_page.headers["content-security-policy"]
    assert "This person wants no mail." in words(client.get(f"{path}?to={silent}").text)
    assert "The test is sent to" in words(client.post(f"{path}/test", data={"to": str(first)}).text)
    (test,) = server.letters
    assert (test["To"].addresses[0].addr_spec, test["Subject"]) == ("owner@staff.example.org", "Test: Hello p0")
    server.mails.clear()

    assert "Being sent" in press_send(client, path)
    assert client.post(f"{path}/send", data={"number": "2"}).status_code == 200
    go_out(site)

    assert recipients(server) == ["p0@example.org", "p1@example.org"]
    for letter in server.letters:
        assert [one.get_filename() for one in letter.iter_attachments()] == ["plan.txt"]
        assert letter["X-Points"] == "yes"
    said = words(client.get(path).text)
    assert "Sent 2 Left out 1 Failed 0" in said
    assert newsletter(site).state == "sent"
    assert "p1" in client.get(f"/dashboard/contacts/{second}").text
    assert "Hello p0" not in client.get("/dashboard/messages").text, "the inbox is for conversations"
    assert third not in {row.contact_id for row in _letters(site)}
    with count_queries(site) as few:
        client.get(HERE)
    for _ in range(3):
        write(client)
    with count_queries(site) as many:
        client.get(HERE)
    # Whether the settings have changed is asked once in a while.
    asked = [[one for one in queries.statements if "site_state" not in one] for queries in (few, many)]
    assert len(asked[0]) == len(asked[1])


def _letters(site: Site) -> list[Message]:
    with site.session() as session:
        return list(session.scalars(select(Message).where(Message.newsletter_id.is_not(None)).order_by(Message.id)))


def test_m1_what_is_typed_is_checked_and_kept_and_a_draft_is_changed_and_removed(site: Site, client: Client) -> None:
    people(site, 1)
    wrong = {"subject": "{{name}}", "text": "Hi {{x}}", "purpose": "joke", "audience": "segment:9"}
    page = client.post(f"{HERE}/new", data=wrong)
    assert page.status_code == 422
    assert re.findall(r'id="field-(\w+)-error"', page.text) == ["audience", "purpose", "subject", "text"]
    assert "Hi {{x}}" in page.text
    for text in ("Bcc: =?utf-8?q?a=0ABcc:_eve@evil.example?=", "{{name.__class__}}"):
        form = {**wrong, "subject": text, "text": "Hi", "purpose": "system", "audience": "all"}
        assert client.post(f"{HERE}/new", data=form).status_code == 422
    assert newsletter_count(site) == 0

    path = write(client, {"files": ("a.txt", BytesIO(b"a"), "text/plain")}, purpose="sample_plugin.club")
    assert "Advertising: Club of points" in words(client.get(path).text)
    with site.session() as session:
        file = session.scalars(select(NewsletterFile)).one()
    stored = site.settings.data_dir / "files" / file.stored_name[:2] / file.stored_name
    assert stored.exists()
    edited = {
        "subject": "New",
        "text": "Hi",
        "purpose": "marketing",
        "audience": "all",
        "removed": str(file.id),
        "version": "1",
    }
    assert "New" in words(client.post(f"{path}/edit", data=edited).text)
    assert not stored.exists()
    row = newsletter(site)
    assert (row.subject, row.purpose, row.topic) == ("New", "marketing", "")
    assert "The draft is removed." in words(client.post(f"{path}/remove").text)
    assert newsletter_count(site) == 0
    assert client.get(path).status_code == 404


def test_t_f1_two_who_write_one_draft_see_what_the_other_wrote(site: Site, client: Client, server: MailServer) -> None:
    people(site, 1)
    path = write(client)
    with staff(site, "manager") as second:

        def opened(by: Client, **typed: str) -> dict[str, str]:
            version = re.search(r'name="version" value="(\d+)"', by.get(f"{path}/edit").text)
            assert version
            return {
                "subject": "Hello",
                "text": "Cake",
                "purpose": "system",
                "audience": "all",
                "version": version[1],
            } | typed

        first, late = opened(client, text="Bread for all"), opened(second, text="Cake\r\nfor all", subject="News")
        seen = re.findall(r'name="(version|number|to)" value="(\d+)"', second.get(path).text)
        client.post(f"{path}/edit", data=first)
        page = second.post(f"{path}/edit", data=late, files={"files": ("a.txt", BytesIO(b"a"), "text/plain")})
        assert page.status_code == 409
        said = words(page.text)
        for part in ("Someone else was faster", "Saved by Owner", "Bread for all", "Cake for all", "News"):
            assert part in said, part
        row = newsletter(site)
        assert (row.subject, row.text, row.version) == ("Hello", "Bread for all", 2), "nothing was lost by being late"
        with site.session() as session:
            assert session.scalars(select(NewsletterFile)).all() == []

        # What the manager looked at is not what would go out now.
        refused = second.post(f"{path}/send", data=dict(seen))
        assert refused.status_code == 422
        assert "This newsletter was changed in the meantime." in words(refused.text)
        assert newsletter(site).state == "draft"

        # The choice counts against what was shown, not against what is stored by then.
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)) | {"choose-text": "theirs"}
        assert hidden["version"] == "2"
        client.post(f"{path}/edit", data=opened(client, text="Rolls"))
        assert second.post(f"{path}/edit", data={**hidden, "choose-subject": "yours"}).status_code == 409
        assert newsletter(site).text == "Rolls"
        again = {**hidden, "version": "3", "choose-subject": "yours"}
        assert second.post(f"{path}/edit", data=again, follow_redirects=False).status_code == 303
        row = newsletter(site)
        assert (row.subject, row.text, row.version, row.changed_by) == ("News", "Rolls", 4, "Manager")
        # The same written twice is no conflict, and „all of mine“ is mine.
        same = {**late, "subject": "News", "text": "Rolls"}
        assert second.post(f"{path}/edit", data=same, follow_redirects=False).status_code == 303
        mine = {**late, "version": "5", "choose-text": "theirs", "take": "yours"}
        assert second.post(f"{path}/edit", data=mine, follow_redirects=False).status_code == 303
        assert newsletter(site).text == "Cake\nfor all"


def save_draft(site: Site, path: str, who: int) -> str:
    """What comes of saving what was opened in its first version."""
    draft = Draft(subject=f"S{who}", text="T", purpose="system", topic="", audience="all")
    actor = Actor(kind="staff", id=who, name=str(who))
    try:
        with site.begin() as session:
            change_draft(session, site, int(path.rpartition("/")[2]), draft, version=1, actor=actor)
    except DraftChanged:
        return "told"
    except OperationalError:
        return "failed"
    return "saved"


def test_t_f1_of_some_who_save_at_once_all_but_one_are_told(site: Site, client: Client) -> None:
    path = write(client)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(partial(save_draft, site, path), range(1, 5))) == ["saved", "told", "told", "told"]
    assert newsletter(site).version == 2


def test_t_f1_control_who_holds_nothing_tells_nobody(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, meeting = write(client), Barrier(2)

    def look(session: Session, newsletter_id: int) -> Newsletter:
        row = session.get_one(Newsletter, newsletter_id)
        meeting.wait(timeout=20)
        return row

    # Both have looked before either writes.
    monkeypatch.setattr(newsletters, "_hold", look)
    if site.database.is_sqlite:
        monkeypatch.setattr(Site, "begin", lambda site: _deferred(site))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(partial(save_draft, site, path), (1, 2)))

    # The second overwrites the first, or SQLite gives one of them up.
    assert "told" not in results, results


def newsletter_count(site: Site) -> int:
    with site.session() as session:
        return len(session.scalars(select(Newsletter.id)).all())


def test_m3_a_view_is_settled_when_it_is_sent_and_only_to_as_many_as_were_seen(
    site: Site, client: Client, server: MailServer
) -> None:
    people(site, 2)
    with site.begin() as session:
        view = read_view([("q", "p")], site, lambda _: True)
        keeper = Keeper(account_id=1, may_share=True)
        segment = add_segment(session, site, keeper, view, name="All the Ps", shared=True, layout=())
    path = write(client, audience=f"segment:{segment}")
    assert "All the Ps" in words(client.get(path).text)
    people(site, 1, "example.net")
    refused = client.post(f"{path}/send", data={"number": "2"})
    assert refused.status_code == 422
    assert "The number of those who get it has changed" in words(refused.text)
    assert newsletter(site).state == "draft"
    press_send(client, path)
    people(site, 1, "example.com")
    go_out(site)
    assert len(server.mails) == 3, "who came after it was sent is not meant"
    with site.begin() as session:
        from core.contacts.models import Segment

        session.execute(delete(Segment))
    assert "All the Ps" in words(client.get(path).text)
    gone = write(client)
    with site.begin() as session:
        session.execute(update(Newsletter).where(Newsletter.state == "draft").values(audience="segment", segment_id=99))
    assert "This can’t be sent now" in client.get(gone).text
    assert client.post(f"{gone}/send", data={"number": "0"}).status_code in (404, 422)
    assert len(server.mails) == 3


def test_m3_stopped_and_gone_on_with_nobody_gets_it_twice(
    site: Site, client: Client, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = people(site, 7)
    monkeypatch.setattr(feeding, "BATCH", 2)
    monkeypatch.setattr(feeding, "ROOM", 4)
    path = write(client)
    press_send(client, path)
    feeding.run(site)
    assert len(_letters(site)) == 4, "the outbox is never filled with one newsletter"
    personal = queue(site, ids[6], subject="Your cake")
    monkeypatch.setattr("core.messages.sending.BUDGET", 0.0)
    from core.messages import outbox

    with site.begin() as session:
        assert outbox.claim(session, "test") == personal, "what is not to many goes out first"
        session.execute(update(Message).where(Message.id == personal).values(state="withdrawn"))
    monkeypatch.undo()
    monkeypatch.setattr(feeding, "BATCH", 2)
    monkeypatch.setattr(feeding, "ROOM", 4)
    server.rcpt.append("550 no such person")
    send(site)
    assert len(server.mails) == 3

    assert "Nothing more of it is sent." in words(client.post(f"{path}/stop").text)
    feeding.run(site)
    assert send(site) == 0
    assert "3 people have not got it." in words(client.get(path).text)
    assert client.post(f"{path}/stop").status_code == 409
    client.post(f"{path}/go-on")
    merged, kept = ids[5], ids[0]
    with site.begin() as session:
        # One that waits becomes part of one that has it; and another is erased.
        merge_contacts(session, site, kept, merged, actor=ADA)
        assert current_contact_id(session, merged) == kept
        session.execute(delete(Contact).where(Contact.id == ids[6]))
    go_out(site)

    assert recipients(server) == ["p1@example.org", "p2@example.org", "p3@example.org", "p4@example.org"]
    said = words(client.get(path).text)
    assert "Sent 4 Left out 1 Failed 1 Came back 0" in said
    assert "550 no such person" in said
    assert "1 contact was deleted since." in said
    with site.session() as session:
        row = session.scalars(select(Newsletter)).one()
        numbers = numbers_of(session, [row])[row.id]
    assert (row.state, numbers.chosen, numbers.waiting, numbers.gone) == ("sent", 7, 0, 1)
    assert "Nothing to decide" in client.get("/dashboard/messages?show=undecided").text


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_m3_a_plugin_that_can_not_say_who_gets_it_stops_it(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    def breaks() -> None:
        raise ValueError("no paper")

    bad = plugin_module("bad", may_send_many=breaks, message_topics=breaks)
    site = mail_site(tmp_path, database_url, server.url, bad)
    people(site, 1)
    with staff(site, "owner") as client:
        path = write(client)
        assert "bad: It could not say whether this message may be sent." in words(client.get(path).text)
        assert client.post(f"{path}/send", data={"number": "1"}).status_code == 422
        with site.begin() as session:
            session.execute(update(Newsletter).values(state="sending"))
            row = session.scalars(select(Newsletter)).one()
            session.add(NewsletterRecipient(newsletter_id=row.id, contact_id=1))
        go_out(site)
        assert "ValueError: no paper" in client.get("/dashboard/modules").text
    assert server.mails == []
    assert newsletter(site).state == "sending", "it waits until the plugin is mended"
    site.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_z5_nobody_writes_to_the_contacts_that_another_chose(site: Site, client: Client) -> None:
    (contact_id,) = people(site, 1)
    form = client.post("/dashboard/contacts/bulk", data={"action": "message.write", "id": [str(contact_id)]})
    selection = re.search(r'name="selection" value="(\d+)"', form.text)
    assert selection
    with staff(site, "manager") as other:
        assert other.get(f"{HERE}/new?selection={selection[1]}").status_code == 404
        data = {"subject": "A", "text": "B", "purpose": "personal", "selection": selection[1]}
        assert other.post(f"{HERE}/new", data=data).status_code == 404
    with staff(site, "assistant") as assistant:
        assert assistant.get(HERE).status_code == 403
    assert newsletter_count(site) == 0


def test_h6_messages_over_the_api(site: Site, client: Client) -> None:
    from tests.support.api import use_token

    contact_id = add_contact(site)
    use_token(site, client)
    path = f"/api/v1/contacts/{contact_id}/messages"
    headers = {"Idempotency-Key": "one"}
    new = {"subject": "Your cake", "text": "It is ready.", "purpose": "personal"}
    answers = [client.post(path, json=new, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    stored = message(site, answers[0].json()["id"])
    assert (stored.state, stored.author_name, stored.purpose) == ("queued", "Prog", "personal")
    for wrong in ({**new, "purpose": "joke"}, {**new, "subject": "a\r\nBcc: e@evil.example\x07"}, {**new, "text": ""}):
        assert client.post(path, json=wrong).status_code == 400
    page = client.get(path, params={"limit": 1}).json()
    assert [one["subject"] for one in page["messages"]] == ["Your cake"]
    assert page["older"] is None
    kinds = client.get("/api/v1/message-kinds").json()["kinds"]
    assert [one["purpose"] for one in kinds] == ["personal", "system", "marketing", "sample_plugin.club"]
    assert client.get("/api/v1/contacts/999/messages").status_code == 404
