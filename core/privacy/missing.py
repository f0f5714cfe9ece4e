"""What erasing can't reach: tables of plugins that were used once and are not installed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnClause, column, func, inspect, select, table
from sqlalchemy.orm import Session

from core.state import PluginState

if TYPE_CHECKING:
    from core.site import Site


def rows_of_missing_plugins(session: Session, site: Site, contact_ids: Sequence[int]) -> Mapping[str, int]:
    """Plugin → its rows that refer to these contacts, would outlive them, and that nobody here knows how to erase.

    A plugin counts that is gone, or that was refused for a mistake in its hooks. Rows with a cascading reference do
    not: they go with the contact.
    """
    known = session.scalars(select(PluginState.plugin).order_by(PluginState.plugin)).all()
    missing = [key for key in known if key not in site.plugins]
    if not missing:
        return {}
    inspector = inspect(session.connection())
    names = inspector.get_table_names()
    found: dict[str, int] = {}
    for plugin in missing:
        for name in names:
            if not name.startswith(f"{plugin}_"):
                continue
            for key in inspector.get_foreign_keys(name):
                if key["referred_table"] != "contacts" or key.get("options", {}).get("ondelete") == "CASCADE":
                    continue
                refers: ColumnClause[int] = column(key["constrained_columns"][0])
                statement = select(func.count()).select_from(table(name, refers)).where(refers.in_(contact_ids))
                if number := session.scalar(statement):
                    found[plugin] = found.get(plugin, 0) + number
    return found
