"""The hooks that the booking plugin implements."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import BaseRouteHandler
from sqlalchemy.orm import Session

from core import (
    Action,
    ActivityKind,
    Column,
    Demo,
    Erased,
    ExportSection,
    Filter,
    Module,
    NavItem,
    Panel,
    Permission,
    SearchSource,
    Site,
    Tile,
    ZoneSection,
    hookimpl,
    move_rows,
)
from plugins.booking import (
    contact_views,
    finding,
    persons,
    public_pages,
    staff_appointments,
    staff_services,
    zone_pages,
)
from plugins.booking.demo import make_history
from plugins.booking.models import BookingAppointment


@hookimpl
def modules() -> list[Module]:
    """The module that booked contacts carry."""
    return [
        Module(
            key="booking",
            label="Appointments",
            description="Visitors book services at free times; staff see who comes when.",
            icon="calendar",
            order=20,
        )
    ]


@hookimpl
def permissions() -> list[Permission]:
    """Who sees appointments, and who changes services and hours."""
    return [
        Permission(
            key="booking.appointments",
            label="See, book and cancel appointments",
            roles=("owner", "manager", "assistant"),
            order=50,
        ),
        Permission(key="booking.services", label="Change services and opening hours", order=51),
    ]


@hookimpl
def search_sources() -> list[SearchSource]:
    """Appointments by the person, the service or the number."""
    return finding.search_sources()


@hookimpl
def routers() -> list[BaseRouteHandler]:
    """Pages of visitors and of staff."""
    return [*public_pages.ROUTES, *staff_appointments.ROUTES, *staff_services.ROUTES, *zone_pages.ROUTES]


@hookimpl
def nav_items() -> list[NavItem]:
    """One entry in the side menu, one on the public pages."""
    return [
        NavItem(
            key="booking.appointments",
            label="Appointments",
            href="/dashboard/booking",
            icon="calendar",
            permission="booking.appointments",
            order=40,
        ),
        NavItem(
            key="booking.public",
            label="Book appointment",
            href="/booking",
            icon="calendar",
            area="public",
            description="Choose a service and a time that suits you.",
            order=40,
        ),
    ]


@hookimpl
def zone_sections() -> list[ZoneSection]:
    """The person's appointments in the Client Zone."""
    return zone_pages.zone_sections()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """What appointments write into the log; `day` and `time` are in the site's zone."""
    source = "Appointment %(reference)s"
    return [
        ActivityKind(
            key="booking.booked",
            label="Appointment booked",
            text="Appointment %(reference)s booked: %(service)s, %(day)s %(time)s",
            source=source,
            icon="calendar",
            order=40,
        ),
        ActivityKind(
            key="booking.cancelled",
            label="Appointment cancelled",
            text="Appointment %(reference)s cancelled: %(service)s, %(day)s %(time)s",
            source=source,
            icon="x",
            order=41,
        ),
        ActivityKind(
            key="booking.moved",
            label="Appointment moved",
            text="Appointment %(reference)s moved: %(service)s, now %(day)s %(time)s",
            source=source,
            icon="calendar",
            order=44,
        ),
        ActivityKind(
            key="booking.done",
            label="Appointment took place",
            text="Appointment %(reference)s took place: %(service)s, %(day)s %(time)s",
            source=source,
            icon="check",
            order=42,
        ),
        ActivityKind(
            key="booking.no_show",
            label="Did not come",
            text="Did not come to appointment %(reference)s: %(service)s, %(day)s %(time)s",
            source=source,
            icon="warning",
            order=43,
        ),
    ]


@hookimpl
def contact_columns() -> list[Column]:
    """Next and last appointment."""
    return [
        Column(
            key="booking.next",
            label="Next appointment",
            kind="datetime",
            load=contact_views.next_appointments,
            sortable=False,
            permission="booking.appointments",
            order=130,
        ),
        Column(
            key="booking.last",
            label="Last appointment",
            kind="datetime",
            load=contact_views.last_appointments,
            sortable=False,
            shown=False,
            permission="booking.appointments",
            order=131,
        ),
    ]


@hookimpl
def contact_filters() -> list[Filter]:
    """Who has booked, who will come and when, and when they were last there."""
    return [
        Filter(
            key="booking.has_booked",
            label="Appointment",
            predicate=contact_views.booked_predicate,
            choices=contact_views.booked_choices,
            translate_choices=True,
            permission="booking.appointments",
            order=130,
        ),
        Filter(
            key="booking.next",
            label="Next appointment",
            kind="date",
            predicate=contact_views.by_next,
            permission="booking.appointments",
            order=131,
        ),
        Filter(
            key="booking.last",
            label="Last appointment",
            kind="date",
            predicate=contact_views.by_last,
            permission="booking.appointments",
            order=132,
        ),
    ]


@hookimpl
def contact_panels() -> list[Panel]:
    """The appointments of a contact."""
    return [
        Panel(
            key="booking.services",
            title="Booked services",
            template="booking/panel.html",
            load=contact_views.booked_services,
            permission="booking.appointments",
            order=30,
        )
    ]


@hookimpl
def contact_actions() -> list[Action]:
    """Booking on a contact's behalf."""
    return [
        Action(
            key="booking.book",
            label="Book appointment",
            href="/dashboard/booking/contacts/{contact_id}/book",
            permission="booking.appointments",
            icon="calendar",
            order=50,
        )
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    """Appointments by week."""
    return [
        Tile(
            key="booking.week",
            title="Appointments this week",
            load=contact_views.week_tile,
            permission="booking.appointments",
            order=40,
        )
    ]


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """The appointments go, and their time is free again."""
    return persons.erase(session, contact_ids)


@hookimpl
def export_contact(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The appointments."""
    return persons.export(session, contact_id)


@hookimpl
def demo_history(site: Site, demo: Demo) -> None:
    """A bakery's courses and consultations, booked over two years."""
    make_history(site, demo)


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """All appointments are the kept contact's."""
    move_rows(session, BookingAppointment, kept_id, merged_id)
