"""For tests of Tresen and of plugins: a site in a moment, a client that is signed in, and a counter of queries."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import define, field
from litestar.testing import TestClient
from sqlalchemy import event

from core.jobs import run_due_jobs as run_due_jobs
from core.jobs import run_queued_jobs as run_queued_jobs
from core.plugins import Plugin, make_plugin
from core.settings import Settings
from core.site import Site, open_site
from core.staff.models import StaffAccount
from core.staff.sessions import session_cookie_name, start_session
from core.values import Role
from core.web.application import Application, create_app


def make_site(data_dir: Path, *plugins: ModuleType | Plugin, database_url: str = "", **settings: Any) -> Site:
    """A site in `data_dir` with exactly these plugins (modules with hookimpls, or `Plugin` values), tables made.

    `database_url` is a SQLite file in `data_dir` unless given; further settings go by their names in `Settings`.
    """
    wanted = [one if isinstance(one, Plugin) else make_plugin(one) for one in plugins]
    return open_site(Settings(data_dir=data_dir, database_url=database_url, **settings), wanted)


class _Client(TestClient[Application]):
    """Litestar's client, for which one event loop runs as long as the process, and not one for each client."""

    @contextmanager
    def portal(self) -> Iterator[BlockingPortal]:
        yield _portal()


@cache
def _portal() -> BlockingPortal:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(start_blocking_portal("asyncio"))


def make_client(site: Site) -> TestClient[Application]:
    """An HTTP client that calls the site in this process, as `with make_client(site) as client:`.

    It follows redirects unless told `follow_redirects=False`, and raises nothing: what a visitor would see comes back.
    """
    return _Client(create_app(site), base_url=site.settings.base_url, raise_server_exceptions=False)


def sign_in(site: Site, client: TestClient[Application], role: Role = "owner", name: str = "") -> int:
    """Make a staff account with this role, sign the client in as it, and answer its id."""
    email = f"{name or role}@staff.example.org".lower().replace(" ", ".")
    with site.begin() as session:
        account = StaffAccount(email=email, email_key=email, name=name or role.title(), role=role, password_hash="!")  # noqa: S106 (no hash: no password fits)
        session.add(account)
        session.flush()
        token = start_session(session, account.id)
    client.cookies.set(session_cookie_name(site.settings.is_secure), token)
    return account.id


@define
class Queries:
    """The statements that a site's database ran while they were counted, without savepoints and transactions."""

    statements: list[str] = field(factory=list)

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def count_queries(site: Site) -> Iterator[Queries]:
    """Count the site's statements, from all threads: `with count_queries(site) as queries: …; len(queries)`.

    Left out is the look whether plugins were switched, which now and then a request has before it.
    """
    queries = Queries()

    def executed(_connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        ends = statement.upper().startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT"))
        if not ends and not statement.startswith("SELECT site_state."):
            queries.statements.append(statement)

    event.listen(site.database.engine, "before_cursor_execute", executed)
    try:
        yield queries
    finally:
        event.remove(site.database.engine, "before_cursor_execute", executed)
