"""Plugins that do not fit are refused with a sentence; the site goes on without them (FEATURES H4, T-G1)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from threading import Event
from time import monotonic
from types import ModuleType
from typing import Any

import pytest

from core.plugins import Call, Plugins, Refusal, SideBySide, discover, make_plugin
from core.settings import Settings
from core.site import open_site
from core.testing import make_client, make_site, sign_in
from core.values import Module
from tests.support.plugins import plugin_module


def nothing() -> list[object]:
    return []


def _registered(*modules: ModuleType) -> Plugins:
    return Plugins([make_plugin(module) for module in modules])


def _kept(plugins: Plugins) -> list[str]:
    return [plugin.key for plugin in plugins.installed]


@pytest.fixture
def folder_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which modules can be imported; what was imported is forgotten afterwards."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(folder):
            del sys.modules[name]


# Registration


def test_h4_an_unknown_hook_is_refused_by_name() -> None:
    plugins = _registered(plugin_module("notes", contact_colums=nothing), plugin_module("ok", contact_columns=nothing))

    assert plugins.refused == (
        Refusal(
            plugin="notes",
            message="Plugin 'notes' implements the unknown hook 'contact_colums'. "
            "docs/hooks.md lists all hooks; correct the name or remove the function.",
        ),
    )
    assert _kept(plugins) == ["ok"]
    assert plugins.implementations("contact_columns")[0].plugin == "ok"


def test_h4_a_name_of_the_hooks_module_that_is_no_hook_is_unknown_too() -> None:
    plugins = _registered(plugin_module("notes", Column=nothing))

    assert "unknown hook 'Column'" in plugins.refused[0].message


def test_h4_an_unknown_hook_under_another_name_is_refused() -> None:
    from core import hookimpl

    module = ModuleType("notes")
    module.contact_columns = hookimpl(specname="contact_colums")(lambda: [1])  # type: ignore[attr-defined]

    plugins = _registered(module, plugin_module("ok", contact_columns=nothing))

    assert "unknown hook 'contact_colums'" in plugins.refused[0].message
    assert _kept(plugins) == ["ok"]


def test_h4_a_misnamed_argument_is_refused() -> None:
    def contact_created(session: object, contact: int) -> None: ...

    plugins = _registered(
        plugin_module("notes", contact_columns=nothing, contact_created=contact_created),
        plugin_module("ok", contact_columns=nothing),
    )

    assert [refusal.message for refusal in plugins.refused] == [
        "Plugin 'notes' takes the argument 'contact' in its hook 'contact_created', which has session, site, "
        "contact_id. Correct the name or leave it out."
    ]
    assert [one.plugin for one in plugins.implementations("contact_columns")] == ["ok"]


def test_h4_an_argument_of_a_hook_that_has_none_is_refused() -> None:
    plugins = _registered(plugin_module("notes", contact_columns=lambda site: []))

    assert [refusal.message for refusal in plugins.refused] == [
        "Plugin 'notes' takes the argument 'site' in its hook 'contact_columns', which has none. "
        "Correct the name or leave it out."
    ]


def test_h4_an_argument_with_a_default_is_the_plugins_own() -> None:
    plugins = _registered(plugin_module("notes", contact_columns=lambda limit=3: [limit]))

    assert plugins.refused == ()
    assert plugins.implementations("contact_columns")[0]() == [3]


def test_h4_a_wrapper_is_refused() -> None:
    from core import hookimpl

    def contact_columns() -> Any:
        yield

    module = ModuleType("notes")
    module.contact_columns = hookimpl(wrapper=True)(contact_columns)  # type: ignore[attr-defined]

    assert [refusal.message for refusal in _registered(module).refused] == [
        "Plugin 'notes' wraps the hook 'contact_columns', which can't be done. Write it as a plain @hookimpl."
    ]


def test_h4_one_module_under_two_names_is_refused_once() -> None:
    module = plugin_module("notes", contact_columns=nothing)

    plugins = Plugins([make_plugin(module), make_plugin(module, "other")])

    assert _kept(plugins) == ["notes"]
    assert plugins.refused[0].message.startswith("Plugin 'other' can't be registered: ")


# Requirements


def test_h4_a_missing_requirement_is_refused() -> None:
    plugins = _registered(plugin_module("notes", requires=("paper",)), plugin_module("ok"))

    assert [refusal.message for refusal in plugins.refused] == [
        "Plugin 'notes' requires 'paper', which is not installed or requires it in turn. "
        "Install it, or remove the requirement."
    ]
    assert _kept(plugins) == ["ok"]


def test_h4_plugins_that_require_each_other_are_refused() -> None:
    plugins = _registered(plugin_module("a", requires=("b",)), plugin_module("b", requires=("a",)))

    assert {refusal.plugin for refusal in plugins.refused} == {"a", "b"}
    assert _kept(plugins) == []


def test_h2_a_plugin_comes_after_those_it_requires() -> None:
    plugins = _registered(
        plugin_module("a", requires=("c",), contact_columns=nothing),
        plugin_module("b", contact_columns=nothing),
        plugin_module("c", contact_columns=nothing),
    )

    assert _kept(plugins) == ["b", "c", "a"]
    assert [one.plugin for one in plugins.implementations("contact_columns")] == ["b", "c", "a"]


def test_h4_a_plugin_that_requires_a_refused_one_is_refused_at_registration(tmp_path: Path) -> None:
    site = make_site(
        tmp_path,
        plugin_module("paper", contact_colums=nothing),
        plugin_module("notes", requires=("paper",)),
        plugin_module("ok"),
    )

    assert [refusal.message for refusal in site.refused][1:] == [
        "Plugin 'notes' requires 'paper', which was refused. Mend that one first."
    ]
    assert site.enabled >= {"ok"}
    assert not site.enabled & {"notes", "paper"}
    site.close()


def test_h4_a_plugin_that_requires_a_refused_one_is_refused_for_its_contributions(tmp_path: Path) -> None:
    site = make_site(
        tmp_path,
        plugin_module("paper", contact_columns=lambda: 1 / 0),
        plugin_module("notes", requires=("paper",)),
    )

    assert [refusal.plugin for refusal in site.refused] == ["paper", "notes"]
    assert site.refused[1].message == "Plugin 'notes' requires 'paper', which was refused. Mend that one first."
    site.close()


def test_h4_a_plugin_that_comes_to_a_site_where_its_requirement_is_off_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("paper"))
    site.switch("paper", on=False)
    site.close()

    site = make_site(tmp_path, plugin_module("paper"), plugin_module("notes", requires=("paper",)))

    assert [refusal.message for refusal in site.refused] == [
        "Plugin 'notes' requires 'paper', which is off. Switch that one on first."
    ]
    assert site.switch("paper", on=True).refused == ()
    site.close()


# Discovery


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import paper_that_is_missing", "ModuleNotFoundError: No module named 'paper_that_is_missing'"),
        ("raise ValueError('first line\\nsecond line')", "ValueError: first line"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise KeyError", "KeyError"),
        ("def broken(:", "SyntaxError: invalid syntax (broken_notes.py, line 1)"),
    ],
)
def test_h4_a_plugin_that_can_not_be_imported_is_refused(folder_of_modules: Path, source: str, sentence: str) -> None:
    (folder_of_modules / "broken_notes.py").write_text(source)
    (folder_of_modules / "good_notes.py").write_text("")

    found, refused = discover(("broken_notes", "good_notes"))

    assert Refusal(plugin="broken_notes", message=f"Plugin 'broken_notes' can't be loaded: {sentence}") in refused
    assert "good_notes" in [plugin.key for plugin in found]


def test_h4_two_plugins_of_one_name_are_refused(folder_of_modules: Path) -> None:
    for package in ("one_house", "other_house"):
        (folder_of_modules / package).mkdir()
        (folder_of_modules / package / "notes.py").write_text("")

    found, refused = discover(("one_house.notes", "other_house.notes"))

    assert [plugin.package for plugin in found if plugin.key == "notes"] == ["one_house"]
    assert [refusal.message for refusal in refused if refusal.plugin == "notes"] == [
        "Plugin 'notes' is installed twice (one_house, other_house). Remove or rename one."
    ]


def test_h3_a_plugin_with_a_name_that_is_no_key_is_refused(folder_of_modules: Path) -> None:
    (folder_of_modules / "My_Notes.py").write_text("")

    assert [refusal.message for refusal in discover(("My_Notes",))[1] if refusal.plugin == "My_Notes"] == [
        "Plugin 'My_Notes' can't be loaded: PluginError: Plugin 'My_Notes' needs another name: small "
        "letters, digits and underscores, a letter first."
    ]


def test_h3_an_installed_package_with_the_entry_point_is_found(folder_of_modules: Path) -> None:
    (folder_of_modules / "acme_notes.py").write_text("")
    metadata = folder_of_modules / "acme_notes-1.4.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-notes\nVersion: 1.4\n")
    (metadata / "entry_points.txt").write_text("[tresen.plugins]\nacme = acme_notes\n")

    found = {plugin.key: plugin for plugin in discover()[0]}

    assert found["acme"].version == "1.4"
    assert found["acme"].folder == folder_of_modules


def test_h4_the_module_screen_shows_why_a_plugin_can_not_be_loaded(folder_of_modules: Path, tmp_path: Path) -> None:
    (folder_of_modules / "broken_notes.py").write_text("import paper_that_is_missing")
    site = open_site(Settings(data_dir=tmp_path / "data", plugins=("broken_notes",)))

    with make_client(site) as client:
        sign_in(site, client)
        page = unescape(client.get("/dashboard/modules").text)

    assert "Plugin 'broken_notes' can't be loaded: ModuleNotFoundError: No module named 'paper_that_is_missing'" in page


def _screen(tmp_path: Path, *modules: ModuleType) -> str:
    """The Module screen of a site with these plugins, as its owner reads it."""
    site = make_site(tmp_path, *modules)
    with make_client(site) as client:
        sign_in(site, client)
        assert client.get("/readyz").status_code == 200
        answer = client.get("/dashboard/modules")
    assert answer.status_code == 200
    return unescape(answer.text)


def test_h4_the_module_screen_names_a_refused_plugin_and_the_others_go_on(tmp_path: Path) -> None:
    page = _screen(
        tmp_path,
        plugin_module("notes", contact_colums=nothing),
        plugin_module("fine", modules=lambda: [Module(key="fine", label="Feine Sache")]),
    )

    assert "Plugin 'notes' implements the unknown hook 'contact_colums'." in page
    assert "Feine Sache" in page


def test_h4_a_refused_plugin_can_be_switched_off(tmp_path: Path) -> None:
    site = make_site(tmp_path, plugin_module("notes", contact_columns=lambda: 1 / 0))
    with make_client(site) as client:
        sign_in(site, client)
        assert "ZeroDivisionError" in client.get("/dashboard/modules").text
        client.post("/dashboard/modules/notes/off")

    site = site.refreshed()
    assert site.refused == ()
    assert "notes" not in site.enabled


# Side by side


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A function that hangs until the test is over."""
    over = Event()
    yield lambda: over.wait(60) and None
    over.set()


