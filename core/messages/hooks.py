"""What messages add to the contacts area: writing and sending them, the thread, the inbox, and the sender."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core.api.messages import ROUTES as API_ROUTES
from core.contacts.merging.moving import move_rows
from core.hookspecs import hookimpl
from core.messages import assigning, feeding, mail, personal, sending
from core.messages.inbox import read_thread
from core.messages.models import Message
from core.values import (
    ALL_ROLES,
    Action,
    ActivityKind,
    BulkAction,
    Erased,
    ExportSection,
    Job,
    NavItem,
    Panel,
    Permission,
    SettingsField,
)
from core.web.compose import ROUTES as COMPOSE_ROUTES
from core.web.inbox import ROUTES as INBOX_ROUTES
from core.web.message_texts import ROUTES as TEXT_ROUTES
from core.web.newsletter_pages import ROUTES as SENDING_ROUTES
from core.web.newsletters import ROUTES as NEWSLETTER_ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on messages."""
    return [
        Permission(key="message.view", label="Read messages", roles=ALL_ROLES, order=20),
        Permission(key="message.send", label="Send messages", roles=ALL_ROLES, order=21),
        Permission(key="message.templates", label="Edit message templates", order=22),
        Permission(key="message.newsletter", label="Write to many at once", order=23),
    ]


@hookimpl
def settings_fields() -> list[SettingsField]:
    """„Absender“: who mails come from."""
    return [
        SettingsField(
            key="message.sender_name",
            label="Name of the sender",
            hint="What people see beside the address. Empty: the name of the site.",
            clean=mail.clean_sender_name,
            order=10,
        ),
        SettingsField(
            key="message.sender_email",
            label="E-mail address of the sender",
            kind="email",
            hint="Messages are sent from this address, and answers go there. Nothing is sent without it.",
            clean=mail.clean_sender_email,
            order=11,
        ),
        SettingsField(
            key="message.signature",
            label="Signature",
            kind="textarea",
            hint="Stands below every message: who you are, as business letters have to say. Empty: name and address of "
            "the site.",
            order=12,
        ),
    ]


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries of the activity log."""
    return [
        ActivityKind(key="message.sent", label="Message", text="Message sent: %(reference)s", icon="send", order=20),
        ActivityKind(
            key="message.failed",
            label="Message not sent",
            text="Message could not be sent: %(reference)s",
            icon="warning",
            order=21,
        ),
        ActivityKind(
            key="message.bounced",
            label="Message came back",
            text="Message came back: %(reference)s",
            icon="warning",
            order=22,
        ),
        ActivityKind(
            key="message.complained",
            label="Message called spam",
            text="Message called spam: %(reference)s",
            icon="warning",
            order=22,
        ),
        ActivityKind(
            key="message.received",
            label="E-mail received",
            text="E-mail received: %(reference)s",
            icon="mail",
            order=22,
        ),
        ActivityKind(
            key="message.automatic",
            label="Automatic e-mail received",
            text="Automatic e-mail received: %(reference)s",
            icon="mail",
            order=22,
        ),
        ActivityKind(
            key="message.withdrawn",
            label="Message withdrawn",
            text="Message withdrawn: %(reference)s",
            icon="undo",
            order=22,
        ),
    ]


@hookimpl
def contact_actions() -> list[Action]:
    """„Nachricht senden“ (FEATURES L8, P2)."""
    return [
        Action(
            key="message.send",
            label="Send message",
            href="/dashboard/contacts/{contact_id}/message",
            permission="message.send",
            icon="send",
            shortcut="m",
            order=20,
        )
    ]


@hookimpl
def jobs() -> list[Job]:
    """The outbox, and what fills it."""
    return [
        Job(key="message.send", label="Send messages", every=sending.EVERY, run=sending.run),
        Job(key="message.newsletters", label="Send newsletters", every=feeding.EVERY, run=feeding.run),
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """The inbox and the newsletters in the side menu."""
    return [
        NavItem(
            key="message.inbox",
            label="Messages",
            href="/dashboard/messages",
            icon="message",
            permission="message.view",
            order=30,
        ),
        NavItem(
            key="message.newsletters",
            label="Newsletter",
            href="/dashboard/newsletters",
            icon="send",
            permission="message.newsletter",
            order=31,
        ),
    ]


@hookimpl
def contact_bulk_actions() -> list[BulkAction]:
    """„Nachricht schreiben …“ to the chosen contacts (FEATURES L7): as single letters."""
    return [
        BulkAction(
            key="message.write",
            label="Write a message …",
            permission="message.newsletter",
            icon="send",
            href="/dashboard/newsletters/new?selection={selection_id}",
            order=50,
        )
    ]


@hookimpl
def contact_panels() -> list[Panel]:
    """The thread on the profile, below the plugins' panels."""
    return [
        Panel(
            key="message.thread",
            title="Messages",
            template="messages/panel.html",
            load=read_thread,
            permission="message.view",
            order=900,
        )
    ]


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """The whole thread: it refers to the contact and goes with it."""
    return personal.erased(session, contact_ids)


@hookimpl
def export_contact(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The whole thread."""
    return personal.exported(session, contact_id)


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """Pages of messages."""
    return [*INBOX_ROUTES, *COMPOSE_ROUTES, *TEXT_ROUTES, *NEWSLETTER_ROUTES, *SENDING_ROUTES, *API_ROUTES]


@hookimpl(trylast=True)
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """One thread of two, with whoever takes care of the kept one's, or else of the other."""
    move_rows(session, Message, kept_id, merged_id)
    assigning.merge_threads(session, kept_id, merged_id)
