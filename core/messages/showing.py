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
from core.messages.composing import language_of, mail_id
from core.messages.deciding import ask_may_send
from core.messages.feeding import filled
from core.messages.mail import Attachment, CannotBeWritten, Letter, Sender, sender_of, wire_address, write_mail
from core.messages.models import Newsletter, NewsletterFile
from core.messages.smtp import Connection, NobodyKnows, ServerAway
from core.values import Outgoing

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class Shown:
    """A newsletter as one person gets it: `footers` stand below the text, signature first."""

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
    subject, text = filled(site, row, contact)
    outgoing = Outgoing(
        contact_id=contact.id,
        email=contact.email,
        purpose=row.purpose,
        subject=subject,
        text=text,
        language=language_of(site, contact),
        topic=row.topic,
    )
    allowed = ask_may_send(session, site, outgoing)
    sender = sender_of(site)
    own = re.compile(re.escape(site.settings.base_url) + r"/[^\s<>\"']+")
    footers = [own.sub(site.settings.base_url, footer) for footer in allowed.footers]
    return Shown(
        to_name=contact.name,
        to_email=contact.email,
        language=outgoing.language,
        subject=subject,
        text=text,
        footers=[*([sender.signature] if sender else []), *footers],
    )


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
        mail = write_mail(site, sender, _letter(site, sender, shown, files, to_name, to_email))
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


def _letter(
    site: Site, sender: Sender, shown: Shown, files: Sequence[NewsletterFile], to_name: str, to_email: str
) -> Letter:
    text = site.language(shown.language).text
    # The signature is put below every letter by `write_mail`.
    footers = [footer for footer in shown.footers if footer != sender.signature]
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
        footers=footers,
        reply_to="",
        attachments=attachments,
    )
