"""The ways in and out: the first run's set-up page, sign-in, and sign-out."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from litestar.response import Redirect, Response

from core.contacts.addresses import parse_address
from core.errors import Conflict, InvalidInput, TooManyAttempts
from core.staff import accounts
from core.staff.passwords import check_password, hash_password
from core.staff.sessions import LIFETIME, end_session, name_browser, session_cookie_name, start_session
from core.staff.signing_in import (
    KNOWN_BROWSER_COOKIE,
    KNOWN_BROWSER_SECONDS,
    SignIn,
    Success,
    know_browser,
    sign_in,
)
from core.web.addresses import client_address
from core.web.cookies import cookie_name, drop_cookie, make_cookie
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post

SIGN_IN, SET_UP, OVERVIEW = "/dashboard/sign-in", "/dashboard/set-up", "/dashboard"
MAX_BODY = 20_000
"""Bytes of these forms: they take anybody's posts, and hold a few words."""


def way_back(path: str) -> str:
    """Where to go after signing in: the page asked for when it is one of this site's, else the overview
    (T-X5)."""
    local = local_path(path)
    return OVERVIEW if local == "/" or len(local) > 2000 else local


def new_password(form: Form, names: list[str]) -> str:
    """The new password of a form, checked; its errors go into the form. Not trimmed: spaces may be part of
    it."""
    password = form.values.get("password", "")
    try:
        check_password(password, names=names)
    except InvalidInput as error:
        form.fail(error)
    return password


def signed_in(request: Request, success: Success, path: str) -> Redirect:
    """Go on to `path` with the cookies of a new session."""
    site = request.site
    answer = Redirect(path, status_code=303)
    seconds = int(LIFETIME.total_seconds())
    answer.set_cookie(make_cookie(site, session_cookie_name(site.settings.is_secure), success.token, max_age=seconds))
    answer.set_cookie(make_cookie(site, KNOWN_BROWSER_COOKIE, success.known, max_age=KNOWN_BROWSER_SECONDS))
    return answer


@get(SET_UP, public=True)
def set_up_page(request: Request) -> Response[str] | Redirect:
    """The form that makes the first account; leads to the sign-in once there is one."""
    with request.site.session() as session:
        if accounts.has_accounts(session):
            return Redirect(SIGN_IN, status_code=303)
    return request.page("staff/set_up.html", values={}, errors={})


@post(SET_UP, public=True, max_body=MAX_BODY)
def set_up(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Make the first account, an owner, and sign it in."""
    site = request.site
    email, name = form.text("email"), form.text("name")
    with site.session() as session:
        if accounts.has_accounts(session):
            raise Conflict("This site is set up already. Sign in with your account.")
        names = accounts.names_around(session, email, name)
    for check, value in ((parse_address, email), (accounts.parse_name, name)):
        try:
            check(value)
        except InvalidInput as error:
            form.fail(error)
    password = new_password(form, names)
    if form.errors:
        return request.page("staff/set_up.html", status=422, values=form.values, errors=form.errors)
    password_hash = hash_password(password)
    with site.begin() as session:
        account_id = accounts.insert_first_owner(session, email=email, name=name, password_hash=password_hash)
        token = start_session(session, account_id, name_browser(request.headers.get("user-agent", "")))
    success = Success(account_id=account_id, token=token, known=know_browser(site, account_id))
    return signed_in(request, success, OVERVIEW)


@get(SIGN_IN, public=True)
def sign_in_page(request: Request, next: FromQuery[str] = "") -> Response[str] | Redirect:
    """The form to sign in with; leads on when somebody is signed in already."""
    if request.person:
        return Redirect(way_back(next), status_code=303)
    with request.site.session() as session:
        if not accounts.has_accounts(session):
            return Redirect(SET_UP, status_code=303)
    return request.page("staff/sign_in.html", email="", error=None, next=next)


@post(SIGN_IN, public=True, max_body=MAX_BODY)
def sign_in_now(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Sign in, with one and the same answer to a wrong password and to an unknown address."""
    site = request.site
    attempt = SignIn(
        email=form.text("email"),
        password=form.values.get("password", ""),
        address=client_address(request.scope, site.settings.trusted_proxies),
        browser=name_browser(request.headers.get("user-agent", "")),
        known=request.cookies.get(cookie_name(site, KNOWN_BROWSER_COOKIE), ""),
        session_id=request.person.session_id if request.person else None,
    )
    try:
        success = sign_in(site, attempt)
    except TooManyAttempts as error:
        answer = _sign_in_again(request, form, error, 429)
        answer.headers["retry-after"] = str(error.wait)
        return answer
    if success is None:
        return _sign_in_again(request, form, InvalidInput("The e-mail address or the password is not right."), 422)
    return signed_in(request, success, way_back(form.text("next")))


def _sign_in_again(request: Request, form: Form, error: InvalidInput | TooManyAttempts, status: int) -> Response[str]:
    return request.page(
        "staff/sign_in.html", status=status, email=form.text("email"), error=error, next=form.text("next")
    )


@post("/dashboard/sign-out", public=True, max_body=MAX_BODY)
def sign_out(request: Request) -> Redirect:
    """End the session, here and in the database."""
    site = request.site
    if request.person:
        with site.begin() as session:
            end_session(session, request.person.session_id)
    answer = request.redirect(SIGN_IN, "You are signed out.")
    answer.set_cookie(drop_cookie(site, session_cookie_name(site.settings.is_secure)))
    # What the browser still holds of the dashboard goes too: „back“ must not show a contact.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


ROUTES: list[HTTPRouteHandler] = [set_up_page, set_up, sign_in_page, sign_in_now, sign_out]
