"""Consent on the forms for adding and editing a contact, in import, export and API (FEATURES L9, P3, K3).

Staff may record a consent of somebody who was never asked, with its basis, and a withdrawal of anybody. What else may
become of a consent is the person's own; `changing` refuses it, and the form says so beside the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from attrs import evolve
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Actor, Choice, ContactField, FieldValue, InvalidInput, Site
from plugins.consent.basis import SOURCE_LABELS, basis_errors, basis_text
from plugins.consent.changing import ConsentRefused, Evidence, change_consent
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN
from plugins.consent.reading import STATE_LABELS

SOURCE, PROOF = "consent.source", "consent.basis"

RECORDED = frozenset({"subscribed", "unsubscribed"})
"""States that staff may record; the others come about by the person or a mail server."""


def contact_fields() -> list[ContactField]:
    """The state of each purpose, and what a consent that is switched on is based on."""
    states = tuple(
        Choice(value=state, label=label, offered=state in RECORDED) for state, label in STATE_LABELS.items() if state
    )
    purposes = [
        ContactField(
            key=f"consent.{purpose}",
            label=label,
            kind="choice",
            choices=states,
            read=partial(_read, purpose),
            write=write_consents,
            # The panel on the profile shows them, with their history.
            on_profile=False,
            permission="consent.edit",
            order=80 + order,
        )
        for order, (purpose, label) in enumerate(BUILTIN.items())
    ]
    return [
        *purposes,
        ContactField(
            key=SOURCE,
            label="How was it given?",
            kind="choice",
            choices=tuple(Choice(value=value, label=label) for value, label in SOURCE_LABELS.items()),
            hint="Only for a new consent",
            write=write_consents,
            permission="consent.edit",
            order=90,
        ),
        ContactField(
            key=PROOF,
            label="Proof",
            hint="Only for a new consent, for example: “Card at the counter of 3 May, folder Consents, no. 12”",
            write=write_consents,
            permission="consent.edit",
            order=91,
        ),
    ]


def _read(purpose: str, session: Session, contact_ids: Sequence[int]) -> Mapping[int, FieldValue]:
    rows = session.execute(
        select(ConsentState.contact_id, ConsentState.state).where(
            ConsentState.purpose == purpose, ConsentState.contact_id.in_(contact_ids)
        )
    )
    return {row.contact_id: row.state for row in rows}


def write_consents(
    session: Session, site: Site, contact_id: int, values: Mapping[str, FieldValue | None], actor: Actor
) -> None:
    """Record what staff chose. Raises InvalidInput naming the field: for a basis that is missing or without a
    consent, and for a change that only the person can make.
    """
    source, proof = str(values.get(SOURCE) or ""), str(values.get(PROOF) or "").strip()
    wanted = {purpose: values[f"consent.{purpose}"] for purpose in BUILTIN if f"consent.{purpose}" in values}
    if not wanted and (source or proof):
        raise InvalidInput("Choose which consent this is the proof of.", field=SOURCE if source else PROOF)
    evidence = Evidence(
        way="staff", actor=actor, occurred_at=datetime.now(UTC), language=site.settings.language, basis=proof
    )
    for purpose, state in wanted.items():
        key = f"consent.{purpose}"
        if state is None:
            raise ConsentRefused("What was recorded stays on record. Choose “Unsubscribed” instead.", field=key)
        grounds = evidence
        if state == "subscribed":
            for error in basis_errors(source, proof):
                raise InvalidInput(error.message, field=SOURCE if error.field == "source" else PROOF, **error.values)
            grounds = evolve(evidence, basis=basis_text(site, source, proof))
        try:
            change_consent(session, contact_id=contact_id, purpose=purpose, to=str(state), evidence=grounds)
        except ConsentRefused as error:
            raise ConsentRefused(error.message, field=key, **error.values) from error
