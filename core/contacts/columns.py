"""The core's own columns of the contact list (FEATURES L2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Table, func, literal_column, select
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


def modules_of(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Keys of the modules that each contact has had to do with, the first one first (FEATURES C10)."""
    found: dict[int, list[str]] = {}
    statement = (
        select(ContactModule.contact_id, ContactModule.module)
        .where(ContactModule.contact_id.in_(contact_ids))
        .order_by(ContactModule.first_at, ContactModule.module)
    )
    for contact_id, module in session.execute(statement):
        found.setdefault(contact_id, []).append(module)
    return found


def tags_of(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Names of each contact's tags, in alphabetical order (FEATURES C11)."""
    found: dict[int, list[str]] = {}
    statement = (
        select(ContactTag.contact_id, Tag.name)
        .join(Tag, Tag.id == ContactTag.tag_id)
        .where(ContactTag.contact_id.in_(contact_ids))
        .order_by(Tag.key)
    )
    for contact_id, name in session.execute(statement):
        found.setdefault(contact_id, []).append(name)
    return found
