"""„Meine Daten löschen“: a wish that waits for some days, can be taken back, and is then carried out (GDPR Art. 17).

The days are for mistakes, and for whoever finds an open browser: the person learns of it by e-mail, and staff see it.
GDPR Art. 12 (3) gives the site a month.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import state
from core.contacts.finding import current_contact_id, find_contact, hold_contact
from core.contacts.log import add_activity
from core.contacts.models import Contact, now
from core.database.upsert import upsert
from core.errors import DutyFailed, InvalidInput, NotFound, SendRefused
from core.messages.composing import language_of, queue_message
from core.plugins import Failure
from core.privacy.erasing import erase
from core.signing import sign, unsign
from core.values import SYSTEM, VISITOR, Activity, Actor, TileData
from core.zone.links import MODULE
from core.zone.models import ZoneDeletion

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.zone")

DAYS = "zone.deletion_days"
DEFAULT_DAYS = 14
MOST_DAYS = 30
PURPOSE = "zone.keep"
SHOWN = 100
EVERY = timedelta(hours=1)

INVALID = "This link is not valid any more: there is no wish to delete your data that it could stop."

ASKED_SUBJECT = "Your data will be deleted on %(date)s"
ASKED_TEXT = """Hello,

in your account at %(site)s you have asked us to delete your data. We do that on %(date)s.
What the law makes us keep, such as invoices, is kept as long as it says.

If you have changed your mind, or it was not you, stop it on this page:
%(url)s"""
STOPPED_SUBJECT = "Your data is not deleted"
STOPPED_TEXT = """Hello,

you had asked us to delete your data at %(site)s. We have stopped that, and your data stays as it is.
If you did not want this, answer this message, or ask for it again in your account:
%(url)s"""


@frozen(kw_only=True)
class Wish:
    """A contact's wish to be deleted: when it was asked for, when it is done; `trouble` as in `ZoneDeletion`."""

    contact_id: int
    name: str
    email: str
    asked_at: datetime
    due_at: datetime
    trouble: str


def clean_days(text: str) -> str:
    """The days that a wish waits, 0 to 30; empty for what they are at first. Raises InvalidInput."""
    text = text.strip() or str(DEFAULT_DAYS)
    if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) > MOST_DAYS:
        raise InvalidInput("Enter a whole number from 0 to %(max)s.", max=MOST_DAYS)
    return str(int(text))


def ask_deletion(session: Session, site: Site, contact_id: int) -> datetime:
    """Note that a person wants to be deleted, in the caller's transaction; answers when it is done.

    A second wish changes nothing. The person gets a mail with a link that stops it.
    """
    contact_id = hold_contact(session, contact_id)
    moment = now()
    due_at = moment + timedelta(days=int(site.setting(DAYS)))
    values = {"contact_id": contact_id, "asked_at": moment, "due_at": due_at, "trouble": ""}
    made = session.execute(upsert(session, ZoneDeletion, values, keys=["contact_id"]).returning(ZoneDeletion.due_at))
    if made.first() is None:
        return session.scalars(select(ZoneDeletion.due_at).where(ZoneDeletion.contact_id == contact_id)).one()
    add_activity(session, contact_id, Activity(kind="zone.deletion_asked"), actor=VISITOR)
    wish = session.get_one(ZoneDeletion, contact_id, populate_existing=True)
    url = f"{site.settings.base_url}/account/keep/{keep_token(site, wish)}"
    _mail(session, site, contact_id, ASKED_SUBJECT, ASKED_TEXT, due_at, url)
    return due_at


def stop_deletion(session: Session, site: Site, contact_id: int, actor: Actor) -> bool:
    """Take the wish back, in the caller's transaction; answers whether there was one. If staff do, it is mailed."""
    contact_id = hold_contact(session, contact_id)
    found = session.execute(
        delete(ZoneDeletion).where(ZoneDeletion.contact_id == contact_id).returning(ZoneDeletion.due_at)
    ).first()
    if found is None:
        return False
    add_activity(session, contact_id, Activity(kind="zone.deletion_stopped"), actor=actor)
    if actor.kind == "staff":
        url = f"{site.settings.base_url}/account/delete"
        _mail(session, site, contact_id, STOPPED_SUBJECT, STOPPED_TEXT, found.due_at, url)
    return True


