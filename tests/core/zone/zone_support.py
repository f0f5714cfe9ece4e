"""Customers of the Client Zone: asking for a link, reading it in the mail, signing in."""

from __future__ import annotations

import re

from litestar.testing import TestClient
from sqlalchemy import func, select

from core.database.base import Base
from core.jobs import run_queued_jobs
from core.messages.models import Message
from core.site import Site
from core.web.application import Application
from core.zone.links import text_as_sent
from core.zone.sessions import start_session, zone_cookie_name

Client = TestClient[Application]


def ask(client: Client, email: str, **fields: str) -> int:
    """Ask for a link; answers the status."""
    return client.post("/account/sign-in", data={"email": email, **fields}, follow_redirects=False).status_code


def newest_link(site: Site) -> str:
    """The path of the link in the newest message, as its mail has it."""
    run_queued_jobs(site)
    with site.session() as session:
        message = session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()
        text = text_as_sent(session, site, message)
    return re.findall(r"https?://[^/\s]+(/account/enter/\S+)", text)[0]


def enter(site: Site, client: Client, contact_id: int) -> None:
    """Sign a client in as this contact, without going through the mail."""
    with site.begin() as session:
        token = start_session(session, contact_id)
    client.cookies.set(zone_cookie_name(site.settings.is_secure), token)


def count(site: Site, *tables: type[Base]) -> list[int]:
    """How many rows these tables have."""
    with site.session() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
