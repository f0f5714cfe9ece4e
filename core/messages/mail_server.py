"""The mail server that messages are handed to, as `TRESEN_SMTP_URL` names it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from core.errors import SettingsError

EXAMPLE = "smtp://user:password@mail.example.org:587 or smtps://user:password@mail.example.org"
PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT = 30.0
"""Seconds for each answer of the server, unless the address says otherwise."""

MAX_TIMEOUT = 300.0
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@frozen(kw_only=True)
class MailServer:
    """Where and how messages are handed over.

    `tls` is "implicit" (smtps, RFC 8314), "required" (STARTTLS or nothing), "offered" (STARTTLS where the server has
    it) or "none".
    """

    host: str
    port: int
    tls: Literal["implicit", "required", "offered", "none"]
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = TIMEOUT

    @property
    def address(self) -> str:
        """Host and port, for people; never the password."""
        return shown_address(self.host, self.port)


def parse_smtp_url(url: str) -> MailServer | None:
    """Read `TRESEN_SMTP_URL`; None when it is empty: then nothing is sent. Raises SettingsError.

    `smtps://` is TLS from the beginning. `smtp://` uses STARTTLS where the server offers it, except to this machine
    itself; with a password it must. `?starttls=yes` and `?starttls=no` decide it, `?timeout=60` sets the seconds for
    each answer. The password is never repeated in an error.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError("TRESEN_SMTP_URL is no address. Write %(example)s.", example=EXAMPLE) from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise SettingsError("TRESEN_SMTP_URL is no address of a mail server. Write %(example)s.", example=EXAMPLE)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - {"starttls", "timeout"}):
        raise SettingsError(
            "TRESEN_SMTP_URL has the option %(option)s. There are starttls (yes or no) and timeout (seconds).",
            option=unknown[0],
        )
    user = unquote(parts.username or "")
    return MailServer(
        host=parts.hostname,
        port=port or (25 if parts.hostname in LOCAL and parts.scheme == "smtp" else PORTS[parts.scheme]),
        tls=_tls(parts.scheme, parts.hostname, options.get("starttls", ""), bool(user)),
        user=user,
        password=unquote(parts.password or ""),
        timeout=read_timeout("TRESEN_SMTP_URL", options.get("timeout", "")),
    )


def _tls(scheme: str, host: str, starttls: str, has_user: bool) -> Literal["implicit", "required", "offered", "none"]:
    if starttls not in ("", "yes", "no"):
        raise SettingsError("TRESEN_SMTP_URL has starttls=%(value)s. Write yes or no.", value=repr(starttls))
    if scheme == "smtps":
        return "implicit"
    if starttls:
        return "required" if starttls == "yes" else "none"
    if host in LOCAL:
        return "none"
    # A password never goes over the network as it is, unless somebody wrote starttls=no.
    return "required" if has_user else "offered"


def read_timeout(setting: str, text: str) -> float:
    """The option `timeout` of the address of a server, in seconds. Raises SettingsError, naming the setting."""
    try:
        seconds = float(text) if text else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT:
        raise SettingsError(
            "%(setting)s has timeout=%(value)s. Write seconds, from 1 to %(max)s.",
            setting=setting,
            value=repr(text),
            max=int(MAX_TIMEOUT),
        )
    return seconds


def shown_address(host: str, port: int) -> str:
    """Host and port of a server, for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
