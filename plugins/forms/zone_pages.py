"""What a customer has sent by forms, in the Client Zone (FEATURES K4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar.params import FromQuery
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Request, ZoneSection, get
from plugins.forms.models import Entry, Form

ENTRIES = "/account/entries"
PAGE = 20
ON_CARD = 3


@frozen(kw_only=True)
class OwnEntry:
    """A form that was sent: its name (a message id if `is_sample`), and the answers that were given."""

    id: int
    form: str
    is_sample: bool
    at: datetime
    answers: Sequence[tuple[str, str]]


def zone_sections() -> list[ZoneSection]:
    """„Formulare“."""
    return [
        ZoneSection(
            key="forms.entries",
            label="Sent forms",
            href=ENTRIES,
            icon="clipboard",
            description="What you send us by a form is shown here.",
            template="forms/zone_card.html",
            load=_newest,
            order=400,
        )
    ]


def own_entries(session: Session, contact_id: int, limit: int, before: int = 0) -> list[OwnEntry]:
    """The entries of a contact, newest first; those before the id `before`, if one is given."""
    statement = (
        select(Entry, Form.name, Form.is_sample)
        .join(Form, Form.id == Entry.form_id)
        .where(Entry.contact_id == contact_id)
        .order_by(Entry.id.desc())
        .limit(limit)
    )
    if before:
        statement = statement.where(Entry.id < before)
    return [
        OwnEntry(
            id=entry.id,
            form=name,
            is_sample=is_sample,
            at=entry.occurred_at,
            answers=[
                (one["label"], "✓" if one["kind"] == "checkbox" else one["value"])
                for one in entry.answers
                if one["value"]
            ],
        )
        for entry, name, is_sample in session.execute(statement)
    ]


def _newest(session: Session, contact_id: int) -> Sequence[OwnEntry] | None:
    return own_entries(session, contact_id, ON_CARD) or None


@get(ENTRIES, customer=True)
def entries_page(request: Request, before: FromQuery[str] = "") -> Response[str]:
    """All that was sent, with the answers."""
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0
    with request.site.session() as session:
        entries = own_entries(session, request.customer.contact_id, PAGE + 1, place)
    older = f"{ENTRIES}?before={entries[PAGE - 1].id}" if len(entries) > PAGE else None
    return request.page(
        "forms/zone_entries.html", entries=entries[:PAGE], older=older, newest=ENTRIES if place else None
    )


ROUTES: list[Any] = [entries_page]
