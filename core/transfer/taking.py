"""Taking a batch of people in: which are new, which changed, what a lock holds back (FEATURES C4, C6, I4, I5, I6).

The same decisions are made for the preview, which writes nothing, and for the import. People in a batch are taken in
the order of their rows, each meeting what the ones before it left; everything is then written table by table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.tags import tag_key
from core.transfer.known import DETAILS, Known, Plan, field_values, known_contacts, met_earlier
from core.transfer.remembering import remember
from core.transfer.rows import Incoming, Problem
from core.transfer.storing import insert_contacts, store

if TYPE_CHECKING:
    from core.site import Site

Outcome = Literal["new", "changed", "unchanged", "suggested", "repeated"]

_NOTHING = dict.fromkeys(DETAILS, "")
_GROUP_OF = {name: group for group, names in rules.GROUPS.items() for name in names}


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
    known = known_contacts(session, [person.key for person in people], lock=write)
    repeated = met_earlier(session, plan, known.values()) if write else set()
    fields = field_values(session, site, plan, known.values())
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


def _write(session: Session, site: Site, plan: Plan, taken: Taken, people: Sequence[Incoming]) -> None:
    lost = insert_contacts(session, site, plan, [one for one in taken.met if one.created])
    if lost:
        # Somebody else made these contacts in the meantime: their rows meet them as any others would.
        keys = {one.key for one in lost}
        again = take_batch(session, site, plan, [one for one in people if one.key in keys], write=True)
        outcomes = {id(person): outcome for person, outcome in again.outcomes}
        taken.outcomes = [(person, outcomes.get(id(person), outcome)) for person, outcome in taken.outcomes]
        taken.met = [one for one in taken.met if one.key not in keys]
        taken.notes += again.notes
        taken.held += again.held
        for counts, more in ((taken.left, again.left), (taken.applied, again.applied)):
            counts.update({key: counts.get(key, 0) + number for key, number in more.items()})
    stored = store(session, site, plan, taken.met)
    taken.notes += stored.notes
    for counts, more in ((taken.left, stored.left), (taken.applied, stored.applied)):
        counts.update({key: counts.get(key, 0) + number for key, number in more.items()})
    remember(session, plan, [one for one in taken.met if one.is_remembered])


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
        derived=person.derived,
    )


def _meet(plan: Plan, contact: Known, person: Incoming, fields: Mapping[int, Mapping[str, Any]]) -> Outcome:
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
        contact.derived = None
        contact.written.add(group)
        changed = True
    for name in (*person.tags, *plan.tags):
        if tag_key(name) not in contact.tags:
            contact.tags[tag_key(name)] = name
            changed = True
    for key, value in person.fields.items():
        old = contact.fields.get(key, fields.get(contact.id or 0, {}).get(key))
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
