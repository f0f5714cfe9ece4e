"""Tables of staff: accounts, sessions, and attempts to sign in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base, BigInt, Id
from core.values import Role


class StaffAccount(Base):
    """Someone who works in the dashboard. A disabled account signs in nowhere, and keeps its name in the logs."""

    __tablename__ = "staff_accounts"

    id: Mapped[Id]
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[Role]
    password_hash: Mapped[str]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (CheckConstraint("role IN ('owner', 'manager', 'assistant')", name="role"),)


class StaffSession(Base):
    """A signed-in browser. Only the hash of its token is stored; a revoked one never comes back (DESIGN section 7)."""

    __tablename__ = "staff_sessions"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigInt, ForeignKey("staff_accounts.id", ondelete="CASCADE"), index=True)
    browser: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A failed sign-in, counted per account and per address of the network; old ones are removed."""

    __tablename__ = "staff_sign_in_attempts"

    id: Mapped[Id]
    subject: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_staff_sign_in_attempts_subject", "subject", "at"),)
