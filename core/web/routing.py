"""`get` and `post`: routes that say who may use them. There is no other way to make one that loads.

Staff with a permission, everyone, or the customer who is signed in to the Client Zone: exactly one of the three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import litestar
from litestar.concurrency import sync_to_thread
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

Handler = Callable[..., Any]

ZONE = "/account"
"""Address of the Client Zone; the pages for customers who are signed in lie below it."""


def get(
    path: str | Sequence[str],
    *,
    permission: str | None = None,
    public: bool = False,
    customer: bool = False,
    **options: Any,
) -> Callable[[Handler], HTTPRouteHandler]:
    """A page, for the staff with `permission`, for everyone when `public`, or for whom it is about when `customer`.

    One for a `customer` lies below /account: it is shown to who has signed in to the Client Zone, as
    `request.customer`, and everybody else is led to the sign-in.

    The handler is a plain function; it runs in a thread. Its first argument is `request: Request`, path parameters are
    annotated `FromPath[int]`, query parameters `FromQuery[str]`. Raises ValueError unless exactly one of `permission`,
    `public` and `customer` is given: a route without a declaration is a mistake (DESIGN section 7).
    """
    return _route(litestar.get, path, permission, public, customer, options)


def post(
    path: str | Sequence[str],
    *,
    permission: str | None = None,
    public: bool = False,
    customer: bool = False,
    from_anywhere: bool = False,
    max_body: int = 1_000_000,
    **options: Any,
) -> Callable[[Handler], HTTPRouteHandler]:
    """Something that changes the site, for whom `get` says.

    The handler asks for the sent form with `form: FormInput`. `max_body` is the largest body in bytes (413 beyond).
    Only same-origin requests get here, unless `from_anywhere`: for public routes that another site's page posts to, and
    that trust no cookie.
    """
    if from_anywhere and not public:
        raise ValueError(f"Route {path!r} can't take posts from anywhere and ask for a permission.")
    options.setdefault("status_code", 200)
    options["opt"] = {**options.get("opt", {}), "from_anywhere": from_anywhere}
    return _route(litestar.post, path, permission, public, customer, {**options, "request_max_body_size": max_body})


def is_declared(route: BaseRouteHandler) -> bool:
    """Whether a route says who may use it: the staff with a permission, everyone, or the customer it is about.

    One that takes posts from other sites' pages must be for everyone: those pages would use people's cookies.
    """
    permission, public = route.opt.get("permission"), route.opt.get("public") is True
    if route.opt.get("customer") is True:
        in_zone = all(path.startswith(ZONE + "/") for path in route.paths)
        return in_zone and permission is None and not public and not route.opt.get("from_anywhere")
    if public:
        return permission is None
    return isinstance(permission, str) and permission != "" and not route.opt.get("from_anywhere")


def _route(
    method: Callable[..., Any],
    path: str | Sequence[str],
    permission: str | None,
    public: bool,
    customer: bool,
    options: dict[str, Any],
) -> Callable[[Handler], HTTPRouteHandler]:
    if (permission is not None) + public + customer != 1:
        raise ValueError(f"Route {path!r} needs either permission= or public=True or customer=True, and only one.")
    paths = [path] if isinstance(path, str) else path
    if customer and not all(one.startswith(ZONE + "/") for one in paths):
        raise ValueError(f"Route {path!r} is for customers: let it begin with {ZONE}/.")
    opt = {**options.pop("opt", {}), "permission": permission, "public": public, "customer": customer}
    decorator: Callable[[Handler], HTTPRouteHandler] = method(path, opt=opt, include_in_schema=False, **options)
    return lambda handler: decorator(in_thread(handler))


def in_thread(handler: Handler) -> Handler:
    """The handler as a coroutine function that runs it in a thread.

    Litestar's own `sync_to_thread=True` wraps a handler twice when its path has a second method (2.25), and the answer
    is then a coroutine that nobody awaits.
    """

    @wraps(handler)
    async def in_thread(*arguments: Any, **named: Any) -> Any:
        return await sync_to_thread(handler, *arguments, **named)

    return in_thread
