"""Fixtures for the shop's tests: a site with nothing but the shop, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core.site import Site
from core.testing import make_client, make_site
from core.web.application import Application
from plugins.shop import plugin as shop


@pytest.fixture
def site(fresh_database: Callable[..., str], tmp_path: Path) -> Iterator[Site]:
    def prepare(url: str) -> None:
        make_site(tmp_path / "template", shop, database_url=url).close()

    site = make_site(tmp_path / "data", shop, database_url=fresh_database("shop", prepare))
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[TestClient[Application]]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        yield client
