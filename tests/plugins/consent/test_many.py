"""Consents of many contacts at once: the same rules and evidence as one by one (FEATURES K3)."""

from __future__ import annotations

from typing import Any

from litestar.testing import TestClient
from sqlalchemy import select

from core import Site
from core.contacts.models import ContactActivity
from core.testing import sign_in
from plugins.consent.models import ConsentEvent, ConsentState
from tests.plugins.consent.conftest import add_contact, tick

PROOF = {"to": "subscribed", "source": "paper", "basis": "Karte am Tresen, Ordner 3"}


def states(site: Site) -> dict[int, str]:
    with site.session() as session:
        found = session.execute(
            select(ConsentState.contact_id, ConsentState.state).where(ConsentState.purpose == "marketing")
        )
        return dict(found.all())  # type: ignore[arg-type]


def events(site: Site) -> list[Any]:
    with site.session() as session:
        return list(session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)))


def chosen(client: TestClient[Any], *ids: int) -> str:
    client.headers["accept-language"] = "en"
    data = {"action": "consent.marketing", "id": [str(one) for one in ids], "next": "/dashboard/contacts"}
    return str(client.post("/dashboard/contacts/bulk", data=data).headers["location"])


def test_k3_many_are_subscribed_with_a_basis_and_who_unsubscribed_is_not(site: Site, client: TestClient[Any]) -> None:
    sign_in(site, client)
    new, pending, gone = (add_contact(site, f"{name}@example.org") for name in ("new", "pending", "gone"))
    tick(site, pending, "consent.marketing", email="pending@example.org")
    client.post(f"/dashboard/consent/{gone}/marketing/off")
    before = len(events(site))

    page = chosen(client, new, pending, gone)
    for missing in ({"source": ""}, {"basis": "ja"}, {"to": ""}, {"to": "bounced"}):
        refused = client.post(page, data={**PROOF, **missing})
        assert refused.status_code == 422, missing
        assert "Karte" in refused.text or missing == {"basis": "ja"}
    assert len(events(site)) == before
    client.post(page, data=PROOF)

    assert states(site) == {new: "subscribed", pending: "pending", gone: "unsubscribed"}
    [event] = events(site)[before:]
    assert (event.contact_id, event.from_state, event.to_state, event.way) == (new, "", "subscribed", "staff")
    assert (event.email, event.actor_kind, event.actor_name) == ("new@example.org", "staff", "Owner")
    assert event.basis.endswith(": Karte am Tresen, Ordner 3")
    assert "Consent changed for 1 contact. Left as it was: 2." in client.get("/dashboard/contacts").text
    with site.session() as session:
        logged = select(ContactActivity.contact_id).where(ContactActivity.kind == "consent.marketing_subscribed")
        assert session.scalars(logged).all() == [new]


def test_k3_many_objections_need_no_basis(site: Site, client: TestClient[Any]) -> None:
    sign_in(site, client)
    new, pending = (add_contact(site, f"{name}@example.org") for name in ("new", "pending"))
    tick(site, pending, "consent.marketing", email="pending@example.org")

    client.post(chosen(client, new, pending), data={"to": "unsubscribed"})

    assert states(site) == {new: "unsubscribed", pending: "unsubscribed"}
    assert [(event.from_state, event.to_state) for event in events(site)[-2:]] == [
        ("", "unsubscribed"),
        ("pending", "unsubscribed"),
    ]
    # Never more than there is to change.
    before = len(events(site))
    client.post(chosen(client, new, pending), data={"to": "unsubscribed"})
    client.post(chosen(client, new, pending), data=PROOF)
    assert len(events(site)) == before
