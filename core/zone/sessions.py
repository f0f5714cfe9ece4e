"""Sessions of customers in the Client Zone: apart from the staff's, in a table and under a cookie of their own.

A new random token at each sign-in, and only its hash stored. A session belongs to one contact: it ends when that one is
erased, or merged into another, whose person need not be the same (`core.zone.hooks`).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from core.contacts.models import Contact, now
from core.zone.models import ZoneSession

if TYPE_CHECKING:
    from core.site import Site

LIFETIME = timedelta(days=7)
"""A session ends this long after its sign-in, whatever happens (OWASP ASVS 7.3.2)."""

IDLE = timedelta(days=1)
"""A session ends when it was not used this long (OWASP ASVS 7.3.1)."""

SEEN_EVERY = timedelta(minutes=10)
"""`seen_at` is written this often, and not with every page."""


@frozen(kw_only=True)
class Customer:
    """Who is signed in to the Client Zone, read anew for each request. `language` is the contact's, if known."""

    contact_id: int
    email: str
    name: str
    language: str
    session_id: int


@frozen(kw_only=True)
class OpenSession:
    """A session that still counts, for the person's list."""

    id: int
    browser: str
    created_at: datetime
    seen_at: datetime


def zone_cookie_name(secure: bool) -> str:
    """Name of the session cookie. Over https it is bound to host and path by its prefix (RFC 6265bis section 4.1.3)."""
    return "__Host-tresen_zone" if secure else "tresen_zone"


def hash_token(token: str) -> str:
    """What is stored of a token: it is 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_alive() -> ColumnElement[bool]:
    """The SQL condition of a session that still counts."""
    moment = now()
    return and_(
        ZoneSession.revoked_at.is_(None),
        ZoneSession.expires_at > moment,
        ZoneSession.seen_at > moment - IDLE,
    )


def start_session(session: Session, contact_id: int, browser: str = "") -> str:
    """Start a session for a contact who has just proved to be the one; answers the token for its cookie."""
    token = secrets.token_urlsafe(32)
    session.add(
        ZoneSession(token_hash=hash_token(token), contact_id=contact_id, browser=browser, expires_at=now() + LIFETIME)
    )
    return token


def read_customer(site: Site, token: str) -> Customer | None:
    """Who the token belongs to now; None when it is unknown, over or ended, or the contact is gone or merged."""
    statement = (
        select(ZoneSession.id, ZoneSession.seen_at, Contact.id, Contact.email, Contact.name, Contact.language)
        .join(Contact, Contact.id == ZoneSession.contact_id)
        .where(ZoneSession.token_hash == hash_token(token), is_alive(), Contact.merged_into_id.is_(None))
    )
    with site.session() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        return None
    session_id, seen_at, contact_id, email, name, language = row
    if seen_at < now() - SEEN_EVERY:
        with site.begin() as session:
            session.execute(update(ZoneSession).where(ZoneSession.id == session_id).values(seen_at=now()))
    return Customer(contact_id=contact_id, email=email, name=name, language=language, session_id=session_id)


def list_sessions(session: Session, contact_id: int) -> list[OpenSession]:
    """The sessions of a contact that still count, the last used first."""
    statement = (
        select(ZoneSession.id, ZoneSession.browser, ZoneSession.created_at, ZoneSession.seen_at)
        .where(ZoneSession.contact_id == contact_id, is_alive())
        .order_by(ZoneSession.seen_at.desc(), ZoneSession.id.desc())
    )
    return [OpenSession(**row) for row in session.execute(statement).mappings()]


def end_session(session: Session, session_id: int) -> None:
    """End one session. It stays ended whatever a slow request still does (THREATS T-A2)."""
    _end(session, ZoneSession.id == session_id)


def end_sessions(session: Session, contact_id: int) -> None:
    """Sign a customer out everywhere."""
    _end(session, ZoneSession.contact_id == contact_id)


def _end(session: Session, which: ColumnElement[bool]) -> None:
    session.execute(update(ZoneSession).where(which, ZoneSession.revoked_at.is_(None)).values(revoked_at=now()))


def forget_old_sessions(session: Session) -> None:
    """Remove sessions that can't be used any more."""
    session.execute(delete(ZoneSession).where(ZoneSession.expires_at < now()))
