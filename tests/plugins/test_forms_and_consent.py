"""Forms and consent on one site: strangers to each other, working together through the hooks (H1)."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from core import Demo, DemoPerson, Details, Site
from core.testing import make_client, make_site, sign_in
from plugins.consent import plugin as consent
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.forms import plugin as forms
from plugins.forms.guarding import page_token, snippet_token
from plugins.forms.models import Entry
from tests.plugins.forms.conftest import ANSWERS, an_hour_old, fill_in, token_of

PLUGINS = Path(consent.__file__).parent.parent


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    def prepare(url: str) -> None:
        make_site(tmp_path, forms, consent, database_url=url).close()

    made = make_site(tmp_path, forms, consent, database_url=fresh_database("forms+consent", prepare))
    yield made
    made.close()


def _events(site: Site) -> list[ConsentEvent]:
    with site.session() as session:
        return list(session.scalars(select(ConsentEvent)))


@pytest.mark.parametrize("plugin", ["forms", "consent"])
def test_h1_a_plugin_imports_the_core_and_itself_only(plugin: str) -> None:
    for file in (PLUGINS / plugin).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert not name.startswith("core."), f"{file}: {name}"
                assert not name.startswith("plugins.") or name.startswith(f"plugins.{plugin}"), f"{file}: {name}"
    assert not (PLUGINS / "__init__.py").exists()


def test_k1_the_box_is_not_ticked_and_what_is_ticked_is_recorded_as_shown(site: Site) -> None:
    with make_client(site) as client:
        page = client.get("/forms/contact").text
        assert 'name="consent.marketing"' in page
        assert "checked" not in page[page.index('name="consent.marketing"') :].split(">")[0]
        fill_in(site, client, email="no@example.org")
        assert not _events(site)
        fill_in(site, client, **{"consent.marketing": "1"})

    event = _events(site)[0]
    assert (event.to_state, event.form, event.email) == ("pending", "forms.entry", "Aenne@Example.org")
    assert event.page == "http://127.0.0.1:8000/forms/contact"
    assert event.wording in page
    with site.session() as session:
        assert session.scalar(select(Entry.boxes).where(Entry.email == "Aenne@Example.org")) == [
            {"key": "consent.marketing", "wording": event.wording, "ticked": True}
        ]


def test_k1_a_wording_that_changed_in_between_is_asked_again(site: Site) -> None:
    with make_client(site) as client:
        client.follow_redirects = False
        old = page_token(site, "contact", [], datetime.now(UTC) - timedelta(hours=1))
        answer = client.post("/forms/contact", data={**ANSWERS, "token": old, "consent.marketing": "1"})
        assert answer.status_code == 422
        assert "Dieser Text hat sich geändert" in answer.text
        box = answer.text[answer.text.index('name="consent.marketing"') :].split(">")[0]
        assert "checked" not in box
        assert not _events(site)
        # The same page without a tick has nothing to prove.
        assert client.post("/forms/contact", data={**ANSWERS, "token": old}).status_code == 303


def test_k1_plain_html_on_another_website_agrees_to_nothing(site: Site) -> None:
    with make_client(site) as client:
        client.post(
            "/forms/contact",
            data={**ANSWERS, "token": snippet_token(site, "contact"), "consent.marketing": "1"},
        )
    assert not _events(site)
    with site.session() as session:
        assert session.scalar(select(func.count(Entry.id)).where(Entry.state == "accepted")) == 1


def test_f2_a_consent_in_quarantine_counts_when_it_is_released(site: Site) -> None:
    with make_client(site) as client:
        client.follow_redirects = False
        fill_in(site, client, **{"consent.marketing": "1", "website": "x"})
        assert not _events(site)
        sign_in(site, client)
        with site.session() as session:
            entry = session.scalars(select(Entry)).one()
        client.post(f"/dashboard/forms/entries/{entry.id}/release")

    event = _events(site)[0]
    assert event.to_state == "pending"
    assert abs(event.occurred_at - entry.occurred_at) < timedelta(seconds=1)


def test_h4_a_broken_plugin_costs_no_entry(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.consent import asking

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    with make_client(site) as client:
        client.follow_redirects = False
        token = an_hour_old(site, token_of(client.get("/forms/contact").text))
        monkeypatch.setattr(asking, "record_ticks", broken)
        answer = client.post("/forms/contact", data={**ANSWERS, "token": token, "consent.marketing": "1"})
    assert answer.status_code == 303
    with site.session() as session:
        assert session.scalar(select(func.count(Entry.id)).where(Entry.state == "accepted")) == 1
    assert not _events(site)


def test_k1_the_demonstration_asks_those_who_are_contacts(site: Site) -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    people = [
        DemoPerson(
            email=f"p{number}@example.org",
            details=Details(name=f"Person {number}", language="de"),
            since=now - timedelta(days=700 - number / 4),
        )
        for number in range(2000)
    ]
    demo = Demo(random=Random(3), people=people, now=now)
    for implementation in site.plugins.implementations("demo_history", site.enabled):
        implementation(site=site, demo=demo)

    with site.session() as session:
        states = {
            (row.purpose, row.state): row.number
            for row in session.execute(
                select(ConsentState.purpose, ConsentState.state, func.count().label("number")).group_by(
                    ConsentState.purpose, ConsentState.state
                )
            )
        }
        newest = session.scalar(select(func.max(ConsentEvent.occurred_at, type_=ConsentEvent.occurred_at.type)))
    assert states["marketing", "subscribed"] > 30
    assert states["marketing", "expired"] > 0
    assert states["marketing", "unsubscribed"] > 0
    assert states["system", "subscribed"] > 20
    assert newest is not None
    assert newest <= now


def test_p1_the_panels_say_what_was_sent_and_agreed_to(site: Site) -> None:
    from core.web.rendering import environment

    with make_client(site) as client:
        fill_in(site, client, message="<b>Guten Tag</b>", **{"consent.marketing": "1"})
    shown = {}
    for panel in site.contributions.contact_panels:
        with site.session() as session:
            value = panel.load(session, 1)
        if value is None:
            continue
        template = environment(site, site.language("de")).get_template(panel.template)
        shown[panel.key] = template.render(panel=value, site_name="Tresen", allows=lambda permission: True)

    assert "&lt;b&gt;Guten Tag&lt;/b&gt;" in shown["forms.entries"]
    assert "Bestätigung offen" in shown["consent.all"]
    assert "Nie gefragt" in shown["consent.all"]
    assert "/dashboard/consent/1" in shown["consent.all"]


def test_h8_every_text_of_both_plugins_has_its_german(site: Site) -> None:
    german = site.language("de").translations
    missing = []
    for plugin in ("forms", "consent"):
        for file in (PLUGINS / plugin / "templates").rglob("*.html"):
            source = file.read_text(encoding="utf-8")
            ids = re.findall(r"\b_\('([^']+)'", source) + re.findall(r"ngettext\('([^']+)'", source)
            missing += [f"{file.name}: {one}" for one in ids if german.gettext(one) == one and one not in SAME]
        for file in (PLUGINS / plugin).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                texts = []
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    wanted = ("InvalidInput", "NotFound", "Conflict", "ConsentRefused", "wrong", "redirect")
                    arguments = node.args[1:] if name in ("wrong", "redirect") else node.args[:1]
                    texts = arguments[:1] if name in wanted else []
                    texts += [
                        one.value
                        for one in node.keywords
                        if one.arg in ("label", "title", "description", "hint", "detail", "source")
                        or (one.arg == "text" and name == "ActivityKind")
                    ]
                words = [one.value for one in texts if isinstance(one, ast.Constant) and one.value]
                missing += [
                    f"{file.name}: {one}"
                    for one in words
                    if isinstance(one, str) and german.gettext(one) == one and one not in SAME
                ]
    assert not missing


SAME = {"Name", "Code", "Newsletter"}