def _mail(session: Session, site: Site, contact_id: int, subject: str, text: str, due_at: datetime, url: str) -> None:
    language = site.language(language_of(site, find_contact(session, contact_id)))
    values = {"site": site.setting("site.name"), "date": language.date(due_at), "url": url}
    try:
        with session.begin_nested():
            queue_message(
                session,
                site,
                contact_id,
                language.text(subject, **values),
                language.text(text, **values),
                "system",
                module=MODULE,
                necessary=True,
            )
    except SendRefused:
        # The wish is what matters, not the mail about it.
        return


def keep_token(site: Site, wish: ZoneDeletion) -> str:
    """What the link ends with that stops this wish, and no later one."""
    return sign(site.secret, PURPOSE, f"{wish.contact_id} {wish.asked_at.isoformat()}")


def read_keep_token(session: Session, site: Site, token: str) -> Wish:
    """The wish that a link stops, also after a merge. Raises NotFound for a forged link, and without a wish."""
    text = unsign(site.secret, PURPOSE, token) or ""
    number, _, asked_at = text.partition(" ")
    if not number:
        raise NotFound(INVALID)
    try:
        contact_id = current_contact_id(session, int(number))
    except NotFound:
        raise NotFound(INVALID) from None
    wish = read_wish(session, contact_id)
    if wish is None or wish.asked_at.isoformat() != asked_at:
        raise NotFound(INVALID)
    return wish


def read_wish(session: Session, contact_id: int) -> Wish | None:
    """The wish of a contact; None when there is none."""
    found = _wishes(session, contact_id)
    return found[0] if found else None


def read_wishes(session: Session) -> Sequence[Wish]:
    """The wishes that wait, the one that is due first at the top; a hundred at most."""
    return _wishes(session, None)


def _wishes(session: Session, contact_id: int | None) -> list[Wish]:
    statement = (
        select(ZoneDeletion, Contact.name, Contact.email)
        .join(Contact, Contact.id == ZoneDeletion.contact_id)
        .order_by(ZoneDeletion.due_at, ZoneDeletion.contact_id)
        .limit(SHOWN)
    )
    if contact_id is not None:
        statement = statement.where(ZoneDeletion.contact_id == contact_id)
    return [
        Wish(
            contact_id=row.contact_id,
            name=name,
            email=email,
            asked_at=row.asked_at,
            due_at=row.due_at,
            trouble=row.trouble,
        )
        for row, name, email in session.execute(statement)
    ]


def wishes_tile(session: Session) -> TileData | None:
    """How many wishes wait; no tile without any."""
    number = session.scalar(select(func.count()).select_from(ZoneDeletion)) or 0
    return TileData(value=number, detail="People who want to be deleted, and are waiting for it") if number else None


def erase_due(site: Site) -> None:
    """The periodic job: erase whoever waited long enough, each in a transaction of their own.

    Who can't be erased, because a plugin does not do its part, is tried again; staff see which one it was.
    """
    with site.session() as session:
        due = session.scalars(
            select(ZoneDeletion.contact_id).where(ZoneDeletion.due_at <= now()).order_by(ZoneDeletion.due_at)
        ).all()
    for contact_id in due:
        try:
            with site.begin() as session:
                _erase(session, site, contact_id)
        except DutyFailed as failed:
            log.error("A person who asked for it can't be erased: the plugin %r failed", failed.key)
            reason = str(failed.values["error"])
            with site.begin() as session:
                state.record_failure(session, Failure(plugin=failed.key, place=failed.hook, message=reason))
                session.execute(
                    update(ZoneDeletion).where(ZoneDeletion.contact_id == contact_id).values(trouble=failed.key)
                )


def _erase(session: Session, site: Site, contact_id: int) -> None:
    try:
        held = hold_contact(session, contact_id)
    except NotFound:
        return
    # Stopped, or merged into another, while it was waited for.
    wanted = select(ZoneDeletion.contact_id).where(ZoneDeletion.contact_id == held, ZoneDeletion.due_at <= now())
    if session.scalar(wanted) is not None:
        erase(session, site, [held], SYSTEM)
