"""Bounces and complaints: mails in which a mail server says what became of one of ours.

With structure (RFC 3464 inside RFC 3462, RFC 5965) their fields are read. Without, as qmail and many others write them,
the words are. Either only counts for a message whose Message-ID or signed address is in it (THREATS T-M6): who that is
about is looked up there, and never read from the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import Literal

from attrs import frozen

from core.messages.smtp import plain

Kind = Literal["failed", "delayed", "delivered", "complaint"]
"""What a report says: it won't arrive, not yet, it has arrived; or the person calls it spam."""

STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
"""An enhanced status code (RFC 3463)."""

CODE = re.compile(r"(?<![\d.(+-])([45]\d\d)(?=[ #:]|-(?!\d{3}-))")
"""A reply code of SMTP (RFC 5321 section 4.2)."""

GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"})
"""Codes that say that the address does not exist, or no more (RFC 3463, RFC 7505): any mail to it comes back."""

VAGUE = frozenset({"", "5.0.0", "5.1.0", "5.3.0", "5.4.1", "5.5.0", "5.0.350", "5.0.1"})
"""Codes that say nothing of the address: the words are asked."""


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


GONE_WORDS = _any_of(
    r"user unknown|unknown (user|host|recipient|address)",
    r"no (such|valid) (user|recipient|address|mailbox|person|local|domain|host)|(host|domain) unknown",
    r"does(n't| not) exist|doesn.t have (an|a) .{0,60}account|no mailbox here",
    r"(recipient|address|user|account|mailbox)( address)?( was|is)? (not found|unknown|invalid|disabled|inactive)",
    r"mailbox (is )?unavailable|invalid (final delivery )?user|(invalid|bad) (recipient|address|mailbox|destination)",
    r"couldn.t be found|could not be found|wasn.t found|(host|domain) ([\w.-]{1,253} |or domain name |was )?not found",
    r"unrouteable address|(?<!sender )address rejected(?=\W*$|: access denied)",
    r"(recipient|name|address) (is )?not recogni[sz]ed",
    r"no mx( record)? found|no smtp service|(host|domain) does not accept (e-?)?mail",
    r"no longer (valid|available|in use)|account (has been |is )?(disabled|deactivated|suspended|closed)",
    r"not a valid (user|recipient|mailbox)|not listed in",
)

NOT_GONE_WORDS = _any_of(
    r"quota|mailbox (is )?full|over(quota| quota)|storage|too (large|big)|rate limit|grey ?list|try again",
    r"spam|block(ed|list)|black ?list|policy|reputation|virus|dmarc|\bspf\b|dkim|content (was )?rejected",
    r"relay(ing)? (access )?denied|too many|at a rate|per (minute|hour|day)|this hour|preferences|rejected: system",
    r"(unexpected|malformed).{0,30} name ?server|not enough",
)

CODES = re.compile(f"{STATUS.pattern}|{CODE.pattern}")
REASONS = _any_of(GONE_WORDS.pattern, NOT_GONE_WORDS.pattern)

FAILED, ARRIVED = frozenset({"failed", "error", "failure", "expired"}), frozenset({"delivered", "relayed", "expanded"})
"""Actions of a report: those that say that it failed, as some servers write it, and those that say the contrary."""

DAEMON_NAME = re.compile(r"mail(er)?[-_.]?daemon", re.IGNORECASE)

FAILED_WORDS = _any_of(
    r"(could|can)( not|n't|not) be delivered|undeliver|not delivered|unable to deliver|failed to deliver",
    r"delivery (has )?(to .{0,200} )?(has )?failed|delivery (status|failure)|(mail|delivery) fail(ed|ure)",
    r"(wasn't|was not) able to deliver|recipients? did not receive|did not reach the following recipient",
    r"fail(ed|ure).{0,40}permanent|permanent (fatal )?error|fatal errors|error during delivery|failure notice",
    r"returned mail|(has been|was) returned|message could not|rejected your message|has been rejected",
    r"nicht zugestellt|unzustellbar",
)

RETURNED = _any_of(
    r"\n\s*-{2,}\s*(?:this is a copy|below this line|original message|message text follows|message header"
    r"|(?:the )?header|unsent message|returned (?:message|mail)|message follows)",
    r"\n(?:original message|(?:the )?message headers?) follows?\b",
)
"""Where the mail that came back begins, in a bounce without structure."""

DELAYED_WORDS = _any_of(
    r"delivery (is |has been )?(temporarily )?(delayed|suspended)|not yet been delivered|still being retried",
    r"delay(ed)?.{0,40}(warning|notification)|warning.{0,60}delayed",
    r"will (be retried|continue to try|keep trying)|do not need to (resend|re-send)|need not resend",
)


@frozen(kw_only=True)
class Report:
    """What a mail server says of a mail.

    `status` is its enhanced code (empty: none was said), `words` what the other server said, in one line. `is_gone`:
    the address does not exist, so no other mail would arrive either.
    """

    kind: Kind
    status: str = ""
    words: str = ""
    is_gone: bool = False


Writer = Literal["daemon", "program", "person"]
"""Who wrote a mail: something that sends bounces; a program, as an address tells that takes no answers; or else."""


