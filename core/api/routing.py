"""`api_get`, `api_post`, `api_patch` and `api_delete`: routes of the API, each with a permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import litestar
from litestar.handlers import HTTPRouteHandler

from core.web.routing import Handler, in_thread

BASE = "/api/v1"
MAX_BODY = 1_000_000
"""Bytes of a JSON body."""


def api_get(path: str, *, permission: str, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something to read below /api/v1, for tokens of staff with `permission`.

    The handler is a plain function with `request: Request` first; it answers a value of an attrs class, which becomes
    JSON. Its first line of documentation and its annotations become the OpenAPI document.
    """
    return _route(litestar.get, path, permission, 200, options)


def api_post(path: str, *, permission: str, status: int = 200, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that changes the site; the body is `data: JSONBody[…]` of an attrs class."""
    return _route(litestar.post, path, permission, status, {**options, "request_max_body_size": MAX_BODY})


def api_patch(path: str, *, permission: str, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that changes parts of a resource."""
    return _route(litestar.patch, path, permission, 200, {**options, "request_max_body_size": MAX_BODY})


def api_delete(path: str, *, permission: str, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that removes a resource; answers what came of it."""
    return _route(litestar.delete, path, permission, 200, options)


def _route(
    method: Callable[..., Any], path: str, permission: str, status: int, options: dict[str, Any]
) -> Callable[[Handler], HTTPRouteHandler]:
    opt = {"permission": permission, "public": False}

    def decorate(handler: Handler) -> HTTPRouteHandler:
        summary, _, rest = (handler.__doc__ or "").strip().partition("\n")
        route: HTTPRouteHandler = method(
            BASE + path,
            opt=opt,
            status_code=status,
            summary=summary.strip(),
            description=" ".join(rest.split()) or None,
            security=[{"token": []}],
            **options,
        )(in_thread(handler))
        return route

    return decorate
