"""Settings from the environment. What staff can change while the site runs is in the database, not here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import Attribute, field, fields, frozen

from core.errors import SettingsError
from core.i18n import LANGUAGES
from core.mailbox.server import ImapServer, parse_imap_url
from core.messages.mail_server import MailServer, parse_smtp_url


def _variable(description: str, *, secret: bool = False) -> dict[str, object]:
    return {"description": description, "secret": secret}


def _absolute_url(instance: object, attribute: Attribute[str], value: str) -> None:
    scheme, separator, rest = value.partition("://")
    if scheme not in ("http", "https") or not separator or not rest or "/" in rest:
        raise SettingsError(
            "TRESEN_BASE_URL is %(value)s. Write scheme and host only, such as https://www.example.org.",
            value=repr(value),
        )


def _zone(instance: object, attribute: Attribute[str], value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            "TRESEN_TIMEZONE is %(value)s, which is no time zone. Use a name such as Europe/Berlin.",
            value=repr(value),
        ) from error


def _language(instance: object, attribute: Attribute[str], value: str) -> None:
    if value not in LANGUAGES:
        raise SettingsError(
            "TRESEN_LANGUAGE is %(value)s. Choose one of: %(languages)s.",
            value=repr(value),
            languages=", ".join(LANGUAGES),
        )


def _smtp_url(instance: object, attribute: Attribute[str], value: str) -> None:
    parse_smtp_url(value)


def _imap_url(instance: object, attribute: Attribute[str], value: str) -> None:
    parse_imap_url(value)


def _path(value: str | Path) -> Path:
    return Path(value)


def _without_slash(value: str) -> str:
    return value.rstrip("/")


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _yes_or_no(value: str | bool) -> bool:
    if isinstance(value, bool):
        return value
    if value.lower() not in ("yes", "no"):
        raise SettingsError("TRESEN_WORKER is %(value)s. Use yes or no.", value=repr(value))
    return value.lower() == "yes"


def _networks(value: str | Sequence[str]) -> tuple[str, ...]:
    networks = _names(value)
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise SettingsError(
                "TRESEN_TRUSTED_PROXIES holds %(value)s, which is no address or network.", value=repr(network)
            ) from error
    return networks


@frozen(kw_only=True)
class Settings:
    """One site's settings. Field `x` comes from the environment variable `TRESEN_X`."""

    data_dir: Path = field(
        default=Path("data"),
        converter=_path,
        metadata=_variable("folder of the SQLite file and of uploaded files"),
    )
    database_url: str = field(
        default="",
        metadata=_variable("sqlite:///… or postgresql://…; a SQLite file in the data folder", secret=True),
    )
    base_url: str = field(
        default="http://127.0.0.1:8000",
        converter=_without_slash,
        validator=_absolute_url,
        metadata=_variable("address of the site as visitors type it; links in mails are made from it"),
    )
    secret: str = field(
        default="",
        metadata=_variable("key of signed links; made and kept in the data folder when missing", secret=True),
    )
    language: str = field(
        default="de",
        validator=_language,
        metadata=_variable("language when the visitor asks for none of ours"),
    )
    timezone: str = field(
        default="Europe/Berlin", validator=_zone, metadata=_variable("time zone in which times are shown")
    )
    smtp_url: str = field(
        default="",
        validator=_smtp_url,
        repr=False,
        metadata=_variable(
            "mail server, smtp://user:password@host:587 or smtps://…; nothing is sent without", secret=True
        ),
    )
    imap_url: str = field(
        default="",
        validator=_imap_url,
        repr=False,
        metadata=_variable(
            "mailbox of answers, imaps://user:password@host/INBOX; looked into every minute, none without", secret=True
        ),
    )
    plugins: tuple[str, ...] = field(
        default=(),
        converter=_names,
        metadata=_variable("modules of plugins to load besides those found, separated by commas"),
    )
    trusted_proxies: tuple[str, ...] = field(
        default=(),
        converter=_networks,
        metadata=_variable("addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas"),
    )
    worker: bool = field(
        default=True,
        converter=_yes_or_no,
        metadata=_variable("whether the server also does what is due in the background; no: run `tresen worker`"),
    )

    erasure_journal: str = field(
        default="",
        metadata=_variable("file in which erasings are written down, best on another disk; in the data folder"),
    )
    pg_bin: str = field(
        default="",
        metadata=_variable("folder of pg_dump and pg_restore, for backups of PostgreSQL; found on the PATH"),
    )

    @property
    def resolved_database_url(self) -> str:
        """The database URL, the default SQLite file included."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'tresen.sqlite').absolute()}"

    @property
    def journal(self) -> Path:
        """The journal of erasures, the default file included."""
        return Path(self.erasure_journal) if self.erasure_journal else self.data_dir / "erasures.jsonl"

    @property
    def is_secure(self) -> bool:
        """Whether visitors reach the site over https; cookies are then `__Host-` and Secure."""
        return self.base_url.startswith("https://")

    @property
    def mail_server(self) -> MailServer | None:
        """The server that mails are handed to; None when there is none."""
        return parse_smtp_url(self.smtp_url)

    @property
    def imap_server(self) -> ImapServer | None:
        """The mailbox whose mails are taken in; None when there is none."""
        return parse_imap_url(self.imap_url)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which times are shown."""
        return ZoneInfo(self.timezone)


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `TRESEN_…` variables. Raises SettingsError for a value that can't be used."""
    known = {f"TRESEN_{one.name.upper()}": one.name for one in fields(Settings)}
    return Settings(**{known[name]: value for name, value in environment.items() if name in known and value})


def load_secret(settings: Settings) -> str:
    """The key of signed links: the setting, or one made once and kept in the data folder, for its owner's eyes only."""
    if settings.secret:
        return settings.secret
    file = settings.data_dir / "secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as opened:
        opened.write(secrets.token_urlsafe(32))
    return file.read_text().strip()
