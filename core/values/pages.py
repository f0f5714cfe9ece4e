"""What a plugin adds to pages around its own: panels, entries of menus, tiles, search, settings, rights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen, validators

from core.values.basics import Choice, Role
from core.values.checking import check_aware, check_key, is_text, order_field

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@frozen(kw_only=True)
class Panel:
    """A card on the profile (FEATURES P1, P4).

    `load(session, contact_id)` answers the plain values the template `template` gets as `panel`, or None to leave the
    panel out. It runs in a thread of its own, in a reading session, within the page's time budget.
    """

    key: str = field(validator=check_key)
    title: str = field(validator=is_text)
    template: str = field(validator=is_text)
    load: Callable[[Session, int], object] = field(validator=validators.is_callable())
    side: Literal["story", "person"] = "story"
    permission: str | None = None
    order: int = order_field


@frozen(kw_only=True)
class NavItem:
    """An entry of the side menu (`area="dashboard"`) or of the public pages' head and start page (`area="public"`).

    `shortcut` are keys that lead there, such as "g c".
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*"))
    icon: str = field(default="chevron-right", validator=is_text)
    area: Literal["dashboard", "public"] = "dashboard"
    description: str = field(default="", validator=is_text)
    shortcut: str = field(default="", validator=is_text)
    permission: str | None = None
    order: int = order_field


@frozen(kw_only=True)
class SearchHit:
    """Something that was found: where it leads, and what it is called.

    `at` is a moment that belongs to it, shown behind `detail` as the reader's language writes it.
    """

    title: str = field(validator=is_text)
    href: str = field(validator=validators.matches_re(r"/(?![/\\]).*|/"))
    detail: str = field(default="", validator=is_text)
    icon: str = field(default="chevron-right", validator=is_text)
    at: datetime | None = field(default=None, validator=validators.optional(check_aware))


@frozen(kw_only=True)
class SearchSource:
    """What the search for everything (Ctrl K) looks through; `label` is the heading of what it found.

    `search(session, text, limit)` answers at most `limit` hits, the best first; `text` is what was typed, trimmed, and
    never empty. It runs in a thread of its own, in a reading session, within a second. With `translate` the hits'
    titles are message ids.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    search: Callable[[Session, str, int], Sequence[SearchHit]] = field(validator=validators.is_callable())
    translate: bool = False
    permission: str | None = None
    order: int = order_field


@frozen(kw_only=True)
class TileData:
    """What a tile shows: a headline `value` (text, `Money` or number), and perhaps a series of (label, number).

    `shape` is how the series is drawn: as columns side by side, for times, or as a ranking, the first on top, for
    names.
    """

    value: object
    detail: str = field(default="", validator=is_text)
    series: Sequence[tuple[str, int]] = ()
    kind: Literal["number", "money", "text"] = "number"
    shape: Literal["columns", "ranking"] = field(default="columns", validator=validators.in_(("columns", "ranking")))


@frozen(kw_only=True)
class Tile:
    """A number or small chart on the overview page (FEATURES H9); `load(session)` answers its `TileData`."""

    key: str = field(validator=check_key)
    title: str = field(validator=is_text)
    load: Callable[[Session], TileData | None] = field(validator=validators.is_callable())
    permission: str | None = None
    order: int = order_field


@frozen(kw_only=True)
class ZoneSection:
    """A part of the Client Zone (FEATURES K4): an entry of its menu, and a card on its overview.

    `href` is the section's own page, a route with `customer=True` below /account/. `load(session, contact_id)` answers
    the plain values that the card's `template` gets as `section`, or None for nothing yet; it runs in a thread of its
    own, in a reading session, within the page's time budget. A card without them shows the `description` alone.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    href: str = field(validator=validators.matches_re(r"/account/[a-z0-9][a-z0-9/_-]*"))
    icon: str = field(default="chevron-right", validator=is_text)
    description: str = field(default="", validator=is_text)
    template: str = field(default="", validator=is_text)
    load: Callable[[Session, int], object] | None = None
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.load is None) != (not self.template):
            raise ValueError(f"ZoneSection {self.key!r} needs load= and template=, or none of them.")


def _roles(roles: Iterable[Role]) -> frozenset[Role]:
    return frozenset(roles)


@frozen(kw_only=True)
class Permission:
    """A right of staff, and the roles that have it. The owner has every permission."""

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    roles: frozenset[Role] = field(default=frozenset({"owner", "manager"}), converter=_roles)
    order: int = order_field


@frozen(kw_only=True)
class SettingsField:
    """A setting of the site, edited on the settings screen, read with `site.setting(key)`.

    `clean(text)` checks and normalises what was typed and raises `InvalidInput` with the reason. `demo` is what the
    demonstration site has it set to, None for the default.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    kind: Literal["text", "textarea", "choice", "yesno", "email", "colour"] = "text"
    default: str = field(default="", validator=is_text)
    hint: str = field(default="", validator=is_text)
    choices: Sequence[Choice] = ()
    clean: Callable[[str], str] | None = None
    demo: str | None = field(default=None, validator=validators.optional(is_text))
    order: int = order_field
