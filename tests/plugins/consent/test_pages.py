"""The person's pages and the staff's page (FEATURES K2, K3; THREATS T-C2, T-C3, T-C4, T-X7)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select, text

from core import VISITOR, Contact, Site, sign
from core.testing import make_client, sign_in
from core.web.application import Application
from plugins.consent.asking import boxes
from plugins.consent.changing import Evidence, change_consent, state_of
from plugins.consent.links import unsubscribe_url
from plugins.consent.models import ConsentEvent
from tests.plugins.consent.conftest import NOON, add_contact, tick

Client = TestClient[Application]


def _state(site: Site, contact_id: int, purpose: str = "marketing") -> str:
    with site.session() as session:
        return state_of(session, contact_id, purpose)


def _events(site: Site) -> list[Any]:
    with site.session() as session:
        return list(session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)))


def _path(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:8000")


def _confirm_path(site: Site, client: Client, contact_id: int) -> str:
    """The confirmation link as staff copy it from the contact's consent page."""
    sign_in(site, client, name="Copier")
    page = client.get(f"/dashboard/consent/{contact_id}").text
    client.cookies.clear()
    found = re.search(r"http://127\.0\.0\.1:8000(/consent/confirm/[\w.-]+)", page)
    assert found, page
    return found[1]


def _pending(site: Site, client: Client) -> tuple[int, str]:
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    return contact_id, _confirm_path(site, client, contact_id)


def _unsubscribe(site: Site, contact_id: int, purpose: str = "marketing") -> None:
    evidence = Evidence(way="unsubscribe_link", actor=VISITOR, occurred_at=NOON)
    with site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose=purpose, to="unsubscribed", evidence=evidence)


def test_k2_the_button_behind_the_link_confirms_once(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)

    page = client.get(path)
    assert page.status_code == 200
    assert "Ich möchte per E-Mail Angebote und Neuigkeiten" in page.text
    for _ in range(2):
        answer = client.post(path, follow_redirects=True)
        assert answer.status_code == 200
        assert "das ist bestätigt" in answer.text

    assert _state(site, contact_id) == "subscribed"
    assert [(e.from_state, e.to_state, e.way) for e in _events(site)] == [
        ("", "pending", "form"),
        ("pending", "subscribed", "confirm_link"),
    ]
    assert _events(site)[1].wording == _events(site)[0].wording
    # A token that still works must not be kept in the evidence.
    assert path.rpartition("/")[2] not in _events(site)[1].page


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_t_c2_opening_a_link_changes_nothing(site: Site, client: Client, method: str) -> None:
    contact_id, path = _pending(site, client)
    for address in (path, _path(unsubscribe_url(site, contact_id, "marketing"))):
        client.request(method, address)

    assert _state(site, contact_id) == "pending"
    assert len(_events(site)) == 1


