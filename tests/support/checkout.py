"""The files of the project, for rules about all of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]


def project_files() -> list[Path]:
    """Every file of the project, those included that are new: as git has it, else what lies in the folder."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        # Unpacked from an archive, or on a machine without git.
        return sorted(files_below(ROOT))
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def files_below(root: Path) -> Iterator[Path]:
    """The files below `root`, without what its .gitignore names."""
    ignore = root / ".gitignore"
    lines = ignore.read_text(encoding="utf-8").split() if ignore.is_file() else []
    everywhere = [".git", *(line.strip("/") for line in lines if not line.startswith("/"))]
    at_the_top = [line.strip("/") for line in lines]

    for folder, folders, files in os.walk(root):
        patterns = [*everywhere, *at_the_top] if Path(folder) == root else everywhere
        wanted = {name for name in (*folders, *files) if not any(fnmatch(name, one) for one in patterns)}
        folders[:] = [name for name in folders if name in wanted]
        yield from (Path(folder) / name for name in files if name in wanted)
