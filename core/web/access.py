"""Who asks, and whether they may: authentication and the one check of permissions (FEATURES H7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
)
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from core.api.problems import is_api
from core.api.tokens import read_token
from core.staff.sessions import read_session, session_cookie_name
from core.web.guarding import SAFE_METHODS, header, is_same_origin
from core.web.routing import ZONE, is_declared
from core.zone.sessions import read_customer, zone_cookie_name

MAX_ID = 2**63 - 1
"""The largest number that a column of either database holds."""


class FromElsewhere(PermissionDeniedException):
    """An unsafe request that no page of this site sent (THREATS T-X1)."""


class SignInNeeded(Exception):
    """Nobody is signed in: the answer leads to the sign-in page, which leads back to `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)

    @property
    def location(self) -> str:
        """Address of the sign-in page."""
        return "/dashboard/sign-in?" + urlencode({"next": self.path})


class ZoneSignInNeeded(Exception):
    """No customer is signed in to the Client Zone: the answer leads to its sign-in, which leads back to `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)

    @property
    def location(self) -> str:
        """Address of the sign-in."""
        return ZONE if self.path == ZONE else f"{ZONE}?" + urlencode({"next": self.path})


class Authentication:
    """Finds out who is signed in, once a request, in a thread: the database is never asked on the event
    loop."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set `scope["user"]`, the signed-in person or None, and in the Client Zone `scope["customer"]`."""
        site = scope["state"]["site"]
        if is_api(scope):
            # Cookies count for nothing here, so no other site's page can use them.
            kind, _, token = header(scope, b"authorization").partition(" ")
            known = kind.lower() == "bearer" and bool(token)
            scope["user"] = await sync_to_thread(read_token, site, token.strip()) if known else None
            await self.app(scope, receive, send)
            return
        token = _cookie(scope, session_cookie_name(site.settings.is_secure))
        if scope["path"].startswith("/static/"):
            # The same for everybody: no need to ask the database twenty times a page.
            token = ""
        scope["user"] = await sync_to_thread(read_session, site, token) if token else None
        if scope["path"] == ZONE or scope["path"].startswith(ZONE + "/"):
            # Nowhere else does it matter who the customer is.
            token = _cookie(scope, zone_cookie_name(site.settings.is_secure))
            scope["customer"] = await sync_to_thread(read_customer, site, token) if token else None  # type: ignore[typeddict-unknown-key]
        await self.app(scope, receive, send)


def _cookie(scope: Scope, name: str) -> str:
    for part in header(scope, b"cookie").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


async def check_access(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Every request passes here before its handler: the origin of what changes something, then the
    permission, then what no handler should have to expect.

    It waits for nothing, but Litestar would send a plain function to a thread.
    """
    site = connection.scope["state"]["site"]
    method = str(connection.scope.get("method", "GET"))
    if method == "OPTIONS" and not is_declared(handler):
        # Litestar's own answer, which methods there are; no handler of ours takes part.
        return
    if (
        method not in SAFE_METHODS
        and not is_api(connection.scope)
        and not handler.opt.get("from_anywhere")
        and not is_same_origin(connection.scope, site.settings.base_url)
    ):
        raise FromElsewhere
    if handler.opt.get("customer") is True:
        if connection.scope.get("customer") is None:
            raise ZoneSignInNeeded(_asked_path(connection) if method in SAFE_METHODS else ZONE)
    elif handler.opt.get("public") is not True:
        _check_permission(connection, handler, method)
    _check_values(connection.path_params.values(), connection.scope["query_string"])


def _check_permission(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, method: str) -> None:
    site = connection.scope["state"]["site"]
    person = connection.scope.get("user")
    if person is None and is_api(connection.scope):
        raise NotAuthorizedException("Send a token that counts: Authorization: Bearer tresen_…")
    if person is None:
        raise SignInNeeded(_asked_path(connection) if method in SAFE_METHODS else "/dashboard")
    if not person.has(handler.opt["permission"], site.contributions.permissions):
        raise PermissionDeniedException("Your role does not allow this.")


def _asked_path(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    query = connection.scope["query_string"].decode("latin-1")
    return connection.scope["path"] + (f"?{query}" if query else "")


def _check_values(path_values: Iterable[object], query: bytes) -> None:
    """Refuse what neither database takes: NUL, and numbers beyond 64 bits (DESIGN section 6)."""
    for value in path_values:
        if "\x00" in str(value) or (isinstance(value, int) and not -MAX_ID <= value <= MAX_ID):
            raise NotFoundException
    if b"%00" in query or b"\x00" in query:
        raise ClientException
