"""E-mail addresses: what is one, and which two are the same (FEATURES C1)."""

from __future__ import annotations

import unicodedata

from attrs import frozen

from core.errors import InvalidEmail

MAX_LENGTH = 254
"""RFC 5321 section 4.5.3.1.3 allows a path of 256 octets, angle brackets included."""


@frozen
class Address:
    """An address as it was typed, without space around it, and the key under which it is compared.

    The key is NFC, casefolded, with the domain in its ASCII form (RFC 5891), so that `Jörg@MÜLLER.example` and
    `jörg@xn--mller-kva.example` are one. It is computed here and not by the database: SQLite's own lower() and NOCASE
    know ASCII only.
    """

    email: str
    key: str


def parse_address(text: str) -> Address:
    """Check an address as people type it. Raises InvalidEmail with a reason for the person."""
    from email_validator import EmailNotValidError, validate_email

    typed = text.strip()
    if not typed:
        raise InvalidEmail("Enter an e-mail address.", field="email")
    if len(typed) > MAX_LENGTH:
        raise InvalidEmail(
            "This e-mail address is too long. It can have %(max)s characters.", field="email", max=MAX_LENGTH
        )
    if "@" not in typed:
        raise InvalidEmail("An e-mail address has an @ in it, as in name@example.org.", field="email")
    try:
        checked = validate_email(typed, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidEmail(
            "This is not an e-mail address: %(email)s. Check it for a typing mistake.",
            field="email",
            email=typed,
        ) from error
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", checked.local_part).casefold())
    domain = (checked.ascii_domain or checked.domain).lower()
    return Address(email=typed, key=f"{local}@{domain}")
