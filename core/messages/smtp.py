"""Talking to the mail server (RFC 5321), step by step: it must be known at every step whether the server may have a
message."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from types import MappingProxyType

from attrs import define, field, frozen

from core.messages.mail_server import MailServer

SAID_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "address": "The mail server takes no addresses with letters such as ä before the @.",
        "certificate": "The certificate of the mail server is not valid.",
        "time": "The mail server did not answer in time.",
        "name": "The name of the mail server can’t be found.",
        "refused": "The mail server refuses the connection.",
        "ended": "The mail server ended the connection.",
        "missing": "The mail server does not offer the encryption or the sign-in that the settings ask for.",
    }
)
"""What went wrong without words of the server: message ids. Its own words are kept as they are."""

WORDS = 500
"""Characters of what a server said that are kept."""


class ServerAway(Exception):
    """The server can't be reached or used now, and does not have the message; what it or the network said."""


class NobodyKnows(Exception):
    """The connection ended while the server may have taken the message (RFC 1047); what the network said."""


@frozen
class Reply:
    """What the server answered: a code of three digits, and its words."""

    code: int
    words: str

    @property
    def is_good(self) -> bool:
        """Whether it accepts."""
        return 200 <= self.code < 400

    @property
    def shown(self) -> str:
        """Code and words; a sentence of our own stands alone, so that it can be translated."""
        return self.words if self.words in SAID_TEXTS.values() else f"{self.code} {self.words}"

    @property
    def is_final(self) -> bool:
        """Whether it refuses for good (RFC 5321 section 4.2.1); otherwise it may be asked again later."""
        return self.code >= 500


def plain(words: bytes | str) -> str:
    """A server's words in one line that can be shown and logged: no control characters (THREATS T-M1)."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return re.sub(r"\s+", " ", "".join(one if one.isprintable() else " " for one in text)).strip()[:WORDS]


@define
class Connection:
    """A connection to the mail server, opened when it is needed and used for one message after another."""

    server: MailServer
    _smtp: smtplib.SMTP | None = field(default=None, init=False)
    _used: int = field(default=0, init=False)

    def open(self) -> None:
        """Connect, encrypt, sign in. Does nothing on an open connection. Raises ServerAway."""
        if self._smtp is not None:
            return
        server = self.server
        try:
            if server.tls == "implicit":
                context = ssl.create_default_context()
                self._smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
            else:
                self._smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
            self._smtp.ehlo_or_helo_if_needed()
            if server.tls == "required" or (server.tls == "offered" and self._smtp.has_extn("starttls")):
                self._smtp.starttls(context=ssl.create_default_context())
                self._smtp.ehlo_or_helo_if_needed()
            if server.user:
                self._smtp.login(server.user, server.password)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self.close()
            raise ServerAway(_said(error)) from error
        self._used = 0

    def begin(self, sender: str, recipient: str, *, international: bool) -> Reply:
        """Name sender and recipient; what the server says to them. Raises ServerAway.

        A server may end a connection after some messages; then it is asked once more on a new one. `international` asks
        for an address with letters beyond ASCII before the @ (RFC 6531).
        """
        self.open()
        try:
            return self._begin(sender, recipient, international)
        except ServerAway:
            if not self._used:
                raise
        self.open()
        return self._begin(sender, recipient, international)

    def _begin(self, sender: str, recipient: str, international: bool) -> Reply:
        smtp = self._smtp
        assert smtp is not None
        if international and not smtp.has_extn("smtputf8"):
            return Reply(553, SAID_TEXTS["address"])
        options = ["SMTPUTF8"] if international else []
        try:
            reply = _reply(smtp.mail(sender, options))
            if reply.is_good:
                reply = _reply(smtp.rcpt(recipient))
            if not reply.is_good and reply.code != 421:
                smtp.rset()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise ServerAway(_said(error)) from error
        if reply.code == 421:
            # The server closes the connection (RFC 5321 section 3.8).
            self.close()
            raise ServerAway(f"421 {reply.words}")
        return reply

    def ready(self) -> Reply:
        """Say that the message comes now, after a good `begin`. Raises ServerAway: it was not sent."""
        smtp = self._smtp
        assert smtp is not None
        try:
            reply = _reply(smtp.docmd("DATA"))
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise ServerAway(_said(error)) from error
        if reply.code != 354:
            self.close()
            if reply.code == 421:
                raise ServerAway(f"421 {reply.words}")
        return reply

    def deliver(self, mail: bytes) -> Reply:
        """Hand the message over, after a good `ready`. Raises NobodyKnows when no answer came to it.

        `mail` has lines that end in CRLF.
        """
        smtp = self._smtp
        assert smtp is not None
        # A line that begins with a dot gets a second one (RFC 5321 section 4.5.2).
        body = re.sub(rb"(?m)^\.", b"..", mail)
        try:
            smtp.send(body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            reply = _reply(smtp.getreply())
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise NobodyKnows(_said(error)) from error
        self._used += 1
        if reply.code == 421:
            self.close()
        return reply

    def forget(self) -> None:
        """Make the server forget sender and recipient of a message that won't come."""
        if self._smtp is not None:
            try:
                self._smtp.rset()
            except (OSError, smtplib.SMTPException):
                self.close()

    def close(self) -> None:
        """Say goodbye and end the connection, if there is one."""
        if self._smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self._smtp.close()
            self._smtp = None


def probe(server: MailServer) -> str:
    """Try what sending does up to the first message: why it does not work, or nothing when it does."""
    connection = Connection(server)
    try:
        connection.open()
    except ServerAway as away:
        return str(away)
    connection.close()
    return ""


def _reply(answer: tuple[int, bytes]) -> Reply:
    return Reply(answer[0], plain(answer[1]))


def _said(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {plain(error.smtp_error)}"
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        # smtplib says this of every trouble while it waits for an answer.
        error = error.__context__
    for kind, key in (
        (ssl.SSLCertVerificationError, "certificate"),
        (TimeoutError, "time"),
        (socket.gaierror, "name"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "ended"),
        (smtplib.SMTPServerDisconnected, "ended"),
        (smtplib.SMTPNotSupportedError, "missing"),
    ):
        if isinstance(error, kind):
            return SAID_TEXTS[key]
    return plain(str(error)) or type(error).__name__
