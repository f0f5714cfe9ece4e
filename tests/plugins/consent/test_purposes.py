"""Purposes of the site’s own, versions of wordings, the person’s own page, and the proof (FEATURES K1 to K3)."""

from __future__ import annotations

import re
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import select

from core import Contact, Site
from core.messages.models import Message
from core.testing import make_client, run_due_jobs, sign_in
from core.web.application import Application
from plugins.consent.changing import state_of
from plugins.consent.links import preferences_url, unsubscribe_url
from plugins.consent.models import ConsentEvent, ConsentWording
from tests.plugins.consent.conftest import add_contact, tick

Client = TestClient[Application]
PAGE = "/dashboard/consent/purposes"
COURSES = {
    "name-de": "Kurse",
    "name-en": "Courses",
    "wording-de": "Schreiben Sie mir über Kurse von {site}.",
    "wording-en": "",
}


def _states(site: Site, contact_id: int, *purposes: str) -> list[str]:
    with site.session() as session:
        return [state_of(session, contact_id, one) for one in purposes]


def _events(site: Site) -> list[Any]:
    with site.session() as session:
        return list(session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)))


def _boxes(site: Site, language: str) -> dict[str, str]:
    return {
        field.key: field.wording
        for implementation in site.plugins.implementations("public_fields")
        for field in implementation(site=site, form="sample.form", language=language)
    }


def test_k2_staff_add_purposes_and_a_new_wording_never_rewrites_the_old(site: Site, client: Client) -> None:
    with make_client(site) as other:
        other.follow_redirects = False
        sign_in(site, other, "assistant")
        assert other.get(PAGE).status_code == 403
        assert other.post(f"{PAGE}/new", data=COURSES).status_code == 403
    sign_in(site, client, name="Karla")
    refused = client.post(f"{PAGE}/new", data={**COURSES, "name-en": "", "wording-de": "x" * 1001})
    assert refused.status_code == 422
    assert "x" * 1001 in refused.text
    assert "Geben Sie einen Namen ein" in refused.text
    assert client.post(f"{PAGE}/new", data={**COURSES, "wording-de": ""}).status_code == 422
    assert set(_boxes(site, "de")) == {"consent.marketing"}

    assert client.post(f"{PAGE}/new", data=COURSES).status_code == 303
    assert _boxes(site, "de")["consent.own_1"] == "Schreiben Sie mir über Kurse von Tresen."
    assert "consent.own_1" not in _boxes(site, "en"), "no text, no box"
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.own_1")
    for _ in range(2):
        # Saving the same again makes no version.
        client.post(f"{PAGE}/own_1", data={**COURSES, "wording-de": "Neu: Kurse."})
    page = client.get(f"{PAGE}/own_1").text
    assert "Fassung 2" in page
    assert "Fassung 1" in page
    assert "Schreiben Sie mir über Kurse von {site}." in page
    assert "Karla" in page
    assert _events(site)[0].wording == "Schreiben Sie mir über Kurse von Tresen."
    with site.session() as session:
        rows = session.scalars(select(ConsentWording).where(ConsentWording.purpose == "own_1"))
        assert [(row.version, row.text, row.author_name) for row in rows] == [
            (1, "Schreiben Sie mir über Kurse von {site}.", "Karla"),
            (2, "Neu: Kurse.", "Karla"),
        ]
    # The built-in ones have wordings, too, and can't be closed.
    assert client.post(f"{PAGE}/marketing", data={"wording-de": "Ja bitte.", "wording-en": ""}).status_code == 303
    assert _boxes(site, "de")["consent.marketing"] == "Ja bitte."
    assert client.post(f"{PAGE}/marketing/closed", data={"closed": "1"}).status_code == 404
    for unknown in ("own_9", "own_x", "nothing"):
        assert client.get(f"{PAGE}/{unknown}").status_code == 404
    assert client.post(f"{PAGE}/own_1/closed", data={"closed": "1"}).status_code == 303
    assert set(_boxes(site, "de")) == {"consent.marketing"}
    assert _states(site, contact_id, "own_1") == ["pending"]
    assert "Kurse" in client.get(f"/dashboard/consent/{contact_id}").text
    assert client.post(f"{PAGE}/own_1/closed").status_code == 303
    assert len(_boxes(site, "de")) == 2


