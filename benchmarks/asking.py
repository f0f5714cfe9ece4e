"""Asks an ASGI application in this process, with nothing between that would be measured as well."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import define, field

from core.site import Site
from core.staff.models import StaffAccount
from core.staff.sessions import session_cookie_name, start_session
from core.web.application import create_app


@define
class Asker:
    """Asks a site's pages as its owner, in English, one after the other."""

    site: Site
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)
    _app: Any = None
    _headers: list[tuple[bytes, bytes]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._app = create_app(self.site)
        with self.site.begin() as session:
            account = StaffAccount(
                email="b@example.org", email_key="b@example.org", name="Bench", role="owner", password_hash="!"
            )
            session.add(account)
            session.flush()
            token = start_session(session, account.id)
        cookie = f"{session_cookie_name(self.site.settings.is_secure)}={token}"
        self._headers = [(b"host", b"127.0.0.1:8000"), (b"cookie", cookie.encode()), (b"accept-language", b"en")]

    def page(self, address: str) -> str:
        """The page at an address; raises RuntimeError unless it is answered with 200."""
        path, _, query = address.partition("?")
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
            "headers": self._headers,
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
