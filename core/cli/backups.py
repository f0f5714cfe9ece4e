"""The commands `tresen backup` and `tresen restore`: what they take, and what they print."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.backup.archive import Manifest
    from core.backup.restoring import Restored


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `backup` and `restore`."""
    backup = commands.add_parser(
        "backup",
        help="write everything into one file, while the site is in use",
        description="Write the database, the uploaded files and the secret into one file, while the site is in use.",
        epilog="The file holds everything about everybody: keep it where nobody else can read it.",
    )
    backup.add_argument("target", help="file to write, or a folder for a file named by the time")
    backup.add_argument("--force", action="store_true", help="overwrite the file if it is there")
    backup.add_argument("--check", action="store_true", help="write nothing: look whether this file is whole")
    backup.set_defaults(run=_backup)

    restore = commands.add_parser(
        "restore",
        help="make the site anew out of a backup",
        description="Make the site anew out of a backup. The site must be stopped, and nothing be there yet.",
        epilog="Whoever was erased after the backup is erased again, by the journal of erasures "
        "(TRESEN_ERASURE_JOURNAL). Mails that waited when the backup was made are left to staff to decide about.",
    )
    restore.add_argument("file", help="the backup")
    restore.add_argument(
        "--replace",
        action="store_true",
        help="put aside what is there: into a folder before-TIME of the data folder; on PostgreSQL the tables into a "
        "schema before_TIME of the same database",
    )
    restore.add_argument("--erasures", metavar="FILE", help="a journal of erasures besides the site's own")
    restore.add_argument("--no-erasures", action="store_true", help="erase nobody again, such as on a test site")
    restore.set_defaults(run=_restore)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _backup(arguments: argparse.Namespace) -> int:
    from core.backup.archive import verify
    from core.backup.making import back_up
    from core.errors import BackupError
    from core.settings import settings_from_environment

    path = Path(arguments.target)
    if arguments.check:
        print(f"{path} is whole: {_words(verify(path))}.")
        return 0
    try:
        made = back_up(settings_from_environment(), path, force=arguments.force, say=_say)
    except OSError as error:
        raise BackupError("Nothing was backed up: %(error)s.", error=str(error)) from error
    print(f"Wrote {made.path} ({made.size / 1_000_000:.1f} MB): {_words(made.manifest)}.")
    if made.lost:
        _say(f"{made.lost} files that the database names are not in the data folder, and so not in the backup.")
    return 0


def _words(manifest: Manifest) -> str:
    kind = "SQLite" if manifest.kind == "sqlite" else "PostgreSQL"
    contacts = manifest.rows.get("contacts", 0)
    return (
        f"{kind}, {contacts} contacts, {manifest.files} files, {manifest.made_at:%Y-%m-%d %H:%M} UTC, "
        f"Tresen {manifest.tresen}"
    )


def _restore(arguments: argparse.Namespace) -> int:
    from core.backup.restoring import Asked, restore
    from core.errors import BackupError
    from core.settings import settings_from_environment

    asked = Asked(
        replace=arguments.replace,
        erasures=Path(arguments.erasures) if arguments.erasures else None,
        without_erasures=arguments.no_erasures,
    )
    try:
        done = restore(settings_from_environment(), Path(arguments.file), asked, say=_say)
    except OSError as error:
        raise BackupError("Nothing was restored: %(error)s.", error=str(error)) from error
    print(f"Restored: {_words(done.manifest)}.")
    for line in _told(done):
        print(line)
    print("Problems" if done.problems else "No problems found.")
    for problem in done.problems:
        print(f"  {problem}")
    return 1 if done.problems else 0


def _told(done: Restored) -> list[str]:
    """What was done besides, line by line."""
    lines = []
    if done.aside:
        lines.append(f"What was there: {', '.join(done.aside)}. People's data is in it: delete it when you can.")
    if done.migrated:
        lines.append(f"Brought up to date: {', '.join(done.migrated)}.")
    if done.missing:
        lines.append(f"Not installed here, so their tables were left as they are: {', '.join(done.missing)}.")
    if done.replayed is None:
        lines.append("Nobody was erased again (--no-erasures).")
    else:
        lines.append(f"Erased again: {done.replayed.erased} contacts, of {done.journaled} in the journal.")
        if done.replayed.unmerged:
            lines.append(f"Merges undone for that: {done.replayed.unmerged}.")
    if (settled := done.settled) is not None:
        lines.append(f"Mails that may have gone out since, to decide about under Messages: {settled.messages}.")
        lines.append(f"Newsletters that were being sent, and are stopped: {settled.newsletters}.")
        lines.append(f"Ended: {settled.sessions} sessions, {settled.links} links to sign in.")
    lines.append("Passwords, accounts, tokens and unsubscriptions are as in the backup: look what was changed since.")
    return lines
