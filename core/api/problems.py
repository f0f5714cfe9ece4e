"""Errors as problem details (RFC 9457), in the language the program asks for."""

from __future__ import annotations

from typing import Any

from litestar.response import Response

MEDIA_TYPE = "application/problem+json"


def is_api(scope: Any) -> bool:
    """Whether a request is the API's: it is made by a program with a token, and cookies count for nothing there."""
    path = scope["path"]
    return bool(path == "/api" or path.startswith("/api/"))


def problem(
    status: int,
    title: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
    **more: object,
) -> Response[Any]:
    """An answer that says what is wrong: `title` and `detail` in words, `more` as members of their own."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    kept = {name: value for name, value in body.items() if value not in ("", None)}
    return Response(kept, status_code=status, media_type=MEDIA_TYPE, headers=headers or {})
