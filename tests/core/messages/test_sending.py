"""Sending: once, retried while the server is away, never lost, never twice (FEATURES M1; THREATS T-M1, T-M2, T-M5)."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from core import SendVerdict, Site
from core.contacts.models import Contact, now
from core.errors import Conflict, InvalidInput, SettingsError
from core.messages import outbox
from core.messages.decisions import resend, settle, treat_as_sent, withdraw
from core.messages.mail_html import contrast, mail_colours
from core.messages.mail_server import parse_smtp_url
from core.messages.models import Message
from core.messages.sending import send_due
from core.state import PluginFailure
from core.testing import run_due_jobs
from tests.core.messages.mail_support import (
    ADA,
    SENDER,
    add_contact,
    logged,
    mail_site,
    message,
    queue,
    send,
    states,
)
from tests.support.mail import MailServer
from tests.support.plugins import plugin_module
from tests.support.postgres import free_port


def test_m1_a_queued_message_is_sent_once_by_the_worker(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    message_id = queue(mailing, contact_id, "Ihre Törtchen", "Guten Tag,\n\nsiehe https://example.org/a?b=1&c=2.\n.x")

    run_due_jobs(mailing)
    run_due_jobs(mailing)
    send(mailing)

    (letter,) = server.letters
    assert server.envelopes == [(SENDER, ["anna@example.org"])]
    assert str(letter["From"]) == f"Bäckerei Lindner <{SENDER}>"
    assert str(letter["To"]) == "Anna Müller <anna@example.org>"
    assert letter["Subject"] == "Ihre Törtchen"
    plain, html = (letter.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == [
        "Guten Tag,", "", "siehe https://example.org/a?b=1&c=2.", ".x", "", "-- ", "Bäckerei Lindner",
        "https://crm.example.org", "Your account with us: https://crm.example.org/account",
    ]  # fmt: skip
    said = html.get_content()
    assert '<a href="https://example.org/a?b=1&amp;c=2" ' in said
    body = said.partition("<body")[2]
    assert body.count("Bäckerei Lindner") == 2, "the site's name above, its signature below"
    assert 'bgcolor="#2457d6"' in body, "the site's colour"
    assert re.findall(r"<(?:img|link|script)|url\(", said) == [], "a mail loads nothing"
    stored = message(mailing, message_id)
    assert letter["Message-ID"] == f"<{stored.mail_id}>"
    assert stored.mail_id.endswith("@crm.example.org")
    assert (stored.state, stored.recipient, stored.attempts) == ("sent", "anna@example.org", 1)
    assert stored.reply == "250 2.0.0 Ok: queued as ABC123"
    assert logged(mailing, contact_id) == [("message.sent", "Ihre Törtchen")]


def test_m1_links_are_readable_whatever_colour_the_site_has() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    for accent in ("#2457d6", "#ffffff", "#000000", "#ffee00", "#e0a020", "#00ff66", "#777777", "#1f1f1d"):
        colours = mail_colours(accent)
        assert colours["accent"] == accent
        assert contrast(colours["link"], colours["paper"]) >= 4.5, accent
        assert contrast(colours["link_night"], colours["night"]) >= 4.5, accent
    assert mail_colours("#2457d6")["link"] == "#2457d6", "one that can be read stays as it is"


def test_m1_what_is_said_in_html_is_escaped_and_no_script_becomes_a_link(mailing: Site, server: MailServer) -> None:
    queue(
        mailing, add_contact(mailing), "<b>", "<script>alert(1)</script> javascript:alert(1) data:text/html,x {{7*7}}"
    )

    send(mailing)

    html = server.letters[0].get_body(("html",))
    assert html is not None
    text = html.get_content()
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "javascript:alert(1) data:text/html,x {{7*7}}" in text
    assert text.count("<a href") == 2, "the site's own address, and its Client Zone"


def test_m1_without_a_mail_server_or_a_sender_a_message_waits(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    queue(site, add_contact(site))
    assert send(site) == 0
    assert states(site) == ["queued"]
    site.close()

    site = mail_site(tmp_path, database_url, f"smtp://127.0.0.1:{free_port()}", sender="")
    assert send(site) == 0
    assert states(site) == ["queued"]
    site.close()


def test_t_m2_while_the_server_is_away_everything_waits_longer_and_longer(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, f"smtp://127.0.0.1:{free_port()}?timeout=2")
    contact_id = add_contact(site)
    ids = [queue(site, contact_id, f"Number {number}") for number in range(3)]

    waits = []
    for _ in range(3):
        assert send(site) == 1, "the others are not tried one after the other"
        first = message(site, ids[0])
        assert first.next_at is not None
        waits.append(round((first.next_at - now()).total_seconds() / 60))
        assert send_due(site) == 0, "nothing is due"
    assert waits == [1, 2, 4]
    assert states(site) == ["queued"] * 3
    assert message(site, ids[2]).reply == "The mail server refuses the connection."
    site.close()

    site = mail_site(tmp_path, database_url, server.url)
    assert send(site) == 3
    assert states(site) == ["sent"] * 3
    assert [letter["Subject"] for letter in server.letters] == ["Number 0", "Number 1", "Number 2"]
    site.close()


def test_t_m2_the_waits_end_at_an_hour_and_after_five_days() -> None:
    waits = [outbox.waiting_time(attempts) for attempts in range(1, outbox.ATTEMPTS + 1)]

    assert waits[0] == timedelta(minutes=1)
    assert max(waits) == timedelta(hours=1)
    assert timedelta(days=4) < sum(waits, timedelta()) < timedelta(days=6)


@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_t_m2_put_off_is_tried_again_and_refused_is_not(mailing: Site, server: MailServer, step: str) -> None:
    contact_id = add_contact(mailing)
    answers = getattr(server, step)
    answers.append("451 4.7.1 Greylisted, try again later")
    message_id = queue(mailing, contact_id)

    assert send(mailing) == 1
    put_off = message(mailing, message_id)
    assert (put_off.state, put_off.reply) == ("queued", "451 4.7.1 Greylisted, try again later")
    assert put_off.handed_at is None

    answers.append("550 5.1.1 No such <user>")
    assert send(mailing) == 1
    assert send(mailing) == 0
    refused = message(mailing, message_id)
    assert (refused.state, refused.reply, refused.attempts) == ("failed", "550 5.1.1 No such <user>", 2)
    assert logged(mailing, contact_id) == [("message.failed", "Your cake")]
    assert server.mails == []


def test_t_m2_a_message_after_a_refused_one_is_sent_over_the_same_connection(mailing: Site, server: MailServer) -> None:
    server.rcpt.append("550 5.1.1 No such user")
    queue(mailing, add_contact(mailing, "gone@example.org"))
    queue(mailing, add_contact(mailing, "here@example.org"))

    assert send(mailing) == 2

    assert states(mailing) == ["failed", "sent"]


def test_t_m2_a_server_that_ends_the_connection_after_a_message_is_asked_on_a_new_one(
    mailing: Site, server: MailServer
) -> None:
    contact_id = add_contact(mailing)
    queue(mailing, contact_id, "First")
    queue(mailing, contact_id, "Second")
    server.rcpt += ["250 OK", "421 4.7.0 Too many messages on this connection"]

    assert send(mailing) == 2

    assert states(mailing) == ["sent", "sent"]


def test_a_server_without_the_encryption_asked_for_gets_nothing(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    url = server.url.replace("smtp://", "smtp://ada:secret-word@") + "?starttls=yes&timeout=2"
    site = mail_site(tmp_path, database_url, url)
    message_id = queue(site, add_contact(site))

    send(site)

    assert message(site, message_id).state == "queued"
    assert "does not offer the encryption" in message(site, message_id).reply
    assert "secret-word" not in repr(site.settings)
    site.close()


def test_a_recipient_beyond_ascii_is_named_as_the_server_takes_it(mailing: Site, server: MailServer) -> None:
    queue(mailing, add_contact(mailing, "anna@bücher.example"))
    queue(mailing, add_contact(mailing, "jörg@bücher.example"))

    send(mailing)

    assert [to for _, to in server.envelopes] == [["anna@xn--bcher-kva.example"], ["jörg@xn--bcher-kva.example"]]
    assert states(mailing) == ["sent", "sent"]


# T-M1: headers

EVIL = (
    "Hello\r\nBcc: eve@evil.example",
    "Hello\nBcc: eve@evil.example",
    "=?utf-8?q?Hello=0ABcc:_eve@evil.example?=",
    "=?utf-8?B?SGVsbG8KQmNjOiBldmVAZXZpbC5leGFtcGxl?=",
    "Hello\u2028Bcc: eve@evil.example",
    "Hello\x0bBcc: eve@evil.example",
)


@pytest.mark.parametrize("evil", EVIL)
def test_t_m1_a_subject_with_a_line_break_or_an_encoded_word_is_refused(mailing: Site, evil: str) -> None:
    contact_id = add_contact(mailing)

    with pytest.raises(InvalidInput) as refused:
        queue(mailing, contact_id, evil)

    assert refused.value.field == "subject"
    assert states(mailing) == []


@pytest.mark.parametrize("evil", EVIL)
def test_t_m1_names_that_others_chose_add_no_header(
    mailing: Site, server: MailServer, evil: str, caplog: pytest.LogCaptureFixture
) -> None:
    contact_id = add_contact(mailing)
    with mailing.begin() as session:
        # As if it had come in by an old import, past every check.
        session.execute(update(Contact).values(name=evil))
        queue_id = _queue_with_file(mailing, session, contact_id, evil)

    send(mailing)

    (letter,) = server.letters
    assert letter["Bcc"] is None
    assert b"\nBcc:" not in server.mails[0]
    assert server.envelopes == [(SENDER, ["anna@example.org"])]
    assert message(mailing, queue_id).state == "sent"


def _queue_with_file(site: Site, session: object, contact_id: int, name: str) -> int:
    from io import BytesIO

    from attrs import evolve

    from core import queue_message, storing

    with storing(site.settings.data_dir) as store:
        saved = evolve(store.save("a.txt", BytesIO(b"hello")), name=name)
    return queue_message(session, site, contact_id, "Hello", "Text", "personal", actor=ADA, files=[saved])  # type: ignore[arg-type]


def test_t_m1_what_a_server_says_is_stored_in_one_line(mailing: Site, server: MailServer) -> None:
    message_id = queue(mailing, add_contact(mailing))
    server.data.append("550-first\r\n550 \x1b[31msecond\t end")

    send(mailing)

    assert message(mailing, message_id).reply == "550 first [31msecond end"


# What staff decide


def test_t_m3_a_connection_that_ends_after_the_text_leaves_it_to_staff(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    message_id = queue(mailing, contact_id)
    server.data.append("drop")
    send(mailing)
    unknown = message(mailing, message_id)
    assert (unknown.state, unknown.reply) == ("unknown", "The mail server ended the connection.")
    assert send(mailing) == 0, "nobody sends it again"
    assert len(server.mails) == 1

    with mailing.begin() as session:
        resend(session, mailing, message_id)
    send(mailing)

    first, second = server.letters
    assert first["Message-ID"] == second["Message-ID"], "programs know it as the same mail"
    assert message(mailing, message_id).state == "sent"
    assert logged(mailing, contact_id) == [("message.sent", "Your cake")]


def test_t_m3_a_server_that_does_not_answer_in_time_leaves_it_to_staff(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, server.url + "?timeout=0.3")
    contact_id = add_contact(site)
    message_id = queue(site, contact_id)
    server.data.append("hang")

    send(site)

    assert message(site, message_id).state == "unknown"
    assert message(site, message_id).reply == "The mail server did not answer in time."
    with site.begin() as session:
        treat_as_sent(session, site, message_id)
    assert states(site) == ["sent"]
    assert logged(site, contact_id) == [("message.sent", "Your cake")]
    with pytest.raises(Conflict), site.begin() as session:
        treat_as_sent(session, site, message_id)
    site.close()


def test_t_m3_advertising_goes_out_once_at_most(tmp_path: Path, database_url: str, server: MailServer) -> None:
    agrees = plugin_module("agrees", may_send=lambda: SendVerdict(verdict="add"))
    mailing = mail_site(tmp_path, database_url, server.url, agrees)
    message_id = queue(mailing, add_contact(mailing), purpose="marketing")
    server.data.append("drop")
    send(mailing)

    with pytest.raises(Conflict), mailing.begin() as session:
        resend(session, mailing, message_id)

    assert states(mailing) == ["unknown"]
    assert send(mailing) == 0
    assert len(server.mails) == 1
    mailing.close()


def test_a_message_that_waits_can_be_withdrawn_and_one_that_failed_left_as_it_is(
    mailing: Site, server: MailServer
) -> None:
    contact_id = add_contact(mailing)
    message_id = queue(mailing, contact_id)
    with mailing.begin() as session:
        withdraw(session, message_id, ADA)
    assert send(mailing) == 0
    assert logged(mailing, contact_id) == [("message.withdrawn", "Your cake")]
    with pytest.raises(Conflict), mailing.begin() as session:
        withdraw(session, message_id, ADA)

    server.data.append("554 No")
    failed = queue(mailing, contact_id)
    send(mailing)
    with mailing.begin() as session:
        settle(session, failed)
    assert message(mailing, failed).settled_at is not None
    with mailing.begin() as session:
        resend(session, mailing, failed)
    send(mailing)
    assert states(mailing) == ["withdrawn", "sent"]


# Plugins


def test_t_m5_a_plugin_that_raises_after_sending_leaves_the_message_sent(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    def broken(message_id: int) -> None:
        raise SystemExit(f"no paper for {message_id}")

    site = mail_site(tmp_path, database_url, server.url, plugin_module("bad", message_sent=broken))
    contact_id = add_contact(site)
    message_id = queue(site, contact_id)

    send(site)
    send(site)

    assert message(site, message_id).state == "sent"
    assert logged(site, contact_id) == [("message.sent", "Your cake")]
    assert len(server.mails) == 1
    with site.session() as session:
        assert [(row.plugin, row.place) for row in session.scalars(select(PluginFailure))] == [("bad", "message_sent")]
    site.close()


# While it waits


def test_a_message_that_waits_goes_to_the_contact_that_was_kept(mailing: Site, server: MailServer) -> None:
    wrong, right = add_contact(mailing, "ana@example.org"), add_contact(mailing, "anna@example.org")
    queue(mailing, wrong)
    with mailing.begin() as session:
        session.execute(update(Contact).where(Contact.id == wrong).values(merged_into_id=right))
        session.execute(update(Message).where(Message.contact_id == wrong).values(contact_id=right))

    send(mailing)

    assert server.envelopes == [(SENDER, ["anna@example.org"])]


def test_a_message_of_a_contact_that_was_erased_is_not_sent(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    queue(mailing, contact_id)
    with mailing.begin() as session:
        session.execute(delete(Contact).where(Contact.id == contact_id))

    assert send(mailing) == 0
    assert server.mails == []


def test_a_file_that_is_gone_stops_its_message_and_no_other(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    with mailing.begin() as session:
        with_file = _queue_with_file(mailing, session, contact_id, "a.txt")
    queue(mailing, contact_id)
    for file in (mailing.settings.data_dir / "files").rglob("*"):
        if file.is_file():
            file.unlink()

    send(mailing)

    assert states(mailing) == ["failed", "sent"]
    assert message(mailing, with_file).reply == "A file of this message can’t be found any more."


def test_an_idempotency_key_queues_once(mailing: Site) -> None:
    contact_id = add_contact(mailing)

    ids = {queue(mailing, contact_id, f"Number {number}", idempotency_key="order-7") for number in range(3)}

    assert len(ids) == 1
    assert states(mailing) == ["queued"]


# Settings


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtps://mail.example.org", 465, "implicit"),
        ("smtp://mail.example.org", 587, "offered"),
        ("smtp://ada:p%40ss@mail.example.org", 587, "required"),
        ("smtp://ada:p%40ss@mail.example.org:25?starttls=no", 25, "none"),
        ("smtp://localhost", 25, "none"),
        ("smtp://[::1]:2525?starttls=yes&timeout=7", 2525, "required"),
    ],
)
def test_the_address_of_a_mail_server_says_how_to_reach_it(url: str, port: int, tls: str) -> None:
    server = parse_smtp_url(url)

    assert server is not None
    assert (server.port, server.tls) == (port, tls)
    if "ada" in url:
        assert (server.user, server.password) == ("ada", "p@ss")
        assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:99999",
        "smtp://mail.example.org/inbox",
        "smtp://ada:secret-word@mail.example.org?tls=yes",
        "smtp://ada:secret-word@mail.example.org?starttls=maybe",
        "smtp://mail.example.org?timeout=-1",
        "smtp://mail.example.org?timeout=soon",
    ],
)
def test_an_address_that_is_none_is_said_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_smtp_url(url)

    assert "TRESEN_SMTP_URL" in str(error.value)
    assert "secret-word" not in str(error.value)
