"""Any one of the bundled plugins can be removed from the disk, and the site goes on (FEATURES H1)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.server import ROOT, ServerProcess
from tests.support.sites import open_same_site, signed_in

# Which one it is makes no difference to the database: each is removed from a site on one of the two kinds.
BUNDLED = (("sqlite", "shop"), ("sqlite", "forms"), ("postgresql", "booking"), ("postgresql", "consent"))
PAGES = {"shop": "/shop", "booking": "/booking", "forms": "/forms/contact"}


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what runs, one for each worker: Python need not compile it anew for each plugin."""
    copy = tmp_path_factory.mktemp("removing") / "checkout"
    copy.mkdir()
    shutil.copyfile(ROOT / "app.py", copy / "app.py")
    for folder in ("core", "plugins"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@contextmanager
def without(checkout: Path, plugin: str) -> Iterator[None]:
    """The checkout without this plugin's folder."""
    folder, aside = checkout / "plugins" / plugin, checkout.parent / plugin
    folder.rename(aside)
    try:
        yield
    finally:
        aside.rename(folder)


@pytest.mark.parametrize(("database_kind", "removed"), BUNDLED, indirect=["database_kind"])
def test_h1_a_site_works_without_any_one_plugin(
    removed: str, checkout: Path, tmp_path: Path, database_url: str
) -> None:
    # The site had it before, so that its tables and version table are there and its columns were once shown.
    with (
        closing(open_same_site(database_url, tmp_path)) as site,
        without(checkout, removed),
        ServerProcess(database_url, tmp_path, root=checkout) as server,
        signed_in(site, server.url) as client,
    ):
        for path in (
            "/",
            "/dashboard",
            "/dashboard/contacts",
            "/dashboard/modules",
            "/dashboard/settings",
        ):
            assert client.get(path).status_code == 200, path
        assert f"module-{removed}" not in client.get("/dashboard/modules").text
        for plugin, page in PAGES.items():
            assert client.get(page).status_code == (404 if plugin == removed else 200), page
        assert client.get("/readyz").status_code == 200
