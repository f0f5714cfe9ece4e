"""What the core itself adds to the contacts area."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.contacts import columns, filters, tiles
from core.contacts.views import LIST_PATH
from core.hookspecs import hookimpl
from core.values import ALL_ROLES, ActivityKind, Column, Filter, NavItem, Permission, Tile
from core.web.contact_list import ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on contacts."""
    return [
        Permission(key="contact.view", label="See contacts", roles=ALL_ROLES, order=10),
        Permission(key="contact.edit", label="Add and edit contacts", roles=ALL_ROLES, order=11),
    ]


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries that the core writes."""
    return [
        ActivityKind(key="contact.added", label="Added", text="Added by hand", icon="plus"),
        ActivityKind(key="contact.edited", label="Edited", text="Details edited", icon="edit"),
        ActivityKind(key="contact.became_customer", label="Customer", text="Became a customer", icon="star"),
        ActivityKind(key="contact.reactivated", label="Reactivated", text="Active again", icon="undo"),
    ]


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
def routers() -> list[HTTPRouteHandler]:
    """The list, and the page to add a contact."""
    return ROUTES
