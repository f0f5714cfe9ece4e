"""What may stand in a header of an e-mail (THREATS T-M1)."""

from __future__ import annotations

import re
import unicodedata

ENCODED_WORD = re.compile(r"=\?.*\?=", re.DOTALL)
"""Anything that could be read as an encoded word (RFC 2047). Python up to 3.11.7 decodes one that is set as a header's
value, and writes a line break in it as the beginning of a new header."""

LINE_BREAKS = ("Cc", "Zl", "Zp", "Cs")
"""Unicode categories with CR, LF, NUL, all other control characters, and half surrogates."""


def is_header_safe(text: str) -> bool:
    """Whether a text can be the value of a header: no control character, line break or encoded word in it."""
    return not ENCODED_WORD.search(text) and not any(unicodedata.category(one) in LINE_BREAKS for one in text)


def made_safe(text: str) -> str:
    """A text with what no header may have taken out: for names that other people chose."""
    kept = "".join(one if unicodedata.category(one) not in LINE_BREAKS else " " for one in text)
    return kept.replace("=?", "= ").replace("?=", " =").strip()
