"""What people call the rows that a merge moves, and how many there are of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.contacts.merging.journal import owners
from core.database.base import Base
from core.duties import references

if TYPE_CHECKING:
    from core.site import Site

ROW_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "contact_activities": "Entries in the activity log",
        "contact_distinct_pairs": "No duplicates",
        "contact_field_values": "Additional details",
        "contact_modules": "Modules",
        "contact_notes": "Internal notes",
        "contact_suggestions": "Suggestions",
        "contact_tags": "Tags",
        "files": "Files",
        "messages": "Messages",
    }
)
"""Table of the core → what its rows are, a message id."""

# Shown among what one chooses from, or nothing that anybody would miss.
NOT_COUNTED = frozenset(
    {
        "contacts",
        "contact_distinct_pairs",
        "contact_field_values",
        "contact_modules",
        "contact_suggestions",
        "contact_tags",
    }
)


@frozen(kw_only=True)
class Holding:
    """How many rows of one kind each of some contacts has; `label` and `plugin` are message ids."""

    label: str
    plugin: str
    counts: Mapping[int, int]


def label_of(site: Site, table: str, owner: str) -> str:
    """What the rows of a table are, a message id: the `label` in the table's `info`, else the plugin's name."""
    if not owner:
        return ROW_LABELS.get(table, "Other data")
    return str(Base.metadata.tables[table].info.get("label") or site.plugin_label(owner))


def holdings(session: Session, site: Site, contact_ids: Sequence[int]) -> list[Holding]:
    """What these contacts have of each kind, those of which any has some; one query a table."""
    found: list[Holding] = []
    for name, owner in owners(site).items():
        table = Base.metadata.tables[name]
        columns = references(table)
        if not columns or name in NOT_COUNTED or table.info.get("derived") or table.info.get("outside_merges"):
            continue
        column = table.c[columns[0]]
        counts = session.execute(select(column, func.count()).where(column.in_(contact_ids)).group_by(column))
        numbers = {row[0]: row[1] for row in counts}
        if numbers:
            plugin = site.plugin_label(owner) if owner else ""
            found.append(Holding(label=label_of(site, name, owner), plugin=plugin, counts=numbers))
    return found
