"""Errors as pages: what happened, in the person's language, and the way out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from litestar.exceptions import HTTPException
from litestar.response import Redirect, Response
from litestar.types import ExceptionHandler
from sqlalchemy.exc import OperationalError, TimeoutError as PoolTimeout

from core.errors import CaptureRejected, Conflict, InvalidInput, NotFound, TresenError
from core.web.access import SignInNeeded

log = logging.getLogger("tresen.web")

TEXTS: Mapping[int, tuple[str, str]] = {
    400: ("This request can't be read", "Go back and try again."),
    403: ("You may not do this", "Ask the owner of the site for the permission, or go back."),
    404: ("There is nothing here", "The page was moved or removed, or the address has a typing mistake."),
    405: ("This address can't be used like this", "Go back and use the buttons of the page."),
    409: ("Someone else was faster", "Nothing was saved. Go back, look at the current state, and try again."),
    413: ("This is too large", "Send a smaller file or a shorter text."),
    429: ("Too many attempts", "Wait a few minutes, then try again."),
    500: ("Something went wrong here", "Nothing was saved. It is noted in the log of the site. Try again."),
    503: ("The site is busy", "Nothing was saved. Try again in a moment."),
}
"""Status → title and way out, as message ids."""


def exception_handlers() -> dict[Any, ExceptionHandler[Any]]:
    """Litestar's exception handlers of the site."""
    return {
        SignInNeeded: lambda request, error: Redirect(error.location, status_code=303),
        HTTPException: lambda request, error: error_page(request, error.status_code, _detail(error)),
        NotFound: lambda request, error: error_page(request, 404, error),
        Conflict: lambda request, error: error_page(request, 409, error),
        CaptureRejected: lambda request, error: error_page(request, 422, error),
        InvalidInput: lambda request, error: error_page(request, 400, error),
        OperationalError: _unavailable,
        PoolTimeout: _unavailable,
        Exception: _unexpected,
    }


def _detail(error: HTTPException) -> TresenError | None:
    # Litestar's own texts are for developers; only 403's are ours.
    return TresenError(error.detail) if error.status_code == 403 and error.detail else None


def _unavailable(request: Any, error: Exception) -> Response[str]:
    log.error("The database does not answer: %s", error)
    answer = error_page(request, 503)
    answer.headers["retry-after"] = "5"
    return answer


def _unexpected(request: Any, error: Exception) -> Response[str]:
    log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return error_page(request, 500)


def error_page(request: Any, status: int, error: TresenError | None = None) -> Response[str]:
    """A page that says what happened and what to do."""
    title, way_out = TEXTS.get(status, TEXTS[500 if status >= 500 else 400])
    language = request.language
    what = language.text(error.message, **error.values) if error else ""
    page: Response[str] = request.page(
        "frame/error.html",
        status=status,
        code=status,
        error_title=language.text(title),
        error_text=f"{what} {language.text(way_out)}".strip(),
        ways_out=[
            {"label": language.text("To the contacts"), "href": "/dashboard/contacts"}
            if request.scope.get("user")
            else {"label": language.text("To the start page"), "href": "/"}
        ],
    )
    return page
