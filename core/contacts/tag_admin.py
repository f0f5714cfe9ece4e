"""Tags as a whole (FEATURES C11): all of them with their numbers; added, renamed, joined, removed for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import case, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.contacts.bulk.actions import REMOVE_TAG, RETAG, has_tag
from core.contacts.bulk.models import Selection
from core.contacts.bulk.running import Started, start
from core.contacts.bulk.selections import select_those
from core.contacts.matching import contacts
from core.contacts.models import ContactTag, Tag
from core.contacts.tags import clean_tag, ensure_tag, tag_key
from core.errors import InvalidInput, NotFound
from core.values import Actor, BulkAction

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class TagUse:
    """A tag, and how many active and inactive contacts have it."""

    id: int
    name: str
    active: int = 0
    inactive: int = 0

    @property
    def is_unused(self) -> bool:
        """Whether no contact has it."""
        return self.active + self.inactive == 0


class TagTaken(InvalidInput):
    """A tag can't be renamed to the name of another; the two can be joined."""

    def __init__(self, other: TagUse) -> None:
        super().__init__("There is a tag “%(name)s” already.", field="name", name=other.name)
        self.other = other


def all_tags(session: Session) -> Sequence[TagUse]:
    """All tags by name, with their numbers; merged contacts count for nobody."""
    return _read(session)


def read_tag(session: Session, tag_id: int) -> TagUse:
    """One tag with its numbers. Raises NotFound."""
    found = _read(session, tag_id) if 0 < tag_id < 2**63 else []
    if not found:
        raise NotFound("There is no such tag. It may have been removed.")
    return found[0]


def _read(session: Session, tag_id: int | None = None) -> list[TagUse]:
    active = func.count(case((contacts.c.inactive_at.is_(None), contacts.c.id)))
    statement = (
        select(Tag.id, Tag.name, active, func.count(contacts.c.id))
        .select_from(Tag)
        .outerjoin(ContactTag, ContactTag.tag_id == Tag.id)
        .outerjoin(contacts, (contacts.c.id == ContactTag.contact_id) & contacts.c.merged_into_id.is_(None))
        .group_by(Tag.id, Tag.name, Tag.key)
        .order_by(Tag.key)
    )
    if tag_id is not None:
        statement = statement.where(Tag.id == tag_id)
    return [
        TagUse(id=row[0], name=row[1], active=int(row[2]), inactive=int(row[3]) - int(row[2]))
        for row in session.execute(statement)
    ]


def add_tag(session: Session, name: str) -> tuple[str, bool]:
    """Make a tag that no contact has yet; answers its name and whether it is new. Raises InvalidInput."""
    cleaned = _clean(name, "tag")
    known = session.scalar(select(Tag.name).where(Tag.key == tag_key(cleaned)))
    ensure_tag(session, cleaned)
    return known or cleaned, known is None


def rename_tag(session: Session, tag_id: int, name: str) -> tuple[str, str]:
    """Give a tag another name, for all contacts at once; answers the name before and the one now.

    What the log says of earlier days stays as it was. Raises TagTaken for the name of another tag, InvalidInput for
    what can't be a name, and NotFound.
    """
    cleaned = _clean(name, "name")
    tag = session.execute(select(Tag).where(Tag.id == tag_id).with_for_update()).scalar_one_or_none()
    if tag is None:
        raise NotFound("There is no such tag. It may have been removed.")
    other = session.scalar(select(Tag.id).where(Tag.key == tag_key(cleaned), Tag.id != tag_id))
    if other is not None:
        raise TagTaken(read_tag(session, other))
    before = tag.name
    try:
        with session.begin_nested():
            session.execute(update(Tag).where(Tag.id == tag_id).values(name=cleaned, key=tag_key(cleaned)))
    except IntegrityError:
        # Somebody made that one in this very moment.
        other = session.scalar(select(Tag.id).where(Tag.key == tag_key(cleaned)))
        raise TagTaken(read_tag(session, other or 0)) from None
    return before, cleaned


def join_tags(
    session: Session, site: Site, tag_id: int, into_id: int, actor: Actor
) -> tuple[Selection, BulkAction, Started]:
    """Give all contacts of one tag another in its place, and remove it; when they are many, as a queued job.

    Raises NotFound for a tag there is none of, and InvalidInput for one into itself.
    """
    read_tag(session, tag_id)
    read_tag(session, into_id)
    return _start(session, site, RETAG, {"tag_id": str(tag_id), "into_id": str(into_id)}, actor)


def remove_tag_everywhere(
    session: Session, site: Site, tag_id: int, actor: Actor
) -> tuple[Selection, BulkAction, Started]:
    """Take a tag from all contacts and remove it; when they are many, as a queued job. Raises NotFound."""
    read_tag(session, tag_id)
    return _start(session, site, REMOVE_TAG, {"tag_id": str(tag_id)}, actor)


def _start(
    session: Session, site: Site, action: BulkAction, values: dict[str, str], actor: Actor
) -> tuple[Selection, BulkAction, Started]:
    selection = select_those(session, has_tag(values), action=action.key, actor=actor)
    return selection, action, start(session, site, selection, values, actor)


def remove_unused_tags(session: Session) -> list[str]:
    """Remove the tags that no contact has; answers their names."""
    unused = ~exists().where(ContactTag.tag_id == Tag.id)
    return sorted(session.scalars(delete(Tag).where(unused).returning(Tag.name)).all())


def _clean(name: str, field: str) -> str:
    try:
        cleaned = clean_tag(name)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=field, **error.values) from error
    if "," in cleaned:
        # It could not be typed where several tags are entered at once.
        raise InvalidInput("A tag has no comma.", field=field)
    return cleaned
