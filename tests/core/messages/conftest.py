"""A mail server on the loopback for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.site import Site
from tests.core.messages.mail_support import mail_site
from tests.support.mail import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def mailing(tmp_path: Path, database_url: str, server: MailServer) -> Iterator[Site]:
    """A site that sends to `server`."""
    site = mail_site(tmp_path, database_url, server.url + "?timeout=5")
    yield site
    site.close()
