"""A site behind the real server for the rows of FEATURES, one for each worker, and staff who work in it in German."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from attrs import define, field
from playwright.sync_api import Page

from core import Activity, Capture, Details, Site, capture_contact
from tests.support.server import ServerProcess
from tests.support.sites import open_same_site, sign_in_page

NUMBERS = count(1)


@define
class Counter:
    """The counter: a running site with all plugins. `site` is the same site in this process, `url` its address.

    Tests share it, so each makes contacts of its own and looks for those only.
    """

    site: Site
    url: str
    data_dir: Path
    _new_page: Callable[..., Page] = field(alias="new_page")

    def staff(self, role: str = "owner", **options: object) -> Page:
        """A browser page signed in as a new account, at the contact list; `options` as of `new_page`."""
        page = self._new_page(**options)
        sign_in_page(self.site, page, self.url, role)  # type: ignore[arg-type]
        page.goto(f"{self.url}/dashboard/contacts")
        return page

    def visitor(self, **options: object) -> Page:
        """A browser page of somebody who is not signed in."""
        return self._new_page(**options)

    def contact(self, name: str = "", *, customer: bool = False, email: str = "", **details: str) -> int:
        """The id of a new contact, as captured from a form; its address is new unless given."""
        email = email or f"row{next(NUMBERS)}@example.org"
        capture = Capture(
            email=email,
            module="forms",
            activity=Activity(kind="forms.sent", reference="Kontakt"),
            details=Details(name=name, **details),
            makes_customer=customer,
        )
        with self.site.begin() as session:
            return capture_contact(session, self.site, capture).contact_id

    def profile(self, contact_id: int) -> str:
        """The address of a contact's profile."""
        return f"{self.url}/dashboard/contacts/{contact_id}"


@pytest.fixture(scope="session")
def _counter_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Site, Path]]:
    folder = tmp_path_factory.mktemp("rows")
    database = f"sqlite:///{folder / 'tresen.sqlite'}"
    site = open_same_site(database, folder)
    with ServerProcess(database, folder, environment={"TRESEN_LANGUAGE": "de"}) as server:
        yield server, site, folder
    site.close()


@pytest.fixture
def counter(_counter_server: tuple[ServerProcess, Site, Path], new_page: Callable[..., Page]) -> Counter:
    """The site with all plugins behind a server, and pages in German."""
    server, site, folder = _counter_server
    return Counter(site=site, url=server.url, data_dir=folder, new_page=new_page)
