"""The own account: name, password, and the browsers that are signed in."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect, Response

from core.errors import InvalidInput, TooManyAttempts
from core.staff import accounts
from core.staff.access import ROLE_LABELS, SignedIn
from core.staff.entry_pages import new_password
from core.staff.passwords import hash_password
from core.staff.sessions import end_other_sessions, list_sessions
from core.staff.signing_in import proves_password
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

ACCOUNT = "/dashboard/account"


def _me(request: Request) -> SignedIn:
    assert request.person is not None, "the route asks for a permission"
    return request.person


def _page(request: Request, form: Form | None = None, *, status: int = 200) -> Response[str]:
    me = _me(request)
    with request.site.session() as session:
        sessions = list_sessions(session, me.id)
    return request.page(
        "staff/account.html",
        status=status,
        email=me.email,
        role_label=ROLE_LABELS[me.role],
        sessions=[{"session": one, "current": one.id == me.session_id} for one in sessions],
        values=form.values if form and "name" in form.values else {"name": me.name},
        errors=form.errors if form else {},
    )


@get(ACCOUNT, permission="staff.account")
def account_page(request: Request) -> Response[str]:
    """Name, password and sessions of the person who is signed in."""
    return _page(request)


@post(ACCOUNT, permission="staff.account")
def change_name(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Change the own name."""
    try:
        with request.site.begin() as session:
            accounts.change_account(session, _me(request).id, name=form.text("name"))
    except InvalidInput as error:
        form.fail(error)
        return _page(request, form, status=422)
    return request.redirect(ACCOUNT, "Your name was saved.")


@post(f"{ACCOUNT}/password", permission="staff.account")
def change_password(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Change the own password, with the old one; ends all other sessions."""
    me, site = _me(request), request.site
    with site.session() as session:
        names = accounts.names_around(session, me.email, me.name)
    password = new_password(form, names)
    if not form.errors:
        try:
            if not proves_password(site, me, form.values.get("current", "")):
                form.fail(InvalidInput("This is not your password.", field="current"))
        except TooManyAttempts as error:
            form.fail(InvalidInput(error.message, field="current", **error.values))
    if form.errors:
        return _page(request, form, status=422)
    password_hash = hash_password(password)
    with site.begin() as session:
        accounts.store_password(session, me.id, password_hash, keep_session=me.session_id)
    return request.redirect(ACCOUNT, "Your password was changed. All other browsers are signed out.")


@post(f"{ACCOUNT}/sessions", permission="staff.account")
def sign_out_elsewhere(request: Request) -> Redirect:
    """End all own sessions but this one."""
    me = _me(request)
    with request.site.begin() as session:
        end_other_sessions(session, me.id, me.session_id)
    return request.redirect(ACCOUNT, "All other browsers are signed out.")


ROUTES: list[HTTPRouteHandler] = [account_page, change_name, change_password, sign_out_elsewhere]
