"""`/api/openapi.json`: what the API can do, made of the routes themselves."""

from __future__ import annotations

import json
from functools import lru_cache

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response

from core.api.routing import BASE
from core.web.requests import Request
from core.web.routing import get

DESCRIPTION = (
    "Everything is JSON. Authenticate with a token, made in the dashboard under “Your account”: "
    "“Authorization: Bearer tresen_…”. It may do what its account may. Errors are problem details (RFC 9457)."
)


VERSION = "1"


@lru_cache(maxsize=4)
def _document(routes: tuple[BaseRouteHandler, ...]) -> str:
    # An app of its own, which only describes: the one that serves would describe its pages too.
    scheme = SecurityScheme(type="http", scheme="bearer", description="A token of the API.")
    config = OpenAPIConfig(
        title="Tresen",
        version=VERSION,
        description=DESCRIPTION,
        components=Components(security_schemes={"token": scheme}),
        use_handler_docstrings=False,
    )
    return json.dumps(Litestar(list(routes), openapi_config=config, request_class=Request).openapi_schema.to_schema())


@get("/api/openapi.json", public=True)
def openapi(request: Request) -> Response[str]:
    """The OpenAPI document of this site, its plugins' routes included."""
    routes = tuple(
        route for _, route in request.site.contributions.routers if all(path.startswith(BASE) for path in route.paths)
    )
    return Response(_document(routes), media_type="application/json")


ROUTES = [openapi]
