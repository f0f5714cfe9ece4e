"""What the core itself holds of a person: counted when it is erased, handed out when it is exported.

Its rows refer to the contact and go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.api.keys import forget_people
from core.contacts import details as rules
from core.contacts.custom_fields.definitions import id_of
from core.contacts.field_texts import in_words
from core.contacts.fields import read_fields
from core.contacts.finding import find_contact
from core.contacts.history import with_excerpts
from core.contacts.models import (
    Contact,
    ContactActivity,
    ContactModule,
    ContactNote,
    ContactSuggestion,
    ContactTag,
    StoredFile,
)
from core.contacts.profile import read_tags
from core.contacts.sentences import DETAIL_LABELS, Words
from core.privacy.counting import count_rows
from core.privacy.language import language_of
from core.values import Erased, ExportFile, ExportSection

if TYPE_CHECKING:
    from core.site import Site

COUNTED = (
    (ContactNote, "Internal notes"),
    (StoredFile, "Files and pictures"),
    (ContactSuggestion, "Suggestions that wait"),
    (ContactTag, "Tags of contacts"),
    (ContactActivity, "Entries of the activity log"),
)
"""Table → what its rows are called on a receipt, a message id."""


def erased(session: Session, contact_ids: Sequence[int]) -> list[Erased]:
    """What goes with these contacts."""
    merged = session.scalar(
        select(func.count())
        .select_from(Contact)
        .where(Contact.id.in_(contact_ids), Contact.merged_into_id.is_not(None))
    )
    counts = [(label, count_rows(session, model, contact_ids)) for model, label in COUNTED]
    counts.append(("Further addresses of merged contacts", merged or 0))
    counts.append(("Answers to programs", forget_people(session, contact_ids)))
    return [Erased(label=label, number=number) for label, number in counts if number]


ACTOR_LABELS = {"staff": "staff", "visitor": "the person", "system": "automatically"}
"""Who did something, without names of staff → a message id."""

STAGE_LABELS = {"lead": "Lead", "customer": "Customer"}


def exported(session: Session, site: Site, contact_id: int) -> list[ExportSection]:
    """Everything that the core knows of a contact; of others, such as staff, nothing (THREATS T-R3)."""
    contact = find_contact(session, contact_id)
    return [
        _details(session, site, contact),
        *_fields(session, site, contact_id),
        _notes(session, contact_id),
        *_log(session, site, contact),
    ]


def _details(session: Session, site: Site, contact: Contact) -> ExportSection:
    modules = session.scalars(
        select(ContactModule).where(ContactModule.contact_id == contact.id).order_by(ContactModule.first_at)
    )
    known = site.contributions.modules
    record = {
        "email": contact.email,
        "further_emails": _merged_emails(session, contact.id),
        **{name: getattr(contact, name) for name in DETAIL_LABELS},
        "stage": STAGE_LABELS[contact.stage],
        "joined_at": contact.joined_at,
        "inactive_since": contact.inactive_at,
        "details_locked_since": contact.locked_at,
        "tags": read_tags(session, contact.id),
        "modules": [
            {
                "module": known[one.module].label if one.module in known else one.module,
                "first_at": one.first_at,
                "last_at": one.last_at,
            }
            for one in modules
        ],
        "suggestions": [
            {**{name: str(value) for name, value in one.details.items() if value}, "suggested_at": one.occurred_at}
            for one in session.scalars(select(ContactSuggestion).where(ContactSuggestion.contact_id == contact.id))
        ],
        "sources": [
            {"details": rules.GROUP_LABELS[group], "since": origin.since}
            for group in rules.GROUPS
            if (origin := rules.origin_of(contact, group)) is not None
        ],
    }
    picture = session.scalar(
        select(StoredFile).where(StoredFile.contact_id == contact.id, StoredFile.stored_name == contact.picture)
    )
    return ExportSection(
        key="contact.details",
        title="Details",
        order=10,
        labels={
            "email": "Email",
            "further_emails": "Further addresses",
            **DETAIL_LABELS,
            "stage": "Stage",
            "joined_at": "Joined",
            "inactive_since": "Inactive since",
            "tags": "Tags",
            "modules": "Modules",
            "module": "Module",
            "first_at": "First time",
            "last_at": "Last time",
            "suggestions": "Suggestions that wait",
            "suggested_at": "When",
        },
        translated={"stage", "module"},
        records=[record],
        files=[ExportFile(name=picture.name, stored_name=picture.stored_name)] if picture else [],
    )


def _fields(session: Session, site: Site, contact_id: int) -> list[ExportSection]:
    """The fields that staff added (FEATURES C14); those of plugins are in what their plugins hand out."""
    fields = site.contributions.contact_fields
    own = [key for key in fields if id_of(key) is not None]
    values = read_fields(session, site, [contact_id], own)[contact_id] if own else {}
    if not values:
        return []
    named = {key: str(id_of(key)) for key in values}
    language = site.language(site.settings.language)
    record = {
        named[key]: in_words(fields[key], value, language) if fields[key].kind == "choice" else value
        for key, value in values.items()
    }
    labels = {named[key]: fields[key].label for key in values}
    return [ExportSection(key="contact.fields", title="Fields", order=11, labels=labels, records=[record])]


def _merged_emails(session: Session, contact_id: int) -> list[str]:
    found: list[str] = []
    wanted = [contact_id]
    while wanted:
        rows = session.execute(select(Contact.id, Contact.email).where(Contact.merged_into_id.in_(wanted))).all()
        found += [row.email for row in rows]
        wanted = [row.id for row in rows]
    return found


def _notes(session: Session, contact_id: int) -> ExportSection:
    notes = session.scalars(
        select(ContactNote).where(ContactNote.contact_id == contact_id).order_by(ContactNote.created_at, ContactNote.id)
    )
    files = session.scalars(
        select(StoredFile)
        .where(StoredFile.contact_id == contact_id, StoredFile.note_id.is_not(None))
        .order_by(StoredFile.id)
    ).all()
    return ExportSection(
        key="contact.notes",
        title="Internal notes",
        internal=True,
        order=20,
        labels={"at": "When", "text": "Text", "files": "Files"},
        records=[
            {
                "at": note.created_at,
                "edited_at": note.edited_at,
                "text": note.text,
                "files": [file.name for file in files if file.note_id == note.id],
            }
            for note in notes
        ],
        files=[ExportFile(name=file.name, stored_name=file.stored_name) for file in files],
    )


NOTE_KINDS = frozenset(
    {"contact.noted", "contact.filed", "contact.note_edited", "contact.note_deleted", "contact.unfiled"}
)
"""Entries of the log that are about internal notes, and quote them."""


def _log(session: Session, site: Site, contact: Contact) -> list[ExportSection]:
    """The log, and apart from it what it says of internal notes."""
    language = language_of(site, contact.language)
    words = Words(kinds=site.contributions.activity_kinds, language=language)
    entries = session.scalars(
        select(ContactActivity)
        .where(ContactActivity.contact_id == contact.id)
        .order_by(ContactActivity.occurred_at, ContactActivity.id)
    ).all()
    of_notes: list[dict[str, object]] = []
    others: list[dict[str, object]] = []
    for entry, data in zip(entries, with_excerpts(session, entries), strict=True):
        record = {
            "at": entry.occurred_at,
            "kind": entry.kind,
            "what": words.sentence(entry.kind, entry.reference, data),
            "changes": words.changes(data),
            "by": ACTOR_LABELS[entry.actor_kind],
        }
        (of_notes if entry.kind in NOTE_KINDS else others).append(record)
    labels = {"at": "When", "what": "What", "changes": "Changes", "by": "By"}
    return [
        ExportSection(
            key=key, title=title, order=order, labels=labels, translated={"by"}, records=records, internal=internal
        )
        for key, title, order, records, internal in (
            ("contact.note_activity", "Internal notes in the activity log", 21, of_notes, True),
            ("contact.activity", "Activity log", 900, others, False),
        )
    ]
