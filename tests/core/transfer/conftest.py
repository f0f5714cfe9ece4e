from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from core.site import Site
from core.testing import make_client, make_site, sign_in


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    """A site without plugins."""
    site = make_site(tmp_path / "data", database_url=database_url)
    yield site
    site.close()


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Any]]:
    """A client signed in as the owner, in English."""
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        sign_in(site, client, "owner", "Karla Lindner")
        yield client
