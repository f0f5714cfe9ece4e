"""The tables of the worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.database.base import Base, Id


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class QueuedJob(Base):
    """A job somebody queued, with its progress. `key` is the contributed `Job` that does it.

    `data` is what the job remembers between its steps, `result` what it has to say at the end. `attempts` counts
    failures of the step that is next.
    """

    __tablename__ = "jobs"

    id: Mapped[Id]
    key: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        Index("ix_jobs_due", "state", "due_at", "id"),
    )


class JobClock(Base):
    """When a periodic job is due next, and until when the process that runs it now has it for itself."""

    __tablename__ = "job_clocks"

    key: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]
    held_until: Mapped[datetime | None]
