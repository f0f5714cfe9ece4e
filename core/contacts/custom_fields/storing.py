"""Reading and writing the values of custom fields (FEATURES C14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.custom_fields.definitions import id_of, key_of
from core.contacts.custom_fields.models import (
    DECIMALS,
    LARGEST,
    CustomField,
    CustomFieldChoice,
    CustomFieldValue,
)
from core.contacts.editing import finish_edit
from core.contacts.field_texts import plain
from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import now
from core.errors import InvalidInput
from core.values import Activity, Actor, FieldValue

if TYPE_CHECKING:
    from core.site import Site

MAX_TEXT = 400
"""Characters of a text: casefolded it must fit into an index of PostgreSQL, whose entries have 2,700 bytes."""

KIND = "contact.fields_edited"


@frozen(kw_only=True)
class EnteredBy:
    """Since when a value is known, and who entered it (FEATURES C6); `name` is empty for the system."""

    since: datetime
    name: str


def read_values(
    session: Session, contact_ids: Sequence[int], field_ids: Sequence[int] | None = None
) -> dict[int, dict[str, FieldValue]]:
    """The values of these contacts by contact and key: of all custom fields, or of some; one query."""
    value = CustomFieldValue
    asked = (
        select(value.contact_id, value.field_id, value.text, value.number, value.day, value.yes, value.choice_id)
        .join(CustomField, CustomField.id == value.field_id)
        .outerjoin(CustomFieldChoice, CustomFieldChoice.id == value.choice_id)
        .where(
            value.contact_id.in_(contact_ids),
            CustomField.removed_at.is_(None),
            CustomFieldChoice.removed_at.is_(None),
        )
        .order_by(CustomField.position, CustomField.id)
    )
    if field_ids is not None:
        asked = asked.where(value.field_id.in_(field_ids))
    found: dict[int, dict[str, FieldValue]] = {}
    for contact_id, field_id, *columns, choice_id in session.execute(asked):
        filled = [one for one in columns if one is not None]
        found.setdefault(contact_id, {})[key_of(field_id)] = filled[0] if filled else str(choice_id)
    return found


def read_entered(session: Session, contact_id: int) -> Mapping[str, EnteredBy]:
    """Of each value of a contact, who entered it and when."""
    value = CustomFieldValue
    rows = session.execute(select(value.field_id, value.set_at, value.set_by).where(value.contact_id == contact_id))
    return {key_of(row.field_id): EnteredBy(since=row.set_at, name=row.set_by) for row in rows}


def write_values(
    session: Session, site: Site, contact_id: int, values: Mapping[str, FieldValue | None], actor: Actor
) -> frozenset[str]:
    """Write a contact's values of custom fields by key, None for no value; answers the keys that changed.

    In the caller's transaction: holds the contact, keeps who entered what and when, adds an entry to the log, brings
    the search up to date, and tells the plugins. Raises InvalidInput naming the field when it is gone, or when the
    value is none of its kind.
    """
    contact = lock_contact(session, contact_id)
    wanted = {id_of(key) or 0: value for key, value in values.items()}
    fields = _held_fields(session, wanted)
    before = read_values(session, [contact_id], list(wanted)).get(contact_id, {})
    when, written, logged = now(), set[str](), dict[str, str | int | bool]()
    for field_id, value in wanted.items():
        field, key = fields[field_id], key_of(field_id)
        columns = _columns(session, field, value)
        if before.get(key) == value:
            continue
        row = session.get(CustomFieldValue, (contact_id, field_id))
        if value is None:
            session.delete(row)
        else:
            if row is None:
                row = CustomFieldValue(contact_id=contact_id, field_id=field_id)
                session.add(row)
            for name, stored in columns.items():
                setattr(row, name, stored)
            row.set_at, row.set_by = when, actor.name
        written.add(key)
        logged[f"field_{field_id}"] = field.label
        logged[f"kind_{field_id}"] = field.kind
        for side, one in (("before", before.get(key)), ("after", value)):
            logged[f"{side}_{field_id}"] = _logged(session, one, field.kind)
    if written:
        session.flush()
        finish_edit(contact)
        add_activity(session, contact_id, Activity(kind=KIND, data=logged), actor=actor)
        site.tell(session, "contact_updated", contact_id=contact_id, changed=frozenset(written))
    return frozenset(written)


def _held_fields(session: Session, wanted: Mapping[int, object]) -> dict[int, CustomField]:
    """The fields, held until the transaction ends, so that none is removed while a value is written for it."""
    rows = session.scalars(
        select(CustomField)
        .where(CustomField.id.in_(wanted), CustomField.removed_at.is_(None))
        .order_by(CustomField.id)
        .with_for_update(read=True)
    )
    fields = {row.id: row for row in rows}
    for field_id in wanted:
        if field_id not in fields:
            raise InvalidInput("This field was deleted in the meantime.", field=key_of(field_id))
    return fields


def _columns(session: Session, field: CustomField, value: FieldValue | None) -> dict[str, Any]:
    """The columns of a value's row. Raises InvalidInput for a value that the field can't have."""
    key = key_of(field.id)
    match field.kind, value:
        case _, None:
            return {}
        case "text", str():
            if len(value) > MAX_TEXT:
                raise InvalidInput("This is too long: %(max)s characters at most.", field=key, max=MAX_TEXT)
            return {"text": value, "text_key": value.casefold()}
        case "number", Decimal():
            if not value.is_finite() or abs(value) >= LARGEST:
                raise InvalidInput("This number is too large.", field=key)
            if value != round(value, DECIMALS):
                raise InvalidInput(
                    "Enter at most %(digits)s digits after the decimal sign.", field=key, digits=DECIMALS
                )
            return {"number": value}
        case "date", date():
            return {"day": value}
        case "yesno", bool():
            return {"yes": value}
        case "choice", str():
            choice = session.get(CustomFieldChoice, int(value)) if value.isascii() and value.isdigit() else None
            if choice is None or choice.field_id != field.id or choice.removed_at is not None:
                raise InvalidInput("Choose one of the options.", field=key)
            return {"choice_id": choice.id, "place": choice.position}
    raise InvalidInput("This value does not fit the field.", field=key)


def _logged(session: Session, value: FieldValue | None, kind: str) -> str:
    """A value as the log keeps it; a choice by its name, which may be gone when the log is read."""
    if value is None:
        return ""
    if kind == "choice":
        choice = session.get(CustomFieldChoice, int(str(value)))
        return choice.label if choice else ""
    return plain(value)
