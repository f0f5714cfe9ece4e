"""What belongs to a contact, over the API: its activity log, its notes; and the tags and fields there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import func, select

from core.api.routing import BASE, api_get, api_post
from core.contacts.finding import find_contact, lock_contact
from core.contacts.history import read_log
from core.contacts.models import Contact, ContactNote, ContactTag, Tag
from core.contacts.notes import add_note, clean_note
from core.contacts.sentences import Words
from core.errors import InvalidInput
from core.web.requests import Request

MAX_PAGE = 200


@frozen(kw_only=True)
class ActivityResource:
    """An entry of the log (FEATURES C12); `text` is its sentence in the language of the request."""

    id: int
    kind: str
    text: str
    reference: str
    data: Mapping[str, Any]
    href: str
    actor: str
    actor_kind: str
    occurred_at: datetime


@frozen(kw_only=True)
class ActivityPage:
    """A page of the log, newest first; `older` is the address of the next one."""

    activities: Sequence[ActivityResource]
    older: str | None


@frozen(kw_only=True)
class NoteResource:
    """An internal note (FEATURES C13)."""

    id: int
    text: str
    author: str
    created_at: datetime


@frozen(kw_only=True)
class NotePage:
    """A contact's notes, newest first."""

    notes: Sequence[NoteResource]


@frozen(kw_only=True)
class NewNote:
    """A note to be added."""

    text: str


@frozen(kw_only=True)
class TagResource:
    """A tag (FEATURES C11), how many contacts have it, and the list's filter for them."""

    id: int
    name: str
    contacts: int
    filter: str


@frozen(kw_only=True)
class TagPage:
    """All tags, in alphabetical order."""

    tags: Sequence[TagResource]


@frozen(kw_only=True)
class FieldResource:
    """A field of contacts (FEATURES C14): a plugin's, or one that staff added."""

    key: str
    label: str
    kind: str
    choices: Mapping[str, str]
    can_be_read: bool


@frozen(kw_only=True)
class FieldPage:
    """All fields."""

    fields: Sequence[FieldResource]


@api_get("/contacts/{contact_id:int}/activity", permission="contact.view")
def read_activity(
    request: Request,
    contact_id: FromPath[int],
    kind: FromQuery[str] = "",
    before: FromQuery[str] = "",
    limit: FromQuery[int] = 50,
) -> ActivityPage:
    """Read a contact's activity log."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s entries.", field="limit", max=MAX_PAGE)
    with request.site.session() as session:
        find_contact(session, contact_id)
        log = read_log(session, contact_id, kind=kind, before=before, limit=limit)
    words = Words(kinds=request.site.contributions.activity_kinds, language=request.language)
    older = None
    if log.older:
        narrowed = f"kind={kind}&" if kind in words.kinds else ""
        path = f"{BASE}/contacts/{contact_id}/activity"
        older = f"{request.site.settings.base_url}{path}?{narrowed}limit={limit}&before={log.older}"
    return ActivityPage(
        activities=[
            ActivityResource(
                id=entry.id,
                kind=entry.kind,
                text=words.sentence(entry.kind, entry.reference, entry.data),
                reference=entry.reference,
                data=entry.data,
                href=entry.href,
                actor=entry.actor_name,
                actor_kind=entry.actor_kind,
                occurred_at=entry.occurred_at,
            )
            for entry in log.entries
        ],
        older=older,
    )


@api_get("/contacts/{contact_id:int}/notes", permission="contact.view")
def read_notes(request: Request, contact_id: FromPath[int]) -> NotePage:
    """Read a contact's internal notes."""
    with request.site.session() as session:
        find_contact(session, contact_id)
        rows = session.scalars(
            select(ContactNote).where(ContactNote.contact_id == contact_id).order_by(ContactNote.id.desc())
        ).all()
    return NotePage(notes=[_note(row) for row in rows])


@api_post("/contacts/{contact_id:int}/notes", permission="contact.edit", status=201)
def create_note(request: Request, contact_id: FromPath[int], data: JSONBody[NewNote]) -> NoteResource:
    """Add an internal note."""
    text = clean_note(data.text.replace("\x00", "").strip(), has_files=False)
    with request.site.begin() as session:
        lock_contact(session, contact_id)
        note_id = add_note(session, contact_id, text, [], request.actor)
        return _note(session.get_one(ContactNote, note_id))


def _note(row: ContactNote) -> NoteResource:
    return NoteResource(id=row.id, text=row.text, author=row.author_name, created_at=row.created_at)


@api_get("/tags", permission="contact.view")
def read_all_tags(request: Request) -> TagPage:
    """Read all tags."""
    statement = (
        select(Tag.id, Tag.name, func.count(Contact.id))
        .outerjoin(ContactTag, ContactTag.tag_id == Tag.id)
        .outerjoin(Contact, (Contact.id == ContactTag.contact_id) & Contact.merged_into_id.is_(None))
        .group_by(Tag.id, Tag.name, Tag.key)
        .order_by(Tag.key)
    )
    with request.site.session() as session:
        rows = session.execute(statement).all()
    return TagPage(
        tags=[
            TagResource(id=tag_id, name=name, contacts=number, filter=f"contact.tag={tag_id}")
            for tag_id, name, number in rows
        ]
    )


@api_get("/fields", permission="contact.view")
def read_all_fields(request: Request) -> FieldPage:
    """Read which fields contacts have, besides their details."""
    text = request.language.text
    return FieldPage(
        fields=[
            FieldResource(
                key=one.key,
                label=text(one.label),
                kind=one.kind,
                choices={choice.value: text(choice.label) for choice in one.choices},
                can_be_read=one.read is not None,
            )
            for one in request.site.contributions.contact_fields.values()
            if request.allows(one.permission)
        ]
    )


ROUTES: list[Any] = [read_activity, read_notes, create_note, read_all_tags, read_all_fields]
