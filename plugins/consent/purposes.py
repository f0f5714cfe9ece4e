"""What people are asked for: the two purposes that every site has, its own ones, and the wordings of all of them.

A wording is never rewritten: a change is a new version, and what was agreed to stays readable (THREATS section 2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from attrs import frozen
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from core import Actor, InvalidInput, NotFound, Site
from plugins.consent.models import ConsentPurpose, ConsentWording

BUILTIN: Mapping[str, str] = MappingProxyType({"marketing": "Advertising", "system": "System notification"})
"""Purpose of every site → its name for people, a message id."""

LANGUAGES: Mapping[str, str] = MappingProxyType({"de": "German", "en": "English"})
"""Language of the boxes → its name, a message id."""

OWN = re.compile(r"own_([1-9][0-9]{0,17})")
"""The key of a purpose of the site's own, with its number."""

NAME_LENGTH = 80
MAX_WORDING = 1000
MOST_OWN = 20
"""Purposes of its own that a site may have open: each is a box on every form."""


@frozen(kw_only=True)
class Wording:
    """One version of a text beside a box."""

    version: int
    text: str
    created_at: datetime
    author_name: str


@frozen(kw_only=True)
class Purpose:
    """A purpose with its names and its newest wordings, both by language; `names` of a built-in one are message ids."""

    key: str
    names: Mapping[str, str]
    wordings: Mapping[str, Wording]
    is_own: bool
    is_closed: bool = False

    @property
    def needs_confirmation(self) -> bool:
        """Whether a tick waits for the link in a mail: for all advertising (§ 7 (2) no. 2 UWG)."""
        return self.key != "system"

    def name(self, site: Site, language: str) -> str:
        """Its name in a language."""
        return self.names[language] if self.is_own else site.language(language).text(self.names[language])

    def wording(self, site: Site, language: str) -> str:
        """What stands beside the box; empty for no box in this language."""
        newest = self.wordings.get(language)
        return newest.text.replace("{site}", site.setting("site.name")) if newest else ""

    def version(self, language: str) -> int:
        """The number of that wording; 0 without any."""
        newest = self.wordings.get(language)
        return newest.version if newest else 0


def all_purposes(session: Session) -> list[Purpose]:
    """The built-in purposes, then the site's own in the order of their making, closed ones included."""
    newest = (
        select(ConsentWording.purpose, ConsentWording.language, func.max(ConsentWording.version).label("version"))
        .group_by(ConsentWording.purpose, ConsentWording.language)
        .subquery()
    )
    same = and_(
        newest.c.purpose == ConsentWording.purpose,
        newest.c.language == ConsentWording.language,
        newest.c.version == ConsentWording.version,
    )
    wordings: dict[str, dict[str, Wording]] = {}
    for row in session.scalars(select(ConsentWording).join(newest, same)):
        wordings.setdefault(row.purpose, {})[row.language] = _wording(row)
    found = [
        Purpose(key=key, names=dict.fromkeys(LANGUAGES, label), wordings=wordings.get(key, {}), is_own=False)
        for key, label in BUILTIN.items()
    ]
    for own in session.scalars(select(ConsentPurpose).order_by(ConsentPurpose.id)):
        key = key_of(own.id)
        names = {code: str(own.names.get(code, "")) for code in LANGUAGES}
        found.append(
            Purpose(
                key=key, names=names, wordings=wordings.get(key, {}), is_own=True, is_closed=own.closed_at is not None
            )
        )
    return found


def open_purposes(session: Session) -> list[Purpose]:
    """Those that people are asked about."""
    return [one for one in all_purposes(session) if not one.is_closed]


def find_purpose(session: Session, key: str) -> Purpose:
    """One purpose. Raises NotFound."""
    for one in all_purposes(session):
        if one.key == key:
            return one
    raise NotFound("There is no purpose '%(purpose)s'.", purpose=key)


