"""The chain of evidence: what was changed, left out or added is named by the doctor (FEATURES K1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core import SYSTEM, Contact, Site
from core.checking import run_checks
from core.privacy.erasing import erase
from core.testing import run_due_jobs
from plugins.consent import chain
from plugins.consent.changing import Evidence, change_consent
from plugins.consent.models import ConsentChain, ConsentEvent, ConsentWording
from tests.plugins.consent.conftest import NOON, add_contact, tick

EVENTS: Table = ConsentEvent.__table__  # type: ignore[assignment]
CHAIN: Table = ConsentChain.__table__  # type: ignore[assignment]


def _history(site: Site) -> tuple[int, int]:
    """Two people with three events each; answers their ids."""
    people = add_contact(site), add_contact(site, "other@example.org")
    for contact_id in people:
        tick(site, contact_id, "consent.marketing")
        for way, to in (("confirm_link", "subscribed"), ("one_click", "unsubscribed")):
            evidence = Evidence(
                way=way,  # type: ignore[arg-type]
                actor=SYSTEM,
                occurred_at=NOON + timedelta(hours=1),
                page="http://127.0.0.1:8000/x",
                basis="Karte",
                facts={"mail_id": "a@b"},
            )
            with site.begin() as session:
                change_consent(session, contact_id=contact_id, purpose="marketing", to=to, evidence=evidence)
    return people


def _problems(site: Site) -> list[str]:
    (checked,) = [one for one in run_checks(site) if one.check.key == "consent.evidence"]
    return list(checked.problems)


def _unguarded(session: Session) -> None:
    """As somebody who has the database itself: the triggers are gone, until the transaction is rolled back."""
    if session.get_bind().dialect.name == "sqlite":
        names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'consent%'"))
        for name in names.all():
            session.execute(text(f"DROP TRIGGER {name}"))
    else:
        for table in ("consent_events", "consent_chain"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def _another(value: Any) -> Any:
    if isinstance(value, datetime):
        return value + timedelta(seconds=1)
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:] if value else "x"
    return 4711 if value is None else value + 1


def test_k1_each_stored_value_that_changes_is_named_with_its_entry(site: Site) -> None:
    _history(site)
    # Before the worker has put it into the chain, too.
    with site.begin() as session:
        _unguarded(session)
        session.execute(update(EVENTS).where(EVENTS.c.id == 2).values(wording="Anything"))
        assert chain.broken(session, site) == ["Event 2 of contact 1 was changed before it came into the chain."]
        session.rollback()

    chain.seal_all(site)

    assert _problems(site) == []
    with site.session() as session:
        assert session.scalars(select(CHAIN.c.entry).order_by(CHAIN.c.entry)).all() == [1, 2, 3, 4, 5, 6]
        event = session.execute(select(EVENTS).where(EVENTS.c.entry == 2)).mappings().one()
        link = session.execute(select(CHAIN).where(CHAIN.c.entry == 2)).mappings().one()
    for table, row, place in ((EVENTS, event, EVENTS.c.entry), (CHAIN, link, CHAIN.c.entry)):
        for name, value in row.items():
            if name == "id":
                # By it links find the event; it says nothing.
                continue
            changed = {"contact_id": 2, "entry": 9}.get(name) or _another(value)
            with site.begin() as session:
                _unguarded(session)
                session.execute(update(table).where(place == 2).values({name: changed}))
                found = chain.broken(session, site)
                session.rollback()
            assert any("Entry 2" in one for one in found), (table.name, name, found)
    assert _problems(site) == []


def test_k1_entries_left_out_put_in_or_cut_off_are_named(site: Site) -> None:
    _history(site)
    chain.seal_all(site)

    def after(*statements: Any) -> list[str]:
        with site.begin() as session:
            _unguarded(session)
            for statement in statements:
                session.execute(statement)
            found = list(chain.broken(session, site))
            session.rollback()
        return found

    assert after(delete(EVENTS).where(EVENTS.c.entry == 3)) == ["Entry 3: its event is gone, and nobody was erased."]
    gone = after(delete(EVENTS).where(EVENTS.c.entry == 3), delete(CHAIN).where(CHAIN.c.entry == 3))
    assert gone == ["Entry 3 is missing."]
    cut = after(delete(CHAIN).where(CHAIN.c.entry == 6))
    assert cut == ["Entry 6 is missing, and event 6 of contact 2 says it has it."]
    moment = datetime.now(UTC)
    forged = insert(CHAIN).values(entry=7, sealed_at=moment, digest="", erased="3", hash="0" * 64)
    assert after(forged) == ["Entry 7 of the chain was changed, or the one before it."]


def test_k1_the_chain_and_the_wordings_cannot_be_rewritten(site: Site) -> None:
    _history(site)
    chain.seal_all(site)
    for statement, words in (
        (update(ConsentChain).values(hash="x"), "only ever added to"),
        (delete(ConsentChain), "only ever added to"),
        (update(ConsentWording).values(text="x"), "never rewritten"),
        (delete(ConsentWording), "never rewritten"),
        (update(ConsentEvent).values(digest="x"), "only ever added"),
        (update(ConsentEvent).values(entry=ConsentEvent.entry + 10), "only ever added"),
    ):
        with pytest.raises(DBAPIError, match=words), site.begin() as session:
            session.execute(statement)
    assert _problems(site) == []


def test_t_c6_erasing_a_person_leaves_the_chain_whole_and_nothing_of_the_person(site: Site) -> None:
    gone, stays = _history(site)
    with site.begin() as session:
        # What the worker has not seen yet goes into the chain with the erasure.
        assert chain.seal(session, [stays]) == 3
        erase(session, site, [gone], SYSTEM)

    assert _problems(site) == []
    with site.session() as session:
        rows = session.execute(select(CHAIN).order_by(CHAIN.c.entry)).mappings().all()
        assert [row["erased"] for row in rows] == ["", "", "", "", "", "", "4-6"]
        assert session.scalars(select(EVENTS.c.contact_id).distinct()).all() == [stays]
    assert "anna" not in repr(rows).lower()
    # Still unsubscribed when the address comes in again; SQLite gives the numbers of erased events anew.
    again = add_contact(site)
    tick(site, again, "consent.marketing", occurred_at=datetime.now(UTC))
    run_due_jobs(site)
    assert _problems(site) == []
    with site.session() as session:
        assert session.scalar(select(func.max(CHAIN.c.entry))) == 9


def test_c9_events_of_a_merged_contact_stand_at_the_kept_one_and_nowhere_else(site: Site) -> None:
    kept, merged = _history(site)
    chain.seal_all(site)
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == merged).values(merged_into_id=kept))
        session.execute(update(EVENTS).where(EVENTS.c.contact_id == merged).values(contact_id=kept))
    assert _problems(site) == []
