"""Every plugin is asked before a message is queued and before it is sent; one refusal stops it (FEATURES M3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Activity, Outgoing, SendRefused, SendVerdict, Site, add_activity
from core.state import PluginFailure
from core.values import SYSTEM
from tests.core.messages.mail_support import (
    add_contact,
    logged,
    mail_site,
    message,
    queue,
    send,
    shown_errors,
    staff,
    states,
)
from tests.sample_plugin import plugin as sample
from tests.support.mail import MailServer
from tests.support.plugins import plugin_module

Answer = Callable[..., Any]


def failures(site: Site) -> list[tuple[str, str, str]]:
    with site.session() as session:
        rows = session.scalars(select(PluginFailure))
        return [(row.plugin, row.place, row.message) for row in rows]


def refuses(message: Outgoing) -> SendVerdict:
    return SendVerdict(verdict="refuse", reason=f"Not {message.purpose} to {message.email}.")


def breaks(session: Session, message: Outgoing) -> None:
    add_activity(session, message.contact_id, Activity(kind="bad.written"), actor=SYSTEM)
    raise ValueError("no paper")


def exits() -> None:
    raise SystemExit(2)


def babbles() -> str:
    return "yes"


def test_m3_what_plugins_add_is_in_the_mail_and_the_message_stays_as_it_was_written(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    asked: list[Outgoing] = []

    def long_link(message: Outgoing) -> SendVerdict:
        asked.append(message)
        headers = {"List-Unsubscribe": f"<https://crm.example.org/{'x' * 300}>"}
        return SendVerdict(verdict="add", headers=headers, footer="Goodbye.")

    site = mail_site(tmp_path, database_url, server.url, plugin_module("acme", may_send=long_link), sample)
    message_id = queue(site, add_contact(site, language="de"), purpose="system", necessary=True)
    send(site)

    assert [(one.message_id, one.language, one.necessary, one.purpose) for one in asked] == [
        (None, "de", True, "system"),
        (message_id, "de", True, "system"),
    ]
    (letter,) = server.letters
    assert letter["X-Points"] == "yes"
    assert f"List-Unsubscribe: <https://crm.example.org/{'x' * 300}>\r\n".encode() in server.mails[0]
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n").endswith("-- \nGoodbye.\n\n-- \nCollect points.\n")
    assert message(site, message_id).text == "It is ready."
    site.close()


@pytest.mark.parametrize(
    ("answer", "reason", "failure"),
    [
        (refuses, "Not marketing to anna@example.org.", None),
        (breaks, "It could not say whether this message may be sent.", "ValueError: no paper"),
        (exits, "It could not say whether this message may be sent.", "SystemExit: 2"),
        (babbles, "It could not say whether this message may be sent.", "TypeError: "),
    ],
)
def test_m3_a_refusal_or_an_error_stops_a_message_before_it_is_queued(
    tmp_path: Path, database_url: str, answer: Answer, reason: str, failure: str | None
) -> None:
    agrees = plugin_module("zoo", may_send=lambda: None)
    site = mail_site(tmp_path, database_url, "smtp://mail.example.org", plugin_module("bad", may_send=answer), agrees)
    contact_id = add_contact(site)
    with staff(site) as client:
        form = {"subject": "Sale", "text": "Cheap.", "purpose": "marketing", "once": "x"}
        page = client.post(f"/dashboard/contacts/{contact_id}/message", data=form)

    assert page.status_code == 422
    assert shown_errors(page.text) == [f"bad: {reason}"]
    assert states(site) == []
    assert [(plugin, place) for plugin, place, _ in failures(site)] == ([("bad", "may_send")] if failure else [])
    assert all(said.startswith(failure or "") for _, _, said in failures(site))
    with pytest.raises(SendRefused) as refused:
        queue(site, contact_id, purpose="marketing")
    assert refused.value.plugin == "bad"
    site.close()


@pytest.mark.parametrize("answer", [refuses, breaks, exits])
def test_t_c5_a_refusal_or_an_error_when_it_is_due_stops_a_message_that_was_queued(
    tmp_path: Path, database_url: str, server: MailServer, answer: Answer
) -> None:
    now: list[Answer] = [lambda: SendVerdict(verdict="add")]

    def changes_its_mind(session: Session, message: Outgoing) -> Any:
        wanted = {"session": session, "message": message}
        names = now[0].__code__.co_varnames[: now[0].__code__.co_argcount]
        return now[0](**{name: wanted[name] for name in names})

    site = mail_site(tmp_path, database_url, server.url, plugin_module("bad", may_send=changes_its_mind))
    contact_id = add_contact(site)
    message_id = queue(site, contact_id, purpose="marketing")
    now[0] = answer

    send(site)

    assert server.mails == []
    stopped = message(site, message_id)
    assert (stopped.state, stopped.reply_by, stopped.handed_at) == ("failed", "bad", None)
    assert logged(site, contact_id) == [("message.failed", "Your cake")]
    with staff(site) as client:
        assert f"bad: {stopped.reply}" in client.get("/dashboard/messages?show=undecided").text
        refused = client.post(f"/dashboard/messages/{message_id}/resend").text
    assert f"bad: {stopped.reply}" in refused
    assert states(site) == ["failed"]
    site.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bcc", "eve@evil.example"),
        ("Subject", "Other"),
        ("List-X\r\nBcc", "eve@evil.example"),
        ("X-Evil", "a\r\nBcc: eve@evil.example"),
        ("X-Evil", "=?utf-8?q?a=0ABcc:_eve@evil.example?="),
    ],
)
def test_t_m1_a_plugin_adds_no_header_that_matters(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="SendVerdict"):
        SendVerdict(verdict="add", headers={name: value})


def test_a_refusal_has_a_reason() -> None:
    with pytest.raises(ValueError, match="reason="):
        SendVerdict(verdict="refuse")
