"""What fields there are, as plain values; and the contributions that follow from them (FEATURES C14)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.custom_fields.models import CustomField, CustomFieldChoice
from core.values import FieldKind


@frozen(kw_only=True)
class DefinedChoice:
    """An option of a choice field."""

    id: int
    label: str


@frozen(kw_only=True)
class Definition:
    """A field that staff added; `choices` in their order, `in_list` whether its column is shown at first."""

    id: int
    kind: FieldKind
    label: str
    hint: str
    in_list: bool
    choices: tuple[DefinedChoice, ...] = ()

    @property
    def key(self) -> str:
        """Its key among all fields, columns and filters."""
        return key_of(self.id)


def key_of(field_id: int) -> str:
    """The key of a field that staff added."""
    return f"contact.field_{field_id}"


def id_of(key: str) -> int | None:
    """The id in a key; None for the key of anything else."""
    name, _, number = key.rpartition("_")
    return int(number) if name == "contact.field" and number.isascii() and number.isdigit() else None


def read_definitions(session: Session) -> tuple[Definition, ...]:
    """All fields that staff added, in their order."""
    choices: dict[int, list[DefinedChoice]] = {}
    rows = session.execute(
        select(CustomFieldChoice.field_id, CustomFieldChoice.id, CustomFieldChoice.label)
        .where(CustomFieldChoice.removed_at.is_(None))
        .order_by(CustomFieldChoice.position, CustomFieldChoice.id)
    )
    for field_id, choice_id, label in rows:
        choices.setdefault(field_id, []).append(DefinedChoice(id=choice_id, label=label))
    found = session.execute(
        select(CustomField.id, CustomField.kind, CustomField.label, CustomField.hint, CustomField.in_list)
        .where(CustomField.removed_at.is_(None))
        .order_by(CustomField.position, CustomField.id)
    )
    return tuple(
        Definition(
            id=row.id,
            kind=row.kind,
            label=row.label,
            hint=row.hint,
            in_list=row.in_list,
            choices=tuple(choices.get(row.id, ())),
        )
        for row in found
    )


def definition_of(definitions: Sequence[Definition], field_id: int) -> Definition | None:
    """The field with this id."""
    return next((one for one in definitions if one.id == field_id), None)
