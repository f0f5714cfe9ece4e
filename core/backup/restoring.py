"""`tresen restore`: a site out of a backup, made beside what is there and put in its place at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, evolve, field, frozen
from sqlalchemy import inspect

from core.backup import aftercare, archive, journal, placing, postgres, sqlite
from core.backup.folders import work_folder
from core.backup.replaying import Replayed, replay
from core.backup.snapshots import check_fits, count_rows, differences
from core.checking import run_checks, told
from core.database import migrate
from core.database.engine import Database, open_database
from core.errors import BackupError
from core.settings import Settings
from core.site import all_migrations, find_plugins, open_site

Say = Callable[[str], None]


@frozen(kw_only=True)
class Asked:
    """What the person said: may what is there be put aside, and where the journal is (`without`: nowhere)."""

    replace: bool = False
    erasures: Path | None = None
    without_erasures: bool = False


@define(kw_only=True)
class Restored:
    """What came of it. `aside` names where things are that were there before; `problems` are for people to see to."""

    manifest: archive.Manifest
    migrated: list[str] = field(factory=list)
    missing: list[str] = field(factory=list)
    aside: list[str] = field(factory=list)
    settled: aftercare.Settled | None = None
    replayed: Replayed | None = None
    journaled: int = 0
    problems: list[str] = field(factory=list)


def restore(settings: Settings, file: Path, asked: Asked, *, say: Say = lambda line: None) -> Restored:
    """Restore a backup; `say` is told what is done. Raises BackupError and DutyFailed: then all is as it was before."""
    manifest = archive.verify(file)
    done = Restored(manifest=manifest)
    database = open_database(settings.resolved_database_url)
    try:
        _check_kind(settings, manifest, database)
        migrations = all_migrations(find_plugins(settings))
        done.missing = check_fits(manifest.heads, migrations, manifest.tresen)
        _check_place(settings, database, asked)
        entries = _entries(settings, database, file, asked, say)
        done.journaled = len(entries)
        say(f"The backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC is whole: restoring …")
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _restore(settings, database, file, entries, asked, done)
        return done
    finally:
        database.dispose()


# Looking before anything is touched


def _check_kind(settings: Settings, manifest: archive.Manifest, database: Database) -> None:
    here = "sqlite" if database.is_sqlite else "postgresql"
    if manifest.kind != here:
        raise BackupError(
            "This backup is of %(kind)s, and TRESEN_DATABASE_URL names %(here)s. It fits no other kind.",
            kind=manifest.kind,
            here=here,
        )
    if not database.is_sqlite:
        postgres.find_program("pg_restore", settings.pg_bin)
        with database.engine.connect() as connection:
            if (schema := postgres.schema_of(connection)) != manifest.schema:
                raise BackupError(
                    "This backup is of the schema %(schema)s, and the database's is %(here)s. Set the search_path "
                    "of its account.",
                    schema=manifest.schema,
                    here=schema,
                )


def _check_place(settings: Settings, database: Database, asked: Asked) -> None:
    """Raises BackupError when something is there that may not be put aside, or somebody uses it."""
    there = [str(path) for path in placing.present_parts(settings.data_dir)]
    if database.is_sqlite:
        path = sqlite.file_of(database)
        is_there = path.exists()
        there += [str(path)] if is_there else []
    else:
        with database.engine.connect() as connection:
            is_there = postgres.has_tables(connection)
        there += ["tables in the database"] if is_there else []
    if there and not asked.replace:
        raise BackupError(
            "There is a site already: %(there)s. With --replace it is put aside, and nothing of it is deleted.",
            there=", ".join(there),
        )
    _check_unused(database)


def _check_unused(database: Database) -> None:
    """Raises BackupError when somebody uses the database."""
    database.dispose()
    if not database.is_sqlite:
        postgres.check_unused(database)
        database.dispose()
    elif sqlite.file_of(database).exists():
        sqlite.check_unused(sqlite.file_of(database))


def _entries(settings: Settings, database: Database, file: Path, asked: Asked, say: Say) -> list[journal.Entry]:
    """All erasings that are known: to the journals, to the database that goes aside, and to the backup."""
    if asked.erasures is not None and not asked.erasures.is_file():
        raise BackupError("There is no journal of erasures at %(path)s.", path=str(asked.erasures))
    found: dict[journal.Entry, None] = {}
    there = [path for path in (asked.erasures, settings.journal) if path is not None and path.is_file()]
    for path in there:
        read = journal.read_journal(path)
        found.update(read.entries)
        if read.unreadable:
            say(f"{read.unreadable} lines of {path} were cut off; what they said was written again after them.")
    known = _known_to(database, say)
    if not there and known is None and not asked.without_erasures:
        raise BackupError(
            "There is no journal of erasures at %(path)s, so nobody knows who was erased after the backup. Name it "
            "with --erasures FILE, or say --no-erasures if that is meant.",
            path=str(settings.journal),
        )
    found.update(dict.fromkeys(known or ()))
    lines = archive.read_erasures(file)
    if lines is not None:
        found.update(journal.read_lines(lines, "the journal in the backup").entries)
    return list(found)


def _known_to(database: Database, say: Say) -> list[journal.Entry] | None:
    """What the database that goes aside knows: also what it has not written down yet. None when it can't be asked."""
    if database.is_sqlite and not sqlite.file_of(database).exists():
        return None
    try:
        with database.session() as session:
            if not inspect(session.connection()).has_table("site_epochs"):
                return None
            return journal.known_to(session)
    except Exception as error:
        # That it can't be read any more may be the reason for restoring.
        say(f"The database that is there can't be asked who was erased ({type(error).__name__}).")
        return None
    finally:
        database.dispose()


