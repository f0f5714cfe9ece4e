"""Killed -9 at random moments while a newsletter goes out: nothing is lost, nothing comes twice (THREATS T-M3, T-F3).

The mail server is a process of its own that writes down what it takes before it answers. Workers are forked from one
that has loaded everything, so that a life is short: TRESEN_EXAMPLES says how many of them there are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.contacts.models import Contact, now
from core.messages.feeding import run as feed
from core.messages.models import Message, Newsletter, NewsletterRecipient
from core.messages.newsletters import Draft, add_draft, start
from core.messages.sending import send_due
from core.site import Site
from tests.core.messages.mail_support import ADA, mail_site
from tests.support.postgres import free_port
from tests.support.sites import within

KILLS = int(os.environ.get("TRESEN_EXAMPLES", "20"))
LETTERS = KILLS * 5 + 100
ROOT = Path(__file__).parents[3]

SERVER = """
import os, re, sys, time
from aiosmtpd.controller import Controller
port, path = int(sys.argv[1]), sys.argv[2]
taken = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

class Keeper:
    async def handle_DATA(self, server, session, envelope):
        mail_id = re.search(rb"(?mi)^Message-ID: <(.*)>", envelope.original_content)[1]
        os.write(taken, mail_id + b"\\n")
        return "250 OK"

controller = Controller(Keeper(), hostname="127.0.0.1", port=port)
controller.start()
print("ready", flush=True)
sys.stdin.read()
"""

# Forks a worker, waits until it begins to send (each fifth time not even that), kills it after a random while in which
# a few letters go out, and so on. With "resend" what was handed over counts as not sent.
WORKERS = """
import os, random, signal, sys, time
from pathlib import Path
from core.messages import feeding, outbox, sending
from core.settings import Settings
from core.site import open_site
data, database, smtp, kills, mode = sys.argv[1:]
feeding.BATCH, feeding.ROOM = 10, 30
if mode == "resend":
    abandon = outbox._abandon
    def resend(session, message_id, worker):
        session.execute(outbox.update(outbox.Message).where(outbox.Message.id == message_id).values(handed_at=None))
        return abandon(session, message_id, worker)
    outbox._abandon = resend
site = open_site(Settings(data_dir=Path(data), database_url=database, smtp_url=smtp, language="en"), [], upgrade=False)

# Once here, so that everything is compiled that is at first use, and the time of a letter is known.
sending.BUDGET = 0.1
feeding.run(site)
start = time.monotonic()
number = sending.send_due(site)
letter = (time.monotonic() - start) / number
site.close()
chance, killed = random.Random(7), 0
claim = outbox.claim
while killed < int(kills):
    begun, tell = os.pipe()
    worker = os.fork()
    if not worker:
        def claimed(session, name):
            os.write(tell, b".")
            return claim(session, name)
        outbox.claim = claimed
        try:
            while True:
                feeding.run(site)
                if not sending.send_due(site):
                    break
        finally:
            os._exit(0)
    os.close(tell)
    if chance.random() < 0.8:
        os.read(begun, 1)
    time.sleep(chance.random() * 3 * letter)
    os.kill(worker, signal.SIGKILL)
    os.close(begun)
    _, status = os.waitpid(worker, 0)
    if os.WIFEXITED(status):
        break
    killed += 1
print(killed, flush=True)
"""


@contextmanager
def keeper(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The mail server: its address, and where it writes down the Message-IDs of what it took."""
    port, path = free_port(), tmp_path / "taken"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"smtp://127.0.0.1:{port}", path
    finally:
        process.kill()
        process.communicate()


def write_to_all(site: Site, number: int) -> int:
    """A newsletter to so many contacts that begins to be sent; answers its id."""
    with site.begin() as session:
        addresses = [f"p{one}@example.org" for one in range(number)]
        session.add_all(Contact(email=one, email_key=one, name=one, joined_at=now()) for one in addresses)
        session.flush()
        draft = Draft(subject="News", text="Dear {{name}}", purpose="personal", topic="", audience="all")
        made = add_draft(session, site, draft, actor=ADA)
        start(session, site, made, lambda _permission: True, expected=number)
    return made


def killed_all_the_time(tmp_path: Path, database_url: str, mode: str) -> tuple[Site, int, int, Counter[str]]:
    """Send a newsletter with workers that are killed: the site, the newsletter, the kills, how often each mail came."""
    with keeper(tmp_path) as (url, path):
        site = mail_site(tmp_path, database_url, url)
        newsletter_id = write_to_all(site, LETTERS)
        command = [sys.executable, "-c", WORKERS, str(site.settings.data_dir), database_url, url, str(KILLS), mode]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=600)
        kills = int(done.stdout)

        def over() -> bool:
            feed(site)
            send_due(site)
            with site.session() as session:
                return session.get_one(Newsletter, newsletter_id).state == "sent"

        within(120, over)
        return site, newsletter_id, kills, Counter(path.read_text().split())


def test_t_m3_killed_at_any_moment_no_letter_is_lost_and_none_comes_twice(tmp_path: Path, database_url: str) -> None:
    site, newsletter_id, kills, taken = killed_all_the_time(tmp_path, database_url, "")

    with site.session() as session:
        rows = session.execute(
            select(Message.mail_id, Message.state, Message.contact_id).where(Message.newsletter_id == newsletter_id)
        ).all()
        queued = session.scalar(select(func.count()).where(NewsletterRecipient.state == "queued"))
    states = Counter(row.state for row in rows)
    assert len(rows) == len({row.contact_id for row in rows}) == queued == LETTERS, "one letter for each person"
    assert [mail_id for mail_id, times in taken.items() if times > 1] == []
    assert {row.mail_id for row in rows if row.state == "sent"} <= set(taken)
    assert set(taken) <= {row.mail_id for row in rows}
    assert set(states) <= {"sent", "unknown"}
    assert states["unknown"] <= kills
    assert kills >= KILLS // 4, "there was something to kill"
    print(f"{kills} kills: {dict(states)}")
    site.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_m3_control_without_unknown_letters_come_twice(tmp_path: Path, database_url: str) -> None:
    site, _, _, taken = killed_all_the_time(tmp_path, database_url, "resend")

    assert [mail_id for mail_id, times in taken.items() if times > 1]
    site.close()
