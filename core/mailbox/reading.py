"""Reading a mail as it came: who wrote it, its text, its files, and what it answers (RFC 5322, MIME).

Other people's programs wrote it, so anything may be wrong with it; what can't be read is left out, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from attrs import field, frozen

from core.mailbox.html import text_of
from core.mailbox.reports import Report, Writer, find_report
from core.messages.headers import made_safe

MAX_RAW = 30_000_000
"""Bytes of a mail that is taken in whole; of a larger one only its head is."""

MAX_TEXT = 200_000
"""Characters of a text that are kept."""

MAX_HTML = 1_000_000
MAX_FILES = 50
MAX_IDS = 50
"""Message-IDs that one mail is looked through for; the newest stand last."""

NAME_LENGTH = 200
SUBJECT_LENGTH = 500
MESSAGE_ID = re.compile(r"<([^<>\s]{3,250})>")

TO_HEADERS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Resent-To")
"""Where the address can stand under which a mail came in."""

DAEMON = re.compile(
    r"mail(er)?[-_.]?daemon|mdaemon|post[-_.]?master|mail[-_.]?(delivery|sub)[-_.]?system|(mail|smtp)[-_.]?service"
    r"|system[-_. ]?administrator",
    re.IGNORECASE,
)
"""Names before the @ of programs that send bounces."""

NOBODY = re.compile(r"(no|not|do[-_.]?not)[-_.]?reply", re.IGNORECASE)
"""Names before the @ of programs that read no answers."""


@frozen(kw_only=True)
class ReceivedFile:
    """A file that came with a mail."""

    name: str
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class ReceivedMail:
    """A mail, read. Empty texts and an address without @ are what it did not say.

    `answers` are the Message-IDs of mails that it answers, the nearest first; `recipients` the addresses it came to.
    `automatic`: no person wrote it (RFC 3834). `report`: it is a bounce or a complaint. `names` are all that could be
    Message-IDs in the mail, for a report that holds ours somewhere.
    """

    message_id: str
    sender_email: str
    sender_name: str
    recipients: Sequence[str]
    answers: Sequence[str]
    subject: str
    text: str
    html: str
    written_at: datetime | None
    automatic: bool
    report: Report | None
    names: Sequence[str]
    files: Sequence[ReceivedFile] = field(repr=False)


def read_mail(raw: bytes) -> ReceivedMail:
    """Read a mail. Raises only for what Python's own parser can't cope with: then the mail is kept as it came."""
    mail = message_from_bytes(_with_line_ends(raw))
    sender_name, sender_email = _first_address(mail, "From", "Sender", "Reply-To")
    text, html, files = _content(mail)
    subject = _one_line(_decoded(mail.get("Subject")))[:SUBJECT_LENGTH]
    null_sender = (mail.get("Return-Path") or "").strip() == "<>"
    name = sender_email.rpartition("@")[0]
    from_daemon = not sender_email or "<>" in str(mail.get("From")) or DAEMON.search(name) is not None
    writer: Writer = "program" if NOBODY.search(name) else "person"
    # What answers a mail is somebody's answering machine (RFC 3834 section 3.1.5), and no bounce.
    if from_daemon or (null_sender and "In-Reply-To" not in mail):
        writer = "daemon"
    report = find_report(mail, subject, text, writer=writer)
    return ReceivedMail(
        message_id=next(iter(_ids(mail, "Message-ID")), ""),
        sender_email=sender_email,
        sender_name=sender_name,
        recipients=[address for _, address in getaddresses(_all(mail, *TO_HEADERS)) if "@" in address],
        answers=list(dict.fromkeys([*_ids(mail, "In-Reply-To"), *reversed(_ids(mail, "References"))]))[:MAX_IDS],
        subject=subject,
        text=text,
        html=html,
        written_at=_moment(mail.get("Date")),
        automatic=null_sender or from_daemon or is_automatic(mail),
        report=report,
        names=_names(mail, text) if report is not None else (),
        files=files,
    )


def _with_line_ends(raw: bytes) -> bytes:
    """A mail whose lines end in CR alone with LF instead: Python reads its heads so, and its encoded texts not."""
    alone = raw.count(b"\r") - raw.count(b"\r\n")
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if alone > raw.count(b"\n") else raw


def is_automatic(mail: Message) -> bool:
    """Whether no person wrote it, as its head says: RFC 3834, and what programs before it wrote."""
    submitted = str(mail.get("Auto-Submitted") or "no").partition(";")[0].strip().lower()
    precedence = str(mail.get("Precedence") or "").strip().lower()
    return (
        submitted != "no"
        or precedence in ("bulk", "junk", "list", "auto_reply", "auto-reply")
        or any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "List-Id"))
        or "List-Unsubscribe" in mail
    )


def unreadable(raw: bytes) -> ReceivedMail:
    """A mail that can't be read: what its head says, as far as that can be read, and the mail itself as a file."""
    try:
        head = message_from_bytes(re.split(rb"\r\n\r\n|\n\n|\r\r", raw[:100_000], maxsplit=1)[0])
        name, email = _first_address(head, "From")
        subject = _one_line(_decoded(head.get("Subject")))[:SUBJECT_LENGTH]
    except Exception:
        name, email, subject = "", "", ""
    return ReceivedMail(
        message_id="",
        sender_email=email,
        sender_name=name,
        recipients=(),
        answers=(),
        subject=subject,
        text="",
        html="",
        written_at=None,
        automatic=False,
        report=None,
        names=(),
        files=[ReceivedFile(name="mail.eml", content=raw)],
    )


