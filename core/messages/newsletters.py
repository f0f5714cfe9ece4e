"""Newsletters: written as a draft, sent once to an audience that is settled then, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from sqlalchemy import Select, Table, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from core.contacts.bulk.selections import selected_contacts
from core.contacts.files import SavedFile
from core.contacts.matching import contacts, contacts_of
from core.contacts.models import now
from core.contacts.segments import find_segment
from core.contacts.views import View, read_view
from core.database.upsert import upsert, write_many
from core.errors import Conflict, InvalidInput, NotFound
from core.messages.audience import Count, count_audience
from core.messages.composing import check_files, clean_subject, clean_text
from core.messages.models import Audience, Message, Newsletter, NewsletterFile, NewsletterRecipient
from core.messages.placeholders import PLACEHOLDER, check_placeholders
from core.messages.topics import check_reach, check_topic
from core.values import Actor, Mailing, Purpose

if TYPE_CHECKING:
    from core.site import Site

Allows = Callable[[str | None], bool]
"""Whether the person who asks has a permission."""

recipients: Table = NewsletterRecipient.__table__  # type: ignore[assignment]


@frozen(kw_only=True)
class Draft:
    """What a newsletter says and whom it is meant for, as `clean_draft` left it."""

    subject: str
    text: str
    purpose: Purpose
    topic: str
    audience: Audience
    segment_id: int | None = None


class DraftChanged(Conflict):
    """The draft was changed since the form was opened: `theirs` is stored, `yours` was not written (THREATS T-F1).

    `by` is who made the newest change, `version` the one of `theirs`.
    """

    def __init__(self, *, theirs: Draft, yours: Draft, version: int, by: str) -> None:
        super().__init__("Someone else has changed this newsletter in the meantime. Nothing was saved.")
        self.theirs = theirs
        self.yours = yours
        self.version = version
        self.by = by


def draft_of(row: Newsletter) -> Draft:
    """What a newsletter says and whom it is meant for."""
    return Draft(
        subject=row.subject,
        text=row.text,
        purpose=row.purpose,
        topic=row.topic,
        audience=row.audience,
        segment_id=row.segment_id,
    )


def clean_newsletter_subject(text: str) -> str:
    """A subject with placeholders of the list, and something besides them. Raises InvalidInput."""
    subject = clean_subject(text)
    _check_placeholders(subject, "subject")
    if not PLACEHOLDER.sub("", subject).strip():
        raise InvalidInput("Write something besides placeholders: they may be empty.", field="subject")
    return subject


def clean_newsletter_text(text: str) -> str:
    """A text with placeholders of the list. Raises InvalidInput."""
    cleaned = clean_text(text)
    _check_placeholders(cleaned, "text")
    return cleaned


def _check_placeholders(text: str, name: str) -> None:
    try:
        check_placeholders(text)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=name, **error.values) from error


def mailing_of(row: Newsletter) -> Mailing:
    """A newsletter as the plugins are asked about it."""
    return Mailing(purpose=row.purpose, topic=row.topic)


def find_newsletter(session: Session, newsletter_id: int) -> Newsletter:
    """One newsletter. Raises NotFound."""
    row = session.get(Newsletter, newsletter_id) if 0 < newsletter_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such newsletter.")
    return row


def list_newsletters(session: Session, *, before: int = 0, limit: int = 20) -> tuple[list[Newsletter], int | None]:
    """The newest first, from `before` on; and where the next page begins (None at the end)."""
    statement = select(Newsletter).order_by(Newsletter.id.desc()).limit(limit + 1)
    if before:
        statement = statement.where(Newsletter.id < before)
    rows = list(session.scalars(statement))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def files_of(session: Session, newsletter_id: int) -> list[NewsletterFile]:
    """Its files, in the order in which they came."""
    statement = select(NewsletterFile).where(NewsletterFile.newsletter_id == newsletter_id)
    return list(session.scalars(statement.order_by(NewsletterFile.id)))


# Writing


def add_draft(
    session: Session,
    site: Site,
    draft: Draft,
    *,
    actor: Actor,
    selection_id: int | None = None,
    files: Sequence[SavedFile] = (),
    once: str | None = None,
) -> int:
    """Keep a new draft; answers its id. Of two with the same `once` the second is not made.

    `selection_id` names the chosen contacts for the audience "selection". Raises InvalidInput, and NotFound for
    somebody else's selection.
    """
    check_topic(session, site, draft.purpose, draft.topic)
    check_files([(one.name, one.size) for one in files])
    if draft.audience != "selection":
        check_reach(draft.purpose, draft.audience, 0)
    values = {
        "subject": draft.subject,
        "text": draft.text,
        "purpose": draft.purpose,
        "topic": draft.topic,
        "audience": draft.audience,
        "segment_id": draft.segment_id,
        "author_id": actor.id,
        "author_name": actor.name,
        "changed_by": actor.name,
        "once": once,
    }
    made: int | None = session.scalar(upsert(session, Newsletter, values, keys=["once"]).returning(Newsletter.id))
    if made is None:
        return session.scalars(select(Newsletter.id).where(Newsletter.once == once)).one()
    if draft.audience == "selection":
        if selection_id is None:
            raise InvalidInput("Choose who is to get it.", field="audience")
        check_reach(
            draft.purpose, draft.audience, _mean(session, made, selected_contacts(session, selection_id, actor))
        )
    _add_files(session, made, files)
    return made


def change_draft(
    session: Session,
    site: Site,
    newsletter_id: int,
    draft: Draft,
    *,
    version: int,
    actor: Actor,
    files: Sequence[SavedFile] = (),
    removed: Sequence[int] = (),
) -> list[str]:
    """Change a draft; answers the stored names of the files that were taken out. Chosen contacts stay chosen.

    `version` is the one that the form was opened with: when the draft says something else since, nothing is written
    and DraftChanged tells both sides (T-F1). Raises InvalidInput, NotFound, and Conflict when it is no draft any more.
    """
    row = _hold_draft(session, newsletter_id)
    if row.audience == "selection":
        draft = evolve(draft, audience="selection", segment_id=None)
    if row.version != version and (theirs := draft_of(row)) != draft:
        raise DraftChanged(theirs=theirs, yours=draft, version=row.version, by=row.changed_by)
    check_reach(draft.purpose, draft.audience, _chosen(session, row))
    check_topic(session, site, draft.purpose, draft.topic)
    kept = [one for one in files_of(session, newsletter_id) if one.id not in removed]
    check_files([*((one.name, one.size) for one in kept), *((one.name, one.size) for one in files)])
    gone = _forget_files(session, newsletter_id, removed)
    _add_files(session, newsletter_id, files)
    row.subject, row.text, row.purpose, row.topic = draft.subject, draft.text, draft.purpose, draft.topic
    row.audience, row.segment_id = draft.audience, draft.segment_id
    row.version, row.changed_by = row.version + 1, actor.name
    return gone


def remove_draft(session: Session, newsletter_id: int) -> list[str]:
    """Remove a draft; answers the stored names of its files. Raises NotFound and Conflict."""
    row = _hold_draft(session, newsletter_id)
    gone = _forget_files(session, newsletter_id, [one.id for one in files_of(session, newsletter_id)])
    session.delete(row)
    return gone


def _hold_draft(session: Session, newsletter_id: int) -> Newsletter:
    row = _hold(session, newsletter_id)
    if row.state != "draft":
        raise Conflict("This newsletter was sent already.")
    return row


def _hold(session: Session, newsletter_id: int) -> Newsletter:
    if not 0 < newsletter_id < 2**63:
        raise NotFound("There is no such newsletter.")
    statement = select(Newsletter).where(Newsletter.id == newsletter_id).with_for_update()
    row = session.scalar(statement, execution_options={"populate_existing": True})
    if row is None:
        raise NotFound("There is no such newsletter.")
    return row


def _mean(session: Session, newsletter_id: int, ids: Select[tuple[int]]) -> int:
    """Write down whom a newsletter is meant for, by one statement; answers how many."""
    chosen = ids.subquery()
    columns = ["newsletter_id", "contact_id", "state", "reason", "reason_by"]
    source = select(
        literal(newsletter_id, recipients.c.newsletter_id.type),
        chosen.c[0],
        literal("waiting"),
        literal(""),
        literal(""),
    )
    return write_many(session, insert(recipients).from_select(columns, source))


def _add_files(session: Session, newsletter_id: int, files: Sequence[SavedFile]) -> None:
    for one in files:
        session.add(
            NewsletterFile(
                newsletter_id=newsletter_id,
                name=one.name,
                media_type=one.media_type,
                size=one.size,
                sha256=one.sha256,
                stored_name=one.stored_name,
            )
        )
    session.flush()


def _forget_files(session: Session, newsletter_id: int, file_ids: Sequence[int]) -> list[str]:
    mine = (NewsletterFile.newsletter_id == newsletter_id, NewsletterFile.id.in_(file_ids))
    names = list(session.scalars(select(NewsletterFile.stored_name).where(*mine)))
    session.execute(delete(NewsletterFile).where(*mine))
    return names


# Who it is for


def audience_ids(session: Session, site: Site, row: Newsletter, allows: Allows) -> Select[tuple[int]]:
    """The ids of the contacts that a newsletter is meant for: of a draft those of this moment.

    Raises NotFound when its view is gone, and InvalidInput when the view can't be applied, or not by this person.
    """
    if row.state != "draft" or row.audience == "selection":
        return (
            select(contacts.c.id)
            .join(recipients, recipients.c.contact_id == contacts.c.id)
            .where(recipients.c.newsletter_id == row.id, contacts.c.merged_into_id.is_(None))
        )
    if row.audience == "segment":
        return contacts_of(site, read_view([("segment", str(row.segment_id or 0))], site, allows))
    return contacts_of(site, View())


def audience_words(session: Session, row: Newsletter) -> str:
    """What its view is called: as it was when it was sent, else as it is now; empty for other audiences."""
    if row.audience != "segment" or row.audience_name:
        return row.audience_name
    try:
        return find_segment(session, row.segment_id or 0).name
    except NotFound:
        return ""


def count_of(session: Session, site: Site, row: Newsletter, allows: Allows) -> Count:
    """How many get it at this moment, and how many are left out and why.

    Raises NotFound and InvalidInput as `audience_ids`, and SendRefused when a plugin can't say.
    """
    return count_audience(session, site, mailing_of(row), audience_ids(session, site, row, allows))


# Sending


def check_purpose(session: Session, row: Newsletter) -> None:
    """Raises InvalidInput for a newsletter that goes past what people have agreed to, whoever has written it when."""
    check_reach(row.purpose, row.audience, _chosen(session, row))


def _chosen(session: Session, row: Newsletter) -> int:
    return session.scalar(select(func.count()).where(recipients.c.newsletter_id == row.id)) or 0


def start(
    session: Session, site: Site, newsletter_id: int, allows: Allows, *, expected: int, version: int | None = None
) -> Newsletter:
    """Begin to send a draft to everybody it is meant for at this moment.

    `expected` is how many get it as the person has seen it: whoever agreed to twelve letters does not send a thousand.
    `version` is the one that was seen: nobody sends what another one has written meanwhile.
    Raises NotFound, Conflict when it was sent already or is another one now, or the number is, InvalidInput when its
    view can't be applied or it is personal and for too many, and SendRefused.
    """
    row = _hold_draft(session, newsletter_id)
    if version is not None and version != row.version:
        raise Conflict("This newsletter was changed in the meantime. Please look at it again.")
    check_topic(session, site, row.purpose, row.topic)
    check_purpose(session, row)
    count = count_of(session, site, row, allows)
    if count.gets != expected:
        raise Conflict("The number of those who get it has changed in the meantime. Please look at it again.")
    if not count.gets:
        raise Conflict("Nobody would get this newsletter.")
    if row.audience != "selection":
        row.audience_name = audience_words(session, row)
        _mean(session, row.id, audience_ids(session, site, row, allows))
    row.chosen = _chosen(session, row)
    row.state, row.started_at = "sending", now()
    return row


def stop(session: Session, newsletter_id: int) -> int:
    """Stop sending; answers how many letters were taken back from the outbox. Those on their way arrive.

    Raises NotFound, and Conflict when nothing is being sent.
    """
    row = _hold(session, newsletter_id)
    if row.state != "sending":
        raise Conflict("This newsletter is not being sent.")
    row.state = "stopped"
    session.flush()
    # What waits is certainly not with the mail server: it is as if it had not been written yet.
    taken = session.scalars(
        delete(Message)
        .where(Message.newsletter_id == newsletter_id, Message.state == "queued")
        .returning(Message.contact_id)
        .execution_options(synchronize_session=False)
    ).all()
    for start_at in range(0, len(taken), 500):
        session.execute(
            update(NewsletterRecipient)
            .where(
                NewsletterRecipient.newsletter_id == newsletter_id,
                NewsletterRecipient.contact_id.in_(taken[start_at : start_at + 500]),
            )
            .values(state="waiting")
            .execution_options(synchronize_session=False)
        )
    return len(taken)


def go_on(session: Session, newsletter_id: int) -> None:
    """Send a stopped newsletter to those who have not got it.

    Raises NotFound, Conflict when it was not stopped, and InvalidInput as `check_purpose`.
    """
    row = _hold(session, newsletter_id)
    if row.state != "stopped":
        raise Conflict("This newsletter was not stopped.")
    check_purpose(session, row)
    row.state = "sending"
