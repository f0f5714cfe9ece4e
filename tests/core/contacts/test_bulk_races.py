"""A selection is acted on once, and taken back once, however many press at the same moment (FEATURES L7).

The control takes the claim away: then all of them act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import core.contacts.bulk.running as running
from core.contacts.bulk.running import Started, start, take_back
from core.contacts.bulk.selections import find_selection, select_ticked
from core.errors import Conflict
from core.site import Site
from core.values import Actor
from tests.core.contacts.list_support import add_many, open_site
from tests.core.contacts.test_races import all_at_once

STAFF = Actor(kind="staff", id=1, name="Karla Lindner")
AT_ONCE = 6


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as opened:
        add_many(opened, 5)
        yield opened


def chosen(site: Site) -> int:
    with site.begin() as session:
        return select_ticked(session, range(1, 6), action="contact.deactivate", actor=STAFF).id


def start_at_once(site: Site, selection_id: int) -> list[object]:
    def one(_: int) -> Started:
        with site.begin() as session:
            return start(session, site, find_selection(session, selection_id, STAFF), {}, STAFF)

    return list(all_at_once(site, one, AT_ONCE))  # type: ignore[arg-type]


def test_l7_a_selection_is_started_and_taken_back_once(site: Site) -> None:
    selection_id = chosen(site)

    started = start_at_once(site, selection_id)

    assert [one for one in started if isinstance(one, Started)] == [Started(changed=5)]
    assert len([one for one in started if isinstance(one, Conflict)]) == AT_ONCE - 1, started

    def back(_: int) -> Started:
        with site.begin() as session:
            return take_back(session, site, selection_id, STAFF)[1]

    taken = list(all_at_once(site, back, AT_ONCE))  # type: ignore[arg-type]

    assert [one for one in taken if isinstance(one, Started)] == [Started(changed=5)]
    assert len([one for one in taken if isinstance(one, Conflict)]) == AT_ONCE - 1, taken


def test_l7_control_without_the_claim_everyone_starts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    selection_id = chosen(site)
    monkeypatch.setattr(running, "_claim_start", lambda session, selection: True)

    started = start_at_once(site, selection_id)

    assert len([one for one in started if isinstance(one, Started)]) > 1, started
