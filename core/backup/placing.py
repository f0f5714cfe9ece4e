"""Where a site is: what is there, putting it aside, and putting the restored one in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from core.backup.journal import sync_folder
from core.backup.sqlite import BESIDE
from core.errors import BackupError
from core.settings import Settings

PARTS = ("files", "templates", "secret")
"""What a backup holds of the data folder, besides the database."""

MARK = "restore-under-way"

Moves = Sequence[tuple[Path, Path]]


def check_whole(settings: Settings) -> None:
    """Raises BackupError when a restore was killed here while it moved things: half of two sites is none."""
    if (settings.data_dir / MARK).exists():
        raise BackupError(
            "A restore was interrupted in %(folder)s. Call tresen restore again, with --replace; nothing is lost.",
            folder=str(settings.data_dir),
        )


def present_parts(data_dir: Path) -> list[Path]:
    """What there is of a site in a data folder, besides the database."""
    found = [data_dir / name for name in PARTS]
    return [path for path in found if path.is_file() or (path.is_dir() and any(path.iterdir()))]


@contextmanager
def marked(data_dir: Path) -> Iterator[None]:
    """While the block runs, and after it was killed, the site does not start."""
    mark = data_dir / MARK
    mark.touch()
    sync_folder(data_dir)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def away(data_dir: Path, database: Path | None, stamp: str) -> Moves:
    """How what is there goes aside: into a folder of the data folder; a database elsewhere goes beside itself."""
    folder = data_dir / f"before-{stamp}"
    moves = [(data_dir / name, folder / name) for name in PARTS]
    if database is not None:
        beside = database.parent.resolve() == data_dir.resolve()
        target = folder / database.name if beside else database.with_name(f"{database.name}.before-{stamp}")
        moves += [
            (Path(f"{database}{ending}"), Path(f"{target}{ending}"))
            # What stands in the log belongs to the old file, and would be written into the new one.
            for ending in (*BESIDE, "")
        ]
    return [(source, target) for source, target in moves if source.exists()]


def move(moves: Moves) -> None:
    """Move one after the other; if one fails, all go back."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            done.append((source, target))
            sync_folder(target.parent)
            sync_folder(source.parent)
    except BaseException:
        for source, target in reversed(done):
            with suppress(OSError):
                target.rename(source)
        raise
