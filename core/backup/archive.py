"""The file of a backup: a tar, written and read as a stream, in which every byte is covered by a SHA-256.

    files/…     uploads, and templates/… the site's own templates
    secret      the key of links and keyed hashes
    erasures    the journal of erasures, if there is one
    database    a SQLite file, or pg_dump's custom format
    members     a line for each of files/ and templates/: hash, size, name
    manifest    JSON: everything else, with size and hash of the four above

The manifest comes last, so a file that was cut off has none.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

from attrs import asdict, define, field, frozen

from core.contacts.files import STORED_NAME
from core.errors import BackupError

FORMAT = 1
CHUNK = 1 << 20

MANIFEST, MEMBERS, DATABASE, SECRET, ERASURES = "manifest", "members", "database", "secret", "erasures"
SINGLE = (SECRET, ERASURES, DATABASE, MEMBERS)
LONGEST_MANIFEST = 10_000_000


@frozen(kw_only=True)
class Manifest:
    """What a backup says of itself.

    `heads` are the newest migrations of the core and of each plugin whose tables are in the database, `rows` how many
    rows each table has, `singles` size and hash of the single members, `files` how many files there are. `schema` and
    `extensions` are PostgreSQL's.
    """

    format: int
    tresen: str
    kind: str
    made_at: datetime
    heads: Mapping[str, str]
    rows: Mapping[str, int]
    files: int
    singles: Mapping[str, tuple[int, str]]
    schema: str = ""
    extensions: tuple[str, ...] = ()

    def written(self) -> bytes:
        """As JSON."""
        values = {**asdict(self), "made_at": self.made_at.isoformat()}
        return json.dumps(values, indent=1, sort_keys=True).encode()

    @classmethod
    def read(cls, raw: bytes) -> Manifest:
        """From JSON. Raises BackupError for a format of the future, and for what is no manifest."""
        try:
            values = json.loads(raw)
            if values["format"] > FORMAT:
                raise BackupError(
                    "This backup was made by a newer Tresen (%(version)s). Install that one, then restore.",
                    version=str(values.get("tresen", "unknown")),
                )
            values["made_at"] = datetime.fromisoformat(values["made_at"]).astimezone(UTC)
            values["singles"] = {name: (int(size), str(sha256)) for name, (size, sha256) in values["singles"].items()}
            values["extensions"] = tuple(values["extensions"])
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise damaged() from error


class Reads(Protocol):
    """Anything bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes; fewer at the end."""


@define
class Hashing:
    """Reads, and hashes what was read."""

    source: Reads
    digest: Any = field(factory=hashlib.sha256)
    size: int = 0

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes; fewer at the end."""
        chunk = self.source.read(size)
        self.digest.update(chunk)
        self.size += len(chunk)
        return chunk


def damaged() -> BackupError:
    """What is said of a file that is no whole backup."""
    return BackupError("This file is no backup, or it is damaged or cut off. Take another one; nothing was changed.")


# Writing


@define
class Writer:
    """Writes an archive; `listing` is a file for the lines of `members`, which may be many."""

    tar: tarfile.TarFile
    listing: IO[bytes]
    singles: dict[str, tuple[int, str]] = field(factory=dict)
    files: int = 0

    def add_file(self, name: str, path: Path) -> None:
        """Add one of many files."""
        size, sha256 = self._add(name, path)
        self.listing.write(_line(name, size, sha256))
        self.files += 1

    def add_single(self, name: str, path: Path) -> None:
        """Add one of the single members."""
        self.singles[name] = self._add(name, path)

    def finish(self, make: Callable[[Mapping[str, tuple[int, str]], int], Manifest]) -> Manifest:
        """Add the listing and the manifest that `make(singles, files)` makes."""
        self.listing.flush()
        self.add_single(MEMBERS, Path(self.listing.name))
        manifest = make(self.singles, self.files)
        raw = manifest.written()
        self._put(MANIFEST, len(raw), _Bytes(raw))
        return manifest

    def _add(self, name: str, path: Path) -> tuple[int, str]:
        with path.open("rb") as opened:
            source = Hashing(opened)
            self._put(name, path.stat().st_size, source)
        return source.size, source.digest.hexdigest()

    def _put(self, name: str, size: int, source: Reads) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(time.time())
        self.tar.addfile(info, source)
        # tarfile remembers every member, and there may be a million.
        self.tar.members = []  # type: ignore[attr-defined]


