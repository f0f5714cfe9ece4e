"""The pile: mails of which nobody knows whose they are. Staff say so, or they are filed when the sender gets known."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session

from core.contacts.adding import add_contact
from core.contacts.files import file_path, remove_bytes, storing
from core.contacts.finding import hold_contact
from core.contacts.folding import fold
from core.contacts.history import cursor, read_cursor
from core.contacts.models import Contact, now
from core.database.after import after_commit
from core.errors import Conflict, InvalidInput, NotFound
from core.mailbox.matching import contact_with
from core.mailbox.models import PiledMail
from core.mailbox.reading import MAX_RAW, ReceivedMail, read_mail, unreadable
from core.mailbox.taking import details_of, wrote
from core.messages.receiving import file_mail
from core.values import Actor

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.mailbox")

EVERY = timedelta(minutes=10)
AT_ONCE = 50
"""Mails that one run files."""


@frozen(kw_only=True)
class Piled:
    """A mail of the pile as it is shown; `files` is how many it has, `size` is in bytes."""

    id: int
    sender_email: str
    sender_name: str
    subject: str
    text: str
    files: int
    size: int
    automatic: bool
    came_at: datetime
    unread: bool


@frozen(kw_only=True)
class PilePage:
    """Mails of the pile, newest first, and where the next page begins (None at the end)."""

    mails: Sequence[Piled]
    older: str | None


def read_pile(session: Session, *, words: str = "", before: str = "", limit: int = 50) -> PilePage:
    """A page of the pile, newest first; with `words` those that have all of them in sender, subject or text."""
    statement = select(PiledMail).order_by(PiledMail.came_at.desc(), PiledMail.id.desc()).limit(limit + 1)
    for word in words.split()[:10]:
        statement = statement.where(_has(word))
    if (place := read_cursor(before)) is not None:
        statement = statement.where(tuple_(PiledMail.came_at, PiledMail.id) < place)
    rows = session.scalars(statement).all()
    older = cursor(rows[limit - 1].came_at, rows[limit - 1].id) if len(rows) > limit else None
    return PilePage(mails=[_value(row) for row in rows[:limit]], older=older)


def _has(word: str) -> ColumnElement[bool]:
    columns = (PiledMail.sender_email, PiledMail.sender_name, PiledMail.subject, PiledMail.text)
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def find_piled(session: Session, piled_id: int) -> Piled:
    """One mail of the pile. Raises NotFound, also when it was filed meanwhile."""
    return _value(_row(session, piled_id))


def count_pile(session: Session) -> int:
    """How many mails of the pile wait to be read."""
    return session.scalar(select(func.count()).select_from(PiledMail).where(PiledMail.read_at.is_(None))) or 0


def mark_piled(session: Session, piled_id: int, *, read: bool) -> None:
    """Mark a mail of the pile as read, or as unread again. Raises NotFound."""
    row = _row(session, piled_id)
    row.read_at = (row.read_at or now()) if read else None


def remove_piled(session: Session, site: Site, piled_id: int) -> None:
    """Remove a mail from the pile for good. Raises NotFound."""
    row = _row(session, piled_id, hold=True)
    session.delete(row)
    after_commit(session, partial(remove_bytes, site.settings.data_dir, [row.stored_name]))


def open_piled(site: Site, piled_id: int) -> ReceivedMail:
    """A mail of the pile with all that it holds. Raises NotFound."""
    with site.session() as session:
        row = _row(session, piled_id)
    return _opened(site, row.stored_name)


def assign_piled(site: Site, piled_id: int, contact_id: int) -> int:
    """Put a mail of the pile into a contact's thread, its files with it; answers the contact's id.

    Two people who do that at once file it once: the second one gets NotFound, as for a contact or mail that is gone.
    """
    mail = open_piled(site, piled_id)
    with storing(site.settings.data_dir) as store:
        saved = [store.save(file.name, io.BytesIO(file.content), limit=len(file.content)) for file in mail.files]
        with site.begin() as session:
            # The contact first, as everybody does who writes about one.
            contact_id = hold_contact(session, contact_id)
            row = _row(session, piled_id, hold=True)
            session.delete(row)
            file_mail(session, site, contact_id, wrote(mail, row.came_at), saved)
            after_commit(session, partial(remove_bytes, site.settings.data_dir, [row.stored_name]))
    return contact_id


def make_contact_of(site: Site, piled_id: int, actor: Actor) -> int:
    """Make a contact of a mail's sender, or take the one who has the address, and file the mail; answers its id.

    Raises NotFound, and InvalidInput for a mail without a sender's address.
    """
    with site.begin() as session:
        row = _row(session, piled_id)
        if not row.sender_key:
            raise InvalidInput("This e-mail does not say who sent it. Choose a contact.", field="contact")
        contact_id = contact_with(session, row.sender_key)
        if contact_id is None:
            details = details_of(row.sender_name)
            contact_id = add_contact(session, site, email=row.sender_email, details=details, actor=actor).contact_id
    return assign_piled(site, piled_id, contact_id)


def file_known(site: Site) -> None:
    """File what has got to be known: mails whose sender is a contact by now. For the periodic job."""
    with site.session() as session:
        found = session.execute(
            select(PiledMail.id, Contact.id)
            .join(Contact, Contact.email_key == PiledMail.sender_key)
            .where(PiledMail.sender_key != "")
            .order_by(PiledMail.id)
            .limit(AT_ONCE)
        ).all()
    for piled_id, contact_id in found:
        try:
            assign_piled(site, piled_id, contact_id)
        except (NotFound, Conflict):
            # Filed, removed, erased or merged by somebody else.
            continue


def suggested(session: Session, words: str, limit: int = 10) -> list[tuple[int, str, str]]:
    """Contacts whose name or address has these words: id, name, address."""
    statement = select(Contact.id, Contact.name, Contact.email).where(Contact.merged_into_id.is_(None))
    for word in words.split()[:5]:
        statement = statement.where(Contact.search_text.contains(fold(word), autoescape=True))
    rows = session.execute(statement.order_by(Contact.name_sort, Contact.id).limit(limit))
    return [(row.id, row.name, row.email) for row in rows]


def stored_names_of(session: Session, contact_ids: Sequence[int]) -> list[str]:
    """The files of mails that these contacts' addresses wrote."""
    return list(session.scalars(select(PiledMail.stored_name).where(of_contacts(contact_ids))))


