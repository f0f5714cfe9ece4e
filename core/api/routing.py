"""`api_get`, `api_post`, `api_patch` and `api_delete`: routes of the API, each with a permission."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import litestar
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from core.api.once import answer_once
from core.web.requests import Request
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


def api_post(
    path: str,
    *,
    permission: str,
    status: int = 200,
    key_needed: bool = False,
    **options: Any,
) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that changes the site; the body is `data: JSONBody[…]` of an attrs class.

    Sent with the header Idempotency-Key, as all that changes something, it is done once for each key, in one
    transaction with its answer (`core.api.once`); with `key_needed` it is refused without.
    """
    options = {**options, "request_max_body_size": MAX_BODY}
    return _route(litestar.post, path, permission, status, options, key_needed=key_needed)


def api_upload(
    path: str, *, permission: str, status: int = 201, max_body: int, **options: Any
) -> Callable[[Handler], HTTPRouteHandler]:
    """A file that is sent, of `max_body` bytes at most; the body is `data: MultipartBody[…]` of an attrs class.

    It is taken in again each time it is sent, also with an Idempotency-Key: the handler must change nothing by it that
    can't be there twice.
    """
    options = {**options, "request_max_body_size": max_body}
    return _route(litestar.post, path, permission, status, options, each_time=True)


def api_patch(path: str, *, permission: str, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that changes parts of a resource."""
    return _route(litestar.patch, path, permission, 200, {**options, "request_max_body_size": MAX_BODY})


def api_delete(path: str, *, permission: str, **options: Any) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that removes a resource; answers what came of it."""
    return _route(litestar.delete, path, permission, 200, options)


def _route(
    method: Callable[..., Any],
    path: str,
    permission: str,
    status: int,
    options: dict[str, Any],
    *,
    key_needed: bool = False,
    each_time: bool = False,
) -> Callable[[Handler], HTTPRouteHandler]:
    opt = {"permission": permission, "public": False}
    each_time = each_time or method is litestar.get

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
        )(in_thread(handler) if each_time else _once(handler, status, key_needed=key_needed))
        return route

    return decorate


def _once(handler: Handler, status: int, *, key_needed: bool) -> Handler:
    """The handler as a coroutine function that runs it in a thread, at most once for each idempotency key."""

    @wraps(handler)
    async def once(request: Request, **named: Any) -> Any:
        body = await request.body()
        return await sync_to_thread(answer_once, handler, request, body, status, named, needed=key_needed)

    return once
