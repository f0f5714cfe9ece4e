"""All fields of contacts, the plugins' and those that staff added, by key: read, checked and written in one way.

Forms, import, export and API go through here (FEATURES C14).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from core.contacts.custom_fields.definitions import id_of
from core.contacts.custom_fields.storing import read_values
from core.errors import InvalidInput, NotFound, TresenError
from core.plugins import Call, Failure, describe, plugin_of
from core.values import Actor, ContactField, FieldValue

if TYPE_CHECKING:
    from core.site import Site

MAX_TEXT = 2000
"""Characters that a text of any field may have; a field may allow less."""


def read_fields(
    session: Session, site: Site, contact_ids: Sequence[int], keys: Collection[str] | None = None
) -> dict[int, dict[str, FieldValue]]:
    """Every field's values of these contacts, by contact and key; what has no value is left out.

    One query for all that staff added, one `read` for each field of a plugin. `keys` limits it to some fields.
    Raises what a plugin's `read` raises, and TypeError for an answer that is none of the field's kind.
    """
    found: dict[int, dict[str, FieldValue]] = {contact_id: {} for contact_id in contact_ids}
    fields = site.contributions.contact_fields
    wanted = [field for key, field in fields.items() if keys is None or key in keys]
    own = [number for field in wanted if (number := id_of(field.key)) is not None]
    stored = read_values(session, contact_ids, own) if own else {}
    for field in wanted:
        if id_of(field.key) is not None:
            values = {one: of[field.key] for one, of in stored.items() if field.key in of}
        elif field.read is not None:
            values = checked_answer(field, field.read(session, contact_ids))
        else:
            continue
        for contact_id, value in values.items():
            if contact_id in found:
                found[contact_id][field.key] = value
    return found


def read_for_page(
    site: Site, fields: Sequence[ContactField], contact_id: int
) -> tuple[dict[str, FieldValue], list[Failure]]:
    """The values of one contact for a page: a plugin's field that fails or is slow is left out and named."""
    own = [number for field in fields if (number := id_of(field.key)) is not None]
    foreign = [field for field in fields if id_of(field.key) is None and field.read is not None]
    values: dict[str, FieldValue] = {}
    if own:
        with site.session() as session:
            values.update(read_values(session, [contact_id], own).get(contact_id, {}))
    failures = []
    outcomes = site.read_side_by_side([_call(site, field, contact_id) for field in foreign]) if foreign else []
    for field, outcome in zip(foreign, outcomes, strict=True):
        if outcome.failure is not None:
            failures.append(outcome.failure)
        elif outcome.value is not None:
            values[field.key] = outcome.value
    return values, failures


def _call(site: Site, field: ContactField, contact_id: int) -> Call:
    def read() -> FieldValue | None:
        assert field.read is not None
        with site.session() as session:
            return checked_answer(field, field.read(session, [contact_id])).get(contact_id)

    return Call(plugin=plugin_of(field.key), place=field.key, function=read)


def write_fields(
    session: Session, site: Site, contact_id: int, values: Mapping[str, FieldValue | None], actor: Actor
) -> frozenset[str]:
    """Write a contact's fields by key, None for no value, in the caller's transaction; answers the keys written.

    What is stored already is not written again. Fields with the same `write` are written in one call; those without
    `read` (a proof) go with them, and are left out when nothing of what they belong to changes. Whether the
    person may write a field is the caller's to ask (`ContactField.permission`).

    Raises NotFound for an unknown key, and InvalidInput naming the field for what a field refuses, and for a plugin
    that fails: nothing must be saved then.
    """
    fields = site.contributions.contact_fields
    for key in values:
        if key not in fields:
            raise NotFound("There is no field '%(key)s'.", key=key)
    checked = {key: check_value(fields[key], value) for key, value in values.items()}
    readable = [key for key in checked if fields[key].read is not None]
    stored = read_fields(session, site, [contact_id], readable)[contact_id] if readable else {}
    together: dict[object, dict[str, FieldValue | None]] = {}
    for key, value in checked.items():
        together.setdefault(fields[key].write, {})[key] = value
    written: set[str] = set()
    for group in together.values():
        changed = {key for key in group if fields[key].read is not None and group[key] != stored.get(key)}
        alone = {key for key in group if fields[key].read is None and group[key] is not None}
        if changed or (alone and alone == {key for key in group if group[key] is not None}):
            part = {key: group[key] for key in group if key in changed or key in alone}
            _write(session, site, contact_id, fields[min(part)], part, actor)
            written |= part.keys()
    return frozenset(written)


def _write(
    session: Session,
    site: Site,
    contact_id: int,
    field: ContactField,
    values: Mapping[str, FieldValue | None],
    actor: Actor,
) -> None:
    try:
        field.write(session, site, contact_id, values, actor)
    except InvalidInput as error:
        if error.field in values:
            raise
        raise InvalidInput(error.message, field=field.key, **error.values) from error
    except TresenError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidInput(
            "Plugin “%(plugin)s” could not save this: %(error)s",
            field=field.key,
            plugin=plugin_of(field.key),
            error=describe(error),
        ) from error


def check_value(field: ContactField, value: object) -> FieldValue | None:
    """A value that was handed in, fit for the field; an empty text is None. Raises InvalidInput naming the field."""
    match field.kind, value:
        case _, None | "":
            return None
        case "text", str():
            if len(value) > MAX_TEXT:
                raise InvalidInput("This is too long: %(max)s characters at most.", field=field.key, max=MAX_TEXT)
            if "\x00" in value:
                raise InvalidInput("This text has a character that can't be stored. Type it again.", field=field.key)
            return value
        case "choice", str():
            if value not in {choice.value for choice in field.choices}:
                raise InvalidInput("Choose one of the options.", field=field.key)
            return value
        case "yesno", bool():
            return value
        case "number", int() | Decimal() if not isinstance(value, bool):
            return Decimal(value)
        case "date", date() if not isinstance(value, datetime):
            return value
    raise InvalidInput("This value does not fit the field.", field=field.key)


def checked_answer(field: ContactField, answer: object) -> dict[int, FieldValue]:
    """What a plugin's `read` answered. Raises TypeError for what is none of the field's kind."""
    if not isinstance(answer, Mapping):
        raise TypeError(f"read() answered {type(answer).__name__}, not a mapping of contact id to value")
    found = {}
    for contact_id, value in answer.items():
        try:
            checked = check_value(field, value)
        except InvalidInput as error:
            raise TypeError(f"read() answered {repr(value)[:80]} for a field of kind {field.kind!r}") from error
        if checked is not None:
            found[contact_id] = checked
    return found
