"""„Nachrichten“: e-mails as they came, the pile, who takes care of what, search; outgoing mails without a server."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import evolve
from sqlalchemy import select, update

from core import state
from core.contacts.merging.merging import merge_contacts
from core.mailbox.taking import take_mail
from core.messages.models import Message, MessageThread
from core.staff.models import StaffAccount
from core.testing import make_client, sign_in
from core.values import SYSTEM
from core.web.guarding import CONTENT_SECURITY_POLICY
from tests.core.mailbox.mailbox_support import anna, files_on_disk, incoming, letter, piled, sent_message
from tests.core.messages.mail_support import SENDER, mail_site, queue, send, staff
from tests.support.mail import mail_server

HTML = (
    b"From: Anna <anna@example.com>\r\nSubject: Shown\r\nMessage-ID: <html@example.com>\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<style>b{color:red}</style><script>alert(1)</script>"
    b"<p style='position:fixed' onclick='x()'>Hello <b>you</b> <a href='javascript:x()'>bad</a> "
    b"<a href='https://example.com/'>good</a> <img src='https://example.com/pixel.png' alt='Logo'>"
    b"<form action='/dashboard/sign-out' method='post'><button>Press</button></form><iframe src='/'></iframe>"
    b"<svg><script>alert(2)</script></svg><base href='https://example.net/'>"
    b"<meta http-equiv='refresh' content='0;url=/'>\r\n"
)


def test_m2_html_is_shown_in_a_frame_that_can_do_nothing(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    contact = anna(site)
    take_mail(site, HTML)
    take_mail(site, HTML.replace(b"anna@", b"stranger@").replace(b"<html@", b"<other@"))
    (one,), (other,) = incoming(site), piled(site)
    with staff(site) as client:
        page = client.get(f"/dashboard/messages/{one.id}").text
        assert f'src="/dashboard/messages/{one.id}/html"' in page
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
        assert "<script>alert" not in page
        assert f'href="/dashboard/messages/{one.id}"' in client.get(f"/dashboard/contacts/{contact}").text
        assert f'href="/dashboard/messages/{one.id}"' in client.get("/dashboard/messages").text
        for url in (f"/dashboard/messages/{one.id}/html", f"/dashboard/messages/pile/{other.id}/html"):
            frame = client.get(url)
            policy = frame.headers["content-security-policy"]
            assert "sandbox allow-popups" in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'self'" in policy
            assert "allow-scripts" not in policy
            assert "allow-same-origin" not in policy
            assert "unsafe" not in policy
            assert frame.headers["referrer-policy"] == "no-referrer"
            body = frame.text.partition("<body>")[2]
            assert "Hello <b>you</b>" in body
            link = '<a href="https://example.com/" target="_blank" rel="noopener noreferrer nofollow">good</a>'
            assert link in body
            for bad in ("script", "style", "onclick", "javascript:", "pixel.png"):
                assert bad not in body, bad
            for tag in ("img", "form", "button", "iframe", "base", "meta", "svg"):
                assert f"<{tag}" not in body, tag
        assert "frame-src 'self'" in CONTENT_SECURITY_POLICY
        assert client.get("/dashboard/messages/99999/html").status_code == 404
    with make_client(site) as visitor:
        for url in (f"/dashboard/messages/{one.id}/html", f"/dashboard/messages/pile/{other.id}/files/0"):
            assert visitor.get(url, follow_redirects=False).status_code == 303
    site.close()


def test_m2_the_pile_is_looked_through_and_cleared(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    bert = anna(site, "bert@example.com", "Bert Öztürk")
    for number in range(1, 4):
        take_mail(site, letter(f"Dora <dora{number}@example.net>", f"Question {number}", number=number))
    first, second, third = piled(site)
    with staff(site) as client:
        page = client.get("/dashboard/messages/pile").text
        assert page.count("Unread</span>") >= 3
        assert re.search(r"Not assigned\s*<span class=\"count\">3", client.get("/dashboard/messages").text)
        found = client.get("/dashboard/messages/pile?q=question+2").text
        assert "Question 2" in found
        assert "Question 1" not in found
        here = f"/dashboard/messages/pile/{first.id}"
        assert "Bert Öztürk" in client.get(f"{here}?q=öztürk").text
        assert client.post(f"{here}/assign", data={}).status_code == 422
        assert client.post(f"{here}/assign", data={"contact": "99999"}).status_code == 404
        assert incoming(site) == []

        answer = client.post(f"{here}/assign", data={"contact": str(bert)}, follow_redirects=False)
        assert answer.headers["location"] == f"/dashboard/contacts/{bert}#panel-message-thread"
        assert client.post(f"{here}/assign", data={"contact": str(bert)}).status_code == 404, "filed once"
        client.post(f"/dashboard/messages/pile/{second.id}/contact", follow_redirects=False)
        assert [one.subject for one in incoming(site)] == ["Question 1", "Question 2"]
        thread = client.get(f"/dashboard/contacts/{bert}").text
        assert "dora1@example.net" in thread, "it came from another address, and the thread says so"

        other = f"/dashboard/messages/pile/{third.id}"
        client.post(f"{other}/read", follow_redirects=False)
        assert piled(site)[0].read_at is not None
        assert client.get(f"{other}/remove").status_code == 200
        client.post(f"{other}/remove", follow_redirects=False)
        assert (piled(site), files_on_disk(site)) == ([], [])
        assert "Everything is assigned" in client.get("/dashboard/messages/pile").text
    site.close()


def test_m2_threads_are_assigned_searched_and_marked(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    contact, other = anna(site), anna(site, "bert@example.com", "Bert")
    take_mail(site, letter(text="About the Törtchen"))
    take_mail(site, letter("Bert <bert@example.com>", "Greeting", "Hello", number=2))
    advertising = queue(site, contact, "Advertising", "Törtchen for all")
    with site.begin() as session:
        # No plugin of this site says who may be sent advertising, so none can be queued.
        session.execute(update(Message).where(Message.id == advertising).values(purpose="marketing"))
    with staff(site) as client:
        with site.session() as session:
            (me,) = session.scalars(select(StaffAccount.id)).all()

        def shown(query: str) -> str:
            return client.get(f"/dashboard/messages{query}").text

        assign = f"/dashboard/contacts/{contact}/messages/assign"
        assert "Nobody" in client.get(assign).text
        assert client.post(assign, data={"assignee": "999"}).status_code == 422
        assert client.post(assign, data={"assignee": "x"}).status_code == 422
        with site.session() as session:
            assert session.scalars(select(MessageThread.contact_id)).all() == []
        client.post(assign, data={"assignee": str(me), "next": "/dashboard/messages"}, follow_redirects=False)
        assert "Anna Müller" in shown("?show=mine")
        assert "Anna Müller" not in shown("?show=nobody")
        assert "Bert" in shown("?show=nobody")

        found = shown("?q=törtchen")
        assert "About the" in found
        assert "for all" not in found, "what went to many is none of it"
        assert "Hello" in shown("?q=bert+greet")
        assert "Nothing found" in shown("?q=bert+törtchen")
        assert shown("?q=%25%00_")

        take_mail(site, letter(more="Auto-Submitted: auto-replied\r\n", subject="Away", number=3))
        page = shown(f"?contact={contact}")
        assert "Automatic" in page
        (away,) = [one.id for one in incoming(site) if one.automatic]
        client.post(f"/dashboard/messages/{away}/unread", follow_redirects=False)
        assert "Away" in shown("?unread=1")

        with site.begin() as session:
            merge_contacts(session, site, kept_id=other, merged_id=contact, actor=SYSTEM)
        assert "Bert" in shown("?show=mine"), "the thread stays with who takes care of it"
        client.post(f"/dashboard/contacts/{other}/messages/assign", data={"assignee": ""}, follow_redirects=False)
        with site.session() as session:
            assert session.scalars(select(MessageThread.contact_id)).all() == []
    site.close()


def test_m2_answers_go_to_their_own_address_and_answer_what_was_written(tmp_path: Path, database_url: str) -> None:
    with mail_server() as server:
        site = mail_site(tmp_path, database_url, server.url)
        contact = anna(site)
        queue(site, contact)
        send(site)
        assert server.letters[0]["Reply-To"] is None
        assert server.envelopes[0][0] == SENDER
        with site.begin() as session:
            state.save_setting(session, "mailbox.answer_email", "antwort@example.org")
            state.save_setting(session, "mailbox.plus", "yes")
        site = site.refreshed()
        take_mail(site, letter())
        (question,) = incoming(site)
        with staff(site) as client:
            client.post(
                f"/dashboard/contacts/{contact}/message",
                data={"subject": "Re: Question", "text": "At eight.", "purpose": "personal", "reply": str(question.id)},
                follow_redirects=False,
            )
        send(site)
        sent = server.letters[1]
        address = sent["Reply-To"].addresses[0].addr_spec
        assert re.fullmatch(r"antwort\+[0-9a-z]+-[a-z2-7]{20}@example\.org", address)
        assert server.envelopes[1][0] == address, "what can't be delivered comes back there too"
        assert sent["In-Reply-To"] == "<mail-1@example.com>"
        back = letter("Somebody <else@example.net>", more=f"To: {address}\r\n", number=2)
        assert take_mail(site, back) == "thread"

        # Another domain would make the envelope look forged: only the address for answers is there.
        with site.begin() as session:
            state.save_setting(session, "mailbox.answer_email", "antwort@example.net")
        site = site.refreshed()
        queue(site, contact)
        send(site)
        assert server.letters[2]["Reply-To"].addresses[0].domain == "example.net"
        assert server.envelopes[2][0].endswith("@example.org")
        site.close()


def test_m1_without_a_mail_server_mails_are_seen_as_they_would_go_out(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    contact = anna(site)
    waiting = queue(site, contact, "Please confirm", "Press https://crm.example.org/confirm/abc\n\nThanks")
    with make_client(site) as owner, staff(site) as assistant:
        sign_in(site, owner, "owner")
        owner.headers["accept-language"] = "en"
        assert "Please confirm" in owner.get("/dashboard/messages/outgoing").text
        page = owner.get(f"/dashboard/messages/outgoing/{waiting}").text
        assert '<a href="https://crm.example.org/confirm/abc">' in page
        assert "anna@example.com" in page
        frame = owner.get(f"/dashboard/messages/outgoing/{waiting}/html")
        assert 'href="https://crm.example.org/confirm/abc" target="_blank"' in frame.text
        policy = frame.headers["content-security-policy"]
        assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'" in policy
        assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
        assert "<table" in frame.text, "as it goes out, with its styles"
        with site.session() as session:
            assert session.get_one(Message, waiting).state == "queued", "looking sends nothing"
        for url in ("outgoing", f"outgoing/{waiting}", f"outgoing/{waiting}/html"):
            assert assistant.get(f"/dashboard/messages/{url}").status_code == 403
    # Links for one person alone: with a mail server nobody else sees them.
    sending = evolve(site, settings=evolve(site.settings, smtp_url="smtp://127.0.0.1:1"))
    with make_client(sending) as again:
        again.cookies.update(owner.cookies)
        owner = again
        assert owner.get("/dashboard/messages/outgoing").status_code == 404
        assert owner.get(f"/dashboard/messages/outgoing/{waiting}").status_code == 404
        assert "Outgoing e-mails" not in owner.get("/dashboard/messages").text
    site.close()


def test_m2_the_mailbox_page_says_how_it_stands(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")

    with make_client(site) as client:
        sign_in(site, client, "owner")
        client.headers["accept-language"] = "en"
        assert "No mailbox is connected" in client.get("/dashboard/messages/mailbox").text
        cookies = client.cookies
    connected = evolve(site, settings=evolve(site.settings, imap_url="imap://us:secret@127.0.0.1:1/"))
    with make_client(connected) as client:
        client.cookies.update(cookies)
        client.headers["accept-language"] = "en"
        assert "Not yet" in client.get("/dashboard/messages/mailbox").text
        client.post("/dashboard/messages/mailbox/look", follow_redirects=False)
        text = client.get("/dashboard/messages/mailbox").text
        assert "The mail server refuses the connection." in text
        assert "secret" not in text
    site.close()


def test_t_z3_a_visitor_changes_nothing_in_the_pile(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    contact = anna(site)
    take_mail(site, letter("Dora <dora@example.net>"))
    (before,) = piled(site)
    with make_client(site) as visitor:
        for path in ("assign", "contact", "remove", "read", "unread"):
            url = f"/dashboard/messages/pile/{before.id}/{path}"
            answer = visitor.post(url, data={"contact": str(contact)}, follow_redirects=False)
            assert answer.headers["location"].startswith("/dashboard/sign-in")
    (after,) = piled(site)
    assert (after.read_at, incoming(site)) == (before.read_at, [])
    site.close()


def test_t_m6_a_bounced_message_can_be_sent_again(tmp_path: Path, database_url: str) -> None:
    from tests.core.mailbox.samples import SAMPLES

    site = mail_site(tmp_path, database_url, "")
    contact = anna(site)
    message_id, mail_id = sent_message(site, contact)
    take_mail(site, SAMPLES[0].written(mail_id, "laden@example.org", 1, "\n"))
    with staff(site) as client:
        page = client.get("/dashboard/messages?show=undecided").text
        assert "Recipient address rejected" in page
        client.post(f"/dashboard/messages/{message_id}/resend", follow_redirects=False)
    with site.session() as session:
        again = session.get_one(Message, message_id)
        assert (again.state, again.bounced_at, again.reply) == ("queued", None, "")
    site.close()
