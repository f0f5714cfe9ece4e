"""The Module screen (FEATURES H2): what is installed, what each plugin adds, and the switch for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from core import state
from core.contributions import Contributions, collect
from core.errors import NotFound, PluginError
from core.plugins import Plugin, Refusal, plugin_of
from core.site import Site, builtin_keys
from core.web.requests import Request
from core.web.routing import get, post


@frozen(kw_only=True)
class Addition:
    """One kind of thing that a plugin adds: how it is called, and the labels of what there is of it."""

    label: str
    names: Sequence[str]


@frozen(kw_only=True)
class ModuleCard:
    """An installed plugin as the Module screen shows it."""

    key: str
    label: str
    description: str
    icon: str
    version: str
    package: str
    state: str
    refusal: str
    additions: Sequence[Addition]
    failures: Sequence[tuple[str, str, int, datetime]]


KINDS: Mapping[str, str] = {
    "nav_items": "Pages",
    "contact_fields": "Fields",
    "contact_columns": "Columns",
    "contact_panels": "Panels",
    "contact_filters": "Filters",
    "contact_actions": "Actions",
    "contact_bulk_actions": "Actions for many",
    "overview_tiles": "Tiles",
    "search_sources": "Search",
    "settings_fields": "Settings",
    "permissions": "Permissions",
}
"""Contribution → how the Module screen calls it, a message id."""


@get("/dashboard/modules", permission="site.modules")
def show_modules(request: Request) -> Response[str]:
    """All installed plugins, on, off or refused."""
    with request.site.session() as session:
        cards = module_cards(request.site, session)
    return request.page("site/modules.html", cards=cards)


@post("/dashboard/modules/{key:str}/{to:str}", permission="site.modules")
def switch_module(request: Request, key: FromPath[str], to: FromPath[str]) -> Response[str] | Redirect:
    """Switch a plugin "on" or "off" on every process."""
    if to not in ("on", "off"):
        raise NotFound("There is nothing here")
    try:
        site = request.site.switch(key, on=to == "on")
    except PluginError as error:
        with request.site.session() as session:
            cards = module_cards(request.site, session)
        return request.page("site/modules.html", status=409, cards=cards, problem=error)
    request.scope["state"]["site_changed"] = True
    # Named by the site on which it is on: only there it contributes its name.
    named = site if to == "on" else request.site
    label = named.language(request.language.code).text(named.plugin_label(key))
    text = "%(module)s is on." if to == "on" else "%(module)s is off. Its data is kept."
    undo = f"/dashboard/modules/{key}/{'off' if to == 'on' else 'on'}"
    return request.redirect("/dashboard/modules", text, undo=undo, module=label)


@post("/dashboard/modules/{key:str}/failures/forget", permission="site.modules")
def forget_failures(request: Request, key: FromPath[str]) -> Redirect:
    """Clear what is recorded of a plugin's failures."""
    with request.site.begin() as session:
        state.forget_failures(session, key)
    return request.redirect("/dashboard/modules", "The list of failures is empty again.")


def module_cards(site: Site, session: Session) -> list[ModuleCard]:
    """Every installed plugin with what it adds, also when it is off, and the refused ones with the reason."""
    reasons = {refusal.plugin: refusal for refusal in site.refused}
    failures: dict[str, list[tuple[str, str, int, datetime]]] = {}
    for failure in state.failures(session):
        failures.setdefault(failure.plugin, []).append((failure.place, failure.message, failure.count, failure.last_at))
    installed = [plugin for plugin in site.plugins.installed if plugin.key not in builtin_keys()]
    cards = [_card(site, plugin, reasons.pop(plugin.key, None), failures.get(plugin.key, [])) for plugin in installed]
    cards.extend(
        ModuleCard(
            key=refusal.plugin,
            label=refusal.plugin,
            description="",
            icon="warning",
            version="",
            package="",
            state="refused",
            refusal=refusal.message,
            additions=(),
            failures=(),
        )
        for refusal in reasons.values()
    )
    return cards


def _card(
    site: Site, plugin: Plugin, refusal: Refusal | None, failures: Sequence[tuple[str, str, int, datetime]]
) -> ModuleCard:
    is_on = plugin.key in site.enabled
    contributions = site.contributions if is_on else _alone(site, plugin)
    module = contributions.modules.get(plugin.key)
    return ModuleCard(
        key=plugin.key,
        label=module.label if module else plugin.key,
        description=module.description if module else "",
        icon=module.icon if module else "puzzle",
        version=plugin.version,
        package=plugin.package,
        state="refused" if refusal else "on" if is_on else "off",
        refusal=refusal.message if refusal else "",
        additions=additions(contributions, plugin.key),
        failures=failures,
    )


def _alone(site: Site, plugin: Plugin) -> Contributions:
    """What a plugin that is off would add."""
    wanted = set(builtin_keys())
    waiting = [plugin.key]
    while waiting:
        key = waiting.pop()
        if key not in wanted and key in site.plugins:
            wanted.add(key)
            waiting.extend(site.plugins[key].requires)
    return collect(site.plugins, frozenset(wanted))[0]


def additions(contributions: Contributions, plugin: str) -> list[Addition]:
    """What one plugin adds, kind by kind; kinds without anything are left out."""
    found = []
    for name, label in KINDS.items():
        values: Any = getattr(contributions, name)
        values = values.values() if isinstance(values, Mapping) else values
        names = [
            str(getattr(value, "label", "") or getattr(value, "title", ""))
            for value in values
            if plugin_of(value.key) == plugin
        ]
        if names:
            found.append(Addition(label=label, names=names))
    return found


ROUTES: list[Any] = [show_modules, switch_module, forget_failures]
