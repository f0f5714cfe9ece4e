"""Asks an ASGI application in this process, with nothing between that would be measured as well."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import define, field

from core.site import Site
from core.staff.models import StaffAccount
from core.staff.sessions import session_cookie_name, start_session
from core.web.application import create_app


def signed_in(site: Site) -> Asker:
    """Asks the pages of a site as its owner, in English."""
    with site.begin() as session:
        account = StaffAccount(
            email="b@example.org", email_key="b@example.org", name="Bench", role="owner", password_hash="!"
        )
        session.add(account)
        session.flush()
        token = start_session(session, account.id)
    cookie = f"{session_cookie_name(site.settings.is_secure)}={token}"
    return Asker(create_app(site), [(b"cookie", cookie.encode()), (b"accept-language", b"en")])


@define
class Asker:
    """Asks an application's pages, one after the other."""

    _app: Any
    _more_headers: list[tuple[bytes, bytes]] = field(factory=list)
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)

    def page(self, address: str) -> str:
        """The page at an address; raises RuntimeError unless it is answered with 200."""
        path, _, query = address.partition("?")
        asyncio.set_event_loop(self._loop)
        status, body = self._loop.run_until_complete(self._ask(path, query))
        if status != 200:
            raise RuntimeError(f"{address} was answered with {status}: {body[:2000].decode()}")
        return body.decode()

    async def _ask(self, path: str, query: str) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"127.0.0.1:8000"), *self._more_headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        status, parts = 0, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, b"".join(parts)

    def close(self) -> None:
        """Let go of the loop and its threads."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        asyncio.set_event_loop(None)
