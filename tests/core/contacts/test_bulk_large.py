"""A hundred thousand contacts at once: short transactions, and a killed worker loses and doubles nothing (L7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from sqlalchemy import bindparam, event, func, select, text

from core import Site
from core.contacts.models import ContactActivity, ContactTag
from core.database.base import UtcDateTime
from core.jobs import read_job, run_queued_jobs
from tests.core.contacts.list_support import LIST, START, signed_in
from tests.support.server import ROOT, RUN
from tests.support.sites import open_same_site, within

NUMBER = 100_000

LONGEST = 5.0
"""Seconds of the longest transaction: on SQLite others wait for twice as long before they give up."""

INSERT = """
INSERT INTO contacts (email, email_key, name, phone, street, street2, postal_code, city, region, country, language,
                      picture, stage, locked_by, search_text, joined_at, updated_at, origins, version)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :number)
SELECT 'many' || n || '@example.org', 'many' || n || '@example.org', 'Person ' || n, '', '', '', '', '', '', '', '',
       '', 'lead', '', 'person ' || n, :joined, :joined, '{}', 1 FROM numbers
"""


def fill(site: Site) -> None:
    insert = text(INSERT).bindparams(bindparam("joined", START, type_=UtcDateTime()), number=NUMBER)
    if not site.database.is_sqlite:
        insert = text(INSERT.replace(":joined", "CAST(:joined AS timestamptz)").replace("'{}'", "CAST('{}' AS json)"))
        insert = insert.bindparams(bindparam("joined", START), number=NUMBER)
    with site.begin() as session:
        session.execute(insert)


@contextmanager
def timed(site: Site) -> Iterator[list[float]]:
    """The lengths of all transactions in seconds."""
    lengths: list[float] = []
    begun: dict[int, float] = {}

    def begin(connection: object) -> None:
        begun[id(connection)] = monotonic()

    def end(connection: object) -> None:
        lengths.append(monotonic() - begun.pop(id(connection), monotonic()))

    for name, listener in (("begin", begin), ("commit", end)):
        event.listen(site.database.engine, name, listener)
    yield lengths
    for name, listener in (("begin", begin), ("commit", end)):
        event.remove(site.database.engine, name, listener)


def written(site: Site) -> int:
    with site.session() as session:
        return session.execute(select(func.count()).select_from(ContactTag)).scalar_one()


def test_l7_t_f3_a_hundred_thousand_in_short_transactions_and_a_killed_worker(
    tmp_path: Path, database_url: str
) -> None:
    site = open_same_site(database_url, tmp_path)
    fill(site)
    with timed(site) as lengths, signed_in(site) as staff:
        asked = staff.post(
            f"{LIST}/bulk", data={"action": "contact.tag", "all_matching": "1", "view": "", "next": LIST}
        )
        page = staff.post(asked.headers["location"], data={"tag": "VIP"}).headers["location"].partition("?")[0]
        job_id = int(page.rpartition("/")[2])

        environment = {key: value for key, value in os.environ.items() if not key.startswith("TRESEN_")}
        environment |= {"TRESEN_DATABASE_URL": database_url, "TRESEN_DATA_DIR": str(tmp_path)}
        worker = subprocess.Popen([sys.executable, "-c", RUN, "worker"], cwd=ROOT, env=environment)
        try:
            within(60, lambda: written(site) >= 5_000)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        with site.session() as session:
            job = read_job(session, job_id)
        assert job.done == written(site) < NUMBER
        assert f"{job.done:,} of {NUMBER:,}" in staff.get(page).text

        run_queued_jobs(site)

        with site.session() as session:
            done = read_job(session, job_id)
            entries, people = session.execute(
                select(func.count(), func.count(ContactActivity.contact_id.distinct())).where(
                    ContactActivity.kind == "contact.tagged"
                )
            ).one()
        assert (done.state, done.done, done.result["values"]["count"]) == ("done", NUMBER, NUMBER)
        assert (written(site), entries, people) == (NUMBER, NUMBER, NUMBER)
        assert len(lengths) > 100
        assert max(lengths) < LONGEST, f"a transaction took {max(lengths):.2f} seconds"
    site.close()
