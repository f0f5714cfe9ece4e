"""Signing in: one answer to a wrong password and to an unknown address, after the same work (THREATS T-A3,
T-A6)."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import select

from core.contacts.addresses import MAX_LENGTH, parse_address
from core.errors import InvalidEmail
from core.signing import sign, unsign
from core.staff.access import SignedIn
from core.staff.models import StaffAccount
from core.staff.passwords import verify_password
from core.staff.sessions import end_session, start_session
from core.staff.throttle import Subject, forgive, reserve
from core.web.addresses import network_of

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.staff")

KNOWN_BROWSER_COOKIE = "tresen_known"
KNOWN_BROWSER_SECONDS = 365 * 86400


@frozen(kw_only=True)
class SignIn:
    """What came with an attempt: the form, the address of the network, and the browser's cookies.

    `known` is the cookie of a browser that has signed in before, `session_id` the session it has now, if any.
    """

    email: str
    password: str
    address: str = ""
    browser: str = ""
    known: str = ""
    session_id: int | None = None


@frozen(kw_only=True)
class Success:
    """The token for the session cookie, and the value of the cookie that makes this browser a known one."""

    account_id: int
    token: str
    known: str


def email_key(email: str) -> str:
    """The key an account is looked for and counted by; what is no address at all has one too."""
    try:
        return parse_address(email).key
    except InvalidEmail:
        return email.replace("\x00", "").strip().casefold()[:MAX_LENGTH]


def sign_in(site: Site, attempt: SignIn) -> Success | None:
    """Sign in; None when address and password do not belong together, whichever of the two is wrong.

    Raises TooManyAttempts while the account or the network has to wait (see `throttle`).
    """
    key = email_key(attempt.email)
    statement = select(StaffAccount.id, StaffAccount.password_hash).where(
        StaffAccount.email_key == key, StaffAccount.disabled_at.is_(None)
    )
    with site.session() as session:
        account = session.execute(statement).one_or_none()
    known = _known_browser(site, attempt.known, account.id if account else None)
    if known:
        subjects = [Subject(kind="browser", name=known)]
    else:
        subjects = [
            Subject(kind="account", name=key),
            Subject(kind="network", name=network_of(attempt.address)),
        ]
    with site.begin() as session:
        reservation = reserve(session, site.secret, subjects)
    fits, updated = verify_password(attempt.password, account.password_hash if account else None)
    if account is None or not fits:
        log.warning("A sign-in failed")
        return None
    with site.begin() as session:
        # The password may have been changed, or the account switched off, while the hash was computed.
        row = session.scalar(
            select(StaffAccount)
            .where(StaffAccount.id == account.id, StaffAccount.disabled_at.is_(None))
            .with_for_update()
        )
        if row is None or row.password_hash != account.password_hash:
            return None
        if updated:
            row.password_hash = updated
        forgive(session, reservation)
        if attempt.session_id is not None:
            end_session(session, attempt.session_id)
        token = start_session(session, account.id, attempt.browser)
    log.info("Account %s signed in", account.id)
    return Success(account_id=account.id, token=token, known=attempt.known if known else know_browser(site, account.id))


def know_browser(site: Site, account_id: int) -> str:
    """The cookie's value for a browser that has just signed in to an account."""
    return sign(site.secret, "known-browser", f"{account_id}:{secrets.token_hex(8)}")


def _known_browser(site: Site, cookie: str, account_id: int | None) -> str:
    """The browser's name in the cookie if it was given for this account, else nothing.

    Not the cookie itself: one text can be written in base64 in many ways, and each would be a browser of its
    own.
    """
    text = unsign(site.secret, "known-browser", cookie) if cookie else None
    return text if text is not None and text.partition(":")[0] == str(account_id) else ""


def proves_password(site: Site, person: SignedIn, password: str) -> bool:
    """Whether someone who is signed in knows the password, before it is changed.

    Counted by session: who finds an unlocked browser can't guess without end. Raises TooManyAttempts.
    """
    with site.begin() as session:
        subject = Subject(kind="browser", name=f"session {person.session_id}")
        reservation = reserve(session, site.secret, [subject])
        stored = session.scalar(select(StaffAccount.password_hash).where(StaffAccount.id == person.id))
    fits, _ = verify_password(password, stored)
    if fits:
        with site.begin() as session:
            forgive(session, reservation)
    return fits
