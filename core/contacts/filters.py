"""The core's own filters of the contact list (FEATURES L4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, and_, func, select
from sqlalchemy.orm import Session

from core.contacts.columns import NOTHING
from core.contacts.comparing import comparison
from core.contacts.models import Contact, ContactModule, ContactTag, Tag
from core.contacts.searching import search_conditions
from core.contacts.views import SEARCH_FILTER
from core.values import Choice, Filter

contacts: Table = Contact.__table__  # type: ignore[assignment]


def contact_filters() -> list[Filter]:
    """By tag, module, country, stage, time of joining, and by words as the search finds them."""
    return [
        Filter(key="contact.tag", label="Tag", predicate=has_tag, choices=tags, order=10),
        Filter(
            key="contact.module", label="Module", predicate=has_module, choices=modules, open_choices=True, order=20
        ),
        Filter(
            key="contact.country", label="Country", predicate=lives_in, choices=countries, open_choices=True, order=30
        ),
        Filter(
            key="contact.stage",
            label="Stage",
            predicate=is_at_stage,
            choices=lambda session: STAGES,
            translate_choices=True,
            order=40,
        ),
        Filter(
            key="contact.joined",
            label="Joined",
            kind="date",
            predicate=comparison("date", contacts.c.joined_at),
            order=50,
        ),
        Filter(key=SEARCH_FILTER, label="Search", kind="text", predicate=is_found, order=60),
    ]


STAGES: Sequence[Choice] = (Choice(value="lead", label="Lead"), Choice(value="customer", label="Customer"))


def has_tag(value: str) -> ColumnElement[bool] | None:
    """The value is a tag's id, so that an address and a saved view outlive the renaming of a tag."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", value, re.ASCII):
        return None
    return contacts.c.id.in_(select(ContactTag.contact_id).where(ContactTag.tag_id == int(value)))


def tags(session: Session) -> Sequence[Choice]:
    """All tags, in alphabetical order."""
    found = session.execute(select(Tag.id, Tag.name).order_by(Tag.key))
    return [Choice(value=str(tag_id), label=name) for tag_id, name in found]


def has_module(value: str) -> ColumnElement[bool] | None:
    """The value is a module's key."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", value, re.ASCII):
        return None
    return contacts.c.id.in_(select(ContactModule.contact_id).where(ContactModule.module == value))


def modules(session: Session) -> Sequence[Choice]:
    """Keys of the modules that contacts came by; the page knows their names."""
    keys = session.scalars(select(ContactModule.module).distinct())
    return [Choice(value=key, label=key) for key in sorted(keys)]


def lives_in(value: str) -> ColumnElement[bool] | None:
    """The value is an ISO 3166 code."""
    # As the index has it.
    return func.nullif(contacts.c.country, NOTHING) == value if re.fullmatch(r"[A-Z]{2}", value, re.ASCII) else None


def countries(session: Session) -> Sequence[Choice]:
    """Codes of the countries that contacts live in; the page knows their names."""
    codes = session.scalars(select(contacts.c.country).where(func.nullif(contacts.c.country, NOTHING) > "").distinct())
    return [Choice(value=code, label=code) for code in sorted(codes)]


def is_at_stage(value: str) -> ColumnElement[bool] | None:
    """The value is a stage (FEATURES C4)."""
    return contacts.c.stage == value if value in {choice.value for choice in STAGES} else None


def is_found(value: str) -> ColumnElement[bool] | None:
    """The value is `has:` and what one would type into the search field."""
    if not value.startswith("has:"):
        return None
    # Without the hints, which only one of the databases understands: `match` adds them where they help.
    search = search_conditions(value.removeprefix("has:"), is_sqlite=False)
    return and_(*search.conditions) if search.conditions else None
