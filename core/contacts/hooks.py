"""What the core itself adds to the contacts area."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.contacts import tiles
from core.contacts.actions import ACTIONS
from core.contacts.kinds import KINDS
from core.hookspecs import hookimpl
from core.values import ALL_ROLES, Action, ActivityKind, Permission, Tile
from core.web.profile.routes import ROUTES as PROFILE_ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on contacts."""
    return [
        Permission(key="contact.view", label="See contacts", roles=ALL_ROLES, order=10),
        Permission(key="contact.edit", label="Add and edit contacts", roles=ALL_ROLES, order=11),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """Pages of contacts."""
    return [*PROFILE_ROUTES]


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
