"""The values that cross a hook: frozen, checked when they are made, and free of HTML.

A plugin returns them from its hooks; the core reads them. Labels and texts are English message ids, translated with
the catalogue of the plugin when they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import Attribute, define, field, frozen, validators

from core.errors import InvalidInput
from core.messages.headers import is_header_safe
from core.messages.placeholders import check_placeholders

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sqlalchemy import ColumnElement, FromClause, Select
    from sqlalchemy.orm import Session

    from core.i18n import Language
    from core.site import Site


KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")

Role = Literal["owner", "manager", "assistant"]
"""What a staff account may do at all; which permissions follow is in each `Permission`."""

ALL_ROLES: frozenset[Role] = frozenset({"owner", "manager", "assistant"})

Stage = Literal["lead", "customer"]
"""FEATURES C4. Shown as „Lead“ and „Kunde“."""

Purpose = Literal["personal", "system", "marketing"]
"""What a message is for (FEATURES M3): written by a person to a person, a notice of the site, or advertising."""

CellKind = Literal["text", "datetime", "date", "number", "money", "country", "chips", "badge", "indicator", "link"]
"""How a column's values are shown. What a value of each kind looks like stands at `Column.kind`."""


FilterKind = Literal["choices", "text", "number", "date"]
"""What is entered for a filter: one of its choices, words, or a range; see `core.contacts.comparing`."""


FieldKind = Literal["text", "number", "date", "choice", "yesno"]
"""What a contact's field holds (FEATURES C14)."""

FieldValue: TypeAlias = str | Decimal | date | bool
"""A field's value, by kind: str, Decimal, date, the value of a `Choice`, bool."""


