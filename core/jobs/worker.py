"""The worker: takes due jobs, one step at a time, in as many processes as there are.

A step and its progress are one transaction, which holds the job's row. So a process that is killed loses the step it
was in, and nothing else; another takes the job on at the same place, and no step is done twice. Periodic jobs are held
by one process for a while, since they may do things that no transaction takes back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.database.upsert import upsert
from core.errors import TresenError
from core.jobs.models import JobClock, QueuedJob, now
from core.jobs.queue import actor_of
from core.plugins import describe
from core.values import Job, Task

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.jobs")

POLL = 1.0
"""Seconds after which a worker without work looks again."""

ATTEMPTS = 5
"""How often a failing step is tried before its job has failed."""

BACKOFF = timedelta(seconds=2)
"""How long after the first failure a step is tried again; twice as long after each further one."""

OPEN = ("queued", "running")


def run_due_jobs(site: Site) -> int:
    """Do everything that is due now, and what becomes due by it; answers how many steps and runs that were."""
    number = 0
    while work_once(site):
        number += 1
    return number


def run_queued_jobs(site: Site) -> int:
    """Do what was queued and is due, and leave the periodic jobs alone; answers how many steps that were."""
    number = 0
    while _step(site):
        number += 1
    return number


def work_once(site: Site) -> bool:
    """Do one step of a queued job, or one run of a periodic one; answers whether anything was due."""
    return _step(site) or _run_periodic(site)


# Queued jobs


def _due(site: Site) -> tuple[list[str], tuple[object, ...]]:
    # A job of a plugin that is off waits until it is on again.
    keys = [job.key for job in site.contributions.jobs.values() if job.step is not None]
    return keys, (QueuedJob.state.in_(OPEN), QueuedJob.due_at <= now(), QueuedJob.key.in_(keys))


def _step(site: Site) -> bool:
    keys, due = _due(site)
    if not keys:
        return False
    # Looked for without the lock first: a worker without work must not hold up those who write.
    asked = select(QueuedJob.id).where(*due).limit(1)  # type: ignore[arg-type]
    with site.session() as session:
        if session.scalar(asked) is None:
            return False
    try:
        with site.begin() as session:
            statement = (
                select(QueuedJob)
                .where(*due)  # type: ignore[arg-type]
                .order_by(QueuedJob.due_at, QueuedJob.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = session.scalar(statement)
            if row is None:
                return False
            job_id = row.id
            _take_step(session, site, row)
    except (Exception, SystemExit) as error:
        log.exception("Job %s failed in a step", job_id)
        _record_failure(site, job_id, error)
    return True


def _take_step(session: Session, site: Site, row: QueuedJob) -> None:
    job = site.contributions.jobs[row.key]
    assert job.step is not None
    task = Task(
        id=row.id, data=dict(row.data), total=row.total, done=row.done, result=dict(row.result), actor=actor_of(row)
    )
    is_over = job.step(session, site, task)
    row.data, row.total, row.done, row.result = dict(task.data), task.total, task.done, dict(task.result)
    row.started_at = row.started_at or now()
    row.attempts = 0
    # Behind the others that are due, so that a long job does not keep a short one waiting.
    row.due_at = now()
    row.state = "done" if is_over else "running"
    row.finished_at = now() if is_over else None


def _record_failure(site: Site, job_id: int, error: BaseException) -> None:
    with site.begin() as session:
        row = session.execute(select(QueuedJob).where(QueuedJob.id == job_id).with_for_update()).scalar_one_or_none()
        if row is None or row.finished_at is not None:
            return
        row.attempts += 1
        row.due_at = now() + BACKOFF * 2 ** (row.attempts - 1)
        # An error that was raised on purpose comes again, however often one tries.
        if row.attempts >= ATTEMPTS or isinstance(error, TresenError):
            row.state, row.finished_at = "failed", now()
            row.error = str(error) if isinstance(error, TresenError) else describe(error)


# Periodic jobs


def _run_periodic(site: Site) -> bool:
    periodic = [job for job in site.contributions.jobs.values() if job.run is not None]
    with site.session() as session:
        next_at = {row.key: row.next_at.timestamp() for row in session.execute(select(JobClock.key, JobClock.next_at))}
    # Those that are not due are left out here: a worker without work would ask for each of them, every second.
    moment = now().timestamp()
    due = [job for job in periodic if next_at.get(job.key, 0.0) <= moment]
    # What has waited longest comes first: one that is always due again would else keep those behind it from running.
    for job in sorted(due, key=lambda job: next_at.get(job.key, 0.0)):
        if _hold(site, job):
            assert job.run is not None
            try:
                job.run(site)
            except (Exception, SystemExit):
                log.exception("Job %s failed", job.key)
            _let_go(site, job)
            return True
    return False


def _is_due(job: Job) -> tuple[object, ...]:
    moment = now()
    free = or_(JobClock.held_until.is_(None), JobClock.held_until < moment)
    return (JobClock.key == job.key, JobClock.next_at <= moment, free)


def _hold(site: Site, job: Job) -> bool:
    """Take a periodic job if it is due and nobody has it."""
    assert job.every is not None
    with site.session() as session:
        clock = session.get(JobClock, job.key)
        if clock is not None and session.scalar(select(JobClock.key).where(*_is_due(job))) is None:  # type: ignore[arg-type]
            return False
    with site.begin() as session:
        if clock is None:
            session.execute(upsert(session, JobClock, {"key": job.key, "next_at": now()}, keys=["key"]))
        held = session.execute(
            update(JobClock)
            .where(*_is_due(job))  # type: ignore[arg-type]
            .values(next_at=now() + job.every, held_until=now() + job.patience)
            .returning(JobClock.key)
        ).first()
    return held is not None


def _let_go(site: Site, job: Job) -> None:
    with site.begin() as session:
        session.execute(update(JobClock).where(JobClock.key == job.key).values(held_until=None))


class Worker:
    """Works in a thread of its own until it is stopped: `with Worker(site): …`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="tresen-worker", daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self, within: float = 10.0) -> None:
        """Let the step under way end, for `within` seconds at most; what is left is done after the next start."""
        self._stopping.set()
        self._site.job_waiting.set()
        if self._thread.is_alive():
            self._thread.join(within)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work in this thread until `stop` is called or `until` holds."""
        while not self._stopping.is_set() and not until():
            waiting = self._site.job_waiting
            waiting.clear()
            try:
                # Plugins may have been switched in another process.
                self._site = self._site.refreshed()
                worked = work_once(self._site)
            except Exception:
                # The database is away for a moment: nothing is lost, and it is looked for again.
                log.exception("The worker could not work")
                worked = False
            if not worked and not self._stopping.is_set():
                waiting.wait(POLL)

    def _work(self) -> None:
        self.run()
