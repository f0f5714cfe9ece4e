"""Erasing again who was erased after the backup: the real erasing, with every plugin's part (THREATS T-R4)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import define, field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.backup.journal import Entry, batches, present, read_epochs
from core.contacts.merging.models import ContactMerge
from core.contacts.merging.undoing import undo_merge
from core.contacts.models import Contact
from core.errors import DutyFailed, TresenError
from core.privacy.erasing import erase
from core.values import SYSTEM

if TYPE_CHECKING:
    from core.site import Site


@define
class Replayed:
    """What came of it: how many contacts went, how many merges were undone for that, and what people have to decide."""

    erased: int = 0
    unmerged: int = 0
    problems: list[str] = field(factory=list)


def replay(site: Site, entries: Iterable[Entry]) -> Replayed:
    """Erase everybody of the journal who is in this database. Raises DutyFailed when a plugin can't do its part.

    A number counts only when it was given in the same epoch here as there.
    """
    done = Replayed()
    with site.session() as session:
        epochs = read_epochs(session)
        there = present(session, {entry.contact_id for entry in entries if epochs.means(entry)})
        joined = _joined(session, there)
    # One person in the backup, and two when one of them was erased: the other one must stay.
    for merged_id, kept_id in joined:
        _undo(site, merged_id, kept_id, done)
    with site.session() as session:
        still = _joined(session, there)
    done.problems += [
        f"Of contacts {merged_id} and {kept_id} one was erased, and in the backup they are merged, which can't be "
        f"undone: look at contact {kept_id}, and delete what is of the one who was erased."
        for merged_id, kept_id in still
    ]
    left = {one for pair in still for one in pair}
    occasion = f"restore {secrets.token_hex(8)}"
    for batch in batches(sorted(there - left)):
        with site.begin() as session:
            erase(session, site, batch, SYSTEM, occasion=occasion)
    with site.session() as session:
        done.erased = len(there) - len(present(session, there))
    return done


def _joined(session: Session, there: set[int]) -> list[tuple[int, int]]:
    """The merges, as (merged, kept), of somebody who has to go and somebody who stays."""
    found: set[tuple[int, int]] = set()
    for batch in batches(sorted(there)):
        rows = session.execute(
            select(Contact.id, Contact.merged_into_id).where(
                Contact.merged_into_id.is_not(None), or_(Contact.id.in_(batch), Contact.merged_into_id.in_(batch))
            )
        )
        found.update((row.id, row.merged_into_id) for row in rows)
    return sorted(pair for pair in found if (pair[0] in there) != (pair[1] in there))


def _undo(site: Site, merged_id: int, kept_id: int, done: Replayed) -> None:
    try:
        with site.begin() as session:
            merge_id = session.scalar(
                select(ContactMerge.id).where(ContactMerge.merged_id == merged_id, ContactMerge.kept_id == kept_id)
            )
            if merge_id is not None:
                undo_merge(session, site, kept_id, merge_id, SYSTEM)
                done.unmerged += 1
    except DutyFailed:
        raise
    except TresenError:
        # Said with the others that are left.
        return
