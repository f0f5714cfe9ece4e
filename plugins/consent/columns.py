"""Columns and filters of the contact list (FEATURES L2, L4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import ColumnElement, Subquery, exists, func, select
from sqlalchemy.orm import Session

from core import Choice, Column, Contact, Filter
from plugins.consent.changing import PURPOSES
from plugins.consent.models import ConsentState
from plugins.consent.reading import STATE_LABELS, as_indicator

NEVER = "never"
"""Value of the filter for contacts without a row."""


def columns() -> list[Column]:
    """One indicator a purpose, sorted by the state; each reads its own part of the states as a side table."""
    made = []
    for order, (purpose, label) in enumerate(PURPOSES.items()):
        side = side_table(purpose)
        made.append(
            Column(
                key=f"consent.{purpose}",
                label=label,
                kind="indicator",
                # Never asked is off, too, and says so; the sort goes along the states that there are.
                expression=func.coalesce(side.c.state, ""),
                sort=side.c.state,
                side_table=side,
                convert=as_indicator,
                permission="consent.view",
                order=80 + order,
            )
        )
    return made


def side_table(purpose: str) -> Subquery:
    """The states of one purpose: at most one row a contact."""
    return (
        select(ConsentState.contact_id, ConsentState.state)
        .where(ConsentState.purpose == purpose)
        .subquery(f"consent_{purpose}")
    )


def filters() -> list[Filter]:
    """One filter a purpose."""
    return [
        Filter(
            key=f"consent.{purpose}",
            label=label,
            predicate=partial(_predicate, purpose),
            choices=_choices,
            translate_choices=True,
            permission="consent.view",
            order=80 + order,
        )
        for order, (purpose, label) in enumerate(PURPOSES.items())
    ]


def _choices(session: Session) -> Sequence[Choice]:
    return [Choice(value=state or NEVER, label=label) for state, label in STATE_LABELS.items()]


def _predicate(purpose: str, value: str) -> ColumnElement[bool] | None:
    of_purpose = ConsentState.purpose == purpose
    if value == NEVER:
        return ~exists().where(ConsentState.contact_id == Contact.id, of_purpose)
    if value not in STATE_LABELS or not value:
        return None
    return Contact.id.in_(select(ConsentState.contact_id).where(of_purpose, ConsentState.state == value))
