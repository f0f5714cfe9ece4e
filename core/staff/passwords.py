"""Passwords of staff: which are good enough, and how they are kept (argon2id, RFC 9106)."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from core.errors import InvalidInput, TooManyAttempts

if TYPE_CHECKING:
    from pwdlib import PasswordHash

MIN_LENGTH = 10
"""Characters a password has at least; no rules about kinds of characters (NIST SP 800-63B section
5.1.1.2)."""

MAX_LENGTH = 256
"""Characters a password has at most: room for any sentence, and no work for an attacker to give us."""

COMMON = frozenset(
    """
    1234567890 0123456789 0987654321 9876543210 12345678910 123456789a 1q2w3e4r5t 1qaz2wsx3edc qwertzuiop
    qwertyuiop qwertz1234 qwerty1234 qwertz12345 qwerty12345 qwertz123456 qwerty123456 asdfghjkl1
    abcdefghij abcdefghijk abcd123456 password12 password123 password1234 passwort12 passwort123
    passwort1234 iloveyou12 iloveyou123 letmein123 welcome123 willkommen willkommen1 willkommen123
    administrator admin12345 admin123456 hallohallo hallo12345 geheim1234 geheim12345 schalke0404
    fussball123 sommer2024 sommer2025 sommer2026 winter2024 winter2025 winter2026
    """.split()  # noqa: SIM905 (fifty quoted words are no easier to read)
)
"""What is tried first, as far as it is long enough."""

AT_ONCE, WAITING = 2, 8
# One hash takes 64 MiB: without a limit, 24 threads of strangers' attempts would take the machine's memory,
# and without a limit of those that wait, all threads of the site.
_at_once = BoundedSemaphore(AT_ONCE)
_waiting = BoundedSemaphore(WAITING)


def clean_password(password: str) -> str:
    """The password as it is hashed: NFC, and every kind of space a plain one (RFC 8265, OpaqueString)."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)


def check_password(password: str, *, names: Iterable[str] = ()) -> None:
    """Refuse a new password that is too easy. `names` are words anybody would try: e-mail address, name,
    site.

    Raises InvalidInput (field "password") with what to do.
    """
    typed = clean_password(password)
    if len(typed) < MIN_LENGTH:
        raise InvalidInput(
            "The password needs at least %(min)s characters. A few words in a row are easy to remember.",
            field="password",
            min=MIN_LENGTH,
        )
    if len(typed) > MAX_LENGTH:
        raise InvalidInput("The password can have at most %(max)s characters.", field="password", max=MAX_LENGTH)
    if "\x00" in typed:
        raise InvalidInput("The password has a character in it that can't be typed.", field="password")
    if len(set(typed)) < 4 or typed.casefold() in COMMON:
        raise InvalidInput("This password is one of the first to be tried. Choose another.", field="password")
    forbidden = {_letters(part) for name in names for part in (name, *name.split("@"), *name.split())} - {""}
    if _letters(typed) in forbidden:
        raise InvalidInput("The password must not be the e-mail address or a name. Choose another.", field="password")


def _letters(text: str) -> str:
    """Only the letters: „Tresen-2026“ is no better than „tresen“."""
    return "".join(character for character in clean_password(text).casefold() if character.isalpha())


def hash_password(password: str) -> str:
    """The hash to store. Takes some 50 ms on purpose: call it before a transaction, not inside."""
    with _turn():
        return _hasher().hash(clean_password(password))


def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether the password belongs to the stored hash, and the hash to store instead when its parameters are
    old.

    With `stored=None`, for an unknown address, the same work is done: the time tells nothing (THREATS T-A3).
    Raises TooManyAttempts when too many wait already.
    """
    from pwdlib.exceptions import UnknownHashError

    typed = clean_password(password[: MAX_LENGTH + 1])
    with _turn():
        decoy = _decoy()
        try:
            fits, updated = _hasher().verify_and_update(typed, stored or decoy)
        except UnknownHashError:
            # No password was set: nothing fits, in the same time.
            fits, updated = _hasher().verify_and_update(typed, decoy)
            stored = None
    if stored is None or len(typed) > MAX_LENGTH or not fits:
        return False, None
    return True, updated


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one of the few places where hashes are computed."""
    if not _waiting.acquire(blocking=False):
        raise TooManyAttempts("Too many people sign in at the moment. Try again in a minute.", wait=60)
    try:
        with _at_once:
            yield
    finally:
        _waiting.release()


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    # Imported late: most processes never see a password.
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(),))


@lru_cache(maxsize=1)
def _decoy() -> str:
    """A hash of the current parameters that no password fits."""
    return _hasher().hash(secrets.token_urlsafe(32))