def _key(instance: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not KEY.fullmatch(value):
        raise ValueError(
            f"{type(instance).__name__} key {value!r} must look like 'plugin.name': small letters, digits, "
            "underscores, with the plugin's own key before the dot."
        )


def _aware(instance: object, attribute: Attribute[datetime], value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(
            f"{type(instance).__name__}.{attribute.name} must be a datetime with a time zone, not {value!r}."
        )


def _forms(forms: Iterable[Literal["add", "edit"]]) -> frozenset[Literal["add", "edit"]]:
    return frozenset(forms)


def _in_order(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


def _texts(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(texts)


def _roles(roles: Iterable[Role]) -> frozenset[Role]:
    return frozenset(roles)


def _placeholders(instance: object, attribute: Attribute[str], value: str) -> None:
    try:
        check_placeholders(value)
    except InvalidInput as error:
        raise ValueError(f"{type(instance).__name__}.{attribute.name}: {error}") from error


def _reason(instance: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{type(instance).__name__} needs a reason= that staff can read.")


_text = validators.instance_of(str)
_order = field(default=100, validator=validators.instance_of(int), kw_only=True)


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
    label: str = field(validator=_text)


@frozen(kw_only=True)
class Link:
    """A text that leads to a page of this site; `href` starts with a slash."""

    text: str = field(validator=_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*|/"))


@frozen(kw_only=True)
class Module:
    """Something of the website that brings contacts (FEATURES C10), and the name of the plugin on the Module screen.

    A plugin's own module has the plugin's key as its key, so that contacts captured by it show its label.
    """

    key: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    label: str = field(validator=_text)
    description: str = field(default="", validator=_text)
    icon: str = field(default="puzzle", validator=_text)
    order: int = _order


@frozen(kw_only=True)
class Column:
    """A column of the contact list (FEATURES L2).

    Give either `expression`, selected and sorted in the list's own query, from the contact or from a side table with
    at most one row a contact (`side_table`, joined on `contact_id`), or `load(session, contact_ids)`, called once a
    page and answering a mapping of contact id to value. Missing values are None.

    Values by `kind`: text: str; datetime, date: aware datetime, date; number: int; money: `Money` or a sequence
    of them, one a currency; country: ISO 3166 code; chips: sequence of str; badge: str; indicator: `Indicator`;
    link: `Link`. With an `expression`, `convert(value)` turns what the database gave into that; it is not asked about
    None (an expression that should have a value for every contact says so with `coalesce`). Badges and the words of
    indicators are message ids; all other texts are shown as they are.

    A column is sorted by its `expression`, or by `sort` where that is something else (lower case, a number behind a
    text); contacts without a value come last, up and down. An index on (sorted value, contact_id) of the side table
    makes that quick for any number of contacts. A `load` column without `sort` can't be sorted.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    kind: CellKind = "text"
    expression: ColumnElement[Any] | None = None
    side_table: FromClause | None = None
    convert: Callable[[Any], object] | None = None
    load: Callable[[Session, Sequence[int]], Mapping[int, object]] | None = None
    sort: ColumnElement[Any] | None = None
    sortable: bool = True
    shown: bool = True
    permission: str | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.expression is None) == (self.load is None):
            raise ValueError(f"Column {self.key!r} needs either expression= or load=, and not both.")
        if self.side_table is not None and self.expression is None and self.sort is None:
            raise ValueError(f"Column {self.key!r} has side_table= without expression= or sort=.")

    @property
    def sorted_by(self) -> ColumnElement[Any] | None:
        """What the list is ordered by when this column is sorted; None for a column that can't be."""
        if not self.sortable:
            return None
        return self.expression if self.sort is None else self.sort


@frozen(kw_only=True)
class Choice:
    """One option of a filter or of a choice field: the stored `value` and the `label` people read.

    One that is not `offered` is shown where it is the value, but people can't choose it.
    """

    value: str = field(validator=_text)
    label: str = field(validator=_text)
    offered: bool = True


@frozen(kw_only=True)
class Filter:
    """A filter of the contact list (FEATURES L4); its key is its name in the address bar.

    `choices(session)` lists what can be chosen; `predicate(value)` answers the SQL condition on contacts for one
    chosen value, or None when that value means nothing here (it is then ignored and said so). Several values of one
    filter are joined with OR, several filters with AND.

    A filter of another `kind` has no choices: people enter a range of numbers or days, or words, and
    `core.comparison` makes the predicate. It is asked about `5..7`, `has:…`, `any:`, and about days as the moments in
    which they begin and end, `2026-01-01T00:00:00+01:00..2026-02-01T00:00:00+01:00` with an exclusive end. `unit` is
    written beside a number ("EUR"). With `units(session)` people choose one of several: the predicate is then asked
    about `5..7 EUR`.

    Choices are all that there are: a saved view that asks for one that is gone shows no contacts, and says so. With
    `open_choices` they are only those in use now, as with countries, and any other value is as good.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    predicate: Callable[[str], ColumnElement[bool] | None] = field(validator=validators.is_callable())
    kind: FilterKind = field(default="choices", validator=validators.in_(("choices", "text", "number", "date")))
    choices: Callable[[Session], Sequence[Choice]] | None = None
    translate_choices: bool = False
    open_choices: bool = False
    unit: str = field(default="", validator=_text)
    units: Callable[[Session], Sequence[Choice]] | None = None
    permission: str | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.kind == "choices") != (self.choices is not None):
            raise ValueError(
                f"Filter {self.key!r} of kind {self.kind!r} needs choices= if its kind is 'choices', else none."
            )
        if self.units is not None and self.kind != "number":
            raise ValueError(f"Filter {self.key!r} of kind {self.kind!r} has units=, which numbers have.")


@frozen(kw_only=True)
class ContactField:
    """Something that is known of contacts beyond their details (FEATURES C14).

    It is an input on the `forms` for adding and editing a contact, a line of the profile, a column (unless the plugin
    contributes one with the same key), and part of import, export and API.

    `read(session, contact_ids)` answers the values of those contacts that have one; without `read` the field is an
    input alone, such as the proof of another. `write(session, site, contact_id, values, actor)` stores the values
    by key, None for no value, in the caller's transaction; fields with the same `write` are written in one call, with
    those that changed. What it refuses it raises as InvalidInput with `field=` a key.

    `label`, `hint` and the choices' labels are message ids. Values are as `FieldValue` says.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    kind: FieldKind = field(default="text", validator=validators.in_(("text", "number", "date", "choice", "yesno")))
    choices: Sequence[Choice] = ()
    hint: str = field(default="", validator=_text)
    read: Callable[[Session, Sequence[int]], Mapping[int, FieldValue]] | None = None
    write: Callable[[Session, Site, int, Mapping[str, FieldValue | None], Actor], object] = field(
        validator=validators.is_callable()
    )
    forms: frozenset[Literal["add", "edit"]] = field(default=frozenset({"add", "edit"}), converter=_forms)
    on_profile: bool = True
    permission: str | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"ContactField {self.key!r} needs choices= if its kind is 'choice', else none.")
        if not self.forms <= {"add", "edit"}:
            raise ValueError(f"ContactField {self.key!r} has forms={sorted(self.forms)}. Use 'add' and 'edit' only.")


@frozen(kw_only=True)
class Panel:
    """A card on the profile (FEATURES P1, P4).

    `load(session, contact_id)` answers the plain values the template `template` gets as `panel`, or None to leave the
    panel out. It runs in a thread of its own, in a reading session, within the page's time budget.
    """

    key: str = field(validator=_key)
    title: str = field(validator=_text)
    template: str = field(validator=_text)
    load: Callable[[Session, int], object] = field(validator=validators.is_callable())
    side: Literal["story", "person"] = "story"
    permission: str | None = None
    order: int = _order


@frozen(kw_only=True)
class Action:
    """Something staff can do with a contact: in the row's menu and under „Aktionen“ on the profile (FEATURES L8, P2).

    `href` is a path with `{contact_id}` in it. With `method="post"` it changes something at once, else it leads to a
    page. From the row's menu both bring `next`, the page to go back to: a post as a field of its form, a get as a
    parameter, for a page that keeps it in its own form. `only` limits the action to contacts that are active or
    inactive (FEATURES C7). `in_row=False` keeps it out of the row's menu. A `dangerous` one loses something: it is
    shown in red, and its page, which asks first, opens as a dialog. `shortcut` is a key that does it to the row where
    one is ("e").
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*"))
    permission: str = field(validator=_text)
    icon: str = field(default="chevron-right", validator=_text)
    method: Literal["get", "post"] = "get"
    only: Literal["active", "inactive"] | None = None
    shortcut: str = field(default="", validator=validators.matches_re(r"[a-z]?"))
    in_row: bool = True
    dangerous: bool = False
    order: int = _order

    def fits(self, *, inactive: bool) -> bool:
        """Whether it is offered for a contact that is inactive, or not."""
        return self.only is None or (self.only == "inactive") == inactive


@frozen(kw_only=True)
class BulkField:
    """Something that is asked before a `BulkAction` is done; `name` is its name among the action's values.

    `choices` are fixed, or `choices(session, contact_ids)` finds those that make sense for the chosen contacts;
    `suggestions(session)` are words offered while typing. `translate_choices` says that labels are message ids.
    """

    name: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    label: str = field(validator=_text)
    kind: Literal["text", "textarea", "choice", "select"] = field(
        default="text", validator=validators.in_(("text", "textarea", "choice", "select"))
    )
    hint: str = field(default="", validator=_text)
    choices: Sequence[Choice] | Callable[[Session, Select[tuple[int]]], Sequence[Choice]] = ()
    translate_choices: bool = False
    suggestions: Callable[[Session], Sequence[str]] | None = None
    required: bool = True
    max_length: int = field(default=2000, validator=validators.instance_of(int))


@frozen(kw_only=True)
class BulkAction:
    """Something staff can do with many contacts at once: under „Aktionen“ of the list (FEATURES L7).

    `run(session, site, contact_ids, values, actor)` does it for one batch and answers for how many; `contact_ids`
    selects their ids (a subselect for statements that change all of them at once), and stays the same while the batch
    is done. It runs in a transaction of its own, a few hundred contacts at a time, so that a hundred thousand never
    hold anybody up. With `href` instead, a path with `{selection_id}` in it, the action is a page that reads the chosen
    contacts with `core.selected_contacts`.

    `fields` are asked first; `prepare(session, site, values)` checks what was typed once, raises `InvalidInput` with
    the field's name, and answers the values that every batch gets. `changes(values)` is the SQL condition on contacts
    of those that would be changed at all: the others are left alone and said so, and what is taken back are exactly
    those. `undo` is the key of the action that takes it back with the same values. `finish(session, site, values,
    actor)` is called once, with the last batch.

    `confirm` is what people read before, `submit` the word on the button there (else the label); a `dangerous` action
    is always confirmed. `done` are the sentences for one and for several, with `%(count)s` and the values. `only`
    offers it for active or inactive contacts.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    permission: str = field(validator=_text)
    icon: str = field(default="chevron-right", validator=_text)
    run: Callable[[Session, Site, Select[tuple[int]], Mapping[str, str], Actor], int] | None = None
    href: str = field(default="", validator=validators.matches_re(r"(/(?![/\\]).*)?"))
    fields: Sequence[BulkField] = ()
    prepare: Callable[[Session, Site, Mapping[str, str]], Mapping[str, str]] | None = None
    changes: Callable[[Mapping[str, str]], ColumnElement[bool]] | None = None
    finish: Callable[[Session, Site, Mapping[str, str], Actor], None] | None = None
    undo: str = field(default="", validator=_text)
    confirm: str = field(default="", validator=_text)
    submit: str = field(default="", validator=_text)
    done: tuple[str, str] = ("%(count)s contact changed.", "%(count)s contacts changed.")
    only: Literal["active", "inactive"] | None = None
    dangerous: bool = False
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.run is None) == (not self.href):
            raise ValueError(f"BulkAction {self.key!r} needs either run= or href=, and not both.")

    @property
    def asks(self) -> bool:
        """Whether people see a page before it is done, however few contacts there are."""
        return bool(self.fields or self.confirm or self.dangerous)


@frozen(kw_only=True)
class NavItem:
    """An entry of the side menu (`area="dashboard"`) or of the public pages' head and start page (`area="public"`).

    `shortcut` are keys that lead there, such as "g c".
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*"))
    icon: str = field(default="chevron-right", validator=_text)
    area: Literal["dashboard", "public"] = "dashboard"
    description: str = field(default="", validator=_text)
    shortcut: str = field(default="", validator=_text)
    permission: str | None = None
    order: int = _order


@frozen(kw_only=True)
class SearchHit:
    """Something that was found: where it leads, and what it is called.

    `at` is a moment that belongs to it, shown behind `detail` as the reader's language writes it.
    """

    title: str = field(validator=_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*|/"))
    detail: str = field(default="", validator=_text)
    icon: str = field(default="chevron-right", validator=_text)
    at: datetime | None = field(default=None, validator=validators.optional(_aware))


@frozen(kw_only=True)
class SearchSource:
    """What the search for everything (Ctrl K) looks through; `label` is the heading of what it found.

    `search(session, text, limit)` answers at most `limit` hits, the best first; `text` is what was typed, trimmed, and
    never empty. It runs in a thread of its own, in a reading session, within a second. With `translate` the hits'
    titles are message ids.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    search: Callable[[Session, str, int], Sequence[SearchHit]] = field(validator=validators.is_callable())
    translate: bool = False
    permission: str | None = None
    order: int = _order


@frozen(kw_only=True)
class TileData:
    """What a tile shows: a headline `value` (text, `Money` or number), and perhaps a series of (label, number).

    `shape` is how the series is drawn: as columns side by side, for times, or as a ranking, the first on top, for
    names.
    """

    value: object
    detail: str = field(default="", validator=_text)
    series: Sequence[tuple[str, int]] = ()
    kind: Literal["number", "money", "text"] = "number"
    shape: Literal["columns", "ranking"] = field(default="columns", validator=validators.in_(("columns", "ranking")))


@frozen(kw_only=True)
class Tile:
    """A number or small chart on the overview page (FEATURES H9); `load(session)` answers its `TileData`."""

    key: str = field(validator=_key)
    title: str = field(validator=_text)
    load: Callable[[Session], TileData | None] = field(validator=validators.is_callable())
    permission: str | None = None
    order: int = _order


@frozen(kw_only=True)
class ZoneSection:
    """A part of the Client Zone (FEATURES K4): an entry of its menu, and a card on its overview.

    `href` is the section's own page, a route with `customer=True` below /account/. `load(session, contact_id)` answers
    the plain values that the card's `template` gets as `section`, or None for nothing yet; it runs in a thread of its
    own, in a reading session, within the page's time budget. A card without them shows the `description` alone.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    href: str = field(validator=validators.matches_re(r"/account/[a-z0-9][a-z0-9/_-]*"))
    icon: str = field(default="chevron-right", validator=_text)
    description: str = field(default="", validator=_text)
    template: str = field(default="", validator=_text)
    load: Callable[[Session, int], object] | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.load is None) != (not self.template):
            raise ValueError(f"ZoneSection {self.key!r} needs load= and template=, or none of them.")


@frozen(kw_only=True)
class Permission:
    """A right of staff, and the roles that have it. The owner has every permission."""

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    roles: frozenset[Role] = field(default=frozenset({"owner", "manager"}), converter=_roles)
    order: int = _order


@frozen(kw_only=True)
class SettingsField:
    """A setting of the site, edited on the settings screen, read with `site.setting(key)`.

    `clean(text)` checks and normalises what was typed and raises `InvalidInput` with the reason. `demo` is what the
    demonstration site has it set to, None for the default.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    kind: Literal["text", "textarea", "choice", "yesno", "email", "colour"] = "text"
    default: str = field(default="", validator=_text)
    hint: str = field(default="", validator=_text)
    choices: Sequence[Choice] = ()
    clean: Callable[[str], str] | None = None
    demo: str | None = field(default=None, validator=validators.optional(_text))
    order: int = _order


@frozen(kw_only=True)
class ActivityKind:
    """A kind of entry in the activity log (FEATURES C12).

    `text` is the sentence of an entry, `source` how a detail's origin is named („Bestellung 1007“); both may use
    `%(reference)s` and the keys of the entry's data. `group` is what the log is filtered by.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    text: str = field(validator=_text)
    source: str = field(default="", validator=_text)
    icon: str = field(default="clock", validator=_text)
    order: int = _order


@frozen(kw_only=True)
class Activity:
    """One entry for the activity log: kind, a short reference („1007“), plain data for its sentence, and a link.

    `data` holds what JSON can hold: text, whole numbers, True and False. An amount is written as two keys, such as
    `total` and `total_currency`; the sentence then shows `%(total)s` as money.
    """

    kind: str = field(validator=_key)
    reference: str = field(default="", validator=_text)
    data: Mapping[str, str | int | bool] = field(factory=dict)
    href: str = field(default="", validator=validators.matches_re(r"(/(?![/\\]).*)?"))


@frozen(kw_only=True)
class Details:
    """What a visitor or import says about a person. Empty text means: nothing was said."""

    name: str = field(default="", validator=_text)
    phone: str = field(default="", validator=_text)
    street: str = field(default="", validator=_text)
    street2: str = field(default="", validator=_text)
    postal_code: str = field(default="", validator=_text)
    city: str = field(default="", validator=_text)
    region: str = field(default="", validator=_text)
    country: str = field(default="", validator=validators.matches_re(r"([A-Z]{2})?"))
    language: str = field(default="", validator=_text)


@frozen(kw_only=True)
class Actor:
    """Who did it: a staff account (with id), a visitor, or the system."""

    kind: Literal["staff", "visitor", "system"]
    id: int | None = None
    name: str = ""


VISITOR = Actor(kind="visitor")
SYSTEM = Actor(kind="system")


@define(kw_only=True)
class Task:
    """A queued job in one of its steps: what the step reads, and what it changes for the next one.

    `data` and `result` hold what JSON can hold; `done` of `total` is the progress people see. At the end `result` may
    have a `message` (a message id) with its `values`, `href`, the page to go on with, and `undo`, the path of a POST
    that takes it back.
    """

    id: int
    data: dict[str, Any]
    total: int | None
    done: int
    result: dict[str, Any]
    actor: Actor


@frozen(kw_only=True)
class Job:
    """Work that the worker does: `step` for a queued job, or `run` for one that is due `every` so often.

    `step(session, site, task)` is called in a transaction of its own, again and again until it answers True. What it
    wrote and the changes of its `task` are committed together, so a killed process neither loses nor repeats one.
    A step should take a second at most: on SQLite nobody else writes meanwhile.

    `run(site)` runs in one process at a time. One that takes longer than `patience` is taken for dead, and another
    process begins it again.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    step: Callable[[Session, Site, Task], bool] | None = None
    every: timedelta | None = None
    run: Callable[[Site], None] | None = None
    patience: timedelta = timedelta(minutes=5)
    permission: str | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.step is None) == (self.run is None):
            raise ValueError(f"Job {self.key!r} needs either step= or run=, and not both.")
        if (self.run is None) != (self.every is None):
            raise ValueError(f"Job {self.key!r} needs every= with run=, and only with it.")


@frozen(kw_only=True)
class Check:
    """Something that must hold in the plugin's tables, looked at by `tresen doctor`.

    `find(session, site)` reads and answers a sentence for each place where it does not hold, in English as all commands
    speak, without names and addresses of people; none when all is well. A hundred sentences are enough.
    `repair(session, site)` mends what can be worked out from other rows, in a transaction of its own that is kept only
    if it raises nothing; without it, the sentences say what a person has to do.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    find: Callable[[Session, Site], Sequence[str]] = field(validator=validators.is_callable())
    repair: Callable[[Session, Site], None] | None = None
    order: int = _order


@frozen(kw_only=True)
class Command:
    """A command of `tresen`: the key "notes.tidy_up" is called as `notes tidy-up`.

    `help` is one English sentence; `arguments(parser)` adds what it takes; `run(site, arguments)` does it and answers
    the exit status, 0 when it went well. A TresenError is printed and becomes the status 1.
    """

    key: str = field(validator=_key)
    help: str = field(validator=_text)
    run: Callable[[Site, Namespace], int] = field(validator=validators.is_callable())
    arguments: Callable[[ArgumentParser], object] | None = None
    order: int = _order


@frozen(kw_only=True)
class ImportStatement:
    """What a file says about one contact, for an `ImportChoice`: yes or no, and on which ground.

    `source` is the same for all statements of one import, `basis` names file and row for people.
    """

    contact_id: int
    yes: bool
    source: str
    basis: str


@frozen(kw_only=True)
class ImportChoice:
    """Something that an import does for each contact in a file when staff tick it, never otherwise (FEATURES I5).

    A file can have a column that says yes or no to it (recognised by `headings`, called `column` on the mapping
    screen), or one whose value means no (`refusal_headings`, `refusal_column`). With the tick, contacts are taken for
    a yes if their row says yes, or if the file has no such column; a no of the file is always passed on.

    `apply(session, site, statements, actor)` does it in the transaction of the rows, and answers the ids of the
    contacts that it left as they were against the statement. `take_back(session, site, contact_ids, source, actor)`
    undoes what the import with this `source` did, as far as nothing came after it.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    column: str = field(validator=_text)
    refusal_column: str = field(validator=_text)
    apply: Callable[[Session, Site, Sequence[ImportStatement], Actor], Iterable[int]] = field(
        validator=validators.is_callable()
    )
    take_back: Callable[[Session, Site, Sequence[int], str, Actor], None] = field(validator=validators.is_callable())
    hint: str = field(default="", validator=_text)
    headings: tuple[str, ...] = field(default=(), converter=_in_order)
    refusal_headings: tuple[str, ...] = field(default=(), converter=_in_order)
    permission: str | None = None
    order: int = _order


@frozen(kw_only=True)
class Capture:
    """One order, visit or entry on its way into the contacts (FEATURES C5).

    `occurred_at` is when it happened (aware; replayed history has an old one), `makes_customer` whether it makes a
    customer of a lead, `idempotency_key` a key unique to this event: the second capture with it changes nothing.
    `history` is what else happened with it until now, as when old orders are brought in, and when: it goes into the log
    only, as the system's.
    """

    email: str = field(validator=_text)
    module: str = field(validator=validators.matches_re(r"[a-z][a-z0-9_]*"))
    activity: Activity = field(validator=validators.instance_of(Activity))
    occurred_at: datetime = field(factory=lambda: datetime.now(UTC), validator=_aware)
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
    reason: str = field(default="", validator=_text)
    capture: Capture | None = None

    def __attrs_post_init__(self) -> None:
        if self.verdict == "change" and self.capture is None:
            raise ValueError("A Screening with verdict='change' needs capture=.")
        if self.verdict == "reject" and not self.reason:
            raise ValueError("A Screening with verdict='reject' needs a reason= the visitor can read.")


@frozen(kw_only=True)
class Erased:
    """What erasing contacts removed or made blank, for the receipt (FEATURES C8): what (a message id) and how many."""

    label: str = field(validator=_text)
    number: int = field(validator=[validators.instance_of(int), validators.ge(0)])


@frozen(kw_only=True)
class Kept:
    """What a plugin keeps of erased contacts, without the person where possible (FEATURES C8).

    `label` says what it is, `reason` why it may not go (message ids), `until` when it may (None: no date). `references`
    are the records' own names, such as numbers; they stand on the receipt, so nothing of the person may be in them.
    """

    label: str = field(validator=_text)
    number: int = field(validator=[validators.instance_of(int), validators.ge(0)])
    reason: str = field(validator=_text)
    until: date | None = None
    references: tuple[str, ...] = field(default=(), converter=_in_order)


@frozen(kw_only=True)
class ExportFile:
    """A file that belongs to an export: a file of the site by its `stored_name`, or `content`."""

    name: str = field(validator=_text)
    stored_name: str = ""
    content: bytes = b""


@frozen(kw_only=True)
class ExportSection:
    """A part of everything that the site knows of one person (GDPR Art. 15 and 20).

    `records` are mappings of field name to value: text, whole number, bool, date, aware datetime, `Money`, None, or
    lists and mappings of these. All of it goes into the file for machines. The page for people shows the fields that
    have a label in `labels` (field name → message id), also of records within records; empty values are left out, and
    texts of the fields in `translated` are message ids.

    What is `internal`, such as notes of staff, goes into the file that staff hand out, who have looked at whether
    others are named in it (GDPR Art. 15 (4)), and not into the one that the person downloads alone.
    """

    key: str = field(validator=_key)
    title: str = field(validator=_text)
    records: Sequence[Mapping[str, object]] = ()
    labels: Mapping[str, str] = field(factory=dict)
    translated: frozenset[str] = field(default=frozenset(), converter=_texts)
    files: Sequence[ExportFile] = ()
    internal: bool = False
    order: int = _order


@frozen(kw_only=True)
class PublicField:
    """A tick box that a plugin adds to other plugins' public forms (an order, a contact form).

    `wording` is the sentence beside the box, in the page's language and exactly as it is recorded when ticked.
    """

    key: str = field(validator=_key)
    wording: str = field(validator=_text)
    hint: str = field(default="", validator=_text)
    required: bool = False
    order: int = _order


@frozen(kw_only=True)
class Submission:
    """A public form that was sent and captured, as the event `public_form_submitted` tells it.

    `form` names the form ("notes.ask"), `ticked` the keys of the plugins' boxes that were ticked, `wordings` what
    stood beside each box shown, `page` the address of the page, `language` its language.
    """

    form: str = field(validator=_key)
    contact_id: int
    email: str
    ticked: frozenset[str]
    wordings: Mapping[str, str]
    page: str
    language: str
    occurred_at: datetime = field(validator=_aware)


@frozen(kw_only=True)
class PaymentRequest:
    """Something that is to be paid, as the plugin that sells it hands it to a `PaymentMethod`.

    `reference` is unique and can't be guessed; every `PaymentResult` names it. `description` stands on the payer's
    statement, in their `language`. The payer's browser comes back to `return_url`; the provider's server posts to
    `notify_url` (both absolute).
    """

    reference: str = field(validator=validators.matches_re(r"[A-Za-z0-9_-]{16,64}"))
    amount: Money = field(validator=validators.instance_of(Money))
    description: str = field(validator=_text)
    language: str = field(validator=_text)
    return_url: str = field(validator=_text)
    notify_url: str = field(validator=_text)


@frozen(kw_only=True)
class PaymentStart:
    """Where somebody pays: an address to go to, and the provider's own name for the payment."""

    url: str = field(validator=validators.matches_re(r"https?://[^\s]+"))
    provider_reference: str = field(default="", validator=_text)


@frozen(kw_only=True)
class PaymentMessage:
    """What came in from outside about a payment; nothing in it is proved.

    `kind` is "return" when the payer's browser came back (only `query`), "notice" when the provider's server posted
    (`headers` with small letters, and the `body` as it came).
    """

    kind: Literal["return", "notice"]
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""


@frozen(kw_only=True)
class PaymentResult:
    """What became of a payment, after its message was found genuine. `amount` is what was paid, when it was."""

    reference: str = field(validator=_text)
    state: Literal["paid", "pending", "failed"] = field(validator=validators.in_(("paid", "pending", "failed")))
    amount: Money | None = None
    provider_reference: str = field(default="", validator=_text)

    def __attrs_post_init__(self) -> None:
        if (self.state == "paid") != (self.amount is not None):
            raise ValueError("A PaymentResult has amount= if its state is 'paid', else none.")


@frozen(kw_only=True)
class PaymentMethod:
    """A way to pay (hook `payment_methods`), for everything that plugins sell.

    One that is paid by hand, such as a bank transfer, has neither `start` nor `read`. `note(site, language)` is what
    people read about it beside the choice and after they have ordered: an account, an address, or nothing.

    A provider has both: `start(site, request)` registers the payment and answers where to pay; `read(site, message)`
    proves what came back, by a signature or by asking the provider, and raises InvalidInput when it can't. Each may be
    called several times for one payment. `pay_back(site, result, amount, key)` gives a part of a payment back, once
    for each `key` however often it is called; `result` is that of the payment. All three may use the network: they are
    called outside of transactions, and wait for no longer than a person does.

    `available(site)` says whether it can be used, as when its account is in the settings.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    icon: str = field(default="money", validator=_text)
    note: Callable[[Site, Language], str] | None = None
    available: Callable[[Site], bool] | None = None
    start: Callable[[Site, PaymentRequest], PaymentStart] | None = None
    read: Callable[[Site, PaymentMessage], PaymentResult] | None = None
    pay_back: Callable[[Site, PaymentResult, Money, str], None] | None = None
    order: int = _order

    def __attrs_post_init__(self) -> None:
        if (self.start is None) != (self.read is None):
            raise ValueError(f"PaymentMethod {self.key!r} needs start= and read=, or none of them.")
        if self.pay_back is not None and self.start is None:
            raise ValueError(f"PaymentMethod {self.key!r} has pay_back= without start= and read=.")


@frozen(kw_only=True)
class MessageTemplate:
    """A text that staff can start a message from (FEATURES M1).

    `subject` and `body` are message ids, translated into the language of the person written to. They know the
    placeholders of `core.messages.placeholders` and nothing else: `{{name}}` is replaced, an expression is refused.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    subject: str = field(validator=[_text, _placeholders])
    body: str = field(validator=[_text, _placeholders])
    purpose: Purpose = "personal"
    order: int = _order


@frozen(kw_only=True)
class Outgoing:
    """A message on its way out, as `may_send` is asked about it.

    `language` is the one of the person written to ("de" or "en"). `necessary` says that the person is owed this message
    or has just asked for it (what was bought, a link to sign in): it is no notice one can switch off. `message_id` is
    None when the message is only about to be queued. `topic` is the key of the `MessageTopic` that advertising is
    about; empty for advertising in general, and for all other messages.
    """

    contact_id: int
    email: str
    purpose: Purpose
    subject: str
    text: str
    language: str
    module: str = ""
    necessary: bool = False
    message_id: int | None = None
    topic: str = ""


@frozen(kw_only=True)
class MessageTopic:
    """A kind of advertising of its own, which people can want or not want by itself („Newsletter“, „Events“).

    `label` is its name in the language that was asked for, as it is shown. The plugin that offers it says in `may_send`
    who may get a message about it; while that plugin is off, nobody gets one.
    """

    key: str = field(validator=_key)
    label: str = field(validator=_text)
    hint: str = field(default="", validator=_text)
    order: int = _order


@frozen(kw_only=True)
class Mailing:
    """A message to many, as `may_send_many` is asked about it; `purpose` and `topic` are those of `Outgoing`."""

    purpose: Purpose
    topic: str = ""
    module: str = ""


@frozen(kw_only=True)
class LeftOut:
    """Contacts who must not get a `Mailing`: the SQL `condition` on contacts, and the `reason`, a text for staff.

    The condition speaks of `Contact` alone; what a plugin keeps in its own tables comes in by `exists()`.
    """

    reason: str = field(validator=_reason)
    condition: ColumnElement[bool]


@frozen(kw_only=True)
class Bounce:
    """What a mail server said of a message that came back.

    `email` is the address that it was sent to, `status` the code (RFC 3463; empty: none), `words` what the server said.
    `address_is_gone`: no other mail to it would arrive either; otherwise it is full, or this one mail was refused.
    """

    email: str = field(validator=_text)
    words: str = field(validator=_text)
    status: str = field(default="", validator=_text)
    address_is_gone: bool = False


@frozen(kw_only=True)
class SendVerdict:
    """A plugin's verdict on a message before it is sent.

    `verdict="refuse"` stops it with `reason` (a translatable text for staff). "add" lets it go with more `headers`
    (names beginning with List- or X-, or Precedence or Feedback-ID) and a `footer` below the text, plain and in the
    language of the message. Returning None lets it go unchanged.
    """

    verdict: Literal["refuse", "add"] = field(validator=validators.in_(("refuse", "add")))
    reason: str = field(default="", validator=_text)
    headers: Mapping[str, str] = field(factory=dict)
    footer: str = field(default="", validator=_text)

    @headers.validator
    def _check_headers(self, _attribute: Attribute[Mapping[str, str]], headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not re.fullmatch(r"(List|X)-[A-Za-z0-9-]+|Precedence|Feedback-ID", name, re.ASCII):
                raise ValueError(f"SendVerdict can't set the header {name!r}. Use one that begins with List- or X-.")
            if not is_header_safe(value):
                raise ValueError(f"SendVerdict has a value for {name!r} that no header may have: {value!r}.")

    def __attrs_post_init__(self) -> None:
        if self.verdict == "refuse" and not self.reason:
            raise ValueError("A SendVerdict with verdict='refuse' needs a reason= that staff can read.")
