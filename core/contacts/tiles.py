"""The core's tile on the overview: new contacts by week (FEATURES H9)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact, now
from core.values import TileData

WEEKS = 12


def new_contacts(session: Session) -> TileData:
    """How many contacts joined in each of the last twelve weeks, each seven days back from now."""
    end = now()
    joined = session.scalars(
        select(Contact.joined_at).where(
            Contact.joined_at > end - timedelta(weeks=WEEKS),
            Contact.joined_at <= end,
            Contact.merged_into_id.is_(None),
        )
    )
    counted = Counter((end - at) // timedelta(weeks=1) for at in joined)
    series = [
        (f"{end - timedelta(weeks=weeks + 1) + timedelta(days=1):%d.%m.}", counted[weeks])
        for weeks in reversed(range(WEEKS))
    ]
    return TileData(value=counted[0], detail="in the last seven days", series=series)
