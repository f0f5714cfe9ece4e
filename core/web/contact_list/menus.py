"""Menus of the list's toolbar: read when they are opened, and pages of their own for who has no scripts."""

from __future__ import annotations

from core.web.requests import Request


def wants_menu(request: Request) -> bool:
    """Whether the list's scripts ask for what stands in a menu, and not for a page."""
    return request.headers.get("x-fragment") == "menu"
