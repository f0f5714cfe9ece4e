"""What happened with a person, and how it becomes a contact (FEATURES C5, C10, C12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from attrs import field, frozen, validators

from core.values.basics import VISITOR, Actor
from core.values.checking import check_aware, check_key, is_text, order_field


@frozen(kw_only=True)
class Module:
    """Something of the website that brings contacts (FEATURES C10), and the name of the plugin on the Module screen.

    A plugin's own module has the plugin's key as its key, so that contacts captured by it show its label.
    """

    key: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    label: str = field(validator=is_text)
    description: str = field(default="", validator=is_text)
    icon: str = field(default="puzzle", validator=is_text)
    order: int = order_field


@frozen(kw_only=True)
class ActivityKind:
    """A kind of entry in the activity log (FEATURES C12).

    `text` is the sentence of an entry, `source` how a detail's origin is named („Bestellung 1007“); both may use
    `%(reference)s` and the keys of the entry's data. `group` is what the log is filtered by.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    text: str = field(validator=is_text)
    source: str = field(default="", validator=is_text)
    icon: str = field(default="clock", validator=is_text)
    order: int = order_field


@frozen(kw_only=True)
class Activity:
    """One entry for the activity log: kind, a short reference („1007“), plain data for its sentence, and a link.

    `data` holds what JSON can hold: text, whole numbers, True and False. An amount is written as two keys, such as
    `total` and `total_currency`; the sentence then shows `%(total)s` as money.
    """

    kind: str = field(validator=check_key)
    reference: str = field(default="", validator=is_text)
    data: Mapping[str, str | int | bool] = field(factory=dict)
    href: str = field(default="", validator=validators.matches_re(r"(/(?![/\\]).*)?"))


@frozen(kw_only=True)
class Details:
    """What a visitor or import says about a person. Empty text means: nothing was said."""

    name: str = field(default="", validator=is_text)
    phone: str = field(default="", validator=is_text)
    street: str = field(default="", validator=is_text)
    street2: str = field(default="", validator=is_text)
    postal_code: str = field(default="", validator=is_text)
    city: str = field(default="", validator=is_text)
    region: str = field(default="", validator=is_text)
    country: str = field(default="", validator=validators.matches_re(r"([A-Z]{2})?"))
    language: str = field(default="", validator=is_text)


@frozen(kw_only=True)
class Capture:
    """One order, visit or entry on its way into the contacts (FEATURES C5).

    `occurred_at` is when it happened (aware; replayed history has an old one), `makes_customer` whether it makes a
    customer of a lead, `idempotency_key` a key unique to this event: the second capture with it changes nothing.
    `history` is what else happened with it until now, as when old orders are brought in, and when: it goes into the log
    only, as the system's.
    """

    email: str = field(validator=is_text)
    module: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    activity: Activity = field(validator=validators.instance_of(Activity))
    occurred_at: datetime = field(factory=lambda: datetime.now(UTC), validator=check_aware)
    details: Details = field(factory=Details, validator=validators.instance_of(Details))
    makes_customer: bool = False
    actor: Actor = VISITOR
    tags: tuple[str, ...] = field(default=(), converter=tuple)
    idempotency_key: str | None = None
    history: tuple[tuple[Activity, datetime], ...] = ()


@frozen(kw_only=True)
class Captured:
    """What came of a capture. `contact_id` is the contact it was attached to.

    `replayed` is True when its idempotency key was known: then nothing was written.
    """

    contact_id: int
    created: bool = False
    became_customer: bool = False
    reactivated: bool = False
    replayed: bool = False
    changed: frozenset[str] = frozenset()
    suggested: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Screening:
    """A plugin's verdict on a capture before anything is written.

    `verdict="reject"` refuses it with `reason` (a translatable text for the visitor); "change" goes on with `capture`
    instead. Returning None lets it in unchanged.
    """

    verdict: Literal["reject", "change"]
    reason: str = field(default="", validator=is_text)
    capture: Capture | None = None

    def __attrs_post_init__(self) -> None:
        if self.verdict == "change" and self.capture is None:
            raise ValueError("A Screening with verdict='change' needs capture=.")
        if self.verdict == "reject" and not self.reason:
            raise ValueError("A Screening with verdict='reject' needs a reason= the visitor can read.")
