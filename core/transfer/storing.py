"""Writing what was decided about a batch of an import, table by table (FEATURES C12, I5)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.capture import keep_suggestion
from core.contacts.fields import write_fields
from core.contacts.models import ContactActivity, ContactTag
from core.contacts.search_texts import DERIVED, derived_columns, refresh_search_texts
from core.contacts.tags import ensure_tag
from core.errors import InvalidInput
from core.transfer.bulk import as_stored, insert_rows, next_ids, within
from core.transfer.known import DETAILS, KIND, Known, Plan, contacts
from core.transfer.rows import Problem
from core.values import ImportStatement

if TYPE_CHECKING:
    from core.site import Site

activities: Table = ContactActivity.__table__  # type: ignore[assignment]
contact_tags: Table = ContactTag.__table__  # type: ignore[assignment]

_in_order = itemgetter(*DETAILS)


@define
class Stored:
    """What came of writing: how many the choices recorded (`applied`) and left as they were, and what was refused."""

    left: dict[str, int] = field(factory=dict)
    applied: dict[str, int] = field(factory=dict)
    notes: list[Problem] = field(factory=list)


def store(session: Session, site: Site, plan: Plan, met: Sequence[Known]) -> Stored:
    """Write all that the batch has decided about these contacts, of which the new ones are inserted already."""
    stored = Stored()
    touched = [one for one in met if one.touched]
    created = [one for one in touched if one.created]
    changed = [one for one in touched if not one.created]
    _update_contacts(session, plan, changed)
    _add_tags(session, touched)
    _write_fields(session, site, plan, stored, touched)
    refresh_search_texts(session, [one.id for one in touched if one.id and (one.fields or not one.created)])
    for one in met:
        for group, values in one.suggestions.items():
            assert one.id is not None
            keep_suggestion(session, one.id, group, values, plan.activity, plan.moment)
    _log(session, plan, created, changed)
    # Before the choices: whoever is new here and unwanted elsewhere is so before the file has its say.
    site.tell_created(session, [one.id for one in created if one.id is not None])
    _apply_choices(session, site, plan, stored, met)
    _tell_updated(session, site, changed)
    return stored


def insert_contacts(session: Session, site: Site, plan: Plan, created: Sequence[Known]) -> list[Known]:
    """Insert the new contacts; answers those whose address somebody else has taken meanwhile."""
    if not created:
        return []
    convert = as_stored(session)
    moment = convert(plan.moment)
    origin = rules.Origin(kind=KIND, since=plan.moment, reference=plan.name, href=plan.href).as_json()
    origins = {}
    rows = []
    for one, contact_id in zip(created, next_ids(session, contacts, len(created)), strict=True):
        one.id = contact_id
        groups = frozenset(one.written)
        if groups not in origins:
            origins[groups] = convert({group: origin for group in rules.GROUPS if group in groups})
        details = one.details
        rows.append(
            (
                contact_id,
                one.email,
                one.key,
                *_in_order(details),
                convert(one.joined) if one.joined else moment,
                origins[groups],
                *(one.derived or derived_columns({**details, "email": one.email, "email_key": one.key})).values(),
                moment,
            )
        )
    names = ["id", "email", "email_key", *DETAILS, "joined_at", "origins", *DERIVED, "updated_at"]
    insert_rows(session, contacts, names, rows, unique="email_key")
    if site.database.is_sqlite:
        # The transaction holds the only write lock: nobody was faster.
        return []
    ids = [one.id for one in created]
    there = set(session.scalars(select(contacts.c.id).where(within(session, contacts.c.id, ids))))
    return [one for one in created if one.id not in there]


def _update_contacts(session: Session, plan: Plan, changed: Sequence[Known]) -> None:
    origin = rules.Origin(kind=KIND, since=plan.moment, reference=plan.name, href=plan.href).as_json()
    rows = []
    for one in changed:
        if not one.written:
            continue
        one.version += 1
        details = one.details
        rows.append(
            {
                "contact": one.id,
                **{f"new_{name}": details[name] for name in DETAILS},
                "new_origins": {**one.origins, **dict.fromkeys(one.written, origin)},
                "new_version": one.version,
            }
        )
    if rows:
        statement = (
            update(contacts)
            .where(contacts.c.id == bindparam("contact"))
            .values(
                **{name: bindparam(f"new_{name}") for name in DETAILS},
                origins=bindparam("new_origins", type_=contacts.c.origins.type),
                version=bindparam("new_version"),
                updated_at=plan.moment,
            )
        )
        session.connection().execute(statement, rows)


def _add_tags(session: Session, touched: Sequence[Known]) -> None:
    made: dict[str, int] = {}
    rows = []
    for one in touched:
        for key, name in one.tags.items():
            if key in one.had_tags:
                continue
            if key not in made:
                made[key] = ensure_tag(session, name)
            rows.append((made[key], one.id))
            one.before.setdefault("tags", []).append(made[key])
    insert_rows(session, contact_tags, ["tag_id", "contact_id"], rows, unique="tag_id, contact_id")


def _write_fields(session: Session, site: Site, plan: Plan, stored: Stored, touched: Sequence[Known]) -> None:
    """The contact fields; what a field refuses, such as one without its proof, is left out and noted."""
    for one in touched:
        if not one.fields or one.id is None:
            continue
        savepoint = session.begin_nested()
        try:
            write_fields(session, site, one.id, one.fields, plan.actor)
            savepoint.commit()
        except InvalidInput as error:
            savepoint.rollback()
            key = error.field or next(iter(one.fields))
            value = str(one.fields.get(key) or "")
            stored.notes.append(
                Problem(one.line, error.message, key, value, dict(error.values), (one.email,), refused=False)
            )
            one.fields.clear()
            one.before.pop("fields", None)
    # Writing them may be a new version: one that the import made, and nobody since.
    written = {one.id: one for one in touched if one.fields and one.id is not None}
    if written:
        versions = select(contacts.c.id, contacts.c.version).where(within(session, contacts.c.id, list(written)))
        for contact_id, version in session.execute(versions):
            written[contact_id].version = version


def _log(session: Session, plan: Plan, created: Sequence[Known], changed: Sequence[Known]) -> None:
    """An entry in each contact's log (C12)."""
    convert = as_stored(session)
    rest = (
        KIND,
        plan.name,
        plan.href,
        plan.actor.kind,
        plan.actor.id,
        plan.actor.name,
        convert(plan.moment),
        convert(plan.moment),
    )
    rows: list[tuple[Any, ...]] = [(one.id, f'{{"line": {one.line}}}', *rest) for one in created]
    for one in changed:
        data: dict[str, Any] = {"line": one.line}
        for group, stored in one.before.get("details", {}).items():
            for name in rules.GROUPS[group]:
                if stored[name] != one.details[name]:
                    data |= {f"before_{name}": stored[name], f"after_{name}": one.details[name]}
        rows.append((one.id, convert(data), *rest))
    names = ["contact_id", "data", "kind", "reference", "href", "actor_kind", "actor_id", "actor_name"]
    insert_rows(session, activities, [*names, "occurred_at", "recorded_at"], rows)


