"""Fixtures for the shop's tests: a site with nothing but the shop, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core.site import Site
from core.state import save_setting
from core.testing import make_client, make_site
from core.web.application import Application
from plugins.shop import plugin as shop
from tests.plugins.shop.helpers import SELLER
from tests.sample_plugin import plugin as sample


@pytest.fixture
def site(fresh_database: Callable[..., str], tmp_path: Path) -> Iterator[Site]:
    def prepare(url: str) -> None:
        make_site(tmp_path / "template", shop, database_url=url).close()

    site = make_site(tmp_path / "data", shop, database_url=fresh_database("shop", prepare))
    yield site
    site.close()


@pytest.fixture
def selling(fresh_database: Callable[..., str], tmp_path: Path) -> Iterator[Site]:
    """A site that knows its seller, has a mail server, and a provider of payments."""

    def prepare(url: str) -> None:
        made = make_site(tmp_path / "template", shop, sample, database_url=url)
        with made.begin() as session:
            for key, value in SELLER.items():
                save_setting(session, key, value)
        made.close()

    url = fresh_database("selling", prepare)
    site = make_site(tmp_path / "data", shop, sample, database_url=url, smtp_url="smtp://127.0.0.1:9")
    yield site
    site.close()


@pytest.fixture
def client(site: Site) -> Iterator[TestClient[Application]]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        yield client
