"""Files of a contact: streamed to disk under random names, never trusted to be what they say (DESIGN 7).

The bytes are in `files/` of the data folder, the rest in the table `files`. What people uploaded is served as
an attachment only; a picture that is shown was made anew by `core.pictures`.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.finding import check_id
from core.contacts.models import StoredFile
from core.errors import InvalidInput, NotFound

MAX_SIZE = 20_000_000
"""Bytes of one uploaded file."""

MAX_FILES = 10
"""Files of one note."""

NAME_LENGTH = 120
STORED_NAME = re.compile(r"[0-9a-f]{32}(\.webp)?")
CHUNK = 1 << 16


class Reads(Protocol):
    """Anything bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes; fewer at the end."""


@frozen(kw_only=True)
class SavedFile:
    """A file that is on disk, and not yet in the database."""

    name: str
    media_type: str
    size: int
    sha256: str
    stored_name: str


def clean_name(name: str) -> str:
    """An uploader's file name, fit for showing and downloading: no folders, no control characters.

    The file is stored under a random name whatever it was called (THREATS T-U3).
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Cc and Cf hold NUL, line breaks and the characters that turn the reading direction: gpj.exe shown as
    # exe.jpg.
    kept = "".join(one for one in last if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    kept = re.sub(r"\s+", " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > NAME_LENGTH:
        kept = f"{stem[: NAME_LENGTH - 11]}…{dot}{ending[:9]}" if dot else kept[:NAME_LENGTH]
    return kept or "file"


def file_path(data_dir: Path, stored_name: str) -> Path:
    """Where the bytes of a stored file are. Raises NotFound for a name that was not made here."""
    if not STORED_NAME.fullmatch(stored_name):
        raise NotFound("There is no such file.")
    return data_dir / "files" / stored_name[:2] / stored_name


@define
class FileStore:
    """Writes files into the data folder, and remembers which, so that they can be taken back."""

    data_dir: Path
    written: list[Path] = field(factory=list)

    def save(self, name: str, source: Reads, *, limit: int = MAX_SIZE, ending: str = "") -> SavedFile:
        """Copy a file to disk piece by piece. Raises InvalidInput for one of more than `limit` bytes."""
        stored_name = secrets.token_hex(16) + ending
        path = file_path(self.data_dir, stored_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.written.append(path)
        with os.fdopen(handle, "wb") as target:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise InvalidInput(
                        "“%(name)s” is too large: %(max)s MB at most.",
                        field="files",
                        name=clean_name(name),
                        max=limit // 1_000_000,
                    )
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            # The row that names the file must not survive a power cut that the file does not.
            os.fsync(target.fileno())
        cleaned = clean_name(name)
        return SavedFile(
            name=cleaned,
            media_type=mimetypes.guess_type(cleaned)[0] or "application/octet-stream",
            size=size,
            sha256=digest.hexdigest(),
            stored_name=stored_name,
        )

    def take_back(self) -> None:
        """Remove what was written."""
        for path in self.written:
            path.unlink(missing_ok=True)
        self.written.clear()


@contextmanager
def storing(data_dir: Path) -> Iterator[FileStore]:
    """A `FileStore` whose files go again when the block raises, as when their rows could not be written.

    Open it around the transaction, and save before the transaction begins: SQLite has one writer at a time.
    """
    store = FileStore(data_dir)
    try:
        yield store
    except BaseException:
        store.take_back()
        raise


def add_file(session: Session, contact_id: int, saved: SavedFile, note_id: int | None = None) -> StoredFile:
    """Record a saved file as the contact's, in the caller's transaction."""
    file = StoredFile(
        contact_id=contact_id,
        note_id=note_id,
        name=saved.name,
        media_type=saved.media_type,
        size=saved.size,
        sha256=saved.sha256,
        stored_name=saved.stored_name,
    )
    session.add(file)
    session.flush()
    return file


def find_file(session: Session, contact_id: int, file_id: int) -> StoredFile:
    """A file of this contact. Raises NotFound, also for a file of another contact (THREATS T-Z2)."""
    check_id(file_id)
    found = session.scalar(select(StoredFile).where(StoredFile.id == file_id, StoredFile.contact_id == contact_id))
    if found is None:
        raise NotFound("There is no such file.")
    return found


def remove_bytes(data_dir: Path, stored_names: Iterable[str]) -> None:
    """Remove files from disk once the transaction that forgot them is over."""
    for name in stored_names:
        file_path(data_dir, name).unlink(missing_ok=True)
