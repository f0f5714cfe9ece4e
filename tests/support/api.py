"""Programs that call the REST API: a client with the token of an account made for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from litestar.testing import TestClient

from core.api.tokens import make_token
from core.site import Site
from core.staff.models import StaffAccount
from core.testing import make_client
from core.values import Role
from core.web.application import Application

Client = TestClient[Application]
API = "/api/v1"


@contextmanager
def program(site: Site, role: Role = "owner") -> Iterator[Client]:
    """A client in English with a token, which follows no redirects."""
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        client.follow_redirects = False
        use_token(site, client, role)
        yield client


def use_token(site: Site, client: Client, role: Role = "owner") -> str:
    """Let the client carry a token of a new account with this role; answers the token."""
    email = f"{role}@api.example.org"
    with site.begin() as session:
        account = StaffAccount(email=email, email_key=email, name="Prog", role=role, password_hash="!")
        session.add(account)
        session.flush()
        token = make_token(session, account.id, "test")
    client.headers["authorization"] = f"Bearer {token}"
    return token