def check_purpose(session: Session, key: str) -> None:
    """Raises NotFound for a purpose there is none of."""
    match = OWN.fullmatch(key)
    if key not in BUILTIN and (match is None or session.get(ConsentPurpose, int(match[1])) is None):
        raise NotFound("There is no purpose '%(purpose)s'.", purpose=key)


def key_of(number: int) -> str:
    """The key of the site's own purpose with this number."""
    return f"own_{number}"


def names_of(session: Session, site: Site, language: str) -> dict[str, str]:
    """Key → name in a language, of all purposes."""
    return {one.key: one.name(site, language) for one in all_purposes(session)}


def add_purpose(session: Session, names: Mapping[str, str], wordings: Mapping[str, str], actor: Actor) -> str:
    """Add a purpose of the site's own; answers its key. Values are those of `clean_…`.

    Raises InvalidInput when there are too many.
    """
    if (
        session.scalar(select(func.count(ConsentPurpose.id)).where(ConsentPurpose.closed_at.is_(None))) or 0
    ) >= MOST_OWN:
        raise InvalidInput("There are %(max)s purposes already. Close one that is not needed any more.", max=MOST_OWN)
    made = ConsentPurpose(names=dict(names), created_at=datetime.now(UTC))
    session.add(made)
    session.flush()
    set_wordings(session, key_of(made.id), wordings, actor)
    return key_of(made.id)


def change_names(session: Session, key: str, names: Mapping[str, str]) -> None:
    """Call a purpose of the site's own something else. Raises NotFound."""
    _own(session, key).names = dict(names)


def close_purpose(session: Session, key: str, *, closed: bool) -> None:
    """Ask about a purpose no more, or again. What was agreed to stays. Raises NotFound, also for a built-in one."""
    _own(session, key).closed_at = datetime.now(UTC) if closed else None


def set_wordings(session: Session, key: str, wordings: Mapping[str, str], actor: Actor) -> int:
    """Write a new version of each text that is another one now; answers how many there were. Raises NotFound."""
    purpose = find_purpose(session, key)
    changed = 0
    for language, text in wordings.items():
        newest = purpose.wordings.get(language)
        if text == (newest.text if newest else ""):
            continue
        changed += 1
        session.add(
            ConsentWording(
                purpose=key,
                language=language,
                version=(newest.version if newest else 0) + 1,
                text=text,
                created_at=datetime.now(UTC),
                author_name=actor.name,
            )
        )
    session.flush()
    return changed


def versions(session: Session, key: str) -> Mapping[str, Sequence[Wording]]:
    """All wordings of a purpose by language, the newest first."""
    found: dict[str, list[Wording]] = {}
    rows = session.scalars(
        select(ConsentWording).where(ConsentWording.purpose == key).order_by(ConsentWording.version.desc())
    )
    for row in rows:
        found.setdefault(row.language, []).append(_wording(row))
    return found


def clean_name(text: str) -> str:
    """The name of a purpose. Raises InvalidInput."""
    name = " ".join(text.split())
    if not name:
        raise InvalidInput("Enter a name.")
    if len(name) > NAME_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", max=NAME_LENGTH)
    return name


def clean_wording(text: str) -> str:
    """A wording on one line. Raises InvalidInput when it is too long to be read beside a box."""
    cleaned = " ".join(text.split())
    if len(cleaned) > MAX_WORDING:
        raise InvalidInput("This is too long: %(max)s characters at most.", max=MAX_WORDING)
    return cleaned


def _own(session: Session, key: str) -> ConsentPurpose:
    match = OWN.fullmatch(key)
    own = session.get(ConsentPurpose, int(match[1]), with_for_update=True) if match else None
    if own is None:
        raise NotFound("There is no purpose '%(purpose)s'.", purpose=key)
    return own


def _wording(row: ConsentWording) -> Wording:
    return Wording(version=row.version, text=row.text, created_at=row.created_at, author_name=row.author_name)