def _call(plugin: str, function: Callable[[], object]) -> Call:
    return Call(plugin=plugin, place=f"{plugin}.thing", function=function)


def test_t_g1_a_hanging_call_is_given_up_within_the_budget(hang: Callable[[], None]) -> None:
    side_by_side = SideBySide()
    started = monotonic()

    outcomes = side_by_side.run([_call("bad", hang), _call("good", lambda: 7), _call("bad", hang)], budget=0.2)

    assert monotonic() - started < 2
    assert [outcome.value for outcome in outcomes] == [None, 7, None]
    failures = [outcome.failure for outcome in outcomes]
    assert failures[1] is None
    assert [(one.plugin, one.place, one.message) for one in failures if one] == [
        ("bad", "bad.thing", "took too long")
    ] * 2
    side_by_side.close()


def test_t_g1_after_some_hanging_calls_a_plugin_fails_at_once_and_others_answer(
    hang: Callable[[], None],
) -> None:
    side_by_side = SideBySide(threads=4, patience=3)
    side_by_side.run([_call("bad", hang)] * 3, budget=0.05)
    started = monotonic()

    outcomes = side_by_side.run([_call("bad", hang), _call("good", lambda: 7)], budget=30)

    assert monotonic() - started < 10
    assert outcomes[0].failure is not None
    assert outcomes[0].failure.message == "still busy with earlier calls"
    assert outcomes[1].value == 7
    side_by_side.close()


