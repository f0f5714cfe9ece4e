"""Booking an appointment, calling it off, and saying what became of it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import (
    VISITOR,
    Activity,
    Actor,
    Capture,
    Conflict,
    Contact,
    Details,
    NotFound,
    Site,
    add_activity,
    capture_contact,
    hold_contact,
    upsert,
)
from plugins.booking import claims
from plugins.booking.models import BookingAppointment, BookingService, State
from plugins.booking.slots import free_slots


class SlotTaken(Conflict):
    """The time is not free (any more): nothing was written."""


@frozen(kw_only=True)
class Booked:
    """An appointment as it was booked; `replayed` when it had been booked before under the same token."""

    id: int
    reference: str
    contact_id: int | None
    starts_at: datetime
    replayed: bool = False


def new_token() -> str:
    """A secret for one appointment: names it in the visitor's link, and keeps it from being booked twice."""
    return secrets.token_urlsafe(18)


def hash_token(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_by_token(session: Session, token: str) -> BookingAppointment | None:
    """The appointment with this token."""
    return session.scalar(select(BookingAppointment).where(BookingAppointment.token_hash == hash_token(token)))


def book_appointment(
    session: Session,
    site: Site,
    service: BookingService,
    *,
    starts_at: datetime,
    email: str,
    token: str,
    details: Details | None = None,
    note: str = "",
    actor: Actor = VISITOR,
    now: datetime | None = None,
) -> Booked:
    """Book a free time of `service` in the caller's transaction (`site.begin()`), and capture the person.

    A booked appointment makes a customer (FEATURES C4). A member of staff as `actor` needs no lead time. A
    second call with the same `token` books nothing and answers the first appointment. `now` is the moment of
    booking; the past for history.

    Raises SlotTaken when the time is not free or not offered, and what `capture_contact` raises; the caller's
    transaction must then be given up.
    """
    now = now or datetime.now(UTC)
    details = details or Details()
    if (before := find_by_token(session, token)) is not None:
        return _replay(before)
    by_staff = actor.kind == "staff"
    day = starts_at.astimezone(site.settings.zone).date()
    if not service.active or all(
        slot.starts_at != starts_at for slot in free_slots(session, site, service, day, now, staff=by_staff)
    ):
        # Taken perhaps by this very form, which was sent twice and has booked since the look above.
        return _replayed_or_taken(session, token)
    ends_at = starts_at + timedelta(minutes=service.minutes)
    values = {
        "service_id": service.id,
        "service_name": service.name,
        "price_minor": service.price_minor,
        "currency": service.currency,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "email": email,
        "name": details.name,
        "phone": details.phone,
        "note": note,
        "token_hash": hash_token(token),
        "booked_at": now,
        "booked_by": actor.name if by_staff else "",
    }
    # Two requests with one token: the second waits here for the first, then finds its appointment.
    inserted = session.execute(
        upsert(session, BookingAppointment, values, keys=["token_hash"]).returning(BookingAppointment.id)
    ).scalar()
    if inserted is None:
        return _replayed_or_taken(session, token)
    # Before the contact is touched: its row is locked from then on, and everyone locks in this order.
    if not claims.claim(session, inserted, starts_at, ends_at + timedelta(minutes=service.buffer_minutes)):
        raise SlotTaken("This time is no longer free. Choose another one.")
    appointment = session.get_one(BookingAppointment, inserted)
    captured = capture_contact(
        session,
        site,
        Capture(
            email=email,
            module="booking",
            occurred_at=now,
            details=details,
            makes_customer=True,
            actor=actor,
            idempotency_key=f"booking.appointment:{appointment.id}",
            activity=_activity("booking.booked", appointment, site),
        ),
    )
    appointment.contact_id = captured.contact_id
    if by_staff and (contact := session.get(Contact, captured.contact_id)) is not None:
        # Not for visitors: what is known of a person is not for whoever types their address (THREATS T-P3).
        appointment.name = appointment.name or contact.name
        appointment.phone = appointment.phone or contact.phone
    session.flush()
    return Booked(
        id=appointment.id,
        reference=appointment.reference,
        contact_id=captured.contact_id,
        starts_at=starts_at,
    )


def _replayed_or_taken(session: Session, token: str) -> Booked:
    known = find_by_token(session, token)
    if known is None:
        raise SlotTaken("This time is no longer free. Choose another one.")
    return _replay(known)


def _replay(appointment: BookingAppointment) -> Booked:
    return Booked(
        id=appointment.id,
        reference=appointment.reference,
        contact_id=appointment.contact_id,
        starts_at=appointment.starts_at,
        replayed=True,
    )


def _activity(kind: str, appointment: BookingAppointment, site: Site) -> Activity:
    local = appointment.starts_at.astimezone(site.settings.zone)
    return Activity(
        kind=kind,
        reference=appointment.reference,
        # ISO 8601: the log's sentences are translated, and this reads the same in every language.
        data={"service": appointment.service_name, "day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"},
        href=f"/dashboard/booking/appointments/{appointment.id}",
    )


def cancel_appointment(
    session: Session, site: Site, appointment_id: int, *, actor: Actor, now: datetime | None = None
) -> BookingAppointment:
    """Call an appointment off: its time is free again, and the contact's log says so.

    Raises NotFound, and Conflict when it is not booked any more.
    """
    appointment = _locked(session, appointment_id)
    if appointment.state != "booked":
        raise Conflict("This appointment is not booked any more.")
    appointment.state = "cancelled"
    appointment.cancelled_at = now or datetime.now(UTC)
    claims.release(session, appointment.id)
    _log(session, site, appointment, "booking.cancelled", actor, appointment.cancelled_at)
    return appointment


def last_change(appointment: BookingAppointment, service: BookingService | None) -> datetime:
    """Until when the person may call an appointment off or move it: the service's lead time before it begins."""
    return appointment.starts_at - timedelta(hours=service.lead_hours if service is not None else 0)


def move_appointment(
    session: Session, site: Site, appointment_id: int, starts_at: datetime, *, actor: Actor, now: datetime | None = None
) -> BookingAppointment:
    """Move an appointment to another free time of its service, in the caller's transaction; the old one is free again.

    Its price stays, its length is what the service has now. Raises NotFound, Conflict when it is not booked any more or
    its service is not offered, and SlotTaken: the transaction must then be given up.
    """
    now = now or datetime.now(UTC)
    appointment = _locked(session, appointment_id)
    service = session.get(BookingService, appointment.service_id) if appointment.service_id is not None else None
    if appointment.state != "booked" or service is None or not service.active:
        raise Conflict("This appointment is not booked any more.")
    if appointment.starts_at == starts_at:
        return appointment
    # Its own time is free for it: half an hour later may be within it.
    claims.release(session, appointment.id)
    day = starts_at.astimezone(site.settings.zone).date()
    offered = free_slots(session, site, service, day, now, staff=actor.kind == "staff")
    ends_at = starts_at + timedelta(minutes=service.minutes)
    if all(slot.starts_at != starts_at for slot in offered) or not claims.claim(
        session, appointment.id, starts_at, ends_at + timedelta(minutes=service.buffer_minutes)
    ):
        raise SlotTaken("This time is no longer free. Choose another one.")
    appointment.starts_at, appointment.ends_at = starts_at, ends_at
    _log(session, site, appointment, "booking.moved", actor, now)
    return appointment


def close_appointment(
    session: Session,
    site: Site,
    appointment_id: int,
    state: State,
    *,
    actor: Actor,
    now: datetime | None = None,
) -> BookingAppointment:
    """Say what became of an appointment: "done" or "no_show", which can be corrected later.

    Raises NotFound, and Conflict when it was cancelled or has not begun yet.
    """
    now = now or datetime.now(UTC)
    if state not in ("done", "no_show"):
        raise ValueError(f"An appointment can't be closed as {state!r}.")
    appointment = _locked(session, appointment_id)
    if appointment.state == "cancelled" or appointment.starts_at > now:
        raise Conflict("This appointment was cancelled or has not begun yet.")
    if appointment.state != state:
        appointment.state = state
        _log(session, site, appointment, f"booking.{state}", actor, now)
    return appointment


def _locked(session: Session, appointment_id: int) -> BookingAppointment:
    # The contact first, as everyone does: whoever merges holds it, and then the appointments.
    contact_id = session.scalar(select(BookingAppointment.contact_id).where(BookingAppointment.id == appointment_id))
    if contact_id is not None:
        hold_contact(session, contact_id)
    statement = select(BookingAppointment).where(BookingAppointment.id == appointment_id).with_for_update()
    appointment = session.scalar(statement, execution_options={"populate_existing": True})
    if appointment is None:
        raise NotFound("There is no such appointment.")
    return appointment


def _log(
    session: Session,
    site: Site,
    appointment: BookingAppointment,
    kind: str,
    actor: Actor,
    when: datetime,
) -> None:
    if appointment.contact_id is not None:
        add_activity(session, appointment.contact_id, _activity(kind, appointment, site), actor=actor, occurred_at=when)
    session.flush()
