"""Doing an action to the chosen contacts: at once when they are few, else as a queued job, batch after batch.

A batch is one transaction: which of its contacts change is marked by one statement, the action changes exactly the
marked ones, and how far it came is committed with that. So a process that is killed loses nothing and doubles nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import Select, func, select, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.contacts.bulk.actions import action_of
from core.contacts.bulk.models import Selection
from core.contacts.bulk.selections import find_selection, forget_old, members, select_changed
from core.contacts.matching import contacts
from core.contacts.models import now
from core.database.upsert import write_many
from core.errors import Conflict, InvalidInput, NotFound, TresenError
from core.jobs import queue_job, read_job
from core.plugins import describe, plugin_of
from core.values import Actor, BulkAction, Job, Task

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.contacts")

BATCH = 500
"""Contacts of one transaction: as many are done while somebody waits for the page."""

JOB = "contact.bulk"
OWN = "contact"


@frozen(kw_only=True)
class Started:
    """What came of starting: done at once, or queued as the job `job_id`."""

    changed: int
    job_id: int | None = None


def is_large(selection: Selection) -> bool:
    """Whether it is too much to be done while somebody waits."""
    return selection.chosen > BATCH


def start(session: Session, site: Site, selection: Selection, typed: Mapping[str, str], actor: Actor) -> Started:
    """Do the selection's action with the values that were typed, or queue it; in the caller's transaction.

    Raises InvalidInput with the name of a field that can't be used, Conflict when it was started before, and NotFound
    when the action's plugin is off.
    """
    action = _action(site, selection)
    if not _claim_start(session, selection):
        raise Conflict("This was done already.")
    session.refresh(selection)
    selection.values = dict(action.prepare(session, site, typed) if action.prepare else typed)
    if is_large(selection):
        selection.job_id = queue_job(
            session,
            site,
            JOB,
            {"selection": selection.id, "after": 0, "title": action.label},
            total=selection.chosen,
            actor=actor,
        )
        return Started(changed=0, job_id=selection.job_id)
    try:
        _do_batch(session, site, selection, action, 0)
        _finish(session, site, selection, action)
    except (TresenError, SQLAlchemyError):
        raise
    except (Exception, SystemExit) as error:
        if plugin_of(action.key) == OWN:
            raise
        log.exception("Bulk action %r failed", action.key)
        raise InvalidInput(
            "“%(plugin)s” failed here, and nothing was changed: %(error)s",
            plugin=site.plugin_label(plugin_of(action.key)),
            error=describe(error),
        ) from error
    return Started(changed=selection.changed)


def _claim_start(session: Session, selection: Selection) -> bool:
    """Whether this transaction is the one that starts the selection; others wait for it, and then are not."""
    mine = update(Selection).where(Selection.id == selection.id, Selection.started_at.is_(None))
    return bool(write_many(session, mine.values(started_at=now())))


def take_back(session: Session, site: Site, selection_id: int, actor: Actor) -> tuple[Selection, Started]:
    """Take back exactly what a selection's action has changed, once; answers the selection of those contacts.

    Raises NotFound for what can't be taken back, and Conflict for what was, or is still being done.
    """
    earlier = find_selection(session, selection_id, actor)
    action = _action(site, earlier)
    inverse = action_of(site, action.undo) if action.undo else None
    if inverse is None:
        raise NotFound("This can't be taken back.")
    if earlier.job_id is not None and _is_under_way(session, earlier.job_id):
        raise Conflict("This is still being done. Stop it first, or wait until it is over.")
    claimed = write_many(
        session,
        update(Selection)
        .where(Selection.id == earlier.id, Selection.started_at.is_not(None), Selection.undone_at.is_(None))
        .values(undone_at=now()),
    )
    if not claimed:
        raise Conflict("This was taken back already.")
    selection = select_changed(session, earlier, action=inverse.key, actor=actor)
    return selection, start(session, site, selection, earlier.values, actor)


def step(session: Session, site: Site, task: Task) -> bool:
    """One batch of a queued action; True when it was the last."""
    selection = session.get(Selection, task.data["selection"])
    action = action_of(site, selection.action) if selection else None
    if selection is None or action is None:
        task.result = {"message": "The module of this action was switched off, so it was not completed."}
        return True
    after = int(task.data["after"])
    seen, after = _do_batch(session, site, selection, action, after)
    task.done += seen
    task.data = {**task.data, "after": after}
    is_last = seen < BATCH
    if is_last:
        _finish(session, site, selection, action)
        task.done = selection.chosen
    # Also before the end: whoever stops it can take back what was done until then.
    task.result = result_of(selection, action, task.done)
    return is_last


def result_of(selection: Selection, action: BulkAction, seen: int) -> dict[str, Any]:
    """What an action says after `seen` contacts: a message with its values, where it leads, and what takes it back."""
    result: dict[str, Any] = {
        "message": done_message(action, selection.changed),
        "values": {**selection.values, "count": selection.changed, "left": seen - selection.changed},
        "href": "/dashboard/contacts",
    }
    if action.undo and selection.changed:
        result["undo"] = undo_path(selection.id)
    return result


def done_message(action: BulkAction, count: int) -> str:
    """The message id for so many changed contacts."""
    return action.done[0] if count == 1 else action.done[1]


def undo_path(selection_id: int) -> str:
    """Where a POST takes it back."""
    return f"/dashboard/contacts/bulk/{selection_id}/undo"


def _action(site: Site, selection: Selection) -> BulkAction:
    action = action_of(site, selection.action)
    if action is None or action.run is None:
        raise NotFound("There is no such action. Its module may be switched off.")
    return action


def _is_under_way(session: Session, job_id: int) -> bool:
    try:
        return not read_job(session, job_id).is_over
    except NotFound:
        return False


def _actor(selection: Selection) -> Actor:
    return Actor(kind="staff", id=selection.actor_id, name=selection.actor_name)


def _do_batch(session: Session, site: Site, selection: Selection, action: BulkAction, after: int) -> tuple[int, int]:
    """Do the action to the next `BATCH` chosen contacts; answers how many were looked at, and the last one's id."""
    assert action.run is not None
    mine = (members.c.selection_id == selection.id, members.c.contact_id > after)
    batch = select(members.c.contact_id).where(*mine).order_by(members.c.contact_id).limit(BATCH).subquery()
    seen, upto = session.execute(select(func.count(), func.max(batch.c.contact_id))).one()
    if not seen:
        return 0, after
    within = (*mine, members.c.contact_id <= upto)
    _hold(session, select(members.c.contact_id).where(*within))
    wanted = action.changes(selection.values) if action.changes else true()
    changing = select(contacts.c.id).where(
        contacts.c.id > after, contacts.c.id <= upto, contacts.c.merged_into_id.is_(None), wanted
    )
    session.execute(
        update(members).where(*within, members.c.contact_id.in_(changing.scalar_subquery())).values(changed=True)
    )
    marked = select(members.c.contact_id).where(*within, members.c.changed)
    changed = action.run(session, site, marked, selection.values, _actor(selection))
    if isinstance(changed, bool) or not isinstance(changed, int):
        raise TypeError(f"BulkAction {action.key!r} answered {changed!r} from run=, not how many contacts it changed")
    selection.changed += changed
    session.flush()
    return int(seen), int(upto)


def _hold(session: Session, ids: Select[tuple[int]]) -> None:
    """Hold the batch's contacts until the transaction ends, in the order of their ids, so that two never block.

    SQLite holds the whole database already.
    """
    if session.get_bind().dialect.name != "sqlite":
        held = select(contacts.c.id).where(contacts.c.id.in_(ids.scalar_subquery())).order_by(contacts.c.id)
        session.execute(held.with_for_update())


def _finish(session: Session, site: Site, selection: Selection, action: BulkAction) -> None:
    if action.finish is not None:
        action.finish(session, site, selection.values, _actor(selection))
    session.flush()


def tidy(site: Site) -> None:
    """Remove selections that nobody takes back any more, a few thousand rows at a time."""
    more = True
    while more:
        with site.begin() as session:
            more = forget_old(session)


JOBS = (
    Job(key=JOB, label="Change contacts", step=step),
    Job(key="contact.forget_selections", label="Forget old selections", every=timedelta(hours=6), run=tidy),
)
