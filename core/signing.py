"""Signed texts for links and cookies: readable by everyone, made only by this site."""

from __future__ import annotations

import base64
import hashlib
import hmac


def _mark(secret: str, purpose: str, text: str) -> str:
    digest = hmac.new(secret.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def sign(secret: str, purpose: str, text: str) -> str:
    """`text` with a signature that holds for one `purpose` only, safe in a URL or cookie."""
    body = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{body}.{_mark(secret, purpose, text)}"


def unsign(secret: str, purpose: str, signed: str) -> str | None:
    """The text that was signed for `purpose`; None when anything of it was altered."""
    body, _, mark = signed.partition(".")
    try:
        text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except (ValueError, UnicodeDecodeError):
        return None
    return text if hmac.compare_digest(mark.encode(), _mark(secret, purpose, text).encode()) else None
