"""The files of messages, as both who sent and who gets them see them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import StoredFile
from core.messages.models import MessageFile


@frozen(kw_only=True)
class AttachedFile:
    """A file that was sent along; `size` in bytes."""

    id: int
    name: str
    size: int


def attached_files(session: Session, message_ids: Sequence[int]) -> dict[int, list[AttachedFile]]:
    """Message id → its files, in the order in which they came."""
    found: dict[int, list[AttachedFile]] = {}
    rows = session.execute(
        select(MessageFile.message_id, StoredFile.id, StoredFile.name, StoredFile.size)
        .join(StoredFile, StoredFile.id == MessageFile.file_id)
        .where(MessageFile.message_id.in_(message_ids))
        .order_by(StoredFile.id)
    )
    for message_id, file_id, name, size in rows:
        found.setdefault(message_id, []).append(AttachedFile(id=file_id, name=name, size=size))
    return found
