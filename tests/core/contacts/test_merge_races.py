"""Merges that cross, and merges while something is captured: rows are held in the order of their ids (FEATURES C9).

The control takes the protection away: then two contacts are merged into each other, and nobody finds either again.
"""

from __future__ import annotations

from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import core.contacts.merging.merging as merging
from core.contacts.merging.merging import Merged, merge_contacts, with_patience
from core.contacts.merging.undoing import undo_merge
from core.contacts.models import Contact, ContactActivity
from core.errors import Conflict, NotFound
from core.site import Site
from core.values import Captured
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
    with counter_site.session() as session:
        spread = dict(
            session.execute(
                select(ContactActivity.contact_id, func.count())
                .where(ContactActivity.kind == "counter.sold")
                .group_by(ContactActivity.contact_id)
            ).all()
        )
    assert spread == {kept: number + 1}


def test_c9_what_is_captured_while_a_merge_is_undone_belongs_to_one_that_is_there(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id

    def one(index: int) -> object:
        if index == 0:
            return with_patience(counter_site, lambda session: undo_merge(session, counter_site, kept, merge_id, KARLA))
        return capture(counter_site, sale(SECOND, reference=f"{index}", at=NOON))

    results = all_at_once(counter_site, one, 12)  # type: ignore[arg-type]

    assert [error for error in results if isinstance(error, Exception)] == []
    assert {one.contact_id for one in results if isinstance(one, Captured)} <= {kept, merged}
    # From now on the address leads to its own contact again.
    assert capture(counter_site, sale(SECOND, reference="last")).contact_id == merged


def test_c9_of_two_who_undo_at_once_one_is_told(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        merge_id = merge_contacts(session, counter_site, kept, merged, KARLA).merge_id

    def one(_: int) -> object:
        return with_patience(counter_site, lambda session: undo_merge(session, counter_site, kept, merge_id, KARLA))

    results = all_at_once(counter_site, one, 4)  # type: ignore[arg-type]

    assert len([one for one in results if isinstance(one, NotFound)]) == 3, results
    assert contact_of(counter_site, merged).merged_into_id is None
