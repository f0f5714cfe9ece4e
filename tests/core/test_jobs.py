"""The worker: steps are done once each, whoever is killed; periodic jobs by one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import Select, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core import InvalidInput, Job, NotFound, Site, Task, queue_job
from core.jobs import Worker, cancel_job, read_job, run_due_jobs
from core.jobs.models import JobClock, QueuedJob, now
from core.jobs.worker import work_once
from core.state import SavedSetting
from core.testing import make_site
from tests.support.plugins import plugin_module
from tests.support.server import ROOT
from tests.support.sites import within

OpenSite = Callable[..., Site]


@pytest.fixture
def open_jobs(tmp_path: Path, database_url: str) -> Iterator[OpenSite]:
    """`open_jobs(Job(…))` opens a site whose plugin contributes these jobs."""
    opened = []

    def make(*jobs: Job) -> Site:
        module = plugin_module("work", jobs=lambda: list(jobs))
        opened.append(make_site(tmp_path, module, database_url=database_url))
        return opened[-1]

    yield make
    for site in opened:
        site.close()


def note(session: Session, key: str) -> None:
    """Leave a trace that can be there once only."""
    session.add(SavedSetting(key=key, value=""))
    session.flush()


def notes(site: Site) -> list[str]:
    with site.session() as session:
        return sorted(session.scalars(select(SavedSetting.key)))


def count_up(session: Session, site: Site, task: Task) -> bool:
    note(session, f"{task.id}-{task.done}")
    task.done += 1
    if task.done == task.total:
        task.result = {"message": "Done."}
    return task.done == task.total


def queue(site: Site, key: str = "work.count", data: dict[str, Any] | None = None, **values: Any) -> int:
    with site.begin() as session:
        return queue_job(session, site, key, data or {}, **values)


def status(site: Site, job_id: int) -> Any:
    with site.session() as session:
        return read_job(session, job_id)


def make_due(site: Site) -> None:
    """As if time had passed."""
    with site.begin() as session:
        session.execute(update(QueuedJob).values(due_at=now()))
        session.execute(update(JobClock).values(next_at=now()))


COUNT = Job(key="work.count", label="Count", step=count_up)


def test_a_queued_job_takes_its_steps_and_tells_how_far_it_is(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    first, second = queue(site, total=3), queue(site, total=2)

    assert status(site, first).state == "queued"
    run_due_jobs(site)

    done = status(site, first)
    assert (done.state, done.done, done.total, done.result) == ("done", 3, 3, {"message": "Done."})
    assert status(site, second).is_over
    assert notes(site) == [f"{first}-0", f"{first}-1", f"{first}-2", f"{second}-0", f"{second}-1"]


def test_a_job_begins_only_once_its_transaction_is_committed(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    with site.begin() as session:
        queue_job(session, site, "work.count", {}, total=1)
        session.rollback()

    run_due_jobs(site)
    assert notes(site) == []


def test_a_failing_step_leaves_nothing_and_is_tried_again(open_jobs: OpenSite) -> None:
    failures = [RuntimeError("away"), RuntimeError("away")]

    def step(session: Session, site: Site, task: Task) -> bool:
        note(session, f"trace-{len(failures)}")
        if failures:
            raise failures.pop()
        return True

    site = open_jobs(Job(key="work.count", label="Count", step=step))
    job = queue(site)
    run_due_jobs(site)
    assert notes(site) == []
    assert status(site, job).state == "queued"

    for _ in range(2):
        make_due(site)
        run_due_jobs(site)
    assert notes(site) == ["trace-0"]
    assert status(site, job).state == "done"


@pytest.mark.parametrize(
    ("error", "tries", "says"),
    [(RuntimeError("secret"), 5, "RuntimeError: secret"), (InvalidInput("No such thing."), 1, "No such thing.")],
)
def test_a_job_that_keeps_failing_has_failed(open_jobs: OpenSite, error: Exception, tries: int, says: str) -> None:
    calls = []

    def step(session: Session, site: Site, task: Task) -> bool:
        calls.append(task.id)
        raise error

    site = open_jobs(Job(key="work.count", label="Count", step=step))
    job = queue(site)
    for _ in range(tries + 2):
        make_due(site)
        run_due_jobs(site)

    assert len(calls) == tries
    assert (status(site, job).state, status(site, job).error) == ("failed", says)


def test_a_cancelled_job_takes_no_further_step(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    job = queue(site, total=1)
    with site.begin() as session:
        assert cancel_job(session, job)
    run_due_jobs(site)

    assert notes(site) == []
    assert status(site, job).state == "cancelled"
    with site.begin() as session:
        assert not cancel_job(session, job)


def test_a_job_of_a_plugin_that_is_off_waits(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    job = queue(site, total=1)
    off = site.switch("work", on=False)
    run_due_jobs(off)
    assert status(site, job).state == "queued"

    run_due_jobs(off.switch("work", on=True))
    assert status(site, job).state == "done"


def test_what_nobody_does_can_not_be_queued(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    for key in ("work.other", "site.tidy"):
        with pytest.raises(NotFound):
            queue(site, key)


def test_two_workers_share_the_steps_and_do_none_twice(open_jobs: OpenSite) -> None:
    site = open_jobs(COUNT)
    jobs = [queue(site, total=10) for _ in range(4)]
    with Worker(site), Worker(site):
        within(30, lambda: all(status(site, job).is_over for job in jobs))

    assert [status(site, job).state for job in jobs] == ["done"] * 4
    assert len(notes(site)) == 40


@pytest.mark.parametrize("protected", [True, False], ids=["protected", "control"])
def test_two_workers_never_take_one_step(open_jobs: OpenSite, monkeypatch: pytest.MonkeyPatch, protected: bool) -> None:
    taken, both = [], Barrier(2)

    def step(session: Session, site: Site, task: Task) -> bool:
        taken.append(task.done)
        # Held open until the other worker has looked: it takes the step too, or finds that it is taken.
        with suppress(BrokenBarrierError):
            both.wait(20)
        task.done += 1
        return task.done == 2

    site = open_jobs(Job(key="work.count", label="Count", step=step))
    run_due_jobs_of_the_core(site)
    queue(site, total=2)
    if not protected:
        monkeypatch.setattr(Select, "with_for_update", lambda self, **_: self)
        site.database = evolve(site.database, writing=site.database.engine)

    def work() -> None:
        with suppress(OperationalError):
            work_once(site)
        # On SQLite the second one waits for the first one's transaction, and would do so here.
        if protected:
            both.abort()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    if protected and site.database.is_sqlite:
        within(20, lambda: bool(taken))
        both.abort()
    for thread in threads:
        thread.join(30)

    assert (taken.count(0) == 1) is protected, taken


def test_a_waiting_worker_is_woken_by_what_is_queued(open_jobs: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.worker.POLL", 60.0)
    site = open_jobs(COUNT)
    with Worker(site):
        within(10, lambda: not site.job_waiting.is_set())
        job = queue(site, total=1)
        within(10, lambda: status(site, job).is_over)


def test_a_periodic_job_runs_when_it_is_due_in_one_worker_at_a_time(open_jobs: OpenSite) -> None:
    begun, at_once, together = [], [], Barrier(2)

    def run(site: Site) -> None:
        begun.append(1)
        at_once.append(len(begun))
        # The other worker has looked, and found it held.
        other_looked.wait(20)
        begun.pop()

    site = open_jobs(Job(key="work.regular", label="Regular", every=timedelta(hours=1), run=run))
    run_due_jobs_of_the_core(site)
    other_looked = Barrier(2)

    def first() -> None:
        together.wait(20)
        run_due_jobs(site)

    thread = Thread(target=first)
    thread.start()
    together.wait(20)
    within(20, lambda: bool(at_once))
    assert run_due_jobs(site) == 0
    other_looked.wait(20)
    thread.join(20)
    assert at_once == [1]
    assert run_due_jobs(site) == 0

    make_due(site)
    with site.begin() as session:
        # A process that was killed in the middle holds it for a while, and then no longer.
        session.execute(update(JobClock).values(held_until=now() + timedelta(minutes=1)))
    assert run_due_jobs(site) == 0
    with site.begin() as session:
        session.execute(update(JobClock).values(held_until=now() - timedelta(seconds=1)))
    other_looked = Barrier(1)
    run_due_jobs(site)
    assert at_once == [1, 1]


def run_due_jobs_of_the_core(site: Site) -> None:
    """Get the core's own periodic jobs out of the way."""
    with site.begin() as session:
        for job in site.contributions.jobs.values():
            if job.every is not None and not job.key.startswith("work."):
                session.add(JobClock(key=job.key, next_at=now() + timedelta(days=1)))


CRASH = """
import os, sys
from pathlib import Path
from core import Job
from core.jobs import run_due_jobs
from core.settings import Settings
from core.site import open_site
from core.plugins import make_plugin
from tests.support.plugins import plugin_module
from tests.core.test_jobs import count_up

def step(session, site, task):
    over = count_up(session, site, task)
    if task.done == 3:
        os.kill(os.getpid(), 9)
    return over

module = plugin_module("work", jobs=lambda: [Job(key="work.count", label="Count", step=step)])
settings = Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2])
run_due_jobs(open_site(settings, [make_plugin(module)]))
"""


def test_t_f3_a_killed_worker_loses_its_step_only(open_jobs: OpenSite, tmp_path: Path, database_url: str) -> None:
    site = open_jobs(COUNT)
    job = queue(site, total=5)

    killed = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), database_url], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert status(site, job).done == 2
    assert notes(site) == [f"{job}-0", f"{job}-1"]

    within(20, lambda: run_due_jobs(site) >= 0 and status(site, job).is_over)
    assert json.dumps(notes(site)) == json.dumps([f"{job}-{number}" for number in range(5)])
