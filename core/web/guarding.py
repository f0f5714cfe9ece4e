"""Around every answer: the same security headers, and no request that another site's page sent (DESIGN section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def header(scope: Scope, name: bytes) -> str:
    """A request header's value; empty when missing."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def is_same_origin(scope: Scope, base_url: str) -> bool:
    """Whether an unsafe request came from a page of this site.

    Browsers say so in Sec-Fetch-Site, or in Origin (both forbidden to scripts). What sends neither is no browser: it
    carries no cookie that it was not given, and is let through.
    """
    if site := header(scope, b"sec-fetch-site"):
        return site in ("same-origin", "none")
    if origin := header(scope, b"origin"):
        return origin == base_url or urlsplit(origin).netloc == header(scope, b"host")
    return True


def guarded(app: ASGIApp) -> ASGIApp:
    """Wrap an ASGI app so that every answer has the security headers."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        secure = scope["state"]["site"].settings.is_secure

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = list(_with_security(message.get("headers", []), secure))
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


def _with_security(headers: Iterable[tuple[bytes, bytes]], secure: bool) -> Iterable[tuple[bytes, bytes]]:
    present = set()
    for name, value in headers:
        present.add(name.lower())
        yield name, value
    # A handler may have set a stricter or fitting one of its own.
    yield from ((name, value) for name, value in HEADERS if name not in present)
    if b"cache-control" not in present:
        yield b"cache-control", b"no-store"
    if secure and b"strict-transport-security" not in present:
        yield b"strict-transport-security", b"max-age=31536000"