# Heads


def _all(mail: Message, *names: str) -> list[str]:
    return [str(value) for name in names for value in mail.get_all(name, [])]


def _first_address(mail: Message, *headers: str) -> tuple[str, str]:
    for name in headers:
        for shown, address in getaddresses(_all(mail, name)):
            if "@" in address:
                return _one_line(_decoded(shown))[:NAME_LENGTH], made_safe(address)[:300]
    return "", ""


def _decoded(value: object) -> str:
    """A header's value with its encoded words read (RFC 2047); what can't be decoded is shown as it is."""
    if value is None:
        return ""
    try:
        pieces = decode_header(str(value) if not hasattr(value, "_chunks") else value)  # type: ignore[arg-type]
    except Exception:
        return str(value)
    return "".join(piece if isinstance(piece, str) else _text(piece, charset or "utf-8") for piece, charset in pieces)


def _one_line(text: str) -> str:
    """A text for one line: no control characters, and nothing that could become a header (THREATS T-M1)."""
    return " ".join(made_safe(text).split())


def _ids(mail: Message, name: str) -> list[str]:
    return MESSAGE_ID.findall(" ".join(_all(mail, name)))


def _moment(value: object) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(value))
    except Exception:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


# Content


def _content(mail: Message) -> tuple[str, str, list[ReceivedFile]]:
    """The text, the HTML and the files of a mail."""
    texts: list[str] = []
    pages: list[str] = []
    files: list[ReceivedFile] = []
    for part in _parts(mail):
        kind, name = part.get_content_type(), _file_name(part)
        if kind.startswith("multipart/"):
            # It names a boundary that it does not have.
            kind = "text/plain"
        if part.get_content_disposition() != "attachment" and not name and kind in ("text/plain", "text/html"):
            (texts if kind == "text/plain" else pages).append(_part_text(part))
        elif len(files) < MAX_FILES:
            files.append(ReceivedFile(name=name or _default_name(kind, len(files)), content=_part_bytes(part)))
    html = "\n".join(pages)[:MAX_HTML]
    text = "\n\n".join(one.strip() for one in texts if one.strip()) or text_of(html)
    return _clean(text)[:MAX_TEXT], _clean(html), files


def _parts(mail: Message) -> Iterator[Message]:
    """The leaves of a mail. A mail within it is one leaf: it is somebody else's, and kept as a file."""
    content = mail.get_payload()
    if mail.get_content_maintype() == "multipart" and isinstance(content, list):
        for part in content:
            if isinstance(part, Message):
                yield from _parts(part)
    else:
        yield mail


def _part_bytes(part: Message) -> bytes:
    content = part.get_payload()
    if isinstance(content, list):
        # A mail, or a report's fields: python takes both apart.
        return b"\r\n".join(one.as_bytes() for one in content if isinstance(one, Message))
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _part_text(part: Message) -> str:
    return _text(_part_bytes(part), part.get_content_charset() or "utf-8")


def _text(content: bytes, charset: str) -> str:
    for name in (charset, "utf-8", "cp1252"):
        try:
            return content.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return content.decode("latin-1")


def _file_name(part: Message) -> str:
    try:
        return _one_line(_decoded(part.get_filename()))
    except Exception:
        return "file"


def _default_name(kind: str, number: int) -> str:
    ending = {"message/rfc822": "eml", "message/delivery-status": "txt", "text/calendar": "ics", "image/png": "png",
              "image/jpeg": "jpg", "image/gif": "gif", "application/pdf": "pdf"}.get(kind, "bin")  # fmt: skip
    return f"file-{number + 1}.{ending}"


def _clean(text: str) -> str:
    """A text that both databases store: line breaks of one kind, no NUL, no half surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8").strip()


def _names(mail: Message, text: str) -> list[str]:
    """Everything in a report that may be the Message-ID of the mail that it is about."""
    places = [text]
    for part in mail.walk():
        places += _all(part, "Message-ID", "In-Reply-To", "References", "Original-Envelope-Id", "X-Original-Message-ID")
        if not part.is_multipart():
            places.append(_part_text(part)[:MAX_TEXT])
    found = (name for place in places for name in re.findall(r"[0-9a-f]{32}@[A-Za-z0-9.-]{1,250}", place))
    return list(dict.fromkeys(name.rstrip(".-") for name in found))[:MAX_IDS]
