"""The mailbox whose mails are taken in, as `TRESEN_IMAP_URL` names it (FEATURES M2)."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from core.errors import SettingsError
from core.messages.mail_server import LOCAL, TIMEOUT, read_timeout, shown_address

EXAMPLE = "imaps://user:password@mail.example.org/INBOX"
PORTS = {"imap": 143, "imaps": 993}
FOLDER = "INBOX"


@frozen(kw_only=True)
class ImapServer:
    """Where mails are fetched from. `tls` is "implicit" (imaps, RFC 8314), "required" (STARTTLS) or "none"."""

    host: str
    port: int
    tls: Literal["implicit", "required", "none"]
    user: str
    password: str = field(repr=False)
    folder: str = FOLDER
    timeout: float = TIMEOUT

    @property
    def address(self) -> str:
        """Host and port, for people; never the password."""
        return shown_address(self.host, self.port)

    @property
    def name(self) -> str:
        """What tells this mailbox from others; where one was left off is kept under it."""
        return f"{self.user}@{self.address}/{self.folder}"


def parse_imap_url(url: str) -> ImapServer | None:
    """Read `TRESEN_IMAP_URL`; None when it is empty: then no mailbox is looked at. Raises SettingsError.

    `imaps://` is TLS from the beginning; `imap://` asks for STARTTLS, except on this machine itself or with
    `?starttls=no`. The path is the folder, INBOX without one; `?timeout=60` sets the seconds for each answer. The
    password is never repeated in an error.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError("TRESEN_IMAP_URL is no address. Write %(example)s.", example=EXAMPLE) from error
    if parts.scheme not in PORTS or not parts.hostname or parts.fragment:
        raise SettingsError("TRESEN_IMAP_URL is no address of a mailbox. Write %(example)s.", example=EXAMPLE)
    if not parts.username or not parts.password:
        raise SettingsError("TRESEN_IMAP_URL has no user or no password. Write %(example)s.", example=EXAMPLE)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - {"starttls", "timeout"}):
        raise SettingsError(
            "TRESEN_IMAP_URL has the option %(option)s. There are starttls (yes or no) and timeout (seconds).",
            option=unknown[0],
        )
    starttls = options.get("starttls", "")
    if starttls not in ("", "yes", "no"):
        raise SettingsError("TRESEN_IMAP_URL has starttls=%(value)s. Write yes or no.", value=repr(starttls))
    plain = starttls == "no" or (not starttls and parts.hostname in LOCAL)
    folder = unquote(parts.path.strip("/")) or FOLDER
    if any(ord(letter) < 32 for letter in folder + unquote(parts.username) + unquote(parts.password)):
        raise SettingsError("TRESEN_IMAP_URL holds a control character. Write %(example)s.", example=EXAMPLE)
    return ImapServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls="implicit" if parts.scheme == "imaps" else "none" if plain else "required",
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=folder,
        timeout=read_timeout("TRESEN_IMAP_URL", options.get("timeout", "")),
    )
