"""The hooks that the consent plugin implements; what they do is in the modules named here."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core import (
    ActivityKind,
    Bounce,
    BulkAction,
    Capture,
    Captured,
    Check,
    Column,
    ContactField,
    Demo,
    Erased,
    ExportSection,
    Filter,
    ImportChoice,
    Job,
    Kept,
    LeftOut,
    Mailing,
    MessageTopic,
    Module,
    NavItem,
    Outgoing,
    Panel,
    Permission,
    PublicField,
    SendVerdict,
    SettingsField,
    Site,
    Submission,
    Tile,
    ZoneSection,
    hookimpl,
)
from plugins.consent import (
    asking,
    chain,
    changing,
    customers,
    fields,
    importing,
    many,
    persons,
    public,
    purpose_pages,
    reading,
    returned,
    routes,
    sending,
    signup,
    waiting,
    zone_pages,
)
from plugins.consent import columns as listed
from plugins.consent.demo import add_history
from plugins.consent.merging import merge_consents


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
        Permission(key="consent.purposes", label="Edit purposes of consent", roles=("owner", "manager"), order=42),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The person's pages and the staff's pages."""
    return [*public.ROUTES, *signup.ROUTES, *routes.ROUTES, *purpose_pages.ROUTES, *zone_pages.ROUTES]


@hookimpl
def nav_items() -> list[NavItem]:
    """Purposes and wordings."""
    return [
        NavItem(
            key="consent.purposes",
            label="Consent",
            href="/dashboard/consent/purposes",
            icon="shield-check",
            permission="consent.purposes",
            order=75,
        )
    ]


@hookimpl
def jobs() -> list[Job]:
    """The chain of evidence, and ticks that nobody confirms."""
    return [
        Job(key="consent.chain", label="Seal the evidence of consents", every=chain.EVERY, run=chain.seal_all),
        Job(key="consent.expire", label="End unconfirmed consents", every=waiting.EVERY, run=waiting.expire),
    ]


@hookimpl
def checks() -> list[Check]:
    """The chain of evidence."""
    return chain.checks()


@hookimpl
def settings_fields() -> list[SettingsField]:
    """Time to confirm, and existing customers."""
    return [waiting.settings_field(), customers.settings_field()]


@hookimpl
def zone_sections() -> list[ZoneSection]:
    """What the person gets in the Client Zone."""
    return zone_pages.zone_sections()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries of the activity log."""
    texts = {
        "consent.marketing_pending": "Asked for advertising; the confirmation is open",
        "consent.marketing_expired": "Did not confirm in time that advertising is wanted",
        "consent.marketing_subscribed": "Subscribed to advertising",
        "consent.marketing_existing_customer": "Gets advertising as an existing customer",
        "consent.marketing_unsubscribed": "Unsubscribed from advertising",
        "consent.marketing_bounced": "Advertising can't be delivered",
        "consent.system_subscribed": "Subscribed to system notifications",
        "consent.system_unsubscribed": "Unsubscribed from system notifications",
        "consent.system_bounced": "System notifications can't be delivered",
        "consent.own_pending": "Asked for “%(purpose)s”; the confirmation is open",
        "consent.own_expired": "Did not confirm “%(purpose)s” in time",
        "consent.own_subscribed": "Subscribed to “%(purpose)s”",
        "consent.own_unsubscribed": "Unsubscribed from “%(purpose)s”",
        "consent.own_bounced": "“%(purpose)s” can't be delivered",
        signup.KIND: "Signed up with the form for the newsletter",
    }
    return [ActivityKind(key=key, label="Consent", text=text, icon="shield-check") for key, text in texts.items()]


@hookimpl
def contact_fields() -> list[ContactField]:
    """Both purposes, with the basis of what staff record."""
    return fields.contact_fields()


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
def contact_bulk_actions() -> list[BulkAction]:
    """„Werbung …“ and „Systembenachrichtigung …“ for many contacts."""
    return many.bulk_actions()


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
    return asking.boxes(site, form, language)


@hookimpl
def public_form_submitted(session: Session, site: Site, submission: Submission) -> None:
    """Keep what was ticked, and ask for its confirmation."""
    asking.record_ticks(session, site, submission)


@hookimpl
def contact_captured(session: Session, capture: Capture, captured: Captured) -> None:
    """A sale: it may make an existing customer of somebody who was never asked."""
    customers.remember_sale(session, capture, captured)


@hookimpl
def may_send(session: Session, site: Site, message: Outgoing) -> SendVerdict | None:
    """No advertising without consent; a way to unsubscribe in all that can be switched off."""
    return sending.verdict_on(session, site, message)


@hookimpl
def may_send_many(site: Site, mailing: Mailing) -> list[LeftOut]:
    """The same for many, by conditions."""
    return sending.left_out(site, mailing)


@hookimpl
def message_topics(session: Session, site: Site, language: str) -> list[MessageTopic]:
    """The site's own purposes, to write about."""
    return sending.topics(session, site, language)


@hookimpl
def message_bounced(session: Session, contact_id: int, bounce: Bounce) -> None:
    """Nothing more to an address that is gone."""
    returned.end_undeliverable(session, contact_id, bounce)


@hookimpl
def message_complained(session: Session, contact_id: int, purpose: str, topic: str) -> None:
    """Nothing more of what was called spam."""
    returned.end_unwanted(session, contact_id, purpose, topic)


@hookimpl
def erase_contacts(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:
    """The evidence goes; of an address that gets nothing, a hash stays."""
    return persons.erase(session, site, contact_ids)


@hookimpl
def export_contact(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:
    """All consents with their evidence."""
    return persons.export(session, site, contact_id)


@hookimpl
def contact_created(session: Session, site: Site, contact_id: int) -> None:
    """Somebody who was erased after unsubscribing is still unsubscribed."""
    changing.take_up_suppressions(session, site, [contact_id])


@hookimpl
def contacts_created(session: Session, site: Site, contact_ids: Sequence[int]) -> None:
    """The same for all of a file."""
    changing.take_up_suppressions(session, site, contact_ids)


# After the plugins that bring the people: consent belongs to contacts that exist.
@hookimpl(trylast=True)
def demo_history(site: Site, demo: Demo) -> None:
    """Consents of the demonstration's people."""
    add_history(site, demo)


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """The evidence of both, and of two states the stricter."""
    merge_consents(session, kept_id, merged_id)
