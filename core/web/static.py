"""Static files of the core, under addresses that change with their content."""

from __future__ import annotations

from pathlib import Path

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Response

STATIC = Path(__file__).parent.parent / "static"

MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def static_router() -> HTTPRouteHandler:
    """The route of all static files."""

    @get(
        "/static/{digest:str}/{file:path}",
        opt={"public": True, "permission": None},
        sync_to_thread=True,
        include_in_schema=False,
    )
    def static_file(digest: FromPath[str], file: FromPath[Path]) -> Response[bytes]:
        path = (STATIC / str(file).lstrip("/")).resolve()
        try:
            is_there = path.is_relative_to(STATIC) and path.suffix in MEDIA_TYPES and path.is_file()
        except OSError:
            # A name that is too long for the file system.
            is_there = False
        if not is_there:
            raise NotFoundException
        return Response(
            path.read_bytes(),
            media_type=MEDIA_TYPES[path.suffix],
            headers={"cache-control": "public, max-age=31536000, immutable"},
        )

    return static_file
