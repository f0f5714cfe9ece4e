"""Sites to back up, and empty places to restore into."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from core.site import Site, open_site
from tests.support.postgres import _installed_binaries

Place = Callable[[str], Settings]


@pytest.fixture
def place(fresh_database: Callable[..., str], tmp_path: Path, database_kind: str) -> Place:
    """`place("b")`: the settings of a site that is not there yet; its data folder is `b`."""

    def make(name: str) -> Settings:
        return Settings(
            data_dir=tmp_path / name,
            database_url="" if database_kind == "sqlite" else fresh_database(),
            language="en",
            pg_bin=str(_installed_binaries() / "bin"),
        )

    return make


@pytest.fixture
def settings(database_url: str, tmp_path: Path, database_kind: str) -> Settings:
    """The settings of a site with all tables, in the data folder `site`; on SQLite with its file there."""
    (tmp_path / "site").mkdir()
    if database_kind == "sqlite":
        shutil.copyfile(database_url.removeprefix("sqlite:///"), tmp_path / "site" / "tresen.sqlite")
    return Settings(
        data_dir=tmp_path / "site",
        database_url="" if database_kind == "sqlite" else database_url,
        language="en",
        pg_bin=str(_installed_binaries() / "bin"),
    )


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    site = open_site(settings, upgrade=False)
    assert site.refused == ()
    yield site
    site.close()
