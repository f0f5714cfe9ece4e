"""Addresses that answers and bounces come back to: ours, with a token that names the message and is signed.

`office+3f-k2m4…@example.org`: mail servers that know sub-addressing (RFC 5233) put it into the mailbox of
`office@example.org`. Letters of one case only: local parts are often written small on their way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MARK_LENGTH = 20
"""Characters of the signature, five bits each: 100 bits."""

TOKEN = re.compile(r"\+([0-9a-z]{1,13})-([a-z2-7]{20})@", re.IGNORECASE)


def token_of(secret: str, message_id: int) -> str:
    """The token of a message: its number and the signature."""
    number = _written(message_id)
    return f"{number}-{_mark(secret, number)}"


def with_token(secret: str, email: str, message_id: int) -> str:
    """The address `email` with the token of a message in it; as it is when the local part would be too long.

    RFC 5321 section 4.5.3.1.1 allows 64 octets.
    """
    local, _, domain = email.rpartition("@")
    made = f"{local}+{token_of(secret, message_id)}"
    return f"{made}@{domain}" if len(made.encode()) <= 64 else email


def message_of(secret: str, addresses: Iterable[str]) -> int | None:
    """The number of the message whose token is in one of the addresses; None when none has one of ours."""
    for address in addresses:
        for number, mark in TOKEN.findall(address):
            number = number.lower()
            if hmac.compare_digest(mark.lower(), _mark(secret, number)):
                found = int(number, 36)
                return found if 0 < found < 2**63 else None
    return None


def _written(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def _mark(secret: str, number: str) -> str:
    digest = hmac.new(secret.encode(), f"mailbox.address\n{number}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:MARK_LENGTH]
