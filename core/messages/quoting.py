"""What a message quotes of the one before it: told apart from what its writer has written, for people who read it."""

from __future__ import annotations

import re

from attrs import frozen

MARKED = re.compile(r"\s*[>|]")
"""A quoted line, as mail programs mark it."""

INTRODUCES = re.compile(
    r"\s*(on|am|le|il|el|op)\b.{4,250}\b(wrote|schrieb|geschrieben|écrit|scritto|escribió|schreef)\b.{0,250}:\s*",
    re.IGNORECASE,
)
"""„Am 22. November schrieb Anna:“, on a line or two of its own, as programs write it in some languages."""

FOLLOWS = re.compile(
    r"\s*(-{2,}|_{8,})\s*((original message|original-nachricht|ursprüngliche nachricht|forwarded message"
    r"|weitergeleitete nachricht)\s*-*)?\s*",
    re.IGNORECASE,
)
"""A line under which some programs put the whole mail before, without marking its lines."""

HEAD = re.compile(r"\s*\**(from|von|de)\s?:\**\s", re.IGNORECASE)
SENT = re.compile(r"\s*\**(sent|gesendet|date|datum|envoyé)\s?:\**\s", re.IGNORECASE)
NEAR = 3
"""Lines within which a head that is quoted says who and when."""


@frozen(kw_only=True)
class Parts:
    """A text: what its writer wrote, and the mail before it, quoted below (empty: nothing is)."""

    own: str
    quoted: str


def parts_of(text: str) -> Parts:
    """Tell the quotation at the end of a text from the text.

    One that is answered line by line is left as it is, and so is a text that is nothing but a quotation.
    """
    lines = text.split("\n")
    at = _whole_mail(lines)
    if at is None:
        at = _marked_end(lines)
    own = "\n".join(lines[:at]).rstrip()
    if at is None or not own.strip():
        return Parts(own=text, quoted="")
    return Parts(own=own, quoted="\n".join(lines[at:]).strip("\n"))


def _whole_mail(lines: list[str]) -> int | None:
    """Where a mail begins that stands below with its head."""
    for number, line in enumerate(lines):
        if HEAD.match(line) and any(SENT.match(one) for one in lines[number + 1 : number + 1 + NEAR]):
            above = next((one for one in range(number - 1, -1, -1) if lines[one].strip()), None)
            return above if above is not None and FOLLOWS.fullmatch(lines[above]) else number
    return None


def _marked_end(lines: list[str]) -> int | None:
    """Where the marked lines begin after which there is nothing else, with the line that introduces them."""
    at = len(lines)
    while at and (not lines[at - 1].strip() or MARKED.match(lines[at - 1])):
        at -= 1
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at == len(lines):
        return None
    above = next((one for one in range(at - 1, -1, -1) if lines[one].strip()), None)
    if above is None:
        return at
    for first in (above, above - 1):
        # Long ones are broken.
        if first >= 0 and INTRODUCES.fullmatch(" ".join(lines[first : above + 1])):
            return first
    return at
