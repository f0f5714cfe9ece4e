"""What booking holds of one person: removed when the person is erased, handed out on request (GDPR Art. 15, 17)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core import Erased, ExportSection
from plugins.booking.models import BookingAppointment

STATE_LABELS = {"booked": "Booked", "cancelled": "Cancelled", "done": "Took place", "no_show": "Did not come"}
"""State → what an export says of it, a message id."""


def erase(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """Remove these contacts' appointments; the time of those to come is free again.

    Nothing has them kept: an appointment is no record of the books. What was paid for it is one, and is elsewhere.
    """
    theirs = BookingAppointment.contact_id.in_(contact_ids)
    statement = select(BookingAppointment.state, func.count()).where(theirs).group_by(BookingAppointment.state)
    counts: dict[str, int] = {state: number for state, number in session.execute(statement)}  # noqa: C416 (typed)
    session.execute(delete(BookingAppointment).where(theirs))
    coming = counts.pop("booked", 0)
    return [
        Erased(label="Booked appointments, whose time is free again", number=coming),
        Erased(label="Past and cancelled appointments", number=sum(counts.values())),
    ]


def export(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The appointments of a contact."""
    rows = session.scalars(
        select(BookingAppointment)
        .where(BookingAppointment.contact_id == contact_id)
        .order_by(BookingAppointment.starts_at)
    )
    return [
        ExportSection(
            key="booking.appointments",
            title="Appointments",
            labels={
                "number": "Number",
                "service": "Service",
                "starts_at": "From",
                "ends_at": "Until",
                "state": "State",
                "price": "Price",
                "booked_at": "Booked on",
                "email": "E-mail",
                "name": "Name",
                "phone": "Phone",
                "note": "Note",
            },
            translated={"state"},
            records=[
                {
                    "number": row.reference,
                    "service": row.service_name,
                    "starts_at": row.starts_at,
                    "ends_at": row.ends_at,
                    "state": STATE_LABELS[row.state],
                    "price": row.price,
                    "booked_at": row.booked_at,
                    "cancelled_at": row.cancelled_at,
                    "email": row.email,
                    "name": row.name,
                    "phone": row.phone,
                    "note": row.note,
                }
                for row in rows
            ],
        )
    ]
