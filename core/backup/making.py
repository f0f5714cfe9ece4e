"""`tresen backup`: one file with everything a site is, made while it is in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from attrs import define, frozen
from sqlalchemy import inspect

from core.backup import archive, journal, postgres, sqlite
from core.backup.folders import work_folder
from core.backup.placing import check_whole
from core.backup.snapshots import Snapshot, named_files
from core.contacts.files import file_path
from core.database.engine import Database, open_database
from core.errors import BackupError, NotFound
from core.settings import Settings, load_secret

TRIES = 10
"""Moments of the database that are tried until all files of one are at hand."""

Say = Callable[[str], None]


@frozen(kw_only=True)
class Made:
    """A backup that was made: where, what it says of itself, its size, and files that were missing on the disk."""

    path: Path
    manifest: archive.Manifest
    size: int
    lost: int


def own_version() -> str:
    """The version of this Tresen."""
    try:
        return version("tresen")
    except PackageNotFoundError:
        return "unknown"


def target_of(target: Path) -> Path:
    """The file to write: a folder gets one that is named by the time."""
    if target.is_dir():
        return target / f"tresen-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    return target


def back_up(settings: Settings, target: Path, *, force: bool = False, say: Say = lambda line: None) -> Made:
    """Write a backup of the site to `target`; `say` gets what the person should know besides.

    Nothing is at `target` before it is whole and on the disk. Raises BackupError, also when something is there already
    and not `force`.
    """
    check_whole(settings)
    path = target_of(target)
    _check_free(path, force)
    database = open_database(settings.resolved_database_url)
    try:
        _check_site(database)
        _catch_up(database, settings, say)
        with work_folder(path.absolute().parent) as work, work_folder(settings.data_dir) as beside:
            staged = Staged(settings.data_dir, beside)
            with _whole_moment(database, settings, work, staged) as (moment, lost):
                manifest = _write(settings, work, staged, moment)
            _place(work / "archive", path, force)
            return Made(path=path, manifest=manifest, size=path.stat().st_size, lost=lost)
    finally:
        database.dispose()


def _check_free(path: Path, force: bool) -> None:
    if path.is_dir() or (os.path.lexists(path) and not force):
        raise BackupError("%(path)s is there already. Choose another name, or use --force.", path=str(path))
    if not path.absolute().parent.is_dir():
        raise BackupError("There is no folder %(path)s.", path=str(path.absolute().parent))


def _check_site(database: Database) -> None:
    if database.is_sqlite and not sqlite.file_of(database).is_file():
        raise BackupError("There is no database at %(path)s.", path=str(sqlite.file_of(database)))
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("contacts"):
            raise BackupError("The database has no tables: there is nothing to back up.")


def _catch_up(database: Database, settings: Settings, say: Say) -> None:
    with database.engine.connect() as connection:
        # Code that was just updated may back up a database of before, as it should.
        if not inspect(connection).has_table("site_epochs"):
            return
    try:
        journal.catch_up(database, settings.journal)
    except OSError as error:
        say(f"Erasings can't be written down in {settings.journal}: {error.strerror}.")


@define
class Staged:
    """Files that are kept from going until they are in the archive: hard links beside them, or copies."""

    data_dir: Path
    folder: Path

    def take(self, name: str) -> bool:
        """Keep a file; answers False when it is gone."""
        target = self.path(name)
        if target.exists():
            return True
        target.parent.mkdir(exist_ok=True)
        try:
            source = file_path(self.data_dir, name)
            try:
                os.link(source, target)
            except FileNotFoundError:
                return False
            except OSError:
                # Another file system, or one without links.
                making = target.with_suffix(".part")
                shutil.copyfile(source, making)
                making.rename(target)
        except (FileNotFoundError, NotFound):
            return False
        return True

    def path(self, name: str) -> Path:
        """Where it is kept."""
        return self.folder / name[:2] / name


@contextmanager
def _whole_moment(database: Database, settings: Settings, work: Path, staged: Staged) -> Iterator[tuple[Snapshot, int]]:
    """A moment of the database of which every file that it names is staged, and how many were lost before.

    A file is written before the row that names it is committed, and removed after the row is. So whatever a moment
    names was there at that moment, and may be gone a blink later. What is there before the moment is staged before it,
    and what came in between right after. What has come and gone in between is missing: then the moment is given up for
    a newer one, which does not name it any more. If the newer one does, the file was lost before, and no backup has it.
    """
    with database.engine.connect() as connection:
        for name in named_files(connection):
            staged.take(name)
    known_missing: set[str] = set()
    for _ in range(TRIES):
        with take_snapshot(database, settings, work) as moment:
            missing = {name for name in named_files(moment.connection) if not staged.take(name)}
            if missing <= known_missing:
                yield moment, len(missing)
                return
        known_missing |= missing
    raise BackupError("Files are removed faster than they can be backed up. Try again at a quieter time.")


def take_snapshot(database: Database, settings: Settings, work: Path) -> AbstractContextManager[Snapshot]:
    """One moment of the database."""
    if database.is_sqlite:
        return sqlite.snapshot(database, work)
    return postgres.snapshot(database, work, settings.pg_bin)


def _write(settings: Settings, work: Path, staged: Staged, moment: Snapshot) -> archive.Manifest:
    """Write the archive into `work`."""
    secret = work / "secret"
    secret.touch(0o600)
    secret.write_text(load_secret(settings))
    handle = os.open(work / "archive", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        with (work / "members").open("wb") as listing, archive.writing(target, listing) as writer:
            for name in named_files(moment.connection):
                if staged.path(name).exists():
                    writer.add_file(f"files/{name[:2]}/{name}", staged.path(name))
            for name, path in _templates(settings.data_dir / "templates"):
                writer.add_file(name, path)
            writer.add_single(archive.SECRET, secret)
            if settings.journal.is_file():
                # Copied first: it may grow.
                shutil.copyfile(settings.journal, work / "erasures")
                writer.add_single(archive.ERASURES, work / "erasures")
            writer.add_single(archive.DATABASE, moment.file)
            manifest = writer.finish(
                lambda singles, files: archive.Manifest(
                    format=archive.FORMAT,
                    tresen=own_version(),
                    kind="postgresql" if moment.schema else "sqlite",
                    made_at=datetime.now(UTC),
                    heads=moment.heads(),
                    rows=moment.rows(),
                    files=files,
                    singles=singles,
                    schema=moment.schema,
                    extensions=moment.extensions,
                )
            )
        target.flush()
        os.fsync(target.fileno())
    return manifest


def _templates(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = f"templates/{path.relative_to(folder).as_posix()}"
        if path.is_file() and archive.is_file(name):
            yield name, path


def _place(made: Path, target: Path, force: bool) -> None:
    if force:
        made.replace(target)
    else:
        try:
            # Not a rename, which would take away what somebody else has put there meanwhile.
            os.link(made, target)
        except FileExistsError:
            _check_free(target, force)
        except OSError:
            _check_free(target, force)
            made.replace(target)
    journal.sync_folder(target.absolute().parent)
