"""The team: who has an account, with which role, switched on or off; for owners."""

from __future__ import annotations

from collections.abc import Callable

from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from core.contacts.addresses import parse_address
from core.errors import InvalidInput
from core.staff import accounts
from core.staff.access import ROLE_LABELS
from core.staff.entry_pages import new_password
from core.staff.passwords import hash_password
from core.staff.sessions import end_sessions
from core.values import Role
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

TEAM = "/dashboard/staff"


def roles(request: Request) -> list[dict[str, object]]:
    """The roles to choose from, each with the permissions it has; the owner has all."""
    language = request.language
    declared = request.site.contributions.permissions.values()

    def rights(role: Role) -> str:
        if role == "owner":
            return language.text("Everything")
        return ", ".join(language.text(one.label) for one in declared if role in one.roles)

    return [{"value": role, "label": language.text(label), "hint": rights(role)} for role, label in ROLE_LABELS.items()]


@get(TEAM, permission="staff.manage")
def team_page(request: Request) -> Response[str]:
    """Everybody with an account."""
    with request.site.session() as session:
        team = accounts.list_accounts(session)
    return request.page("staff/team.html", team=team, role_labels=ROLE_LABELS)


@get(f"{TEAM}/new", permission="staff.manage")
def new_account_page(request: Request) -> Response[str]:
    """The form for a new account."""
    return request.page("staff/new_account.html", roles=roles(request), values={"role": "assistant"}, errors={})


@post(f"{TEAM}/new", permission="staff.manage")
def add_account(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add an account with a first password, which its person changes later."""
    site = request.site
    email, name, role = form.text("email"), form.text("name"), form.text("role")
    with site.session() as session:
        names = accounts.names_around(session, email, name)
    checks: tuple[tuple[Callable[[str], object], str], ...] = (
        (parse_address, email),
        (accounts.parse_name, name),
        (accounts.parse_role, role),
    )
    for check, value in checks:
        try:
            check(value)
        except InvalidInput as error:
            form.fail(error)
    password = new_password(form, names)
    if not form.errors:
        password_hash = hash_password(password)
        try:
            with site.begin() as session:
                accounts.insert_account(session, email=email, name=name, role=role, password_hash=password_hash)
        except InvalidInput as error:
            form.fail(error)
    if form.errors:
        return request.page(
            "staff/new_account.html",
            status=422,
            roles=roles(request),
            values={"role": "", **form.values},
            errors=form.errors,
        )
    return request.redirect(TEAM, "%(name)s can sign in now.", name=accounts.parse_name(name))


def _account_page(request: Request, account_id: int, form: Form | None = None, *, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        account = accounts.get_account(session, account_id)
    values = {"name": account.name, "role": account.role}
    if form:
        values.update((name, form.values[name]) for name in values if name in form.values)
    return request.page(
        "staff/edit_account.html",
        status=status,
        account=account,
        is_self=request.person is not None and request.person.id == account.id,
        roles=roles(request),
        values=values,
        errors=form.errors if form else {},
    )


@get(f"{TEAM}/{{account_id:int}}", permission="staff.manage")
def edit_account_page(request: Request, account_id: FromPath[int]) -> Response[str]:
    """One account: name, role, password, sessions, on or off."""
    return _account_page(request, account_id)


@post(f"{TEAM}/{{account_id:int}}", permission="staff.manage")
def edit_account(request: Request, form: FormInput, account_id: FromPath[int]) -> Response[str] | Redirect:
    """Save name and role."""
    name = form.text("name")
    return _change(
        request,
        form,
        account_id,
        lambda session: accounts.change_account(session, account_id, name=name, role=form.text("role")),
        "%(name)s was saved.",
    )


@post(f"{TEAM}/{{account_id:int}}/password", permission="staff.manage")
def set_account_password(request: Request, form: FormInput, account_id: FromPath[int]) -> Response[str] | Redirect:
    """Give somebody else a new password, and end their sessions."""
    if request.person and request.person.id == account_id:
        # The own password is changed with the old one, on the own page.
        return request.redirect("/dashboard/account")
    with request.site.session() as session:
        account = accounts.get_account(session, account_id)
        names = accounts.names_around(session, account.email, account.name)
    password = new_password(form, names)
    if form.errors:
        return _account_page(request, account_id, form, status=422)
    password_hash = hash_password(password)
    return _change(
        request,
        form,
        account_id,
        lambda session: accounts.store_password(session, account_id, password_hash),
        "%(name)s has a new password and is signed out everywhere.",
    )


@post(f"{TEAM}/{{account_id:int}}/sessions", permission="staff.manage")
def end_account_sessions(request: Request, form: FormInput, account_id: FromPath[int]) -> Response[str] | Redirect:
    """Sign somebody out everywhere."""
    return _change(
        request,
        form,
        account_id,
        lambda session: end_sessions(session, account_id),
        "%(name)s is signed out everywhere.",
    )


@post(f"{TEAM}/{{account_id:int}}/disable", permission="staff.manage")
def disable_account(request: Request, form: FormInput, account_id: FromPath[int]) -> Response[str] | Redirect:
    """Switch an account off: its person is signed out and stays out."""
    return _change(
        request,
        form,
        account_id,
        lambda session: accounts.disable_account(session, account_id),
        "%(name)s can't sign in any more.",
    )


@post(f"{TEAM}/{{account_id:int}}/enable", permission="staff.manage")
def enable_account(request: Request, form: FormInput, account_id: FromPath[int]) -> Response[str] | Redirect:
    """Switch an account on again."""
    return _change(
        request,
        form,
        account_id,
        lambda session: accounts.enable_account(session, account_id),
        "%(name)s can sign in again.",
    )


def _change(
    request: Request, form: Form, account_id: int, change: Callable[[Session], None], done: str
) -> Response[str] | Redirect:
    """Change an account and go back to the team, or show its page again with what was wrong."""
    try:
        with request.site.begin() as session:
            change(session)
            # Read again: a name may just have been changed, and an unknown number is a 404.
            session.flush()
            label = accounts.get_account(session, account_id).label
    except InvalidInput as error:
        form.fail(error)
        return _account_page(request, account_id, form, status=422)
    return request.redirect(TEAM, done, name=label)


ROUTES: list[HTTPRouteHandler] = [
    team_page,
    new_account_page,
    add_account,
    edit_account_page,
    edit_account,
    set_account_password,
    end_account_sessions,
    disable_account,
    enable_account,
]
