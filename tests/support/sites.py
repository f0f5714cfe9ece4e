"""Sites for tests that go through the real server or a browser: accounts, and polling without sleeping blindly."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page

from core.settings import Settings
from core.site import Site, open_site
from core.staff.models import StaffAccount
from core.staff.sessions import session_cookie_name, start_session
from core.values import Role


def open_same_site(database_url: str, data_dir: Path, plugins: str = "") -> Site:
    """The site of a running server, opened in this process too, to look into its database."""
    return open_site(Settings(database_url=database_url, data_dir=data_dir, plugins=plugins))


def signed_in(site: Site, url: str, role: Role = "owner") -> httpx.Client:
    """An HTTP client of a running server, signed in as a new account with this role."""
    email = f"{role}-{time.monotonic_ns()}@staff.example.org"
    with site.begin() as session:
        account = StaffAccount(email=email, email_key=email, name=role.title(), role=role, password_hash="!")
        session.add(account)
        session.flush()
        token = start_session(session, account.id)
    return httpx.Client(
        base_url=url,
        cookies={session_cookie_name(False): token},
        headers={"accept-language": "de"},
        follow_redirects=True,
        timeout=30,
    )


def within(seconds: float, condition: Callable[[], bool]) -> float:
    """Ask again and again until `condition` holds; answers the seconds it took. Fails when it took longer."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"It did not happen within {seconds} seconds.")
        time.sleep(0.05)
    return time.monotonic() - start


def sign_in_page(site: Site, page: Page, url: str, role: Role = "owner") -> None:
    """Sign a browser page in as a new account with this role, without going through the sign-in page."""
    with signed_in(site, url, role) as client:
        for cookie in client.cookies.jar:
            page.context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": url}])
