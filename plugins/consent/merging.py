"""The consents of two contacts that become one (FEATURES C9, K1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import move_rows, upsert
from plugins.consent.models import ConsentEvent, ConsentState

STRICTNESS: Mapping[str, int] = MappingProxyType(
    {"existing_customer": 1, "subscribed": 2, "expired": 3, "pending": 4, "bounced": 5, "unsubscribed": 6}
)
"""State → its rank: of two the higher one holds, so that nobody who said no is written to because of a merge."""


def merge_consents(session: Session, kept_id: int, merged_id: int) -> None:
    """Move the evidence to the kept contact, and let the stricter state of each purpose hold.

    The evidence shows what each state rests on: it is moved as it is, and nothing is added. Where only one of the two
    was ever asked, that one's answer holds.
    """
    move_rows(session, ConsentEvent, kept_id, merged_id)
    states = {
        (row.contact_id, row.purpose): row
        for row in session.execute(
            select(ConsentState.__table__).where(ConsentState.contact_id.in_((kept_id, merged_id)))
        )
    }
    for (contact_id, purpose), other in states.items():
        own = states.get((kept_id, purpose))
        if contact_id == kept_id or (
            own is not None and _rank(own.state, own.since) >= _rank(other.state, other.since)
        ):
            continue
        values = {"state": other.state, "since": other.since}
        session.execute(
            upsert(
                session,
                ConsentState,
                {"contact_id": kept_id, "purpose": purpose, **values},
                keys=["contact_id", "purpose"],
                update=values,
            )
        )
    session.execute(
        delete(ConsentState).where(ConsentState.contact_id == merged_id).execution_options(synchronize_session=False)
    )


def _rank(state: str, since: object) -> tuple[int, object]:
    """Of two equal states the later one: it is the last word."""
    return STRICTNESS[state], since
