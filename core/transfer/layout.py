"""The columns of this site's own files: what an export writes, and the sample file shows (FEATURES I2, I7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from core.i18n import Language
from core.transfer.fields import file_fields

if TYPE_CHECKING:
    from core.site import Site


@frozen(kw_only=True)
class FileColumn:
    """A column of a file. `key` names it in mappings, `label` is its heading, a message id.

    `taken` says whether an import takes it in; the others only inform: an import changes no stage, no lock, and
    nothing of what orders and visits have brought.
    """

    key: str
    label: str
    taken: bool = True
    field: bool = False


OWN: tuple[FileColumn, ...] = (
    FileColumn(key="email", label="Email"),
    FileColumn(key="name", label="Name"),
    FileColumn(key="phone", label="Phone number"),
    FileColumn(key="street", label="Street and number"),
    FileColumn(key="street2", label="Address supplement"),
    FileColumn(key="postal_code", label="Postal code"),
    FileColumn(key="city", label="City"),
    FileColumn(key="region", label="Region"),
    FileColumn(key="country", label="Country"),
    FileColumn(key="language", label="Language"),
    FileColumn(key="tags", label="Tags"),
    FileColumn(key="joined", label="Joined"),
    FileColumn(key="stage", label="Stage", taken=False),
    FileColumn(key="modules", label="Modules", taken=False),
    FileColumn(key="locked", label="Details locked", taken=False),
    FileColumn(key="inactive", label="Inactive", taken=False),
)
"""The core's columns; plugins' and custom fields follow."""

OWN_KEYS = frozenset(column.key for column in OWN)


def file_columns(site: Site, allows: Callable[[str | None], bool]) -> tuple[FileColumn, ...]:
    """All columns for a person with these permissions: the core's, then the fields that can be read."""
    fields = [
        FileColumn(key=field.key, label=field.label, field=True)
        for field in file_fields(site).values()
        if field.read is not None and allows(field.permission)
    ]
    return (*OWN, *fields)


def headings(columns: Sequence[FileColumn], language: Language) -> list[str]:
    """The columns' headings in one language; one that is there already gets its key beside it."""
    found: list[str] = []
    for column in columns:
        text = language.text(column.label)
        found.append(f"{text} ({column.key})" if text in found else text)
    return found
