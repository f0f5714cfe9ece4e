"""What plugins get to make demonstration data: people, times and chance, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random

from attrs import frozen

from core.values import Details


@frozen(kw_only=True)
class DemoPerson:
    """Somebody of the demonstration site: an address at example.org, and what they would type into a form.

    `since` is when they first had to do with the site.
    """

    email: str
    details: Details
    since: datetime
    language: str


@frozen(kw_only=True)
class Demo:
    """The demonstration in the making. Draw only from `random`, so that the same seed makes the same site."""

    random: Random
    people: Sequence[DemoPerson]
    now: datetime
