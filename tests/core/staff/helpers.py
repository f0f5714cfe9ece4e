"""What the tests of staff and of the web layer share: quick hashes, a site, people, and races."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import evolve
from litestar.testing import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from core.database.base import Base
from core.plugins import Plugin
from core.site import Site
from core.staff.accounts import add_account
from core.staff.models import StaffSession
from core.testing import make_client, make_site
from tests.support.dumps import Dump, rows_of

PASSWORD = "ein roter Regenschirm"
OWNER = "owner@staff.example"

Client = TestClient[Any]
FreshDatabase = Callable[..., str]


@lru_cache(maxsize=1)
def quick_hasher() -> PasswordHash:
    """Argon2 without its deliberate slowness."""
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


def open_test_site(fresh_database: FreshDatabase, folder: Path, *plugins: ModuleType | Plugin, **settings: Any) -> Site:
    """A site on a fresh database with the core's tables."""

    def prepare(url: str) -> None:
        make_site(folder / "template", database_url=url).close()

    return make_site(folder, *plugins, database_url=fresh_database("core only", prepare), **settings)


def add(site: Site, role: str = "owner", email: str = "", password: str = PASSWORD) -> int:
    """An account that can sign in."""
    with site.begin() as session:
        return add_account(
            session, email=email or f"{role}@staff.example", name=role.title(), role=role, password=password
        )


def post_sign_in(client: Client, email: str = OWNER, password: str = PASSWORD, **fields: str) -> Any:
    return client.post("/dashboard/sign-in", data={"email": email, "password": password, **fields})


def rows(site: Site, *, without: tuple[str, ...] = ()) -> Dump:
    """Everything in the database, table by table: equal before and after means that nothing changed."""
    return rows_of(site, [table for table in Base.metadata.tables.values() if table.name not in without])


def live_sessions(site: Site) -> int:
    with site.session() as session:
        statement = select(StaffSession.id).where(StaffSession.revoked_at.is_(None))
        return len(session.scalars(statement).all())


def race(*tasks: Callable[[], object], expected: type[Exception]) -> list[str]:
    """Run tasks at once; what came of each, sorted: "done", "refused" (the expected error), or another
    error's name."""
    outcomes: list[str] = []

    def run(task: Callable[[], object]) -> None:
        try:
            task()
        except expected:
            outcomes.append("refused")
        except Exception as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(outcomes)


def meeting(function: Callable[..., Any], barrier: threading.Barrier) -> Callable[..., Any]:
    """`function`, after which each thread waits for the other; when one is kept out by a lock, it goes on
    alone."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        answer = function(*arguments, **named)
        with suppress(threading.BrokenBarrierError):
            barrier.wait(0.5)
        return answer

    return wrapper


def without_write_lock(site: Site) -> Site:
    """The site with transactions that begin as for reading, for controls of races on SQLite."""
    return evolve(site, database=evolve(site.database, writing=site.database.engine))


@contextmanager
def browser(site: Site, **headers: str) -> Iterator[Client]:
    """A client with cookies of its own."""
    with make_client(site) as client:
        client.follow_redirects = False
        client.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        yield client
