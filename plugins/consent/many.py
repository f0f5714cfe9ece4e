"""Changing the consents of many contacts at once, by the same rules and with the same evidence as one (FEATURES K3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import ColumnElement, Select, and_, exists, false, literal, or_, select, update
from sqlalchemy.orm import Session

from core import (
    Actor,
    BulkAction,
    BulkField,
    Choice,
    Contact,
    InvalidInput,
    Site,
    add_activities,
    insert_missing,
    site_of,
    write_many,
)
from plugins.consent.basis import MAX_PROOF, SOURCE_LABELS, basis_errors, basis_text
from plugins.consent.changing import logged, rules_of
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN, OWN, all_purposes, check_purpose
from plugins.consent.recording import record

Values = Mapping[str, str]

OWN_ONES = "own"
"""The last part of the key of the action for the site's own purposes; which one it is stands in its values."""


def bulk_actions() -> list[BulkAction]:
    """One a purpose, and one for the site's own: it asks whether to record a consent or an objection, and for a consent
    what it is based on.
    """
    return [
        BulkAction(
            key=f"consent.{purpose}",
            label=label,
            permission="consent.edit",
            icon="shield-check",
            fields=_fields() if purpose in BUILTIN else (_which(), *_fields()),
            prepare=prepare,
            changes=partial(may_change, purpose),
            run=partial(change_many, purpose),
            confirm="Whoever has unsubscribed stays unsubscribed: only the person can subscribe again, on a form.",
            submit="Record",
            done=("Consent changed for %(count)s contact.", "Consent changed for %(count)s contacts."),
            order=400,
        )
        for purpose, label in (
            ("marketing", "Advertising …"),
            ("system", "System notification …"),
            (OWN_ONES, "Other consent …"),
        )
    ]


def _which() -> BulkField:
    return BulkField(name="purpose", label="Which consent?", kind="choice", choices=_own_purposes)


def _own_purposes(session: Session, contact_ids: Select[tuple[int]]) -> Sequence[Choice]:
    site = site_of(session)
    return [
        Choice(value=one.key, label=one.name(site, site.settings.language))
        for one in all_purposes(session)
        if one.is_own
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
            choices=tuple(Choice(value=value, label=label) for value, label in SOURCE_LABELS.items()),
            translate_choices=True,
            required=False,
        ),
        BulkField(
            name="basis",
            label="Proof",
            kind="textarea",
            hint="Only for a consent, and the same for all chosen contacts: who agreed, when, and to which words",
            required=False,
            max_length=MAX_PROOF,
        ),
    )


def prepare(session: Session, site: Site, values: Values) -> Values:
    """A consent needs its basis, which is written out once; an objection needs none (GDPR Art. 7 (3))."""
    which = {"purpose": values["purpose"]} if "purpose" in values else {}
    if which:
        check_purpose(session, which["purpose"])
    if values["to"] == "unsubscribed":
        return {**which, "to": "unsubscribed", "basis": ""}
    for error in basis_errors(values["source"], values["basis"]):
        raise error
    return {**which, "to": "subscribed", "basis": basis_text(site, values["source"], values["basis"])}


def _meant(purpose: str, values: Values) -> str:
    return values.get("purpose", "") if purpose == OWN_ONES else purpose


def may_change(purpose: str, values: Values) -> ColumnElement[bool]:
    """The contacts whose state allows staff this change; the rules are those of one contact's page."""
    to, purpose = values["to"], _meant(purpose, values)
    if purpose not in BUILTIN and not OWN.fullmatch(purpose):
        return false()
    states = [before for (before, after), ways in rules_of(purpose).items() if after == to and "staff" in ways]
    row = exists().where(ConsentState.contact_id == Contact.id, ConsentState.purpose == purpose)
    allowed = row.where(ConsentState.state.in_([state for state in states if state]))
    return or_(allowed, ~row) if "" in states else allowed


def change_many(
    purpose: str, session: Session, site: Site, contact_ids: Select[tuple[int]], values: Values, actor: Actor
) -> int:
    """Keep the evidence of each change, then change the states; answers how many."""
    to, moment, purpose = values["to"], datetime.now(UTC), _meant(purpose, values)
    check_purpose(session, purpose)
    if to == "subscribed" and not values["basis"]:
        raise InvalidInput("Say what this consent is based on.", field="basis")
    ids = contact_ids.scalar_subquery()
    rows = session.execute(
        select(Contact.id, Contact.email, ConsentState.state)
        .outerjoin(ConsentState, and_(ConsentState.contact_id == Contact.id, ConsentState.purpose == purpose))
        .where(Contact.id.in_(ids))
        .order_by(Contact.id)
    ).all()
    record(
        session,
        [
            {
                "contact_id": row.id,
                "purpose": purpose,
                "from_state": row.state or "",
                "to_state": to,
                "occurred_at": moment,
                "recorded_at": moment,
                "way": "staff",
                "email": row.email,
                "language": site.settings.language,
                "basis": values["basis"],
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
            }
            for row in rows
        ],
    )
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
    return add_activities(session, contact_ids, logged(session, site, purpose, to), actor=actor)
