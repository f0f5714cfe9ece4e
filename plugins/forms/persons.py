"""What forms hold of one person: removed when the person is erased, handed out on request (GDPR Art. 15, 17)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import Contact, Erased, ExportSection, Site
from plugins.forms.guarding import mark_of
from plugins.forms.models import Entry, Form, SendingCount


def erase(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Erased]:
    """Remove these contacts' entries, and those in quarantine with one of their addresses, which have no contact."""
    keys = session.scalars(select(Contact.email_key).where(Contact.id.in_(contact_ids))).all()
    accepted = session.execute(delete(Entry).where(Entry.contact_id.in_(contact_ids)).returning(Entry.id)).all()
    quarantined = session.execute(
        delete(Entry).where(Entry.contact_id.is_(None), Entry.email_key.in_(keys)).returning(Entry.id)
    ).all()
    marks = [mark_of(site, "email", key) for key in keys]
    session.execute(delete(SendingCount).where(SendingCount.sender.in_(marks)))
    return [
        Erased(label="Form entries", number=len(accepted)),
        Erased(label="Entries in quarantine", number=len(quarantined)),
    ]


def export(session: Session, site: Site, contact_id: int) -> Sequence[ExportSection]:
    """The entries of a contact, and those in quarantine with its address."""
    contact = session.get_one(Contact, contact_id)
    rows = session.execute(
        select(Entry, Form.name, Form.is_sample)
        .join(Form, Form.id == Entry.form_id)
        .where((Entry.contact_id == contact_id) | (Entry.contact_id.is_(None) & (Entry.email_key == contact.email_key)))
        .order_by(Entry.occurred_at)
    )
    language = site.language(site.settings.language)
    return [
        ExportSection(
            key="forms.entries",
            title="Form entries",
            labels={
                "at": "Sent at",
                "form": "Form",
                "page": "Page",
                "answers": "Answers",
                "question": "Question",
                "answer": "Answer",
                "boxes": "Boxes",
                "wording": "Wording",
                "ticked": "Ticked",
            },
            records=[
                {
                    "at": entry.occurred_at,
                    "form": language.text(name) if is_sample else name,
                    "page": entry.page,
                    "language": entry.language,
                    "answers": [
                        {"question": one["label"], "answer": one["value"]} for one in entry.answers if one["value"]
                    ],
                    "boxes": [{"wording": one["wording"], "ticked": bool(one["ticked"])} for one in entry.boxes],
                }
                for entry, name, is_sample in rows
            ],
        )
    ]
