"""What the Client Zone adds: its pages and sections, its settings, and what it does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core.hookspecs import hookimpl
from core.site import Site
from core.values import (
    ActivityKind,
    Erased,
    ExportSection,
    Job,
    NavItem,
    Panel,
    SettingsField,
    Tile,
    ZoneSection,
)
from core.web.routing import ZONE
from core.zone import data_pages, deletion, entry_pages, links, own_pages, personal
from core.zone.details import KIND as EDITED
from core.zone.limits import forget_old_attempts
from core.zone.sessions import forget_old_sessions
from core.zone.thread import WROTE, newest_message


@hookimpl
def settings_fields() -> list[SettingsField]:
    """How long a wish to be deleted waits."""
    return [
        SettingsField(
            key=deletion.DAYS,
            label="Days until a contact who asked for it is deleted",
            default=str(deletion.DEFAULT_DAYS),
            hint="In the Client Zone people can ask to be deleted. So long they, and you, can stop it. At most 30: the "
            "GDPR gives you a month.",
            clean=deletion.clean_days,
            order=20,
        )
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """Pages of the zone, and the staff's side of wishes."""
    return [*entry_pages.ROUTES, *own_pages.ROUTES, *data_pages.ROUTES]


@hookimpl
def nav_items() -> list[NavItem]:
    """„Kundenbereich“ on the public pages."""
    return [
        NavItem(
            key="zone.enter",
            label="Client Zone",
            href=ZONE,
            icon="user",
            area="public",
            description="See what you have with us, change your details, and write to us.",
            order=900,
        )
    ]


@hookimpl
def zone_sections() -> list[ZoneSection]:
    """Messages, details, and the person's rights."""
    return [
        ZoneSection(
            key="zone.messages",
            label="Messages",
            href=own_pages.MESSAGES,
            icon="message",
            description="Read what we wrote to you, and write to us.",
            template="zone/newest.html",
            load=newest_message,
            order=300,
        ),
        ZoneSection(
            key="zone.details",
            label="Your details",
            href=own_pages.DETAILS,
            icon="user",
            description="Name, phone and address, and where you are signed in.",
            order=800,
        ),
        ZoneSection(
            key="zone.data",
            label="Your data",
            href=data_pages.DATA,
            icon="shield-check",
            description="Download everything we know of you, or have it deleted.",
            order=900,
        ),
    ]


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """What customers do by themselves."""
    return [
        ActivityKind(
            key=EDITED,
            label="Changed by the customer",
            text="Details changed in the Client Zone",
            source="a change by the customer",
            icon="user",
            order=26,
        ),
        ActivityKind(key=WROTE, label="Message received", text="Wrote in the Client Zone", icon="message", order=27),
        ActivityKind(
            key="zone.exported",
            label="Data downloaded",
            text="Downloaded their data in the Client Zone",
            icon="download",
            order=28,
        ),
        ActivityKind(
            key="zone.deletion_asked",
            label="Wants to be deleted",
            text="Asked in the Client Zone to be deleted",
            icon="trash",
            order=29,
        ),
        ActivityKind(
            key="zone.deletion_stopped",
            label="Deletion stopped",
            text="The deletion that was asked for was stopped",
            icon="undo",
            order=30,
        ),
    ]


@hookimpl
def contact_panels() -> list[Panel]:
    """A wish to be deleted, on top of the profile."""
    return [
        Panel(
            key="zone.deletion",
            title="Wants to be deleted",
            template="zone/panel.html",
            load=deletion.read_wish,
            permission="contact.view",
            order=0,
        )
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    """Wishes that wait."""
    return [
        Tile(
            key="zone.deletions",
            title="Wants to be deleted",
            load=deletion.wishes_tile,
            permission="contact.erase",
            order=15,
        )
    ]


@hookimpl
def jobs() -> list[Job]:
    """Links to sign in, wishes that are due, and what nobody needs any more."""
    return [
        Job(key=links.JOB, label="Send a link to sign in", step=links.send_link, permission="site.settings"),
        Job(key="zone.erase", label="Delete who asked for it", every=deletion.EVERY, run=deletion.erase_due),
        Job(key="zone.tidy", label="Forget old sign-ins", every=timedelta(hours=1), run=forget_old),
    ]


def forget_old(site: Site) -> None:
    """Remove sessions, links and counts that mean nothing any more."""
    with site.begin() as session:
        forget_old_sessions(session)
        links.forget_old_links(session)
        forget_old_attempts(session)


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """Who is erased is not signed in any more."""
    return personal.erased(session, contact_ids)


@hookimpl
def export_contact(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """Sign-ins, and a wish to be deleted."""
    return personal.exported(session, contact_id)


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """Sign-ins end; a wish stays one."""
    personal.merge(session, kept_id, merged_id)


@hookimpl
def contacts_unmerged(session: Session, kept_id: int, restored_id: int) -> None:
    """A wish goes back to who had it."""
    personal.unmerge(session, kept_id, restored_id)
