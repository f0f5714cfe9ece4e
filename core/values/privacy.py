"""What becomes of a person's data: what was erased or kept, and what is handed out (FEATURES C8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from attrs import field, frozen, validators

from core.values.checking import check_key, in_order, is_text, order_field


@frozen(kw_only=True)
class Erased:
    """What erasing contacts removed or made blank, for the receipt (FEATURES C8): what (a message id) and how many."""

    label: str = field(validator=is_text)
    number: int = field(validator=[validators.instance_of(int), validators.ge(0)])


@frozen(kw_only=True)
class Kept:
    """What a plugin keeps of erased contacts, without the person where possible (FEATURES C8).

    `label` says what it is, `reason` why it may not go (message ids), `until` when it may (None: no date). `references`
    are the records' own names, such as numbers; they stand on the receipt, so nothing of the person may be in them.
    """

    label: str = field(validator=is_text)
    number: int = field(validator=[validators.instance_of(int), validators.ge(0)])
    reason: str = field(validator=is_text)
    until: date | None = None
    references: tuple[str, ...] = field(default=(), converter=in_order)


@frozen(kw_only=True)
class ExportFile:
    """A file that belongs to an export: a file of the site by its `stored_name`, or `content`."""

    name: str = field(validator=is_text)
    stored_name: str = ""
    content: bytes = b""


def _texts(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(texts)


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

    key: str = field(validator=check_key)
    title: str = field(validator=is_text)
    records: Sequence[Mapping[str, object]] = ()
    labels: Mapping[str, str] = field(factory=dict)
    translated: frozenset[str] = field(default=frozenset(), converter=_texts)
    files: Sequence[ExportFile] = ()
    internal: bool = False
    order: int = order_field
