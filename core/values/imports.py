"""What an import asks plugins about (FEATURES I5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen, validators

from core.values.basics import Actor
from core.values.checking import check_key, in_order, is_text, order_field

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.site import Site


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

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    column: str = field(validator=is_text)
    refusal_column: str = field(validator=is_text)
    apply: Callable[[Session, Site, Sequence[ImportStatement], Actor], Iterable[int]] = field(
        validator=validators.is_callable()
    )
    take_back: Callable[[Session, Site, Sequence[int], str, Actor], None] = field(validator=validators.is_callable())
    hint: str = field(default="", validator=is_text)
    headings: tuple[str, ...] = field(default=(), converter=in_order)
    refusal_headings: tuple[str, ...] = field(default=(), converter=in_order)
    permission: str | None = None
    order: int = order_field
