"""Adding, changing, ordering and removing custom fields and their choices (FEATURES C14).

Every change is one transaction of the caller's and makes all processes look again, as a saved setting does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import state
from core.contacts.custom_fields.models import CustomField, CustomFieldChoice, CustomFieldValue
from core.contacts.custom_fields.tidying import queue_tidying
from core.contacts.finding import check_id
from core.contacts.models import now
from core.database.upsert import upsert
from core.errors import Conflict, InvalidInput, NotFound
from core.values import Actor, FieldKind

if TYPE_CHECKING:
    from core.site import Site

MAX_FIELDS = 100
MAX_CHOICES = 200
MAX_LABEL = 60
MAX_HINT = 200


def add_field(
    session: Session,
    *,
    kind: FieldKind,
    label: str,
    hint: str = "",
    in_list: bool = True,
    choices: Sequence[str] = (),
) -> int:
    """Add a field after the others; answers its id. Raises InvalidInput for what can't be its label, hint or choices.

    Two people who add the same field at once get one: the second is told that it exists.
    """
    label, hint = clean_label(label), clean_hint(hint)
    names = clean_choices(choices)
    if kind == "choice" and not names:
        raise InvalidInput("Enter at least one choice.", field="choices")
    if names and kind != "choice":
        raise InvalidInput("Only a field of the kind “Choice” has choices.", field="choices")
    count, last = session.execute(
        select(func.count(), func.max(CustomField.position)).where(CustomField.removed_at.is_(None))
    ).one()
    if count >= MAX_FIELDS:
        raise InvalidInput("There are %(max)s fields already, which is the most there can be.", max=MAX_FIELDS)
    field_id: int | None = session.execute(
        upsert(
            session,
            CustomField,
            {
                "kind": kind,
                "label": label,
                "label_key": label_key(label),
                "hint": hint,
                "in_list": in_list,
                "position": (last or 0) + 1,
                "created_at": now(),
            },
            keys=["label_key"],
        ).returning(CustomField.id)
    ).scalar()
    if field_id is None:
        raise InvalidInput("There is a field with this name already.", field="label")
    for position, name in enumerate(names, start=1):
        session.add(CustomFieldChoice(field_id=field_id, label=name, label_key=label_key(name), position=position))
    session.flush()
    state.bump_revision(session)
    return field_id


def change_field(
    session: Session,
    site: Site,
    field_id: int,
    *,
    label: str,
    hint: str,
    in_list: bool,
    choices: Mapping[int, str] | None = None,
    more_choices: Sequence[str] = (),
    actor: Actor,
) -> None:
    """Change a field: its name, hint, place in the list, its choices' names by id, and more choices after them.

    Raises NotFound for an unknown field, and InvalidInput for what can't be: `field` is then "label", "hint",
    "choices", or "choice-7" for the choice with the id 7.
    """
    field = held_field(session, field_id)
    label, hint = clean_label(label), clean_hint(hint)
    taken = select(CustomField.id).where(CustomField.label_key == label_key(label), CustomField.id != field_id)
    if session.scalar(taken) is not None:
        raise InvalidInput("There is a field with this name already.", field="label")
    field.label, field.label_key, field.hint, field.in_list = label, label_key(label), hint, in_list
    session.flush()
    if field.kind == "choice":
        _change_choices(session, site, field, choices or {}, clean_choices(more_choices), actor)
    state.bump_revision(session)


def _change_choices(
    session: Session,
    site: Site,
    field: CustomField,
    labels: Mapping[int, str],
    more: Sequence[str],
    actor: Actor,
) -> None:
    """Rename choices and add more; the same name twice is refused."""
    rows = {row.id: row for row in _choices(session, field.id)}
    wanted = {choice_id: row.label for choice_id, row in rows.items()}
    for choice_id, text in labels.items():
        if choice_id in rows:
            wanted[choice_id] = _cleaned(text, MAX_LABEL, f"choice-{choice_id}", "Enter a name for this choice.")
    seen: dict[str, str] = {}
    names = [(f"choice-{choice_id}", name) for choice_id, name in wanted.items()]
    for place, name in [*names, *(("choices", one) for one in more)]:
        if label_key(name) in seen:
            raise InvalidInput("“%(name)s” is there twice.", field=place, name=name)
        seen[label_key(name)] = place
    if len(seen) > MAX_CHOICES:
        raise InvalidInput("A field has %(max)s choices at most.", field="choices", max=MAX_CHOICES)
    renamed = [row for choice_id, row in rows.items() if row.label != wanted[choice_id]]
    for row in renamed:
        # Two that change names with each other would meet in the unique key.
        row.label_key = None
    session.flush()
    for row in renamed:
        row.label, row.label_key = wanted[row.id], label_key(wanted[row.id])
        queue_tidying(session, site, {"renamed": row.id}, actor)
    last = max((row.position for row in rows.values()), default=0)
    for position, name in enumerate(more, start=last + 1):
        session.add(CustomFieldChoice(field_id=field.id, label=name, label_key=label_key(name), position=position))
    session.flush()


def move_field(session: Session, field_id: int, *, up: bool) -> bool:
    """Move a field before the one above or after the one below; answers whether there was one."""
    held_field(session, field_id)
    rows = session.scalars(
        select(CustomField).where(CustomField.removed_at.is_(None)).order_by(CustomField.position, CustomField.id)
    ).all()
    if not _swap(rows, field_id, up=up):
        return False
    state.bump_revision(session)
    return True


def move_choice(session: Session, field_id: int, choice_id: int, *, up: bool) -> bool:
    """Move a choice up or down; answers whether it could. Contacts are sorted by the choices' order."""
    held_field(session, field_id)
    rows = _choices(session, field_id)
    before = {row.id: row.position for row in rows}
    if not _swap(rows, choice_id, up=up):
        return False
    session.flush()
    value = CustomFieldValue
    for row in rows:
        if row.position != before[row.id]:
            session.execute(update(value).where(value.choice_id == row.id).values(place=row.position))
    state.bump_revision(session)
    return True


