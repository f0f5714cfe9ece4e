"""The sign-up form: confirmed by mail, the same answer for all, and no way to flood an address (K2, T-P1, T-P2)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select

import plugins.consent.plugin as consent
from core import Site
from core.contacts.models import Contact, ContactActivity
from core.messages.models import Message
from core.testing import sign_in
from core.web.application import Application, create_app
from plugins.consent import signup
from plugins.consent.changing import state_of
from plugins.consent.models import ConsentEvent
from tests.core.messages.mail_support import mail_site
from tests.plugins.consent.test_sending import bring_to

POSTS = int(os.environ.get("TRESEN_EXAMPLES", "30"))
Client = TestClient[Application]


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = mail_site(tmp_path, database_url, "", consent, trusted_proxies="127.0.0.0/8")
    yield site
    site.close()


class BehindAProxy:
    """The site as it answers a proxy: the client of the tests has no address of its own."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app({**scope, "client": ("127.0.0.1", 1)}, receive, send)


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    app: Any = BehindAProxy(create_app(site))
    with TestClient(app, base_url=site.settings.base_url) as client:
        client.headers["accept-language"] = "de"
        client.follow_redirects = False
        yield client


def token(site: Site) -> str:
    """The token of a page that was shown an hour ago."""
    shown = signup._boxes(site, "de", "")
    return signup._page_token(site, shown, datetime.fromtimestamp(datetime.now(UTC).timestamp() - 3600, UTC))


def post(client: Client, site: Site, path: str = "/newsletter", address: str = "192.0.2.1", **values: str) -> int:
    form = {"email": "anna@example.org", "consent.marketing": "1", "token": token(site), **values}
    form = {name: value for name, value in form.items() if value}
    return client.post(path, data=form, headers={"x-forwarded-for": address}).status_code


def count(site: Site, model: type) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_k2_who_signs_up_has_to_confirm_by_the_link(site: Site, client: Client) -> None:
    page = client.get("/newsletter").text
    assert "checked" not in page
    assert 'name="consent.system"' not in page, "only advertising is signed up for"
    assert client.get("/newsletter?only=marketing").status_code == 200
    assert "frame-ancestors *" in client.get("/newsletter/embed").headers["content-security-policy"]
    assert "frame-ancestors *" not in client.get("/newsletter").headers["content-security-policy"]

    assert post(client, site, "/newsletter/embed") == 303
    with site.session() as session:
        (contact,) = session.scalars(select(Contact))
        (mail,) = session.scalars(select(Message))
        (event,) = session.scalars(select(ConsentEvent))
        assert state_of(session, contact.id, "marketing") == "pending"
        kinds = session.scalars(select(ContactActivity.kind)).all()
    assert (contact.email, contact.name, contact.language) == ("anna@example.org", "", "de")
    assert "consent.signed_up" in kinds
    assert (event.form, event.page) == ("consent.signup", "https://crm.example.org/newsletter/embed")
    assert event.wording
    link = re.search(r"https://crm.example.org(/consent/confirm/\S+)", mail.text)
    assert link
    client.get(link[1])
    with site.session() as session:
        assert state_of(session, contact.id, "marketing") == "pending"
    client.post(link[1])
    with site.session() as session:
        assert state_of(session, contact.id, "marketing") == "subscribed"

    # The same answer for one who is subscribed, and nothing is sent or changed.
    assert post(client, site) == 303
    assert (count(site, Message), count(site, ConsentEvent), count(site, Contact)) == (1, 2, 1)
    bring_to(site, contact.id, "marketing", "unsubscribed")
    assert post(client, site, email="ANNA@example.org") == 303, "only the person can begin again"
    with site.session() as session:
        assert state_of(session, contact.id, "marketing") == "pending"
    assert count(site, Message) == 2


def test_t_p1_programs_and_mistakes_change_nothing(site: Site, client: Client) -> None:
    fresh = signup._page_token(site, signup._boxes(site, "de", ""), datetime.now(UTC))
    assert post(client, site, website="https://spam.example") == 303, "it looks like success"
    for wrong in (
        {"consent.marketing": ""},
        {"email": "nobody"},
        {"email": ""},
        {"token": "forged"},
        {"token": fresh},
        {"token": signup._page_token(site, [], datetime(2026, 1, 1, tzinfo=UTC))},
    ):
        assert post(client, site, **wrong) == 422, wrong
    answer = client.post("/newsletter", data={"email": "a@example.org"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (count(site, Contact), count(site, Message), count(site, ConsentEvent)) == (0, 0, 0)
    codes = [post(client, site, email=f"p{one}@example.org") for one in range(signup.PER_HOUR + 1)]
    assert codes == [303] * (signup.PER_HOUR - 1) + [429] * 2, "the refused ones above counted, too"


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_t_p1_who_mends_a_mistake_may_be_quick(site: Site, client: Client) -> None:
    fresh = signup._page_token(site, signup._boxes(site, "de", ""), datetime.now(UTC))
    for mistake in ({"email": "anna@"}, {}, {"token": "of another day"}):
        form = {"email": "anna@example.org", "consent.marketing": "1", "token": fresh, **mistake}
        again = client.post("/newsletter", data=form, headers={"x-forwarded-for": "192.0.2.9"})
        assert again.status_code == 422
        shown = re.search(r'name="token" value="([^"]+)"', again.text)
        assert shown
        assert post(client, site, token=shown[1], address="192.0.2.9") == 303
    assert count(site, Contact) == 1


def test_t_p2_many_posts_for_one_address_from_many_networks_send_no_more_mails_than_the_cap(
    site: Site, client: Client
) -> None:
    for one in range(POSTS):
        assert post(client, site, address=f"198.51.{one // 250}.{one % 250 + 1}") == 303
    assert count(site, Message) == 3
    assert count(site, Contact) == 1
    assert count(site, ConsentEvent) == 3
    assert count(site, ContactActivity) <= 5


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_k2_staff_copy_the_code_of_the_form(site: Site, client: Client) -> None:
    sign_in(site, client, "manager")
    page = client.get("/dashboard/consent/signup?only=marketing").text
    assert "&lt;iframe src=&#34;https://crm.example.org/newsletter/embed?only=marketing&#34;" in page
