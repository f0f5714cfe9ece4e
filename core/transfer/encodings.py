"""Which encoding a text has (FEATURES I3, THREATS T-I1): found out from its bytes, all of them, and never guessed.

What is sure: a byte order mark; UTF-16 by where its zeros stand; UTF-8, which no other text is by chance. What is left
has one byte a character. Windows-1252 is then taken, and said to be sure when its letters stand among letters as they
do in words; otherwise somebody has to look.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from attrs import frozen

CHUNK = 1 << 20

ENCODINGS: Mapping[str, str] = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "iso8859-15": "ISO 8859-15",
    "cp1250": "Windows-1250",
    "cp850": "DOS (850)",
    "mac-roman": "Macintosh",
}
"""Python's name → the name for people. "utf-8-sig" reads UTF-8 with and without a byte order mark."""

_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# Between letters, where Windows-1252 has no letter, or one that hardly any word has inside: those of another encoding.
_ODD_IN_WORD = re.compile(
    rb"[A-Za-z][\x80\x82-\x8b\x91\x93-\x9b\x9f-\xa9\xab-\xb3\xb5-\xb9\xbb-\xbf\xd7\xf7](?=[A-Za-z])"
)
# Western words have such letters one at a time; Greek or Russian ones in another encoding have little else.
_IN_A_ROW = re.compile(rb"[\xc0-\xff]{3}")
_LETTER = re.compile(rb"[\xc0-\xff]")


@frozen(kw_only=True)
class FoundEncoding:
    """An encoding, and whether it is sure; when not, a person has to look at the text."""

    name: str
    sure: bool = True


def find_encoding(path: Path) -> FoundEncoding:
    """The encoding of a text file."""
    with path.open("rb") as opened:
        start = opened.read(CHUNK)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not start.startswith(codecs.BOM_UTF32_LE):
            return FoundEncoding(name="utf-16")
        if start.startswith(codecs.BOM_UTF8):
            return FoundEncoding(name="utf-8-sig")
        even, odd = start[:20_000:2].count(0), start[1:20_000:2].count(0)
        # A comma, a line end, most letters: half of their bytes are zero in UTF-16.
        if odd > len(start[:20_000]) // 8 and even * 10 < odd:
            return FoundEncoding(name="utf-16-le")
        if even > len(start[:20_000]) // 8 and odd * 10 < even:
            return FoundEncoding(name="utf-16-be")
        if _is_utf8(opened, start):
            return FoundEncoding(name="utf-8-sig")
        opened.seek(len(start))
        return _eight_bit(_counts(opened, start))


def _is_utf8(opened: IO[bytes], piece: bytes) -> bool:
    """Whether all of it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece:
            decoder.decode(piece)
            piece = opened.read(CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _counts(opened: IO[bytes], start: bytes) -> tuple[int, int, int, int, int]:
    """How many characters of UTF-8, other high bytes, odd signs, usual letters, bytes Windows-1252 does not know."""
    multi = others = odd = usual = undefined = 0
    piece, kept = start, b""
    while piece:
        text = kept + piece
        # What may go on in the next piece waits for it.
        cut = len(text) if len(piece) < CHUNK else max(len(text) - 4, 0)
        text, kept = text[:cut], text[cut:]
        found, number = _MULTIBYTE.subn(b"", text)
        multi += number
        others += len(_HIGH.findall(found))
        undefined += len(_UNDEFINED.findall(text))
        odd += len(_ODD_IN_WORD.findall(text)) + 3 * len(_IN_A_ROW.findall(text))
        usual += len(_LETTER.findall(text))
        piece = opened.read(CHUNK)
    return multi, others, odd, usual, undefined


def _eight_bit(counts: tuple[int, int, int, int, int]) -> FoundEncoding:
    multi, others, odd, usual, undefined = counts
    if multi > others:
        # UTF-8 with some broken places: their rows are refused one by one.
        return FoundEncoding(name="utf-8-sig", sure=False)
    if undefined:
        return FoundEncoding(name="cp850", sure=False)
    return FoundEncoding(name="cp1252", sure=odd * 20 <= usual and multi * 2 <= others)
