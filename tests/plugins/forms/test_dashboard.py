"""Staff build forms and read entries (FEATURES F1, F2, F3, I7; THREATS T-Z3, T-X3)."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from core import Contact, Demo, DemoPerson, Details, NotFound, Site
from core.contacts.matching import contacts_of
from core.contacts.views import View
from core.testing import count_queries, make_client, sign_in
from plugins.forms.definitions import find_form, slug_of
from plugins.forms.demo import add_history
from plugins.forms.entries import Sent, record_entry, release_entry
from plugins.forms.inbox import harmless
from plugins.forms.models import Entry, Form
from tests.plugins.forms.conftest import ANSWERS, Client, entries, fill_in, token_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def _draft(*fields: dict[str, str], **more: str) -> dict[str, str]:
    """What the editor sends for these fields."""
    data = {"name": "Party", "do": "save", "rows": str(len(fields)), "active": "1", "version": "1", **more}
    for index, one in enumerate(fields):
        data |= {f"{name}-{index}": value for name, value in one.items()}
    return data


EMAIL = {"label": "Ihre E-Mail", "kind": "email"}


def _labels(page: str) -> list[str]:
    return re.findall(r'name="label-\d+" value="([^"]*)"', page)


def _send(site: Site, number: int, suspicion: str = "", **answers: str) -> int:
    with site.begin() as session:
        form = find_form(session, "contact")
        sent = Sent(
            answers={**ANSWERS, "email": f"p{number}@example.org", **answers},
            occurred_at=NOON + timedelta(minutes=number),
            nonce=f"test-{number}",
            suspicion=suspicion,
            language="de",
        )
        return record_entry(session, site, form, sent).entry_id


def test_f1_staff_build_a_form_and_visitors_fill_it_in(site: Site, client: Client) -> None:
    sign_in(site, client, "manager")
    fields = (
        {"label": "Ihr Name", "kind": "name"},
        EMAIL,
        {"label": "Torte", "kind": "choice", "choices": "Nuss\nKirsch\n\nKirsch\nMohn", "required": "1"},
        {"label": "Mit Kerzen?", "kind": "checkbox"},
        {"label": "Für wie viele?", "kind": "text"},
        {"label": "Wünsche", "kind": "textarea"},
    )
    answer = client.post(
        "/dashboard/forms/new", data=_draft(*fields, name="Torte über Nacht", thanks="Danke, bis <bald>")
    )
    assert answer.status_code == 303
    with site.session() as session:
        form = find_form(session, "torte-ueber-nacht")
    assert [one.key for one in form.fields] == [
        "ihr_name",
        "email",
        "torte",
        "mit_kerzen",
        "fuer_wie_viele",
        "wuensche",
    ]
    assert form.fields[2].choices == ("Nuss", "Kirsch", "Mohn")

    client.cookies.clear()
    sent = {
        "ihr_name": "Änne",
        "email": "aenne@example.org",
        "torte": "Kirsch",
        "mit_kerzen": "1",
        "fuer_wie_viele": "12",
        "wuensche": "Bitte\nohne Sahne",
    }
    path = "/forms/torte-ueber-nacht"
    assert fill_in(site, client, path, **{**sent, "torte": "Apfel"}).status_code == 422
    assert fill_in(site, client, path, **{**sent, "torte": ""}).status_code == 422
    assert fill_in(site, client, path, **sent).status_code == 303
    assert "Danke, bis &lt;bald&gt;" in client.get(path + "/thanks").text
    with site.session() as session:
        from sqlalchemy import text

        message = session.execute(text("SELECT text FROM messages")).scalar()
    assert message == "Bitte\nohne Sahne\n\nTorte: Kirsch\nMit Kerzen?: ✓\nFür wie viele?: 12"


def test_f1_fields_are_added_moved_and_removed_without_scripts_and_without_saving(site: Site, client: Client) -> None:
    sign_in(site, client)
    fields = ({"label": "A", "kind": "text"}, EMAIL, {"label": "C <b>", "kind": "text"})
    shown = {
        do: _labels(client.post("/dashboard/forms/new", data=_draft(*fields, do=do)).text)
        for do in ("add", "up-2", "down-0", "remove-1", "up-0", "down-2", "remove-9", "nonsense")
    }
    assert shown == {
        "add": ["A", "Ihre E-Mail", "C &lt;b&gt;", ""],
        "up-2": ["A", "C &lt;b&gt;", "Ihre E-Mail"],
        "down-0": ["Ihre E-Mail", "A", "C &lt;b&gt;"],
        "remove-1": ["A", "C &lt;b&gt;"],
        "up-0": ["A", "Ihre E-Mail", "C &lt;b&gt;"],
        "down-2": ["A", "Ihre E-Mail", "C &lt;b&gt;"],
        "remove-9": ["A", "Ihre E-Mail", "C &lt;b&gt;"],
        "nonsense": ["A", "Ihre E-Mail", "C &lt;b&gt;"],
    }
    with site.session() as session:
        assert session.scalar(select(func.count(Form.id))) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_draft({"label": "A", "kind": "text"}), "genau ein Feld für die E-Mail-Adresse"),
        (_draft(EMAIL, EMAIL), "genau ein Feld für die E-Mail-Adresse"),
        (_draft(EMAIL, {"label": "", "kind": "text"}), "wonach hier gefragt wird"),
        (_draft(EMAIL, {"label": "A", "kind": "choice", "choices": "one"}), "mindestens zwei"),
        (_draft(EMAIL, {"label": "A", "kind": "name"}, {"label": "B", "kind": "name"}), "nur einmal"),
        (_draft(EMAIL, name=""), "Geben Sie dem Formular einen Namen"),
        (_draft(EMAIL, slug="Über uns"), "Kleinbuchstaben"),
        (_draft(EMAIL, slug="contact"), "hat diese Adresse"),
        (_draft(EMAIL, intro="x" * 2001), "zu lang"),
        (_draft(EMAIL, *[{"label": "A", "kind": "text"}] * 60), "höchstens 40 Felder"),
    ],
)
def test_f1_a_form_that_cannot_work_is_not_saved(site: Site, client: Client, data: dict[str, str], words: str) -> None:
    sign_in(site, client)
    answer = client.post("/dashboard/forms/new", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    with site.session() as session:
        assert session.scalar(select(func.count(Form.id))) == 1


def test_f1_the_first_form_becomes_the_staffs_own_words_when_saved(site: Site, client: Client) -> None:
    sign_in(site, client)
    with site.session() as session:
        form_id = find_form(session, "contact").id
    page = client.get(f"/dashboard/forms/{form_id}", headers={"accept-language": "de"}).text
    assert _labels(page) == ["Name", "E-Mail-Adresse", "Telefonnummer", "Nachricht"]

    fields = tuple(
        {"key": key, "label": label, "kind": kind}
        for key, label, kind in (("email", "E-Mail-Adresse", "email"), ("message", "Nachricht", "textarea"))
    )
    assert client.post(f"/dashboard/forms/{form_id}", data=_draft(*fields, name="Kontakt")).status_code == 303

    english = client.get("/forms/contact", headers={"accept-language": "en"}).text
    assert "Nachricht" in english
    with site.session() as session:
        form = find_form(session, "contact")
    assert [one.key for one in form.fields] == ["email", "message"]
    assert form.slug == "contact"

    stale = client.post(f"/dashboard/forms/{form_id}", data=_draft(*fields, name="Stale"))
    assert stale.status_code == 409
    with site.session() as session:
        assert find_form(session, "contact").name == "Kontakt"


@pytest.mark.parametrize("key", ["token", "website", "email", "A B", "x" * 61])
def test_f1_a_key_that_is_taken_reserved_or_nonsense_is_made_anew(site: Site, client: Client, key: str) -> None:
    sign_in(site, client)
    fields = ({**EMAIL, "key": "email"}, {"label": "Was?", "kind": "text", "key": key})
    assert client.post("/dashboard/forms/new", data=_draft(*fields)).status_code == 303
    with site.session() as session:
        assert [one.key for one in find_form(session, "party").fields] == ["email", "was"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [("Über uns & mehr", "ueber-uns-mehr"), ("Straße", "strasse"), ("Élan", "elan"), ("日本", "")],
)
def test_f1_an_address_is_made_of_the_name(text: str, slug: str) -> None:
    assert slug_of(text) == slug


def test_f1_the_snippet_works_as_it_was_copied(site: Site, client: Client) -> None:
    sign_in(site, client)
    with site.session() as session:
        form_id = find_form(session, "contact").id
    import html

    page = html.unescape(client.get(f"/dashboard/forms/{form_id}/embed").text)
    assert '<iframe src="http://127.0.0.1:8000/forms/contact/embed"' in page
    snippet = page[page.index('<form action="http://127.0.0.1:8000/forms/contact"') :]
    client.cookies.clear()
    client.post("/forms/contact", data={**ANSWERS, "token": token_of(snippet)})
    assert [one.state for one in entries(site)] == ["accepted"]
    assert re.findall(r'name="([a-z]+)"', snippet[: snippet.index("</form>")]) == [
        "token",
        "website",
        "name",
        "email",
        "phone",
        "message",
    ]


def test_f2_released_it_is_a_lead_as_any_other(site: Site, client: Client) -> None:
    entry_id = _send(site, 1, "honeypot")
    sign_in(site, client, "assistant")
    assert "p1@example.org" in client.get("/dashboard/forms/quarantine").text
    assert "p1@example.org" not in client.get("/dashboard/forms").text

    assert client.post(f"/dashboard/forms/entries/{entry_id}/release").status_code == 303

    with site.session() as session:
        contact = session.scalars(select(Contact)).one()
    assert (contact.email, contact.stage, contact.joined_at) == (
        "p1@example.org",
        "lead",
        NOON + timedelta(minutes=1),
    )
    assert entries(site)[0].contact_id == contact.id
    assert "p1@example.org" not in client.get("/dashboard/forms/quarantine").text
    for action in ("release", "delete"):
        assert client.post(f"/dashboard/forms/entries/{entry_id}/{action}").status_code == 404
    assert len(entries(site)) == 1


def test_f2_released_by_two_at_once_it_is_one_lead(site: Site) -> None:
    from concurrent.futures import ThreadPoolExecutor

    entry_id = _send(site, 1, "too_fast")

    def release(_: int) -> bool:
        try:
            with site.begin() as session:
                release_entry(session, site, entry_id)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(release, range(4)))
    assert sorted(done) == [False, False, False, True]
    with site.session() as session:
        from sqlalchemy import text

        assert session.execute(text("SELECT count(*) FROM messages")).scalar() == 1


def test_f2_quarantine_is_deleted_one_by_one_or_whole(site: Site, client: Client) -> None:
    first, _, _, kept = (_send(site, number, suspicion) for number, suspicion in enumerate(("honeypot",) * 3 + ("",)))
    sign_in(site, client)
    assert client.post(f"/dashboard/forms/entries/{first}/delete").status_code == 303
    assert client.post(f"/dashboard/forms/entries/{kept}/delete").status_code == 404
    page = client.get("/dashboard/forms/quarantine/empty").text
    up_to = re.search(r'name="up_to" value="(\d+)"', page)
    assert up_to
    late = _send(site, 9, "honeypot")

    assert client.post("/dashboard/forms/quarantine/empty", data={"up_to": up_to[1]}).status_code == 303

    assert [one.id for one in entries(site)] == [kept, late]


def test_f3_the_list_goes_page_by_page_both_ways(site: Site, client: Client) -> None:
    for number in range(120):
        _send(site, number)
    sign_in(site, client)

    def people(page: str) -> list[int]:
        return [int(number) for number in re.findall(r">p(\d+)@example|>Änne Müller<", page) if number]

    def links(page: str) -> dict[str, str]:
        return {name: f"?{name}={key}" for name, key in re.findall(r'href="\?(older|newer)=([^"]+)"', page)}

    with site.begin() as session:
        from sqlalchemy import update

        session.execute(update(Contact).values(name=""))
    first = client.get("/dashboard/forms").text
    assert people(first) == list(range(119, 69, -1))
    second = client.get("/dashboard/forms" + links(first)["older"]).text
    assert people(second) == list(range(69, 19, -1))
    third = client.get("/dashboard/forms" + links(second)["older"]).text
    assert people(third) == list(range(19, -1, -1))
    assert set(links(third)) == {"newer"}
    assert set(links(first)) == {"older"}
    assert people(client.get("/dashboard/forms" + links(third)["newer"]).text) == people(second)
    for nonsense in (
        "?older=x",
        "?older=1-",
        "?newer=99999999999999999-1",
        "?form_id=x",
        "?form_id=99999999999999",
    ):
        assert client.get("/dashboard/forms" + nonsense).status_code == 200


def test_f3_and_i7_the_export_is_whole_and_harmless(site: Site, client: Client) -> None:
    for number in range(3):
        _send(site, number, message=("=1+1", 'a\n"b";c, d', "@SUM(1)")[number], phone="+49 30 1")
    _send(site, 7, "honeypot")
    sign_in(site, client)

    answer = client.get("/dashboard/forms/entries.csv", headers={"accept-language": "de"})

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert list(rows[0]) == [
        "Zeit",
        "Formular",
        "Kontakt",
        "Name",
        "E-Mail-Adresse",
        "Telefonnummer",
        "Nachricht",
        "Seite",
        "Sprache",
    ]
    assert [row["Nachricht"] for row in rows] == ["'=1+1", 'a\n"b";c, d', "'@SUM(1)"]
    assert {row["Telefonnummer"] for row in rows} == {"'+49 30 1"}
    assert rows[0]["Zeit"] == "2026-03-02 13:00:00"
    assert [harmless(cell) for cell in ("-1", "\t=1", "a=1", "")] == ["'-1", "'\t=1", "a=1", ""]


def test_f3_column_filter_panel_and_tile(site: Site, client: Client) -> None:
    for number in (1, 2, 2):
        _send(site, number, message=f"<b>{number}</b> {len(entries(site))}")
    contributions = site.contributions
    with site.session() as session:
        ids = list(session.scalars(select(Contact.id).order_by(Contact.email)))
        count, last = (contributions.contact_columns[f"forms.{key}"].load for key in ("entries", "last_entry"))
        assert count is not None
        assert last is not None
        assert count(session, ids) == {ids[0]: 1, ids[1]: 2}
        assert last(session, ids) == {
            ids[0]: NOON + timedelta(minutes=1),
            ids[1]: NOON + timedelta(minutes=2),
        }
        chosen = contributions.contact_filters["forms.form"]
        by_form = chosen.predicate(chosen.choices(session)[0].value)
        assert by_form is not None
        assert sorted(session.scalars(select(Contact.id).where(by_form))) == sorted(ids)
        assert chosen.predicate("x") is None
        day = NOON.astimezone(site.settings.zone).date()
        for value, number in ((f"{day}..{day}", 2), (f"..{day - timedelta(days=1)}", 0)):
            view = View(filters=(("forms.last_entry", (value,)),))
            assert len(session.scalars(contacts_of(site, view)).all()) == number
        load = next(one.load for one in contributions.contact_panels if one.key == "forms.entries")
        panel: Any = load(session, ids[1])
        assert panel.total == 2
        assert load(session, 987654) is None
        tile = contributions.overview_tiles[-1].load(session)
    assert tile is not None
    with count_queries(site) as one, site.session() as session:
        count(session, ids[:1])
    with count_queries(site) as many, site.session() as session:
        count(session, ids)
    assert len(one) == len(many) == 1


def test_f3_a_merged_name_column_is_datetime_on_both_databases(site: Site) -> None:
    _send(site, 1)
    with site.session() as session:
        contact_id = session.scalars(select(Contact.id)).one()
        load = site.contributions.contact_columns["forms.last_entry"].load
        assert load is not None
        moment = load(session, [contact_id])[contact_id]
    assert isinstance(moment, datetime)
    assert moment.tzinfo is not None


@pytest.mark.parametrize("nasty", ['"><script>alert(1)</script>', "{{7*7}}", "</textarea><b>"])
def test_t_x3_entries_are_shown_as_text(site: Site, client: Client, nasty: str) -> None:
    accepted, waiting = _send(site, 1, message=nasty, name=nasty), _send(site, 2, "honeypot", message=nasty)
    sign_in(site, client)
    for path in (
        "/dashboard/forms",
        "/dashboard/forms/quarantine",
        f"/dashboard/forms/entries/{accepted}",
        f"/dashboard/forms/entries/{waiting}",
    ):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "</textarea><b>" not in page.text


def test_t_z3_who_may_not_changes_nothing(site: Site, client: Client) -> None:
    entry_id = _send(site, 1, "honeypot")
    with site.session() as session:
        form_id = find_form(session, "contact").id
    sign_in(site, client, "assistant")
    for path in ("/dashboard/forms/all", "/dashboard/forms/new", f"/dashboard/forms/{form_id}"):
        assert client.get(path).status_code == 403
    for path in ("/dashboard/forms/new", f"/dashboard/forms/{form_id}"):
        assert client.post(path, data=_draft(EMAIL)).status_code == 403
    client.cookies.clear()
    for path in (
        f"/dashboard/forms/entries/{entry_id}/release",
        f"/dashboard/forms/entries/{entry_id}/delete",
        "/dashboard/forms/quarantine/empty",
    ):
        assert client.post(path, data={"up_to": "99"}).status_code == 303
    assert client.get("/dashboard/forms/entries.csv").status_code == 303
    with site.session() as session:
        assert session.scalar(select(func.count(Form.id))) == 1
        assert find_form(session, "contact").version == 1
    assert [one.state for one in entries(site)] == ["quarantined"]


def test_f1_the_demonstration_writes_believable_messages(site: Site) -> None:
    people = [
        DemoPerson(
            email=f"p{number}@example.org",
            details=Details(name=f"Person {number}", language="de" if number % 4 else "en"),
            since=NOON - timedelta(days=700 - number / 4),
        )
        for number in range(2400)
    ]
    add_history(site, Demo(random=Random(7), people=people, now=NOON))

    with site.session() as session:
        states = {
            row.state: row.number
            for row in session.execute(select(Entry.state, func.count().label("number")).group_by(Entry.state))
        }
        newest = session.scalar(select(func.max(Entry.occurred_at, type_=Entry.occurred_at.type)))
        assert session.scalar(select(func.count(Contact.id)).where(Contact.stage == "customer")) == 0
    assert states["quarantined"] == 3
    assert 100 <= states["accepted"] <= 130
    assert newest is not None
    assert newest <= NOON
    with make_client(site) as client:
        sign_in(site, client)
        assert client.get("/dashboard/forms").status_code == 200
