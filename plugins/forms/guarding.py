"""Keeping spam out without a foreign service (FEATURES F2): honeypot, time trap, a limit for each sender."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen
from sqlalchemy import delete

from core import PublicField, Site, sign, unsign, upsert
from plugins.forms.models import SendingCount

FASTEST = 3.0
"""Seconds: nobody fills in a form faster, programs do."""

PER_HOUR = 12
"""Entries that one network may send within an hour, and one e-mail address, too."""

SUSPICIONS = {
    "honeypot": "Filled in a field that people don't see",
    "too_fast": "Sent faster than anybody types",
    "no_token": "Sent without having opened the form",
    "too_many": "Many entries with this e-mail address within an hour",
}
"""Why an entry is in quarantine → the reason for people, a message id."""


@frozen(kw_only=True)
class Token:
    """What a page with a form carries back: when it was shown, and which boxes with which wording it showed.

    A snippet that stands on another website has no such moment: then `shown_at` is None, and no boxes were
    shown.
    """

    nonce: str
    shown_at: datetime | None
    boxes: str


def page_token(site: Site, slug: str, boxes: Sequence[PublicField], now: datetime) -> str:
    """The token of a page that shows a form now."""
    text = f"{secrets.token_urlsafe(12)} {now.timestamp():.3f} {boxes_mark(boxes)}"
    return sign(site.secret, f"forms.page.{slug}", text)


def snippet_token(site: Site, slug: str) -> str:
    """The token of the HTML on another website: always the same, so it proves only where it came from."""
    return sign(site.secret, "forms.snippet", slug)


def read_token(site: Site, slug: str, token: str) -> Token | None:
    """What a token says; None for a missing or forged one."""
    if unsign(site.secret, "forms.snippet", token) == slug:
        return Token(nonce="", shown_at=None, boxes="")
    text = unsign(site.secret, f"forms.page.{slug}", token)
    if text is None:
        return None
    nonce, moment, boxes = text.split(" ")
    return Token(nonce=nonce, shown_at=datetime.fromtimestamp(float(moment), UTC), boxes=boxes)


def boxes_mark(boxes: Sequence[PublicField]) -> str:
    """A short mark of boxes and wordings: what is recorded as shown must be what was shown."""
    text = "\n".join(f"{box.key}\t{box.wording}" for box in boxes)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def suspicion_of(token: Token | None, honeypot: str, now: datetime) -> str:
    """Why an entry looks like spam, a key of SUSPICIONS; empty when it does not."""
    if honeypot:
        return "honeypot"
    if token is None:
        return "no_token"
    if token.shown_at is not None and (now - token.shown_at).total_seconds() < FASTEST:
        return "too_fast"
    return ""


def mark_of(site: Site, kind: str, sender: str) -> str:
    """How a sender is counted: keyed and without the plain text, so that who sent what when can't be read."""
    return sign(site.secret, "forms.sender", f"{kind} {sender}").rpartition(".")[2]


def count_sending(site: Site, kind: str, sender: str, now: datetime) -> bool:
    """Count one entry of a sender; answers whether it is within the limit.

    In a transaction of its own, so that a refused entry counts as well. The row is locked by its update:
    entries at once are counted one after the other.
    """
    mark = mark_of(site, kind, sender)
    hour = int(now.timestamp() // 3600)
    with site.begin() as session:
        count: int = session.execute(
            upsert(
                session,
                SendingCount,
                {"sender": mark, "hour": hour, "count": 1},
                keys=["sender", "hour"],
                update={"count": SendingCount.count + 1},
            ).returning(SendingCount.count)
        ).scalar_one()
        if count == 1:
            session.execute(delete(SendingCount).where(SendingCount.hour < hour - 1))
    return count <= PER_HOUR
