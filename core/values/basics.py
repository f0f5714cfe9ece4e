"""What values of every other kind are made of: amounts, choices, links, and who somebody is."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

from core.values.checking import is_text

Role = Literal["owner", "manager", "assistant"]
"""What a staff account may do at all; which permissions follow is in each `Permission`."""

ALL_ROLES: frozenset[Role] = frozenset({"owner", "manager", "assistant"})

Stage = Literal["lead", "customer"]
"""FEATURES C4. Shown as „Lead“ and „Kunde“."""


@frozen(kw_only=True)
class Money:
    """An amount in minor units of one currency (1250 and "EUR" are 12.50 euros). Never a float."""

    minor: int = field(validator=validators.instance_of(int))
    currency: str = field(validator=validators.matches_re(r"[A-Z]{3}"))

    def __add__(self, other: Money) -> Money:
        """Add two amounts. Raises ValueError for two currencies: they are never added up (DESIGN section 4)."""
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} can't be added.")
        return Money(minor=self.minor + other.minor, currency=self.currency)


@frozen(kw_only=True)
class Indicator:
    """On or off with words beside it (FEATURES L2): `state` chooses colour and icon, `label` says it in words."""

    state: Literal["on", "off", "pending"] = field(validator=validators.in_(("on", "off", "pending")))
    label: str = field(validator=is_text)


@frozen(kw_only=True)
class Link:
    """A text that leads to a page of this site; `href` starts with a slash."""

    text: str = field(validator=is_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*|/"))


@frozen(kw_only=True)
class Choice:
    """One option of a filter or of a choice field: the stored `value` and the `label` people read.

    One that is not `offered` is shown where it is the value, but people can't choose it.
    """

    value: str = field(validator=is_text)
    label: str = field(validator=is_text)
    offered: bool = True


@frozen(kw_only=True)
class Actor:
    """Who did it: a staff account (with id), a visitor, or the system."""

    kind: Literal["staff", "visitor", "system"]
    id: int | None = None
    name: str = ""


VISITOR = Actor(kind="visitor")
SYSTEM = Actor(kind="system")
