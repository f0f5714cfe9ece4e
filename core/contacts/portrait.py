"""A contact without a picture: initials on a colour derived from the e-mail (UX, "The look")."""

from __future__ import annotations

import zlib

TONES = 12
"""Colours that the stylesheet has for it."""


def initials(name: str, email: str) -> str:
    """One or two capital letters: of the first and last word of the name, else of the e-mail."""
    words = [word for word in name.split() if word[0].isalpha()]
    # „Dr. Maximiliane von Hohenlohe“: what ends with a dot or starts small is not what one is called by.
    words = [word for word in words if not word.endswith(".") and not word[0].islower()] or words
    if not words:
        return email[:1].upper()
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def tone(email_key: str) -> int:
    """A number from 0 to 11, the same for the same address for good."""
    return zlib.crc32(email_key.encode()) % TONES
