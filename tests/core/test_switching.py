"""Plugins are switched on and off without a restart, on every process; data stays (FEATURES H2, T-G3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.response import Response
from litestar.testing import TestClient
from sqlalchemy import select

from core import Activity, Capture, Request, Site, capture_contact, get
from core.errors import NotFound, PluginError
from core.plugins import make_plugin
from core.settings import Settings
from core.site import open_site
from core.state import PluginState, switch_plugin
from core.testing import make_client, make_site, sign_in
from core.values import Role
from core.web import application
from core.web.application import Application
from tests.sample_plugin import plugin as sample
from tests.sample_plugin.models import Heard, Points
from tests.support.plugins import plugin_module
from tests.support.sites import within

GERMAN = {"accept-language": "de"}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = make_site(tmp_path, sample, database_url=database_url)
    yield made
    made.close()


def _customer(site: Site) -> int:
    """A contact whom the sample plugin gives ten points."""
    with site.begin() as session:
        capture = Capture(
            email="ada@example.org",
            module="sample_plugin",
            activity=Activity(kind="sample_plugin.given", data={"points": 10}),
            makes_customer=True,
        )
        return capture_contact(session, site, capture).contact_id


def _points(site: Site) -> dict[int, int]:
    with site.session() as session:
        return {row.contact_id: row.points for row in session.scalars(select(Points))}


def _heard(site: Site) -> list[tuple[str, str]]:
    with site.session() as session:
        rows = session.scalars(select(Heard).where(Heard.hook.like("plugin_%")).order_by(Heard.id))
        return [(row.hook, row.detail) for row in rows]


def _recorded(site: Site) -> dict[str, bool]:
    with site.session() as session:
        return {row.plugin: row.enabled for row in session.scalars(select(PluginState))}


# Site.switch


def test_h2_a_plugin_found_for_the_first_time_is_on(site: Site) -> None:
    assert "sample_plugin" in site.enabled
    assert _recorded(site) == {"sample_plugin": True}


def test_t_g3_off_takes_everything_away_and_keeps_the_data(site: Site) -> None:
    contact_id = _customer(site)

    off = site.switch("sample_plugin", on=False)

    contributions = off.contributions
    assert "sample_plugin" not in off.enabled
    assert not [key for key in contributions.contact_columns if key.startswith("sample_plugin.")]
    assert not [key for key in contributions.contact_filters if key.startswith("sample_plugin.")]
    assert not [key for key in contributions.settings_fields if key.startswith("sample_plugin.")]
    assert not [key for key in contributions.permissions if key.startswith("sample_plugin.")]
    for values in (
        contributions.contact_panels,
        contributions.contact_actions,
        contributions.nav_items,
        contributions.overview_tiles,
    ):
        assert not [one.key for one in values if one.key.startswith("sample_plugin.")]
    assert not [plugin for plugin, _ in contributions.routers if plugin == "sample_plugin"]
    assert _customer(off) == contact_id
    assert _points(off) == {contact_id: 10}, "a plugin that is off is told nothing and loses nothing"


def test_t_g3_on_again_brings_everything_back(site: Site) -> None:
    contact_id = _customer(site)
    before = site.contributions

    on = site.switch("sample_plugin", on=False).switch("sample_plugin", on=True)

    assert list(on.contributions.contact_columns) == list(before.contact_columns)
    assert [one.key for one in on.contributions.contact_panels] == [one.key for one in before.contact_panels]
    assert _points(on) == {contact_id: 10}
    _customer(on)
    assert _points(on) == {contact_id: 20}


def test_h2_a_switch_outlives_the_process(site: Site, tmp_path: Path, database_url: str) -> None:
    site.switch("sample_plugin", on=False)

    again = make_site(tmp_path, sample, database_url=database_url)

    assert "sample_plugin" not in again.enabled
    again.close()


def test_h2_the_plugins_are_told_of_a_switch(site: Site) -> None:
    off = site.switch("sample_plugin", on=False)
    assert _heard(off) == [("plugin_disabled", "sample_plugin")]

    on = off.switch("sample_plugin", on=True)
    assert _heard(on) == [("plugin_disabled", "sample_plugin"), ("plugin_enabled", "sample_plugin")]


def test_h2_switching_twice_changes_and_tells_nothing(site: Site) -> None:
    off = site.switch("sample_plugin", on=False)
    again = off.switch("sample_plugin", on=False)

    assert again.revision == off.revision
    assert _heard(again) == [("plugin_disabled", "sample_plugin")]


@pytest.mark.parametrize("key", ["contact", "site", "staff", "message", "zone", "missing"])
def test_h2_what_is_no_installed_plugin_can_not_be_switched(site: Site, key: str) -> None:
    with pytest.raises(NotFound, match=f"There is no plugin '{key}'"):
        site.switch(key, on=False)

    assert _recorded(site) == {"sample_plugin": True}


def test_h2_a_plugin_that_another_needs_stays_on(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("paper"), plugin_module("notes", requires=("paper",)))

    with pytest.raises(PluginError, match=r"^'notes' needs 'paper'\. Switch that one off first\.$"):
        site.switch("paper", on=False)

    assert _recorded(site) == {"paper": True, "notes": True}
    off = site.switch("notes", on=False).switch("paper", on=False)
    assert not off.enabled & {"notes", "paper"}

    with pytest.raises(PluginError, match=r"^'notes' needs 'paper'\. Switch that one on first\.$"):
        off.switch("notes", on=True)

    assert _recorded(off) == {"paper": False, "notes": False}
    assert off.switch("paper", on=True).switch("notes", on=True).enabled >= {"notes", "paper"}
    site.close()


def test_h4_a_plugin_that_does_not_fit_is_not_switched_on(tmp_path: Path) -> None:
    mended = plugin_module("notes", contact_columns=lambda: list[Any]())
    site = make_site(tmp_path, mended)
    site.switch("notes", on=False)
    site.close()
    site = make_site(tmp_path, plugin_module("notes", contact_columns=lambda: [1]))

    with pytest.raises(PluginError, match="which takes Column values only"):
        site.switch("notes", on=True)

    assert _recorded(site) == {"notes": False}
    site.close()


def test_h2_switching_on_runs_the_migrations_that_came_meanwhile(tmp_path: Path, database_url: str) -> None:
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    make_site(tmp_path, database_url=database_url).close()
    # Opened without an upgrade, as a process that was started with the plugin's newer files already there.
    site = open_site(settings, [make_plugin(sample)], upgrade=False)
    with site.begin() as session:
        switch_plugin(session, "sample_plugin", on=False)
    on = site.refreshed().switch("sample_plugin", on=True)

    assert _points(on) == {}
    site.close()


# The Module screen


def _labels(client: TestClient[Application]) -> str:
    return client.get("/dashboard", headers=GERMAN).text


def test_h2_the_module_screen_switches_a_plugin_off_and_on(site: Site) -> None:
    contact_id = _customer(site)
    with make_client(site) as client:
        sign_in(site, client)
        assert client.get("/points").status_code == 200
        assert client.get("/dashboard/sample_plugin").status_code == 200
        assert "/dashboard/sample_plugin" in _labels(client)

        shown = client.post("/dashboard/modules/sample_plugin/off", headers=GERMAN)
        assert "Treue ist ausgeschaltet. Die Daten bleiben erhalten." in shown.text

        assert client.get("/points").status_code == 404
        assert client.get("/dashboard/sample_plugin").status_code == 404
        assert "/dashboard/sample_plugin" not in _labels(client)
        assert "Points given" not in _labels(client)
        assert _points(site) == {contact_id: 10}
        assert client.get("/dashboard/modules").status_code == 200

        shown = client.post("/dashboard/modules/sample_plugin/on", headers=GERMAN)
        assert "Treue ist eingeschaltet." in shown.text

        assert client.get("/points").status_code == 200
        assert "/dashboard/sample_plugin" in _labels(client)
        assert _points(site) == {contact_id: 10}


def test_h2_the_module_screen_lists_what_a_plugin_adds_also_when_it_is_off(site: Site) -> None:
    with make_client(site) as client:
        sign_in(site, client)
        on = client.get("/dashboard/modules", headers=GERMAN).text
        off = client.post("/dashboard/modules/sample_plugin/off", headers=GERMAN).text

    assert "Stufe, Punkte" in on
    assert "Stufe, Punkte" in off
    assert "Punkte für treue Kontakte" in off


def test_h2_the_module_screen_says_why_a_plugin_can_not_be_switched_off(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("paper"), plugin_module("notes", requires=("paper",)))
    with make_client(site) as client:
        sign_in(site, client)

        answer = client.post("/dashboard/modules/paper/off", headers=GERMAN)

        assert answer.status_code == 409
        assert "„notes“ braucht „paper“. Schalten Sie zuerst dieses Modul aus." in answer.text
    assert _recorded(site) == {"paper": True, "notes": True}


def test_h2_an_unknown_plugin_and_an_unknown_direction_change_nothing(site: Site) -> None:
    with make_client(site) as client:
        sign_in(site, client)

        assert client.post("/dashboard/modules/missing/off").status_code == 404
        assert client.post("/dashboard/modules/sample_plugin/sideways").status_code == 404

    assert _recorded(site) == {"sample_plugin": True}


@pytest.mark.parametrize("role", ["manager", "assistant"])
def test_t_z3_only_the_owner_switches_plugins(site: Site, role: Role) -> None:
    with make_client(site) as client:
        sign_in(site, client, role)

        assert client.get("/dashboard/modules").status_code == 403
        assert client.post("/dashboard/modules/sample_plugin/off").status_code == 403
        assert client.post("/dashboard/modules/sample_plugin/failures/forget").status_code == 403
        assert "/dashboard/modules" not in _labels(client)

    assert _recorded(site) == {"sample_plugin": True}


def test_t_z3_a_visitor_is_led_to_the_sign_in_page_and_switches_nothing(site: Site) -> None:
    with make_client(site) as client:
        for ask in (
            client.get("/dashboard/modules", follow_redirects=False),
            client.post("/dashboard/modules/sample_plugin/off", follow_redirects=False),
        ):
            assert ask.status_code == 303
            assert ask.headers["location"].startswith("/dashboard/sign-in")

    assert _recorded(site) == {"sample_plugin": True}


def test_t_x1_another_sites_page_switches_nothing(site: Site) -> None:
    with make_client(site) as client:
        sign_in(site, client)
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
        ):
            answer = client.post("/dashboard/modules/sample_plugin/off", headers=headers)
            assert answer.status_code == 403, headers

    assert _recorded(site) == {"sample_plugin": True}


# Every process


def test_h2_another_process_notices_a_switch_within_two_seconds(tmp_path: Path, database_url: str) -> None:
    assert application.CHECK_SECONDS < 2
    one, other = (make_site(tmp_path, sample, database_url=database_url) for _ in range(2))
    with make_client(one) as first, make_client(other) as second:
        sign_in(one, first)
        assert second.get("/points").status_code == 200

        first.post("/dashboard/modules/sample_plugin/off")
        assert within(2, lambda: second.get("/points").status_code == 404) < 2

        first.post("/dashboard/modules/sample_plugin/on")
        assert within(2, lambda: second.get("/points").status_code == 200) < 2


def test_h2_a_process_that_never_looks_again_does_not_notice(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the looking that makes a process notice."""
    one, other = (make_site(tmp_path, sample, database_url=database_url) for _ in range(2))
    with make_client(other) as second:
        assert second.get("/points").status_code == 200
        monkeypatch.setattr(application, "CHECK_SECONDS", 3600)

        one.switch("sample_plugin", on=False)

        assert second.get("/points").status_code == 200
    one.close()


