"""Visitors fill in forms (FEATURES F1, F2; THREATS T-P1, T-X3)."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text

from core import Contact, Screening, Site, hookimpl
from core.plugins import Plugin
from core.testing import make_client
from plugins.forms import guarding
from plugins.forms import plugin as forms
from plugins.forms.guarding import count_sending, page_token, snippet_token
from plugins.forms.models import Entry
from tests.plugins.forms.conftest import ANSWERS, Client, MakeSite, an_hour_old, entries, fill_in, token_of


def _rows(site: Site, statement: str) -> list[Any]:
    with site.session() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def _contacts(site: Site) -> int:
    with site.session() as session:
        return session.scalar(select(func.count(Contact.id))) or 0


def test_f1_a_fresh_site_has_a_contact_form_in_the_visitors_language(client: Client) -> None:
    german = client.get("/forms/contact", headers={"accept-language": "de"}).text
    english = client.get("/forms/contact", headers={"accept-language": "en"}).text

    assert "Wir antworten in der Regel innerhalb eines Werktags." in german
    assert "E-Mail-Adresse" in german
    assert "We usually answer within one working day." in english


def test_f1_an_entry_makes_a_lead_with_its_message_in_the_thread(site: Site, client: Client) -> None:
    answer = fill_in(site, client)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/forms/contact/thanks"
    assert "Wir antworten bald" in client.get("/forms/contact/thanks").text
    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
    assert (contact.email, contact.name, contact.phone, contact.stage) == (
        "Aenne@Example.org",
        "Änne Müller",
        "030 123456",
        "lead",
    )
    assert _rows(site, "SELECT direction, module, subject, text FROM messages") == [
        ("in", "forms", "Kontakt", "Guten Tag\nund danke")
    ]
    assert _rows(site, "SELECT kind, reference, href FROM contact_activities") == [
        ("forms.entered", "Kontakt", f"/dashboard/forms/entries/{entries(site)[0].id}")
    ]
    assert _rows(site, "SELECT module FROM contact_modules") == [("forms",)]
    entry = entries(site)[0]
    assert (entry.state, entry.contact_id, entry.page) == (
        "accepted",
        contact.id,
        "http://127.0.0.1:8000/forms/contact",
    )
    assert [one["label"] for one in entry.answers] == ["Name", "E-Mail-Adresse", "Telefonnummer", "Nachricht"]


def test_t_p3_a_known_address_is_attached_and_discloses_nothing(site: Site, client: Client) -> None:
    fill_in(site, client)
    with site.begin() as session:
        contact = session.scalars(select(Contact)).one()
        contact.stage, contact.locked_at = "customer", datetime.now(UTC)

    page = fill_in(site, client, email="aenne@EXAMPLE.org", name="Somebody Else", message="second")

    assert "Änne" not in page.text
    assert "Änne" not in client.get("/forms/contact").text
    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
    assert (contact.name, contact.stage) == ("Änne Müller", "customer")
    assert len(entries(site)) == 2


def test_t_p1_a_double_click_or_replay_is_one_entry(site: Site, client: Client) -> None:
    token = an_hour_old(site, token_of(client.get("/forms/contact").text))
    for _ in range(3):
        assert client.post("/forms/contact", data={**ANSWERS, "token": token}).status_code == 303

    assert len(entries(site)) == 1
    assert len(_rows(site, "SELECT id FROM messages")) == 1
    assert len(_rows(site, "SELECT id FROM contact_activities")) == 1

    # Going back and writing something else is another entry, not a lost one.
    client.post("/forms/contact", data={**ANSWERS, "message": "and one more thing", "token": token})
    assert len(entries(site)) == 2


def test_t_p1_ten_at_once_are_one_entry(site: Site, client: Client) -> None:
    token = an_hour_old(site, token_of(client.get("/forms/contact").text))
    with ThreadPoolExecutor(5) as threads:
        answers = list(
            threads.map(
                lambda _: client.post("/forms/contact", data={**ANSWERS, "token": token}).status_code,
                range(10),
            )
        )

    assert answers == [303] * 10
    assert (len(entries(site)), _contacts(site)) == (1, 1)
    assert len(_rows(site, "SELECT id FROM messages")) == 1


def test_t_p1_without_the_key_ten_at_once_would_be_ten_entries(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.forms.entries._key_of", lambda *_: secrets.token_hex(8))
    token = an_hour_old(site, token_of(client.get("/forms/contact").text))
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: client.post("/forms/contact", data={**ANSWERS, "token": token}), range(10)))

    assert len(entries(site)) == 10


def test_t_p1_a_filled_honeypot_goes_to_quarantine_and_makes_no_contact(site: Site, client: Client) -> None:
    answer = fill_in(site, client, website="http://spam.example")

    assert answer.status_code == 303
    assert [(one.state, one.suspicion, one.contact_id) for one in entries(site)] == [("quarantined", "honeypot", None)]
    assert _contacts(site) == 0
    assert not _rows(site, "SELECT id FROM messages")


def test_f2_too_fast_without_a_token_or_with_a_forged_one_goes_to_quarantine(site: Site, client: Client) -> None:
    token = token_of(client.get("/forms/contact").text)
    for number, sent in enumerate((token, "", token[:-1], an_hour_old(site, token)[:-1], "a.b", "ä")):
        client.post("/forms/contact", data={**ANSWERS, "message": str(number), "token": sent})

    assert [one.suspicion for one in entries(site)] == ["too_fast"] + ["no_token"] * 5
    assert _contacts(site) == 0


def test_f2_a_token_holds_for_its_own_form_only(site: Site, client: Client) -> None:
    for token in (
        page_token(site, "other", [], datetime(2026, 1, 1, tzinfo=UTC)),
        snippet_token(site, "other"),
    ):
        client.post("/forms/contact", data={**ANSWERS, "token": token})
    assert [one.suspicion for one in entries(site)] == ["no_token"]


def test_t_p1_a_message_of_a_megabyte_is_refused_and_kept(site: Site, client: Client) -> None:
    message = "Ein langer Brief. " * 60_000

    answer = fill_in(site, client, message=message)

    assert answer.status_code == 422
    assert message.strip() in answer.text
    assert "höchstens 10000 Zeichen" in answer.text
    assert not entries(site)
    assert client.post("/forms/contact", data={"message": "x" * 2_100_000}).status_code == 413


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "nobody", "@"),
        ("email", "", "E-Mail"),
        ("name", "", "Bitte füllen Sie dieses Feld aus"),
        ("message", " \n ", "Bitte füllen Sie dieses Feld aus"),
        ("name", "x" * 201, "zu lang"),
        ("phone", "1" * 51, "zu lang"),
    ],
)
def test_f1_what_was_typed_stays_beside_its_error(
    site: Site, client: Client, field: str, value: str, words: str
) -> None:
    answer = fill_in(site, client, **{field: value})

    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    if field != "message":
        assert "Guten Tag\nund danke</textarea>" in answer.text
    assert not entries(site)
    assert _contacts(site) == 0


def test_f2_after_a_correction_nobody_has_to_wait(site: Site, client: Client) -> None:
    refused = fill_in(site, client, email="typing mistake")
    client.post("/forms/contact", data={**ANSWERS, "token": token_of(refused.text)})

    assert [one.state for one in entries(site)] == ["accepted"]


def test_f1_another_website_may_send_the_form(site: Site, client: Client) -> None:
    answer = client.post(
        "/forms/contact",
        data={**ANSWERS, "token": snippet_token(site, "contact")},
        headers={
            "origin": "https://elsewhere.example",
            "sec-fetch-site": "cross-site",
            "referer": "https://elsewhere.example/",
        },
    )

    assert answer.status_code == 303
    entry = entries(site)[0]
    assert (entry.state, entry.page) == ("accepted", "https://elsewhere.example/")


@pytest.mark.parametrize("referer", ["javascript:alert(1)", "data:text/html,x", "\x7f", "x" * 4000])
def test_t_x4_a_referer_that_is_no_address_is_not_kept(site: Site, client: Client, referer: str) -> None:
    client.post(
        "/forms/contact",
        data={**ANSWERS, "token": snippet_token(site, "contact")},
        headers={"referer": referer},
    )
    assert entries(site)[0].page == ""


def test_t_p1_a_double_click_on_another_website_is_one_entry(site: Site, client: Client) -> None:
    for message in ("one", "one", "two"):
        client.post("/forms/contact", data={**ANSWERS, "message": message, "token": snippet_token(site, "contact")})
    assert len(entries(site)) == 2


def test_f1_inside_a_frame_any_website_may_show_it(site: Site, client: Client) -> None:
    page = client.get("/forms/contact/embed")
    assert "frame-ancestors *" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in client.get("/forms/contact").headers["content-security-policy"]

    answer = fill_in(site, client, "/forms/contact/embed")
    assert answer.headers["location"] == "/forms/contact/embed/thanks"
    assert "frame-ancestors *" in client.get(answer.headers["location"]).headers["content-security-policy"]
    refused = fill_in(site, client, "/forms/contact/embed", email="")
    assert refused.status_code == 422
    assert "frame-ancestors *" in refused.headers["content-security-policy"]
    assert len(entries(site)) == 1


def test_f2_one_network_sends_so_many_an_hour(site: Site, client: Client) -> None:
    for number in range(guarding.PER_HOUR):
        assert fill_in(site, client, email=f"a{number}@example.org").status_code == 303

    answer = fill_in(site, client, email="late@example.org")

    assert answer.status_code == 429
    assert "Guten Tag\nund danke</textarea>" in answer.text
    assert len(entries(site)) == guarding.PER_HOUR
    assert "127.0.0.1" not in str(_rows(site, "SELECT * FROM forms_sending_counts"))


def test_f2_many_entries_for_one_address_from_many_networks_wait(
    new_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = new_site(trusted_proxies="0.0.0.0/0")
    monkeypatch.setattr(guarding, "PER_HOUR", 3)
    now = datetime.now(UTC)
    assert [count_sending(site, "email", "aenne@example.org", now) for _ in range(4)] == [True] * 3 + [False]
    with make_client(site) as client:
        fill_in(site, client)
    assert [one.suspicion for one in entries(site)] == ["too_many"]


def test_f2_counts_at_once_lose_none(site: Site) -> None:
    now, start = datetime.now(UTC), threading.Barrier(8)

    def count(_: int) -> bool:
        start.wait(10)
        return count_sending(site, "network", "192.0.2.1", now)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(8)))
    assert [row[2] for row in _rows(site, "SELECT * FROM forms_sending_counts")] == [8]


def test_f1_a_closed_form_takes_nothing_and_says_so(site: Site, client: Client) -> None:
    token = an_hour_old(site, token_of(client.get("/forms/contact").text))
    with site.begin() as session:
        session.execute(text("UPDATE forms_forms SET active = :off"), {"off": False})

    for answer in (
        client.get("/forms/contact"),
        client.post("/forms/contact", data={**ANSWERS, "token": token}),
    ):
        assert answer.status_code == 404
        assert "zurzeit geschlossen" in answer.text
    assert not entries(site)


def test_f1_an_unknown_form_is_not_found(client: Client) -> None:
    for path in ("/forms/nothing", "/forms/nothing/embed", "/forms/nothing/thanks"):
        assert client.get(path).status_code == 404
    assert client.post("/forms/nothing", data=ANSWERS).status_code == 404


@pytest.mark.parametrize("bad", ["\x00", "<script>alert(1)</script>", "{{7*7}}", "' OR 1=1 --", "%(form)s %s", "🧁"])
def test_t_x3_and_t_j1_whatever_is_typed_is_only_text(site: Site, client: Client, bad: str) -> None:
    assert fill_in(site, client, name=f"A{bad}", message=f"B{bad}").status_code == 303

    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
    assert contact.name == f"A{bad}".replace("\x00", "")
    refused = fill_in(site, client, email="", name=f"A{bad}", message=f"B{bad}")
    assert "<script>alert" not in refused.text
    assert refused.status_code == 422


def test_h2_switched_off_its_pages_are_gone_and_its_data_stays(site: Site, client: Client) -> None:
    fill_in(site, client)
    off = site.switch("forms", on=False)
    with make_client(off) as other:
        for path in ("/forms/contact", "/forms/contact/embed", "/dashboard/forms", "/dashboard/forms/all"):
            assert other.get(path).status_code == 404
    assert len(entries(off)) == 1
    on = off.switch("forms", on=True)
    with make_client(on) as again:
        assert again.get("/forms/contact").status_code == 200


def test_h1_a_plugin_that_refuses_a_person_is_heard(new_site: MakeSite) -> None:
    class Strict:
        """Refuses everybody."""

        @hookimpl
        def screen_capture(self) -> Screening:
            return Screening(verdict="reject", reason="Please call us.")

    from pathlib import Path

    from core.plugins import make_plugin

    strict = Plugin(key="strict", module=Strict(), package="strict", folder=Path("/nonexistent"))  # type: ignore[arg-type]
    site = new_site(forms)
    site.close()
    from core.testing import make_site

    site = make_site(site.settings.data_dir, make_plugin(forms), strict, database_url=site.settings.database_url)
    with make_client(site) as client:
        answer = fill_in(site, client)
    assert answer.status_code == 422
    assert "Please call us." in answer.text
    assert not entries(site)
    site.close()


def test_c8_erasing_a_contact_takes_its_entries_along(site: Site, client: Client) -> None:
    fill_in(site, client)
    fill_in(site, client, email="other@example.org")
    with site.begin() as session:
        session.execute(text("DELETE FROM contacts WHERE email_key = 'aenne@example.org'"))
    assert [one.email for one in entries(site)] == ["other@example.org"]


def test_h1_migrations_go_down_and_up_again(site: Site, client: Client) -> None:
    from core.database import migrate
    from core.site import migrations_of

    mine = migrations_of(site.plugins["forms"])
    migrate.downgrade(site.database, mine)
    assert migrate.upgrade(site.database, [mine]) == ["forms"]
    assert fill_in(site, client).status_code == 303
    with site.session() as session:
        assert session.scalar(select(func.count(Entry.id))) == 1
