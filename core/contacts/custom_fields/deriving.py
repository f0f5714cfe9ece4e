"""The field, column and filter that follow from what staff defined (FEATURES C14, L3, L4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from attrs import evolve
from sqlalchemy import ColumnElement, Subquery, Table, select
from sqlalchemy.orm import Session

from core.contacts.comparing import comparison
from core.contacts.custom_fields.definitions import Definition
from core.contacts.custom_fields.models import CustomFieldValue
from core.contacts.custom_fields.storing import read_values, write_values
from core.contacts.models import Contact
from core.contributions import Contributions
from core.plugins import by_key
from core.values import CellKind, Choice, Column, ContactField, FieldValue, Filter

Value = CustomFieldValue
values: Table = CustomFieldValue.__table__  # type: ignore[assignment]
contacts: Table = Contact.__table__  # type: ignore[assignment]

FIRST_ORDER = 500
"""Where the fields that staff added stand among those of plugins, in their own order."""

CELLS: Mapping[str, CellKind] = MappingProxyType(
    {"text": "text", "number": "number", "date": "date", "choice": "text", "yesno": "badge"}
)
"""Kind of a field → kind of its column's cells."""

SORTED: Mapping[str, str] = MappingProxyType(
    {"text": "text_key", "number": "number", "date": "day", "choice": "place", "yesno": "yes"}
)
"""Kind of a field → the column of its values by which contacts are sorted and compared."""

SHOWN: Mapping[str, str] = MappingProxyType({**SORTED, "text": "text", "choice": "choice_id"})
"""Kind of a field → the column of its values that is shown."""

YES_NO = (Choice(value="yes", label="Yes"), Choice(value="no", label="No"))

NONE = Choice(value="none", label="Not set")

Keyed = TypeVar("Keyed", ContactField, Column, Filter)


def with_custom_fields(contributions: Contributions, definitions: Sequence[Definition]) -> Contributions:
    """What the plugins contribute, with the fields that staff added, and with the columns of all fields."""
    own = [custom_field(one, FIRST_ORDER + place) for place, one in enumerate(definitions)]
    columns = [custom_column(one, FIRST_ORDER + place) for place, one in enumerate(definitions)]
    columns += [
        loaded_column(field)
        for field in contributions.contact_fields.values()
        if field.read is not None and field.key not in contributions.contact_columns
    ]
    filters = [custom_filter(one, FIRST_ORDER + place) for place, one in enumerate(definitions)]
    return evolve(
        contributions,
        contact_fields=_joined(contributions.contact_fields, own),
        contact_columns=_joined(contributions.contact_columns, columns),
        contact_filters=_joined(contributions.contact_filters, filters),
    )


def _joined(before: Mapping[str, Keyed], more: Iterable[Keyed]) -> Mapping[str, Keyed]:
    both: list[Any] = [*before.values(), *more]
    return MappingProxyType(dict(by_key(sorted(both, key=lambda one: (one.order, one.key)))))


def custom_field(definition: Definition, order: int) -> ContactField:
    """The field as forms, profile, import, export and API use it."""
    return ContactField(
        key=definition.key,
        label=definition.label,
        kind=definition.kind,
        hint=definition.hint,
        choices=tuple(Choice(value=str(one.id), label=one.label) for one in definition.choices),
        read=partial(_read, definition),
        write=write_values,
        order=order,
    )


def _read(definition: Definition, session: Session, contact_ids: Sequence[int]) -> dict[int, FieldValue]:
    found = read_values(session, contact_ids, [definition.id])
    return {contact_id: one[definition.key] for contact_id, one in found.items()}


def custom_column(definition: Definition, order: int) -> Column:
    """The field's column, sorted along an index of its values."""
    side = _side_table(definition)
    return Column(
        key=definition.key,
        label=definition.label,
        kind=CELLS[definition.kind],
        expression=side.c.shown,
        sort=side.c.sorted,
        side_table=side,
        convert=shown_as(definition.kind, [(one.id, one.label) for one in definition.choices]),
        shown=definition.in_list,
        order=order,
    )


def _side_table(definition: Definition) -> Subquery:
    """The values of one field: at most one row a contact."""
    return (
        select(
            values.c.contact_id,
            values.c[SHOWN[definition.kind]].label("shown"),
            values.c[SORTED[definition.kind]].label("sorted"),
        )
        .where(values.c.field_id == definition.id)
        .subquery(f"field_{definition.id}")
    )


def shown_as(kind: str, choices: Iterable[tuple[object, str]]) -> Callable[[Any], object] | None:
    """What turns a stored value into a cell; None where they are the same."""
    if kind == "choice":
        return dict(choices).get
    return (lambda value: "Yes" if value else "No") if kind == "yesno" else None


def loaded_column(field: ContactField) -> Column:
    """The column of a plugin's field that has none of its own; hidden at first, and not sorted."""
    shown = shown_as(field.kind, [(one.value, one.label) for one in field.choices])

    def load(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
        assert field.read is not None
        found = field.read(session, contact_ids)
        return found if shown is None else {one: shown(value) for one, value in found.items()}

    return Column(
        key=field.key,
        label=field.label,
        kind="badge" if field.kind == "choice" else CELLS[field.kind],
        load=load,
        sortable=False,
        shown=False,
        permission=field.permission,
        order=field.order,
    )


def custom_filter(definition: Definition, order: int) -> Filter:
    """The field's filter: choices for choices and yes or no, else what people type."""
    if definition.kind == "choice" or definition.kind == "yesno":
        offered = (
            YES_NO
            if definition.kind == "yesno"
            else [Choice(value=str(one.id), label=one.label) for one in definition.choices]
        )
        return Filter(
            key=definition.key,
            label=definition.label,
            choices=lambda session: [*offered, NONE],
            predicate=partial(_chosen, definition),
            translate_choices=True,
            order=order,
        )
    return Filter(
        key=definition.key,
        label=definition.label,
        kind=definition.kind,
        predicate=comparison(
            definition.kind,
            values.c[SORTED[definition.kind]],
            values.c.contact_id,
            where=values.c.field_id == definition.id,
        ),
        order=order,
    )


def _chosen(definition: Definition, value: str) -> ColumnElement[bool] | None:
    """Contacts with one choice, with yes or no, or without a value."""
    rows = select(values.c.contact_id).where(values.c.field_id == definition.id)
    if value == NONE.value:
        return contacts.c.id.not_in(rows)
    if definition.kind == "yesno" and value in ("yes", "no"):
        return contacts.c.id.in_(rows.where(values.c.yes == (value == "yes")))
    known = {str(one.id) for one in definition.choices}
    if value in known:
        return contacts.c.id.in_(select(values.c.contact_id).where(values.c.choice_id == int(value)))
    return None