def find_report(mail: Message, subject: str, text: str, *, writer: Writer) -> Report | None:
    """The bounce or complaint that a mail is; None for any other.

    Without structure, a program's mail is looked at only when it brings the one along that came back, and a person's
    never: people write to each other about bounces as well.
    """
    structured, returns_mail = mail.get_content_type() == "multipart/report", False
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return _feedback(part)
        if kind == "message/delivery-status":
            if report := _delivery_status(part, text):
                return report
            structured = True
        elif kind == "message/disposition-notification":
            # It was read, or put away unread (RFC 8098): it has arrived.
            return None
        elif kind in ("message/rfc822", "text/rfc822-headers"):
            # What follows is the mail that came back.
            returns_mail = True
            break
    returns_mail = returns_mail or RETURNED.search(text) is not None
    if not (structured or writer == "daemon" or (writer == "program" and returns_mail)):
        return None
    report = _without_structure(subject, text)
    if (
        report is None
        and writer == "daemon"
        and returns_mail
        and not structured
        and DAEMON_NAME.search(str(mail["From"]))
    ):
        # It says why in a language that is not known here; but nothing else sends mails back.
        return Report(kind="failed")
    return report


def _delivery_status(part: Message, text: str) -> Report | None:
    """RFC 3464: fields about the mail, then for each recipient."""
    reports = []
    for fields in _blocks(part):
        action = str(fields.get("Action") or "").strip().lower().partition(" ")[0]
        status = next(iter(STATUS.findall(str(fields.get("Status") or ""))), "")
        if not action and not status:
            continue
        diagnostic = plain(str(fields.get("Diagnostic-Code") or ""))
        words = re.sub(r"^(smtp|x-[\w-]+|dns)\s*;\s*", "", diagnostic, flags=re.IGNORECASE)
        # Some servers write a vague code, and the real one among their words.
        if status in VAGUE:
            status = next((one for one in STATUS.findall(words) if one not in VAGUE), status)
        reports.append(_judged(_kind_of(action, status), status, words or _telling_line(text)))
    order = ("failed", "delayed", "delivered")
    return min(reports, key=lambda one: order.index(one.kind)) if reports else None


def _kind_of(action: str, status: str) -> Kind:
    if action in FAILED:
        return "failed"
    if action == "delayed":
        return "delayed"
    if action in ARRIVED or status.startswith("2"):
        return "delivered"
    return "delayed" if status.startswith("4") else "failed"


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a report, as Python reads them, or from the text where a program encoded them."""
    from email import message_from_string

    content = part.get_payload()
    if isinstance(content, list) and any("Action" in one for one in content if isinstance(one, Message)):
        yield from (one for one in content if isinstance(one, Message))
        return
    if isinstance(content, list):
        text = "\n\n".join(one.as_string() for one in content if isinstance(one, Message))
    else:
        decoded = part.get_payload(decode=True)
        text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    yield from (message_from_string(block) for block in re.split(r"\n\s*\n", text))


def _feedback(part: Message) -> Report | None:
    """RFC 5965: somebody pressed the button „spam“. Other kinds, such as about signatures, are nobody's wish."""
    for fields in _blocks_of_feedback(part):
        kind = str(fields.get("Feedback-Type") or "").strip().lower()
        if kind:
            return Report(kind="complaint") if kind in ("abuse", "opt-out", "opt-out-list", "fraud") else None
    return None


def _blocks_of_feedback(part: Message) -> Iterator[Message]:
    from email import message_from_string

    content = part.get_payload()
    if isinstance(content, list):
        # Python takes every part whose type begins with message/ for a mail.
        yield from (one for one in content if isinstance(one, Message))
    else:
        decoded = part.get_payload(decode=True)
        yield message_from_string((decoded if isinstance(decoded, bytes) else b"").decode("utf-8", "replace").lstrip())


def _without_structure(subject: str, text: str) -> Report | None:
    # What follows is the mail that came back, and its words are ours.
    own = RETURNED.split(text, maxsplit=1)[0][:20_000]
    said = f"{subject}\n{own}"
    if DELAYED_WORDS.search(said):
        return Report(kind="delayed")
    line = _telling_line(own) or (plain(subject) if GONE_WORDS.search(subject) else "")
    if not (line or FAILED_WORDS.search(said)):
        return None
    status = next((one for one in (*STATUS.findall(line), *STATUS.findall(own)) if one[0] in "45"), "")
    return _judged("failed", status, line)


def _telling_line(text: str) -> str:
    """The line of a bounce that says why, with the one after it: lines are broken at some 70 characters.

    The best is a code with its reason; then a reason alone, which old programs write above a code that says nothing.
    """
    lines = [line.strip(" >*\t") for line in text.split("\n")]
    pairs = [
        (line, plain(" ".join(one for one in lines[number : number + 2] if one)))
        for number, line in enumerate(lines)
        if not line.lower().startswith(("status:", "subject:", "received:", "message-id:"))
    ]
    for sign, reason in ((CODES, REASONS), (GONE_WORDS, None), (STATUS, None), (CODE, None), (NOT_GONE_WORDS, None)):
        for line, pair in pairs:
            if sign.search(line) and (reason is None or reason.search(pair)):
                return pair
    return ""


def _judged(kind: Kind, status: str, words: str) -> Report:
    code = next(iter(CODE.findall(f"{words} ")), "")
    temporary = status.startswith("4") or (not status and code.startswith("4"))
    told = bool(GONE_WORDS.search(words)) and not NOT_GONE_WORDS.search(words)
    is_gone = kind == "failed" and not temporary and (status in GONE or (status in VAGUE and told))
    if status in GONE and NOT_GONE_WORDS.search(words) and not GONE_WORDS.search(words):
        # Full, or taken for spam, whatever code was chosen for it.
        is_gone = False
    return Report(kind=kind, status=status, words=words, is_gone=is_gone)
