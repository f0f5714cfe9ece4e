"""Tokens of the API: made by staff for a program, which may then do what their account may. Only hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, Id
from core.errors import InvalidInput, NotFound
from core.staff.access import SignedIn
from core.staff.models import StaffAccount

if TYPE_CHECKING:
    from core.site import Site

PREFIX = "tresen_"
"""Before each token, so that a scanner for secrets in code finds one that was left there."""

MAX_NAME = 100

USED_EVERY = timedelta(minutes=10)
"""`used_at` is written this often, and not with every request."""


class ApiToken(Base):
    """A token. It acts as its account, with the account's role as it is then; a revoked one never comes back."""

    __tablename__ = "api_tokens"

    id: Mapped[Id]
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


@frozen(kw_only=True)
class TokenView:
    """A token in its owner's list; what it is can't be shown again."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None


def _hash(token: str) -> str:
    # The token is 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(session: Session, account_id: int, name: str) -> str:
    """Make a token for a program called `name`; answers it, to be shown once. Raises InvalidInput."""
    if not name or len(name) > MAX_NAME:
        raise InvalidInput("Enter a name of at most %(max)s characters.", field="name", max=MAX_NAME)
    token = PREFIX + secrets.token_urlsafe(32)
    session.add(ApiToken(name=name, token_hash=_hash(token), account_id=account_id))
    session.flush()
    return token


def list_tokens(session: Session, account_id: int) -> Sequence[TokenView]:
    """The tokens of an account that still count, the newest first."""
    rows = session.scalars(
        select(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    return [TokenView(id=row.id, name=row.name, created_at=row.created_at, used_at=row.used_at) for row in rows]


def revoke_token(session: Session, account_id: int, token_id: int) -> str:
    """End one of an account's tokens at once; answers its name. Raises NotFound."""
    name: str | None = session.scalar(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiToken.name)
    )
    if name is None:
        raise NotFound("There is no such token.")
    return name


def read_token(site: Site, token: str) -> SignedIn | None:
    """The account a token acts as; None when it is unknown or revoked, or its account is disabled."""
    statement = (
        select(
            ApiToken.id,
            ApiToken.used_at,
            StaffAccount.id.label("account_id"),
            StaffAccount.name,
            StaffAccount.email,
            StaffAccount.role,
        )
        .join(StaffAccount, StaffAccount.id == ApiToken.account_id)
        .where(ApiToken.token_hash == _hash(token), ApiToken.revoked_at.is_(None), StaffAccount.disabled_at.is_(None))
    )
    with site.session() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        return None
    if row.used_at is None or row.used_at < now() - USED_EVERY:
        with site.begin() as session:
            session.execute(update(ApiToken).where(ApiToken.id == row.id).values(used_at=now()))
    return SignedIn(id=row.account_id, name=row.name, email=row.email, role=row.role, session_id=0)