@define
class _Bytes:
    raw: bytes

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes."""
        taken, self.raw = (self.raw, b"") if size < 0 else (self.raw[:size], self.raw[size:])
        return taken


@contextmanager
def writing(target: IO[bytes], listing: IO[bytes]) -> Iterator[Writer]:
    """A Writer of an archive into an open file."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        yield Writer(tar, listing)


def _line(name: str, size: int, sha256: str) -> bytes:
    return f"{sha256} {size} {name}\n".encode()


# Reading


@contextmanager
def _open(path: Path) -> Iterator[Iterator[tuple[str, int, Reads]]]:
    try:
        with path.open("rb") as opened:
            try:
                with tarfile.open(fileobj=opened, mode="r:") as tar:
                    yield _members(tar)
            except (tarfile.TarError, EOFError, OverflowError, UnicodeError) as error:
                raise damaged() from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise BackupError("%(name)s can't be read: %(error)s.", name=str(path), error=error.strerror) from error


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, Reads]]:
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]
        opened = tar.extractfile(info) if info.isreg() else None
        if opened is None or not (info.name in (*SINGLE, MANIFEST) or is_file(info.name)):
            raise damaged()
        yield info.name, info.size, opened


def is_file(name: str) -> bool:
    """Whether a member's name is one of a file that belongs into the data folder, and nowhere else."""
    kind, *parts = name.split("/")
    if kind == "files":
        return len(parts) == 2 and bool(STORED_NAME.fullmatch(parts[1])) and parts[0] == parts[1][:2]
    return kind == "templates" and bool(parts) and all(re.fullmatch(r"(?!\.\.?$)[^\\\x00]+", part) for part in parts)


def verify(path: Path) -> Manifest:
    """Read a whole backup and compare every byte with its hashes. Raises BackupError."""
    listed, files = hashlib.sha256(), 0
    singles: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    with _open(path) as members:
        for name, size, source in members:
            if manifest is not None:
                raise damaged()
            if name == MANIFEST:
                if size > LONGEST_MANIFEST:
                    raise damaged()
                manifest = Manifest.read(source.read())
                continue
            sha256 = _drain(source, size)
            if name in SINGLE:
                if name in singles:
                    raise damaged()
                singles[name] = (size, sha256)
            else:
                listed.update(_line(name, size, sha256))
                files += 1
    if manifest is None or dict(manifest.singles) != singles or not {DATABASE, SECRET, MEMBERS} <= singles.keys():
        raise damaged()
    # The listing says the same, in the same order, so nothing else is compared.
    if singles[MEMBERS][1] != listed.hexdigest() or manifest.files != files:
        raise damaged()
    return manifest


def _drain(source: Reads, size: int) -> str:
    reader = Hashing(source)
    while reader.read(CHUNK):
        pass
    if reader.size != size:
        raise damaged()
    return str(reader.digest.hexdigest())


def extract(path: Path, place: Callable[[str], Path]) -> None:
    """Write the members of a verified backup to where `place(name)` says."""
    with _open(path) as members:
        for name, _, source in members:
            if name in (MANIFEST, MEMBERS):
                continue
            target = place(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as opened:
                target.chmod(0o600)
                while chunk := source.read(CHUNK):
                    opened.write(chunk)


def read_erasures(path: Path) -> list[bytes] | None:
    """The lines of the journal in a verified backup; None when there is none in it."""
    with _open(path) as members:
        for name, _, source in members:
            if name == ERASURES:
                raw = b""
                while chunk := source.read(CHUNK):
                    raw += chunk
                return raw.splitlines()
    return None
