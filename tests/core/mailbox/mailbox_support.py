"""Sites that take mails in, messages they have sent, and a real IMAP server."""

from __future__ import annotations

import imaplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define
from sqlalchemy import func, select, update

from core.contacts.models import now
from core.mailbox.models import PiledMail, TakenMail
from core.messages.models import Message
from core.site import Site
from tests.core.messages.mail_support import add_contact, queue
from tests.support.postgres import free_port


def sent_message(site: Site, contact_id: int, **values: Any) -> tuple[int, str]:
    """A message that a mail server has taken; answers its id and its Message-ID."""
    message_id = queue(site, contact_id, **values)
    with site.begin() as session:
        moment = now()
        session.execute(
            update(Message)
            .where(Message.id == message_id)
            .values(state="sent", sent_at=moment, handed_at=moment, recipient="anna@example.com")
        )
        return message_id, session.scalars(select(Message.mail_id).where(Message.id == message_id)).one() or ""


def anna(site: Site, email: str = "anna@example.com", name: str = "Anna Müller") -> int:
    return add_contact(site, email, name)


def letter(
    sender: str = "Anna <anna@example.com>",
    subject: str = "Question",
    text: str = "When?",
    more: str = "",
    number: int = 1,
) -> bytes:
    """A plain mail from a person. `more` are further lines of its head."""
    head = (
        f"From: {sender}\r\nTo: laden@example.org\r\nSubject: {subject}\r\nMessage-ID: <mail-{number}@example.com>\r\n"
    )
    return f"{head}{more}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


def incoming(site: Site) -> list[Message]:
    with site.session() as session:
        return list(session.scalars(select(Message).where(Message.direction == "in").order_by(Message.id)))


def piled(site: Site) -> list[PiledMail]:
    with site.session() as session:
        return list(session.scalars(select(PiledMail).order_by(PiledMail.id)))


def taken(site: Site) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(TakenMail)) or 0


def files_on_disk(site: Site) -> list[Path]:
    return sorted(path for path in (site.settings.data_dir / "files").rglob("*") if path.is_file())


START = (
    # Signing in is not what is tested here: one round of hashing instead of half a million.
    "from pysasl import hashing; hashing.BuiltinHash.__init__.__kwdefaults__['rounds'] = 1;"
    "from pymap.main import main; main()"
)


@define
class ImapServer:
    """A running IMAP server with one account; each test has a folder of its own."""

    port: int
    folders: int = 0

    def new_folder(self) -> str:
        self.folders += 1
        name = f"Antworten {self.folders} für uns"
        with self.signed_in() as imap:
            imap.create(self.wire(name))
        return name

    def wire(self, name: str) -> str:
        from core.mailbox.imap import modified_utf7, quoted

        return quoted(modified_utf7(name))

    def url(self, folder: str, password: str = "demopass", options: str = "") -> str:
        from urllib.parse import quote

        return f"imap://demouser:{password}@127.0.0.1:{self.port}/{quote(folder)}{options}"

    def put(self, folder: str, *mails: bytes) -> None:
        with self.signed_in() as imap:
            for mail in mails:
                status, _ = imap.append(self.wire(folder), None, None, mail)  # type: ignore[arg-type]
                assert status == "OK"

    @contextmanager
    def signed_in(self) -> Iterator[imaplib.IMAP4]:
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        try:
            imap.login("demouser", "demopass")
            yield imap
        finally:
            imap.logout()


@contextmanager
def imap_server() -> Iterator[ImapServer]:
    """pymap, a real IMAP server, in a process of its own, with its mails in memory."""
    server = ImapServer(port=free_port())
    program = [
        sys.executable,
        "-c",
        START,
        "--host",
        "127.0.0.1",
        "--port",
        str(server.port),
        "--no-tls",
    ]
    off = ["--no-service", "managesieve", "--no-service", "admin"]
    process = subprocess.Popen([*program, *off, "dict", "--demo-data"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                with server.signed_in():
                    break
            except OSError:
                assert process.poll() is None, "the IMAP server has ended"
                assert time.monotonic() < until, "the IMAP server does not answer"
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(10)
