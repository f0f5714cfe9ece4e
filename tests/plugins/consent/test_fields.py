"""Consent on the forms for adding and editing a contact (FEATURES L9, P3, K1; THREATS section 2, T-C1)."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select

from core import Actor, Contact, InvalidInput, Site
from core.contacts.fields import read_fields, write_fields
from core.testing import sign_in
from core.web.application import Application
from plugins.consent.changing import Evidence, change_consent
from plugins.consent.models import ConsentEvent, ConsentState
from tests.plugins.consent.conftest import NOON, add_contact, tick

Client = TestClient[Application]
KARLA = Actor(kind="staff", id=7, name="Karla Lindner")
PROOF = {"consent.source": "paper", "consent.basis": "Card of 3 May, folder no. 12"}


def states(site: Site, contact_id: int) -> dict[str, str]:
    with site.session() as session:
        rows = session.execute(
            select(ConsentState.purpose, ConsentState.state).where(ConsentState.contact_id == contact_id)
        )
        return {row.purpose: row.state for row in rows}


def write(site: Site, contact_id: int, **values: Any) -> frozenset[str]:
    with site.begin() as session:
        return write_fields(session, site, contact_id, values, KARLA)


def unsubscribe(site: Site, contact_id: int) -> None:
    evidence = Evidence(way="unsubscribe_link", actor=Actor(kind="visitor"), occurred_at=NOON)
    with site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose="marketing", to="unsubscribed", evidence=evidence)


def test_l9_a_consent_is_recorded_with_the_contact_and_its_basis(site: Site, client: Client) -> None:
    sign_in(site, client)
    client.headers["accept-language"] = "en"

    without = {"email": "new@example.org", "tags": "vip", "consent.marketing": "subscribed"}
    refused = client.post("/dashboard/contacts/new", data=without)
    assert (refused.status_code, "Choose how the consent was given." in refused.text) == (422, True)
    with site.session() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 0

    assert client.post("/dashboard/contacts/new", data={**without, **PROOF}).status_code == 303
    with site.session() as session:
        event = session.scalars(select(ConsentEvent)).one()
    assert (event.to_state, event.way, event.actor_name) == ("subscribed", "staff", "Owner")
    assert event.basis == "Auf Papier unterschrieben: Card of 3 May, folder no. 12"


def test_t_c1_staff_never_subscribe_whom_only_the_person_can(site: Site) -> None:
    unsubscribed, pending = add_contact(site), add_contact(site, "b@example.org")
    unsubscribe(site, unsubscribed)
    tick(site, pending, "consent.marketing", email="b@example.org")
    before = [states(site, one) for one in (unsubscribed, pending)]

    for contact_id in (unsubscribed, pending):
        with pytest.raises(InvalidInput) as refused:
            write(site, contact_id, **{"consent.marketing": "subscribed", **PROOF})
        assert refused.value.field == "consent.marketing"
    with pytest.raises(InvalidInput):
        write(site, unsubscribed, **{"consent.marketing": None})

    assert [states(site, one) for one in (unsubscribed, pending)] == before


def test_p3_staff_record_a_withdrawal_and_what_stands_is_not_written_again(site: Site) -> None:
    contact_id = add_contact(site)
    assert write(site, contact_id, **{"consent.marketing": "subscribed", "consent.system": "unsubscribed", **PROOF})
    assert states(site, contact_id) == {"marketing": "subscribed", "system": "unsubscribed"}
    # As an import does that brings what is known already.
    assert write(site, contact_id, **{"consent.marketing": "subscribed", **PROOF}) == frozenset()
    assert write(site, contact_id, **{"consent.marketing": "unsubscribed"})
    assert states(site, contact_id)["marketing"] == "unsubscribed"
    with site.session() as session:
        assert read_fields(session, site, [contact_id]) == {
            contact_id: {"consent.marketing": "unsubscribed", "consent.system": "unsubscribed"}
        }
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 3


def test_p3_a_proof_of_nothing_is_not_lost(site: Site) -> None:
    contact_id = add_contact(site)

    with pytest.raises(InvalidInput, match="which consent") as refused:
        write(site, contact_id, **PROOF)

    assert refused.value.field in PROOF


def test_p3_who_unsubscribes_while_the_form_is_open_stays_unsubscribed(site: Site, client: Client) -> None:
    sign_in(site, client)
    contact_id = add_contact(site)
    write(site, contact_id, **{"consent.marketing": "subscribed", **PROOF})
    path = f"/dashboard/contacts/{contact_id}/edit"
    unsubscribe(site, contact_id)
    shown = {
        "version": "1",
        "name": "Anna M.",
        "consent.marketing": "subscribed",
        "shown-consent.marketing": "subscribed",
    }

    # Not touched: nothing is said about consent.
    assert client.post(path, data=shown).status_code == 303
    assert states(site, contact_id) == {"marketing": "unsubscribed"}

    # Touched, from a state that is no more: both are shown.
    stale = {**shown, "version": "2", "shown-consent.marketing": "", **PROOF}
    answer = client.post(path, data=stale)
    assert answer.status_code == 409
    assert "Abonniert" in answer.text
    assert "Abgemeldet" in answer.text
    assert states(site, contact_id) == {"marketing": "unsubscribed"}
