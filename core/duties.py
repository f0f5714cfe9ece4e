"""Duties: what a plugin owes the contacts whose data it keeps. Whoever has a table that refers to them must do all.

A plugin that keeps rows about people and can't take part in merging them would lose them to the contact that is kept.
So it is refused at the start, with a sentence that says who, what, and the way out (THREATS T-R2).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import Table

from core.database.base import Base

if TYPE_CHECKING:
    from core.plugins import Plugin

DUTIES: Mapping[str, str] = MappingProxyType(
    {
        "merge_contacts": "when two contacts are merged, its rows would stay behind",
        "erase_contacts": "when a person is erased, what it keeps of them would stay",
        "export_contact": "what it keeps of a person would be missing from the data handed out to them",
    }
)
"""Hook → what would happen without it, to complete „Without it …“. The sample of each is in docs/hooks.md."""

CONTACTS = "contacts"


def tables_of(plugin: Plugin) -> list[Table]:
    """The tables of a plugin, by name: those of classes in its package, and those with its key in front."""
    if (plugin.folder / "models.py").is_file() and plugin.module.__package__:
        # A plugin may import its tables only when it needs them; they are looked at now.
        importlib.import_module(f"{plugin.package}.models")
    inside = f"{plugin.package}."
    own, others = set(), set()
    for mapper in Base.registry.mappers:
        module, name = mapper.class_.__module__, mapper.local_table.key  # type: ignore[attr-defined]
        if module == plugin.package or module.startswith(inside):
            own.add(name)
        elif _is_plugins(module):
            # `notes_extra_pages` is the table of `notes_extra`, though `notes` begins it as well.
            others.add(name)
    return [
        table
        for name, table in sorted(Base.metadata.tables.items())
        if name in own or (name.startswith(f"{plugin.key}_") and name not in others)
    ]


@cache
def _is_plugins(module: str) -> bool:
    """Whether a module of tables lies beside a `plugin.py`."""
    package = module.rpartition(".")[0]
    return bool(package) and importlib.util.find_spec(f"{package}.plugin") is not None


def core_tables() -> list[Table]:
    """The tables of the core, by name."""
    mapped = {
        mapper.local_table.key  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith("core.")
    }
    return [table for name, table in sorted(Base.metadata.tables.items()) if name in mapped]


def references(table: Table) -> list[str]:
    """The columns of a table that refer to contacts."""
    return [
        key.parent.name for key in table.foreign_keys if key.column.table.name == CONTACTS and key.column.name == "id"
    ]


def personal_tables(tables: Iterable[Table]) -> list[Table]:
    """Those of the tables that refer to contacts."""
    return [table for table in tables if references(table)]


def missing_duty(plugin: Plugin, implemented: Collection[str]) -> str | None:
    """What to say to a plugin that keeps rows about contacts and does not do a duty; None when all is well."""
    missing = [duty for duty in DUTIES if duty not in implemented]
    if not missing:
        return None
    personal = personal_tables(tables_of(plugin))
    if not personal:
        return None
    return (
        f"Plugin '{plugin.key}' keeps rows about contacts (table '{personal[0].name}') and does not implement "
        f"'{missing[0]}'. Without it, {DUTIES[missing[0]]}. Add the hook; docs/hooks.md shows how."
    )
