"""Signing in to the Client Zone by a link sent to the address: single use, for a short time, no word to remember.

Whoever types an address sees the same answer after the same work, whether it is known or not (THREATS T-A3): the page
only queues a job, and the job looks whose address it is. The mail goes to the contact's own address, also when another
one was typed that leads to the contact since a merge: a wrong address, corrected like that, may be a stranger's (C2).

Staff read what was sent to a contact, and must not get in with it: an evidence „by the person“ would be worth nothing.
So the message holds no link. What the mail gets in its place is worked out when it is handed to the mail server
(`handed_out`), from the row of the link and the key of the site, and is stored nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.contacts.addresses import parse_address
from core.contacts.finding import hold_address, hold_contact
from core.contacts.models import now
from core.errors import InvalidEmail, NotFound, SendRefused
from core.jobs.queue import queue_job
from core.messages.composing import language_of, queue_message
from core.messages.models import Message
from core.signing import sign, unsign
from core.values import Task
from core.zone.models import ZoneLink
from core.zone.sessions import start_session

if TYPE_CHECKING:
    from core.site import Site

LIFE = timedelta(minutes=30)
"""How long a link can be used after its mail was handed to the mail server."""

KEPT = timedelta(days=1)
MODULE = "zone"
JOB = "zone.invite"
PURPOSE = "zone.enter"
HIDDEN = "/account/enter/…"
"""What stands in the stored message where the mail has the link."""

INVALID = "This link can’t be used any more. It works once, and for a short time. Ask for a new one."

SUBJECT = "Your link to sign in: %(site)s"
TEXT = """Hello,

this is the link to your account at %(site)s:
%(url)s

It works once, and for %(minutes)s minutes.
If you have not asked for it, ignore this message: without the link nobody gets in."""


@frozen(kw_only=True)
class Entered:
    """A customer who has just signed in: the token for the session cookie, and the path asked for (or empty)."""

    contact_id: int
    token: str
    path: str


def ask_for_link(session: Session, site: Site, email: str, path: str = "") -> None:
    """Queue what sends a link to this address if it is somebody's, in the caller's transaction."""
    queue_job(session, site, JOB, {"email": email, "path": path})


def send_link(session: Session, site: Site, task: Task) -> bool:
    """The job: a message with a link to the contact with this address or alias, if there is one."""
    email, path = str(task.data.get("email", "")), str(task.data.get("path", ""))
    # An address that nobody here has is nobody's business once the job is done.
    task.data.clear()
    try:
        contact = hold_address(session, parse_address(email).key)
    except InvalidEmail:
        return True
    if contact is None:
        return True
    language = site.language(language_of(site, contact))
    name = site.setting("site.name")
    text = language.text(TEXT, site=name, url=site.settings.base_url + HIDDEN, minutes=int(LIFE.total_seconds()) // 60)
    try:
        with session.begin_nested():
            message_id = queue_message(
                session,
                site,
                contact.id,
                " ".join(language.text(SUBJECT, site=name).split())[:200],
                text,
                "system",
                module=MODULE,
                necessary=True,
            )
            session.add(ZoneLink(contact_id=contact.id, message_id=message_id, path=path, expires_at=now() + LIFE))
    except SendRefused:
        return True
    return True


def text_as_sent(session: Session, site: Site, message: Message) -> str:
    """The text of a message as its mail has it: with the link that the stored one lacks."""
    link = _link_of(session, message)
    return message.text if link is None else message.text.replace(HIDDEN, f"/account/enter/{token_of(site, link)}")


def handed_out(session: Session, site: Site, message: Message) -> str:
    """As `text_as_sent`, at the moment when it is handed over: the link's time begins now."""
    link = _link_of(session, message)
    if link is not None:
        link.expires_at = now() + LIFE
    return text_as_sent(session, site, message)


def _link_of(session: Session, message: Message) -> ZoneLink | None:
    if message.module != MODULE:
        return None
    return session.scalar(select(ZoneLink).where(ZoneLink.message_id == message.id))


def token_of(site: Site, link: ZoneLink) -> str:
    """What the link ends with."""
    # With its moment: SQLite gives the number of a removed row again.
    return sign(site.secret, PURPOSE, f"{link.id} {link.created_at.isoformat()}")


def find_link(session: Session, site: Site, token: str) -> ZoneLink:
    """The row of a link that can still be used. Raises NotFound."""
    text = unsign(site.secret, PURPOSE, token)
    number, _, _ = (text or "").partition(" ")
    link = session.get(ZoneLink, int(number), populate_existing=True) if number else None
    if link is None or token_of(site, link) != token or link.used_at is not None or link.expires_at <= now():
        raise NotFound(INVALID)
    return link


def enter(session: Session, site: Site, token: str, browser: str = "") -> Entered:
    """Use a link up, and start a session, in the caller's transaction. Raises NotFound for one that does not count.

    Of two who use it at once one gets in; all other links of the person end with it.
    """
    # The contact first, as everybody who writes about one.
    held = hold_contact(session, find_link(session, site, token).contact_id)
    link = find_link(session, site, token)
    if link.contact_id != held:
        raise NotFound(INVALID)
    open_ones = update(ZoneLink).where(ZoneLink.contact_id == held, ZoneLink.used_at.is_(None))
    session.execute(open_ones.values(used_at=now()))
    return Entered(contact_id=held, token=start_session(session, held, browser), path=link.path)


def forget_old_links(session: Session) -> None:
    """Remove links that can't be used any more."""
    session.execute(delete(ZoneLink).where(ZoneLink.expires_at < now() - KEPT))
