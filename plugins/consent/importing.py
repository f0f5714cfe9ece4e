"""„Automatisch abonnieren“: consents that a file brings (FEATURES I5, THREATS T-I9).

A file's consent is recorded with the file and the row as its basis, for those who were never asked. Whoever
unsubscribed stays unsubscribed whatever a file says; a file may withdraw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core import Actor, Contact, ImportChoice, ImportStatement, Site, add_activity, upsert
from plugins.consent.changing import ConsentRefused, Evidence, change_consent, logged
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.consent.recording import record

PURPOSE = "marketing"


def import_choices() -> list[ImportChoice]:
    """Advertising only: a file does not ask for notices about the service."""
    return [
        ImportChoice(
            key=f"consent.{PURPOSE}",
            label="Subscribe automatically",
            column="Advertising",
            refusal_column="Unsubscribed from advertising",
            hint="Only for people who have agreed to advertising. File and row are kept as the proof. Nobody who "
            "unsubscribed is subscribed again. If the file has a column for it, only a yes there counts.",
            headings=(
                "Accepts Email Marketing",
                "Accepts Marketing",
                "Email Marketing Consent",
                "Email subscriber status",
                "Marketing",
                "Newsletter",
                "Opt-in",
                "Subscribed",
                "Werbeeinwilligung",
            ),
            refusal_headings=(
                "Unsubscribed from all email",
                "UNSUB_TIME",
                "CLEAN_TIME",
                "Opt-out",
                "Abgemeldet am",
            ),
            apply=apply_statements,
            take_back=take_back,
            permission="consent.edit",
        )
    ]


def apply_statements(
    session: Session, site: Site, statements: Sequence[ImportStatement], actor: Actor
) -> Iterable[int]:
    """Record what a file says; answers the contacts whose state stays as it was."""
    moment = datetime.now(UTC)
    ids = [one.contact_id for one in statements]
    asked = select(ConsentState.contact_id).where(ConsentState.purpose == PURPOSE, ConsentState.contact_id.in_(ids))
    known = set(session.scalars(asked))
    left = []
    for one in statements:
        if one.contact_id in known and not _change(session, one, actor, moment):
            left.append(one.contact_id)
    _record_new(session, site, [one for one in statements if one.contact_id not in known], actor, moment)
    return left


def _change(session: Session, one: ImportStatement, actor: Actor, moment: datetime) -> bool:
    """Change a state that there is, as far as a file may; answers whether it did."""
    evidence = Evidence(
        way="import", actor=actor, occurred_at=moment, form=one.source, basis=one.basis if one.yes else ""
    )
    to = "subscribed" if one.yes else "unsubscribed"
    try:
        return change_consent(session, contact_id=one.contact_id, purpose=PURPOSE, to=to, evidence=evidence)
    except ConsentRefused:
        return False


def _record_new(
    session: Session, site: Site, statements: Sequence[ImportStatement], actor: Actor, moment: datetime
) -> None:
    """The first statement about these contacts, as `change_consent` would record it, for all at once."""
    if not statements:
        return
    emails = dict(
        session.execute(
            select(Contact.id, Contact.email).where(Contact.id.in_([one.contact_id for one in statements]))
        ).all()
    )
    states = {one.contact_id: "subscribed" if one.yes else "unsubscribed" for one in statements}
    rows = [
        {"contact_id": contact_id, "purpose": PURPOSE, "state": state, "since": moment}
        for contact_id, state in states.items()
    ]
    # Somebody may have given a consent since this was asked: then theirs holds, and the file's is not recorded.
    inserted = session.execute(
        upsert(session, ConsentState, rows, keys=["contact_id", "purpose"]).returning(ConsentState.contact_id)
    )
    new = set(inserted.scalars())
    record(
        session,
        [
            {
                "contact_id": one.contact_id,
                "purpose": PURPOSE,
                "from_state": "",
                "to_state": states[one.contact_id],
                "occurred_at": moment,
                "recorded_at": moment,
                "way": "import",
                "email": emails[one.contact_id],
                "form": one.source,
                "basis": one.basis if one.yes else "",
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
            }
            for one in statements
            if one.contact_id in new
        ],
    )
    for contact_id in sorted(new):
        activity = logged(session, site, PURPOSE, states[contact_id])
        add_activity(session, contact_id, activity, actor=actor, occurred_at=moment)


def take_back(session: Session, site: Site, contact_ids: Sequence[int], source: str, actor: Actor) -> None:
    """Give contacts the state that they had before this import, if nothing came after it; the evidence stays."""
    last = (
        select(func.max(ConsentEvent.id))
        .where(ConsentEvent.purpose == PURPOSE, ConsentEvent.contact_id.in_(contact_ids))
        .group_by(ConsentEvent.contact_id)
    )
    events = session.scalars(
        select(ConsentEvent).where(ConsentEvent.id.in_(last), ConsentEvent.way == "import", ConsentEvent.form == source)
    ).all()
    moment = datetime.now(UTC)
    basis = site.language(site.settings.language).text("The import was taken back")
    for event in events:
        state = (ConsentState.contact_id == event.contact_id, ConsentState.purpose == PURPOSE)
        if event.from_state:
            values = {"state": event.from_state, "since": moment}
            row = {"contact_id": event.contact_id, "purpose": PURPOSE, **values}
            session.execute(upsert(session, ConsentState, row, keys=["contact_id", "purpose"], update=values))
        else:
            session.execute(delete(ConsentState).where(*state))
    record(
        session,
        [
            {
                "contact_id": event.contact_id,
                "purpose": PURPOSE,
                "from_state": event.to_state,
                "to_state": event.from_state,
                "occurred_at": moment,
                "recorded_at": moment,
                "way": "import",
                "email": event.email,
                "form": f"{source}:undo",
                "basis": basis,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
            }
            for event in events
        ],
    )
