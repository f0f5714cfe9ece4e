"""No advertising without consent, and a way to unsubscribe in all that can be switched off (FEATURES M3, K2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import plugins.consent.plugin as consent
from core import SYSTEM, SendRefused, Site, Submission
from core import state as site_state
from core.contacts.models import now
from core.messages.models import Message
from core.testing import make_client
from plugins.consent.asking import boxes
from plugins.consent.changing import Evidence, change_consent
from tests.core.messages.mail_support import add_contact, mail_site, message, queue, send, staff, states
from tests.support.mail import MailServer, mail_server

STATES = ("", "pending", "expired", "subscribed", "existing_customer", "unsubscribed", "bounced")
NOTICE_STATES = ("", "subscribed", "unsubscribed", "bounced")
"""A notice needs no confirmation and no purchase, so there are no other states of it."""


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
        "expired": [("pending", "form"), ("expired", "expiry")],
        "subscribed": [("subscribed", "staff")],
        "existing_customer": [("existing_customer", "purchase")],
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
        # By staff on the page, too.
        with staff(mailing) as client:
            answer = client.post(
                f"/dashboard/contacts/{contact_id}/message",
                data={"subject": "News", "text": "Cake!", "purpose": "marketing"},
            )
            assert answer.status_code == 422
        assert states(mailing) == []
        # And what got into the queue by whatever way is stopped when it would go out.
        with mailing.begin() as session:
            values = {"contact_id": contact_id, "direction": "out", "subject": "News", "text": "Cake!"}
            session.add(Message(**values, purpose="marketing", state="queued", mail_id="a@b", next_at=now()))
        send(mailing)
        assert states(mailing) == ["failed"]
        assert server.mails == []


def test_t_c1_existing_customers_get_advertising_only_where_it_is_switched_on_and_while_it_is(
    mailing: Site, server: MailServer
) -> None:
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "marketing", "existing_customer")
    with mailing.begin() as session:
        site_state.save_setting(session, "consent.customer_forms", "shop.checkout")
    on = mailing.refreshed()
    queue(on, contact_id, purpose="marketing")
    send(on)
    (letter,) = server.letters
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "You can object to it at any time" in plain.get_content()
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    queue(on, contact_id, purpose="marketing")
    with on.begin() as session:
        site_state.save_setting(session, "consent.customer_forms", "")
    send(on.refreshed())
    assert len(server.mails) == 1
    assert states(mailing) == ["sent", "failed"]


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
    assert "https://crm.example.org/consent/preferences/" in plain.get_content()

    with make_client(mailing) as program:
        path = urlsplit(link[1]).path
        assert program.get(path).status_code == 200
        queue(mailing, contact_id, purpose="marketing")
        assert program.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        with pytest.raises(SendRefused):
            queue(mailing, contact_id, purpose="marketing")


@pytest.mark.parametrize("state", NOTICE_STATES)
def test_m3_notices_go_to_all_who_have_not_switched_them_off(mailing: Site, server: MailServer, state: str) -> None:
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


def test_t_c7_who_has_unsubscribed_from_everything_still_gets_the_confirmation_that_was_asked_for(
    mailing: Site, server: MailServer
) -> None:
    contact_id = add_contact(mailing)
    for purpose in ("marketing", "system"):
        bring_to(mailing, contact_id, purpose, "unsubscribed")
    box = next(box for box in boxes(mailing, "sample.form", "en") if box.key == "consent.marketing")
    submission = Submission(
        form="sample.form",
        contact_id=contact_id,
        email="anna@example.org",
        ticked=frozenset({box.key}),
        wordings={box.key: box.wording},
        page="https://crm.example.org/sample",
        language="en",
        occurred_at=datetime.now(UTC),
    )
    with mailing.begin() as session:
        mailing.tell(session, "public_form_submitted", submission=submission)
    send(mailing)

    (letter,) = server.letters
    assert letter["Subject"] == "Please confirm: Advertising"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"] is None
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert box.wording in plain.get_content()


def test_t_c7_who_wants_no_advertising_gets_personal_mail(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    bring_to(mailing, contact_id, "marketing", "unsubscribed")
    bring_to(mailing, contact_id, "system", "unsubscribed")

    queue(mailing, contact_id, "Your question")
    send(mailing)

    assert [letter["Subject"] for letter in server.letters] == ["Your question"]
    assert server.letters[0]["List-Unsubscribe"] is None
