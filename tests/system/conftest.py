"""The demonstration site behind the real server, made once for each worker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.server import ROOT, ServerProcess


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server with a small demonstration, made by `tresen demo` as a person would."""
    folder = tmp_path_factory.mktemp("demo") / "site"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRESEN_")}
    subprocess.run(
        [sys.executable, "-m", "core.cli", "demo", "--people", "40", "--no-serve"],
        cwd=ROOT,
        env={**environment, "TRESEN_DATA_DIR": str(folder)},
        check=True,
        capture_output=True,
    )
    with ServerProcess(f"sqlite:///{folder / 'tresen.sqlite'}", folder) as server:
        yield server
