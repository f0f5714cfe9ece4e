"""A site with the consent plugin alone, and with a sample form that asks like any plugin's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient

from core import Activity, Capture, Details, Site, Submission, capture_contact
from core.testing import make_client, make_site
from core.web.application import Application
from plugins.consent import plugin as consent
from plugins.consent.asking import boxes

NOON = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    def prepare(url: str) -> None:
        make_site(tmp_path, consent, database_url=url).close()

    made = make_site(tmp_path, consent, database_url=fresh_database("consent", prepare))
    yield made
    made.close()


@pytest.fixture
def client(site: Site) -> Iterator[TestClient[Application]]:
    with make_client(site) as made:
        made.follow_redirects = False
        yield made


def add_contact(site: Site, email: str = "Anna@example.org", name: str = "Anna Müller") -> int:
    with site.begin() as session:
        return capture_contact(
            session,
            site,
            Capture(
                email=email,
                module="sample",
                activity=Activity(kind="sample.done"),
                details=Details(name=name),
                occurred_at=NOON,
            ),
        ).contact_id


def tick(
    site: Site,
    contact_id: int,
    *keys: str,
    language: str = "de",
    occurred_at: datetime = NOON,
    email: str = "",
) -> None:
    """Send a public form with these boxes ticked, as another plugin does."""
    submission = Submission(
        form="sample.form",
        contact_id=contact_id,
        email=email or "Anna@example.org",
        ticked=frozenset(keys),
        wordings={box.key: box.wording for box in boxes(site, "sample.form", language)},
        page="http://127.0.0.1:8000/sample",
        language=language,
        occurred_at=occurred_at,
    )
    with site.begin() as session:
        site.tell(session, "public_form_submitted", submission=submission)
