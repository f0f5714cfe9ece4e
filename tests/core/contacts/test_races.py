"""One contact for one address, however many see it first at the same moment (FEATURES C1, THREATS T-F2).

The control takes the protection away, which is `INSERT … ON CONFLICT` on the unique key: looking first and
inserting then fails, so the test would notice if it were gone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import core.contacts.capture as capturing
from core.contacts.addresses import Address
from core.contacts.models import Contact, ContactActivity
from core.site import Site
from core.values import Capture, Captured
from tests.core.contacts.profile_support import capture, contact_of, sale

MANY = 20
EMAIL = "new@example.org"


def outcome(site: Site) -> tuple[int, int, int]:
    """How many contacts there are, how many sales, and how many contacts the sales are spread over."""
    with site.session() as session:
        return (
            session.scalar(select(func.count()).select_from(Contact)) or 0,
            session.scalar(
                select(func.count()).select_from(ContactActivity).where(ContactActivity.kind == "counter.sold")
            )
            or 0,
            session.scalar(select(func.count(ContactActivity.contact_id.distinct()))) or 0,
        )


def all_at_once(site: Site, one: Callable[[int], Captured], number: int = MANY) -> list[Captured | Exception]:
    """Run `one` in as many threads, let go in the same moment; answers what came of each."""
    together = Barrier(number)

    def run(index: int) -> Captured | Exception:
        together.wait(timeout=60)
        try:
            return one(index)
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_t_f2_twenty_captures_of_a_new_address_at_once_make_one_contact(counter_site: Site) -> None:
    spellings = ["new@example.org", "NEW@example.org", " New@Example.ORG "]

    results = all_at_once(
        counter_site,
        lambda index: capture(counter_site, sale(spellings[index % 3], reference=str(index))),
    )

    assert [error for error in results if isinstance(error, Exception)] == []
    captured = [result for result in results if isinstance(result, Captured)]
    assert len({one.contact_id for one in captured}) == 1
    assert [one.created for one in captured].count(True) == 1
    assert outcome(counter_site) == (1, MANY, 1)


def test_t_f2_one_event_captured_by_twenty_at_once_is_attached_once(counter_site: Site) -> None:
    results = all_at_once(counter_site, lambda index: capture(counter_site, sale(EMAIL, idempotency_key="event-1")))

    assert [error for error in results if isinstance(error, Exception)] == []
    assert [isinstance(one, Captured) and one.replayed for one in results].count(False) == 1
    assert outcome(counter_site) == (1, 1, 1)


def test_t_f2_what_several_say_of_one_contact_at_once_is_not_mixed(counter_site: Site) -> None:
    contact_id = capture(counter_site, sale(EMAIL, reference="first")).contact_id

    def say(index: int) -> Captured:
        from tests.core.contacts.profile_support import DAY, LINDEN, NOON, moved

        details = moved(LINDEN, street=f"Street {index}", postal_code=f"{index:05}", phone=f"{index}")
        return capture(counter_site, sale(EMAIL, reference=f"{index}", at=NOON + DAY * (index + 1), details=details))

    results = all_at_once(counter_site, say)

    assert [error for error in results if isinstance(error, Exception)] == []
    contact = contact_of(counter_site, contact_id)
    # The newest statement won, whoever came last.
    assert (contact.street, contact.postal_code, contact.phone) == ("Street 19", "00019", "19")
    assert contact.origins["address"]["reference"] == "19"


def look_then_insert(meeting: Barrier) -> Callable[..., tuple[Contact, bool]]:
    """`match_or_create` as it must not be: it looks first, and inserts when it saw nothing."""

    def match_or_create(session: Session, address: Address, wanted: Capture) -> tuple[Contact, bool]:
        found = session.scalar(select(Contact).where(Contact.email_key == address.key))
        if found is not None:
            return found, False
        meeting.wait(timeout=60)
        made = Contact(email=address.email, email_key=address.key, joined_at=wanted.occurred_at, origins={})
        session.add(made)
        session.flush()
        return made, True

    return match_or_create


def test_t_f2_control_looking_before_inserting_fails(counter_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 4
    monkeypatch.setattr(capturing, "match_or_create", look_then_insert(Barrier(number)))
    if counter_site.database.is_sqlite:
        # SQLite's own protection as well: a writer that begins with BEGIN IMMEDIATE looks alone.
        monkeypatch.setattr(Site, "begin", lambda site: _deferred(site))

    results = all_at_once(counter_site, lambda index: capture(counter_site, sale(EMAIL, reference=str(index))), number)

    assert [error for error in results if isinstance(error, Exception)]
    assert outcome(counter_site)[1] < number


def _deferred(site: Site) -> Session:
    """A transaction that takes the write lock with its first write only."""
    return _Committing(site.database.engine, expire_on_commit=False)


class _Committing(Session):
    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.commit()
        self.close()


WORKER = """
import sys
from pathlib import Path
from tests.core.contacts.profile_support import open_counter, sale
from core.contacts.capture import capture_contact
from concurrent.futures import ThreadPoolExecutor

folder, url, name = sys.argv[1:]
site = open_counter(Path(folder), url)
print("ready", flush=True)
sys.stdin.readline()

def one(index):
    with site.begin() as session:
        return capture_contact(session, site, sale("new@example.org", reference=f"{name}-{index}")).contact_id

with ThreadPoolExecutor(10) as pool:
    found = set(pool.map(one, range(10)))
print(sorted(found), flush=True)
site.close()
"""


def test_t_f2_two_processes_that_see_a_new_address_at_once_make_one_contact(
    counter_site: Site, counter_url: str, tmp_path: Path
) -> None:
    root = Path(__file__).parents[3]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / name), counter_url, name],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", worker.stderr and worker.stderr.read()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate(timeout=120) for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0], answers
    assert len({out.strip() for out, _ in answers}) == 1
    assert outcome(counter_site) == (1, MANY, 1)
