"""The state machine of consent and its evidence (FEATURES K1, THREATS section 2)."""

from __future__ import annotations

import hashlib
import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from core import SYSTEM, VISITOR, Actor, Contact, InvalidInput, NotFound, Site
from plugins.consent import changing
from plugins.consent.changing import ConsentRefused, Evidence, change_consent, state_of
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.consent.purposes import add_purpose
from tests.plugins.consent.conftest import NOON, add_contact, tick

STAFF = Actor(kind="staff", id=7, name="Owner")
STATES = ("", "pending", "expired", "subscribed", "existing_customer", "unsubscribed", "bounced")
WAYS = (
    *("form", "preferences", "confirm_link", "expiry", "purchase", "unsubscribe_link", "one_click", "complaint"),
    *("staff", "import", "bounce", "suppression"),
)
MARKETING_ONLY = ("pending", "expired", "existing_customer")


def states_without(purpose: str) -> tuple[str, ...]:
    """The states that there are none of for a purpose: notices need no confirmation, and no purchase."""
    return {"system": MARKETING_ONLY, "own_1": ("existing_customer",)}.get(purpose, ())


# Written from THREATS section 2, not from the code: everything else must be refused.
PERSON = {"form", "preferences"}
OFF = {"preferences", "unsubscribe_link", "one_click", "complaint", "staff", "import"}
ALLOWED = {
    ("system", "", "subscribed"): {*PERSON, "staff", "import"},
    ("system", "unsubscribed", "subscribed"): PERSON,
    ("marketing", "", "existing_customer"): {"purchase"},
}
for _purpose in ("marketing", "own_1"):
    ALLOWED |= {
        (_purpose, "", "pending"): PERSON,
        (_purpose, "", "subscribed"): {"staff", "import"},
        (_purpose, "pending", "pending"): PERSON,
        (_purpose, "pending", "subscribed"): {"confirm_link"},
        (_purpose, "pending", "expired"): {"expiry"},
        (_purpose, "expired", "pending"): PERSON,
        (_purpose, "unsubscribed", "pending"): PERSON,
    }
for _purpose in ("marketing", "own_1", "system"):
    for _state in STATES:
        if _state in states_without(_purpose):
            continue
        # What had ended before an erasure ends again, for a contact that is new.
        _again = {"suppression"} if _state == "" else set()
        if _state != "unsubscribed":
            ALLOWED[_purpose, _state, "unsubscribed"] = OFF | _again
        if _state != "bounced":
            ALLOWED[_purpose, _state, "bounced"] = {"bounce"} | _again


def _put(site: Site, contact_id: int, purpose: str, state: str) -> None:
    with site.begin() as session:
        session.execute(delete(ConsentState))
        if state:
            session.add(ConsentState(contact_id=contact_id, purpose=purpose, state=state, since=NOON))


def _evidence(way: str, **more: object) -> Evidence:
    actor = {
        "staff": STAFF,
        "import": STAFF,
        **dict.fromkeys(("bounce", "expiry", "purchase", "suppression"), SYSTEM),
    }.get(way, VISITOR)
    values = {"basis": "Karte am Tresen vom 3. Mai", **more}
    return Evidence(way=way, actor=actor, occurred_at=NOON + timedelta(hours=1), **values)  # type: ignore[arg-type]


def _add_own(site: Site) -> str:
    with site.begin() as session:
        return add_purpose(
            session, {"de": "Kurse", "en": "Courses"}, {"de": "Schreiben Sie mir über Kurse.", "en": ""}, STAFF
        )


