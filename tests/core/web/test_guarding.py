"""Headers, cookies, origins and everything malformed: THREATS T-X1, T-X6; DESIGN sections 6 and 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.response import Response
from sqlalchemy.exc import OperationalError

from core import FormInput, Permission, Request
from core import get as tresen_get
from core import post as tresen_post
from core.plugins import discover, make_plugin
from core.site import Site
from core.testing import make_site
from core.web.addresses import client_address, network_of
from core.web.guarding import is_same_origin
from tests.core.staff.helpers import (
    OWNER,
    PASSWORD,
    Client,
    FreshDatabase,
    add,
    browser,
    open_test_site,
    post_sign_in,
    rows,
)
from tests.core.web.test_access import declared, plugin_of, sign_in_as

ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8000.evil.example"},
    {"Origin": "http://127.0.0.1:8001"},
    {"Origin": "http://[::1"},
    # DNS rebinding: a stranger's name leads here, and everything agrees on it.
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example:8000", "Host": "evil.example:8000"},
    {"Origin": "http://evil.example", "Host": "evil.example"},
]

BODIES: list[dict[str, Any]] = [
    {"data": {"name": "Mallory", "role": "owner", "email": "m@evil.example", "password": PASSWORD}},
    {"content": "name=Mallory&role=owner", "headers": {"Content-Type": "text/plain"}},
    {"json": {"name": "Mallory", "role": "owner", "email": "m@evil.example", "password": PASSWORD}},
    {"files": {"name": ("x", b"Mallory")}},
]


@pytest.mark.parametrize("body", BODIES, ids=["form", "text", "json", "multipart"])
def test_t_x1_a_post_from_elsewhere_changes_nothing(site: Site, client: Client, body: dict[str, Any]) -> None:
    account = add(site)
    other = add(site, "assistant")
    post_sign_in(client)
    before = rows(site)
    for headers in FOREIGN:
        for path in (
            "/dashboard/staff/new",
            f"/dashboard/staff/{account}",
            f"/dashboard/staff/{other}/disable",
            "/dashboard/sign-out",
            "/dashboard/sign-in",
            "/dashboard/account/password",
        ):
            answer = client.post(path, **{**body, "headers": {**body.get("headers", {}), **headers}})
            assert answer.status_code == 403, (headers, path)
            assert "http://127.0.0.1:8000" in answer.text
            assert "set-cookie" not in answer.headers
    assert rows(site) == before
    assert client.get("/dashboard/account").status_code == 200


def test_t_x1_a_new_site_is_not_set_up_from_elsewhere(site: Site, client: Client) -> None:
    data = {"name": "Mallory", "email": "m@evil.example", "password": PASSWORD}
    before = rows(site)
    for headers in FOREIGN:
        assert client.post("/dashboard/set-up", data=data, headers=headers).status_code == 403, headers
    assert rows(site) == before
    assert client.post("/dashboard/set-up", data=data).status_code == 303


@pytest.mark.parametrize(
    ("headers", "base_url", "same"),
    [
        ({}, "http://127.0.0.1:8000", True),
        ({"sec-fetch-site": "same-origin"}, "https://shop.example", True),
        ({"sec-fetch-site": "none"}, "https://shop.example", True),
        ({"sec-fetch-site": "same-origin", "origin": "https://shop.example"}, "https://shop.example", True),
        ({"origin": "https://shop.example"}, "https://Shop.example:443", True),
        ({"origin": "http://shop.example"}, "https://shop.example", False),
        # Behind a proxy, Host is the proxy's affair.
        ({"origin": "https://shop.example", "host": "127.0.0.1:8000"}, "https://shop.example", True),
        # Opened by the address of the machine, which no stranger's page can have.
        ({"origin": "http://192.168.1.5:8000", "host": "192.168.1.5:8000"}, "http://127.0.0.1:8000", True),
        ({"origin": "http://[::1]:8000", "host": "[::1]:8000"}, "http://127.0.0.1:8000", True),
        ({"origin": "http://localhost:8000", "host": "localhost:8000"}, "http://127.0.0.1:8000", True),
        ({"origin": "http://192.168.1.6:8000", "host": "192.168.1.5:8000"}, "http://127.0.0.1:8000", False),
        ({"origin": "http://tresen.local:8000", "host": "tresen.local:8000"}, "http://127.0.0.1:8000", False),
        (
            {"origin": "http://tresen.local:8000", "host": "tresen.local:8000"},
            "http://tresen.local:8000",
            True,
        ),
    ],
)
def test_t_x1_what_counts_as_this_site(headers: dict[str, str], base_url: str, same: bool) -> None:
    scope: Any = {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    assert is_same_origin(scope, base_url) is same


@pytest.fixture(params=["http", "https"])
def full_site(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Site]:
    plugins, _ = discover()
    base_url = {"http": "http://127.0.0.1:8000", "https": "https://tresen.example"}[request.param]
    site = make_site(tmp_path, *plugins, database_url=database_url, base_url=base_url)
    yield site
    site.close()


def check_headers(answer: Any, *, secure: bool) -> None:
    place = f"{answer.request.method} {answer.request.url}"
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy, place
    assert "unsafe-eval" not in policy, place
    assert "frame-ancestors" in policy, place
    assert re.search(r"(script|default)-src '(self|none)'", policy), place
    assert answer.headers["x-content-type-options"] == "nosniff", place
    assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer"), place
    assert ("strict-transport-security" in answer.headers) is secure, place
    path = answer.request.url.path
    if path.startswith("/dashboard") or answer.status_code >= 400:
        assert "no-store" in answer.headers["cache-control"], place
    for cookie in answer.headers.get_list("set-cookie"):
        name, _, rest = cookie.partition("=")
        flags = {part.strip().lower() for part in rest.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags, (place, cookie)
        assert ("secure" in flags) is secure, (place, cookie)
        assert name.startswith("__Host-") is secure, (place, cookie)
        assert not any(flag.startswith("domain") for flag in flags), (place, cookie)


@ONE_DATABASE
@pytest.mark.parametrize("role", [None, "owner"])
def test_t_x6_every_answer_has_the_headers_and_every_cookie_the_flags(full_site: Site, role: str | None) -> None:
    secure = full_site.settings.is_secure
    with browser(full_site) as client:
        for path, handlers in declared(full_site):
            # A POST may have ended the session.
            sign_in_as(full_site, client, role)
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                answer = client.request(method, path)
                check_headers(answer, secure=secure)
                if method == "GET" and "GET" in handlers and not handlers["GET"].opt["public"]:
                    assert answer.headers["cache-control"] == "no-store"
        for path in ("/nowhere", "/dashboard/nowhere", "/static/x/y", "/%00"):
            check_headers(client.get(path), secure=secure)


@ONE_DATABASE
def test_t_x6_the_cookies_of_signing_in_and_out(full_site: Site) -> None:
    site = full_site
    secure = site.settings.is_secure
    prefix = "__Host-" if secure else ""
    session_cookie = "__Host-tresen" if secure else "tresen_session"
    with browser(site) as client:
        data = {"name": "Ada", "email": OWNER, "password": PASSWORD}
        for answer, cookies in (
            (client.post("/dashboard/set-up", data=data), {session_cookie, f"{prefix}tresen_known"}),
            (client.post("/dashboard/account", data={"name": "Ada L."}), {f"{prefix}tresen_toast"}),
            (client.get("/dashboard/account"), {f"{prefix}tresen_toast"}),
            (client.get("/language?code=en"), {f"{prefix}tresen_language"}),
            (client.post("/theme", data={"theme": "dark"}), {f"{prefix}tresen_theme"}),
            (client.post("/dashboard/sign-out"), {session_cookie, f"{prefix}tresen_toast"}),
            (post_sign_in(client), {session_cookie, f"{prefix}tresen_known"}),
        ):
            check_headers(answer, secure=secure)
            names = {cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie")}
            assert names == cookies, answer.request.url
        # The message is shown once, the language and the theme stay.
        page = client.get("/dashboard/account")
        assert "You are signed out." in client.get("/").text or "tresen_toast" not in str(client.cookies)
        assert 'lang="en"' in page.text
        assert 'data-theme="dark"' in page.text


def test_a_head_request_is_answered_as_a_get_without_its_body(site: Site, client: Client) -> None:
    add(site)
    post_sign_in(client)
    for path in ("/dashboard/account", "/dashboard/sign-in", "/healthz", "/nowhere", "/dashboard/staff/999"):
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code, path
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.content == b""


MALFORMED = [
    ("GET", "/dashboard/staff/%00", {}),
    ("GET", "/dashboard/staff/99999999999999999999999999", {}),
    ("GET", "/dashboard/staff/9223372036854775808", {}),
    ("GET", "/dashboard/staff/1e3", {}),
    ("GET", "/dashboard/staff/" + "9" * 5000, {}),
    ("GET", "/dashboard/account?a=%00", {}),
    ("GET", "/dashboard/account?%00=1", {}),
    ("GET", "/dashboard/account?a=%ff%fe&a[]=%ED%A0%80&&=;", {}),
    ("GET", "/%ff%fe/%ED%A0%80", {}),
    ("GET", "/static/x/%00.css", {}),
    ("GET", "/static/x/..%2f..%2fsettings.py", {}),
    ("GET", "/static/x/" + "a" * 4000 + ".css", {}),
    ("GET", "/dashboard/account", {"headers": {"Accept-Language": "de;q=nan,\x00;q=,;;;q=1" + ",a" * 2000}}),
    ("GET", "/dashboard/account", {"headers": {"X-Forwarded-For": "nonsense,,::::"}}),
    ("POST", "/dashboard/sign-in", {"content": b"email=%00%ff&password=%ED%A0%80\xff\xfe", "form": True}),
    ("POST", "/dashboard/sign-in", {"content": b"&&=&==&email&email=a&email=b", "form": True}),
    ("POST", "/dashboard/sign-in", {"content": b"a&" * 8000, "form": True}),
    ("POST", "/dashboard/sign-in", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
    (
        "POST",
        "/dashboard/sign-in",
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    ),
    (
        "POST",
        "/dashboard/sign-in",
        {
            "content": b"--b\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
    ),
    ("POST", "/dashboard/sign-in", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    (
        "POST",
        "/dashboard/sign-in",
        {"content": b"\xff", "headers": {"Content-Type": "\xff/\xfe; charset=nonsense"}},
    ),
    ("POST", "/dashboard/staff/999", {"content": b"name=%00&role=%00", "form": True}),
    ("PUT", "/dashboard/account", {}),
    ("DELETE", "/dashboard/staff/1", {}),
]


@pytest.mark.parametrize(("method", "path", "options"), MALFORMED)
def test_t_z6_what_is_malformed_gets_a_page_of_4xx_and_never_an_error(
    site: Site, client: Client, method: str, path: str, options: dict[str, Any]
) -> None:
    add(site)
    post_sign_in(client)
    options = dict(options)
    if options.pop("form", False):
        options["headers"] = {"Content-Type": "application/x-www-form-urlencoded"}
    headers = {name.encode(): value.encode("latin-1") for name, value in options.pop("headers", {}).items()}
    before = rows(site, without=("staff_sign_in_attempts",))
    answer = client.request(method, path, headers=headers, **options)
    assert answer.status_code in (200, 400, 404, 405, 422), answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert rows(site, without=("staff_sign_in_attempts",)) == before


@ONE_DATABASE
def test_a_method_that_a_path_does_not_have_names_those_it_has(client: Client) -> None:
    answer = client.put("/dashboard/sign-in")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}


@ONE_DATABASE
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_gets_a_page(site: Site, client: Client, announced: bool) -> None:
    add(site)
    body = b"email=" + b"a" * 30_000
    content: Any = body if announced else iter([body[:15_000], body[15_000:]])
    answer = client.post(
        "/dashboard/sign-in", content=content, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
    assert "Das ist zu groß" in answer.text


@ONE_DATABASE
@pytest.mark.parametrize(
    ("accept", "title"),
    [
        ("de", "Hier ist nichts"),
        ("en", "There is nothing here"),
        ("fr, en;q=0.5", "There is nothing here"),
        ("", "Hier"),
    ],
)
def test_h8_error_pages_speak_the_person_s_language(client: Client, accept: str, title: str) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": accept})
    assert answer.status_code == 404
    assert title in answer.text
    assert f'lang="{answer.text.split("lang=", 1)[1][1:3]}"' in answer.text


@ONE_DATABASE
def test_an_error_tells_a_reference_and_nothing_of_the_inside(
    fresh_database: FreshDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @tresen_get("/broken", public=True)
    def broken(request: Request) -> Response[str]:
        raise RuntimeError("the secret of the inside")

    @tresen_get("/away", public=True)
    def away(request: Request) -> Response[str]:
        raise OperationalError("SELECT secret", {}, Exception("database is locked"))

    @tresen_get("/bad-template", public=True)
    def bad_template(request: Request) -> Response[str]:
        return request.page("no/such.html")

    module = plugin_of(routers=lambda: [broken, away, bad_template])
    site = open_test_site(fresh_database, tmp_path, make_plugin(module, "sample"))
    with browser(site) as client:
        answer = client.get("/broken")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        [reference] = re.findall(r"error-code\">[^<]* ([0-9a-f]{8})<", answer.text)
        assert reference in caplog.text
        assert "the secret of the inside" in caplog.text
        check_headers(answer, secure=False)

        answer = client.get("/away")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "secret" not in answer.text
        assert client.get("/bad-template").status_code == 500
    site.close()


@ONE_DATABASE
def test_t_z4_fields_that_a_form_does_not_have_are_ignored(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    seen: dict[str, str] = {}

    @tresen_post("/dashboard/sample", permission="sample.use")
    def take(request: Request, form: FormInput) -> Response[str]:
        seen.update(form.values)
        return request.page("frame/error.html", code=1, error_title="T", error_text="T", ways_out=[])

    module = plugin_of(routers=lambda: [take], permissions=lambda: [Permission(key="sample.use", label="Use it")])
    site = open_test_site(fresh_database, tmp_path, make_plugin(module, "sample"))
    assistant = add(site, "assistant")
    with browser(site) as client:
        post_sign_in(client, "assistant@staff.example")
        data = {"name": "Ada", "role": "owner", "id": "1", "email": "x@evil.example", "password_hash": "x"}
        assert client.post("/dashboard/account", data=data).status_code == 303
        # The role has no permission of the plugin: refused before the form is read.
        assert client.post("/dashboard/sample", data=data).status_code == 403
    assert seen == {}
    stored = rows(site)["staff_accounts"]
    assert [(row[0], row[1], row[4]) for row in stored] == [(assistant, "assistant@staff.example", "assistant")]
    site.close()


@pytest.mark.parametrize(
    ("client", "forwarded", "proxies", "address"),
    [
        ("203.0.113.9", [], (), "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], (), "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.2", ["198.51.100.1"], ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6, 198.51.100.1"], ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6", "198.51.100.1, 10.0.0.3"], ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", ["nonsense"], ("10.0.0.0/8",), "10.0.0.2"),
        ("10.0.0.2", [], ("10.0.0.0/8",), "10.0.0.2"),
        ("::ffff:10.0.0.2", ["2001:db8:0:0::1"], ("10.0.0.0/8",), "2001:db8::1"),
        ("testclient", ["198.51.100.1"], ("10.0.0.0/8",), "testclient"),
        (None, ["198.51.100.1"], (), ""),
    ],
)
def test_t_a6_only_named_proxies_are_believed(
    client: str | None, forwarded: list[str], proxies: tuple[str, ...], address: str
) -> None:
    scope: Any = {
        "client": (client, 1) if client else None,
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }
    assert client_address(scope, proxies) == address


def test_t_a6_a_network_is_an_ipv4_address_or_a_customer_s_ipv6() -> None:
    assert network_of("203.0.113.9") == "203.0.113.9"
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("testclient") == "testclient"
