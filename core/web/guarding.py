"""Around every answer: the same security headers, and no request that another site's page sent (DESIGN
section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "manifest-src 'self'"
)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def headers(scope: Scope, name: bytes) -> list[str]:
    """All values of a request header, in their order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str:
    """A request header's first value; empty when missing."""
    return next(iter(headers(scope, name)), "")


def is_same_origin(scope: Scope, base_url: str) -> bool:
    """Whether an unsafe request came from a page of this site.

    Browsers say so in Sec-Fetch-Site (over https and on localhost) and in Origin; scripts can set neither.
    All that is said must fit. What sends neither is no browser: it carries no cookie that it was not given,
    and is let through.

    Origin must be the address in the settings. A name in the Host header is not believed: a stranger's name
    may lead to our address (DNS rebinding), and then Sec-Fetch-Site, Origin and Host all agree on the
    stranger's name. An IP address or `localhost` can't be such a name, so a page opened under the very
    address it is posted to is one of ours.
    """
    site = header(scope, b"sec-fetch-site")
    if site and site not in ("same-origin", "none"):
        return False
    origin = header(scope, b"origin")
    if origin:
        return _same(origin, base_url) or _is_own_address(origin, header(scope, b"host"))
    return True


def _same(origin: str, base_url: str) -> bool:
    # A browser leaves the default port out and writes host names small; a setting may not.
    return _parts(origin) is not None and _parts(origin) == _parts(base_url)


def _parts(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _is_own_address(origin: str, host: str) -> bool:
    parts = _parts(origin)
    if parts is None or urlsplit(origin).netloc.lower() != host.lower():
        return False
    try:
        ip_address(parts[1])
    except ValueError:
        return parts[1] == "localhost"
    return True


def guarded(app: ASGIApp) -> ASGIApp:
    """Wrap an ASGI app so that every answer has the security headers, and HEAD is answered as GET without its
    body."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        secure = scope["state"]["site"].settings.is_secure
        is_head = scope.get("method") == "HEAD"

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = list(_with_security(message.get("headers", []), secure))
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # RFC 9110 section 9.3.2: the same answer as to GET, headers included.
        asked: Any = {**scope, "method": "GET"} if is_head else scope
        await app(asked, receive, send_guarded)

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