def test_t_g1_a_plugin_whose_hanging_calls_have_ended_is_asked_again() -> None:
    side_by_side = SideBySide(threads=4, patience=2)
    over = Event()
    side_by_side.run([_call("bad", over.wait)] * 2, budget=0.05)
    assert side_by_side.run([_call("bad", lambda: 1)], budget=5)[0].failure is not None

    over.set()
    side_by_side.close()
    side_by_side._pool.shutdown(wait=True)  # type: ignore[union-attr]
    side_by_side._pool = None

    assert side_by_side.run([_call("bad", lambda: 1)], budget=5)[0].value == 1
    side_by_side.close()


@pytest.mark.parametrize(
    ("error", "message"),
    [(ValueError("no paper"), "ValueError: no paper"), (SystemExit(1), "RuntimeError: called sys.exit()")],
)
def test_t_g1_a_call_that_raises_is_a_failure_that_names_the_plugin(error: BaseException, message: str) -> None:
    side_by_side = SideBySide()

    def fail() -> None:
        raise error

    outcomes = side_by_side.run([_call("bad", fail), _call("good", lambda: 7)], budget=5)

    assert outcomes[0].failure is not None
    assert (outcomes[0].failure.plugin, outcomes[0].failure.message) == ("bad", message)
    assert outcomes[1].value == 7
    side_by_side.close()
