"""Health checks: `/healthz` for the process, `/readyz` for its database and migrations."""

from __future__ import annotations

from typing import Any

from litestar.response import Response

from core.database import migrate
from core.site import all_migrations
from core.web.requests import Request
from core.web.routing import get


@get("/healthz", public=True)
def healthz(request: Request) -> Response[str]:
    """The process answers."""
    return Response("ok", media_type="text/plain")


@get("/readyz", public=True)
def readyz(request: Request) -> Response[str]:
    """The database answers and has the tables this version needs; 503 names what is missing."""
    waiting = migrate.pending(request.site.database, all_migrations(request.site.plugins))
    if waiting:
        names = ", ".join(one.owner for one in waiting)
        return Response(f"migrations to run: {names}", media_type="text/plain", status_code=503)
    return Response("ok", media_type="text/plain")


ROUTES: list[Any] = [healthz, readyz]
