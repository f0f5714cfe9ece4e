"""What staff can do with one contact and with many (FEATURES L7, L8, P2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen, validators

from core.values.basics import Actor, Choice
from core.values.checking import check_key, is_text, order_field

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from core.site import Site


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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*"))
    permission: str = field(validator=is_text)
    icon: str = field(default="chevron-right", validator=is_text)
    method: Literal["get", "post"] = "get"
    only: Literal["active", "inactive"] | None = None
    shortcut: str = field(default="", validator=validators.matches_re(r"[a-z]?"))
    in_row: bool = True
    dangerous: bool = False
    order: int = order_field

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
    label: str = field(validator=is_text)
    kind: Literal["text", "textarea", "choice", "select"] = field(
        default="text", validator=validators.in_(("text", "textarea", "choice", "select"))
    )
    hint: str = field(default="", validator=is_text)
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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    permission: str = field(validator=is_text)
    icon: str = field(default="chevron-right", validator=is_text)
    run: Callable[[Session, Site, Select[tuple[int]], Mapping[str, str], Actor], int] | None = None
    href: str = field(default="", validator=validators.matches_re(r"(/(?![/\\]).*)?"))
    fields: Sequence[BulkField] = ()
    prepare: Callable[[Session, Site, Mapping[str, str]], Mapping[str, str]] | None = None
    changes: Callable[[Mapping[str, str]], ColumnElement[bool]] | None = None
    finish: Callable[[Session, Site, Mapping[str, str], Actor], None] | None = None
    undo: str = field(default="", validator=is_text)
    confirm: str = field(default="", validator=is_text)
    submit: str = field(default="", validator=is_text)
    done: tuple[str, str] = ("%(count)s contact changed.", "%(count)s contacts changed.")
    only: Literal["active", "inactive"] | None = None
    dangerous: bool = False
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.run is None) == (not self.href):
            raise ValueError(f"BulkAction {self.key!r} needs either run= or href=, and not both.")

    @property
    def asks(self) -> bool:
        """Whether people see a page before it is done, however few contacts there are."""
        return bool(self.fields or self.confirm or self.dangerous)
