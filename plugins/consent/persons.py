"""What consent holds of one person: removed when the person is erased, handed out on request (GDPR Art. 15, 17)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Erased, ExportSection, Kept, Site, count_rows
from plugins.consent.changing import PURPOSES
from plugins.consent.models import ConsentEvent
from plugins.consent.reading import STATE_LABELS, WAY_LABELS
from plugins.consent.suppression import suppress


def erase(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:
    """The evidence goes with the contact; of an address that gets nothing, a hash stays."""
    evidence = count_rows(session, ConsentEvent, contact_ids)
    return [Erased(label="Consents with their evidence", number=evidence), *suppress(session, site, contact_ids)]


def export(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """Every consent that was given or withdrawn, with its evidence; without the names of staff."""
    events = session.scalars(
        select(ConsentEvent).where(ConsentEvent.contact_id == contact_id).order_by(ConsentEvent.id)
    )
    return [
        ExportSection(
            key="consent.history",
            title="Consent",
            labels={
                "at": "When",
                "purpose": "Purpose",
                "state": "State",
                "way": "Way",
                "email": "E-mail",
                "page": "Page",
                "wording": "Wording",
                "basis": "Basis",
            },
            translated={"purpose", "state", "way"},
            records=[
                {
                    "at": event.occurred_at,
                    "purpose": PURPOSES[event.purpose],
                    "state": STATE_LABELS[event.to_state],
                    "way": WAY_LABELS[event.way],
                    "email": event.email,
                    "page": event.page,
                    "form": event.form,
                    "wording": event.wording,
                    "language": event.language,
                    "basis": event.basis,
                }
                for event in events
            ],
        )
    ]
