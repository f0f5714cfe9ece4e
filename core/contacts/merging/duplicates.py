"""Contacts that may be one person, with the reasons (FEATURES C9).

Contacts with the same key (`core.contacts.likeness`) are found by the keys' indexes, a page after the other, whatever
the number of contacts; then each two of them are compared closer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Literal, TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, TextClause, delete, func, select, text, tuple_
from sqlalchemy.orm import Session

from core.contacts.finding import check_id, find_contact
from core.contacts.likeness import fold
from core.contacts.merging.models import DistinctPair
from core.contacts.models import Contact
from core.contacts.profile import Person, person_of
from core.database.upsert import upsert
from core.errors import InvalidInput, NotFound
from core.values import Actor

Reason = Literal["twin", "phone", "name_postcode", "name_city", "name_country"]

REASON_LABELS: Mapping[Reason, str] = MappingProxyType(
    {
        "twin": "Nearly the same email address",
        "phone": "Same phone number",
        "name_postcode": "Same name and postcode",
        "name_city": "Same name and city",
        "name_country": "Same name and country",
    }
)
"""Reason → what people read of it, a message id."""

POINTS: Mapping[Reason, int] = MappingProxyType(
    {"twin": 60, "phone": 50, "name_postcode": 45, "name_city": 35, "name_country": 15}
)
"""Reason → how much it says. Several add up."""

CERTAIN, LIKELY = 80, 45
"""Points from which two contacts are very likely, and likely, one person."""

TOO_MANY = 12
"""A key that more contacts have says nothing: a switchboard, a name like „Info Team“."""

PER_PAGE = 20
GROUPS_A_QUERY = 40

Condition: TypeAlias = ColumnElement[bool] | TextClause

_live = Contact.merged_into_id.is_(None)

_TIERS: Sequence[tuple[tuple[str, ...], Sequence[Condition]]] = (
    (("twin_key",), (_live,)),
    (("phone_key",), (_live, text("phone_key <> ''"))),
    (("name_key", "place_key"), (_live, text("name_key <> ''"), text("place_key <> ''"))),
)
"""The keys that contacts may have in common, the most telling first, with the conditions of their index.

