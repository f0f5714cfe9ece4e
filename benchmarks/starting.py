"""How long a command takes to start, against Python importing SQLAlchemy and Litestar alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import Result, compare


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def run(folder: Path, contacts: int) -> list[Result]:
    """`tresen --help`, and opening a site with its application, each as a whole process."""
    opening = (
        "from core.settings import Settings; from core.site import open_site; "
        "from core.web.application import create_app; "
        f"create_app(open_site(Settings(data_dir={str(folder)!r})))"
    )
    _python(opening)
    floor = "import sqlalchemy.orm, litestar, jinja2"
    return [
        compare(
            "tresen --help",
            lambda: _python("import sys; sys.argv = ['tresen', '--help']; from core.cli import main; main()"),
            "python -c 'import argparse'",
            lambda: _python("import argparse"),
            rounds=5,
        ),
        compare(
            "open a site and make its application",
            lambda: _python(opening),
            f"python -c '{floor}'",
            lambda: _python(floor),
            rounds=5,
        ),
    ]
