"""What every site has: the start page, the overview, settings, modules, and the health checks."""

from __future__ import annotations

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from core.api.document import ROUTES as DOCUMENT_ROUTES
from core.api.keys import forget_old_answers
from core.hookspecs import hookimpl
from core.jobs.queue import forget_old_jobs
from core.values import ALL_ROLES, Job, NavItem, Permission, SettingsField
from core.web import health, jump, modules, overview, settings_screen, start
from core.web import jobs as job_pages


@hookimpl
def permissions() -> list[Permission]:
    """Rights on the site as a whole."""
    return [
        Permission(key="site.overview", label="See the overview", roles=ALL_ROLES, order=1),
        Permission(key="site.settings", label="Change settings", roles=("owner", "manager"), order=90),
        Permission(key="site.modules", label="Switch modules on and off", roles=("owner",), order=91),
    ]


@hookimpl
def settings_fields() -> list[SettingsField]:
    """Settings of every site."""
    return [
        SettingsField(key="site.name", label="Name of the site", default="Tresen", order=1),
        SettingsField(key="site.accent", label="Accent colour", kind="colour", default="#2457d6", order=2),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """Pages of every site."""
    return [
        *start.ROUTES,
        *health.ROUTES,
        *overview.ROUTES,
        *jump.ROUTES,
        *modules.ROUTES,
        *settings_screen.ROUTES,
        *job_pages.ROUTES,
        *DOCUMENT_ROUTES,
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """The first and the last entries of the side menu."""
    return [
        NavItem(
            key="site.overview",
            label="Overview",
            href="/dashboard",
            icon="home",
            permission="site.overview",
            order=10,
        ),
        NavItem(
            key="site.modules",
            label="Modules",
            href="/dashboard/modules",
            icon="puzzle",
            permission="site.modules",
            order=900,
        ),
        NavItem(
            key="site.settings",
            label="Settings",
            href="/dashboard/settings",
            icon="settings",
            permission="site.settings",
            order=910,
        ),
    ]


@hookimpl
def jobs() -> list[Job]:
    """Tidying up."""
    return [
        Job(key="site.tidy", label="Forget old jobs", every=timedelta(hours=1), run=forget_old_jobs),
        Job(key="site.answers", label="Forget old answers", every=timedelta(hours=1), run=forget_old_answers),
    ]
