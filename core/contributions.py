"""What the enabled plugins contribute: collected once, checked, sorted and frozen.

A plugin whose contributions do not fit is refused as a whole, with a sentence that says who, what, and the way out
(FEATURES H4); the site goes on without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from attrs import frozen
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from core.errors import PluginError
from core.plugins import Plugin, Plugins, Refusal, by_key, describe, plugin_of
from core.values import (
    Action,
    ActivityKind,
    BulkAction,
    Check,
    Column,
    Command,
    ContactField,
    Filter,
    ImportChoice,
    Job,
    MessageTemplate,
    Module,
    NavItem,
    Panel,
    PaymentMethod,
    Permission,
    SearchSource,
    SettingsField,
    Tile,
    ZoneSection,
)
from core.web.routing import is_declared

KINDS: Mapping[str, type] = MappingProxyType(
    {
        "modules": Module,
        "permissions": Permission,
        "routers": HTTPRouteHandler,
        "nav_items": NavItem,
        "settings_fields": SettingsField,
        "activity_kinds": ActivityKind,
        "contact_fields": ContactField,
        "contact_columns": Column,
        "contact_filters": Filter,
        "contact_panels": Panel,
        "contact_actions": Action,
        "contact_bulk_actions": BulkAction,
        "overview_tiles": Tile,
        "message_templates": MessageTemplate,
        "search_sources": SearchSource,
        "import_choices": ImportChoice,
        "jobs": Job,
        "checks": Check,
        "commands": Command,
        "payment_methods": PaymentMethod,
        "zone_sections": ZoneSection,
    }
)
"""Contribution hook → type of the values it answers."""


@frozen(kw_only=True)
class Contributions:
    """Everything the enabled plugins add, sorted by (order, key). Values with a key belong to `plugin_of(key)`."""

    modules: Mapping[str, Module]
    permissions: Mapping[str, Permission]
    routers: Sequence[tuple[str, BaseRouteHandler]]
    nav_items: Sequence[NavItem]
    settings_fields: Mapping[str, SettingsField]
    activity_kinds: Mapping[str, ActivityKind]
    contact_fields: Mapping[str, ContactField]
    contact_columns: Mapping[str, Column]
    contact_filters: Mapping[str, Filter]
    contact_panels: Sequence[Panel]
    contact_actions: Sequence[Action]
    contact_bulk_actions: Mapping[str, BulkAction]
    overview_tiles: Sequence[Tile]
    message_templates: Mapping[str, MessageTemplate]
    search_sources: Sequence[SearchSource]
    import_choices: Mapping[str, ImportChoice]
    jobs: Mapping[str, Job]
    checks: Sequence[Check]
    commands: Mapping[str, Command]
    payment_methods: Mapping[str, PaymentMethod]
    zone_sections: Sequence[ZoneSection]


def collect(plugins: Plugins, enabled: frozenset[str]) -> tuple[Contributions, tuple[Refusal, ...]]:
    """Ask every enabled plugin for its contributions; a plugin that does not fit is left out and refused."""
    accepted: dict[str, list[tuple[str, Any]]] = {hook: [] for hook in KINDS}
    refused: list[Refusal] = []
    for plugin in plugins.installed:
        if plugin.key not in enabled:
            continue
        try:
            _check_required(plugins, enabled, plugin, {refusal.plugin for refusal in refused})
            offered = {hook: _offered(plugins, hook, plugin.key) for hook in KINDS}
            for hook, values in offered.items():
                _check(plugins, hook, plugin.key, values, accepted[hook])
            _check_permissions(plugin.key, offered, accepted["permissions"])
        except (Exception, SystemExit) as error:
            message = str(error) if isinstance(error, PluginError) else describe(error)
            refused.append(Refusal(plugin=plugin.key, message=message))
            continue
        for hook, values in offered.items():
            accepted[hook].extend((plugin.key, value) for value in values)

    def sort(hook: str) -> list[Any]:
        return sorted((value for _, value in accepted[hook]), key=lambda value: (value.order, value.key))

    def index(hook: str) -> Mapping[str, Any]:
        return MappingProxyType(dict(by_key(sort(hook))))

    return (
        Contributions(
            modules=index("modules"),
            permissions=index("permissions"),
            routers=tuple(accepted["routers"]),
            nav_items=tuple(sort("nav_items")),
            settings_fields=index("settings_fields"),
            activity_kinds=index("activity_kinds"),
            contact_fields=index("contact_fields"),
            contact_columns=index("contact_columns"),
            contact_filters=index("contact_filters"),
            contact_panels=tuple(sort("contact_panels")),
            contact_actions=tuple(sort("contact_actions")),
            contact_bulk_actions=index("contact_bulk_actions"),
            overview_tiles=tuple(sort("overview_tiles")),
            message_templates=index("message_templates"),
            search_sources=tuple(sort("search_sources")),
            import_choices=index("import_choices"),
            jobs=index("jobs"),
            checks=tuple(sort("checks")),
            commands=index("commands"),
            payment_methods=index("payment_methods"),
            zone_sections=tuple(sort("zone_sections")),
        ),
        tuple(refused),
    )


def _check_required(plugins: Plugins, enabled: frozenset[str], plugin: Plugin, refused: set[str]) -> None:
    """Everything a plugin requires must be on, and must fit."""
    for key in plugin.requires:
        if key in refused or key not in plugins:
            raise PluginError(
                "Plugin '%(plugin)s' requires '%(missing)s', which was refused. Mend that one first.",
                plugin=plugin.key,
                missing=key,
            )
        if key not in enabled:
            raise PluginError(
                "Plugin '%(plugin)s' requires '%(missing)s', which is off. Switch that one on first.",
                plugin=plugin.key,
                missing=key,
            )


def _offered(plugins: Plugins, hook: str, plugin: str) -> list[Any]:
    """What one plugin answers for one contribution hook, as a list of values of the hook's type."""
    values: list[Any] = []
    for implementation in plugins.implementations(hook, frozenset({plugin})):
        try:
            answer = implementation()
        except (Exception, SystemExit) as error:
            raise PluginError(
                "Plugin '%(plugin)s' failed in its hook '%(hook)s': %(error)s. Mend the hook or switch the plugin off.",
                plugin=plugin,
                hook=hook,
                error=describe(error),
            ) from error
        if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
            raise PluginError(
                "Plugin '%(plugin)s' answers %(answer)s from its hook '%(hook)s'. Return a list of %(kind)s.",
                plugin=plugin,
                answer=repr(answer)[:80],
                hook=hook,
                kind=KINDS[hook].__name__,
            )
        values.extend(answer)
    return values


