"""How texts are compared where people do not care how they are written: small letters, without accents.

„Müller“ is found as „muller“ and as „mueller“, and stands among the names with U (DIN 5007, part 1). What is folded
is stored with the contact, so a change here needs a migration that writes it anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

ACCENTS = re.compile("[\u0300-\u036f]+")
"""Marks above and below Latin, Greek and Cyrillic letters. Those of other scripts make other letters."""

UNDECOMPOSED: Mapping[int, str] = MappingProxyType(
    str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"})
)
"""Letters that Unicode does not take apart, as people without them on their keyboard type them."""

WRITTEN_OUT: Mapping[int, str] = MappingProxyType(
    str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
)
"""How umlauts are written without umlauts."""

_NO_DIGIT = re.compile(r"\D")


def fold(text: str) -> str:
    """Small letters without accents; ß is ss, and what Unicode writes in two ways is one."""
    if text.isascii():
        return text.lower()
    return " ".join([word.lower() if word.isascii() else _fold_word(word) for word in text.split(" ")])


# Words come again, whole names seldom; nothing goes on across a space, so that words can be folded alone.
@lru_cache(maxsize=8192)
def _fold_word(text: str) -> str:
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    if plain.isascii():
        return plain
    plain = ACCENTS.sub("", unicodedata.normalize("NFD", plain.translate(UNDECOMPOSED)))
    return unicodedata.normalize("NFC", plain)


def spellings(text: str) -> tuple[str, ...]:
    """The folded text, and again with its umlauts written out when it has any: „muller“, „mueller“."""
    if text.isascii():
        return (text.lower(),)
    folded = fold(text)
    if folded == text:
        return (folded,)
    written_out = " ".join([word.lower() if word.isascii() else _write_out(word) for word in text.split(" ")])
    return (folded,) if written_out == folded else (folded, written_out)


@lru_cache(maxsize=8192)
def _write_out(text: str) -> str:
    return fold(unicodedata.normalize("NFKC", text).casefold().translate(WRITTEN_OUT))


def name_key(name: str) -> str | None:
    """What a list of names is sorted by; None for a name without anything in it, which comes last."""
    return " ".join(fold(name).split()) or None


def search_text(name: str, email: str, email_key: str, phone: str, city: str, extra: Iterable[str] = ()) -> str:
    """Folded text of everything that search finds a contact by, one spelling of one part a line (FEATURES L5).

    A telephone number is there a second time by its digits alone. `extra` are texts of other parts, such as the
    contact's own fields.
    """
    parts = (name, email, email_key, phone, _NO_DIGIT.sub("", phone), city, *extra)
    found: dict[str, None] = {}
    for part in parts:
        if part.isascii():
            found[part.lower()] = None
        else:
            found.update(dict.fromkeys(spellings(part)))
    found.pop("", None)
    return "\n".join(found)
