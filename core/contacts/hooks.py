"""What the core itself adds to the contacts area."""

from __future__ import annotations

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from core.contacts import columns, filters, tiles
from core.contacts.actions import ACTIONS
from core.contacts.kinds import KINDS
from core.contacts.views import LIST_PATH
from core.hookspecs import hookimpl
from core.transfer.imports import forget_files
from core.transfer.running import check_step, run_step
from core.transfer.undoing import undo_step
from core.values import ALL_ROLES, Action, ActivityKind, Column, Filter, Job, NavItem, Permission, Tile
from core.web.contact_list import ROUTES as LIST_ROUTES
from core.web.profile.routes import ROUTES as PROFILE_ROUTES
from core.web.transfer.export_page import ROUTES as EXPORT_ROUTES
from core.web.transfer.import_pages import ROUTES as IMPORT_ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on contacts."""
    return [
        Permission(key="contact.view", label="See contacts", roles=ALL_ROLES, order=10),
        Permission(key="contact.edit", label="Add and edit contacts", roles=ALL_ROLES, order=11),
        Permission(key="contact.export", label="Export contacts", order=12),
        Permission(key="contact.import", label="Import contacts", order=13),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The list, the page to add a contact, export, import, and the profile with what is done there."""
    return [*LIST_ROUTES, *EXPORT_ROUTES, *IMPORT_ROUTES, *PROFILE_ROUTES]


@hookimpl
def contact_actions() -> list[Action]:
    """What can be done with every contact."""
    return list(ACTIONS)


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries that the core writes."""
    return list(KINDS)


@hookimpl
def overview_tiles() -> list[Tile]:
    """New contacts by week."""
    return [
        Tile(
            key="contact.new",
            title="New contacts by week",
            load=tiles.new_contacts,
            permission="contact.view",
            order=10,
        )
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """„Kontakte“ in the side menu."""
    return [
        NavItem(
            key="contact.list",
            label="Contacts",
            href=LIST_PATH,
            icon="users",
            shortcut="g c",
            permission="contact.view",
            order=20,
        )
    ]


@hookimpl
def contact_columns() -> list[Column]:
    """The list's own columns."""
    return columns.contact_columns()


@hookimpl
def contact_filters() -> list[Filter]:
    """The list's own filters."""
    return filters.contact_filters()


@hookimpl
def jobs() -> list[Job]:
    """Imports, and what becomes of their files."""
    asked = "contact.import"
    return [
        Job(key="contact.import_check", label="Check contacts to import", step=check_step, permission=asked),
        Job(key="contact.import", label="Import contacts", step=run_step, permission=asked),
        Job(key="contact.import_undo", label="Take an import back", step=undo_step, permission=asked),
        Job(key="contact.import_tidy", label="Forget imported files", every=timedelta(hours=1), run=forget_files),
    ]
