"""Columns and filters of the contact list (FEATURES L2, L4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import ColumnElement, Subquery, exists, func, select
from sqlalchemy.orm import Session

from core import Choice, Column, Contact, Filter, site_of
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN, OWN, all_purposes, names_of
from plugins.consent.reading import STATE_LABELS, as_indicator

NEVER = "never"
"""Value of the filter for contacts without a row."""


def columns() -> list[Column]:
    """One indicator a purpose, sorted by the state; each reads its own part of the states as a side table."""
    made = []
    for order, (purpose, label) in enumerate(BUILTIN.items()):
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
    made.append(
        Column(
            key="consent.own",
            label="Other consents",
            kind="chips",
            load=_subscribed_to,
            sortable=False,
            shown=False,
            permission="consent.view",
            order=82,
        )
    )
    return made


def _subscribed_to(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    """Names of the site's own purposes that these contacts have subscribed to."""
    site = site_of(session)
    names = names_of(session, site, site.settings.language)
    found: dict[int, list[str]] = {}
    rows = session.execute(
        select(ConsentState.contact_id, ConsentState.purpose)
        .where(
            ConsentState.contact_id.in_(contact_ids),
            ConsentState.purpose.not_in(BUILTIN),
            ConsentState.state == "subscribed",
        )
        .order_by(ConsentState.purpose)
    )
    for row in rows:
        found.setdefault(row.contact_id, []).append(names.get(row.purpose, row.purpose))
    return found


def side_table(purpose: str) -> Subquery:
    """The states of one purpose: at most one row a contact."""
    return (
        select(ConsentState.contact_id, ConsentState.state)
        .where(ConsentState.purpose == purpose)
        .subquery(f"consent_{purpose}")
    )


def filters() -> list[Filter]:
    """One filter a purpose, and one for the site's own."""
    made = [
        Filter(
            key=f"consent.{purpose}",
            label=label,
            predicate=partial(_predicate, purpose),
            choices=_choices,
            translate_choices=True,
            permission="consent.view",
            order=80 + order,
        )
        for order, (purpose, label) in enumerate(BUILTIN.items())
    ]
    own = Filter(
        key="consent.own",
        label="Other consents",
        predicate=_own_predicate,
        choices=_own_choices,
        permission="consent.view",
        order=82,
    )
    return [*made, own]


def _own_choices(session: Session) -> Sequence[Choice]:
    """Each of the site's own purposes with each state: "own_3:subscribed"."""
    site = site_of(session)
    language = site.language(site.settings.language)
    return [
        Choice(value=f"{one.key}:{state or NEVER}", label=f"{one.name(site, language.code)}: {language.text(label)}")
        for one in all_purposes(session)
        if one.is_own
        for state, label in STATE_LABELS.items()
        if state != "existing_customer"
    ]


def _own_predicate(value: str) -> ColumnElement[bool] | None:
    purpose, _, state = value.partition(":")
    return _predicate(purpose, state) if OWN.fullmatch(purpose) else None


def _choices(session: Session) -> Sequence[Choice]:
    return [Choice(value=state or NEVER, label=label) for state, label in STATE_LABELS.items()]


def _predicate(purpose: str, value: str) -> ColumnElement[bool] | None:
    of_purpose = ConsentState.purpose == purpose
    if value == NEVER:
        return ~exists().where(ConsentState.contact_id == Contact.id, of_purpose)
    if value not in STATE_LABELS or not value:
        return None
    return Contact.id.in_(select(ConsentState.contact_id).where(of_purpose, ConsentState.state == value))
