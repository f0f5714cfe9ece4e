"""Fixtures of the tests of staff and of the web layer: quick hashes, a site and a client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.site import Site
from core.staff import passwords
from tests.core.staff.helpers import Client, FreshDatabase, browser, open_test_site, quick_hasher


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords._decoy.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", quick_hasher)


@pytest.fixture
def site(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[Site]:
    opened = open_test_site(fresh_database, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with browser(site) as made:
        yield made
