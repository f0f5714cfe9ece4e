"""Taking a mail in: once, whichever way it comes, in one transaction (FEATURES M2).

Files are written first; then the row that says that this mail was taken, what became of it, and how far the mailbox was
read are committed together. A process that is killed in between leaves nothing but files that nobody names, which the
daily sweep removes; the mail is taken in when it comes again.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import logging
import re
from datetime import datetime
from email import message_from_bytes
from typing import TYPE_CHECKING, Literal

from attrs import frozen
from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.adding import add_contact
from core.contacts.files import SavedFile, storing
from core.contacts.finding import hold_contact
from core.contacts.models import now
from core.database.upsert import upsert
from core.errors import InvalidInput, NotFound
from core.mailbox.matching import Place, key_of, place_of
from core.mailbox.models import MailboxPosition, PiledMail, TakenMail
from core.mailbox.reading import MAX_RAW, ReceivedMail, read_mail, unreadable
from core.mailbox.returned import apply_report
from core.messages.receiving import Wrote, file_mail
from core.values import SYSTEM, Details

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.mailbox")

Outcome = Literal["again", "own", "report", "thread", "new", "pile"]
"""What became of a mail: it was here before, it is a copy of ours, or where it went."""

TRIES = 5
TOLD = 2000
"""Characters of a text that the pile shows."""

TRACES = re.compile(rb"\r\n?")


@frozen(kw_only=True)
class Seen:
    """Where in a mailbox a mail was: committed together with the mail, so that it is not asked for again."""

    name: str
    validity: int
    uid: int


class _Moved(Exception):
    """Where a mail belongs has changed since its files were written."""


def take_mail(
    site: Site, raw: bytes, *, came_at: datetime | None = None, seen: Seen | None = None, as_it_is: bool = False
) -> Outcome:
    """Take in a mail as it came over the wire; answers what became of it.

    `came_at` is when the server got it. With `as_it_is` nothing is read of it but its head, and it goes to the pile
    whole: for a mail that could not be taken otherwise. Raises what the database raises; then nothing was taken.
    """
    mail = _read(raw, as_it_is=as_it_is)
    moment = _occurred_at(mail, came_at)
    fingerprint = fingerprint_of(site.secret, raw)
    for _ in range(TRIES):
        try:
            return _take(site, raw, mail, moment, fingerprint, seen, as_it_is=as_it_is)
        except _Moved:
            continue
    return _take(site, raw, mail, moment, fingerprint, seen, as_it_is=True)


def pass_over(site: Site, seen: Seen) -> None:
    """Note that everything up to this place was looked at."""
    with site.begin() as session:
        _advance(session, seen)


def fingerprint_of(secret: str, raw: bytes) -> str:
    """What tells a mail from any other, however often and by whichever way it is delivered.

    Made with the site's key of what the writer's program wrote; what servers on the way added is left out. Line ends
    differ between a pipe and IMAP.
    """
    plain = TRACES.sub(b"\n", raw)
    head, _, body = plain.partition(b"\n\n")
    fields = message_from_bytes(head)
    told = [str(fields.get(name, "")) for name in ("Message-ID", "From", "Date", "Subject")]
    digest = hmac.new(secret.encode(), b"mailbox.fingerprint\n", hashlib.sha256)
    digest.update("\n".join(told).encode("utf-8", "replace") if any(told) else head)
    digest.update(b"\n\n" + body.strip())
    return digest.hexdigest()


def _read(raw: bytes, *, as_it_is: bool) -> ReceivedMail:
    if as_it_is or len(raw) > MAX_RAW:
        return unreadable(raw)
    try:
        return read_mail(raw)
    except Exception as error:
        # Whatever is wrong with it, it must not keep those behind it from coming in.
        log.warning("A mail could not be read (%s); it is kept as it came", type(error).__name__)
        return unreadable(raw)


def _occurred_at(mail: ReceivedMail, came_at: datetime | None) -> datetime:
    """When it was written, where that is believable; else when it came."""
    arrived = min(came_at or now(), now())
    written = mail.written_at
    return written if written is not None and (arrived - written).days in range(14) else arrived


def _take(
    site: Site,
    raw: bytes,
    mail: ReceivedMail,
    moment: datetime,
    fingerprint: str,
    seen: Seen | None,
    *,
    as_it_is: bool,
) -> Outcome:
    with site.session() as session:
        known = session.scalar(select(TakenMail.id).where(TakenMail.fingerprint == fingerprint)) is not None
        place = Place(kind="pile") if as_it_is else place_of(session, site, mail)
    with storing(site.settings.data_dir) as store:
        saved: list[SavedFile] = []
        if not known and place.kind in ("thread", "new"):
            saved = [store.save(file.name, io.BytesIO(file.content), limit=len(file.content)) for file in mail.files]
        elif not known and place.kind == "pile":
            saved = [store.save("mail.eml", io.BytesIO(raw), limit=len(raw) + 1)]
        with site.begin() as session:
            if seen is not None:
                _advance(session, seen)
            if known or not _is_first(session, fingerprint):
                store.take_back()
                return "again"
            if not as_it_is and place_of(session, site, mail).kind != place.kind:
                raise _Moved
            _put(session, site, mail, place, moment, saved)
    return place.kind


def _is_first(session: Session, fingerprint: str) -> bool:
    """Note that this mail is taken; False when it was before, by any process."""
    made = session.scalar(
        upsert(session, TakenMail, {"fingerprint": fingerprint, "taken_at": now()}, keys=["fingerprint"]).returning(
            TakenMail.id
        )
    )
    return made is not None


def _advance(session: Session, seen: Seen) -> None:
    session.execute(
        update(MailboxPosition)
        .where(MailboxPosition.name == seen.name, MailboxPosition.validity == seen.validity)
        .values(uid=case((MailboxPosition.uid < seen.uid, seen.uid), else_=MailboxPosition.uid))
        .execution_options(synchronize_session=False)
    )


def _put(
    session: Session, site: Site, mail: ReceivedMail, place: Place, moment: datetime, saved: list[SavedFile]
) -> None:
    if place.kind == "report":
        assert place.message_id is not None
        assert mail.report is not None
        apply_report(session, site, place.message_id, mail.report)
    elif place.kind == "pile":
        _pile(session, mail, moment, saved[0])
    elif place.kind != "own":
        contact_id = place.contact_id if place.kind == "thread" else _new_contact(session, site, mail)
        assert contact_id is not None
        try:
            hold_contact(session, contact_id)
        except NotFound as error:
            raise _Moved from error
        file_mail(session, site, contact_id, wrote(mail, moment), saved)


def wrote(mail: ReceivedMail, moment: datetime) -> Wrote:
    """A mail as it stands in a thread."""
    return Wrote(
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        sender_name=mail.sender_name,
        sender_email=mail.sender_email,
        source_id=mail.message_id,
        automatic=mail.automatic,
        occurred_at=moment,
    )


def _new_contact(session: Session, site: Site, mail: ReceivedMail) -> int:
    return add_contact(
        session, site, email=mail.sender_email, details=details_of(mail.sender_name), actor=SYSTEM
    ).contact_id


def details_of(name: str) -> Details:
    """What a mail says of who wrote it: a name, where it can be one."""
    try:
        return rules.clean_details({"name": name})
    except InvalidInput:
        return Details()


def _pile(session: Session, mail: ReceivedMail, moment: datetime, saved: SavedFile) -> None:
    session.add(
        PiledMail(
            sender_email=mail.sender_email,
            sender_key=key_of(mail.sender_email),
            sender_name=mail.sender_name,
            subject=mail.subject,
            text=mail.text[:TOLD],
            files=len(mail.files),
            size=saved.size,
            automatic=mail.automatic,
            came_at=moment,
            read_at=moment if mail.automatic else None,
            stored_name=saved.stored_name,
        )
    )
    session.flush()
