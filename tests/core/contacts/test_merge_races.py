"""Merges that cross, and merges while something is captured: rows are held in the order of their ids (FEATURES C9).

The controls take the protection away: then two contacts are merged into each other and nobody finds either again, what
is captured stays with a contact that is merged, and a merge is undone twice.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, BrokenBarrierError, Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import core.contacts.capture as capturing
import core.contacts.merging.merging as merging
import core.contacts.merging.undoing as undoing
from core.contacts.addresses import Address
from core.contacts.merging.merging import Merged, merge_contacts, with_patience
from core.contacts.merging.undoing import undo_merge
from core.contacts.models import Contact, ContactActivity, ContactModule
from core.errors import Conflict, NotFound
from core.site import Site
from core.values import Capture
from tests.core.contacts.profile_support import KARLA, NOON, capture, contact_of, sale
from tests.core.contacts.test_races import _deferred, all_at_once

FIRST, SECOND = "first@example.org", "second@example.org"


def two(site: Site) -> tuple[int, int]:
    return capture(site, sale(FIRST)).contact_id, capture(site, sale(SECOND)).contact_id


def cross(site: Site, pair: tuple[int, int], number: int = 2) -> list[object]:
    """Merge each into the other, all in the same moment."""

    def one(index: int) -> Merged:
        kept, merged = pair if index % 2 == 0 else pair[::-1]
        return with_patience(site, lambda session: merge_contacts(session, site, kept, merged, KARLA))

    return list(all_at_once(site, one, number))  # type: ignore[arg-type]


def test_c9_two_merges_that_cross_leave_one_contact(counter_site: Site) -> None:
    pair = two(counter_site)

    results = cross(counter_site, pair, 6)

    done = [one for one in results if isinstance(one, Merged)]
    assert len(done) == 1, results
    assert all(isinstance(one, Conflict) for one in results if not isinstance(one, Merged)), results
    (kept,) = {one.kept_id for one in done}
    (merged,) = set(pair) - {kept}
    assert contact_of(counter_site, kept).merged_into_id is None
    assert contact_of(counter_site, merged).merged_into_id == kept


def test_c9_control_merges_that_hold_nothing_merge_each_into_the_other(
    counter_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = two(counter_site)
    meeting = Barrier(2)

    def looked_at(session: Session, first_id: int, second_id: int) -> dict[int, Contact]:
        found = {one: session.get_one(Contact, one) for one in (first_id, second_id)}
        assert all(one.merged_into_id is None for one in found.values())
        try:
            meeting.wait(timeout=20)
        except BrokenBarrierError:
            pytest.fail("They did not meet.")
        return found

    monkeypatch.setattr(merging, "lock_both", looked_at)
    if counter_site.database.is_sqlite:
        # SQLite's own protection as well: a writer that begins with BEGIN IMMEDIATE looks alone.
        monkeypatch.setattr(Site, "begin", lambda site: _deferred(site))

    results = cross(counter_site, pair)

    into = [contact_of(counter_site, one).merged_into_id for one in pair]
    if counter_site.database.is_sqlite:
        # It gives one of the two up in the middle, instead of telling it why.
        assert [type(one) for one in results if isinstance(one, Exception)] == [OperationalError], results
    else:
        assert into == list(pair[::-1])


def test_c9_what_is_captured_while_merging_is_on_the_kept_contact(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    number = 12

    def one(index: int) -> object:
        if index == 0:
            return with_patience(
                counter_site, lambda session: merge_contacts(session, counter_site, kept, merged, KARLA)
            )
        return capture(counter_site, sale(SECOND if index % 3 else FIRST, reference=f"{index}", at=NOON))

    results = all_at_once(counter_site, one, number)  # type: ignore[arg-type]

    assert [error for error in results if isinstance(error, Exception)] == []
    assert sold(counter_site) == {kept: number + 1}
    assert with_modules(counter_site) == {kept}


def sold(site: Site) -> dict[int, int]:
    """How many sales each contact has."""
    with site.session() as session:
        statement = select(ContactActivity.contact_id, func.count()).where(ContactActivity.kind == "counter.sold")
        return dict(session.execute(statement.group_by(ContactActivity.contact_id)).all())


def with_modules(site: Site) -> set[int]:
    """The contacts that carry a module (FEATURES C10)."""
    with site.session() as session:
        return set(session.scalars(select(ContactModule.contact_id)))


def capture_that_holds_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, then: Callable[[Session], object]
) -> list[object]:
    """A capture for the second address that looks its contact up, while `then` happens before it writes."""
    looked, happened = Event(), Event()

    def looked_at(session: Session, address: Address, _: Capture) -> tuple[Contact, bool]:
        alias = session.scalars(select(Contact).where(Contact.email_key == address.key)).one()
        found = session.get_one(Contact, alias.merged_into_id or alias.id)
        looked.set()
        assert happened.wait(timeout=20)
        return found, False

    monkeypatch.setattr(capturing, "match_or_create", looked_at)
    if site.database.is_sqlite:
        # SQLite's own protection as well: a writer that begins with BEGIN IMMEDIATE is alone.
        monkeypatch.setattr(Site, "begin", lambda site: _deferred(site))

    def one(index: int) -> object:
        if index == 0:
            return capture(site, sale(SECOND, reference="late", at=NOON))
        assert looked.wait(timeout=20)
        try:
            with site.begin() as session:
                return then(session)
        finally:
            happened.set()

    return list(all_at_once(site, one, 2))  # type: ignore[arg-type]


def test_c9_control_a_capture_that_holds_nothing_stays_with_the_merged_contact(
    counter_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, merged = two(counter_site)

    late, done = capture_that_holds_nothing(
        counter_site, monkeypatch, lambda session: merge_contacts(session, counter_site, kept, merged, KARLA)
    )

    assert isinstance(done, Merged)
    if counter_site.database.is_sqlite:
        # It gives the late writer up in the middle.
        assert isinstance(late, OperationalError)
    else:
        # The log looks for itself who is meant; what else is written does not.
        assert with_modules(counter_site) == {kept, merged}


def out_of_order(site: Site, kept: int, merged: int) -> bool:
    """Whether the kept contact has a sale from after the undoing, or the restored one from before."""
    with site.session() as session:
        entries = select(ContactActivity.id, ContactActivity.contact_id, ContactActivity.kind)
        rows = session.execute(entries.order_by(ContactActivity.id)).all()
    undone = max(row.id for row in rows if row.kind == "contact.unmerged")
    sales = [row for row in rows if row.kind == "counter.sold"][2:]
    return any((row.id > undone) != (row.contact_id == merged) for row in sales)


def test_c9_what_is_captured_while_a_merge_is_undone_is_with_the_contact_of_that_moment(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id

    def one(index: int) -> object:
        if index == 0:
            return with_patience(counter_site, lambda session: undo_merge(session, counter_site, kept, merge_id, KARLA))
        return capture(counter_site, sale(SECOND, reference=f"{index}", at=NOON))

    results = all_at_once(counter_site, one, 12)  # type: ignore[arg-type]

    assert [error for error in results if isinstance(error, Exception)] == []
    assert not out_of_order(counter_site, kept, merged)
    # From now on the address leads to its own contact again.
    assert capture(counter_site, sale(SECOND, reference="last")).contact_id == merged


def test_c9_control_a_capture_that_holds_nothing_stays_with_the_kept_contact_after_undoing(
    counter_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id

    late, done = capture_that_holds_nothing(
        counter_site, monkeypatch, lambda session: undo_merge(session, counter_site, kept, merge_id, KARLA)
    )

    assert not isinstance(done, Exception)
    if counter_site.database.is_sqlite:
        assert isinstance(late, OperationalError)
    else:
        assert out_of_order(counter_site, kept, merged)


def test_c9_of_two_who_undo_at_once_one_is_told(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id

    def one(_: int) -> object:
        return with_patience(counter_site, lambda session: undo_merge(session, counter_site, kept, merge_id, KARLA))

    results = all_at_once(counter_site, one, 4)  # type: ignore[arg-type]

    assert len([one for one in results if isinstance(one, NotFound)]) == 3, results
    assert contact_of(counter_site, merged).merged_into_id is None


def test_c9_control_who_holds_nothing_undoes_what_was_undone(
    counter_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id
    meeting = Barrier(2)
    look = undoing._look

    def looked_at(*arguments: object) -> object:
        found = look(*arguments)  # type: ignore[arg-type]
        meeting.wait(timeout=20)
        return found

    # Both have looked before either writes: nothing is held while they look.
    monkeypatch.setattr(undoing, "_look", looked_at)
    monkeypatch.setattr(undoing, "_hold", lambda session, merge: None)
    if counter_site.database.is_sqlite:
        monkeypatch.setattr(Site, "begin", lambda site: _deferred(site))

    def one(_: int) -> object:
        with counter_site.begin() as session:
            return undo_merge(session, counter_site, kept, merge_id, KARLA)

    results = all_at_once(counter_site, one, 2)  # type: ignore[arg-type]

    # Nobody is told that it was undone already: the database gives one of them up, or lets both.
    assert not any(isinstance(one, NotFound) for one in results), results
