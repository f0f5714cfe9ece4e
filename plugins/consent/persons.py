"""What consent holds of one person: removed when the person is erased, handed out on request (GDPR Art. 15, 17)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Erased, ExportSection, Kept, Site, count_rows
from plugins.consent.chain import note_erasure
from plugins.consent.confirming import mailings_kept
from plugins.consent.models import ConsentEvent
from plugins.consent.purposes import names_of
from plugins.consent.reading import FACT_LABELS, STATE_LABELS, WAY_LABELS
from plugins.consent.suppression import suppress


def erase(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:
    """The evidence goes with the contact, and the chain says so; of an address that gets nothing, a hash stays."""
    evidence = count_rows(session, ConsentEvent, contact_ids)
    note_erasure(session, contact_ids)
    return [
        Erased(label="Consents with their evidence", number=evidence),
        *suppress(session, site, contact_ids),
        *mailings_kept(session, site, contact_ids),
    ]


def export(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:
    """Every consent that was given or withdrawn, with its evidence; without the names of staff."""
    names = names_of(session, site, site.settings.language)
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
                **FACT_LABELS,
            },
            translated={"state", "way"},
            records=[
                {
                    "at": event.occurred_at,
                    "purpose": names.get(event.purpose, event.purpose),
                    "state": STATE_LABELS[event.to_state],
                    "way": WAY_LABELS[event.way],
                    "email": event.email,
                    "page": event.page,
                    "form": event.form,
                    "wording": event.wording,
                    "language": event.language,
                    "basis": event.basis,
                    "facts": json.loads(event.facts) if event.facts else {},
                }
                for event in events
            ],
        )
    ]
