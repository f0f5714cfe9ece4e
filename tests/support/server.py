"""The real server as a process of its own: what a browser, a load or a crash test talks to."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.postgres import free_port

ROOT = Path(__file__).parents[2]
STOP_WITHIN = 15.0

# `tresen` of the checkout in the working directory: others, such as the installed one, leave the path, or a folder that
# was removed here would be found there.
RUN = """
import os, sys
is_checkout = lambda path: os.path.isfile(os.path.join(path, "core", "site.py"))
sys.path[:] = [os.getcwd(), *(path for path in sys.path if path and not is_checkout(path))]
from core.cli import main
sys.exit(main())
"""


class ServerProcess:
    """`with ServerProcess(url, data_dir) as server:` runs `tresen serve` and waits until it is ready.

    `root` is another checkout to run. `server.url` is its address, `server.output` what it printed so far,
    `server.pid` its process id. Settings of the surrounding environment stay out; `environment` adds some.
    """

    def __init__(
        self,
        database_url: str,
        data_dir: Path,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        ready_within: float = 60.0,
        root: Path = ROOT,
    ) -> None:
        self._root = root
        self.database_url, self.data_dir = database_url, data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._ready_within = ready_within
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TRESEN_")},
            "TRESEN_DATABASE_URL": database_url,
            "TRESEN_DATA_DIR": str(data_dir),
            "TRESEN_BASE_URL": self.url,
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        # A file, not a pipe: a pipe that nobody reads fills up and stops the server.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def output(self) -> str:
        self._output.flush()
        return os.pread(self._output.fileno(), 1_000_000, 0).decode(errors="replace")

    def start(self) -> None:
        """Starts the process without waiting."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN, "serve", "--port", str(self.port), *self._arguments],
            cwd=self._root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A group of its own, so that a kill reaches the worker processes too.
            start_new_session=True,
        )

    def wait_ready(self) -> None:
        """Returns when `/readyz` answers 200; raises with the server's output if it ends or is too slow."""
        assert self._process is not None, "the server was not started"
        deadline = time.monotonic() + self._ready_within
        last = "no answer"
        while time.monotonic() < deadline:
            status = self._process.poll()
            if status is not None:
                raise RuntimeError(f"The server ended with status {status}:\n{self.output}")
            try:
                last = self._readiness()
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
            if last == "200":
                return
            time.sleep(0.02)
        raise RuntimeError(f"Not ready within {self._ready_within} s ({last}):\n{self.output}")

    def kill(self) -> None:
        """Ends it at once, workers too, as a power cut would."""
        self._signal_group(signal.SIGKILL)
        assert self._process is not None, "the server was not started"
        self._process.wait(STOP_WITHIN)

    def stop(self) -> None:
        """Asks it to end, as a service manager would, and takes it down if it doesn't."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN)
        if self._process is not None:
            # Also when the parent is gone: a worker may have outlived it.
            self._signal_group(signal.SIGKILL)
            self._process.wait(STOP_WITHIN)
        self._output.close()

    def __enter__(self) -> ServerProcess:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"The server printed:\n{self.output}")
        self.stop()

    def _readiness(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return str(connection.getresponse().status)
        finally:
            connection.close()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