def test_t_c3_one_click_needs_no_cookie_and_no_origin(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    client.post(path)
    client.cookies.clear()

    for _ in range(2):
        answer = client.post(
            _path(unsubscribe_url(site, contact_id, "marketing")),
            data={"List-Unsubscribe": "One-Click"},
            headers={"origin": "https://mail.example", "sec-fetch-site": "cross-site"},
        )
        assert answer.status_code == 200

    assert _state(site, contact_id) == "unsubscribed"
    assert [event.way for event in _events(site)] == ["form", "confirm_link", "one_click"]


def test_k2_the_unsubscribe_page_ends_one_purpose_only(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    client.post(path)
    address = _path(unsubscribe_url(site, contact_id, "marketing"))

    assert "keine Werbung mehr" in client.get(address).text
    assert "Sie sind abgemeldet" in client.post(address).text
    assert "Sie sind abgemeldet" in client.get(address).text

    assert (_state(site, contact_id), _state(site, contact_id, "system")) == ("unsubscribed", "")
    assert _events(site)[-1].way == "unsubscribe_link"


def test_t_c4_a_forged_link_is_refused(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    good = path.rpartition("/")[2]
    unsubscribe = _path(unsubscribe_url(site, contact_id, "marketing")).rpartition("/")[2]
    other = sign("another secret", "consent.confirm", "1")
    for token in (good[:-2], "x" + good[1:], other, unsubscribe, "1", "a.b", "ä.b", "%00"):
        for method in ("GET", "POST"):
            assert client.request(method, f"/consent/confirm/{token}").status_code == 404, token
    for token in (unsubscribe[:-2], good, sign(site.secret, "consent.unsubscribe", f"{contact_id} sms")):
        for method in ("GET", "POST"):
            assert client.request(method, f"/unsubscribe/{token}").status_code == 404, token

    assert _state(site, contact_id) == "pending"
    assert len(_events(site)) == 1


def test_t_c4_a_confirmation_from_before_the_withdrawal_confirms_nothing(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    _unsubscribe(site, contact_id)

    assert "nicht mehr aktuell" in client.post(path, follow_redirects=True).text
    assert _state(site, contact_id) == "unsubscribed"

    tick(site, contact_id, "consent.marketing")
    client.post(path)
    assert _state(site, contact_id) == "pending"


def test_t_c4_an_old_link_follows_a_merged_contact_and_outlives_an_erased_one(site: Site, client: Client) -> None:
    kept, merged, gone = (add_contact(site, f"{name}@example.org") for name in ("kept", "merged", "gone"))
    addresses = [_path(unsubscribe_url(site, one, "marketing")) for one in (merged, gone)]
    with site.begin() as session:
        session.get_one(Contact, merged).merged_into_id = kept
        session.delete(session.get_one(Contact, gone))

    for address in addresses:
        assert client.get(address).status_code == 200
        assert client.post(address).status_code == 200

    assert _state(site, kept) == "unsubscribed"
    assert len(_events(site)) == 1


def test_t_x7_the_address_with_the_token_reaches_no_other_page(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    for address in (path, _path(unsubscribe_url(site, contact_id, "marketing"))):
        assert client.get(address).headers["referrer-policy"] == "strict-origin"


def test_k3_staff_switch_off_at_once(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    client.post(path)
    account = sign_in(site, client, "assistant")

    answer = client.post(f"/dashboard/consent/{contact_id}/marketing/off")

    assert answer.status_code == 303
    assert _state(site, contact_id) == "unsubscribed"
    event = _events(site)[-1]
    assert (event.way, event.actor_kind, event.actor_id, event.actor_name) == (
        "staff",
        "staff",
        account,
        "Assistant",
    )
    page = client.get(f"/dashboard/consent/{contact_id}").text
    assert "Nur die Person selbst kann sich wieder anmelden" in page
    assert "/marketing/on" not in page


def test_k3_staff_switch_on_only_with_a_proof(site: Site, client: Client) -> None:
    contact_id = add_contact(site)
    sign_in(site, client)
    address = f"/dashboard/consent/{contact_id}/marketing/on"

    refused = client.post(address, data={"source": "paper", "basis": ""})
    assert refused.status_code == 422
    assert "wo der Nachweis liegt" in refused.text
    refused = client.post(address, data={"source": "guess", "basis": "Karte Nr. <12> im Ordner"})
    assert refused.status_code == 422
    assert "Karte Nr. &lt;12&gt; im Ordner" in refused.text
    assert _state(site, contact_id) == ""
    assert not _events(site)

    assert client.post(address, data={"source": "paper", "basis": "Karte Nr. <12> im Ordner"}).status_code == 303
    assert _state(site, contact_id) == "subscribed"
    event = _events(site)[-1]
    assert event.basis == "Auf Papier unterschrieben: Karte Nr. <12> im Ordner"
    assert "Karte Nr. &lt;12&gt; im Ordner" in client.get(f"/dashboard/consent/{contact_id}").text


def test_t_i9_staff_cannot_bring_back_who_unsubscribed(site: Site, client: Client) -> None:
    contact_id = add_contact(site)
    _unsubscribe(site, contact_id)
    sign_in(site, client)

    answer = client.post(
        f"/dashboard/consent/{contact_id}/marketing/on", data={"source": "paper", "basis": "Karte im Ordner"}
    )

    assert answer.status_code == 422
    assert "hat sich abgemeldet" in answer.text
    assert _state(site, contact_id) == "unsubscribed"
    assert len(_events(site)) == 1


def test_k3_the_page_needs_staff_and_an_existing_contact(site: Site, client: Client) -> None:
    contact_id = add_contact(site)
    assert client.get(f"/dashboard/consent/{contact_id}").status_code == 303
    for action in ("off", "on"):
        answer = client.post(
            f"/dashboard/consent/{contact_id}/marketing/{action}",
            data={"source": "paper", "basis": "forged!"},
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dashboard/sign-in")
    sign_in(site, client)
    assert client.get("/dashboard/consent/987654").status_code == 404
    assert client.post("/dashboard/consent/987654/marketing/off").status_code == 404
    assert client.post(f"/dashboard/consent/{contact_id}/sms/off").status_code == 404
    cross = client.post(f"/dashboard/consent/{contact_id}/marketing/off", headers={"sec-fetch-site": "cross-site"})
    assert cross.status_code == 403
    assert not _events(site)


def test_k3_panel_columns_filter_and_tile(site: Site, client: Client) -> None:
    ids = [add_contact(site, f"{name}@example.org") for name in ("never", "asked", "off")]
    tick(site, ids[1], "consent.marketing")
    _unsubscribe(site, ids[2])
    contributions = site.contributions

    column = contributions.contact_columns["consent.marketing"]
    assert column.side_table is not None
    assert column.expression is not None
    with site.session() as session:
        rows = session.execute(
            select(Contact.id, column.expression)
            .outerjoin(column.side_table, column.side_table.c.contact_id == Contact.id)
            .order_by(Contact.id)
        ).all()
        assert column.convert is not None
        shown = [column.convert(row[1]) for row in rows]
        found = {
            choice.value: session.scalars(
                select(Contact.id).where(contributions.contact_filters["consent.marketing"].predicate(choice.value))  # type: ignore[arg-type]
            ).all()
            for choice in contributions.contact_filters["consent.marketing"].choices(session)
        }
        panels = {panel.key: panel for panel in contributions.contact_panels}
        panel = panels["consent.all"].load(session, ids[1])
        tile = contributions.overview_tiles[-1].load(session)
    assert [(one.state, one.label) for one in shown] == [  # type: ignore[attr-defined]
        ("off", "Never asked"),
        ("pending", "Confirmation open"),
        ("off", "Unsubscribed"),
    ]
    assert found == {
        "never": ids[:1],
        "pending": ids[1:2],
        "unsubscribed": ids[2:],
        "subscribed": [],
        "bounced": [],
        "expired": [],
        "existing_customer": [],
    }
    assert contributions.contact_filters["consent.marketing"].predicate("nonsense") is None
    assert [one.state for one in panel.purposes] == ["pending", ""]  # type: ignore[attr-defined]
    assert tile is not None
    assert tile.value == "0 %"


def test_t_x3_what_a_visitor_sent_is_shown_as_text(site: Site, client: Client) -> None:
    nasty = '"><script>alert(1)</script>{{7*7}}'
    contact_id = add_contact(site, name=nasty)
    tick(site, contact_id, "consent.marketing", email=nasty)
    path = _confirm_path(site, client, contact_id)
    sign_in(site, client)
    for address in (f"/dashboard/consent/{contact_id}", path):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "{{7*7}}" in page


def test_h2_switched_off_its_pages_are_gone_and_its_data_stays(site: Site, client: Client) -> None:
    contact_id, path = _pending(site, client)
    off = site.switch("consent", on=False)
    with make_client(off) as other:
        sign_in(off, other)
        addresses = (
            path,
            _path(unsubscribe_url(site, contact_id, "marketing")),
            f"/dashboard/consent/{contact_id}",
        )
        for address in addresses:
            assert other.get(address).status_code == 404
    with off.session() as session:
        assert session.scalar(select(func.count(ConsentEvent.id))) == 1
    again = off.switch("consent", on=True)
    assert _state(again, contact_id) == "pending"


def test_h8_the_wording_is_the_sites_own_in_each_language(site: Site) -> None:
    fields = {
        language: [
            field
            for implementation in site.plugins.implementations("public_fields")
            for field in implementation(site=site, form="sample.form", language=language)
        ]
        for language in ("de", "en")
    }
    assert [field.key for field in fields["de"]] == ["consent.marketing"]
    assert not fields["de"][0].required
    assert fields["en"][0].wording.startswith("I would like to get offers and news from Tresen by e-mail.")


def test_h1_migrations_go_down_and_up_again(site: Site) -> None:
    from core.database import migrate
    from core.site import migrations_of

    mine = migrations_of(site.plugins["consent"])
    migrate.downgrade(site.database, mine)
    assert migrate.upgrade(site.database, [mine]) == ["consent"]
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    assert _state(site, contact_id) == "pending"


def test_h1_what_was_recorded_before_there_was_a_chain_comes_into_it(site: Site) -> None:
    from core import state
    from core.checking import run_checks
    from core.database import migrate
    from core.site import migrations_of
    from plugins.consent.chain import seal_all

    mine = migrations_of(site.plugins["consent"])
    migrate.downgrade(site.database, mine, "0003")
    contact_id = add_contact(site)
    with site.begin() as session:
        state.save_setting(session, "consent.wording_de", "Ja, {site} darf mir schreiben.")
        moments = {"at": NOON.replace(tzinfo=None) if site.database.is_sqlite else NOON}
        session.execute(
            text(
                "INSERT INTO consent_events (contact_id, purpose, from_state, to_state, occurred_at, recorded_at, way, "
                "email, page, form, wording, wording_hash, language, basis, actor_kind, actor_name) VALUES "
                f"({contact_id}, 'marketing', '', 'pending', :at, :at, 'form', 'Änne@example.org', '', '', "
                "'Ja „bitte“', 'x', 'de', '', 'visitor', '')"
            ),
            moments,
        )
        session.execute(text(f"INSERT INTO consent_states VALUES ({contact_id}, 'marketing', 'pending', :at)"), moments)
    assert migrate.upgrade(site.database, [mine]) == ["consent"]

    assert _state(site, contact_id) == "pending"
    seal_all(site)
    (checked,) = [one for one in run_checks(site) if one.check.key == "consent.evidence"]
    assert checked.problems == []
    (event,) = _events(site)
    assert (event.entry, event.recorded_for, event.wording) == (1, contact_id, "Ja „bitte“")
    assert boxes(site, "sample.form", "de")[0].wording == "Ja, Tresen darf mir schreiben."
