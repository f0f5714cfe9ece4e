"""What the mailbox adds: its settings, its jobs, its pages, and its duties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from litestar.handlers import HTTPRouteHandler
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.hookspecs import hookimpl
from core.mailbox import pile, polling
from core.mailbox.models import PiledMail
from core.messages.mail import clean_sender_email
from core.values import Choice, Erased, ExportSection, Job, Permission, SettingsField
from core.web.mailbox import ROUTES
from core.web.outgoing import ROUTES as OUTGOING_ROUTES

PATIENCE = timedelta(minutes=10)
"""Longer than a run may take, the largest mails and a slow server included."""


@hookimpl
def permissions() -> list[Permission]:
    """Rights on the mailbox."""
    return [
        Permission(
            key="mailbox.preview", label="See waiting e-mails as they would be sent", roles=("owner",), order=23
        ),
    ]


@hookimpl
def settings_fields() -> list[SettingsField]:
    """„Antworten“: where answers go, and what is done with mails of strangers."""
    return [
        SettingsField(
            key="mailbox.answer_email",
            label="E-mail address for answers",
            kind="email",
            hint="Answers go there, and come back into the thread when it is the mailbox that this site reads. Empty: "
            "the sender’s address.",
            clean=clean_sender_email,
            order=10,
        ),
        SettingsField(
            key="mailbox.plus",
            label="Put a sign of the message into the address for answers",
            kind="yesno",
            default="no",
            hint="Answers go to office+…@example.org. So they find their thread in any case, and so do notices that a "
            "message could not be delivered. Your mail server has to accept such addresses.",
            order=11,
        ),
        SettingsField(
            key="mailbox.unknown",
            label="E-mails from people who are no contacts",
            kind="choice",
            default="pile",
            choices=(
                Choice(value="pile", label="Wait until somebody assigns them"),
                Choice(value="contact", label="Make a contact of the sender"),
            ),
            order=12,
        ),
    ]


@hookimpl
def jobs() -> list[Job]:
    """The mailbox, and the pile."""
    return [
        Job(key="mailbox.look", label="Fetch e-mails", every=polling.EVERY, run=polling.run, patience=PATIENCE),
        Job(key="mailbox.file", label="File e-mails of new contacts", every=pile.EVERY, run=pile.file_known),
    ]


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The pages of the mailbox."""
    return [*ROUTES, *OUTGOING_ROUTES]


@hookimpl
def erase_contacts(session: Session, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """Mails of the pile that these people's addresses wrote: nothing but the address says whose they are."""
    written = pile.of_contacts(contact_ids)
    number = session.scalar(select(func.count()).select_from(PiledMail).where(written)) or 0
    session.execute(delete(PiledMail).where(written).execution_options(synchronize_session=False))
    return [Erased(label="E-mails that were not assigned", number=number)]


@hookimpl
def export_contact(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The same mails, oldest first."""
    rows = session.scalars(
        select(PiledMail).where(pile.of_contacts([contact_id])).order_by(PiledMail.came_at, PiledMail.id)
    ).all()
    if not rows:
        return []
    return [
        ExportSection(
            key="mailbox.pile",
            title="E-mails that were not assigned",
            order=201,
            labels={"at": "When", "subject": "Subject", "text": "Text"},
            records=[{"at": row.came_at, "subject": row.subject, "text": row.text} for row in rows],
        )
    ]
