"""What the Client Zone holds of one person: counted when it is erased, handed out when it is exported, merged."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.privacy.counting import count_rows
from core.values import Erased, ExportSection
from core.zone.deletion import read_wish
from core.zone.models import ZoneDeletion, ZoneLink, ZoneSession


def erased(session: Session, contact_ids: Sequence[int]) -> list[Erased]:
    """What goes with these contacts: whoever is signed in is not any more."""
    return [
        Erased(label="Sign-ins to the Client Zone", number=count_rows(session, ZoneSession, contact_ids)),
        Erased(label="Links to sign in", number=count_rows(session, ZoneLink, contact_ids)),
    ]


def exported(session: Session, contact_id: int) -> list[ExportSection]:
    """Sign-ins of the last days, and a wish to be deleted."""
    rows = session.scalars(
        select(ZoneSession).where(ZoneSession.contact_id == contact_id).order_by(ZoneSession.created_at)
    )
    wish = read_wish(session, contact_id)
    sections = [
        ExportSection(
            key="zone.sessions",
            title="Sign-ins to the Client Zone",
            order=800,
            labels={"browser": "Browser", "created_at": "Signed in", "seen_at": "Last active"},
            records=[
                {
                    "browser": row.browser,
                    "created_at": row.created_at,
                    "seen_at": row.seen_at,
                    "ended_at": row.revoked_at,
                }
                for row in rows
            ],
        ),
        ExportSection(
            key="zone.deletion",
            title="Wish to be deleted",
            order=801,
            labels={"asked_at": "Asked for", "due_at": "Will be done on"},
            records=[{"asked_at": wish.asked_at, "due_at": wish.due_at}] if wish else [],
        ),
    ]
    return [section for section in sections if section.records]


def merge(session: Session, kept_id: int, merged_id: int) -> None:
    """The merged contact's sign-ins end; a wish to be deleted becomes the kept contact's.

    Two contacts are merged to correct a wrong address, too (FEATURES C2): then whoever is signed in with that address
    is somebody else, and must not see the kept contact's data.
    """
    for table in (ZoneSession, ZoneLink):
        session.execute(delete(table).where(table.contact_id == merged_id))
    mine = ZoneDeletion.contact_id == merged_id
    if read_wish(session, kept_id) is None:
        moved = {"contact_id": kept_id, "came_from": merged_id}
        session.execute(update(ZoneDeletion).where(mine).values(moved).execution_options(synchronize_session=False))
    else:
        session.execute(delete(ZoneDeletion).where(mine))


def unmerge(session: Session, kept_id: int, restored_id: int) -> None:
    """A wish that came with the merged contact goes back with it, if it was not stopped since."""
    mine = (ZoneDeletion.contact_id == kept_id, ZoneDeletion.came_from == restored_id)
    back = {"contact_id": restored_id, "came_from": None}
    session.execute(update(ZoneDeletion).where(*mine).values(back).execution_options(synchronize_session=False))
