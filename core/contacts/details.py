"""A contact's details: which belong together, where each came from, and when a newer statement replaces them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from attrs import asdict, frozen

from core.contacts.folding import search_text as search_text
from core.contacts.models import Contact
from core.contacts.search_texts import refresh_search_text as refresh_search_text
from core.errors import InvalidInput
from core.values import Actor, Details

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "name": ("name",),
        "phone": ("phone",),
        # An address is replaced as a whole: street and city of two orders would make an address nobody lives at.
        "address": ("street", "street2", "postal_code", "city", "region", "country"),
        "language": ("language",),
    }
)
"""Group → its details. A group has one origin, is replaced as a whole, and is suggested as a whole."""

GROUP_LABELS: Mapping[str, str] = MappingProxyType(
    {"name": "Name", "phone": "Phone", "address": "Address", "language": "Language"}
)
"""Group → its name for people, a message id."""

MAX_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "name": 200,
        "phone": 50,
        "street": 200,
        "street2": 200,
        "postal_code": 20,
        "city": 100,
        "region": 100,
        "country": 2,
        "language": 10,
    }
)
"""Detail → the most characters it may have."""


@frozen(kw_only=True)
class Origin:
    """Where a group of details came from: an activity kind and reference, or a person by `name`; and since when."""

    kind: str
    since: datetime
    reference: str = ""
    name: str = ""
    href: str = ""

    def as_json(self) -> dict[str, str]:
        """As it is stored in `Contact.origins`; empty parts are left out."""
        parts = asdict(self) | {"since": self.since.astimezone(UTC).isoformat()}
        return {name: value for name, value in parts.items() if value}


def origin_of(contact: Contact, group: str) -> Origin | None:
    """The stored origin of a group; None when the group was never filled."""
    stored = contact.origins.get(group)
    if not stored:
        return None
    return Origin(**stored | {"since": datetime.fromisoformat(stored["since"])})


def staff_origin(actor: Actor, since: datetime) -> Origin:
    """The origin of what a person typed in the dashboard."""
    return Origin(kind="contact.edited", since=since, name=actor.name)


def values_of(source: Contact | Details, group: str) -> dict[str, str]:
    """The group's details by name."""
    return {name: getattr(source, name) for name in GROUPS[group]}


def clean_details(values: Mapping[str, str]) -> Details:
    """Make `Details` of what a person typed: trimmed, NFC, within length. Raises InvalidInput naming the field."""
    cleaned = {}
    for name, limit in MAX_LENGTHS.items():
        text = unicodedata.normalize("NFC", values.get(name, "")).strip()
        if "\x00" in text:
            raise InvalidInput("This text has a character that can't be stored. Type it again.", field=name)
        if len(text) > limit:
            raise InvalidInput("This is too long: %(max)s characters at most.", field=name, max=limit)
        cleaned[name] = re.sub(r"\s+", " ", text)
    if cleaned["country"] and not re.fullmatch(r"[A-Z]{2}", cleaned["country"]):
        raise InvalidInput("Choose a country from the list.", field="country")
    return Details(**cleaned)


def says(details: Details, group: str) -> bool:
    """Whether `details` say anything about the group."""
    return any(values_of(details, group).values())


def same(contact: Contact, details: Details, group: str) -> bool:
    """Whether the contact already has what `details` say; phone numbers by their digits, texts by their words."""
    return same_values(values_of(contact, group), values_of(details, group))


def same_values(stored: Mapping[str, str], said: Mapping[str, str]) -> bool:
    """Whether `stored` already has the details that are `said`."""
    return all(
        new == stored[name] or _comparable(name, new) == _comparable(name, stored[name]) for name, new in said.items()
    )


def _comparable(name: str, value: str) -> str:
    if name == "phone":
        digits = re.sub(r"[^\d+]", "", value)
        return "00" + digits[1:] if digits.startswith("+") else digits
    return unicodedata.normalize("NFKC", value).casefold()


def adds_nothing(contact: Contact, details: Details, group: str) -> bool:
    """Whether this is a country or region alone, where the contact has a whole address: less never replaces more."""
    if group != "address":
        return False
    return not (details.street or details.city or details.postal_code) and bool(
        contact.street or contact.city or contact.postal_code
    )


def write_group(contact: Contact, values: Mapping[str, str], group: str, origin: Origin) -> None:
    """Set a group's details and their origin."""
    for name in GROUPS[group]:
        setattr(contact, name, values.get(name, ""))
    # A new dict: SQLAlchemy does not see changes inside a JSON value.
    contact.origins = {**contact.origins, group: origin.as_json()}
