"""Texts to start a message from: staff's own, and those of the plugins (FEATURES M1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.models import Contact, now
from core.database.upsert import upsert
from core.errors import InvalidInput, NotFound
from core.messages.composing import clean_subject, clean_text, language_of
from core.messages.models import MessageText
from core.messages.placeholders import check_placeholders, fill
from core.values import Purpose

if TYPE_CHECKING:
    from core.site import Site

NAME_LENGTH = 80
OWN = "own:"
"""Before the number of a text of staff's own, among the keys of the plugins' ones."""


@frozen(kw_only=True)
class StaffText:
    """A text that staff wrote."""

    id: int
    name: str
    subject: str
    body: str
    purpose: Purpose


@frozen(kw_only=True)
class Started:
    """A message that was started from a text; its placeholders are filled for one contact, or still in it."""

    subject: str
    text: str
    purpose: Purpose


def staff_texts(session: Session) -> list[StaffText]:
    """All texts of staff's own, by name."""
    return [_value(row) for row in session.scalars(select(MessageText).order_by(MessageText.name_key))]


def find_text(session: Session, text_id: int) -> StaffText:
    """One text of staff's own. Raises NotFound."""
    return _value(_row(session, text_id))


def save_text(
    session: Session, *, name: str, subject: str, body: str, purpose: Purpose, text_id: int | None = None
) -> int:
    """Add a text, or change the one with `text_id`; answers its id. Values are those of `clean_…`.

    Raises NotFound, and InvalidInput on `name` when another text has it.
    """
    key = _key(name)
    values = {"name": name, "name_key": key, "subject": subject, "body": body, "purpose": purpose, "updated_at": now()}
    taken = InvalidInput("There is a template with this name already.", field="name")
    if text_id is None:
        made: int | None = session.scalar(
            upsert(session, MessageText, values, keys=["name_key"]).returning(MessageText.id)
        )
        if made is None:
            raise taken
        return made
    row = _row(session, text_id)
    if session.scalar(select(MessageText.id).where(MessageText.name_key == key, MessageText.id != text_id)) is not None:
        raise taken
    for column, value in values.items():
        setattr(row, column, value)
    return row.id


def remove_text(session: Session, text_id: int) -> str:
    """Remove a text of staff's own; answers its name. Messages that were started from it stay. Raises NotFound."""
    row = _row(session, text_id)
    session.delete(row)
    return row.name


def clean_name(text: str) -> str:
    """A template's name. Raises InvalidInput."""
    name = " ".join(text.split())
    if not name:
        raise InvalidInput("Enter a name.", field="name")
    if len(name) > NAME_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="name", max=NAME_LENGTH)
    return name


def clean_template_subject(text: str) -> str:
    """A template's subject: as a message's, with placeholders of the list only. Raises InvalidInput."""
    subject = clean_subject(text)
    check_placeholders(subject)
    return subject


def clean_template_body(text: str) -> str:
    """A template's text: as a message's, with placeholders of the list only. Raises InvalidInput."""
    body = clean_text(text)
    check_placeholders(body)
    return body


def text_of(session: Session, site: Site, key: str, language_code: str) -> Started:
    """The text `key` as it stands, with its placeholders. Raises NotFound.

    `key` is a plugin's key, whose text is in the language that is asked for, or `own:` and a number.
    """
    if key.startswith(OWN):
        number = key.removeprefix(OWN)
        own = find_text(session, int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0)
        return Started(subject=own.subject, text=own.body, purpose=own.purpose)
    offered = site.contributions.message_templates.get(key)
    if offered is None:
        raise NotFound("There is no such template.")
    text = site.language(language_code).text
    return Started(subject=text(offered.subject), text=text(offered.body), purpose=offered.purpose)


def start_from(session: Session, site: Site, key: str, contact: Contact, sender: str) -> Started:
    """A message to `contact` started from the text `key`: a plugin's key, or `own:` and a number. Raises NotFound."""
    values = placeholder_values(site, contact, sender)
    found = text_of(session, site, key, language_of(site, contact))
    return Started(
        subject=" ".join(fill(found.subject, values).split()), text=fill(found.text, values), purpose=found.purpose
    )


def placeholder_values(site: Site, contact: Contact, sender: str) -> Mapping[str, str]:
    """What the placeholders stand for in a message to `contact`, in the contact's language."""
    language = site.language(language_of(site, contact))
    return {
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "street": contact.street,
        "postal_code": contact.postal_code,
        "city": contact.city,
        "country": language.country(contact.country),
        "sender": sender,
        "site": site.setting("site.name"),
        "site_url": site.settings.base_url,
        "date": language.date(now()),
    }


def example_values(site: Site, language_code: str, sender: str) -> Mapping[str, str]:
    """What the placeholders stand for in a preview: a person who does not exist."""
    example = Contact(
        name="Anna Müller",
        email="anna.mueller@example.org",
        phone="+49 228 123456",
        street="Lindenstraße 1",
        postal_code="53111",
        city="Bonn",
        country="DE",
        language=language_code,
    )
    return placeholder_values(site, example, sender)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _row(session: Session, text_id: int) -> MessageText:
    row = session.get(MessageText, text_id) if 0 < text_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such template.")
    return row


def _value(row: MessageText) -> StaffText:
    return StaffText(id=row.id, name=row.name, subject=row.subject, body=row.body, purpose=row.purpose)


def offered_texts(session: Session, site: Site) -> Sequence[tuple[str, str, str]]:
    """Everything a message can be started from: key, label, and the plugin it is of (empty: staff's own)."""
    own = [(f"{OWN}{one.id}", one.name, "") for one in staff_texts(session)]
    return [
        *own,
        *((one.key, one.label, one.key.partition(".")[0]) for one in site.contributions.message_templates.values()),
    ]