def test_k3_own_purposes_in_list_bulk_action_and_message(site: Site, client: Client) -> None:
    sign_in(site, client)
    client.post(f"{PAGE}/new", data=COURSES)
    first, second = add_contact(site), add_contact(site, "b@example.org")
    answer = client.post(
        f"/dashboard/consent/{first}/own_1/on", data={"source": "paper", "basis": "Karte vom 3. Mai, Ordner 2"}
    )
    assert answer.status_code == 303
    contributions = site.contributions
    column = contributions.contact_columns["consent.own"]
    chosen = contributions.contact_filters["consent.own"]
    with site.session() as session:
        assert column.load is not None
        assert column.load(session, [first, second]) == {first: ["Kurse"]}
        assert chosen.choices is not None
        assert ("own_1:subscribed", "Kurse: Abonniert") in [(one.value, one.label) for one in chosen.choices(session)]
        found = {
            value: session.scalars(select(Contact.id).where(chosen.predicate(value))).all()  # type: ignore[arg-type]
            for value in ("own_1:subscribed", "own_1:never")
        }
    assert found == {"own_1:subscribed": [first], "own_1:never": [second]}
    assert chosen.predicate("marketing:subscribed") is None
    action = contributions.contact_bulk_actions["consent.own"]
    values = {"purpose": "own_1", "to": "unsubscribed", "source": "", "basis": ""}
    with site.begin() as session:
        prepared = action.prepare(session, site, values)  # type: ignore[misc]
        both = select(Contact.id)
        assert action.run(session, site, both, prepared, _events_actor()) == 2
    assert _states(site, first, "own_1") == _states(site, second, "own_1") == ["unsubscribed"]
    run_due_jobs(site)
    with make_client(site) as program:
        path = unsubscribe_url(site, first, "own_1").removeprefix("http://127.0.0.1:8000")
        assert "„Kurse“ nicht mehr" in program.get(path).text


def _events_actor() -> Any:
    from core import Actor

    return Actor(kind="staff", id=7, name="Karla")


def test_k2_on_the_own_page_a_person_ends_and_begins_what_there_is(site: Site, client: Client) -> None:
    sign_in(site, client)
    client.post(f"{PAGE}/new", data=COURSES)
    contact_id = add_contact(site)
    tick(site, contact_id, "consent.marketing")
    link = re.search(r"/consent/confirm/[\w.-]+", _mails(site)[0])
    assert link is not None
    client.post(link[0])
    client.cookies.clear()
    path = preferences_url(site, contact_id).removeprefix("http://127.0.0.1:8000")

    for method in ("GET", "HEAD"):
        answer = client.request(method, path)
        assert answer.status_code == 200
        assert answer.headers["referrer-policy"] == "strict-origin"
    page = client.get(path).text
    assert "A…a@example.org" in page
    assert "Anna@example.org" not in page
    assert _states(site, contact_id, "marketing", "own_1", "system") == ["subscribed", "", ""]
    versions = {"version-marketing": "1", "version-own_1": "1", "version-system": "0"}

    for forged in (path[:-2], path.replace("preferences/", "preferences/x")):
        assert client.get(forged).status_code == 404
        assert client.post(forged, data={"everything": "off"}).status_code == 404
    assert client.post(path, data=versions, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    old = client.post(path, data={**versions, "marketing": "1", "system": "1", "own_1": "1", "version-own_1": "7"})
    assert old.status_code == 422
    assert "Dieser Text hat sich geändert" in old.text
    assert _states(site, contact_id, "marketing", "own_1", "system") == ["subscribed", "", ""]

    answer = client.post(path, data={**versions, "own_1": "1"}, follow_redirects=True)
    assert "Bitte bestätigen Sie dort" in answer.text
    assert _states(site, contact_id, "marketing", "own_1", "system") == ["unsubscribed", "pending", "unsubscribed"]
    assert len(_mails(site)) == 2
    newest = _events(site)[-1]
    assert (newest.way, newest.wording, newest.wording_version) == (
        "preferences",
        "Schreiben Sie mir über Kurse von Tresen.",
        1,
    )
    # Back on: only as a tick that has to be confirmed; notices need no confirmation but a wording.
    client.post(path, data={**versions, "marketing": "1", "own_1": "1", "system": "1"})
    assert _states(site, contact_id, "marketing", "own_1", "system") == ["pending", "pending", "unsubscribed"]
    client.post(path, data={"everything": "off"})
    assert _states(site, contact_id, "marketing", "own_1", "system") == ["unsubscribed"] * 3


def _mails(site: Site) -> list[str]:
    with site.session() as session:
        return list(session.scalars(select(Message.text).order_by(Message.id)))


def test_k1_the_proof_says_everything_as_a_page_and_as_a_pdf(site: Site, client: Client) -> None:
    contact_id = add_contact(site, name="Änne <Müller>")
    tick(site, contact_id, "consent.marketing")
    run_due_jobs(site)
    assert client.get(f"/dashboard/consent/{contact_id}/proof").status_code == 303
    sign_in(site, client, "assistant")

    page = client.get(f"/dashboard/consent/{contact_id}/proof").text
    (event,) = _events(site)
    for text in (
        "Änne &lt;Müller&gt;",
        "Nie gefragt → Bestätigung offen",
        "(2026-03-02T12:00:05Z)",
        "Ich möchte per E-Mail Angebote und Neuigkeiten von Tresen erhalten.",
        "Wortlaut, Fassung 1",
        "http://127.0.0.1:8000/sample",
        "sample.form",
        event.wording_hash,
        f"1 · {event.digest}",
        "nicht vorab angekreuzt",
    ):
        assert text in page, text
    file = client.get(f"/dashboard/consent/{contact_id}/proof/pdf")
    assert file.headers["content-type"] == "application/pdf"
    assert re.fullmatch(
        rf'attachment; filename="consent-{contact_id}-[\d-]+\.pdf"', file.headers["content-disposition"]
    )
    assert file.content.startswith(b"%PDF-")
    assert len(file.content) > 10_000
    for path in ("proof", "proof/pdf"):
        assert client.get(f"/dashboard/consent/987654/{path}").status_code == 404
