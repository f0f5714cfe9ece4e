"""A real mail server on the loopback: what is sent is looked at as it came over the wire."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from attrs import define, field

from tests.support.postgres import free_port


@define(eq=False)
class MailServer:
    """The handler of a mail server. `mails` are those it took, as they came.

    `rcpt` and `data` hold what it answers to the next recipients and texts, one after the other; then it takes all.
    An answer "hang" keeps the client waiting until `release` is set, "drop" ends the connection without one; both have
    the text by then. `reached` is set when one of them begins.
    """

    mails: list[bytes] = field(factory=list)
    envelopes: list[tuple[str, list[str]]] = field(factory=list)
    rcpt: list[str] = field(factory=list)
    data: list[str] = field(factory=list)
    reached: Event = field(factory=Event)
    release: Event = field(factory=Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address, for TRESEN_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def letters(self) -> list[EmailMessage]:
        """What it took, read as a mail program would."""
        return [email.message_from_bytes(mail, policy=default) for mail in self.mails]

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Take a recipient, or answer what `rcpt` says."""
        answer = self.rcpt.pop(0) if self.rcpt else "250 OK"
        if answer in ("hang", "drop"):
            await self._odd(server, answer)
            answer = "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        """Take a mail, or answer what `data` says."""
        answer = self.data.pop(0) if self.data else "250 2.0.0 Ok: queued as ABC123"
        if answer in ("hang", "drop", "250"):
            self._take(envelope)
        if answer in ("hang", "drop"):
            await self._odd(server, answer)
            return "250 OK"
        if answer.startswith("2") and answer != "250":
            self._take(envelope)
        return answer

    def _take(self, envelope: Any) -> None:
        self.mails.append(envelope.original_content)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))

    async def _odd(self, server: SMTP, answer: str) -> None:
        self.reached.set()
        if answer == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        else:
            await asyncio.get_running_loop().run_in_executor(None, self.release.wait, 60)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server that runs in a thread of its own."""
    handler = MailServer(port=free_port())
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, enable_SMTPUTF8=True, ident="tests")
    controller.start()
    try:
        yield handler
    finally:
        handler.release.set()
        controller.stop()


@contextmanager
def deaf_server(reached: Event) -> Iterator[str]:
    """A server that stops reading in the middle of the text; answers its address. `reached` is set by then."""
    listener = socket.create_server(("127.0.0.1", 0))
    # A small window, so that the client soon has to wait.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    kept: list[socket.socket] = []

    def talk() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        kept.append(connection)
        connection.sendall(b"220 deaf\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.upper().startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n")
                    lines.read(1)
                    reached.set()
                    return
                connection.sendall(b"250 OK\r\n")

    thread = Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        for connection in kept:
            connection.close()
        thread.join(5)
