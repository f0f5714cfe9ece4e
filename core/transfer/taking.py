"""Taking a batch of people in: which are new, which changed, what a lock holds back (FEATURES C4, C6, I4, I5, I6).

The same decisions are made for the preview, which writes nothing, and for the import. People in a batch are taken in
the order of their rows, each meeting what the ones before it left; everything is then written table by table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field
from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.capture import keep_suggestion
from core.contacts.models import Contact, ContactActivity, ContactTag, Tag
from core.contacts.search_texts import DERIVED, derived_columns, refresh_search_texts
from core.contacts.tags import ensure_tag, tag_key
from core.errors import InvalidInput
from core.transfer.bulk import as_stored, insert_rows, next_ids, within
from core.transfer.fields import all_fields, as_json, write_values
from core.transfer.models import ImportedContact
from core.transfer.rows import Incoming, Problem
from core.values import Activity, Actor, ImportStatement

if TYPE_CHECKING:
    from core.site import Site

KIND = "contact.imported"

Outcome = Literal["new", "changed", "unchanged", "suggested", "repeated"]

contacts: Table = Contact.__table__  # type: ignore[assignment]
activities: Table = ContactActivity.__table__  # type: ignore[assignment]
contact_tags: Table = ContactTag.__table__  # type: ignore[assignment]
imported: Table = ImportedContact.__table__  # type: ignore[assignment]

DETAILS = tuple(name for group in rules.GROUPS.values() for name in group)
_NOTHING = dict.fromkeys(DETAILS, "")
_in_order = itemgetter(*DETAILS)
_GROUP_OF = {name: group for group, names in rules.GROUPS.items() for name in names}


@define
class Known:
    """A contact that the batch meets, as it stands by then; `id` is None for one that is not made yet."""

    id: int | None
    email: str
    key: str
    details: dict[str, str]
    origins: dict[str, Any]
    locked: bool
    version: int
    line: int = 0
    joined: datetime | None = None
    created: bool = False
    touched: bool = False
    had_tags: set[str] = field(factory=set)
    before: dict[str, Any] = field(factory=dict)
    written: set[str] = field(factory=set)
    suggestions: dict[str, dict[str, str]] = field(factory=dict)
    tags: dict[str, str] = field(factory=dict)
    fields: dict[str, Any] = field(factory=dict)
    held: int = 0
    statements: dict[str, tuple[bool, int]] = field(factory=dict)

    @property
    def is_remembered(self) -> bool:
        """Whether the import did anything with it that can be taken back."""
        return self.touched or bool(self.statements)


@define
class Plan:
    """What an import is to do, as it was chosen, and how it is called."""

    import_id: int
    name: str
    sha256: str
    href: str
    policy: str
    tags: Sequence[str]
    choices: Sequence[str]
    columns: frozenset[str]
    actor: Actor
    moment: datetime

    @property
    def source(self) -> str:
        """What plugins know the import by."""
        return f"import:{self.import_id}"

    @property
    def activity(self) -> Activity:
        """The entry that the import leaves with a contact."""
        return Activity(kind=KIND, reference=self.name, href=self.href)


@define
class Taken:
    """What came of a batch: the outcome of each person, by its line, and the contacts it met."""

    outcomes: list[tuple[Incoming, Outcome]] = field(factory=list)
    met: list[Known] = field(factory=list)
    left: dict[str, int] = field(factory=dict)
    applied: dict[str, int] = field(factory=dict)
    notes: list[Problem] = field(factory=list)
    held: int = 0


def take_batch(
    session: Session,
    site: Site,
    plan: Plan,
    people: Sequence[Incoming],
    *,
    write: bool,
    seen: Mapping[str, bool] | None = None,
) -> Taken:
    """Decide about these people, and with `write` write it, in the caller's transaction.

    `seen` are keys that an earlier row of the file had and that came to something: known to the preview only, which
    finds nothing of them in the database.
    """
    taken = Taken()
    known = _known_contacts(session, [person.key for person in people], lock=write)
    repeated = _earlier_of_this_import(session, plan, known.values()) if write else set()
    fields = _field_values(session, site, plan, known.values())
    for person in people:
        contact = known.get(person.key)
        again = bool(seen and person.key in seen) or (
            contact is not None and (contact.is_remembered or contact.id in repeated)
        )
        if contact is None:
            contact = known[person.key] = _new(plan, person)
            outcome: Outcome = "new"
        else:
            outcome = _meet(plan, contact, person, fields)
        _state(plan, contact, person)
        taken.outcomes.append((person, "repeated" if again else outcome))
    taken.met = list({id(one): one for one in known.values()}.values())
    taken.held = sum(one.held for one in taken.met)
    if write:
        _write(session, site, plan, taken, people)
    return taken


# Deciding


def _new(plan: Plan, person: Incoming) -> Known:
    details = {**_NOTHING, **person.details}
    return Known(
        id=None,
        email=person.email,
        key=person.key,
        details=details,
        origins={},
        locked=False,
        version=1,
        line=person.line,
        joined=person.joined,
        created=True,
        touched=True,
        written={_GROUP_OF[name] for name in person.details},
        tags={tag_key(name): name for name in (*plan.tags, *person.tags)},
        fields=dict(person.fields),
    )


def _meet(plan: Plan, contact: Known, person: Incoming, fields: Mapping[str, Mapping[int, Any]]) -> Outcome:
    """A row about a contact that is there already; answers what comes of it."""
    if plan.policy == "skip":
        return "unchanged"
    changed = suggested = False
    for group, names in rules.GROUPS.items():
        said = {name: person.details.get(name, "") for name in names}
        if not any(said.values()):
            continue
        stored = {name: contact.details[name] for name in names}
        if rules.same_values(stored, said) or _adds_nothing(group, stored, said):
            continue
        if any(stored.values()) and plan.policy != "overwrite":
            continue
        if contact.locked:
            contact.suggestions[group] = said
            suggested = True
            continue
        contact.before.setdefault("details", {}).setdefault(group, stored)
        contact.before.setdefault("origins", {}).setdefault(group, contact.origins.get(group))
        contact.details.update(said)
        contact.written.add(group)
        changed = True
    for name in (*person.tags, *plan.tags):
        if tag_key(name) not in contact.tags:
            contact.tags[tag_key(name)] = name
            changed = True
    for key, value in person.fields.items():
        old = contact.fields.get(key, fields.get(key, {}).get(contact.id or 0))
        if value is None or value == old or (old is not None and plan.policy != "overwrite"):
            continue
        if contact.locked:
            contact.held += 1
            continue
        contact.before.setdefault("fields", {}).setdefault(key, old)
        contact.fields[key] = value
        changed = True
    if changed:
        contact.touched = True
        contact.line = contact.line or person.line
        return "changed"
    return "suggested" if suggested else "unchanged"


def _adds_nothing(group: str, stored: Mapping[str, str], said: Mapping[str, str]) -> bool:
    """A country or region alone, where there is a whole address (as `rules.adds_nothing`)."""
    if group != "address":
        return False
    main = ("street", "city", "postal_code")
    return not any(said[name] for name in main) and any(stored[name] for name in main)


def _state(plan: Plan, contact: Known, person: Incoming) -> None:
    """What the row says to the choices: a no always, a yes only where the choice was ticked (I5)."""
    wanted = plan.choices if contact.created or plan.policy != "skip" else ()
    for key, yes in person.said.items():
        if not yes or key in wanted:
            contact.statements[key] = (yes, person.line)
            contact.line = contact.line or person.line
    for key in wanted:
        # A file with a column for it speaks for itself; one without is meant as a whole.
        if key not in plan.columns and key not in person.said:
            contact.statements.setdefault(key, (True, person.line))
            contact.line = contact.line or person.line


# Reading


def _known_contacts(session: Session, keys: Iterable[str], *, lock: bool) -> dict[str, Known]:
    """Key → the contact it belongs to; an alias leads to the contact that was kept (C2)."""
    of = contacts.c
    columns = [of.id, of.email, of.email_key, of.merged_into_id, of.origins, of.locked_at, of.version]
    columns += [of[name] for name in DETAILS]
    statement = select(*columns).order_by(of.id)
    if lock:
        # In the order of ids, so that two imports at once wait for each other and do not meet crosswise.
        statement = statement.with_for_update()
    wanted = list(dict.fromkeys(keys))
    rows = session.execute(statement.where(within(session, of.email_key, wanted))).mappings().all() if wanted else []
    found: dict[str, Known] = {}
    by_id: dict[int, Known] = {}

    def read(row: Any) -> Known:
        return by_id.setdefault(
            row["id"],
            Known(
                id=row["id"],
                email=row["email"],
                key=row["email_key"],
                details={name: row[name] for name in DETAILS},
                origins=dict(row["origins"]),
                locked=row["locked_at"] is not None,
                version=row["version"],
            ),
        )

    for row in rows:
        kept = row
        while kept["merged_into_id"] is not None:
            kept = session.execute(statement.where(of.id == kept["merged_into_id"])).mappings().one()
        found[row["email_key"]] = read(kept)
    _read_tags(session, by_id)
    return found


def _read_tags(session: Session, by_id: Mapping[int, Known]) -> None:
    if by_id:
        statement = (
            select(ContactTag.contact_id, Tag.key, Tag.name)
            .join(Tag, Tag.id == ContactTag.tag_id)
            .where(ContactTag.contact_id.in_(list(by_id)))
        )
        for contact_id, key, name in session.execute(statement):
            by_id[contact_id].tags[key] = name
            by_id[contact_id].had_tags.add(key)


def _earlier_of_this_import(session: Session, plan: Plan, found: Iterable[Known]) -> set[int]:
    """Contacts that an earlier batch of this import made or changed."""
    ids = [one.id for one in found]
    if not ids:
        return set()
    statement = select(ImportedContact.contact_id).where(
        ImportedContact.import_id == plan.import_id, ImportedContact.contact_id.in_(ids)
    )
    return set(session.scalars(statement))


def _field_values(session: Session, site: Site, plan: Plan, found: Iterable[Known]) -> Mapping[str, Mapping[int, Any]]:
    """The values of the contact fields that the file has, for the contacts that are there."""
    ids = [one.id for one in found if one.id is not None]
    known = all_fields(site)
    keys = [key for key in plan.columns if key in known and known[key].read is not None]
    return {key: known[key].read(session, ids) for key in keys} if ids else {}


# Writing


def _write(session: Session, site: Site, plan: Plan, taken: Taken, people: Sequence[Incoming]) -> None:
    created = [one for one in taken.met if one.created and one.id is None]
    lost = _insert_contacts(session, site, plan, created)
    if lost:
        # Somebody else made these contacts in the meantime: their rows meet them as any others would.
        keys = {one.key for one in lost}
        again = take_batch(session, site, plan, [one for one in people if one.key in keys], write=True)
        outcomes = {id(person): outcome for person, outcome in again.outcomes}
        taken.outcomes = [(person, outcomes.get(id(person), outcome)) for person, outcome in taken.outcomes]
        taken.met = [one for one in taken.met if one.key not in keys]
        taken.notes += again.notes
    touched = [one for one in taken.met if one.touched]
    created = [one for one in touched if one.created]
    changed = [one for one in touched if not one.created]
    _update_contacts(session, plan, changed)
    _add_tags(session, touched)
    _write_fields(session, site, plan, taken, touched)
    refresh_search_texts(session, [one.id for one in touched if one.id and (one.fields or not one.created)])
    for one in taken.met:
        for group, values in one.suggestions.items():
            assert one.id is not None
            keep_suggestion(session, one.id, group, values, plan.activity, plan.moment)
    _log(session, plan, created, changed)
    _apply_choices(session, site, plan, taken)
    _tell(session, site, created, changed)
    _remember(session, plan, [one for one in taken.met if one.is_remembered])


def _insert_contacts(session: Session, site: Site, plan: Plan, created: Sequence[Known]) -> list[Known]:
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
                *derived_columns({**details, "email": one.email, "email_key": one.key}).values(),
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


def _write_fields(session: Session, site: Site, plan: Plan, taken: Taken, touched: Sequence[Known]) -> None:
    """The contact fields; what a field refuses, such as one without its proof, is left out and noted."""
    for one in touched:
        if not one.fields or one.id is None:
            continue
        savepoint = session.begin_nested()
        try:
            write_values(session, site, one.id, one.fields, plan.actor)
            savepoint.commit()
        except InvalidInput as error:
            savepoint.rollback()
            key = error.field or next(iter(one.fields))
            value = str(one.fields.get(key) or "")
            taken.notes.append(
                Problem(one.line, error.message, key, value, dict(error.values), (one.email,), refused=False)
            )
            one.fields.clear()
            one.before.pop("fields", None)


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


def _apply_choices(session: Session, site: Site, plan: Plan, taken: Taken) -> None:
    """Pass on what the rows say to the plugins that offered a choice (I5)."""
    wanted: dict[str, list[ImportStatement]] = {}
    language = site.language(site.settings.language)
    for one in taken.met:
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
            taken.left[key] = taken.left.get(key, 0) + left
            taken.applied[key] = taken.applied.get(key, 0) + len(statements) - left


def _tell(session: Session, site: Site, created: Sequence[Known], changed: Sequence[Known]) -> None:
    """Tell the plugins that listen; asking for each contact whether one does would take longer than the import."""
    if any(site.plugins.implementations("contact_created", site.enabled)):
        for one in created:
            site.tell(session, "contact_created", contact_id=one.id)
    if any(site.plugins.implementations("contact_updated", site.enabled)):
        for one in changed:
            names = {name for group in one.written for name in rules.GROUPS[group]}
            names |= {"tags"} if one.before.get("tags") else set()
            if names:
                site.tell(session, "contact_updated", contact_id=one.id, changed=frozenset(names))


def _remember(session: Session, plan: Plan, touched: Sequence[Known]) -> None:
    """What is needed to take it all back; the first state of a contact stays when a later row changes it again."""
    convert = as_stored(session)
    mark = session.execute(select(func.max(activities.c.id))).scalar() or 0
    new = [one for one in touched if one.created]
    names = ["import_id", "contact_id", "line", "created", "before", "after", "mark", "version"]
    rows = [(plan.import_id, one.id, one.line, True, None, None, mark, 1) for one in new]
    insert_rows(session, imported, names, rows)
    for one in touched:
        if one.created:
            continue
        after = {"details": {group: {name: one.details[name] for name in rules.GROUPS[group]} for group in one.written}}
        after["fields"] = {key: as_json(one.fields[key]) for key in one.fields}
        before = {**one.before, "fields": {key: as_json(value) for key, value in one.before.get("fields", {}).items()}}
        earlier = session.get(ImportedContact, (plan.import_id, one.id), populate_existing=True)
        if earlier is not None:
            before, after = _joined(earlier.before or {}, before), _later(earlier.after or {}, after)
            earlier.mark, earlier.version = mark, one.version
            if not earlier.created:
                earlier.before, earlier.after = before, after
            session.flush()
            continue
        row = (plan.import_id, one.id, one.line, False, convert(before), convert(after), mark, one.version)
        insert_rows(session, imported, names, [row])


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
