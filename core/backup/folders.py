"""Folders to work in, which are gone afterwards; what a killed process left is removed by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".tresen-work-"
LOCK = "lock"

MAKING = 10.0
"""Seconds that a new folder is let alone."""


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent` that only this account can look into; removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    # Held while this process lives: a lock goes with its process, however that ends.
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that were killed: there are people's data in them."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            # One that is just being made may not be locked yet.
            if folder.stat().st_mtime > time.time() - MAKING:
                continue
            handle = os.open(folder / LOCK, os.O_WRONLY)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(handle)
