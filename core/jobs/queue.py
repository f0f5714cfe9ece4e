"""Queueing a job, looking at it, cancelling it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import frozen
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.jobs.models import QueuedJob, now
from core.values import SYSTEM, Actor

if TYPE_CHECKING:
    from core.site import Site

State = Literal["queued", "running", "done", "failed", "cancelled"]

KEPT = timedelta(days=30)
"""How long an ended job can be looked at."""


@frozen(kw_only=True)
class JobStatus:
    """A queued job as it stands: `done` of `total` (None: nobody knows how many), its `result` or its `error`."""

    id: int
    key: str
    state: State
    data: Mapping[str, Any]
    total: int | None
    done: int
    result: Mapping[str, Any]
    error: str
    actor: Actor
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.finished_at is not None


def queue_job(
    session: Session,
    site: Site,
    key: str,
    data: Mapping[str, Any],
    *,
    total: int | None = None,
    actor: Actor = SYSTEM,
) -> int:
    """Queue the job `key` in the caller's transaction, and answer its number; it begins once that is committed.

    `data` is what JSON can hold. Raises NotFound for a job that no enabled plugin contributes.
    """
    job = site.contributions.jobs.get(key)
    if job is None or job.step is None:
        raise NotFound("There is no job '%(key)s' that can be queued.", key=key)
    row = QueuedJob(
        key=key, data=dict(data), total=total, actor_kind=actor.kind, actor_id=actor.id, actor_name=actor.name
    )
    session.add(row)
    session.flush()
    event.listen(session, "after_commit", lambda _session: site.job_waiting.set(), once=True)
    return row.id


def read_job(session: Session, job_id: int) -> JobStatus:
    """The job with this number. Raises NotFound, also for one that ended long ago."""
    row = session.get(QueuedJob, job_id, populate_existing=True) if 0 < job_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such job.")
    return status_of(row)


def status_of(row: QueuedJob) -> JobStatus:
    """A row as a value."""
    return JobStatus(
        id=row.id,
        key=row.key,
        state=cast(State, row.state),
        data=row.data,
        total=row.total,
        done=row.done,
        result=row.result,
        error=row.error,
        actor=actor_of(row),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def actor_of(row: QueuedJob) -> Actor:
    """Who queued it."""
    return Actor(kind=cast(Any, row.actor_kind), id=row.actor_id, name=row.actor_name)


def cancel_job(session: Session, job_id: int) -> bool:
    """Stop a job before its next step; what its steps did stays. Answers whether it was under way. Raises NotFound."""
    read_job(session, job_id)
    # Waits for the step under way, whose transaction holds the row.
    row = session.execute(
        select(QueuedJob).where(QueuedJob.id == job_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).scalar_one()
    if row.finished_at is not None:
        return False
    row.state, row.finished_at = "cancelled", now()
    return True


def forget_old_jobs(site: Site) -> None:
    """Remove jobs that ended long ago."""
    with site.begin() as session:
        session.execute(delete(QueuedJob).where(QueuedJob.finished_at < now() - KEPT))
