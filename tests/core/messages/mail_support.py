"""Sites that send to a mail server on the loopback, and short ways to write, send and look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import select, update

from core import Activity, Capture, Details, capture_contact, queue_message, state
from core.contacts.models import now
from core.messages.models import Message
from core.messages.sending import send_due
from core.site import Site
from core.testing import make_client, make_site, sign_in
from core.values import Actor
from core.web.application import Application
from tests.support.activity import log_of

Client = TestClient[Application]
ADA = Actor(kind="staff", id=1, name="Ada")
SENDER = "laden@example.org"


def mail_site(
    tmp_path: Path, database_url: str, smtp_url: str, *plugins: ModuleType, sender: str = SENDER, **settings: Any
) -> Site:
    """A site that sends from `sender` to the mail server at `smtp_url`."""
    base_url = settings.pop("base_url", "https://crm.example.org")
    site = make_site(
        tmp_path, *plugins, database_url=database_url, smtp_url=smtp_url, base_url=base_url, language="en", **settings
    )
    with site.begin() as session:
        state.save_setting(session, "message.sender_email", sender)
        state.save_setting(session, "site.name", "Bäckerei Lindner")
    return site.refreshed()


def add_contact(site: Site, email: str = "anna@example.org", name: str = "Anna Müller", language: str = "") -> int:
    """A contact; answers its id."""
    with site.begin() as session:
        capture = Capture(
            email=email,
            module="entries",
            activity=Activity(kind="entries.sent"),
            details=Details(name=name, language=language),
        )
        return capture_contact(session, site, capture).contact_id


def queue(site: Site, contact_id: int, subject: str = "Your cake", text: str = "It is ready.", **values: Any) -> int:
    """A message in the outbox, personal and written by staff unless told; answers its id."""
    values = {"purpose": "personal", "actor": ADA, **values}
    with site.begin() as session:
        return queue_message(session, site, contact_id, subject, text, **values)


def send(site: Site) -> int:
    """What the worker does, for everything that is due, however long it waits; answers how many were taken up."""
    with site.begin() as session:
        session.execute(update(Message).where(Message.state == "queued").values(next_at=now()))
    return send_due(site)


def message(site: Site, message_id: int) -> Message:
    """The message as it is stored."""
    with site.session() as session:
        return session.get_one(Message, message_id)


def states(site: Site) -> list[str]:
    """The states of all outgoing messages, oldest first."""
    with site.session() as session:
        return list(session.scalars(select(Message.state).where(Message.direction == "out").order_by(Message.id)))


def logged(site: Site, contact_id: int) -> list[tuple[str, str]]:
    """Kind and reference of what the log says of messages, oldest first."""
    return log_of(site, contact_id, kinds="message.")


@contextmanager
def staff(site: Site, role: Any = "assistant", language: str = "en") -> Iterator[Client]:
    """A signed-in client."""
    with make_client(site) as client:
        sign_in(site, client, role)
        client.headers["accept-language"] = language
        yield client


def shown_errors(page: str) -> list[str]:
    """The errors beside the fields of a page."""
    return re.findall(r'<p class="error"[^>]*>.*?<span>(.*?)</span>', page, re.DOTALL)
