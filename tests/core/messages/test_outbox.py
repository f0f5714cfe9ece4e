"""The outbox: a killed worker loses nothing and doubles nothing, and no message is with two (THREATS T-M3, T-M4)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import select, update

from core import Site, queue_message, storing
from core.contacts.models import now
from core.messages import outbox
from core.messages.models import Message
from core.messages.sending import send_due
from tests.core.messages.mail_support import add_contact, logged, mail_site, message, queue, send, states
from tests.support.mail import MailServer, deaf_server
from tests.support.sites import within

MANY = 20
WORKERS = 6

# A worker in a process of its own. With a fourth argument it ends, as by kill -9, when the server has answered and
# nothing of that is written down yet.
WORKER = """
import os, sys
from pathlib import Path
from core.messages import sending
from core.settings import Settings
from core.site import open_site
data, database, smtp, *last = sys.argv[1:]
if last:
    sending._sent = lambda *_: os.kill(os.getpid(), 9)
site = open_site(Settings(data_dir=Path(data), database_url=database, smtp_url=smtp, language="en"), [])
print("open", flush=True)
sending.send_due(site)
"""


@contextmanager
def worker(site: Site, smtp_url: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the site in another process; killed at the end."""
    command = [sys.executable, "-c", WORKER, str(site.settings.data_dir), site.settings.database_url, smtp_url, *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def killed(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> None:
    """Kill the worker -9 at a moment."""
    within(60, when)
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def test_t_m3_killed_before_the_text_it_is_sent_by_the_next_worker(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, server.url)
    contact_id = add_contact(site)
    message_id = queue(site, contact_id)
    server.rcpt.append("hang")
    with worker(site, server.url) as process:
        killed(process, server.reached.is_set)
    assert (message(site, message_id).state, message(site, message_id).handed_at) == ("sending", None)

    assert send_due(site) == 1, "certainly not sent, so nobody has to decide"

    assert message(site, message_id).state == "sent"
    assert len(server.mails) == 1
    assert logged(site, contact_id) == [("message.sent", "Your cake")]
    site.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_m3_killed_in_the_middle_of_the_text_it_is_for_staff_to_decide(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, server.url)
    contact_id = add_contact(site)
    # More than fits between the two, so that the worker has to wait while it writes.
    with storing(site.settings.data_dir) as store, site.begin() as session:
        saved = store.save("large.bin", BytesIO(b"x" * 12_000_000))
        message_id = queue_message(session, site, contact_id, "Large", "Text", "personal", files=[saved])
    reached = Event()
    with deaf_server(reached) as url, worker(site, url) as process:
        killed(process, reached.is_set)
    assert message(site, message_id).state == "sending"

    assert send_due(site) == 0

    assert message(site, message_id).state == "unknown"
    assert server.mails == []
    site.close()


def test_t_m3_killed_while_it_waits_for_the_answer_it_is_for_staff_to_decide(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, server.url)
    contact_id = add_contact(site)
    message_id = queue(site, contact_id)
    server.data.append("hang")
    with worker(site, server.url) as process:
        killed(process, server.reached.is_set)

    assert send_due(site) == 0
    assert send(site) == 0

    assert message(site, message_id).state == "unknown"
    assert len(server.mails) == 1, "it had arrived, and is not sent a second time"
    assert logged(site, contact_id) == []
    site.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_m3_killed_after_the_answer_it_is_for_staff_to_decide(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    site = mail_site(tmp_path, database_url, server.url)
    message_id = queue(site, add_contact(site))
    with worker(site, server.url, "kill") as process:
        assert process.wait(60) == -signal.SIGKILL

    send(site)

    assert message(site, message_id).state == "unknown"
    assert len(server.mails) == 1
    site.close()


def test_t_m3_a_worker_elsewhere_is_taken_for_dead_after_a_while_and_may_still_say_how_it_ended(
    mailing: Site, server: MailServer
) -> None:
    message_id = queue(mailing, add_contact(mailing))
    elsewhere = "another-machine/1/00000000/11111111"
    with mailing.begin() as session:
        assert outbox.claim(session, elsewhere) == message_id
        held = outbox.hold(session, message_id, elsewhere)
        assert held is not None
        held.handed_at = now()

    assert outbox.take_over_abandoned(mailing) == 0
    with mailing.begin() as session:
        session.execute(update(Message).values(claimed_at=now() - outbox.LEASE - timedelta(seconds=1)))
    assert outbox.take_over_abandoned(mailing) == 1
    assert message(mailing, message_id).state == "unknown"

    with mailing.begin() as session:
        held = outbox.hold_handed(session, message_id, elsewhere)
        assert held is not None
        outbox.end(session, held, "sent", "250 OK")
    assert message(mailing, message_id).state == "sent"


def test_t_m3_a_worker_whose_message_was_given_to_another_sends_nothing(
    tmp_path: Path, database_url: str, server: MailServer
) -> None:
    """It was slow before the text, and taken for dead."""
    site = mail_site(tmp_path, database_url, server.url)
    message_id = queue(site, add_contact(site))
    server.rcpt.append("hang")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send_due, site)
        assert server.reached.wait(30)
        with site.begin() as session:
            session.execute(update(Message).values(claimed_at=now() - outbox.LEASE))
        assert send_due(site) == 1
        server.release.set()
        slow.result(30)

    assert len(server.mails) == 1
    assert message(site, message_id).state == "sent"
    site.close()


# T-M4


def claimed_by_many(site: Site, claim: Callable[[Site, str], int | None]) -> Counter[int]:
    """How often each message was claimed by workers that all begin in the same moment."""
    together = Barrier(WORKERS)

    def work(_number: int) -> list[int]:
        worker, mine = outbox.new_worker(), []
        together.wait(60)
        while True:
            message_id = claim(site, worker)
            if message_id is None:
                return mine
            mine.append(message_id)

    with ThreadPoolExecutor(WORKERS) as pool:
        return Counter(message_id for mine in pool.map(work, range(WORKERS)) for message_id in mine)


def claim(site: Site, worker: str) -> int | None:
    """The claim as a worker makes it: a transaction of its own."""
    with site.begin() as session:
        return outbox.claim(session, worker)


def test_t_m4_workers_at_once_claim_each_message_once(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    ids = [queue(mailing, contact_id, f"Number {number}") for number in range(MANY)]

    assert claimed_by_many(mailing, claim) == dict.fromkeys(ids, 1)
    assert states(mailing) == ["sending"] * MANY


def test_t_m4_control_looking_first_and_marking_then_claims_twice(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    for number in range(MANY):
        queue(mailing, contact_id, f"Number {number}")

    def look_then_mark(site: Site, worker: str) -> int | None:
        with site.session() as session:
            found = session.scalar(
                select(Message.id).where(Message.state == "queued").order_by(Message.next_at, Message.id).limit(1)
            )
        if found is not None:
            with site.begin() as session:
                session.execute(update(Message).where(Message.id == found).values(state="sending", claimed_by=worker))
        return found

    assert max(claimed_by_many(mailing, look_then_mark).values()) > 1


def test_t_m4_two_workers_send_everything_once(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    for number in range(MANY):
        queue(mailing, contact_id, f"Number {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: send_due(mailing), range(4)))
    while "queued" in states(mailing):
        send_due(mailing)

    assert sorted(str(letter["Subject"]) for letter in server.letters) == sorted(f"Number {n}" for n in range(MANY))
    assert states(mailing) == ["sent"] * MANY
