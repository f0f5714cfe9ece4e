"""The contacts that a batch of an import meets, as they stand (FEATURES C2, I4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.fields import read_fields
from core.contacts.models import Contact, ContactTag, Tag
from core.transfer.bulk import within
from core.transfer.fields import file_fields
from core.transfer.models import ImportedContact
from core.values import Activity, Actor, FieldValue

if TYPE_CHECKING:
    from core.site import Site

KIND = "contact.imported"
"""Kind of the entry that an import leaves in a contact's log."""

DETAILS = tuple(name for group in rules.GROUPS.values() for name in group)

contacts: Table = Contact.__table__  # type: ignore[assignment]


@define
class Plan:
    """What an import is to do, as it was chosen, and how it is called."""

    import_id: int
    name: str
    sha256: str
    href: str
    policy: str
    tags: Sequence[str]
    choices: Sequence[str]
    columns: frozenset[str]
    actor: Actor
    moment: datetime

    @property
    def source(self) -> str:
        """What plugins know the import by."""
        return f"import:{self.import_id}"

    @property
    def activity(self) -> Activity:
        """The entry that the import leaves with a contact."""
        return Activity(kind=KIND, reference=self.name, href=self.href)


@define
class Known:
    """A contact that the batch meets, as it stands by then; `id` is None for one that is not made yet.

    `derived` are the columns that follow from its details, as long as they are those of one row.
    """

    id: int | None
    email: str
    key: str
    details: dict[str, str]
    origins: dict[str, Any]
    locked: bool
    version: int
    line: int = 0
    joined: datetime | None = None
    created: bool = False
    touched: bool = False
    had_tags: set[str] = field(factory=set)
    before: dict[str, Any] = field(factory=dict)
    written: set[str] = field(factory=set)
    suggestions: dict[str, dict[str, str]] = field(factory=dict)
    tags: dict[str, str] = field(factory=dict)
    fields: dict[str, Any] = field(factory=dict)
    held: int = 0
    derived: Mapping[str, str | None] | None = None
    statements: dict[str, tuple[bool, int]] = field(factory=dict)

    @property
    def is_remembered(self) -> bool:
        """Whether the import did anything with it that can be taken back."""
        return self.touched or bool(self.statements)


def known_contacts(session: Session, keys: Iterable[str], *, lock: bool) -> dict[str, Known]:
    """Key → the contact it belongs to; an alias leads to the contact that was kept (C2)."""
    of = contacts.c
    columns = [of.id, of.email, of.email_key, of.merged_into_id, of.origins, of.locked_at, of.version]
    columns += [of[name] for name in DETAILS]
    statement = select(*columns).order_by(of.id)
    if lock:
        # In the order of ids, so that two imports at once wait for each other and do not meet crosswise.
        statement = statement.with_for_update()
    # In order, so that the index is walked and not jumped about in.
    wanted = sorted(set(keys))
    rows = session.execute(statement.where(within(session, of.email_key, wanted))).mappings().all() if wanted else []
    found: dict[str, Known] = {}
    by_id: dict[int, Known] = {}

    def read(row: Any) -> Known:
        return by_id.setdefault(
            row["id"],
            Known(
                id=row["id"],
                email=row["email"],
                key=row["email_key"],
                details={name: row[name] for name in DETAILS},
                origins=dict(row["origins"]),
                locked=row["locked_at"] is not None,
                version=row["version"],
            ),
        )

    for row in rows:
        kept = row
        while kept["merged_into_id"] is not None:
            kept = session.execute(statement.where(of.id == kept["merged_into_id"])).mappings().one()
        found[row["email_key"]] = read(kept)
    _read_tags(session, by_id)
    return found


def _read_tags(session: Session, by_id: Mapping[int, Known]) -> None:
    if by_id:
        statement = (
            select(ContactTag.contact_id, Tag.key, Tag.name)
            .join(Tag, Tag.id == ContactTag.tag_id)
            .where(within(session, ContactTag.contact_id, list(by_id)))
        )
        for contact_id, key, name in session.execute(statement):
            by_id[contact_id].tags[key] = name
            by_id[contact_id].had_tags.add(key)


def met_earlier(session: Session, plan: Plan, found: Iterable[Known]) -> set[int]:
    """Contacts that an earlier batch of this import made or changed."""
    ids = [one.id for one in found]
    if not ids:
        return set()
    statement = select(ImportedContact.contact_id).where(
        ImportedContact.import_id == plan.import_id, within(session, ImportedContact.contact_id, ids)
    )
    return set(session.scalars(statement))


def field_values(
    session: Session, site: Site, plan: Plan, found: Iterable[Known]
) -> Mapping[int, Mapping[str, FieldValue]]:
    """The values of the contact fields that the file has, for the contacts that are there."""
    ids = [one.id for one in found if one.id is not None]
    keys = plan.columns & file_fields(site).keys()
    return read_fields(session, site, ids, keys) if ids and keys else {}
