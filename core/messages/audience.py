"""Who gets a message to many, and who is left out and why: worked out by conditions, not one by one (FEATURES M3).

What is said here is what staff read before they send, and what keeps letters out of the outbox. Whether a letter is
really sent is decided when the mail server is about to get it, by `may_send` (THREATS T-C5).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import ColumnElement, Select, case, func, literal, select
from sqlalchemy.orm import Session

from core.contacts.models import Contact
from core.errors import SendRefused
from core.messages.deciding import FAILED, NOBODY, check_owner, reason_of
from core.plugins import describe
from core.values import LeftOut, Mailing

if TYPE_CHECKING:
    from core.site import Site

log = logging.getLogger("tresen.messages")

CORE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "inactive": "Inactive contacts get no advertising.",
        "merged": "It was merged with another contact.",
        "twice": "This person has got it already.",
    }
)
"""Why the core leaves a contact out, a message id."""

GETS_IT = -1


@frozen(kw_only=True)
class Refusing:
    """A reason for which contacts are left out, who says so (a plugin, or the core: empty), and which they are."""

    reason: str
    plugin: str
    condition: ColumnElement[bool]


@frozen(kw_only=True)
class Reason:
    """How many are left out for a reason."""

    reason: str
    plugin: str
    number: int


@frozen(kw_only=True)
class Count:
    """How many of an audience get a message, and how many don't, the most frequent reason first."""

    chosen: int
    gets: int
    left_out: Sequence[Reason]


def refusing(session: Session, site: Site, mailing: Mailing) -> list[Refusing]:
    """Everything for which a contact is left out; of several reasons for one contact the first counts.

    Raises SendRefused when a plugin failed, or the one whose topic it is is off: then nobody gets anything.
    """
    check_owner(site, mailing.topic)
    found: list[Refusing] = []
    judges = site.plugins.implementations("may_send_many", site.enabled)
    if mailing.purpose == "marketing":
        if not judges:
            raise SendRefused("%(reason)s", plugin="", reason=NOBODY)
        found.append(Refusing(reason=CORE_TEXTS["inactive"], plugin="", condition=Contact.inactive_at.is_not(None)))
    for implementation in judges:
        try:
            answers = list(implementation(session=session, site=site, mailing=mailing))
            for one in answers:
                if not isinstance(one, LeftOut):
                    raise TypeError(f"may_send_many answers {one!r:.80}. Return a list of LeftOut.")
        except (Exception, SystemExit) as error:
            log.error("Plugin %r failed in hook 'may_send_many': %s", implementation.plugin, describe(error))
            raise SendRefused(FAILED, plugin=implementation.plugin) from error
        found.extend(
            Refusing(reason=one.reason, plugin=implementation.plugin, condition=one.condition) for one in answers
        )
    return found


def verdict_column(reasons: Sequence[Refusing]) -> ColumnElement[Any]:
    """For each contact the number of the first reason that fits it, or `GETS_IT`."""
    if not reasons:
        return literal(GETS_IT)
    return case(*((one.condition, number) for number, one in enumerate(reasons)), else_=GETS_IT)


def count_audience(session: Session, site: Site, mailing: Mailing, contact_ids: Select[tuple[int]]) -> Count:
    """How many of these contacts get it, by one statement. Raises SendRefused as `refusing`."""
    reasons = refusing(session, site, mailing)
    judged = (
        select(verdict_column(reasons).label("verdict"))
        .where(Contact.id.in_(contact_ids.scalar_subquery()), Contact.merged_into_id.is_(None))
        .subquery()
    )
    numbers = {
        int(row.verdict): int(row.number)
        for row in session.execute(select(judged.c.verdict, func.count().label("number")).group_by(judged.c.verdict))
    }
    left_out = [
        Reason(reason=reasons[verdict].reason, plugin=reasons[verdict].plugin, number=number)
        for verdict, number in numbers.items()
        if verdict != GETS_IT
    ]
    return Count(
        chosen=sum(numbers.values()),
        gets=numbers.get(GETS_IT, 0),
        left_out=sorted(left_out, key=lambda one: (-one.number, one.reason)),
    )


def first_who_get_it(
    session: Session, site: Site, mailing: Mailing, contact_ids: Select[tuple[int]], limit: int
) -> list[Contact]:
    """Some of those who get it, the youngest first: to look at the message as they will see it."""
    verdict = verdict_column(refusing(session, site, mailing))
    statement = (
        select(Contact)
        .where(Contact.id.in_(contact_ids.scalar_subquery()), Contact.merged_into_id.is_(None), verdict == GETS_IT)
        .order_by(Contact.id.desc())
        .limit(limit)
    )
    return list(session.scalars(statement))


def refusal_words(site: Site, language: str, refused: SendRefused) -> str:
    """A refusal as one sentence that names who refuses."""
    text = site.language(language).text
    if not refused.plugin:
        return text(reason_of(refused))
    return text(
        "%(module)s: %(reason)s",
        module=text(site.plugin_label(refused.plugin)),
        reason=text(reason_of(refused)),
    )
