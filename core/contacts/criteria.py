"""Conditions combined with „und“ and „oder“: the tree behind a saved view (FEATURES L6), as values and as JSON.

In an address and in the database a tree is a list: first how its parts are joined, then the parts. A condition is a
list too: the filter's key, with `!` before it for everyone else, and the chosen values, of which one must fit:

    ["all", ["contact.country", "DE"], ["any", ["contact.tag", "3", "7"], ["!contact.stage", "lead"]]]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, cast

from attrs import evolve, frozen

from core.errors import InvalidInput

Join = Literal["all", "any", "none"]
"""How the parts of a group are joined: „und“, „oder“, „nicht“ (none of them fits)."""

JOINS: tuple[Join, ...] = ("all", "any", "none")

MAX_CRITERIA = 50
MAX_VALUES = 100
MAX_DEPTH = 4
MAX_TEXT = 8_000
"""Characters of a tree in an address; more than that a server or proxy may refuse."""


@frozen(kw_only=True)
class Criterion:
    """One condition: one of the filter's `values` fits or, `negated`, none of them."""

    filter: str
    values: tuple[str, ...]
    negated: bool = False


@frozen(kw_only=True)
class Group:
    """Conditions and groups of conditions, joined. The empty group leaves nobody out, however it is joined."""

    join: Join = "all"
    parts: tuple[Criterion | Group, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    def criteria(self) -> Iterator[Criterion]:
        """All conditions, at any depth."""
        for part in self.parts:
            if isinstance(part, Criterion):
                yield part
            else:
                yield from part.criteria()

    def without(self, number: int) -> Group:
        """This group without one of its parts."""
        return evolve(self, parts=self.parts[:number] + self.parts[number + 1 :])

    def and_also(self, *others: Criterion) -> Group:
        """Contacts for whom this group and all the others fit."""
        if not others:
            return self
        if not self.parts:
            return Group(parts=others)
        return Group(parts=(*(self.parts if self.join == "all" else (self,)), *others))

    def simplified(self) -> Group:
        """The same without empty groups, and without groups that hold a single group."""
        parts: list[Criterion | Group] = []
        for part in self.parts:
            kept = part if isinstance(part, Criterion) else part.simplified()
            if isinstance(kept, Criterion) or kept.parts:
                parts.append(kept)
        if len(parts) == 1 and self.join != "none" and isinstance(parts[0], Group):
            return parts[0]
        return evolve(self, parts=tuple(parts))

    def as_json(self) -> list[Any]:
        """The tree as lists of texts."""
        return [
            self.join,
            *(
                ["!" * part.negated + part.filter, *part.values] if isinstance(part, Criterion) else part.as_json()
                for part in self.parts
            ),
        ]

    def as_text(self) -> str:
        """The tree for an address; empty for the empty group."""
        return json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":")) if self.parts else ""


EVERYONE = Group()


def read_text(text: str) -> Group:
    """The tree in an address. Raises InvalidInput for what is none."""
    if not text:
        return EVERYONE
    try:
        data = json.loads(text) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError):
        data = None
    return read_json(data)


def read_json(data: object) -> Group:
    """The tree in lists of texts. Raises InvalidInput for what is none or is too large."""
    group = _group(data, MAX_DEPTH)
    criteria = list(group.criteria())
    if len(criteria) > MAX_CRITERIA or sum(len(one.values) for one in criteria) > MAX_VALUES:
        raise InvalidInput("These are too many conditions. Combine %(max)s at most.", max=MAX_CRITERIA)
    return group


def _group(data: object, depth: int) -> Group:
    if not isinstance(data, list) or not data or data[0] not in JOINS or not depth:
        raise InvalidInput("These conditions can't be read. Choose them anew.")
    parts: list[Criterion | Group] = []
    for part in data[1:]:
        if isinstance(part, list) and part and part[0] in JOINS:
            parts.append(_group(part, depth - 1))
        elif isinstance(part, list) and len(part) > 1 and all(isinstance(one, str) for one in part):
            values = dict.fromkeys(value.replace("\x00", "") for value in part[1:])
            parts.append(
                Criterion(filter=part[0].removeprefix("!"), values=tuple(values), negated=part[0].startswith("!"))
            )
        else:
            raise InvalidInput("These conditions can't be read. Choose them anew.")
    return Group(join=cast(Join, data[0]), parts=tuple(parts))
