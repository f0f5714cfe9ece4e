"""Idempotency keys: what a program sent before is answered as it was then, and done once (THREATS T-B4).

`api_requests` holds a row for each key of an account: first that somebody works on it, then the answer. The row gets
its answer in the transaction that did the work, so both are there or neither is, whenever a process is killed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import ForeignKey, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.contacts.models import Contact, now
from core.database.base import Base, BigInt, Id
from core.database.upsert import upsert
from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.site import Site

HOLD = timedelta(seconds=30)
"""How long a request under way is waited for; after that its process is taken for dead, and another may go on."""

KEPT = timedelta(days=3)
"""How long an answer is kept. A key sent later is a new one."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_ADDRESS = re.compile(r"[^\s\"@<>\\]+@[^\s\"@<>\\]+")
_CONTACT = re.compile(r"/contacts/(\d+)(?:/|$)")


class ApiRequest(Base):
    """A request with an idempotency key. `answer` is None while it is under way; `fingerprint` tells what was asked."""

    __tablename__ = "api_requests"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"))
    key: Mapped[str]
    path: Mapped[str]
    fingerprint: Mapped[str]
    held_by: Mapped[str]
    held_until: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    __table_args__ = (UniqueConstraint("account_id", "key"),)


@frozen(kw_only=True)
class Asked:
    """What a program asked under a key."""

    account_id: int
    key: str
    path: str
    fingerprint: str


@frozen(kw_only=True)
class Answered:
    """The answer that was given before."""

    status: int
    headers: Mapping[str, str]
    answer: str


@frozen(kw_only=True)
class Held:
    """That this request is the one that works on its key now."""

    request_id: int
    held_by: str


class OtherRequest(InvalidInput):
    """The key was used for something else (answers 422)."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent with another request before. Use a new one for each.",
            field="Idempotency-Key",
        )


class UnderWay(Exception):
    """A request with this key is being worked on at this moment (answers 409)."""


def read_key(header: str) -> str:
    """The key in a header; quotation marks, as the IETF's draft writes them, belong not to it. Raises InvalidInput."""
    text = header.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise InvalidInput(
            "An Idempotency-Key has 1 to 200 visible characters, such as those of a UUID.", field="Idempotency-Key"
        )
    return text


def fingerprint(site: Site, *parts: bytes) -> str:
    """What two equal requests have in common. Keyed: nobody who reads the table can find out what was in them."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return hmac.new(site.secret.encode(), b"api request" + whole.digest(), hashlib.sha256).hexdigest()


def claim(site: Site, asked: Asked) -> Held | Answered:
    """Take a request on, in a transaction of its own, or answer what came of it before.

    Raises OtherRequest, and UnderWay.
    """
    # Read first: on SQLite whoever works on it holds the database's only writer.
    with site.session() as session:
        known = _look(session, asked)
    if known is not None:
        return known
    held_by = secrets.token_hex(16)
    hold = {"held_by": held_by, "held_until": now() + HOLD}
    row = {
        "account_id": asked.account_id,
        "key": asked.key,
        "path": asked.path,
        "fingerprint": asked.fingerprint,
        **hold,
    }
    with site.begin() as session:
        made = session.scalar(upsert(session, ApiRequest, row, keys=["account_id", "key"]).returning(ApiRequest.id))
        if made is not None:
            return Held(request_id=made, held_by=held_by)
        # Whoever works on it holds its row.
        found = session.scalar(_of(asked).with_for_update(skip_locked=True))
        if found is None:
            raise UnderWay
        known = _look(session, asked)
        if known is not None:
            return known
        found.held_by, found.held_until = held_by, now() + HOLD
        return Held(request_id=found.id, held_by=held_by)


def _of(asked: Asked) -> Any:
    return select(ApiRequest).where(ApiRequest.account_id == asked.account_id, ApiRequest.key == asked.key)


def _look(session: Session, asked: Asked) -> Answered | None:
    row = session.scalar(_of(asked), execution_options={"populate_existing": True})
    if row is None:
        return None
    if row.fingerprint != asked.fingerprint:
        raise OtherRequest
    if row.status is not None:
        return Answered(status=row.status, headers=row.headers, answer=row.answer or "")
    if row.held_until > now():
        raise UnderWay
    return None


def hold_on(session: Session, held: Held) -> None:
    """Keep the row until the transaction ends that does the work. Raises UnderWay when another took the work over."""
    mine = update(ApiRequest).where(
        ApiRequest.id == held.request_id, ApiRequest.held_by == held.held_by, ApiRequest.status.is_(None)
    )
    if session.scalar(mine.values(held_until=now() + HOLD).returning(ApiRequest.id)) is None:
        raise UnderWay


def keep_answer(session: Session, held: Held, status: int, headers: Mapping[str, str], answer: str) -> None:
    """Write the answer down, in the transaction that did the work."""
    session.execute(
        update(ApiRequest)
        .where(ApiRequest.id == held.request_id)
        .values(status=status, headers=dict(headers), answer=answer)
    )


def let_go(site: Site, held: Held) -> None:
    """Forget a request of which nothing came: its key can be sent again, with another body too."""
    with site.begin() as session:
        session.execute(
            delete(ApiRequest).where(
                ApiRequest.id == held.request_id, ApiRequest.held_by == held.held_by, ApiRequest.status.is_(None)
            )
        )


def forget_old_answers(site: Site) -> None:
    """Remove answers that are not kept any longer."""
    with site.begin() as session:
        session.execute(delete(ApiRequest).where(ApiRequest.created_at < now() - KEPT))


GONE = 410


def forget_people(session: Session, contact_ids: Sequence[int]) -> int:
    """Empty the answers that speak of these contacts; answers how many. What they did is not done again."""
    if session.scalar(select(ApiRequest.id).limit(1)) is None:
        return 0
    wanted = {str(one) for one in contact_ids}
    rows = session.execute(select(Contact.email, Contact.email_key).where(Contact.id.in_(contact_ids)))
    addresses = {text.casefold() for row in rows for text in row}
    found = [
        row.id
        for row in session.execute(select(ApiRequest.id, ApiRequest.path, ApiRequest.answer).order_by(ApiRequest.id))
        if wanted.intersection(_CONTACT.findall(row.path))
        or addresses.intersection(one.casefold() for one in _ADDRESS.findall(row.answer or ""))
    ]
    if found:
        # One that is under way is left to itself: it does not find the contact any more.
        done = ApiRequest.id.in_(found), ApiRequest.status.is_not(None)
        session.execute(update(ApiRequest).where(*done).values(status=GONE, headers={}, answer=""))
    return len(found)
