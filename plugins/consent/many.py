"""Changing the consents of many contacts at once, by the same rules and with the same evidence as one (FEATURES K3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from core import (
    Activity,
    Actor,
    BulkAction,
    BulkField,
    Choice,
    Contact,
    InvalidInput,
    Site,
    add_activities,
    insert_missing,
    write_many,
)
from plugins.consent.basis import MAX_LENGTH, SOURCES, check_proof, check_source, written
from plugins.consent.changing import KINDS, rules_of
from plugins.consent.models import ConsentEvent, ConsentState

Values = Mapping[str, str]


def bulk_actions() -> list[BulkAction]:
    """One a purpose: it asks whether to record a consent or an objection, and for a consent what it is based on."""
    return [
        BulkAction(
            key=f"consent.{purpose}",
            label=label,
            permission="consent.edit",
            icon="shield-check",
            fields=_fields(),
            prepare=prepare,
            changes=partial(may_change, purpose),
            run=partial(change_many, purpose),
            confirm="Whoever has unsubscribed stays unsubscribed: only the person can subscribe again, on a form.",
            submit="Record",
            done=("Consent changed for %(count)s contact.", "Consent changed for %(count)s contacts."),
            order=400,
        )
        for purpose, label in (("marketing", "Advertising …"), ("system", "System notification …"))
    ]


def _fields() -> tuple[BulkField, ...]:
    return (
        BulkField(
            name="to",
            label="What is to be recorded?",
            kind="choice",
            choices=(
                Choice(value="subscribed", label="Consent that was given elsewhere"),
                Choice(value="unsubscribed", label="Unsubscription or objection"),
            ),
            translate_choices=True,
        ),
        BulkField(
            name="source",
            label="How was it given?",
            kind="choice",
            hint="Only for a consent",
            choices=tuple(Choice(value=value, label=label) for value, label in SOURCES.items()),
            translate_choices=True,
            required=False,
        ),
        BulkField(
            name="basis",
            label="Proof",
            kind="textarea",
            hint="Only for a consent, and the same for all chosen contacts: who agreed, when, and to which words",
            required=False,
            max_length=MAX_LENGTH,
        ),
    )


def prepare(session: Session, site: Site, values: Values) -> Values:
    """A consent needs its basis, which is written out once; an objection needs none (GDPR Art. 7 (3))."""
    if values["to"] == "unsubscribed":
        return {"to": "unsubscribed", "basis": ""}
    check_source(values["source"])
    check_proof(values["basis"])
    return {"to": "subscribed", "basis": written(site, values["source"], values["basis"])}


def may_change(purpose: str, values: Values) -> ColumnElement[bool]:
    """The contacts whose state allows staff this change; the rules are those of one contact's page."""
    to = values["to"]
    states = [before for (before, after), ways in rules_of(purpose).items() if after == to and "staff" in ways]
    row = exists().where(ConsentState.contact_id == Contact.id, ConsentState.purpose == purpose)
    allowed = row.where(ConsentState.state.in_([state for state in states if state]))
    return or_(allowed, ~row) if "" in states else allowed


def change_many(
    purpose: str, session: Session, site: Site, contact_ids: Select[tuple[int]], values: Values, actor: Actor
) -> int:
    """Keep the evidence of each change, then change the states; answers how many."""
    to, moment = values["to"], datetime.now(UTC)
    if to == "subscribed" and not values["basis"]:
        raise InvalidInput("Say what this consent is based on.", field="basis")
    ids = contact_ids.scalar_subquery()
    event: dict[str, Any] = {
        "contact_id": Contact.id,
        "purpose": literal(purpose),
        "from_state": func.coalesce(ConsentState.state, ""),
        "to_state": literal(to),
        "occurred_at": literal(moment, ConsentEvent.occurred_at.type),
        "recorded_at": literal(moment, ConsentEvent.recorded_at.type),
        "way": literal("staff"),
        "email": Contact.email,
        "page": literal(""),
        "form": literal(""),
        "wording": literal(""),
        "wording_hash": literal(""),
        "language": literal(site.settings.language),
        "basis": literal(values["basis"]),
        "actor_kind": literal(actor.kind),
        "actor_id": literal(actor.id, ConsentEvent.actor_id.type),
        "actor_name": literal(actor.name),
    }
    source = (
        select(*event.values())
        .select_from(Contact)
        .outerjoin(ConsentState, (ConsentState.contact_id == Contact.id) & (ConsentState.purpose == purpose))
        .where(Contact.id.in_(ids))
        .order_by(Contact.id)
    )
    write_many(session, insert(ConsentEvent).from_select(list(event), source))
    write_many(
        session,
        update(ConsentState)
        .where(ConsentState.purpose == purpose, ConsentState.contact_id.in_(ids))
        .values(state=to, since=moment),
    )
    fresh = select(Contact.id, literal(purpose), literal(to), literal(moment, ConsentState.since.type)).where(
        Contact.id.in_(ids)
    )
    session.execute(
        insert_missing(
            session,
            ConsentState,
            ["contact_id", "purpose", "state", "since"],
            fresh,
            keys=["contact_id", "purpose"],
        )
    )
    return add_activities(session, contact_ids, Activity(kind=KINDS[purpose, to]), actor=actor)
