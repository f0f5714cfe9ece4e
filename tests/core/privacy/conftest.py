"""A site with every bundled plugin and the sample plugin, and people in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core.plugins import discover, make_plugin
from core.site import Site
from core.testing import make_client, make_site, sign_in
from core.web.application import Application
from tests.sample_plugin import plugin as sample


def open_whole(folder: Path, url: str) -> Site:
    found, refused = discover()
    assert not refused
    site = make_site(folder, *found, make_plugin(sample), database_url=url, language="en")
    assert site.refused == ()
    return site


@pytest.fixture
def whole_url(
    fresh_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, database_kind: str
) -> str:
    """A database with all tables; on SQLite a file in the data folder, as in real life."""

    def prepare(url: str) -> None:
        open_whole(tmp_path_factory.mktemp("template"), url).close()

    url = fresh_database("whole", prepare)
    if database_kind == "postgresql":
        return url
    (tmp_path / "data").mkdir()
    return "sqlite:///" + shutil.copyfile(url.removeprefix("sqlite:///"), str(tmp_path / "data" / "tresen.sqlite"))


@pytest.fixture
def site(tmp_path: Path, whole_url: str) -> Iterator[Site]:
    site = open_whole(tmp_path / "data", whole_url)
    yield site
    site.close()


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Application]]:
    """A client signed in as the owner, in English."""
    with make_client(site) as client:
        sign_in(site, client, "owner", "Karla Lindner")
        client.headers["accept-language"] = "en"
        yield client
