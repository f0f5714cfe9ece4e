"""A site with the forms plugin alone, and what visitors do with a form."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from httpx import Response
from litestar.testing import TestClient
from sqlalchemy import select

from core import Site, sign, unsign
from core.testing import make_client, make_site
from core.web.application import Application
from plugins.forms import plugin as forms
from plugins.forms.models import Entry

Client = TestClient[Application]
MakeSite = Callable[..., Site]

ANSWERS = {
    "name": "Änne Müller",
    "email": "Aenne@Example.org",
    "phone": "030 123456",
    "message": "Guten Tag\nund danke",
}


@pytest.fixture
def new_site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[MakeSite]:
    made = []

    def make(*plugins: ModuleType, **settings: Any) -> Site:
        plugins = plugins or (forms,)

        def prepare(url: str) -> None:
            make_site(tmp_path, *plugins, database_url=url).close()

        key = "+".join(sorted(one.__name__ for one in plugins))
        made.append(make_site(tmp_path, *plugins, database_url=fresh_database(key, prepare), **settings))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(new_site: MakeSite) -> Site:
    return new_site()


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with make_client(site) as made:
        made.follow_redirects = False
        yield made


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found, page
    return found[1]


def an_hour_old(site: Site, token: str, slug: str = "contact") -> str:
    """The same token, of a page that was opened an hour ago: nobody has to wait for the time trap."""
    text = unsign(site.secret, f"forms.page.{slug}", token)
    assert text is not None
    nonce, _, boxes = text.split(" ")
    return sign(site.secret, f"forms.page.{slug}", f"{nonce} {time.time() - 3600:.3f} {boxes}")


def fill_in(site: Site, client: Client, path: str = "/forms/contact", **more: str) -> Response:
    """Open the form and send it, as somebody who took an hour to write."""
    token = an_hour_old(site, token_of(client.get(path).text), path.split("/")[2])
    return client.post(path, data={**ANSWERS, "token": token, **more})


def entries(site: Site) -> list[Entry]:
    with site.session() as session:
        return list(session.scalars(select(Entry).order_by(Entry.id)))