# Restoring


@frozen(kw_only=True)
class _Work:
    """What is being restored: the site's settings and those of the site that is being prepared, and its database."""

    settings: Settings
    prepared: Settings
    database: Database
    dump: Path
    entries: Sequence[journal.Entry]
    asked: Asked
    done: Restored
    stamp: str


def _restore(
    settings: Settings, database: Database, file: Path, entries: Sequence[journal.Entry], asked: Asked, done: Restored
) -> None:
    path = sqlite.file_of(database) if database.is_sqlite else None
    # Beside where things will be, so that moving them there is a matter of names.
    with work_folder(settings.data_dir) as work, work_folder(path.parent if path else settings.data_dir) as beside:
        new, dump = work / "data", beside / archive.DATABASE
        new.mkdir()
        archive.extract(file, lambda name: dump if name == archive.DATABASE else new / name)
        _check_secret(settings, new / archive.SECRET)
        prepared = evolve(
            settings,
            data_dir=new,
            database_url=f"sqlite:///{dump.absolute()}" if path else settings.database_url,
            secret="",
            erasure_journal=str(work / "erasures.jsonl"),
            # Nothing goes out or comes in while this is looked at.
            smtp_url="",
            imap_url="",
        )
        restoring = _Work(
            settings=settings,
            prepared=prepared,
            database=database,
            dump=dump,
            entries=entries,
            asked=asked,
            done=done,
            stamp=f"{datetime.now(UTC):%Y%m%d-%H%M%S}",
        )
        if path:
            _into_file(restoring, path)
        else:
            _into_server(restoring)


def _into_file(work: _Work, path: Path) -> None:
    sqlite.check_file(work.dump)
    _make_ready(work)
    sqlite.fold(work.dump)
    # Once more: it took a while.
    _check_unused(work.database)
    _take_over_journal(work)
    with placing.marked(work.settings.data_dir):
        aside = placing.away(work.settings.data_dir, path, work.stamp)
        placing.move([*aside, *_moves_in(work), (work.dump, path)])
    work.done.aside = _where(aside)


def _into_server(work: _Work) -> None:
    """Into the schema itself: another database would need rights that few accounts have."""
    name = f"before_{work.stamp}".replace("-", "_")
    with work.database.engine.connect() as connection:
        moves = postgres.has_tables(connection)
    work.database.dispose()
    with (
        placing.marked(work.settings.data_dir),
        postgres.aside(work.database, name, moves=moves),
    ):
        extensions = work.done.manifest.extensions
        postgres.load(work.database, work.dump, work.dump.parent, work.settings.pg_bin, extensions)
        _make_ready(work)
        _take_over_journal(work)
        aside = placing.away(work.settings.data_dir, None, work.stamp)
        placing.move([*aside, *_moves_in(work)])
    work.done.aside = [*_where(aside), *([f"the schema {name} of the database"] if moves else [])]


def _where(aside: placing.Moves) -> list[str]:
    """The folder that things went into, and a database that lies elsewhere."""
    return sorted({str(target.parent if target.name in placing.PARTS else target) for _, target in aside})


def _moves_in(work: _Work) -> placing.Moves:
    parts = [(work.prepared.data_dir / name, work.settings.data_dir / name) for name in placing.PARTS]
    return [(source, target) for source, target in parts if source.exists()]


def _check_secret(settings: Settings, restored: Path) -> None:
    restored.write_text(restored.read_text().strip())
    if settings.secret and settings.secret != restored.read_text():
        raise BackupError(
            "TRESEN_SECRET is another secret than the backup's: links and keyed hashes of the backup would be worth "
            "nothing. Take it out of the environment: the backup's is then put into the data folder."
        )


def _make_ready(work: _Work) -> None:
    """Everything that happens to the restored database before it is the site's."""
    done, database = work.done, open_database(work.prepared.resolved_database_url)
    try:
        with database.engine.connect() as connection:
            if work.entries and not inspect(connection).has_table("site_epochs"):
                done.problems.append(
                    "The backup is from before the journal of erasures: nobody could be erased again. Delete who was "
                    "deleted since."
                )
            if wrong := differences(done.manifest.rows, count_rows(connection)):
                raise BackupError("Tables have other numbers of rows than in the backup: %(wrong)s.", wrong=wrong)
        migrations = all_migrations(find_plugins(work.prepared))
        done.migrated = migrate.upgrade(database, migrations)
    finally:
        database.dispose()
    with closing(open_site(work.prepared)) as site:
        done.settled = aftercare.take_care(site, work.entries, done.manifest.made_at)
        if not work.asked.without_erasures:
            done.replayed = replay(site, work.entries)
            done.problems += done.replayed.problems
        journal.catch_up(site.database, site.settings.journal)
        done.problems += [refusal.message for refusal in site.refused]
        for checked in run_checks(site):
            done.problems += told(checked)


def _take_over_journal(work: _Work) -> None:
    """Have the site's journal know all that the backup, the other journals and this restore know."""
    own = journal.read_journal(work.prepared.journal).entries
    journal.add_missing(work.settings.journal, [*work.entries, *own])