@pytest.mark.parametrize("purpose", ["marketing", "system", "own_1"])
def test_k1_every_change_is_allowed_or_refused_as_the_table_says(site: Site, purpose: str) -> None:
    assert _add_own(site) == "own_1"
    contact_id = add_contact(site)
    for before, to, way in itertools.product(STATES, STATES[1:], WAYS):
        if before in states_without(purpose):
            continue
        _put(site, contact_id, purpose, before)
        expected = way in ALLOWED.get((purpose, before, to), set())
        same = before == to and (purpose, before, to) not in ALLOWED
        with site.begin() as session:
            events = session.scalar(select(func.count(ConsentEvent.id))) or 0
            try:
                changed = change_consent(
                    session, contact_id=contact_id, purpose=purpose, to=to, evidence=_evidence(way)
                )
                refused = False
            except ConsentRefused:
                changed, refused = False, True
            after = state_of(session, contact_id, purpose)
            added = (session.scalar(select(func.count(ConsentEvent.id))) or 0) - events
        case = (purpose, before, to, way)
        assert changed == expected, case
        assert refused == (not expected and not same), case
        assert after == (to if expected else before), case
        assert added == (1 if expected else 0), case


def test_t_i9_nobody_but_the_person_brings_back_who_unsubscribed(site: Site) -> None:
    contact_id = add_contact(site)
    _put(site, contact_id, "marketing", "unsubscribed")
    for way, to in itertools.product(set(WAYS) - PERSON - {"bounce"}, ("pending", "subscribed")):
        with site.begin() as session, pytest.raises(ConsentRefused):
            change_consent(session, contact_id=contact_id, purpose="marketing", to=to, evidence=_evidence(way))
    with site.session() as session:
        assert state_of(session, contact_id, "marketing") == "unsubscribed"
        assert not session.scalar(select(func.count(ConsentEvent.id)))


def test_k1_a_tick_waits_for_its_confirmation_with_complete_evidence(site: Site) -> None:
    contact_id = add_contact(site)

    tick(site, contact_id, "consent.marketing")

    with site.session() as session:
        assert state_of(session, contact_id, "marketing") == "pending"
        event = session.scalars(select(ConsentEvent)).one()
    wording = (
        "Ich möchte per E-Mail Angebote und Neuigkeiten von Tresen erhalten. "
        "Diese Einwilligung kann ich jederzeit widerrufen."
    )
    assert (event.from_state, event.to_state, event.way) == ("", "pending", "form")
    assert event.occurred_at == NOON
    assert event.occurred_at.second == 5
    assert event.wording == wording
    assert event.wording_hash == hashlib.sha256(wording.encode()).hexdigest()
    assert (event.page, event.form) == ("http://127.0.0.1:8000/sample", "sample.form")
    assert (event.email, event.language) == ("Anna@example.org", "de")
    assert (event.actor_kind, event.actor_id) == ("visitor", None)


def test_k1_no_tick_no_consent(site: Site) -> None:
    contact_id = add_contact(site)

    tick(site, contact_id)

    with site.session() as session:
        assert state_of(session, contact_id, "marketing") == ""
        assert session.scalar(select(func.count(ConsentEvent.id))) == 0


def test_k1_a_tick_of_somebody_subscribed_or_bouncing_costs_nobody_anything(site: Site) -> None:
    contact_id = add_contact(site)
    for state in ("subscribed", "bounced"):
        _put(site, contact_id, "marketing", state)
        tick(site, contact_id, "consent.marketing")
        with site.session() as session:
            assert state_of(session, contact_id, "marketing") == state
            assert session.scalar(text("SELECT count(*) FROM plugin_failures")) == 0


def test_k1_replayed_history_never_brings_back_what_was_withdrawn_since(site: Site) -> None:
    contact_id = add_contact(site)
    _put(site, contact_id, "marketing", "unsubscribed")

    tick(site, contact_id, "consent.marketing", occurred_at=NOON - timedelta(days=30))

    with site.session() as session:
        assert state_of(session, contact_id, "marketing") == "unsubscribed"


def test_k1_staff_need_a_basis_to_switch_on(site: Site) -> None:
    contact_id = add_contact(site)

    with site.begin() as session, pytest.raises(InvalidInput) as caught:
        change_consent(
            session,
            contact_id=contact_id,
            purpose="marketing",
            to="subscribed",
            evidence=_evidence("staff", basis="  "),
        )

    assert caught.value.field == "basis"
    with site.session() as session:
        assert state_of(session, contact_id, "marketing") == ""


