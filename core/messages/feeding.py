"""Feeding the outbox with a newsletter's letters: so many at a time that everything else still goes out in between.

A batch is one transaction: who of the next contacts is left out is worked out by one statement, the others get their
letter, and both are written down. A killed process loses nothing of that and doubles nothing; that no contact ever has
two letters of one newsletter is held by the unique key of each (`messages.idempotency_key`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from core import state
from core.contacts.finding import current_contact_id
from core.contacts.models import Contact, now
from core.database.upsert import upsert
from core.errors import NotFound, SendRefused
from core.messages.audience import CORE_TEXTS, GETS_IT, Refusing, refusing, verdict_column
from core.messages.composing import SUBJECT_LENGTH, language_of, outbox_row
from core.messages.deciding import reason_of
from core.messages.headers import made_safe
from core.messages.models import Message, Newsletter, NewsletterRecipient
from core.messages.newsletters import mailing_of
from core.messages.placeholders import fill
from core.messages.texts import placeholder_values
from core.plugins import Failure, describe
from core.values import Actor, Outgoing

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.messages")

EVERY = timedelta(seconds=5)
"""How often it is looked whether the outbox has room."""

BATCH = 500
"""Contacts of one transaction."""

ROOM = 1_000
"""Letters of one newsletter that wait in the outbox at most."""


def run(site: Site) -> None:
    """The periodic job: fill up the outbox for each newsletter that is being sent, and end those that are through."""
    with site.session() as session:
        active = session.scalars(
            select(Newsletter.id).where(Newsletter.state == "sending").order_by(Newsletter.id)
        ).all()
    for newsletter_id in active:
        try:
            while feed(site, newsletter_id):
                pass
        except SendRefused as refused:
            log.error("Newsletter %s waits: plugin %r: %s", newsletter_id, refused.plugin, reason_of(refused))
            if refused.__cause__ is not None:
                failure = Failure(plugin=refused.plugin, place="may_send_many", message=describe(refused.__cause__))
                with site.begin() as session:
                    state.record_failure(session, failure)


def feed(site: Site, newsletter_id: int) -> bool:
    """Queue the next batch; answers whether to go on at once. Raises SendRefused as `audience.refusing`."""
    with site.session() as session:
        waiting = _in_outbox(session, newsletter_id)
    if waiting > ROOM - BATCH:
        return False
    with site.begin() as session:
        statement = select(Newsletter).where(Newsletter.id == newsletter_id, Newsletter.state == "sending")
        row = session.scalar(statement.with_for_update(skip_locked=True))
        if row is None:
            return False
        fed = _batch(session, site, row)
        if not fed and not _in_outbox(session, newsletter_id):
            row.state, row.ended_at = "sent", now()
    if fed:
        site.job_waiting.set()
    return fed > 0


def _in_outbox(session: Session, newsletter_id: int) -> int:
    statement = select(func.count()).where(
        Message.newsletter_id == newsletter_id, Message.state.in_(("queued", "sending"))
    )
    return session.scalar(statement) or 0


def _batch(session: Session, site: Site, row: Newsletter) -> int:
    """Judge the next contacts and write their letters; answers how many contacts that were."""
    recipient = NewsletterRecipient
    mine = recipient.newsletter_id == row.id
    ids = session.scalars(
        select(recipient.contact_id)
        .where(mine, recipient.state == "waiting")
        .order_by(recipient.contact_id)
        .limit(BATCH)
    ).all()
    if not ids:
        return 0
    reasons = [*_own_reasons(row), *refusing(session, site, mailing_of(row))]
    # Held, so that nobody is merged while the letters are written; merges hold contacts in the same order.
    judged = session.execute(
        select(Contact, verdict_column(reasons).label("verdict"))
        .where(Contact.id.in_(ids))
        .order_by(Contact.id)
        .with_for_update(of=Contact),
        execution_options={"populate_existing": True},
    ).all()
    left_out: dict[int, list[int]] = {}
    letters = []
    for contact, verdict in judged:
        if verdict == GETS_IT:
            letters.append(_letter(site, row, contact))
        else:
            left_out.setdefault(int(verdict), []).append(contact.id)
        if contact.merged_into_id is not None:
            _mean_instead(session, row.id, contact)
    if letters:
        session.execute(insert(Message), letters)
        _note(session, row.id, [one["contact_id"] for one in letters], "queued")
    for number, out in left_out.items():
        _note(session, row.id, out, "left_out", reasons[number])
    return len(ids)


def _own_reasons(row: Newsletter) -> list[Refusing]:
    # A contact that was merged into this one may have got it before.
    got_it = exists().where(Message.newsletter_id == row.id, Message.contact_id == Contact.id)
    return [
        Refusing(reason=CORE_TEXTS["merged"], plugin="", condition=Contact.merged_into_id.is_not(None)),
        Refusing(reason=CORE_TEXTS["twice"], plugin="", condition=got_it),
    ]


def _mean_instead(session: Session, newsletter_id: int, merged: Contact) -> None:
    """The contact that a chosen one was merged into is meant now; if it was chosen itself, nothing changes."""
    try:
        kept_id = current_contact_id(session, merged.id)
    except NotFound:
        return
    values = {"newsletter_id": newsletter_id, "contact_id": kept_id}
    session.execute(upsert(session, NewsletterRecipient, values, keys=["newsletter_id", "contact_id"]))


def _note(
    session: Session, newsletter_id: int, contact_ids: Sequence[int], state: str, why: Refusing | None = None
) -> None:
    session.execute(
        update(NewsletterRecipient)
        .where(NewsletterRecipient.newsletter_id == newsletter_id, NewsletterRecipient.contact_id.in_(contact_ids))
        .values(state=state, reason=why.reason if why else "", reason_by=why.plugin if why else "")
        .execution_options(synchronize_session=False)
    )


def _letter(site: Site, row: Newsletter, contact: Contact) -> dict[str, Any]:
    outgoing = outgoing_to(site, row, contact)
    author = Actor(kind="staff", id=row.author_id, name=row.author_name)
    key = f"newsletter.{row.id}.{contact.id}"
    return outbox_row(site, outgoing, actor=author, idempotency_key=key, newsletter_id=row.id)


def outgoing_to(site: Site, row: Newsletter, contact: Contact) -> Outgoing:
    """The letter of this newsletter to one contact."""
    subject, text = filled(site, row, contact)
    return Outgoing(
        contact_id=contact.id,
        email=contact.email,
        purpose=row.purpose,
        subject=subject,
        text=text,
        language=language_of(site, contact),
        topic=row.topic,
    )


def filled(site: Site, row: Newsletter, contact: Contact) -> tuple[str, str]:
    """Subject and text as this contact gets them."""
    values = placeholder_values(site, contact, row.author_name)
    # What a person typed as a name must not keep a letter from being written.
    subject = made_safe(" ".join(fill(row.subject, values).split()))[:SUBJECT_LENGTH].strip()
    return subject, fill(row.text, values)
