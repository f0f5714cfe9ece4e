"""Talking to the server of a mailbox (RFC 9051, RFC 3501): looking, never changing anything there."""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

from attrs import define, field, frozen

from core.mailbox.server import ImapServer
from core.messages.smtp import SAID_TEXTS, plain

WINDOW = 2000
"""Numbers of mails that are asked about at once; most of them may be gone."""

T = TypeVar("T")

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(NAMES, 1)}
DATE = re.compile(r'INTERNALDATE "\s*(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')


NO_NUMBERS_TEXTS = ("The mail server gives the mails no lasting numbers.",)
"""Why a mailbox can't be read on, message ids."""


class MailboxAway(Exception):
    """The mailbox can't be read now; what the server or the network said."""


@frozen(kw_only=True)
class Folder:
    """An open folder: its numbers hold as long as `validity` stays the same; `next_uid` is the next mail's."""

    validity: int
    next_uid: int


@frozen(kw_only=True)
class Listed:
    """A mail in the folder: its number, its size in bytes, and when the server got it (None: it does not say)."""

    uid: int
    size: int
    came_at: datetime | None


@define
class Mailbox:
    """A connection to a mailbox. Every method raises MailboxAway; close it in the end."""

    server: ImapServer
    _imap: imaplib.IMAP4 | None = field(default=None, init=False)

    def open(self) -> Folder:
        """Connect, encrypt, sign in, and open the folder for reading only."""
        return self._asked(self._open)

    def listed(self, first: int, last: int) -> list[Listed]:
        """The mails with these numbers that are there, in their order; at most `WINDOW` numbers."""
        return self._asked(lambda: self._listed(first, last))

    def fetch(self, uid: int, *, head_only: bool = False) -> bytes | None:
        """A mail as it came, or its head; None when it is gone. It stays unread for other programs."""
        return self._asked(lambda: self._fetch(uid, "BODY.PEEK[HEADER]" if head_only else "BODY.PEEK[]"))

    def close(self) -> None:
        """Sign out and end the connection, if there is one."""
        if self._imap is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self._imap.logout()
            with contextlib.suppress(OSError):
                self._imap.shutdown()
            self._imap = None

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            raise MailboxAway(_said(error)) from error

    def _open(self) -> Folder:
        server = self.server
        if server.tls == "implicit":
            context = ssl.create_default_context()
            self._imap = imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=server.timeout)
        else:
            self._imap = imaplib.IMAP4(server.host, server.port, timeout=server.timeout)
        imap = self._imap
        if server.tls == "required":
            imap.starttls(ssl.create_default_context())
        if "AUTH=PLAIN" in imap.capabilities:
            # The one way that every server understands for names and passwords beyond ASCII (RFC 4616).
            signed = f"\0{server.user}\0{server.password}".encode()
            imap.authenticate("PLAIN", lambda _: signed)
        else:
            imap.login(quoted(server.user), server.password)
        status, answer = imap.select(quoted(modified_utf7(server.folder)), readonly=True)
        if status != "OK":
            raise MailboxAway(plain(answer[0] or b""))
        validity = self._number("UIDVALIDITY")
        if validity is None:
            raise MailboxAway(NO_NUMBERS_TEXTS[0])
        next_uid = self._number("UIDNEXT")
        return Folder(validity=validity, next_uid=self._newest() + 1 if next_uid is None else next_uid)

    def _number(self, name: str) -> int | None:
        assert self._imap is not None
        _, answer = self._imap.response(name)
        said = answer[-1] if answer else None
        return int(said) if isinstance(said, bytes) and said.isdigit() else None

    def _newest(self) -> int:
        return max(
            (int(uid) for line in self._fetched("*", "(UID)") for uid in re.findall(rb"UID (\d+)", line)), default=0
        )

    def _fetched(self, uids: str, what: str) -> list[bytes]:
        assert self._imap is not None
        status, answer = self._imap.uid("FETCH", uids, what)
        if status != "OK":
            raise MailboxAway(plain(b" ".join(one for one in answer if isinstance(one, bytes))))
        return [one if isinstance(one, bytes) else one[0] for one in answer if one is not None]

    def _listed(self, first: int, last: int) -> list[Listed]:
        found = {}
        for line in self._fetched(f"{first}:{last}", "(UID RFC822.SIZE INTERNALDATE)"):
            text = line.decode("ascii", "replace")
            uid, size = re.search(r"\bUID (\d+)", text), re.search(r"\bRFC822\.SIZE (\d+)", text)
            if uid and size and first <= int(uid[1]) <= last:
                found[int(uid[1])] = Listed(uid=int(uid[1]), size=int(size[1]), came_at=_moment(text))
        return [found[uid] for uid in sorted(found)]

    def _fetch(self, uid: int, what: str) -> bytes | None:
        assert self._imap is not None
        status, answer = self._imap.uid("FETCH", str(uid), f"({what})")
        if status != "OK":
            raise MailboxAway(plain(b" ".join(one for one in answer if isinstance(one, bytes))))
        parts: Sequence[Any] = answer
        return next((part[1] for part in parts if isinstance(part, tuple) and b"BODY[" in part[0].upper()), None)


def probe(server: ImapServer) -> None:
    """Try what looking into the mailbox does before the first mail. Raises MailboxAway."""
    with contextlib.closing(Mailbox(server)) as mailbox:
        mailbox.open()


def quoted(text: str) -> str:
    """A text as a quoted string of the protocol."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def modified_utf7(name: str) -> str:
    """The name of a folder as it goes over the wire (RFC 3501 section 5.1.3)."""

    def encoded(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        return "&" + base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return re.sub(r"&|[^\x20-\x7e]+", encoded, name)


def _moment(text: str) -> datetime | None:
    found = DATE.search(text)
    if found is None or found[2].title() not in MONTHS:
        return None
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == "-" else offset)
        return datetime(year, MONTHS[found[2].title()], day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _said(error: BaseException) -> str:
    for kind, key in (
        (ssl.SSLCertVerificationError, "certificate"),
        (TimeoutError, "time"),
        (socket.gaierror, "name"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "ended"),
    ):
        if isinstance(error, kind):
            return SAID_TEXTS[key]
    said = error.args[0] if error.args else ""
    return plain(said if isinstance(said, bytes) else str(said)) or type(error).__name__