def test_h2_a_setting_saved_by_one_process_is_seen_by_another(tmp_path: Path, database_url: str) -> None:
    one, other = (make_site(tmp_path, sample, database_url=database_url) for _ in range(2))
    with make_client(one) as first, make_client(other) as second:
        sign_in(one, first)
        first.post(
            "/dashboard/settings",
            data={"site.name": "Zettelladen", "site.accent": "#112233", "sample_plugin.word": "Stempel"},
        )

        within(2, lambda: "Stempel" in second.get("/points").text)

        # A page that was opened before the plugin was switched on knows nothing of its settings, and empties none.
        first.post("/dashboard/settings", data={"site.name": "Zettelkasten"})
        within(2, lambda: "Zettelkasten" in second.get("/").text)
        assert "Stempel" in second.get("/points").text


def test_h2_a_request_on_its_way_ends_on_the_site_it_came_to(tmp_path: Path, database_url: str) -> None:
    """A page that switches itself off in the middle is still rendered with its own template."""

    @get("/dashboard/notes", public=True)
    def page(request: Request) -> Response[str]:
        request.site.switch("sample_plugin", on=False)
        return request.page("sample_plugin/about.html", word="Stempel")

    notes = plugin_module("notes", routers=lambda: [page])
    site = make_site(tmp_path, sample, notes, database_url=database_url)
    with make_client(site) as client:
        answer = client.get("/dashboard/notes")
        assert (answer.status_code, "Stempel" in answer.text) == (200, True)
        within(2, lambda: client.get("/points").status_code == 404)
