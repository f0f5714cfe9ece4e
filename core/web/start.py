"""The start page for visitors, and the choice of a language."""

from __future__ import annotations

from typing import Any

from litestar.params import FromQuery
from litestar.response import Redirect, Response

from core.i18n import LANGUAGES
from core.web.cookies import make_cookie
from core.web.requests import LANGUAGE_COOKIE, THEME_COOKIE, FormInput, Request, local_path
from core.web.routing import get, post

YEAR = 365 * 86400


@get("/", public=True)
def start_page(request: Request) -> Response[str]:
    """What the site offers to visitors."""
    return request.page("public/start.html")


@get("/language", public=True)
def choose_language(request: Request, code: FromQuery[str] = "", next: FromQuery[str] = "/") -> Redirect:
    """Remember the language a person chose, for a year, and go back."""
    answer = Redirect(local_path(next), status_code=303)
    if code in LANGUAGES:
        answer.set_cookie(make_cookie(request.site, LANGUAGE_COOKIE, code, max_age=YEAR))
    return answer


@post("/theme", public=True, max_body=10_000)
def choose_theme(request: Request, form: FormInput) -> Redirect:
    """Remember light or dark for a year, or forget it and follow the system; then go back."""
    theme = form.text("theme")
    answer = Redirect(local_path(form.text("next")), status_code=303)
    kept = theme if theme in ("light", "dark") else ""
    answer.set_cookie(make_cookie(request.site, THEME_COOKIE, kept, max_age=YEAR if kept else 0))
    return answer


ROUTES: list[Any] = [start_page, choose_language, choose_theme]
