"""What becomes of values whose field or choice is gone or has another name: queued work, in small steps.

A field with a hundred thousand values can't be emptied, and its texts taken out of the search, while a person waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core.contacts.custom_fields.models import CustomField, CustomFieldChoice, CustomFieldValue
from core.contacts.models import Contact
from core.contacts.search_texts import refresh_search_texts
from core.jobs import queue_job
from core.values import Actor, Job, Task

if TYPE_CHECKING:
    from core.site import Site

KEY = "contact.tidy_fields"

STEP = 200
"""Contacts of one step."""


def tidying_job() -> Job:
    """The job for the worker."""
    return Job(key=KEY, label="Tidy up the fields of contacts", step=tidy, permission="contact.fields")


def queue_tidying(session: Session, site: Site, data: Mapping[str, int], actor: Actor) -> int:
    """Queue what follows from removing a "field" or a "choice", or from one that was "renamed"; the values are ids."""
    value = CustomFieldValue
    total = session.scalar(select(func.count()).select_from(value).where(_touched(data)))
    return queue_job(session, site, KEY, data, total=total, actor=actor)


def tidy(session: Session, site: Site, task: Task) -> bool:
    """One step: the next contacts lose the value, if it is gone, and are found by what they have now."""
    value = CustomFieldValue
    after = int(task.data.get("after", 0))
    ids = session.scalars(
        select(value.contact_id)
        .where(_touched(task.data), value.contact_id > after)
        .order_by(value.contact_id)
        .limit(STEP)
    ).all()
    # Contacts before values, as whoever saves a form holds them.
    session.execute(select(Contact.id).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()).all()
    if ids and "renamed" not in task.data:
        session.execute(delete(value).where(_touched(task.data), value.contact_id.in_(ids)))
    refresh_search_texts(session, ids)
    task.done += len(ids)
    if len(ids) == STEP:
        task.data = {**task.data, "after": ids[-1]}
        return False
    if "field" in task.data:
        session.execute(delete(CustomField).where(CustomField.id == task.data["field"]))
    elif "choice" in task.data:
        session.execute(delete(CustomFieldChoice).where(CustomFieldChoice.id == task.data["choice"]))
    return True


def _touched(data: Mapping[str, int]) -> ColumnElement[bool]:
    """The values that a removal or a new name concerns."""
    if "field" in data:
        return CustomFieldValue.field_id == data["field"]
    return CustomFieldValue.choice_id == (data["choice"] if "choice" in data else data["renamed"])
