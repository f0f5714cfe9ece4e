"""The hooks that the forms plugin implements; what they do is in the modules named here."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core import (
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
from plugins.forms import builder, finding, inbox, persons, public, reading, zone_pages
from plugins.forms.demo import add_history
from plugins.forms.models import Entry


@hookimpl
def modules() -> list[Module]:
    """The plugin's name."""
    return [
        Module(
            key="forms",
            label="Forms",
            description="Forms for this site and for any other; each entry becomes a lead.",
            icon="clipboard",
            order=30,
        )
    ]


@hookimpl
def permissions() -> list[Permission]:
    """Rights on forms and on their entries."""
    return [
        Permission(key="forms.manage", label="Build forms", order=30),
        Permission(
            key="forms.entries",
            label="See form entries, release and delete spam",
            roles=("owner", "manager", "assistant"),
            order=31,
        ),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The visitor's pages, the builder and the entries."""
    return [*public.ROUTES, *builder.ROUTES, *inbox.ROUTES, *zone_pages.ROUTES]


@hookimpl
def search_sources() -> list[SearchSource]:
    """Forms by their name."""
    return finding.search_sources()


@hookimpl
def nav_items() -> list[NavItem]:
    """„Formulare“ for staff, „Kontakt“ for visitors."""
    return [
        NavItem(
            key="forms.entries",
            label="Forms",
            href="/dashboard/forms",
            icon="clipboard",
            permission="forms.entries",
            order=50,
        ),
        NavItem(
            key="forms.contact",
            label="Contact us",
            href="/forms/contact",
            icon="message",
            area="public",
            description="Write to us: we answer by e-mail.",
            order=80,
        ),
    ]


@hookimpl
def zone_sections() -> list[ZoneSection]:
    """Entries in the Client Zone."""
    return zone_pages.zone_sections()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """An entry in the activity log."""
    return [
        ActivityKind(
            key="forms.entered",
            label="Form entry",
            text="Form “%(form)s” sent",
            source="Entry in “%(form)s”",
            icon="clipboard",
        )
    ]


@hookimpl
def contact_columns() -> list[Column]:
    """How many entries, and when the last one came."""
    return [
        Column(
            key="forms.entries",
            label="Form entries",
            kind="number",
            load=reading.count_entries,
            sortable=False,
            shown=False,
            permission="forms.entries",
            order=70,
        ),
        Column(
            key="forms.last_entry",
            label="Last form entry",
            kind="datetime",
            load=reading.last_entries,
            sortable=False,
            shown=False,
            permission="forms.entries",
            order=71,
        ),
    ]


@hookimpl
def contact_filters() -> list[Filter]:
    """By the form that was sent, and by when the last entry came."""
    return [
        Filter(
            key="forms.form",
            label="Form",
            predicate=reading.by_form,
            choices=reading.form_choices,
            translate_choices=True,
            permission="forms.entries",
            order=70,
        ),
        Filter(
            key="forms.last_entry",
            label="Last form entry",
            kind="date",
            predicate=reading.by_last_entry,
            permission="forms.entries",
            order=71,
        ),
    ]


@hookimpl
def contact_panels() -> list[Panel]:
    """The entries of a contact."""
    return [
        Panel(
            key="forms.entries",
            title="Form entries",
            template="forms/panel.html",
            load=reading.panel_of,
            permission="forms.entries",
            order=60,
        )
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    """Entries of the last thirty days."""
    return [
        Tile(
            key="forms.recent",
            title="Form entries",
            load=reading.recent_entries,
            permission="forms.entries",
            order=50,
        )
    ]


@hookimpl
def erase_contacts(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """The entries go, those in quarantine too."""
    return persons.erase(session, site, contact_ids)


@hookimpl
def export_contact(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:
    """The entries."""
    return persons.export(session, site, contact_id)


@hookimpl
def demo_history(site: Site, demo: Demo) -> None:
    """Messages by the demonstration's people."""
    add_history(site, demo)


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """All entries are the kept contact's."""
    move_rows(session, Entry, kept_id, merged_id)
