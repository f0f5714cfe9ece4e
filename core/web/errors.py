"""Errors as pages: what happened, in the person's language, and the way out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from litestar.exceptions import HTTPException
from litestar.response import Redirect, Response
from litestar.types import ExceptionHandler
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.api.problems import is_api, problem
from core.errors import CaptureRejected, Conflict, InvalidInput, NotFound, TooManyAttempts, TresenError
from core.web.access import FromElsewhere, SignInNeeded, ZoneSignInNeeded
from core.web.routing import ZONE

log = logging.getLogger("tresen.web")

TEXTS: Mapping[int, tuple[str, str]] = {
    400: ("This request can't be read", "Go back and try again."),
    403: ("You may not do this", "Ask the owner of the site for the permission, or go back."),
    404: ("There is nothing here", "The page was moved or removed, or the address has a typing mistake."),
    405: ("This address can't be used like this", "Go back and use the buttons of the page."),
    409: ("Someone else was faster", "Nothing was saved. Go back, look at the current state, and try again."),
    413: ("This is too large", "Send a smaller file or a shorter text."),
    422: ("This can't be accepted", "Nothing was saved. Go back and change what you entered."),
    429: ("Too many attempts", "Wait a few minutes, then try again."),
    500: ("Something went wrong here", "Nothing was saved. It is noted in the log of the site. Try again."),
    503: ("The site is busy", "Nothing was saved. Try again in a moment."),
}
"""Status → title and way out, as message ids."""

ELSEWHERE = (
    "This form was sent from another site. Nothing was changed. Open this site as %(address)s, which is its "
    "address in the settings, and send the form from there."
)
"""Seen by honest people when they use another address than TRESEN_BASE_URL."""


def exception_handlers() -> dict[Any, ExceptionHandler[Any]]:
    """Litestar's exception handlers of the site."""
    return {
        SignInNeeded: lambda request, error: Redirect(error.location, status_code=303),
        ZoneSignInNeeded: lambda request, error: Redirect(error.location, status_code=303),
        FromElsewhere: _from_elsewhere,
        HTTPException: _refused,
        NotFound: lambda request, error: error_page(request, 404, error),
        Conflict: lambda request, error: error_page(request, 409, error),
        TooManyAttempts: _too_many,
        CaptureRejected: lambda request, error: error_page(request, 422, error),
        InvalidInput: lambda request, error: error_page(request, 400, error),
        OperationalError: _unavailable,
        PoolTimeout: _unavailable,
        RecursionError: _too_deep,
        Exception: _unexpected,
    }


def _from_elsewhere(request: Any, error: FromElsewhere) -> Response[str]:
    return error_page(request, 403, TresenError(ELSEWHERE, address=request.site.settings.base_url), way_out="")


def _refused(request: Any, error: HTTPException) -> Response[str]:
    if error.status_code >= 500:
        return _unexpected(request, error)
    if is_api(request.scope):
        return _refused_by_api(request, error)
    # Litestar's own texts are for developers; only 403's are ours.
    detail = TresenError(error.detail) if error.status_code == 403 and error.detail else None
    answer = error_page(request, error.status_code, detail)
    # A 405 must say which methods there are (RFC 9110 section 15.5.6).
    answer.headers.update({name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})
    return answer


def _refused_by_api(request: Any, error: HTTPException) -> Response[Any]:
    """A program's mistake, as a developer needs it: which member of the body or parameter, and what was expected."""
    title = TEXTS.get(error.status_code, TEXTS[400])[0]
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    if error.status_code == 401:
        title, headers = "Nobody is signed in", {"www-authenticate": "Bearer"}
    mistakes = error.extra if isinstance(error.extra, list) else None
    detail = "" if mistakes or error.status_code in (404, 405) else str(error.detail)
    return problem(error.status_code, request.language.text(title), detail, headers=headers, errors=mistakes)


def _too_many(request: Any, error: TooManyAttempts) -> Response[str]:
    answer = error_page(request, 429, error)
    answer.headers["retry-after"] = str(error.wait)
    return answer


def _unavailable(request: Any, error: Exception) -> Response[str]:
    log.error("The database does not answer: %s", error)
    answer = error_page(request, 503)
    answer.headers["retry-after"] = "5"
    return answer


def _too_deep(request: Any, error: RecursionError) -> Response[Any]:
    # JSON nested thousands deep; a page that recurses is a mistake of ours.
    return error_page(request, 400) if is_api(request.scope) else _unexpected(request, error)


def _unexpected(request: Any, error: Exception) -> Response[str]:
    reference = secrets.token_hex(4)
    log.error("%s %s failed (%s)", request.method, request.scope["path"], reference, exc_info=error)
    return error_page(request, 500, reference=reference)


def error_page(
    request: Any,
    status: int,
    error: TresenError | None = None,
    *,
    way_out: str | None = None,
    reference: str | None = None,
) -> Response[str]:
    """A page that says what happened and what to do; in plain text when even that can't be rendered."""
    title, usual_way_out = TEXTS.get(status, TEXTS[500 if status >= 500 else 400])
    language = request.language
    if is_api(request.scope):
        detail = language.text(error.message, **error.values) if error else ""
        field = error.field if isinstance(error, InvalidInput) else None
        return problem(status, language.text(title), detail, field=field, reference=reference)
    # A path that leads to no route passed no authentication: the person is not known there.
    person = request.scope.get("user")
    texts = [
        language.text(error.message, **error.values) if error else "",
        language.text(usual_way_out if way_out is None else way_out),
    ]
    home = ("To the contacts", "/dashboard/contacts") if person else ("To the start page", "/")
    if request.scope.get("customer"):
        home = ("To your account", ZONE)
    try:
        page: Response[str] = request.page(
            "frame/error.html",
            status=status,
            code=status,
            error_title=language.text(title),
            error_text=" ".join(text for text in texts if text),
            ways_out=[{"label": language.text(home[0]), "href": home[1]}],
            reference=reference,
        )
    except Exception:
        log.exception("The error page failed")
        return Response(language.text(title), media_type="text/plain", status_code=status)
    return page
