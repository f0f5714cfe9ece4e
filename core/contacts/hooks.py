"""What the core itself adds to the contacts area."""

from __future__ import annotations

from core.contacts import tiles
from core.hookspecs import hookimpl
from core.values import ALL_ROLES, ActivityKind, Permission, Tile


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
