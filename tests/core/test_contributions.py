"""What plugins contribute is checked: the sentence of every mistake (FEATURES H4, DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import litestar
import pytest

from core import (
    Action,
    Column,
    ContactField,
    Module,
    NavItem,
    Panel,
    Permission,
    Request,
    SearchSource,
    Tile,
    TileData,
    get,
)
from core.contributions import Contributions, collect
from core.plugins import Plugins, Refusal, make_plugin
from core.testing import make_client, make_site, sign_in
from core.web.routing import is_declared
from tests.support.plugins import plugin_module


def no_values(session: object, contact_ids: Sequence[int]) -> Mapping[int, object]:
    return {}


def no_write(*values: object) -> None:
    return None


def column(key: str, **options: Any) -> Column:
    return Column(key=key, label=key, load=no_values, **options)


def page(path: str, **options: Any) -> Any:
    def show(request: Request) -> str:
        return ""

    return get(path, **options)(show)


def collected(*modules: ModuleType) -> tuple[Contributions, list[Refusal]]:
    plugins = Plugins([make_plugin(module) for module in modules])
    contributions, refused = collect(plugins, frozenset(plugin.key for plugin in plugins.installed))
    return contributions, [*plugins.refused, *refused]


def sentences(*modules: ModuleType) -> list[tuple[str, str]]:
    return [(refusal.plugin, refusal.message) for refusal in collected(*modules)[1]]


def columns_of(name: str, *keys: str, **options: Any) -> ModuleType:
    return plugin_module(name, contact_columns=lambda: [column(key, **options) for key in keys])


def test_h4_a_key_of_two_plugins_is_refused() -> None:
    assert sentences(columns_of("notes", "notes.last"), columns_of("paper", "notes.last")) == [
        ("paper", "Column 'notes.last' is contributed twice (notes, paper). Rename one key.")
    ]


def test_h4_a_key_twice_in_one_plugin_is_refused() -> None:
    assert sentences(columns_of("notes", "notes.last", "notes.last")) == [
        ("notes", "Column 'notes.last' is contributed twice (notes, notes). Rename one key.")
    ]


def test_h4_a_key_of_another_plugin_is_refused() -> None:
    assert sentences(columns_of("acme", "notes.last")) == [
        (
            "acme",
            "Column 'notes.last' is contributed by plugin 'acme' (acme), but its key belongs to another. "
            "Start the key with 'acme'.",
        )
    ]


def test_h4_the_owner_of_a_key_is_not_hurt_by_one_who_takes_it() -> None:
    contributions, refused = collected(columns_of("acme", "notes.last"), columns_of("notes", "notes.last"))

    assert [refusal.plugin for refusal in refused] == ["acme"]
    assert list(contributions.contact_columns) == ["notes.last"]


def test_h4_a_value_of_the_wrong_type_is_refused() -> None:
    module = plugin_module("notes", contact_columns=lambda: [column("notes.a"), "notes.b"])

    assert sentences(module) == [
        (
            "notes",
            "Plugin 'notes' answers 'notes.b' from its hook 'contact_columns', which takes Column values "
            "only. Return Column(…).",
        )
    ]


@pytest.mark.parametrize(("answer", "shown"), [(None, "None"), ("notes.b", "'notes.b'"), (7, "7")])
def test_h4_an_answer_that_is_no_list_is_refused(answer: object, shown: str) -> None:
    assert sentences(plugin_module("notes", contact_panels=lambda: answer)) == [
        ("notes", f"Plugin 'notes' answers {shown} from its hook 'contact_panels'. Return a list of Panel.")
    ]


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ValueError("no paper\nmore"), "ValueError: no paper"),
        (SystemExit(3), "SystemExit: 3"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_h4_a_hook_that_raises_is_refused(error: BaseException, named: str) -> None:
    def nav_items() -> list[NavItem]:
        raise error

    contributions, refused = collected(
        plugin_module("notes", nav_items=nav_items, contact_columns=lambda: [column("notes.a")]),
        columns_of("ok", "ok.a"),
    )

    assert [refusal.message for refusal in refused] == [
        f"Plugin 'notes' failed in its hook 'nav_items': {named}. Mend the hook or switch the plugin off."
    ]
    assert list(contributions.contact_columns) == ["ok.a"]


def test_h4_an_answer_that_fails_while_it_is_read_is_refused() -> None:
    def contact_columns() -> Any:
        yield column("notes.a")
        raise ValueError("no more paper")

    contributions, refused = collected(plugin_module("notes", contact_columns=contact_columns))

    assert len(refused) == 1
    assert "no more paper" in refused[0].message
    assert contributions.contact_columns == {}


def test_h4_a_value_that_is_wrong_in_itself_says_why() -> None:
    module = plugin_module("notes", contact_columns=lambda: [Column(key="notes.a", label="A")])

    assert sentences(module) == [
        (
            "notes",
            "Plugin 'notes' failed in its hook 'contact_columns': ValueError: Column 'notes.a' needs either "
            "expression= or load=, and not both.. Mend the hook or switch the plugin off.",
        )
    ]


def test_h4_a_key_without_its_plugin_says_how_keys_look() -> None:
    ((_, message),) = sentences(plugin_module("notes", contact_columns=lambda: [column("last")]))

    assert "Column key 'last' must look like 'plugin.name'" in message


def test_h4_a_route_of_two_plugins_is_refused() -> None:
    assert sentences(
        plugin_module("notes", routers=lambda: [page("/paper", public=True)]),
        plugin_module("paper", routers=lambda: [page("/paper", public=True)]),
    ) == [
        ("paper", "Route 'GET /paper' is contributed twice (notes, paper). Change one path."),
    ]


def test_h4_a_route_twice_in_one_plugin_is_refused() -> None:
    module = plugin_module("notes", routers=lambda: [page("/a", public=True), page("/a", public=True)])

    assert sentences(module) == [("notes", "Route 'GET /a' is contributed twice (notes, notes). Change one path.")]


def test_t_z7_a_route_without_a_declaration_is_refused() -> None:
    @litestar.get("/paper", sync_to_thread=False)
    def undeclared() -> str:
        return ""

    assert sentences(plugin_module("notes", routers=lambda: [undeclared])) == [
        (
            "notes",
            "Route 'GET /paper' of plugin 'notes' declares no permission. "
            "Make it with core.get or core.post, and permission= or public=True or customer=True.",
        )
    ]


def test_t_z7_a_page_for_customers_lies_in_the_client_zone() -> None:
    assert is_declared(page("/account/paper", customer=True))
    with pytest.raises(ValueError, match="is for customers: let it begin with /account/"):
        page("/accounts", customer=True)


@pytest.mark.parametrize(
    "options", [{}, {"permission": "notes.see", "public": True}, {"public": True, "customer": True}]
)
def test_t_z7_a_route_declares_exactly_one_of_permission_and_public(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs either permission= or public=True or customer=True, and only one"):
        page("/paper", **options)


def _values_that_ask(permission: str) -> dict[str, tuple[str, Callable[[], list[Any]]]]:
    return {
        "routers": ("Route 'GET /paper'", lambda: [page("/paper", permission=permission)]),
        "contact_columns": ("Column 'notes.a'", lambda: [column("notes.a", permission=permission)]),
        "contact_fields": (
            "ContactField 'notes.a'",
            lambda: [ContactField(key="notes.a", label="A", write=no_write, permission=permission)],
        ),
        "contact_panels": (
            "Panel 'notes.a'",
            lambda: [Panel(key="notes.a", title="A", template="notes/a.html", load=no_values, permission=permission)],
        ),
        "contact_actions": (
            "Action 'notes.a'",
            lambda: [Action(key="notes.a", label="A", href="/a", permission=permission)],
        ),
        "nav_items": (
            "NavItem 'notes.a'",
            lambda: [NavItem(key="notes.a", label="A", href="/a", permission=permission)],
        ),
        "overview_tiles": (
            "Tile 'notes.a'",
            lambda: [Tile(key="notes.a", title="A", load=lambda session: TileData(value=1), permission=permission)],
        ),
        "search_sources": (
            "SearchSource 'notes.a'",
            lambda: [
                SearchSource(key="notes.a", label="A", search=lambda session, text, limit: [], permission=permission)
            ],
        ),
    }


@pytest.mark.parametrize("hook", sorted(_values_that_ask("")))
def test_t_z7_a_permission_that_nobody_declares_is_refused(hook: str) -> None:
    name, answer = _values_that_ask("notes.sse")[hook]

    assert sentences(plugin_module("notes", **{hook: answer})) == [
        (
            "notes",
            f"{name} of plugin 'notes' asks for the permission 'notes.sse', which nobody declares. "
            "Declare it in the hook 'permissions'.",
        )
    ]


def test_a_plugin_may_ask_for_the_permission_of_one_before_it() -> None:
    declaring = plugin_module("notes", permissions=lambda: [Permission(key="notes.see", label="See")])
    asking = plugin_module("paper", requires=("notes",), routers=lambda: [page("/p", permission="notes.see")])

    assert sentences(declaring, asking) == []


def test_contributions_are_sorted_by_order_then_key_and_can_not_be_changed() -> None:
    contributions, _ = collected(
        columns_of("zoo", "zoo.first", order=1),
        columns_of("acme", "acme.b", "acme.a"),
        columns_of("b", "b.a"),
    )

    assert list(contributions.contact_columns) == ["zoo.first", "acme.a", "acme.b", "b.a"]
    with pytest.raises(TypeError):
        contributions.contact_columns["acme.c"] = column("acme.c")  # type: ignore[index]


def test_h4_nothing_of_a_refused_plugin_is_on_the_site_and_the_module_screen_says_why(tmp_path: Path) -> None:
    bad = plugin_module(
        "notes",
        modules=lambda: [Module(key="notes", label="Zettelkasten")],
        nav_items=lambda: [NavItem(key="notes.all", label="Alle Zettel", href="/dashboard/notes")],
        routers=lambda: [page("/dashboard/notes", public=True)],
        contact_columns=lambda: [column("paper.last")],
    )
    good = plugin_module("paper", routers=lambda: [page("/paper", public=True)])
    site = make_site(tmp_path, bad, good)

    with make_client(site) as client:
        sign_in(site, client)
        screen = unescape(client.get("/dashboard/modules").text)
        assert client.get("/paper").status_code == 200
        assert client.get("/dashboard/notes").status_code == 404

    assert "Alle Zettel" not in screen
    assert (
        "Column 'paper.last' is contributed by plugin 'notes' (notes), but its key belongs to another. "
        "Start the key with 'notes'." in screen
    )
