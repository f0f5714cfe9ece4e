"""Looking into the mailbox every minute: what is new there is taken in, one mail after another."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from core.contacts.models import now
from core.database.upsert import upsert
from core.mailbox.imap import WINDOW, Folder, Listed, Mailbox, MailboxAway
from core.mailbox.models import MailboxPosition
from core.mailbox.reading import MAX_RAW
from core.mailbox.server import ImapServer
from core.mailbox.taking import Seen, pass_over, take_mail

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.mailbox")

EVERY = timedelta(minutes=1)
NOT_YET = 0
"""`validity` of a mailbox that could not be opened so far; a server's numbers are greater."""

BUDGET = 20.0
"""Seconds after which a run takes no further mail; the next one goes on."""

MARGIN = timedelta(minutes=10)
"""How far the mail server's clock may be from ours."""


def look(site: Site, budget: float = BUDGET) -> int:
    """Take in what is new in the mailbox; answers how many mails were looked at. Without a mailbox nothing is done.

    What the server can't do now is kept for the settings and tried again. Raises MailboxAway.
    """
    server = site.settings.imap_server
    if server is None:
        return 0
    try:
        with closing(Mailbox(server)) as mailbox:
            folder = mailbox.open()
            number = _read_on(site, mailbox, server, folder, monotonic() + budget)
    except MailboxAway as away:
        _note(site, server, str(away))
        raise
    _note(site, server, "")
    return number


def run(site: Site) -> None:
    """The periodic job."""
    try:
        look(site)
    except MailboxAway as away:
        log.warning("The mailbox can't be read: %s", away)


def position_of(site: Site, server: ImapServer) -> MailboxPosition | None:
    """How far this mailbox was read; None before the first look."""
    with site.session() as session:
        return session.get(MailboxPosition, server.name)


def _read_on(site: Site, mailbox: Mailbox, server: ImapServer, folder: Folder, until: float) -> int:
    position = _begin(site, server, folder)
    first, number = position.uid + 1, 0
    while first < folder.next_uid:
        last = min(first + WINDOW, folder.next_uid) - 1
        for one in mailbox.listed(first, last):
            if monotonic() > until:
                return number
            seen = Seen(name=server.name, validity=folder.validity, uid=one.uid)
            if _was_there_before(position, one):
                continue
            _take(site, mailbox, one, seen)
            number += 1
        pass_over(site, Seen(name=server.name, validity=folder.validity, uid=last))
        first = last + 1
    return number


def _take(site: Site, mailbox: Mailbox, one: Listed, seen: Seen) -> None:
    too_large = one.size > MAX_RAW
    raw = mailbox.fetch(one.uid, head_only=too_large)
    if raw is None:
        pass_over(site, seen)
        return
    try:
        take_mail(site, raw, came_at=one.came_at, seen=seen, as_it_is=too_large)
    except (OperationalError, InterfaceError):
        # The database is away for a moment; the mail is not to blame.
        raise
    except Exception:
        log.exception("Mail %s could not be taken in; it goes to the pile as it came", one.uid)
        take_mail(site, raw, came_at=one.came_at, seen=seen, as_it_is=True)


def _was_there_before(position: MailboxPosition, one: Listed) -> bool:
    """Whether a mail lay in the mailbox before it was connected: by its time, where numbers were given anew."""
    return one.uid <= position.renumbered_to and one.came_at is not None and one.came_at < position.began_at - MARGIN


def _begin(site: Site, server: ImapServer, folder: Folder) -> MailboxPosition:
    """How far the mailbox was read: only what comes from now on, when it is looked at for the first time.

    When the server has given all mails new numbers they are all looked at again; those that were taken in are known by
    their fingerprints.
    """
    fresh = {
        "name": server.name,
        "validity": folder.validity,
        "uid": folder.next_uid - 1,
        "renumbered_to": 0,
        "began_at": now(),
        "error": "",
    }
    with site.begin() as session:
        session.execute(upsert(session, MailboxPosition, fresh, keys=["name"]))
        position = session.scalars(select(MailboxPosition).where(MailboxPosition.name == server.name)).one()
        if position.validity == NOT_YET:
            for name, value in fresh.items():
                setattr(position, name, value)
        elif position.validity != folder.validity:
            position.validity, position.uid, position.renumbered_to = folder.validity, 0, folder.next_uid - 1
        return position


def _note(site: Site, server: ImapServer, error: str) -> None:
    moment = now()
    looked = {"looked_at": moment, "error": error, "failed_at": moment if error else None}
    unseen = {"name": server.name, "validity": NOT_YET, "uid": 0, "renumbered_to": 0, "began_at": moment}
    with site.begin() as session:
        session.execute(upsert(session, MailboxPosition, {**unseen, **looked}, keys=["name"], update=looked))
