"""The hooks that the consent plugin implements; what they do is in the modules named here."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core import (
    ActivityKind,
    Column,
    Demo,
    Filter,
    ImportChoice,
    Module,
    Panel,
    Permission,
    PublicField,
    SettingsField,
    Site,
    Submission,
    Tile,
    hookimpl,
)
from plugins.consent import asking, importing, public, reading, routes
from plugins.consent import columns as listed
from plugins.consent.demo import add_history


@hookimpl
def modules() -> list[Module]:
    """The plugin's name."""
    return [
        Module(
            key="consent",
            label="Consent",
            description="Who may be written to, for which purpose, with the proof of it.",
            icon="shield-check",
            order=40,
        )
    ]


@hookimpl
def permissions() -> list[Permission]:
    """Rights on consents."""
    return [
        Permission(key="consent.view", label="See consents", roles=("owner", "manager", "assistant"), order=40),
        Permission(key="consent.edit", label="Change consents", roles=("owner", "manager", "assistant"), order=41),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The person's pages and the staff's page."""
    return [*public.ROUTES, *routes.ROUTES]


@hookimpl
def settings_fields() -> list[SettingsField]:
    """The wordings."""
    return asking.settings_fields()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries of the activity log."""
    texts = {
        "consent.marketing_pending": "Asked for advertising; the confirmation is open",
        "consent.marketing_subscribed": "Subscribed to advertising",
        "consent.marketing_unsubscribed": "Unsubscribed from advertising",
        "consent.marketing_bounced": "Advertising can't be delivered",
        "consent.system_subscribed": "Subscribed to system notifications",
        "consent.system_unsubscribed": "Unsubscribed from system notifications",
        "consent.system_bounced": "System notifications can't be delivered",
    }
    return [ActivityKind(key=key, label="Consent", text=text, icon="shield-check") for key, text in texts.items()]


@hookimpl
def contact_columns() -> list[Column]:
    """„Werbung“ and „Systembenachrichtigung“."""
    return listed.columns()


@hookimpl
def contact_filters() -> list[Filter]:
    """One filter a purpose."""
    return listed.filters()


@hookimpl
def contact_panels() -> list[Panel]:
    """State and history on the profile."""
    return [
        Panel(
            key="consent.all",
            title="Consent",
            template="consent/panel.html",
            load=reading.consents_of,
            side="person",
            permission="consent.view",
            order=50,
        )
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    """The share of contacts that gets advertising."""
    return [
        Tile(
            key="consent.share",
            title="Advertising",
            load=reading.subscribed_share,
            permission="consent.view",
            order=60,
        )
    ]


@hookimpl
def import_choices() -> list[ImportChoice]:
    """„Automatisch abonnieren“."""
    return importing.import_choices()


@hookimpl
def public_fields(site: Site, form: str, language: str) -> list[PublicField]:
    """The boxes on every public form."""
    return asking.boxes(site, language)


@hookimpl
def public_form_submitted(session: Session, submission: Submission) -> None:
    """Keep what was ticked."""
    asking.record_ticks(session, submission)


# After the plugins that bring the people: consent belongs to contacts that exist.
@hookimpl(trylast=True)
def demo_history(site: Site, demo: Demo) -> None:
    """Consents of the demonstration's people."""
    add_history(site, demo)
