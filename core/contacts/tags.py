"""Tags (FEATURES C11): created on the fly, the same word once whatever its case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.contacts.models import ContactTag, Tag
from core.database.upsert import upsert
from core.errors import InvalidInput

MAX_LENGTH = 60


def tag_key(name: str) -> str:
    """The form in which two spellings of a tag are the same: NFC, one space between words, casefolded."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def clean_tag(name: str) -> str:
    """A tag's name as it will be shown. Raises InvalidInput when empty or too long."""
    cleaned = " ".join(unicodedata.normalize("NFC", name).replace("\x00", "").split())
    if not cleaned:
        raise InvalidInput("Enter a word for the tag.", field="tag")
    if len(cleaned) > MAX_LENGTH:
        raise InvalidInput("A tag has %(max)s characters at most.", field="tag", max=MAX_LENGTH)
    return cleaned


def ensure_tag(session: Session, name: str, *, wanted_id: int = 0) -> int:
    """The id of the tag called `name`, made when missing; also when two make it at once.

    A tag that comes back after it was removed gets its `wanted_id`, when nobody has it: addresses and saved views
    name tags by their ids.
    """
    cleaned = clean_tag(name)
    values: dict[str, object] = {"name": cleaned, "key": tag_key(cleaned)}
    if wanted_id and session.get(Tag, wanted_id) is None:
        values["id"] = wanted_id
    session.execute(upsert(session, Tag, values, keys=["key"]))
    return session.execute(select(Tag.id).where(Tag.key == tag_key(cleaned))).scalar_one()


def add_tags(session: Session, contact_id: int, names: Iterable[str]) -> list[str]:
    """Give a contact tags; answers the names it did not have before."""
    added = []
    for name in names:
        tag_id = ensure_tag(session, name)
        inserted = session.execute(
            upsert(
                session,
                ContactTag,
                {"tag_id": tag_id, "contact_id": contact_id},
                keys=["tag_id", "contact_id"],
            ).returning(ContactTag.tag_id)
        ).first()
        if inserted:
            added.append(clean_tag(name))
    return added


def remove_tag(session: Session, contact_id: int, tag_id: int) -> str | None:
    """Take a tag from a contact; answers its name, or None when the contact did not have it."""
    name = session.scalar(
        select(Tag.name).join(ContactTag).where(ContactTag.tag_id == tag_id, ContactTag.contact_id == contact_id)
    )
    if name is not None:
        session.execute(delete(ContactTag).where(ContactTag.tag_id == tag_id, ContactTag.contact_id == contact_id))
    return name
