"""What the core itself holds of a person: counted when it is erased, handed out when it is exported.

Its rows refer to the contact and go with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.contacts.models import (
    Contact,
    ContactActivity,
    ContactNote,
    ContactSuggestion,
    ContactTag,
    StoredFile,
)
from core.values import Erased

COUNTED = (
    (ContactNote, "Internal notes"),
    (StoredFile, "Files and pictures"),
    (ContactSuggestion, "Suggestions"),
    (ContactTag, "Tags of contacts"),
    (ContactActivity, "Entries of the activity log"),
)
"""Table → what its rows are called on a receipt, a message id."""


def erased(session: Session, contact_ids: Sequence[int]) -> list[Erased]:
    """What goes with these contacts."""
    merged = session.scalar(
        select(func.count())
        .select_from(Contact)
        .where(Contact.id.in_(contact_ids), Contact.merged_into_id.is_not(None))
    )
    counts = [
        (label, session.scalar(select(func.count()).select_from(model).where(model.contact_id.in_(contact_ids))))
        for model, label in COUNTED
    ]
    counts.append(("Further addresses of merged contacts", merged))
    return [Erased(label=label, number=number) for label, number in counts if number]
