"""Who may do what: THREATS T-Z1, T-Z3, T-Z6, T-Z7, T-A2. The routes are the app's own: a new one is tested
with it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import litestar
import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute
from sqlalchemy import update

from core import Permission, Request, hookimpl
from core import get as tresen_get
from core import post as tresen_post
from core.api.tokens import ApiToken, make_token
from core.contacts.models import now
from core.contributions import KINDS
from core.errors import PluginError
from core.plugins import discover, make_plugin
from core.site import Site
from core.staff.models import StaffAccount
from core.staff.sessions import session_cookie_name, start_session
from core.testing import count_queries, make_site
from core.web.application import make_litestar
from tests.core.staff.helpers import (
    Client,
    FreshDatabase,
    add,
    browser,
    open_test_site,
    post_sign_in,
    rows,
)

ROLES = (None, "assistant", "manager", "owner")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def plugin_of(**hooks: Callable[..., Any]) -> ModuleType:
    """A plugin in the making: hook name → function."""
    module = ModuleType("sample")
    module.__dict__.update({name: hookimpl(function) for name, function in hooks.items()})
    return module


@pytest.fixture
def full_site(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[Site]:
    """A site with every plugin that is installed."""
    plugins, refused = discover()
    assert refused == []

    def prepare(url: str) -> None:
        make_site(tmp_path / "template", *plugins, database_url=url).close()

    url = fresh_database("all plugins", prepare)
    site = make_site(tmp_path, *plugins, database_url=url)
    assert site.refused == ()
    yield site
    site.close()


def declared(site: Site) -> list[tuple[str, dict[str, HTTPRouteHandler]]]:
    """Every path of the app, made concrete, with its handler for each method."""
    app = make_litestar(site.contributions)
    found = []
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"{route} is no HTTP route: nothing checks it"
        handlers = {
            method: handler
            for handler in route.route_handlers
            for method in handler.http_methods
            if method != "OPTIONS"
        }
        found.append((concrete(route.path), handlers))
    return sorted(found, key=lambda pair: pair[0])


def concrete(path: str) -> str:
    """A path whose parameters name nothing that exists."""
    path = re.sub(r"\{\w+:int\}", "987654321", path)
    path = re.sub(r"\{\w+:path\}", "none.css", path)
    return re.sub(r"\{\w+(:\w+)?\}", "none", path)


def sign_in_as(site: Site, client: Client, role: str | None) -> None:
    """A new session, and a token of the API."""
    client.cookies.clear()
    client.headers.pop("authorization", None)
    if role is None:
        return
    with site.begin() as session:
        account = session.query(StaffAccount).filter_by(role=role).first()
        if account is None:
            account = StaffAccount(
                email=f"{role}@z.example", email_key=f"{role}@z.example", role=role, password_hash="!"
            )
            session.add(account)
            session.flush()
        token = start_session(session, account.id)
        client.headers["authorization"] = f"Bearer {make_token(session, account.id, 'test')}"
        # It writes down when it was first used, and would then differ from what was there before.
        session.execute(update(ApiToken).values(used_at=now()))
    client.cookies.set(session_cookie_name(site.settings.is_secure), token)


# Who may do what is decided before any database is asked: one role on the other kind shows that it is so there too.
@pytest.mark.parametrize(
    ("database_kind", "role"),
    [*(("sqlite", role) for role in ROLES), ("postgresql", "manager")],
    indirect=["database_kind"],
)
def test_t_z1_t_z3_every_route_and_method_is_for_whom_it_says(full_site: Site, role: str | None) -> None:
    site = full_site
    permissions = site.contributions.permissions
    with site.begin() as session:
        for one in ("owner", "manager", "assistant"):
            email = f"{one}@z.example"
            session.add(StaffAccount(email=email, email_key=email, role=one, password_hash="!"))
    wrong, is_signed_in = [], False
    with browser(site) as client:
        for path, handlers in declared(site):
            for method in METHODS:
                handler = handlers.get("GET" if method == "HEAD" else method)
                if not is_signed_in:
                    sign_in_as(site, client, role)
                with count_queries(site) as queries:
                    answer = client.request(method, path)
                # What changes something may end the session, or the token.
                is_signed_in = method in ("GET", "HEAD") or handler is None
                to_sign_in = answer.headers.get("location", "").startswith("/dashboard/sign-in?next=")
                place = f"{role} {method} {path}: {answer.status_code}"
                written = [one for one in queries.statements if not one.lstrip().startswith("SELECT")]
                if handler is not None and handler.opt.get("customer"):
                    # Nobody of the staff, nor anybody else, without the session of the customer whose page it is.
                    if answer.headers.get("location", "").partition("?")[0] != "/account" or written:
                        wrong.append(f"{place}, but it is the customer's")
                    continue
                if handler is None:
                    # A path may be another route's, with a parameter.
                    if answer.status_code not in (403, 404, 405) and not to_sign_in:
                        wrong.append(f"{place}, but nothing is declared")
                    continue
                permission = handler.opt["permission"]
                allowed = (
                    handler.opt["public"]
                    or role == "owner"
                    or (role is not None and role in permissions[permission].roles)
                )
                if answer.status_code >= 500 and answer.status_code != 503:
                    wrong.append(f"{place}, an error")
                elif allowed and (answer.status_code == 403 or to_sign_in):
                    wrong.append(f"{place}, but it is allowed")
                elif not allowed:
                    refused = answer.status_code == 401 if path.startswith("/api/") else to_sign_in
                    if not (refused if role is None else answer.status_code == 403):
                        wrong.append(f"{place}, but it needs {permission}")
                    if written:
                        wrong.append(f"{place}, and it changed the database: {written[0][:80]}")
    assert wrong == []


def test_t_z1_no_dashboard_page_is_public_but_the_ways_in_and_out(full_site: Site) -> None:
    public = [
        path
        for path, handlers in declared(full_site)
        if path.startswith("/dashboard") and any(handler.opt["public"] for handler in handlers.values())
    ]
    assert public == ["/dashboard/set-up", "/dashboard/sign-in", "/dashboard/sign-out"]


def test_t_z1_an_undeclared_route_fails_the_start() -> None:
    @litestar.get("/open", sync_to_thread=True)
    def open_to_all() -> str:
        return "everything"

    class Contributed:
        routers = (("sample", open_to_all),)

    with pytest.raises(PluginError, match=r"GET /open"):
        make_litestar(Contributed())  # type: ignore[arg-type]


def _raw(**options: Any) -> HTTPRouteHandler:
    @litestar.get("/dashboard/raw", sync_to_thread=True, **options)
    def raw() -> str:
        return "secret"

    return raw


def _raw_socket() -> Any:
    @litestar.websocket("/dashboard/raw")
    async def raw(socket: litestar.WebSocket[Any, Any, Any]) -> None:
        await socket.accept()

    return raw


def _raw_mount() -> Any:
    @litestar.asgi("/dashboard/raw", is_mount=True, copy_scope=False)
    async def raw(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    return raw


@pytest.mark.parametrize(
    "route",
    [
        lambda: _raw(),
        lambda: _raw(opt={"permission": None}),
        lambda: _raw(opt={"permission": None, "public": False}),
        lambda: _raw(opt={"permission": ""}),
        lambda: _raw(opt={"public": "no"}),
        lambda: _raw(opt={"permission": "sample.use", "public": True}),
        lambda: _raw(opt={"permission": "sample.use", "from_anywhere": True}),
        lambda: _raw(opt={"permission": "sample.nobody_declares_it"}),
        _raw_socket,
        _raw_mount,
        lambda: litestar.Router("/dashboard/raw", route_handlers=[]),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_t_z7_a_plugin_with_an_undeclared_route_is_refused_and_named(
    fresh_database: FreshDatabase, tmp_path: Path, route: Callable[[], Any]
) -> None:
    module = plugin_of(
        routers=lambda: [route()],
        permissions=lambda: [Permission(key="sample.use", label="Use it")],
    )
    site = open_test_site(fresh_database, tmp_path, make_plugin(module, "sample"))
    [refusal] = site.refused
    assert refusal.plugin == "sample"
    assert "plugin 'sample'" in refusal.message.replace("Plugin", "plugin")
    assert "sample" not in site.enabled
    with browser(site) as client:
        add(site)
        post_sign_in(client)
        assert client.get("/dashboard/raw").status_code == 404
        assert client.get("/dashboard/account").status_code == 200
    site.close()


def test_t_z7_declarations_are_checked_when_a_route_is_made() -> None:
    for make in (tresen_get, tresen_post):
        for options in ({}, {"permission": "a.b", "public": True}):
            with pytest.raises(ValueError, match="permission="):
                make("/x", **options)
    with pytest.raises(ValueError, match="from anywhere"):
        tresen_post("/x", permission="a.b", from_anywhere=True)
    assert KINDS["routers"] is HTTPRouteHandler


def test_t_a2_a_slow_request_across_a_sign_out_brings_no_session_back(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    started, may_end = threading.Event(), threading.Event()

    @tresen_get("/dashboard/slow", permission="sample.use")
    def slow(request: Request) -> Response[str]:
        started.set()
        assert may_end.wait(20)
        return request.page("frame/error.html", code=1, error_title="T", error_text="T", ways_out=[])

    module = plugin_of(
        routers=lambda: [slow],
        permissions=lambda: [Permission(key="sample.use", label="Use it", roles=("assistant",))],
    )
    site = open_test_site(fresh_database, tmp_path, make_plugin(module, "sample"))
    add(site, "assistant")
    with browser(site) as client, browser(site) as same:
        post_sign_in(client, "assistant@staff.example")
        token = client.cookies["tresen_session"]
        same.cookies.set("tresen_session", token)
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(same.get("/dashboard/slow")))
        thread.start()
        assert started.wait(20)
        assert client.post("/dashboard/sign-out").status_code == 303
        before = rows(site)
        may_end.set()
        thread.join(20)

        [answer] = answers
        assert answer.status_code == 200
        assert "tresen_session" not in answer.headers.get("set-cookie", "")
        assert rows(site) == before
        assert same.get("/dashboard/account").headers["location"].startswith("/dashboard/sign-in")
    site.close()


def test_h7_signing_out_ends_the_session_and_forgets_the_cookie(site: Site, client: Client) -> None:
    add(site)
    post_sign_in(client)
    token = client.cookies["tresen_session"]
    assert client.get("/dashboard/sign-out").status_code == 405
    answer = client.post("/dashboard/sign-out")
    assert answer.headers["location"] == "/dashboard/sign-in"
    assert "tresen_session" not in client.cookies
    assert "Sie sind abgemeldet." in client.get("/dashboard/sign-in").text
    client.cookies.set("tresen_session", token)
    assert client.get("/dashboard/account").status_code == 303
    # A second time, and by nobody, it does no harm.
    assert client.post("/dashboard/sign-out").headers["location"] == "/dashboard/sign-in"
