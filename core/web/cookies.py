"""Cookies as this site sets them: HttpOnly, SameSite=Lax, and over https bound to this host (THREATS
T-X6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.datastructures import Cookie

if TYPE_CHECKING:
    from core.site import Site


def cookie_name(site: Site, name: str) -> str:
    """The name under which the browser keeps the cookie `name`.

    Over https it has the prefix `__Host-`: no neighbour below the same domain can then set it (RFC 6265bis
    section 4.1.3.2). Browsers refuse the prefix without https.
    """
    return f"__Host-{name}" if site.settings.is_secure else name


def make_cookie(site: Site, name: str, value: str, *, max_age: int | None = None) -> Cookie:
    """A cookie for this host alone, unseen by scripts; kept for `max_age` seconds, or until the browser is
    closed."""
    return Cookie(
        key=name if name.startswith("__Host-") else cookie_name(site, name),
        value=value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="lax",
        secure=site.settings.is_secure,
    )


def drop_cookie(site: Site, name: str) -> Cookie:
    """What makes the browser forget the cookie `name`. It must be Secure like the cookie itself, or is
    ignored."""
    return make_cookie(site, name, "", max_age=0)
