"""Failed attempts to sign in, counted per account and per network, and how long the next one has to wait
(T-A6).

- **Per network** (an IPv4 address, an IPv6 /64): `NETWORK_LIMIT` failures in `NETWORK_WINDOW`, whatever the
  account.
- **Per account**, known or not: `FREE_FAILURES` at once, then each further one waits twice as long as the one
  before, up to `LONGEST_WAIT`. So somebody with a thousand addresses has about a hundred guesses a day.
- **From a known browser**, one that has signed in to the account before and holds a signed cookie since,
  neither of the two applies: it has `BROWSER_LIMIT` failures of its own in `BROWSER_WINDOW`. So nobody can
  keep the owner out by failing on purpose (OWASP, "Slow down online guessing attacks with device cookies").

An attempt is counted before its password is looked at, and the count taken back when it was right: attempts
sent at the same moment can't all see the same free place. What is refused is not counted, so a wait always
ends. Subjects are stored as keyed hashes: the table names no person and no address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from attrs import frozen
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.errors import TooManyAttempts
from core.staff.models import SignInAttempt

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
ACCOUNT_WINDOW = timedelta(hours=24)

NETWORK_LIMIT, NETWORK_WINDOW = 20, timedelta(minutes=15)
BROWSER_LIMIT, BROWSER_WINDOW = 10, timedelta(minutes=15)

KEPT = ACCOUNT_WINDOW
"""Attempts are deleted after this time."""

Kind = Literal["account", "network", "browser"]


@frozen(kw_only=True)
class Subject:
    """What attempts are counted for: an account by its e-mail key, a network, or a known browser."""

    kind: Kind
    name: str

    def stored(self, secret: str) -> str:
        """Kind and keyed hash of the name, as it stands in the table."""
        digest = hmac.new(secret.encode(), f"attempts\n{self.name}".encode(), hashlib.sha256).hexdigest()
        return f"{self.kind}:{digest[:32]}"


def _backoff(failures: Sequence[datetime], at: datetime) -> timedelta:
    recent = [one for one in failures if one > at - ACCOUNT_WINDOW]
    if len(recent) < FREE_FAILURES:
        return timedelta()
    # Beyond ten doublings the longest wait is long reached.
    doublings: int = min(len(recent) - FREE_FAILURES, 10)
    wait = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    return max(recent) + wait - at


def _at_most(limit: int, window: timedelta) -> Callable[[Sequence[datetime], datetime], timedelta]:
    def wait(failures: Sequence[datetime], at: datetime) -> timedelta:
        recent = sorted(one for one in failures if one > at - window)
        return recent[-limit] + window - at if len(recent) >= limit else timedelta()

    return wait


WAITS: Mapping[Kind, Callable[[Sequence[datetime], datetime], timedelta]] = {
    "account": _backoff,
    "network": _at_most(NETWORK_LIMIT, NETWORK_WINDOW),
    "browser": _at_most(BROWSER_LIMIT, BROWSER_WINDOW),
}


@frozen(kw_only=True)
class Reservation:
    """An attempt that was counted: the rows of its subjects."""

    rows: Mapping[str, int]


def reserve(session: Session, secret: str, subjects: Sequence[Subject]) -> Reservation:
    """Count an attempt as failed, before its password is looked at, in a transaction of its own.

    Raises TooManyAttempts, and counts nothing, while one of the subjects has to wait.
    """
    kinds = {subject.stored(secret): subject.kind for subject in subjects}
    at = now()
    lock_subjects(session, sorted(kinds))
    failures: dict[str, list[datetime]] = {stored: [] for stored in kinds}
    statement = select(SignInAttempt.subject, SignInAttempt.at).where(
        SignInAttempt.subject.in_(kinds), SignInAttempt.at > at - KEPT
    )
    for stored, failed_at in session.execute(statement):
        failures[stored].append(failed_at)
    wait = max(WAITS[kind](failures[stored], at) for stored, kind in kinds.items())
    if wait > timedelta():
        minutes = -(-int(wait.total_seconds()) // 60) or 1
        raise TooManyAttempts(
            "Too many attempts. Wait %(minutes)s min, then try again.",
            wait=int(wait.total_seconds()) + 1,
            minutes=minutes,
        )
    rows = {stored: SignInAttempt(subject=stored, at=at) for stored in kinds}
    session.add_all(rows.values())
    session.flush()
    return Reservation(rows={stored: row.id for stored, row in rows.items()})


def lock_subjects(session: Session, stored: Sequence[str]) -> None:
    """Let attempts on the same subjects take turns, in one order for all. SQLite's writers take turns
    anyway."""
    if session.get_bind().dialect.name == "sqlite":
        return
    for one in stored:
        key = int.from_bytes(hashlib.sha256(one.encode()).digest()[:8], "big", signed=True)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def forgive(session: Session, reservation: Reservation) -> None:
    """The attempt was right: forget the failures of its account and browser, and old ones of everybody.

    A network's other failures stay, or somebody with an account could guess at the others' without end.
    """
    whole = [stored for stored in reservation.rows if not stored.startswith("network:")]
    session.execute(delete(SignInAttempt).where(SignInAttempt.subject.in_(whole)))
    session.execute(delete(SignInAttempt).where(SignInAttempt.id.in_(reservation.rows.values())))
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now() - KEPT))
