"""No advertising without consent, and a way to unsubscribe in all that can be switched off (FEATURES M3, K2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import plugins.consent.plugin as consent
from core import SYSTEM, SendRefused, Site
from core.testing import make_client
from plugins.consent.changing import Evidence, change_consent
from tests.core.messages.mail_support import add_contact, mail_site, message, queue, send, states
from tests.support.mail import MailServer, mail_server

STATES = ("", "pending", "subscribed", "unsubscribed", "bounced")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def mailing(tmp_path: Path, database_url: str, server: MailServer) -> Iterator[Site]:
    site = mail_site(tmp_path, database_url, server.url, consent)
    yield site
    site.close()


def bring_to(site: Site, contact_id: int, purpose: str, state: str) -> None:
    """Bring a contact that was never asked into a state, by the ways that lead there."""
    steps = {
        "": [],
        "pending": [("pending", "form")],
        "subscribed": [("subscribed", "staff")],
        "unsubscribed": [("unsubscribed", "one_click")],
        "bounced": [("bounced", "bounce")],
    }
    with site.begin() as session:
        for to, way in steps[state]:
            evidence = Evidence(way=way, actor=SYSTEM, occurred_at=datetime.now(UTC), basis="on paper")  # type: ignore[arg-type]
            change_consent(session, contact_id=contact_id, purpose=purpose, to=to, evidence=evidence)


@pytest.mark.parametrize("state", STATES)
def test_t_c1_advertising_goes_to_subscribers_only(mailing: Site, server: MailServer, state: str) -> None:
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "marketing", state)

    if state == "subscribed":
        queue(mailing, contact_id, purpose="marketing")
        send(mailing)
        assert states(mailing) == ["sent"]
    else:
        with pytest.raises(SendRefused) as refused:
            queue(mailing, contact_id, purpose="marketing")
        assert refused.value.plugin == "consent"
        assert states(mailing) == []
        assert server.mails == []


def test_t_c5_who_unsubscribes_while_a_message_waits_gets_nothing(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "marketing", "subscribed")
    message_id = queue(mailing, contact_id, purpose="marketing")
    bring_to(mailing, contact_id, "marketing", "unsubscribed")

    send(mailing)

    assert server.mails == []
    stopped = message(mailing, message_id)
    assert (stopped.state, stopped.reply_by) == ("failed", "consent")
    assert stopped.reply == "This person has unsubscribed from advertising."


def test_k2_advertising_carries_the_link_and_the_button_and_the_button_works(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing, language="de")
    bring_to(mailing, contact_id, "marketing", "subscribed")
    queue(mailing, contact_id, purpose="marketing")
    send(mailing)

    (letter,) = server.letters
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(https://crm\.example\.org/unsubscribe/\S+)>", str(letter["List-Unsubscribe"]))
    assert link is not None
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert f"Sie können sich jederzeit abmelden: {link[1]}" in plain.get_content()

    with make_client(mailing) as program:
        path = urlsplit(link[1]).path
        assert program.get(path).status_code == 200
        queue(mailing, contact_id, purpose="marketing")
        assert program.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        with pytest.raises(SendRefused):
            queue(mailing, contact_id, purpose="marketing")


@pytest.mark.parametrize("state", STATES)
def test_m3_notices_go_to_all_who_have_not_switched_them_off(mailing: Site, server: MailServer, state: str) -> None:
    if state == "pending":
        pytest.skip("a notice needs no confirmation, so there is no such state")
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "system", state)

    if state in ("unsubscribed", "bounced"):
        with pytest.raises(SendRefused):
            queue(mailing, contact_id, purpose="system")
    else:
        queue(mailing, contact_id, purpose="system")
    queue(mailing, contact_id, "Your order", purpose="system", necessary=True)
    send(mailing)

    subjects = [letter["Subject"] for letter in server.letters]
    assert subjects[-1] == "Your order", "T-C7: what a person is owed is delivered"
    assert server.letters[-1]["List-Unsubscribe"] is None
    assert len(subjects) == (1 if state in ("unsubscribed", "bounced") else 2)


def test_t_c7_who_wants_no_advertising_gets_personal_mail(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "marketing", "unsubscribed")
    bring_to(mailing, contact_id, "system", "unsubscribed")

    queue(mailing, contact_id, "Your question")
    send(mailing)

    assert [letter["Subject"] for letter in server.letters] == ["Your question"]
    assert server.letters[0]["List-Unsubscribe"] is None
