"""What an import keeps of a contact that it made or changed, so that all of it can be taken back (FEATURES I6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.models import ContactActivity
from core.transfer.bulk import as_stored, insert_rows, within
from core.transfer.fields import as_json
from core.transfer.known import Known, Plan
from core.transfer.models import ImportedContact

imported: Table = ImportedContact.__table__  # type: ignore[assignment]


def remember(session: Session, plan: Plan, touched: Sequence[Known]) -> None:
    """What is needed to take it all back; the first state of a contact stays when a later row changes it again."""
    convert = as_stored(session)
    mark = session.execute(select(func.max(ContactActivity.id))).scalar() or 0
    changed = [one for one in touched if not one.created]
    earlier = _earlier(session, plan, changed)
    rows: list[tuple[Any, ...]] = [
        (plan.import_id, one.id, one.line, True, None, None, mark, one.version) for one in touched if one.created
    ]
    for one in changed:
        after = {"details": {group: {name: one.details[name] for name in rules.GROUPS[group]} for group in one.written}}
        after["fields"] = {key: as_json(one.fields[key]) for key in one.fields}
        before = {**one.before, "fields": {key: as_json(value) for key, value in one.before.get("fields", {}).items()}}
        entry = earlier.get(one.id or 0)
        if entry is None:
            rows.append((plan.import_id, one.id, one.line, False, convert(before), convert(after), mark, one.version))
            continue
        entry.mark, entry.version = mark, one.version
        if not entry.created:
            entry.before, entry.after = _joined(entry.before or {}, before), _later(entry.after or {}, after)
    session.flush()
    names = ["import_id", "contact_id", "line", "created", "before", "after", "mark", "version"]
    insert_rows(session, imported, names, rows)


def _earlier(session: Session, plan: Plan, changed: Sequence[Known]) -> Mapping[int, ImportedContact]:
    """What an earlier batch of this import has kept of these contacts."""
    ids = [one.id for one in changed]
    if not ids:
        return {}
    statement = select(ImportedContact).where(
        ImportedContact.import_id == plan.import_id, within(session, imported.c.contact_id, ids)
    )
    found = session.scalars(statement, execution_options={"populate_existing": True})
    return {one.contact_id: one for one in found}


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """What was there before both: the first wins, lists are put together."""
    merged = dict(first)
    for name, value in second.items():
        if isinstance(value, dict):
            merged[name] = {**value, **merged.get(name, {})}
        else:
            merged[name] = list(dict.fromkeys([*merged.get(name, []), *value]))
    return merged


def _later(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in {*first, *second}}
