"""The e-mail that a message becomes: headers, a plain and an HTML part, attachments (RFC 5322, MIME)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from core.errors import InvalidInput
from core.messages.headers import is_header_safe, made_safe
from core.messages.mail_html import mail_html

if TYPE_CHECKING:
    from core.site import Site

ZONE_TEXT = "Your account with us: %(url)s"
"""Stands below the signature of every mail, a message id."""


class MailPolicy(EmailPolicy):
    """Lines end in CRLF, and what plugins add is not folded: a long address would come out as an encoded word."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it goes over the wire; at most 998 characters in a line (RFC 5322 section 2.1.1)."""
        if name.lower().startswith(("list-", "x-")) and value.isascii() and len(name) + len(value) < 990:
            return f"{name}: {value}\r\n".encode()
        return super().fold_binary(name, value)


class CannotBeWritten(Exception):
    """No mail can be made of this message; why, as a message id."""


@frozen(kw_only=True)
class Sender:
    """Who mails come from, as staff set it under „Absender“; `signature` stands below every text."""

    name: str
    email: str
    signature: str


@frozen(kw_only=True)
class Attachment:
    """A file to attach; its bytes are read already."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class Letter:
    """Everything a mail is made of. `automatic`: by nobody (RFC 3834). `reply_to`: where answers go, if elsewhere."""

    mail_id: str
    in_reply_to: str
    to_name: str
    to_email: str
    subject: str
    text: str
    language: str
    written_at: datetime
    automatic: bool
    headers: Mapping[str, str]
    footers: Sequence[str]
    reply_to: str
    attachments: Sequence[Attachment]


def sender_of(site: Site) -> Sender | None:
    """Who mails of this site come from; None while the address is not set."""
    email = site.setting("message.sender_email")
    if not email:
        return None
    return _sender(site, email)


def stand_in(site: Site) -> Sender:
    """Who mails would come from, to look at one while the address is not set."""
    return _sender(site, "nobody@example.org")


def _sender(site: Site, email: str) -> Sender:
    name = site.setting("message.sender_name") or site.setting("site.name")
    signature = site.setting("message.signature") or f"{name}\n{site.settings.base_url}"
    return Sender(name=name, email=email, signature=signature)


def wire_address(email: str) -> tuple[str, bool]:
    """An address as a mail server takes it, its domain in ASCII; and whether it needs RFC 6531.

    Raises CannotBeWritten for what is no address.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        raise CannotBeWritten("No mail can be sent to this address.") from error
    if checked.ascii_email:
        return checked.ascii_email, False
    return f"{checked.local_part}@{checked.ascii_domain}", True


def write_mail(site: Site, sender: Sender, letter: Letter) -> bytes:
    """The mail as it goes over the wire. Raises CannotBeWritten.

    Every value of a header is looked at before it gets near one, whoever it came from (THREATS T-M1).
    """
    _, international = wire_address(letter.to_email)
    mail = EmailMessage(policy=MailPolicy(linesep="\r\n", raise_on_defect=True, utf8=international))
    try:
        mail["From"] = _address(sender.name, sender.email)
        mail["To"] = _address(letter.to_name, letter.to_email)
    except ValueError as error:
        raise CannotBeWritten("No mail can be sent to this address.") from error
    if letter.reply_to:
        mail["Reply-To"] = _address(sender.name, letter.reply_to)
    mail["Subject"] = _checked(letter.subject)
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = f"<{_checked(letter.mail_id)}>"
    if letter.in_reply_to:
        mail["In-Reply-To"] = mail["References"] = f"<{_checked(letter.in_reply_to)}>"
    if letter.automatic:
        mail["Auto-Submitted"] = "auto-generated"
    for name, value in letter.headers.items():
        mail[name] = _checked(value)
    footers = footers_of(site, sender, letter.language, letter.footers)
    mail.set_content("\n\n".join([letter.text, *(f"-- \n{footer}" for footer in footers)]) + "\n")
    html = mail_html(site, letter.language, letter.subject, letter.text, footers)
    mail.add_alternative(html, subtype="html")
    for one in letter.attachments:
        main, _, sub = one.media_type.partition("/")
        if main in ("text", "message", "multipart") or not sub:
            # A mail in a mail, or a text, would be taken apart and re-encoded; files arrive as they are.
            main, sub = "application", "octet-stream"
        mail.add_attachment(one.content, maintype=main, subtype=sub, filename=made_safe(one.name) or "file")
    return mail.as_bytes()


def footers_of(site: Site, sender: Sender, language: str, footers: Sequence[str]) -> list[str]:
    """Everything that stands below the text of a mail: signature and the way to the Client Zone, then `footers`."""
    zone = site.language(language).text(ZONE_TEXT, url=f"{site.settings.base_url}/account")
    return [f"{sender.signature}\n{zone}", *footers]


def _checked(value: str) -> str:
    if not is_header_safe(value):
        raise CannotBeWritten("A header of this message would hold a line break.")
    return value


def _address(name: str, email: str) -> Address:
    wire, _ = wire_address(email)
    # A name is decoration: one that no header may have is cleaned, never a reason not to send.
    local, _, domain = wire.rpartition("@")
    return Address(display_name=made_safe(name), username=local, domain=domain)


def clean_sender_name(text: str) -> str:
    """The sender's name; empty for the name of the site. Raises InvalidInput."""
    if not is_header_safe(text):
        raise InvalidInput("A name is one line of plain text.")
    return text


def clean_sender_email(text: str) -> str:
    """The sender's address; empty: nothing is sent. Raises InvalidInput."""
    from core.contacts.addresses import parse_address

    return parse_address(text).email if text else ""