def remove_field(session: Session, site: Site, field_id: int, actor: Actor) -> str:
    """Remove a field with all values; answers its name. It is gone at once, its values within a moment.

    Deleting a hundred thousand values, and taking them out of the search, is queued work.
    """
    field = held_field(session, field_id)
    field.removed_at, field.label_key = now(), None
    queue_tidying(session, site, {"field": field_id}, actor)
    state.bump_revision(session)
    return field.label


def remove_choice(session: Session, site: Site, field_id: int, choice_id: int, actor: Actor) -> str:
    """Remove a choice; contacts that have it have no value then. Answers its name.

    Raises Conflict for the last one: a field without choices could not be filled.
    """
    held_field(session, field_id)
    rows = _choices(session, field_id)
    row = next((one for one in rows if one.id == choice_id), None)
    if row is None:
        raise NotFound("This choice was deleted already.")
    if len(rows) == 1:
        raise Conflict("The last choice can't be deleted. Add another one first, or delete the field.")
    row.removed_at, row.label_key = now(), None
    queue_tidying(session, site, {"choice": choice_id}, actor)
    state.bump_revision(session)
    return row.label


def count_values(session: Session, field_id: int) -> int:
    """How many contacts have a value of this field."""
    value = CustomFieldValue
    return session.scalar(select(func.count()).select_from(value).where(value.field_id == field_id)) or 0


def count_choices(session: Session, field_id: int) -> dict[int, int]:
    """How many contacts have each choice of a field; choices that nobody has are left out."""
    value = CustomFieldValue
    rows = session.execute(
        select(value.choice_id, func.count())
        .where(value.field_id == field_id, value.choice_id.is_not(None))
        .group_by(value.choice_id)
    )
    return {choice_id: number for choice_id, number in rows if choice_id is not None}


def held_field(session: Session, field_id: int) -> CustomField:
    """The field, held until the transaction ends. Raises NotFound when there is none, or none any more."""
    check_id(field_id)
    found = session.scalar(
        select(CustomField).where(CustomField.id == field_id, CustomField.removed_at.is_(None)).with_for_update()
    )
    if found is None:
        raise NotFound("There is no such field.")
    return found


def _choices(session: Session, field_id: int) -> Sequence[CustomFieldChoice]:
    choice = CustomFieldChoice
    return session.scalars(
        select(choice)
        .where(choice.field_id == field_id, choice.removed_at.is_(None))
        .order_by(choice.position, choice.id)
    ).all()


def _swap(rows: Sequence[Any], row_id: int, *, up: bool) -> bool:
    """Exchange a row with its neighbour and number all anew; answers whether there is such a neighbour."""
    order = list(rows)
    place = next((place for place, row in enumerate(order) if row.id == row_id), None)
    other = None if place is None else place + (-1 if up else 1)
    if place is None or other is None or not 0 <= other < len(order):
        return False
    order[place], order[other] = order[other], order[place]
    for position, row in enumerate(order, start=1):
        row.position = position
    return True


# What people type


def label_key(label: str) -> str:
    """The form in which two spellings of a name are the same."""
    return unicodedata.normalize("NFKC", label).casefold()


def clean_label(text: str) -> str:
    """A field's name. Raises InvalidInput when it is empty or too long."""
    return _cleaned(text, MAX_LABEL, "label", "Enter a name for the field.")


def clean_hint(text: str) -> str:
    """A field's hint, which may be empty. Raises InvalidInput when it is too long."""
    return _cleaned(text, MAX_HINT, "hint", "") if text.strip() else ""


def clean_choices(texts: Iterable[str]) -> list[str]:
    """The names of choices, empty lines left out. Raises InvalidInput for one that is too long or there twice."""
    names: dict[str, str] = {}
    for text in texts:
        if text.strip():
            name = _cleaned(text, MAX_LABEL, "choices", "")
            if label_key(name) in names:
                raise InvalidInput("“%(name)s” is there twice.", field="choices", name=name)
            names[label_key(name)] = name
    if len(names) > MAX_CHOICES:
        raise InvalidInput("A field has %(max)s choices at most.", field="choices", max=MAX_CHOICES)
    return list(names.values())


def _cleaned(text: str, longest: int, field: str, empty: str) -> str:
    cleaned = " ".join(unicodedata.normalize("NFC", text).replace("\x00", "").split())
    if not cleaned:
        raise InvalidInput(empty, field=field)
    if len(cleaned) > longest:
        raise InvalidInput("This is too long: %(max)s characters at most.", field=field, max=longest)
    return cleaned
