"""Double opt-in by mail, its cap, and what becomes of ticks that nobody confirms (FEATURES K2; T-P2, T-C2)."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import delete, func, select, update

from core import Activity, Capture, Contact, Site, Submission, add_activity, capture_contact, state
from core.messages.models import Message
from core.privacy.models import ErasureReceipt
from core.testing import sign_in
from core.values import Actor
from core.web.application import Application
from plugins.consent import changing, confirming, waiting
from plugins.consent.changing import state_of
from plugins.consent.models import ConsentEvent, ConsentMailing, ConsentState
from plugins.consent.purposes import add_purpose
from tests.plugins.consent.conftest import NOON, add_contact, tick

Client = TestClient[Application]
STAFF = Actor(kind="staff", id=7, name="Karla")


def _mails(site: Site) -> list[Message]:
    with site.session() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def _state(site: Site, contact_id: int, purpose: str = "marketing") -> str:
    with site.session() as session:
        return state_of(session, contact_id, purpose)


def _link(text: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8000(/consent/confirm/[\w.-]+)", text)
    assert found, text
    return found[1]


def test_k2_a_tick_sends_one_mail_whose_link_confirms_all_that_was_ticked(site: Site, client: Client) -> None:
    with site.begin() as session:
        add_purpose(session, {"de": "Kurse", "en": "Courses"}, {"de": "Kurse bitte.", "en": "Courses."}, STAFF)
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing", "consent.own_1")

    (mail,) = _mails(site)
    assert (mail.purpose, mail.necessary, mail.module, mail.state) == ("system", True, "consent", "queued")
    assert mail.subject == "Bitte bestätigen: Werbung, Kurse"
    assert "„Kurse bitte.“" in mail.text
    assert "http://127.0.0.1:8000/sample" in mail.text
    assert "Anna@example.org" in mail.text
    # Free of advertising: the link is the only one to follow.
    assert len(re.findall(r"https?://", mail.text)) == 2
    path = _link(mail.text)
    for method in ("GET", "HEAD"):
        assert client.request(method, path).status_code == 200
    assert (_state(site, contact_id), _state(site, contact_id, "own_1")) == ("pending", "pending")

    with site.begin() as session:
        moment = datetime(2026, 3, 2, 12, 1, tzinfo=UTC)
        session.execute(update(Message).values(state="sent", sent_at=moment, recipient="Anna@example.org"))
    assert "Kurse bitte." in client.get(path).text
    for _ in range(2):
        assert client.post(path).status_code == 303
    assert "das ist bestätigt" in client.get(path).text

    assert (_state(site, contact_id), _state(site, contact_id, "own_1")) == ("subscribed", "subscribed")
    with site.session() as session:
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
    assert [event.way for event in events] == ["form", "form", "confirm_link", "confirm_link"]
    facts = json.loads(events[-1].facts)
    assert (facts["mail_id"], facts["mail_to"]) == (mail.mail_id, "Anna@example.org")
    assert facts["mail_sent_at"] == "2026-03-02T12:01:00+00:00"
    assert len(facts["link_sha256"]) == 64
    assert {event.wording_version for event in events} == {1}
    assert json.loads(events[0].facts) == {"box": "not ticked beforehand"}


def test_t_p2_however_often_somebody_ticks_for_an_address_few_mails_go_there(site: Site) -> None:
    contact_id = add_contact(site)
    for _ in range(12):
        tick(site, contact_id, "consent.marketing")
    assert len(_mails(site)) == 3
    with site.session() as session:
        # And the log of the victim is not filled either.
        assert session.scalar(select(func.count(ConsentEvent.id))) == 3

    # Erased and captured again, the address is the same.
    with site.begin() as session:
        session.execute(delete(Contact))
    contact_id = add_contact(site, "ANNA@example.org")
    tick(site, contact_id, "consent.marketing")
    assert len(_mails(site)) == 0
    assert _state(site, contact_id) == "pending"
    with site.begin() as session:
        session.execute(update(ConsentMailing).values(queued_at=datetime.now(UTC) - timedelta(days=2)))
    for _ in range(9):
        tick(site, contact_id, "consent.marketing")
    assert len(_mails(site)) == 3, "six in a month"
    other = add_contact(site, "other@example.org")
    tick(site, other, "consent.marketing")
    assert len(_mails(site)) == 4


def _tick_at_once(site: Site, people: int = 6) -> int:
    """Tick as many boxes for one address, each in a form of its own; answers how many mails were queued."""
    with site.begin() as session:
        for number in range(people):
            add_purpose(session, {"de": f"Z{number}", "en": f"P{number}"}, {"de": f"Zweck {number}."}, STAFF)
    contact_id, start = add_contact(site), threading.Barrier(people)

    def one(number: int) -> None:
        start.wait(10)
        tick(site, contact_id, f"consent.own_{number + 1}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return len(_mails(site))


def test_t_p2_many_at_once_get_no_more_through(site: Site) -> None:
    assert _tick_at_once(site) == 3


# On PostgreSQL only: on SQLite the lock is the writer's own BEGIN IMMEDIATE.
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_t_p2_without_the_lock_more_would_get_through(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    address, together, seen = confirming._address, threading.Barrier(6), threading.local()

    def all_together(*arguments: Any) -> str:
        # Nobody counts before all are about to.
        if not hasattr(seen, "waited"):
            seen.waited = True
            together.wait(10)
        return address(*arguments)

    for module in (confirming, changing):
        monkeypatch.setattr(module, "hold_contact", lambda session, contact_id: contact_id)
    monkeypatch.setattr(confirming, "_address", all_together)

    assert _tick_at_once(site) > 3


def _long_ago(site: Site) -> None:
    """Let 15 days pass for what was ticked; the site counts the days from the newest tick."""
    with site.begin() as session:
        session.execute(update(ConsentState).values(since=datetime.now(UTC) - timedelta(days=15)))


def test_k2_what_is_not_confirmed_in_time_is_void_and_a_bare_address_goes(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, bare, noted = (
        add_contact(site, f"{number}@example.org", name=name) for number, name in enumerate(("A", "", ""))
    )
    with site.begin() as session:
        add_activity(session, noted, Activity(kind="sample.seen"), actor=STAFF)
    for contact_id in (known, bare, noted):
        tick(site, contact_id, "consent.marketing")
    path = _link(_mails(site)[0].text)
    _long_ago(site)
    waiting.expire(site)
    assert _state(site, known) == "pending", "since the newest mail"

    monkeypatch.setattr(waiting, "newest_event", lambda *_: type("Event", (), {"recorded_at": NOON}))
    waiting.expire(site)

    with site.session() as session:
        left = session.execute(select(ConsentState.contact_id, ConsentState.state).order_by(ConsentState.contact_id))
        assert [tuple(row) for row in left] == [(known, "expired"), (noted, "expired")]
        assert session.get(Contact, bare) is None
        assert session.scalar(select(ErasureReceipt.contacts)) == 1
        assert session.scalars(select(ConsentEvent.way).order_by(ConsentEvent.id.desc())).first() == "expiry"
    client.post(path)
    assert "nicht mehr aktuell" in client.get(path).text
    assert _state(site, known) == "expired"
    tick(site, known, "consent.marketing", occurred_at=datetime.now(UTC))
    assert _state(site, known) == "pending"


def test_k2_staff_set_how_long_a_tick_waits(site: Site, client: Client) -> None:
    sign_in(site, client)
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    assert "14" in client.get("/dashboard/settings").text
    assert waiting.clean_days(" 07 ") == "7"
    for wrong in ("0", "91", "-1", "x", "1.5", ""):
        with pytest.raises(Exception, match="from 1 to 90"):
            waiting.clean_days(wrong)


def _buy(site: Site, email: str, *, form: str = "sample.checkout", makes_customer: bool = True) -> int:
    capture = Capture(
        email=email, module="sample", activity=Activity(kind="sample.bought"), makes_customer=makes_customer
    )
    with site.begin() as session:
        contact_id = capture_contact(session, site, capture).contact_id
        submission = Submission(
            form=form,
            contact_id=contact_id,
            email=email,
            ticked=frozenset(),
            wordings={},
            page="http://127.0.0.1:8000/checkout",
            language="de",
            occurred_at=datetime.now(UTC),
        )
        site.tell(session, "public_form_submitted", submission=submission)
    return contact_id


def test_t_c1_existing_customers_only_with_all_four_conditions_and_when_switched_on(site: Site) -> None:
    assert _state(site, _buy(site, "off@example.org")) == "", "off by default"
    with site.begin() as session:
        state.save_setting(session, "consent.customer_forms", "sample.checkout")
    on = site.refreshed()

    assert _state(on, _buy(on, "lead@example.org", makes_customer=False)) == "", "no sale"
    assert _state(on, _buy(on, "other@example.org", form="sample.ask")) == "", "not told"
    objector = add_contact(on, "objector@example.org")
    tick(on, objector, "consent.marketing")
    assert _state(on, _buy(on, "objector@example.org")) == "pending", "asked: the person decides"
    buyer = _buy(on, "buyer@example.org")
    assert _state(on, buyer) == "existing_customer"
    with on.session() as session:
        event = session.scalars(select(ConsentEvent).where(ConsentEvent.contact_id == buyer)).one()
    assert (event.way, event.actor_kind, event.form) == ("purchase", "system", "sample.checkout")
    assert event.wording.startswith("Wenn Sie etwas kaufen")
    shown = {
        form: next(
            field.hint
            for implementation in on.plugins.implementations("public_fields")
            for field in implementation(site=on, form=form, language="de")
        )
        for form in ("sample.checkout", "sample.ask")
    }
    assert shown == {"sample.checkout": event.wording, "sample.ask": ""}