def _check(plugins: Plugins, hook: str, plugin: str, values: Sequence[Any], before: Sequence[tuple[str, Any]]) -> None:
    kind = KINDS[hook]
    for value in values:
        if not isinstance(value, kind):
            raise PluginError(
                "Plugin '%(plugin)s' answers %(value)s from its hook '%(hook)s', which takes %(kind)s values only. "
                "Return %(kind)s(…).",
                plugin=plugin,
                value=repr(value)[:80],
                hook=hook,
                kind=kind.__name__,
            )
    if hook == "routers":
        _check_routes(plugin, values, before)
        return
    owners: dict[str, str] = {value.key: owner for owner, value in before}
    for value in values:
        name = f"{kind.__name__} '{value.key}'"
        if value.key in owners:
            raise PluginError(
                "%(name)s is contributed twice (%(first)s, %(second)s). Rename one key.",
                name=name,
                first=plugins[owners[value.key]].package,
                second=plugins[plugin].package,
            )
        if plugin_of(value.key) != plugin:
            raise PluginError(
                "%(name)s is contributed by plugin '%(plugin)s' (%(package)s), but its key belongs to another. "
                "Start the key with '%(plugin)s'.",
                name=name,
                plugin=plugin,
                package=plugins[plugin].package,
            )
        owners[value.key] = plugin
    if hook == "contact_bulk_actions":
        _check_undos(plugin, values, before)


def _check_undos(plugin: str, actions: Sequence[BulkAction], before: Sequence[tuple[str, Any]]) -> None:
    known = {action.key for _, action in before} | {action.key for action in actions}
    for action in actions:
        if action.undo and action.undo not in known:
            raise PluginError(
                "BulkAction '%(key)s' of plugin '%(plugin)s' is taken back by '%(undo)s', which nobody contributes. "
                "Contribute that one too, or leave undo= out.",
                key=action.key,
                plugin=plugin,
                undo=action.undo,
            )


def _check_routes(plugin: str, routes: Sequence[BaseRouteHandler], before: Sequence[tuple[str, Any]]) -> None:
    taken = {address: owner for owner, route in before for address in addresses(route)}
    for route in routes:
        for address in addresses(route):
            if not is_declared(route):
                raise PluginError(
                    "Route '%(address)s' of plugin '%(plugin)s' declares no permission. "
                    "Make it with core.get or core.post, and permission= or public=True or customer=True.",
                    address=address,
                    plugin=plugin,
                )
            if address in taken:
                raise PluginError(
                    "Route '%(address)s' is contributed twice (%(first)s, %(second)s). Change one path.",
                    address=address,
                    first=taken[address],
                    second=plugin,
                )
            taken[address] = plugin


@lru_cache(maxsize=2000)
def addresses(route: BaseRouteHandler) -> tuple[str, ...]:
    """Method and path of a route, once for each, such as 'GET /notes'."""
    methods = sorted(getattr(route, "http_methods", ()))
    return tuple(f"{method} {path}" for method in methods for path in sorted(route.paths))


def _check_permissions(
    plugin: str, offered: Mapping[str, Sequence[Any]], before: Sequence[tuple[str, Permission]]
) -> None:
    """Every permission that a plugin's values ask for must be declared by it or by a plugin before it."""
    known = {permission.key for _, permission in before} | {permission.key for permission in offered["permissions"]}
    asked: list[tuple[str, str | None]] = [
        (f"Route '{addresses(route)[0]}'", route.opt.get("permission")) for route in offered["routers"]
    ]
    for hook in (
        "nav_items",
        "contact_fields",
        "contact_columns",
        "contact_filters",
        "contact_panels",
        "contact_actions",
        "contact_bulk_actions",
        "overview_tiles",
        "search_sources",
        "import_choices",
        "jobs",
    ):
        asked.extend((f"{type(value).__name__} '{value.key}'", value.permission) for value in offered[hook])
    for name, permission in asked:
        if permission is not None and permission not in known:
            raise PluginError(
                "%(name)s of plugin '%(plugin)s' asks for the permission '%(permission)s', which nobody declares. "
                "Declare it in the hook 'permissions'.",
                name=name,
                plugin=plugin,
                permission=permission,
            )