Written out: SQLite uses an index with a condition only where it can read the same condition in the query.
"""


@frozen(kw_only=True)
class Duplicate:
    """Two contacts that may be one person: the older one first, why, and how much that says."""

    first: Person
    second: Person
    reasons: tuple[Reason, ...]

    @property
    def points(self) -> int:
        """The points of all reasons."""
        return sum(POINTS[reason] for reason in self.reasons)


@frozen(kw_only=True)
class DuplicatesPage:
    """Some of the likely duplicates, the likeliest first, and where the next page begins (None at the end)."""

    pairs: Sequence[Duplicate]
    after: str | None


def find_duplicates(session: Session, after: str = "", *, at_least: int = PER_PAGE) -> DuplicatesPage:
    """A page of likely duplicates; `after` is where the page before ended.

    Pages follow the indexes of the keys. A pair with several keys in common stands where it is found first.
    """
    place = _read_place(after)
    pairs: list[Duplicate] = []
    for number, (names, conditions) in enumerate(_TIERS):
        if number < place[0]:
            continue
        last: tuple[str, ...] | None = place[1] if number == place[0] else None
        while True:
            groups = _groups(session, names, conditions, last)
            if not groups:
                break
            pairs.extend(_pairs_of_groups(session, number, names, groups))
            last = groups[-1]
            if len(pairs) >= at_least:
                return DuplicatesPage(pairs=_sorted(pairs), after=_place(number, last))
    return DuplicatesPage(pairs=_sorted(pairs), after=None)


def duplicates_of(session: Session, contact: Contact, limit: int = 5) -> list[Duplicate]:
    """The contacts that may be the same person as this one, the likeliest first."""
    keys = [(name, conditions) for (name, *_), conditions in _TIERS if getattr(contact, name)]
    found: dict[int, Contact] = {}
    # Each by its own index; with OR a database may read the whole table instead.
    for name, conditions in keys:
        same = getattr(Contact, name) == getattr(contact, name)
        rows = session.scalars(select(Contact).where(same, *conditions, Contact.id != contact.id).limit(TOO_MANY * 4))
        found.update((row.id, row) for row in rows)
    pairs = [_compare(*sorted((contact, other), key=lambda one: one.id)) for other in found.values()]
    known = _without_distinct(session, [pair for pair in pairs if pair.reasons])
    return _sorted(known)[:limit]


def say_distinct(session: Session, first_id: int, second_id: int, actor: Actor) -> None:
    """Remember that two contacts are two people. Raises NotFound, and InvalidInput for one contact twice."""
    low, high = _pair(session, first_id, second_id)
    session.execute(
        upsert(
            session, DistinctPair, {"low_id": low, "high_id": high, "said_by": actor.name}, keys=["low_id", "high_id"]
        )
    )


def forget_distinct(session: Session, first_id: int, second_id: int) -> None:
    """Offer two contacts as likely duplicates again. Raises as `say_distinct`."""
    low, high = _pair(session, first_id, second_id)
    session.execute(delete(DistinctPair).where(DistinctPair.low_id == low, DistinctPair.high_id == high))


def _pair(session: Session, first_id: int, second_id: int) -> tuple[int, int]:
    for contact_id in (first_id, second_id):
        check_id(contact_id)
        if find_contact(session, contact_id).merged_into_id is not None:
            raise NotFound("There is no such contact.")
    if first_id == second_id:
        raise InvalidInput("Choose two different contacts.", field="ids")
    return min(first_id, second_id), max(first_id, second_id)


# Groups of contacts with the same key


def _groups(
    session: Session, names: Sequence[str], conditions: Iterable[Condition], after: tuple[str, ...] | None
) -> list[tuple[str, ...]]:
    """Keys that several contacts have, in the order of the index, from `after` on."""
    columns = _columns(names)
    statement = (
        select(*columns)
        .where(*conditions)
        .group_by(*columns)
        .having(func.count().between(2, TOO_MANY))
        .order_by(*columns)
        .limit(GROUPS_A_QUERY)
    )
    if after is not None:
        place = tuple_(*columns) > tuple_(*after) if len(columns) > 1 else columns[0] > after[0]
        statement = statement.where(place)
    return [tuple(row) for row in session.execute(statement)]


def _pairs_of_groups(
    session: Session, tier: int, names: Sequence[str], groups: Sequence[tuple[str, ...]]
) -> list[Duplicate]:
    columns = _columns(names)
    # Each key by itself: SQLite reads the whole table for pairs of values. What fits only crosswise is left out below.
    same = [column.in_({group[number] for group in groups}) for number, column in enumerate(columns)]
    members: dict[tuple[str, ...], list[Contact]] = {}
    conditions = _TIERS[tier][1]
    for contact in session.scalars(select(Contact).where(*same, *conditions).order_by(Contact.id)):
        key = tuple(str(getattr(contact, name)) for name in names)
        members.setdefault(key, []).append(contact)
    pairs = [
        _compare(first, second)
        for group in groups
        for first, second in combinations(members.get(group, []), 2)
        if not _found_before(tier, first, second)
    ]
    return _without_distinct(session, [pair for pair in pairs if pair.reasons])


def _found_before(tier: int, first: Contact, second: Contact) -> bool:
    """Whether the two have something more telling in common, and were found by that."""
    return any(all(getattr(first, name) == getattr(second, name) != "" for name in names) for names, _ in _TIERS[:tier])


def _columns(names: Sequence[str]) -> list[ColumnElement[str]]:
    return [Contact.__table__.c[name] for name in names]


def _compare(first: Contact, second: Contact) -> Duplicate:
    return Duplicate(first=person_of(first), second=person_of(second), reasons=tuple(_reasons(first, second)))


def _reasons(first: Contact, second: Contact) -> Iterator[Reason]:
    if first.twin_key == second.twin_key != "":
        yield "twin"
    if first.phone_key == second.phone_key != "" and _countries_fit(first.phone, second.phone):
        yield "phone"
    if first.name_key == second.name_key != "":
        same_country = first.country == second.country != ""
        if fold(first.postal_code) == fold(second.postal_code) != "" and (same_country or not _both(first, second)):
            yield "name_postcode"
        elif fold(first.city) == fold(second.city) != "":
            yield "name_city"
        elif same_country and not (first.city and second.city) and not (first.postal_code and second.postal_code):
            yield "name_country"


def _both(first: Contact, second: Contact) -> bool:
    return bool(first.country and second.country)


def _countries_fit(first: str, second: str) -> bool:
    """Whether two numbers with the same local part can be one: +49 30 1 and +43 30 1 can't."""
    full = [_international(number) for number in (first, second)]
    return not all(full) or full[0] == full[1]


def _international(number: str) -> str:
    """The digits of a number that was written with its country code; else nothing."""
    digits = re.sub(r"\D", "", number.replace("(0)", ""))
    if number.strip().startswith("+"):
        return digits
    return digits[2:] if digits.startswith("00") else ""


def _without_distinct(session: Session, pairs: Sequence[Duplicate]) -> list[Duplicate]:
    """Without those of which staff said that they are two people."""
    if not pairs:
        return []
    ids = {one.id for pair in pairs for one in (pair.first, pair.second)}
    rows = session.execute(
        select(DistinctPair.low_id, DistinctPair.high_id).where(
            DistinctPair.low_id.in_(ids), DistinctPair.high_id.in_(ids)
        )
    )
    distinct = {(row.low_id, row.high_id) for row in rows}
    return [pair for pair in pairs if (pair.first.id, pair.second.id) not in distinct]


def _sorted(pairs: Iterable[Duplicate]) -> list[Duplicate]:
    return sorted(pairs, key=lambda pair: (-pair.points, pair.first.id, pair.second.id))


# Where a page ends

_BETWEEN = "\n"


def _place(tier: int, key: Sequence[str]) -> str:
    return _BETWEEN.join([str(tier), *key])


def _read_place(place: str) -> tuple[int, tuple[str, ...] | None]:
    """Tier and last key of the page before; the beginning for anything that no page wrote."""
    number, *key = place.replace("\x00", "").split(_BETWEEN)
    if not (number.isascii() and number.isdigit() and len(number) < 3):
        return 0, None
    tier = int(number)
    if tier >= len(_TIERS) or len(key) != len(_TIERS[tier][0]):
        return 0, None
    return tier, tuple(key)
