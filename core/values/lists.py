"""The contact list: its columns and filters, and contacts' own fields (FEATURES L2, L4, C14)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import field, frozen, validators

from core.values.basics import Actor, Choice
from core.values.checking import check_key, is_text, order_field

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause
    from sqlalchemy.orm import Session

    from core.site import Site


CellKind = Literal["text", "datetime", "date", "number", "money", "country", "chips", "badge", "indicator", "link"]
"""How a column's values are shown. What a value of each kind looks like stands at `Column.kind`."""


FilterKind = Literal["choices", "text", "number", "date"]
"""What is entered for a filter: one of its choices, words, or a range; see `core.contacts.comparing`."""


FieldKind = Literal["text", "number", "date", "choice", "yesno"]
"""What a contact's field holds (FEATURES C14)."""


FieldValue: TypeAlias = str | Decimal | date | bool
"""A field's value, by kind: str, Decimal, date, the value of a `Choice`, bool."""


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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    kind: CellKind = "text"
    expression: ColumnElement[Any] | None = None
    side_table: FromClause | None = None
    convert: Callable[[Any], object] | None = None
    load: Callable[[Session, Sequence[int]], Mapping[int, object]] | None = None
    sort: ColumnElement[Any] | None = None
    sortable: bool = True
    shown: bool = True
    permission: str | None = None
    order: int = order_field

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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    predicate: Callable[[str], ColumnElement[bool] | None] = field(validator=validators.is_callable())
    kind: FilterKind = field(default="choices", validator=validators.in_(("choices", "text", "number", "date")))
    choices: Callable[[Session], Sequence[Choice]] | None = None
    translate_choices: bool = False
    open_choices: bool = False
    unit: str = field(default="", validator=is_text)
    units: Callable[[Session], Sequence[Choice]] | None = None
    permission: str | None = None
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.kind == "choices") != (self.choices is not None):
            raise ValueError(
                f"Filter {self.key!r} of kind {self.kind!r} needs choices= if its kind is 'choices', else none."
            )
        if self.units is not None and self.kind != "number":
            raise ValueError(f"Filter {self.key!r} of kind {self.kind!r} has units=, which numbers have.")


def _forms(forms: Iterable[Literal["add", "edit"]]) -> frozenset[Literal["add", "edit"]]:
    return frozenset(forms)


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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    kind: FieldKind = field(default="text", validator=validators.in_(("text", "number", "date", "choice", "yesno")))
    choices: Sequence[Choice] = ()
    hint: str = field(default="", validator=is_text)
    read: Callable[[Session, Sequence[int]], Mapping[int, FieldValue]] | None = None
    write: Callable[[Session, Site, int, Mapping[str, FieldValue | None], Actor], object] = field(
        validator=validators.is_callable()
    )
    forms: frozenset[Literal["add", "edit"]] = field(default=frozenset({"add", "edit"}), converter=_forms)
    on_profile: bool = True
    permission: str | None = None
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"ContactField {self.key!r} needs choices= if its kind is 'choice', else none.")
        if not self.forms <= {"add", "edit"}:
            raise ValueError(f"ContactField {self.key!r} has forms={sorted(self.forms)}. Use 'add' and 'edit' only.")