def _apply_choices(session: Session, site: Site, plan: Plan, stored: Stored, met: Sequence[Known]) -> None:
    """Pass on what the rows say to the plugins that offered a choice (I5)."""
    wanted: dict[str, list[ImportStatement]] = {}
    language = site.language(site.settings.language)
    for one in met:
        for key, (yes, line) in one.statements.items():
            assert one.id is not None
            basis = language.text(
                "File “%(name)s” (SHA-256 %(hash)s), row %(line)s", name=plan.name, hash=plan.sha256, line=line
            )
            statement = ImportStatement(contact_id=one.id, yes=yes, source=plan.source, basis=basis)
            wanted.setdefault(key, []).append(statement)
    for key, statements in wanted.items():
        choice = site.contributions.import_choices.get(key)
        if choice is not None:
            left = len(set(choice.apply(session, site, statements, plan.actor)))
            stored.left[key], stored.applied[key] = left, len(statements) - left


def _tell_updated(session: Session, site: Site, changed: Sequence[Known]) -> None:
    """Tell the plugins that listen; asking for each contact whether one does would take longer than the import."""
    if site.listens("contact_updated"):
        for one in changed:
            names = {name for group in one.written for name in rules.GROUPS[group]}
            names |= {"tags"} if one.before.get("tags") else set()
            if names:
                site.tell(session, "contact_updated", contact_id=one.id, changed=frozenset(names))
