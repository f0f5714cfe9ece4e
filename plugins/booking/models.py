"""The plugin's tables: services, opening hours, appointments, and the stretches of time they claim."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id, Money, OptionalContactRef

State = Literal["booked", "cancelled", "done", "no_show"]
"""What became of an appointment; only a booked one holds its time."""

THE_CALENDAR = 1
"""The one calendar that all services share: two appointments of a site never overlap."""


class BookingService(Base):
    """Something that can be booked. Lengths are minutes, in whole units of `plugins.booking.claims.UNIT`."""

    __tablename__ = "booking_services"

    id: Mapped[Id]
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    minutes: Mapped[int]
    buffer_minutes: Mapped[int] = mapped_column(default=0)
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(default="EUR")
    lead_hours: Mapped[int] = mapped_column(default=0)
    days_ahead: Mapped[int] = mapped_column(default=60)
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes"),
        CheckConstraint("buffer_minutes >= 0", name="buffer"),
    )

    @property
    def price(self) -> Money | None:
        """The price; None when none is stated."""
        return None if self.price_minor is None else Money(minor=self.price_minor, currency=self.currency)


class BookingWeekday(Base):
    """When the calendar is open on a weekday (0 is Monday): pairs of minutes since midnight by the clock."""

    __tablename__ = "booking_weekdays"

    weekday: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hours: Mapped[list[list[int]]] = mapped_column(JSON)

    __table_args__ = (CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),)


class BookingException(Base):
    """A date whose hours differ from its weekday's; without hours the calendar is closed on it."""

    __tablename__ = "booking_exceptions"

    day: Mapped[date] = mapped_column(primary_key=True)
    hours: Mapped[list[list[int]]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(default="")


class BookingAppointment(Base):
    """An appointment, with the service and the person as they were when it was booked.

    `ends_at` is without the buffer. `token_hash` is the hash of the secret in the visitor's link, and by
    being unique keeps a form that is sent twice from booking twice. `booked_by` is the staff member, empty
    for a visitor.
    """

    __tablename__ = "booking_appointments"

    id: Mapped[Id]
    service_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey("booking_services.id", ondelete="SET NULL"), index=True
    )
    service_name: Mapped[str]
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(default="EUR")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[State] = mapped_column(default="booked")
    contact_id: Mapped[OptionalContactRef]
    email: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    token_hash: Mapped[str] = mapped_column(unique=True)
    booked_at: Mapped[datetime]
    booked_by: Mapped[str] = mapped_column(default="")
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('booked', 'cancelled', 'done', 'no_show')", name="state"),
        CheckConstraint("ends_at > starts_at", name="order"),
        Index("ix_booking_appointments_time", "starts_at", "id"),
        {"info": {"label": "Appointments"}},
    )

    @property
    def reference(self) -> str:
        """The number people name it by."""
        return str(1000 + self.id)

    @property
    def price(self) -> Money | None:
        """The price when it was booked; None when none was stated."""
        return None if self.price_minor is None else Money(minor=self.price_minor, currency=self.currency)


class BookingClaim(Base):
    """One unit of a calendar's time that an appointment holds. The primary key keeps two from it (T-B7)."""

    __tablename__ = "booking_slot_claims"

    calendar: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    appointment_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("booking_appointments.id", ondelete="CASCADE"), index=True
    )
