"""The start page for visitors, and the choice of a language."""

from __future__ import annotations

from typing import Any

from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect, Response

from core.i18n import LANGUAGES
from core.web.requests import LANGUAGE_COOKIE, THEME_COOKIE, FormInput, Request, local_path
from core.web.routing import get, post


@get("/", public=True)
def start_page(request: Request) -> Response[str]:
    """What the site offers to visitors."""
    return request.page("public/start.html")


@get("/language", public=True)
def choose_language(request: Request, code: FromQuery[str] = "", next: FromQuery[str] = "/") -> Redirect:
    """Remember the language a person chose, for a year, and go back."""
    answer = Redirect(local_path(next), status_code=303)
    if code in LANGUAGES:
        answer.set_cookie(
            Cookie(
                key=LANGUAGE_COOKIE,
                value=code,
                max_age=365 * 86400,
                path="/",
                samesite="lax",
                secure=request.site.settings.is_secure,
                httponly=True,
            )
        )
    return answer


@post("/theme", public=True)
def choose_theme(request: Request, form: FormInput) -> Redirect:
    """Remember light or dark for a year, or follow the system again; without scripts, this is the switch."""
    answer = Redirect(local_path(form.text("next") or "/"), status_code=303)
    theme = form.text("theme")
    cookie = Cookie(
        key=THEME_COOKIE,
        value=theme,
        max_age=365 * 86400 if theme in ("light", "dark") else 0,
        path="/",
        samesite="lax",
        secure=request.site.settings.is_secure,
    )
    answer.set_cookie(cookie)
    return answer


ROUTES: list[Any] = [start_page, choose_language, choose_theme]
