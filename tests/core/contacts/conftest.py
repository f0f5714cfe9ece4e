from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core.site import Site
from core.testing import make_client, sign_in
from core.web.application import Application
from tests.core.contacts.profile_support import open_counter


@pytest.fixture
def counter_url(fresh_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the tables of the core, the sample plugin and the counter."""

    def prepare(url: str) -> None:
        open_counter(tmp_path_factory.mktemp("template"), url).close()

    return fresh_database("counter", prepare)


@pytest.fixture
def counter_site(tmp_path: Path, counter_url: str) -> Iterator[Site]:
    """A site with a counter, and a plugin that writes down what it is told."""
    site = open_counter(tmp_path, counter_url)
    yield site
    site.close()


@pytest.fixture
def staff(counter_site: Site) -> Iterator[TestClient[Application]]:
    """A client signed in as the owner, in English."""
    with make_client(counter_site) as client:
        sign_in(counter_site, client, "owner", "Karla Lindner")
        client.headers["accept-language"] = "en"
        yield client
