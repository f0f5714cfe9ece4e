"""Killed -9 at random moments while a newsletter goes out: nothing is lost, nothing comes twice (THREATS T-M3, T-F3).

The mail server is a process of its own that writes down what it takes before it answers. Workers are forked from one
that has loaded everything, so that a life is short: TRESEN_EXAMPLES says how many of them are killed while they send.
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
from attrs import frozen
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

# Forks a worker, waits until it has taken up so many letters that the kills are spread over all of them, and kills it
# at a random moment after it took up another one, or after the mail server has said that it wants to have it; now and
# then one is killed before it sends anything. With "resend" what was
# handed over counts as not sent. Answers the kills of both kinds.
WORKERS = """
import os, random, signal, sys, time, traceback
from pathlib import Path
from core.messages import feeding, outbox, sending, smtp
from core.settings import Settings
from core.site import open_site
data, database, url, taken, kills, letters, mode = sys.argv[1:]
feeding.BATCH, feeding.ROOM = 10, 30
if mode == "resend":
    abandon = outbox._abandon
    def resend(session, message_id, worker):
        session.execute(outbox.update(outbox.Message).where(outbox.Message.id == message_id).values(handed_at=None))
        return abandon(session, message_id, worker)
    outbox._abandon = resend
site = open_site(Settings(data_dir=Path(data), database_url=database, smtp_url=url, language="en"), [], upgrade=False)
claim, moments = outbox.claim, []

def timed(session, name):
    moments.append(time.monotonic())
    return claim(session, name) if len(moments) < 10 else None

# Once here, so that everything is compiled that is at first use, and the time of a letter is known.
sending.BUDGET, outbox.claim = 60, timed
feeding.run(site)
sending.send_due(site)
site.close()
letter = sorted(late - early for early, late in zip(moments, moments[1:]))[4]
chance, killed, early = random.Random(7), 0, 0

def work(tell):
    def claimed(session, name):
        os.write(tell, b".")
        return claim(session, name)
    ready = smtp.Connection.ready
    def wanted(connection):
        reply = ready(connection)
        os.write(tell, b"!")
        return reply
    outbox.claim, smtp.Connection.ready = claimed, wanted
    try:
        while True:
            feeding.run(site)
            if not sending.send_due(site):
                break
    except BaseException:
        traceback.print_exc()
    os._exit(0)

while killed < int(kills):
    begun, tell = os.pipe()
    worker = os.fork()
    if not worker:
        work(tell)
    os.close(tell)
    before_sending = chance.random() < 0.1
    if before_sending:
        time.sleep(chance.random() * letter)
    else:
        # Those that were killed on their way are counted as if none had arrived.
        left = int(letters) - Path(taken).read_bytes().count(b"\\n") - killed
        pace = left // (int(kills) - killed)
        until = ["."] * (1 + chance.randrange(max(1, 2 * pace - 2)))
        if mode == "resend" or chance.random() < 0.5:
            until.append("!")
        while until:
            told = os.read(begun, 1).decode()
            assert told, "The worker has ended: nothing was left to send."
            until = until[told == until[0]:]
        time.sleep(chance.random() * letter)
    os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    has_begun = not before_sending or os.read(begun, 1)
    os.close(begun)
    if not has_begun:
        early += 1
    else:
        killed += 1
print(killed, early, flush=True)
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
        draft = Draft(subject="News", text="Dear {{name}}", purpose="system", topic="", audience="all")
        made = add_draft(session, site, draft, actor=ADA)
        start(session, site, made, lambda _permission: True, expected=number)
    return made


@frozen
class Sent:
    """A newsletter that was sent by workers that were killed.

    `kills` of workers that had begun to send, `early` of others; `left`: letters that were still to go out at the
    last kill; `taken`: how often each mail came.
    """

    site: Site
    newsletter_id: int
    kills: int
    early: int
    left: int
    taken: Counter[str]


def sent_by_the_killed(tmp_path: Path, database_url: str, mode: str, kills: int) -> Sent:
    """Send a newsletter with workers that are killed, and what is left without."""
    letters = kills * 5 + 20
    with keeper(tmp_path) as (url, path):
        site = mail_site(tmp_path, database_url, url)
        newsletter_id = write_to_all(site, letters)
        command = [sys.executable, "-c", WORKERS, str(site.settings.data_dir), database_url, url]
        command += [str(path), str(kills), str(letters), mode]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=600)
        killed, early = map(int, done.stdout.split())
        with site.session() as session:
            gone = session.scalar(select(func.count()).where(Message.state.in_(("sent", "unknown")))) or 0

        def over() -> bool:
            feed(site)
            send_due(site)
            with site.session() as session:
                return session.get_one(Newsletter, newsletter_id).state == "sent"

        within(120, over)
        return Sent(site, newsletter_id, killed, early, letters - gone, Counter(path.read_text().split()))


def test_t_m3_killed_at_any_moment_no_letter_is_lost_and_none_comes_twice(tmp_path: Path, database_url: str) -> None:
    sent = sent_by_the_killed(tmp_path, database_url, "", KILLS)

    with sent.site.session() as session:
        rows = session.execute(
            select(Message.mail_id, Message.state, Message.contact_id).where(
                Message.newsletter_id == sent.newsletter_id
            )
        ).all()
        queued = session.scalar(select(func.count()).where(NewsletterRecipient.state == "queued"))
    states = Counter(row.state for row in rows)
    letters = KILLS * 5 + 20
    assert len(rows) == len({row.contact_id for row in rows}) == queued == letters, "one letter for each person"
    assert [mail_id for mail_id, times in sent.taken.items() if times > 1] == []
    assert {row.mail_id for row in rows if row.state == "sent"} <= set(sent.taken)
    assert set(sent.taken) <= {row.mail_id for row in rows}
    assert set(states) <= {"sent", "unknown"}
    assert sent.kills == KILLS
    assert sent.left > 0, "letters were going out to the last"
    assert 0 < states["unknown"] <= KILLS
    arrived = sum(row.mail_id in sent.taken for row in rows if row.state == "unknown")
    print(
        f"{letters} letters, {sent.kills} kills while they went out ({sent.left} to go at the last) and {sent.early} "
        f"before: {states['sent']} sent, {states['unknown']} unknown ({arrived} of them arrived), none lost, none twice"
    )
    sent.site.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_m3_control_without_unknown_letters_come_twice(tmp_path: Path, database_url: str) -> None:
    sent = sent_by_the_killed(tmp_path, database_url, "resend", 10)

    assert [mail_id for mail_id, times in sent.taken.items() if times > 1]
    sent.site.close()
