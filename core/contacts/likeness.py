"""What two contacts of one person have in common: keys under which likely duplicates stand together (FEATURES C9).

The keys are columns of the contact, written with its search text. Two contacts with the same key are compared closer
by `core.contacts.merging.duplicates`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

NEEDED = ("email_key", "name", "phone", "postal_code", "city", "country")
"""The columns of a contact that its keys are made of."""

MIN_DIGITS = 6
"""Digits of a phone number that say something; „0“ or „12345“ stand for „I won't tell“."""

_CODES_OF_TWO_DIGITS = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 "
    "90 91 92 93 94 95 98"
)
# ITU-T E.164: 1 and 7 stand alone, these have two digits, all other country codes three.
_TWO_DIGITS = frozenset(_CODES_OF_TWO_DIGITS.split())

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "æ": "ae", "å": "aa", "ł": "l", "đ": "d"})

_WORDS_BESIDE_NAMES = "dr prof herr frau mr mrs ms mag ing dipl med jur phil"
_TITLES = frozenset(_WORDS_BESIDE_NAMES.split())

_DOMAINS = (
    "gmail.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de yahoo.com yahoo.de hotmail.com hotmail.de outlook.com "
    "outlook.de icloud.com freenet.de aol.com live.com live.de posteo.de mailbox.org arcor.de bluewin.ch me.com "
    "protonmail.com proton.me"
)
PROVIDERS = frozenset(_DOMAINS.split())
"""Domains where many people have their mail: a domain that is nearly one of them is a typing mistake."""

_WORD = re.compile(r"[a-z0-9]+")
_NO_DIGIT = re.compile(r"\D")

_SAME_DOMAIN = {"googlemail.com": "gmail.com"}

# Where a dot in the name means nothing; what follows a plus is the person's own note everywhere.
_DOTLESS = frozenset({"gmail.com"})


def keys_of(values: Mapping[str, Any]) -> dict[str, str]:
    """All keys of a contact by column; an empty one has nothing in common with anybody."""
    get = values.get
    return {column: make(*[get(name) or "" for name in names]) for column, (make, names) in KEYS.items()}


def key_default(column: str) -> Callable[[Any], str]:
    """What the column holds in a row that is inserted without it: its key, made of the row's other values."""

    def default(context: Any) -> str:
        return _key_of(column, context.get_current_parameters(isolate_multiinsert_groups=True))

    return default


def _key_of(column: str, values: Mapping[str, Any]) -> str:
    make, names = KEYS[column]
    return make(*(str(values.get(name) or "") for name in names))


def phone_key(phone: str) -> str:
    """The digits of a telephone number without country code and leading zeros: +49 30 1 and 030 1 are one."""
    typed = phone.replace("(0)", "")
    digits = _NO_DIGIT.sub("", typed)
    if typed.strip().startswith("+"):
        digits = _without_country(digits)
    elif digits.startswith("00"):
        digits = _without_country(digits[2:])
    digits = digits.lstrip("0")
    return digits if len(digits) >= MIN_DIGITS and len(set(digits)) > 1 else ""


def _without_country(digits: str) -> str:
    if digits[:1] in ("1", "7"):
        return digits[1:]
    return digits[2:] if digits[:2] in _TWO_DIGITS else digits[3:]


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """A text without what people spell differently: case, accents, umlauts, punctuation."""
    if text.isascii():
        return " ".join(_WORD.findall(text.lower()))
    plain = text.casefold().translate(_UMLAUTS)
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    return " ".join(plain.split())


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """The words of a name in the order of the alphabet, without titles; empty for a single word, which many have."""
    words = sorted(word for word in fold(name).split() if word not in _TITLES)
    return " ".join(words) if len(words) > 1 else ""


def place_key(city: str, postal_code: str, country: str) -> str:
    """The narrowest that is known of where someone lives, city before postcode: cities are left out less often."""
    return fold(city) or fold(postal_code) or country.casefold()


def twin_key(email_key: str) -> str:
    """The address as it would be without what providers ignore and without a mistyped domain."""
    local, at, domain = email_key.rpartition("@")
    if not at:
        return ""
    domain = meant_domain(domain)
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local = local.replace(".", "")
    return f"{local}@{domain}"


@lru_cache(maxsize=4096)
def meant_domain(domain: str) -> str:
    """The provider's domain that was meant, when this is one keystroke beside it; else the domain itself."""
    domain = _SAME_DOMAIN.get(domain, domain)
    if domain in PROVIDERS:
        return domain
    near = sorted(provider for provider in PROVIDERS if len(provider) > 5 and one_keystroke(domain, provider))
    return near[0] if near else domain


def one_keystroke(first: str, second: str) -> bool:
    """Whether two texts differ by one letter too many, too few, another one, or two that changed places."""
    if abs(len(first) - len(second)) > 1 or first == second:
        return False
    short, long = sorted((first, second), key=len)
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = short[start + 1 : start + 2] + short[start : start + 1] + short[start + 2 :]
    return short[start + 1 :] == long[start + 1 :] or swapped == long[start:]


KEYS: Mapping[str, tuple[Callable[..., str], tuple[str, ...]]] = {
    "phone_key": (phone_key, ("phone",)),
    "twin_key": (twin_key, ("email_key",)),
    "name_key": (name_key, ("name",)),
    "place_key": (place_key, ("city", "postal_code", "country")),
}
"""Column → how its key is made, and of which columns."""
