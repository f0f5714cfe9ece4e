"""The core's own columns of the contact list (FEATURES L2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from core.contacts.models import Contact, ContactModule, ContactTag, Tag
from core.contacts.views import LIST_PATH
from core.database.base import Text
from core.values import Column, Link

contacts: Table = Contact.__table__  # type: ignore[assignment]

# Written out and not bound: only so do the databases see that an index has this very expression.
NOTHING: ColumnElement[str] = literal_column("''")


def contact_columns() -> list[Column]:
    """Name, address, telephone, country, modules, tags, time of joining, and the way to the profile."""
    of = contacts.c
    return [
        Column(
            key="contact.name",
            label="Name",
            expression=of.name,
            # Empty names last, as missing ones; umlauts where German readers look for them.
            sort=of.name_sort,
            order=10,
        ),
        Column(key="contact.email", label="Email", expression=of.email, sort=of.email_key, order=20),
        Column(
            key="contact.phone",
            label="Phone number",
            expression=of.phone,
            sort=func.nullif(of.phone, NOTHING, type_=Text()),
            order=30,
        ),
        Column(
            key="contact.country",
            label="Country",
            kind="country",
            expression=of.country,
            sort=func.nullif(of.country, NOTHING, type_=Text()),
            order=40,
        ),
        Column(key="contact.modules", label="Modules", kind="chips", load=modules_of, order=50),
        Column(key="contact.tags", label="Tags", kind="chips", load=tags_of, order=60),
        Column(key="contact.joined", label="Joined", kind="datetime", expression=of.joined_at, order=70),
        Column(
            key="contact.view",
            label="View profile",
            kind="link",
            expression=of.id,
            convert=profile_link,
            sortable=False,
            order=1000,
        ),
    ]


def profile_link(contact_id: int) -> Link:
    """The way to a contact's profile."""
    return Link(text="View profile", href=f"{LIST_PATH}/{contact_id}")


# Built once: building a statement takes longer than running it. Of tables and not of mapped classes, for the same.
_modules = ContactModule.__table__.c
_tags = Tag.__table__
_given = ContactTag.__table__
MODULES_OF = (
    select(_modules.contact_id, _modules.module)
    .where(_modules.contact_id.in_(bindparam("ids", expanding=True)))
    .order_by(_modules.first_at, _modules.module)
)
TAGS_OF = (
    select(_given.c.contact_id, _tags.c.name)
    .select_from(_given.join(_tags, _tags.c.id == _given.c.tag_id))
    .where(_given.c.contact_id.in_(bindparam("ids", expanding=True)))
    .order_by(_tags.c.key)
)


def modules_of(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Keys of the modules that each contact has had to do with, the first one first (FEATURES C10)."""
    return _by_contact(session, MODULES_OF, contact_ids)


def tags_of(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Names of each contact's tags, in alphabetical order (FEATURES C11)."""
    return _by_contact(session, TAGS_OF, contact_ids)


def _by_contact(session: Session, statement: Select[Any], contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    found: dict[int, list[str]] = {}
    for contact_id, value in session.connection().execute(statement, {"ids": contact_ids}).all():
        found.setdefault(contact_id, []).append(value)
    return found