def test_k1_an_unknown_purpose_or_contact_is_not_found(site: Site) -> None:
    contact_id = add_contact(site)
    for person, purpose in ((contact_id, "sms"), (contact_id + 1, "marketing")):
        with site.begin() as session, pytest.raises(NotFound):
            change_consent(session, contact_id=person, purpose=purpose, to="unsubscribed", evidence=_evidence("staff"))


def test_k1_the_two_purposes_are_apart(site: Site) -> None:
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    with site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose="system", to="unsubscribed", evidence=_evidence("staff"))
        assert state_of(session, contact_id, "marketing") == "pending"
        assert state_of(session, contact_id, "system") == "unsubscribed"


@pytest.mark.parametrize(
    "statement",
    [
        update(ConsentEvent).values(wording="other"),
        update(ConsentEvent).values(occurred_at=NOON - timedelta(days=1)),
        update(ConsentEvent).values(to_state="subscribed"),
        delete(ConsentEvent),
    ],
    ids=["wording", "time", "state", "delete"],
)
def test_k1_the_history_cannot_be_changed_afterwards(site: Site, statement: object) -> None:
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")

    with pytest.raises(DBAPIError, match="only ever added"), site.begin() as session:
        session.execute(statement)  # type: ignore[call-overload]

    with site.session() as session:
        event = session.scalars(select(ConsentEvent)).one()
    assert (event.to_state, event.occurred_at) == ("pending", NOON)
    assert event.wording.startswith("Ich möchte")


def test_c8_erasing_the_contact_takes_its_consents_along(site: Site) -> None:
    contact_id, other = add_contact(site), add_contact(site, "other@example.org")
    for person in (contact_id, other):
        tick(site, person, "consent.marketing")

    with site.begin() as session:
        session.execute(delete(Contact).where(Contact.id == contact_id))

    with site.session() as session:
        assert session.scalars(select(ConsentEvent.contact_id)).all() == [other]
        assert session.scalars(select(ConsentState.contact_id)).all() == [other]


def test_c9_events_can_follow_their_contact_into_another(site: Site) -> None:
    contact_id, other = add_contact(site), add_contact(site, "other@example.org")
    tick(site, contact_id, "consent.marketing")

    with pytest.raises(DBAPIError, match="merged into"), site.begin() as session:
        session.execute(update(ConsentEvent).values(contact_id=other))
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == contact_id).values(merged_into_id=other))
        session.execute(update(ConsentEvent).values(contact_id=other))

    with site.session() as session:
        assert session.scalars(select(ConsentEvent.contact_id)).all() == [other]


def _confirm_at_once(site: Site, contact_id: int, people: int = 6) -> int:
    """Confirm one pending consent from several threads; answers how many confirmations were recorded."""
    start = threading.Barrier(people)

    def confirm() -> None:
        start.wait(10)
        with site.begin() as session:
            change_consent(
                session,
                contact_id=contact_id,
                purpose="marketing",
                to="subscribed",
                evidence=_evidence("confirm_link"),
            )

    threads = [threading.Thread(target=confirm) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with site.session() as session:
        return session.scalar(select(func.count(ConsentEvent.id)).where(ConsentEvent.to_state == "subscribed")) or 0


def test_k2_confirmed_by_many_at_once_is_recorded_once(site: Site) -> None:
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")

    assert _confirm_at_once(site, contact_id) == 1


# On PostgreSQL only: on SQLite the lock is the writer's own BEGIN IMMEDIATE.
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_k2_without_the_lock_it_would_be_recorded_twice(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    read, together = changing._stored, threading.Barrier(6)

    def unlocked(*arguments: object) -> object:
        answer = read(*arguments)  # type: ignore[arg-type]
        together.wait(10)
        return answer

    monkeypatch.setattr(changing, "hold_contact", lambda session, contact_id: contact_id)
    monkeypatch.setattr(changing, "_stored", unlocked)

    assert _confirm_at_once(site, contact_id) > 1
