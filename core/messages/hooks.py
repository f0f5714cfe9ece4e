"""What messages add to the contacts area: the thread on the profile, the inbox, and its entry in the menu."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core.contacts.merging.moving import move_rows
from core.hookspecs import hookimpl
from core.messages import personal
from core.messages.inbox import read_thread
from core.messages.models import Message
from core.values import ALL_ROLES, Erased, ExportSection, NavItem, Panel, Permission
from core.web.inbox import ROUTES as INBOX_ROUTES


@hookimpl
def permissions() -> list[Permission]:
    """Rights on messages."""
    return [Permission(key="message.view", label="Read messages", roles=ALL_ROLES, order=20)]


@hookimpl
def nav_items() -> list[NavItem]:
    """The inbox in the side menu."""
    return [
        NavItem(
            key="message.inbox",
            label="Messages",
            href="/dashboard/messages",
            icon="message",
            permission="message.view",
            order=30,
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
    return [*INBOX_ROUTES]


@hookimpl(trylast=True)
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """One thread of two."""
    move_rows(session, Message, kept_id, merged_id)
