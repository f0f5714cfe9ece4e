"""Sessions of signed-in staff, in our own table: a new random token at each sign-in, and only its hash
stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.staff.access import SignedIn
from core.staff.models import StaffAccount, StaffSession

if TYPE_CHECKING:
    from core.site import Site

LIFETIME = timedelta(days=14)
"""A session ends this long after its sign-in, whatever happens (OWASP ASVS 7.3.2)."""

IDLE = timedelta(days=3)
"""A session ends when it was not used this long (OWASP ASVS 7.3.1)."""

SEEN_EVERY = timedelta(minutes=10)
"""`seen_at` is written this often, and not with every page."""


def session_cookie_name(secure: bool) -> str:
    """Name of the session cookie. Over https it is bound to host and path by its prefix (RFC 6265bis section
    4.1.3)."""
    return "__Host-tresen" if secure else "tresen_session"


def _hash(token: str) -> str:
    # The token is 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


def is_alive() -> ColumnElement[bool]:
    """The SQL condition of a session that still counts."""
    return and_(
        StaffSession.revoked_at.is_(None),
        StaffSession.expires_at > now(),
        StaffSession.seen_at > now() - IDLE,
    )


def start_session(session: Session, account_id: int, browser: str = "") -> str:
    """Start a session for an account that has just proved itself; answers the token for its cookie.

    `browser` names the browser for the person's list of sessions. Sessions that are over are removed.
    """
    session.execute(delete(StaffSession).where(StaffSession.account_id == account_id, StaffSession.expires_at < now()))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(token_hash=_hash(token), account_id=account_id, browser=browser, expires_at=now() + LIFETIME)
    )
    return token


_kept, _account = StaffSession.__table__.c, StaffAccount.__table__.c
# Built once, and of the tables: it is asked with every request.
ALIVE = (
    select(_kept.id, _kept.seen_at, _account.id, _account.name, _account.email, _account.role)
    .select_from(StaffSession.__table__.join(StaffAccount.__table__, _account.id == _kept.account_id))
    .where(
        _kept.token_hash == bindparam("token_hash"),
        _kept.revoked_at.is_(None),
        _kept.expires_at > bindparam("now"),
        _kept.seen_at > bindparam("idle_since"),
        _account.disabled_at.is_(None),
    )
)


def read_session(site: Site, token: str) -> SignedIn | None:
    """Who the token belongs to now; None when it is unknown, over, revoked, or its account is disabled."""
    moment = now()
    # With every page: a connection costs half of what a session does.
    with site.database.connection() as connection:
        row = connection.execute(
            ALIVE, {"token_hash": _hash(token), "now": moment, "idle_since": moment - IDLE}
        ).one_or_none()
    if row is None:
        return None
    session_id, seen_at, account_id, name, email, role = row
    if seen_at < moment - SEEN_EVERY:
        with site.begin() as session:
            session.execute(update(StaffSession).where(StaffSession.id == session_id).values(seen_at=moment))
    return SignedIn(id=account_id, name=name, email=email, role=role, session_id=session_id)


def end_session(session: Session, session_id: int) -> None:
    """Revoke one session. It stays revoked whatever a slow request still does (THREATS T-A2)."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def end_sessions(session: Session, account_id: int) -> None:
    """Revoke all sessions of an account, as when it is switched off."""
    end_other_sessions(session, account_id, None)


def end_other_sessions(session: Session, account_id: int, keep: int | None) -> None:
    """Revoke all sessions of an account but `keep`, as when its password changes."""
    statement = update(StaffSession).where(StaffSession.account_id == account_id, StaffSession.revoked_at.is_(None))
    if keep is not None:
        statement = statement.where(StaffSession.id != keep)
    session.execute(statement.values(revoked_at=now()))


@frozen(kw_only=True)
class OpenSession:
    """A session that still counts, for the person's list."""

    id: int
    browser: str
    created_at: datetime
    seen_at: datetime


def list_sessions(session: Session, account_id: int) -> list[OpenSession]:
    """The sessions of an account that still count, the last used first."""
    statement = (
        select(StaffSession.id, StaffSession.browser, StaffSession.created_at, StaffSession.seen_at)
        .where(StaffSession.account_id == account_id, is_alive())
        .order_by(StaffSession.seen_at.desc(), StaffSession.id.desc())
    )
    return [OpenSession(**row) for row in session.execute(statement).mappings()]


BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def name_browser(user_agent: str) -> str:
    """A browser and its system by the User-Agent header, such as „Firefox, Windows“; empty when it tells
    nothing."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (BROWSERS, SYSTEMS)]
    return ", ".join(name for name in found if name)
