"""What staff accounts add: their permissions and pages."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from core.hookspecs import hookimpl
from core.staff import account_pages, entry_pages, team_pages, token_pages
from core.values import ALL_ROLES, NavItem, Permission


@hookimpl
def permissions() -> list[Permission]:
    """Rights on accounts."""
    return [
        Permission(key="staff.account", label="Change one's own account", roles=ALL_ROLES, order=92),
        Permission(key="staff.tokens", label="Use the API", roles=("owner", "manager"), order=94),
        Permission(key="staff.manage", label="Manage the team", roles=("owner",), order=93),
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """The team, near the end of the menu."""
    return [
        NavItem(
            key="staff.team",
            label="Team",
            href="/dashboard/staff",
            icon="key",
            permission="staff.manage",
            order=920,
        )
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """Set-up, sign-in and sign-out; the team; the own account."""
    return [*entry_pages.ROUTES, *team_pages.ROUTES, *account_pages.ROUTES, *token_pages.ROUTES]
