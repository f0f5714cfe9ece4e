"""The ways into the Client Zone and out: asking for a link, entering by it, signing out."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.addresses import parse_address
from core.errors import InvalidInput, NotFound, TooManyAttempts
from core.staff.sessions import name_browser
from core.web.cookies import drop_cookie, make_cookie
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import ZONE, get, post
from core.zone import links
from core.zone.limits import take
from core.zone.overview import overview_page
from core.zone.sessions import LIFETIME, end_session, end_sessions, zone_cookie_name

MAX_BODY = 20_000
"""Bytes of these forms: they take anybody's posts, and hold a few words."""


def way_back(path: str) -> str:
    """Where to go after signing in: the page of the zone that was asked for, else the overview (T-X5)."""
    local = local_path(path)
    inside = local.startswith(f"{ZONE}/") and ".." not in local and len(local) <= 500
    return local if inside else ZONE


@get(ZONE, public=True)
def zone_page(request: Request, next: FromQuery[str] = "") -> Response[str]:
    """The overview of who is signed in; for everybody else the form that asks for a link."""
    if request.scope.get("customer"):
        return overview_page(request)
    return _ask(request, Form(fields={"next": [next]}))


def _ask(request: Request, form: Form, *, status: int = 200, problem: str = "") -> Response[str]:
    return request.page(
        "zone/sign_in.html",
        status=status,
        email=form.text("email"),
        error=form.errors.get("email"),
        problem=problem,
        next=way_back(form.text("next")),
    )


@post(f"{ZONE}/sign-in", public=True, max_body=MAX_BODY)
def ask_for_link(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Send a link to the address if it is known; the answer says nothing about whether it is (T-A3)."""
    site = request.site
    try:
        address = parse_address(form.text("email"))
    except InvalidInput as error:
        form.fail(error)
        return _ask(request, form, status=422)
    path = way_back(form.text("next"))
    with site.begin() as session:
        # Without a network there is no server that tells it: then all would share one count.
        wait = take(session, site, "network", request.network) if request.network else 0
        if not wait and not take(session, site, "address", address.key):
            links.ask_for_link(session, site, address.email, "" if path == ZONE else path)
    if wait:
        raise TooManyAttempts(
            "Too many attempts. Wait %(minutes)s min, then try again.", wait=wait, minutes=-(-wait // 60)
        )
    return Redirect(f"{ZONE}/sent", status_code=303)


@get(f"{ZONE}/sent", public=True)
def sent_page(request: Request) -> Response[str]:
    """Look into your mailbox: the same page for every address."""
    return request.page("zone/sent.html", minutes=int(links.LIFE.total_seconds()) // 60)


@get(f"{ZONE}/enter/{{token:str}}", public=True)
def enter_page(request: Request, token: FromPath[str]) -> Response[str]:
    """The button that signs in. Opening the link uses nothing up: mail scanners open links."""
    try:
        with request.site.session() as session:
            links.find_link(session, request.site, token)
    except NotFound as error:
        return _invalid(request, error)
    return _quiet(request.page("zone/enter.html", token=token))


@post(f"{ZONE}/enter/{{token:str}}", public=True, max_body=MAX_BODY)
def enter(request: Request, token: FromPath[str]) -> Response[str] | Redirect:
    """Use the link up and go in."""
    site = request.site
    try:
        with site.begin() as session:
            if request.scope.get("customer"):
                end_session(session, request.customer.session_id)
            entered = links.enter(session, site, token, name_browser(request.headers.get("user-agent", "")))
    except NotFound as error:
        return _invalid(request, error)
    answer = Redirect(way_back(entered.path), status_code=303)
    seconds = int(LIFETIME.total_seconds())
    answer.set_cookie(make_cookie(site, zone_cookie_name(site.settings.is_secure), entered.token, max_age=seconds))
    return answer


def _invalid(request: Request, error: NotFound) -> Response[str]:
    text = request.language.text(error.message, **error.values)
    return _ask(request, Form(), status=404, problem=text)


@post(f"{ZONE}/sign-out", customer=True, max_body=MAX_BODY)
def sign_out(request: Request, form: FormInput) -> Redirect:
    """End the session, here and in the database; with `everywhere` all others too."""
    site, everywhere = request.site, form.text("everywhere") == "1"
    with site.begin() as session:
        if everywhere:
            end_sessions(session, request.customer.contact_id)
        else:
            end_session(session, request.customer.session_id)
    answer = request.redirect(ZONE, "You are signed out everywhere." if everywhere else "You are signed out.")
    answer.set_cookie(drop_cookie(site, zone_cookie_name(site.settings.is_secure)))
    # What the browser still holds of the pages goes too: „back“ must not show them.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def _quiet(answer: Response[str]) -> Response[str]:
    # The address holds a token: it must not reach another page (T-X7). Not "no-referrer": browsers then send the page's
    # own forms with "Origin: null", as from a stranger.
    answer.headers["referrer-policy"] = "strict-origin"
    return answer


ROUTES: list[Any] = [zone_page, ask_for_link, sent_page, enter_page, enter, sign_out]
