"""The proof of a person's consents, as it is read and printed (GDPR Art. 7 (1)): what holds now, and every change with
its evidence and its place in the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen
from sqlalchemy.orm import Session

from core import Language, Site
from plugins.consent.chain import last_entry
from plugins.consent.reading import FACT_LABELS, Entry, spoken_consents

Lines = Sequence[tuple[str, str]]


@frozen(kw_only=True)
class Change:
    """One change: a heading, and what is known of it as label and value."""

    title: str
    lines: Lines


@frozen(kw_only=True)
class Part:
    """One purpose: its name, its state, and its changes, the oldest first."""

    name: str
    state: str
    changes: Sequence[Change]


@frozen(kw_only=True)
class Proof:
    """Everything, in one language, in words."""

    contact_id: int
    title: str
    facts: Lines
    parts: Sequence[Part]
    note: str
    language: str
    made_at: datetime
    site_name: str

    @property
    def file_name(self) -> str:
        """What the file is called; nothing of the person stands in it."""
        return f"consent-{self.contact_id}-{self.made_at:%Y-%m-%d}.pdf"


def read_proof(session: Session, site: Site, contact_id: int, language: Language) -> Proof:
    """The proof of one contact. Raises NotFound."""
    say = language.text
    consents = spoken_consents(session, site, contact_id, language.code)
    number, newest = last_entry(session)
    moment = datetime.now(UTC)
    name, site_name = consents.name, site.setting("site.name")
    facts = [
        (say("Person"), f"{name} <{consents.email}>" if name else consents.email),
        (say("Responsible"), f"{site_name}, {site.settings.base_url}"),
        (say("Made on"), exact(moment, language)),
        (say("Last entry of the chain"), f"{number} · {newest}"),
    ]
    parts = [
        Part(
            name=say(one.label),
            state=say(one.state_label),
            changes=tuple(_change(entry, language) for entry in reversed(one.entries)),
        )
        for one in consents.purposes
        if one.is_asked
    ]
    return Proof(
        contact_id=contact_id,
        title=say("Proof of consent"),
        facts=facts,
        parts=parts,
        note=say(
            "Every change was written down at the moment given and can’t be changed afterwards. Each has a SHA-256 "
            "hash of all that it says; the chain of all hashes shows that none was changed, left out or added later."
        ),
        language=language.code,
        made_at=moment,
        site_name=site_name,
    )


def _change(entry: Entry, language: Language) -> Change:
    say = language.text
    wording = (
        say("Wording, version %(version)s", version=entry.wording_version) if entry.wording_version else say("Wording")
    )
    lines = [
        (say("When"), exact(entry.occurred_at, language)),
        (say("Way"), say(entry.way_label)),
        (say("By"), entry.actor_name),
        (say("E-mail"), entry.email),
        (wording, say("“%(wording)s”", wording=entry.wording) if entry.wording else ""),
        (say("SHA-256 of the wording"), entry.wording_hash),
        (say("Page"), entry.page),
        (say("Form"), entry.form),
        (say("Language"), entry.language),
        (say("Basis"), entry.basis),
        *((say(FACT_LABELS.get(name, name)), say(value)) for name, value in entry.facts.items()),
        (say("Entry of the chain"), f"{entry.entry or '–'} · {entry.digest}"),
    ]
    return Change(
        title=f"{say(entry.from_label)} → {say(entry.state_label)}",
        lines=[(label, value) for label, value in lines if value],
    )


def exact(moment: datetime, language: Language) -> str:
    """Date and time of day with seconds and the zone, as evidence needs it."""
    local = moment.astimezone(language.zone)
    return f"{language.date(moment)}, {local:%H:%M:%S} ({moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ})"
