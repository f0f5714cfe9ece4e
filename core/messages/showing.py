"""How one person will get a letter, with everything below its text; and a letter to oneself to look at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy.orm import Session

from core.contacts.files import file_path
from core.contacts.models import Contact, now
from core.errors import InvalidInput, NotFound
from core.messages.composing import mail_id
from core.messages.deciding import ask_may_send
from core.messages.feeding import outgoing_to
from core.messages.mail import (
    Attachment,
    CannotBeWritten,
    Letter,
    footers_of,
    sender_of,
    stand_in,
    wire_address,
    write_mail,
)
from core.messages.mail_html import mail_html
from core.messages.models import Newsletter, NewsletterFile
from core.messages.smtp import Connection, NobodyKnows, ServerAway

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class Shown:
    """A newsletter as one person gets it: `footers` are what plugins put below the signature."""

    to_name: str
    to_email: str
    language: str
    subject: str
    text: str
    footers: Sequence[str]


def show_to(session: Session, site: Site, row: Newsletter, contact: Contact) -> Shown:
    """The letter that this contact gets. Raises SendRefused when it gets none.

    The person's own links lead to the start page instead: nobody else may unsubscribe them by trying one.
    """
    outgoing = outgoing_to(site, row, contact)
    allowed = ask_may_send(session, site, outgoing)
    own = re.compile(re.escape(site.settings.base_url) + r"/[^\s<>\"']+")
    return Shown(
        to_name=contact.name,
        to_email=contact.email,
        language=outgoing.language,
        subject=outgoing.subject,
        text=outgoing.text,
        footers=[own.sub(site.settings.base_url, footer) for footer in allowed.footers],
    )


def shown_footers(site: Site, shown: Shown) -> list[str]:
    """Everything that stands below its text."""
    return footers_of(site, sender_of(site) or stand_in(site), shown.language, shown.footers)


def shown_html(site: Site, shown: Shown) -> str:
    """The HTML part of a letter as it was shown."""
    return mail_html(site, shown.language, shown.subject, shown.text, shown_footers(site, shown))


def send_test(site: Site, shown: Shown, files: Sequence[NewsletterFile], to_name: str, to_email: str) -> None:
    """Send a letter as it was shown to a member of the staff, at once and past the outbox: nobody else gets it.

    Raises InvalidInput with what is missing, or with what the mail server said.
    """
    server, sender = site.settings.mail_server, sender_of(site)
    if server is None:
        raise InvalidInput("No mail server is set: whoever runs the site sets TRESEN_SMTP_URL.")
    if sender is None:
        raise InvalidInput("The sender’s address is not set.")
    try:
        mail = write_mail(site, sender, _letter(site, shown, files, to_name, to_email))
        from_wire, from_international = wire_address(sender.email)
        wire, international = wire_address(to_email)
        with closing(Connection(server)) as connection:
            reply = connection.begin(from_wire, wire, international=international or from_international)
            if reply.is_good:
                reply = connection.ready()
            if reply.code == 354:
                reply = connection.deliver(mail)
    except (CannotBeWritten, ServerAway, NobodyKnows) as error:
        raise InvalidInput("The test was not sent. %(reason)s", reason=str(error)) from error
    if not reply.is_good:
        raise InvalidInput("The test was not sent. %(reason)s", reason=reply.shown)


def _letter(site: Site, shown: Shown, files: Sequence[NewsletterFile], to_name: str, to_email: str) -> Letter:
    text = site.language(shown.language).text
    try:
        attachments = [
            Attachment(
                name=one.name,
                media_type=one.media_type,
                content=file_path(site.settings.data_dir, one.stored_name).read_bytes(),
            )
            for one in files
        ]
    except (OSError, NotFound) as error:
        raise CannotBeWritten("A file of this message can’t be found any more.") from error
    return Letter(
        mail_id=mail_id(site),
        in_reply_to="",
        to_name=to_name,
        to_email=to_email,
        subject=text("Test: %(subject)s", subject=shown.subject),
        text=shown.text,
        language=shown.language,
        written_at=now(),
        automatic=False,
        headers={},
        footers=shown.footers,
        reply_to="",
        attachments=attachments,
    )
