"""The newsletters of the demonstration: one that was sent some weeks ago, and a draft."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from core.contacts.log import add_activities
from core.messages.feeding import feed
from core.messages.models import Message, Newsletter
from core.messages.newsletters import Draft, add_draft, count_of, find_newsletter, start
from core.values import Activity, Actor

if TYPE_CHECKING:
    from datetime import datetime

    from core.demo import Demo
    from core.site import Site

SENT = Draft(
    subject="Zwetschgendatschi und neues Vollkornbrot",
    text="Guten Tag {{name}},\n\nseit dieser Woche gibt es wieder Zwetschgendatschi, freitags und samstags ab sieben "
    "Uhr. Neu ist ein Vollkornbrot mit Walnüssen aus der Region.\n\nHerzliche Grüße aus der Backstube",
    purpose="marketing",
    topic="",
    audience="all",
)
DRAFT = Draft(
    subject="Jetzt Stollen vorbestellen",
    text="Guten Tag {{name}},\n\nder Dresdner Stollen ist da. Wer bis zum ersten Advent bestellt, bekommt ihn sicher "
    "zu Weihnachten.\n\nHerzliche Grüße aus der Backstube",
    purpose="marketing",
    topic="",
    audience="all",
)
AGO = timedelta(days=24)
TAKEN = "250 2.0.0 Ok: queued"
UNKNOWN_PERSON = "550 5.1.1 User unknown"
RETURNED = "552 5.2.2 Mailbox full"


def write_newsletters(site: Site, demo: Demo, actor: Actor) -> None:
    """Write both, and send the first: nothing really goes out, its letters are written down as sent."""
    moment = demo.now - AGO
    with site.begin() as session:
        sent = add_draft(session, site, SENT, actor=actor)
        add_draft(session, site, DRAFT, actor=actor)
        count = count_of(session, site, find_newsletter(session, sent), _all)
        if count.gets:
            start(session, site, sent, _all, expected=count.gets)
    if not count.gets:
        return
    while feed(site, sent):
        with site.begin() as session:
            _write_down_as_sent(session, sent, moment, actor)
    with site.begin() as session:
        session.execute(
            update(Newsletter)
            .where(Newsletter.id == sent)
            .values(created_at=moment, started_at=moment, ended_at=moment + timedelta(minutes=9))
        )


def _all(_permission: str | None) -> bool:
    return True


def _write_down_as_sent(session: Session, newsletter_id: int, moment: datetime, actor: Actor) -> None:
    waiting = (Message.newsletter_id == newsletter_id, Message.state == "queued")
    chosen: Select[tuple[int]] = select(Message.contact_id).where(*waiting)  # type: ignore[assignment]
    add_activities(
        session,
        chosen,
        Activity(kind="message.sent", reference=SENT.subject),
        actor=actor,
        occurred_at=moment,
    )
    every = {"occurred_at": moment, "attempts": 1, "recipient": "", "handed_at": moment}
    for nth, values in (
        (97, {"state": "failed", "reply": UNKNOWN_PERSON, "settled_at": moment}),
        (71, {"state": "failed", "reply": RETURNED, "settled_at": moment, "sent_at": moment, "bounced_at": moment}),
        (1, {"state": "sent", "reply": TAKEN, "sent_at": moment}),
    ):
        session.execute(
            update(Message)
            .where(*waiting, Message.contact_id % nth == 0)
            .values(**every, **values)
            .execution_options(synchronize_session=False)
        )
