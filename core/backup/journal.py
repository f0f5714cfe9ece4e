"""The journal of erasures: who was erased, by number, in a file outside of the database (FEATURES C8, THREATS T-R4).

A backup from before an erasing still holds the person; the journal says who has to be erased again after it was
restored. It holds numbers and times, nothing of the person. A line is written right after the erasing is committed.
That is two steps, and a process can be killed between them: so the row in `erased_contacts` says whether it is written
down, and whoever comes next (the next erasing, the worker, a backup) writes what is not. A line that is written twice
does no harm.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.backup.models import SiteEpoch
from core.contacts.models import Contact, now
from core.errors import BackupError
from core.privacy.models import ErasedContact, ErasureReceipt
from core.values import Check

if TYPE_CHECKING:
    from core.database.engine import Database
    from core.site import Site

log = logging.getLogger("tresen.backup")

HEADER = '{"journal": "tresen.erasures", "format": 1}'
BATCH = 1000


@frozen
class Entry:
    """That a contact was erased. `epoch` is the one in which it got its number."""

    epoch: str
    contact_id: int
    erased_at: datetime = field(eq=False)

    @property
    def line(self) -> str:
        """The entry as it stands in the file."""
        return json.dumps({"epoch": self.epoch, "contact": self.contact_id, "at": self.erased_at.isoformat()})


@define
class Journal:
    """What stands in a journal: its entries, each once, and how many lines can't be read."""

    entries: dict[Entry, None] = field(factory=dict)
    unreadable: int = 0


@frozen
class Epochs:
    """The epochs of a database, the newest first, as (above, epoch)."""

    known: Sequence[tuple[int, str]]

    def of(self, contact_id: int) -> str:
        """The epoch in which this number was given."""
        return next((epoch for above, epoch in self.known if above < contact_id), "")

    def means(self, entry: Entry) -> bool:
        """Whether the number of the entry means the same person here, if it is anybody's."""
        return self.of(entry.contact_id) == entry.epoch


def read_epochs(session: Session) -> Epochs:
    """The epochs of this database."""
    rows = session.execute(select(SiteEpoch.above, SiteEpoch.epoch).order_by(SiteEpoch.above.desc()))
    return Epochs([(row.above, row.epoch) for row in rows])


def read_journal(path: Path) -> Journal:
    """Read a journal. Raises BackupError for a file that is none.

    A line that can't be read was cut off when its process was killed or the disk was full, and was written again then.
    """
    with path.open("rb") as opened:
        return read_lines(opened, str(path))


def read_lines(lines: Iterable[bytes], name: str) -> Journal:
    """As `read_journal`, of lines that were read already."""
    found, is_journal = Journal(), False
    for raw in lines:
        line = raw.decode(errors="replace").strip()
        if not line:
            continue
        if not is_journal:
            if line != HEADER:
                raise BackupError("%(name)s is no journal of erasures that this version can read.", name=name)
            is_journal = True
            continue
        try:
            read = json.loads(line)
            entry = Entry(str(read["epoch"]), int(read["contact"]), datetime.fromisoformat(read["at"]))
        except (ValueError, KeyError, TypeError):
            found.unreadable += 1
            continue
        found.entries.setdefault(entry)
    if not is_journal:
        raise BackupError("%(name)s is empty: it is no journal of erasures.", name=name)
    return found


def append(path: Path, entries: Iterable[Entry]) -> None:
    """Add entries to a journal, on the disk when this returns; makes the file when it is missing. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        is_new = os.fstat(handle).st_size == 0
        # A break first: the last line may have been cut off, and must not take the next one along.
        lines = [HEADER if is_new else "", *(entry.line for entry in entries)]
        left = memoryview(("\n".join(lines) + "\n").encode())
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as `os.fsync` has a file's bytes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def add_missing(path: Path, entries: Iterable[Entry]) -> None:
    """Add those of the entries that a journal lacks. Raises OSError, and BackupError for a file that is no journal."""
    known = read_journal(path).entries if path.exists() and path.stat().st_size else {}
    missing = [entry for entry in dict.fromkeys(entries) if entry not in known]
    if missing or not path.exists():
        append(path, missing)


def known_to(session: Session) -> list[Entry]:
    """All erasings that a database knows of."""
    epochs = read_epochs(session)
    receipt = ErasureReceipt.id == ErasedContact.receipt_id
    rows = session.execute(select(ErasedContact.contact_id, ErasureReceipt.erased_at).join(ErasureReceipt, receipt))
    return [Entry(epochs.of(row.contact_id), row.contact_id, row.erased_at) for row in rows]


def catch_up(database: Database, path: Path) -> int:
    """Write down the erasings that are not in the journal yet; answers how many. Raises OSError."""
    written = 0
    while True:
        with database.session() as session:
            rows = session.execute(
                select(ErasedContact.contact_id, ErasureReceipt.erased_at)
                .join(ErasureReceipt, ErasureReceipt.id == ErasedContact.receipt_id)
                .where(ErasedContact.journaled_at.is_(None))
                .order_by(ErasedContact.contact_id)
                .limit(BATCH)
            ).all()
            epochs = read_epochs(session) if rows else Epochs([])
        if rows or not path.exists():
            append(path, [Entry(epochs.of(row.contact_id), row.contact_id, row.erased_at) for row in rows])
        if not rows:
            return written
        with database.begin() as session:
            ids = [row.contact_id for row in rows]
            session.execute(update(ErasedContact).where(ErasedContact.contact_id.in_(ids)).values(journaled_at=now()))
        written += len(rows)


def write_down(site: Site) -> None:
    """Right after an erasing was committed: write it down. Never raises; what fails is done by the job."""
    try:
        catch_up(site.database, site.settings.journal)
    except Exception as error:
        # By its class: what an error says may quote people.
        log.error("An erasing is not in the journal yet: it is tried again (%s)", type(error).__name__)


def write_what_waits(site: Site) -> None:
    """The periodic job: what a process that was killed has not written down."""
    catch_up(site.database, site.settings.journal)


# What must hold


def checks() -> list[Check]:
    """The journal, for `tresen doctor`."""
    return [Check(key="contact.journal", label="Journal of erasures", find=_find, repair=_repair, order=20)]


def _find(session: Session, site: Site) -> list[str]:
    path = site.settings.journal
    try:
        journal = read_journal(path)
    except FileNotFoundError:
        journal = Journal()
    epochs = read_epochs(session)
    erased = set(session.scalars(select(ErasedContact.contact_id)))
    written = {entry.contact_id for entry in journal.entries if epochs.means(entry)}
    found = []
    if missing := len(erased - written):
        found.append(f"{missing} erasings are not in {path}.")
    found += [
        f"Contact {contact_id} was erased, and is there again: this database was restored without erasing again. "
        "Delete the contact, or restore the backup with tresen restore."
        for contact_id in sorted(present(session, written))
    ]
    return found


def present(session: Session, contact_ids: Iterable[int]) -> set[int]:
    """Those of the numbers that are a contact's."""
    found: set[int] = set()
    for batch in batches(sorted(contact_ids)):
        found.update(session.scalars(select(Contact.id).where(Contact.id.in_(batch))))
    return found


def batches(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    """So many at a time."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _repair(session: Session, site: Site) -> None:
    """Write down all erasings that the journal lacks."""
    add_missing(site.settings.journal, known_to(session))
    session.execute(update(ErasedContact).where(ErasedContact.journaled_at.is_(None)).values(journaled_at=now()))
