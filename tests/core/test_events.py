"""Every decision and event of the contract arrives at a plugin, from what people do in the browser (DESIGN 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

import tests.sample_plugin.plugin as sample
from core import (
    Activity,
    Capture,
    CaptureRejected,
    Contact,
    Details,
    Site,
    capture_contact,
    check_public_fields,
    get,
    post,
    public_fields,
    receive_message,
    submit_public_form,
)
from core.messages.models import Message
from core.testing import make_client, make_site, run_due_jobs, sign_in
from core.web.application import Application
from core.web.requests import FormInput, Request
from tests.core.test_hooks import TOLD
from tests.sample_plugin.models import Heard
from tests.support.plugins import plugin_module


@get("/guestbook", public=True)
def show_guestbook(request: Request) -> str:
    return "\n".join(field.wording for field in public_fields(request, "guestbook.entry"))


@post("/guestbook", public=True)
def sign_guestbook(request: Request, form: FormInput) -> str:
    """A public form as a plugin would write it: its boxes, its capture, its message."""
    fields = public_fields(request, "guestbook.entry")
    check_public_fields(fields, form)
    moment = datetime.now(UTC)
    with request.site.begin() as session:
        captured = capture_contact(
            session,
            request.site,
            Capture(
                email=form.text("email"),
                module="guestbook",
                activity=Activity(kind="guestbook.signed"),
                details=Details(city=form.text("city")),
                makes_customer=form.ticked("buys"),
                occurred_at=moment,
            ),
        )
        receive_message(
            session,
            request.site,
            contact_id=captured.contact_id,
            text=form.text("message"),
            module="guestbook",
            occurred_at=moment,
        )
        submit_public_form(
            session,
            request,
            form,
            "guestbook.entry",
            fields,
            contact_id=captured.contact_id,
            email=form.text("email"),
            occurred_at=moment,
        )
    return "thanks"


@contextmanager
def opened(tmp_path: Path, database_url: str) -> Iterator[tuple[Site, TestClient[Application]]]:
    guestbook = plugin_module("guestbook", routers=lambda: [show_guestbook, sign_guestbook])
    site = make_site(tmp_path, sample, guestbook, database_url=database_url)
    with make_client(site) as client:
        sign_in(site, client)
        yield site, client
    site.close()


def heard(site: Site) -> list[tuple[str, str]]:
    with site.session() as session:
        return [(row.hook, row.detail) for row in session.scalars(select(Heard).order_by(Heard.id))]


def test_every_decision_and_event_arrives(tmp_path: Path, database_url: str) -> None:
    with opened(tmp_path, database_url) as (site, client):
        entry = {"email": "anna@example.org", "city": "Bad City", "message": "Hello", "sample_plugin.join": "1"}
        assert client.post("/guestbook", data=entry).text == "thanks"
        assert client.post("/guestbook", data={**entry, "city": "Bonn", "buys": "1"}).text == "thanks"
        with site.begin() as session:
            # One of which nobody knows; what really sends is tested with the mail server.
            session.add(Message(contact_id=1, direction="out", text="Hello", state="unknown", purpose="personal"))
        assert client.post("/dashboard/messages/3/sent").status_code == 200
        people = {"file": ("people.csv", b"email\nb@example.org\nc@example.org\n")}
        imported = client.post("/dashboard/contacts/import", files=people, data={"policy": "fill"})
        assert client.post(f"{imported.url}/run").status_code == 200
        run_due_jobs(site)
        assert client.post("/dashboard/contacts/1/deactivate").status_code == 200
        assert client.post("/dashboard/modules/guestbook/off").status_code == 200
        assert client.post("/dashboard/modules/guestbook/on").status_code == 200

        told = heard(site)
        with site.session() as session:
            contact = session.scalars(select(Contact).where(Contact.id == 1)).one()

    assert {hook for hook, _ in told} | {"screen_capture"} == TOLD | {"public_form_submitted"}
    assert told[:4] == [
        ("contact_created", ""),
        ("contact_captured", "guestbook.signed"),
        ("message_received", "1"),
        ("public_form_submitted", "guestbook.entry ['sample_plugin.join']"),
    ]
    # Those who are told of many together are not told of each.
    assert [one for one in told if one[0].endswith("_created")] == [
        ("contact_created", ""), ("contacts_created", "2"), ("contacts_created", "2")
    ]  # fmt: skip
    assert ("contact_updated", "city") in told
    assert ("stage_changed", "lead customer") in told
    assert ("plugin_disabled", "guestbook") in told
    assert ("plugin_enabled", "guestbook") in told
    assert contact.city == "Bonn"


def test_screen_capture_changes_and_rejects(tmp_path: Path, database_url: str) -> None:
    with opened(tmp_path, database_url) as (site, client):
        client.post("/guestbook", data={"email": "anna@example.org", "city": "Bad City", "message": "Hello"})
        refused = client.post(
            "/guestbook",
            data={"email": "eve@blocked.example.org", "message": "Hello"},
            headers={"accept-language": "en"},
        )
        with site.session() as session:
            cities = {row.email: row.city for row in session.scalars(select(Contact))}

    assert refused.status_code == 422
    assert "This address can&#39;t be used here." in refused.text
    assert cities == {"anna@example.org": "Good City"}


def test_a_rejection_reaches_the_caller_with_the_reason(tmp_path: Path, database_url: str) -> None:
    with opened(tmp_path, database_url) as (site, _client):
        capture = Capture(
            email="eve@blocked.example.org", module="guestbook", activity=Activity(kind="guestbook.signed")
        )
        with pytest.raises(CaptureRejected, match="This address can't be used here"), site.begin() as session:
            capture_contact(session, site, capture)
        assert heard(site) == []