def of_contacts(contact_ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition on mails of the pile that these contacts' addresses wrote."""
    return PiledMail.sender_key.in_(select(Contact.email_key).where(Contact.id.in_(contact_ids)))


def _opened(site: Site, stored_name: str) -> ReceivedMail:
    try:
        raw = file_path(site.settings.data_dir, stored_name).read_bytes()
    except OSError as error:
        raise NotFound("The e-mail can’t be found any more.") from error
    if len(raw) > MAX_RAW:
        return unreadable(raw)
    try:
        return read_mail(raw)
    except Exception as error:
        log.warning("A mail of the pile could not be read (%s)", type(error).__name__)
        return unreadable(raw)


def _row(session: Session, piled_id: int, *, hold: bool = False) -> PiledMail:
    statement = select(PiledMail).where(PiledMail.id == piled_id)
    row = session.scalar(statement.with_for_update() if hold else statement) if 0 < piled_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such e-mail. It may have been filed already.")
    return row


def _value(row: PiledMail) -> Piled:
    return Piled(
        id=row.id,
        sender_email=row.sender_email,
        sender_name=row.sender_name,
        subject=row.subject,
        text=row.text,
        files=row.files,
        size=row.size,
        automatic=row.automatic,
        came_at=row.came_at,
        unread=row.read_at is None,
    )
