"""`tresen import`: the same import as on screen, without a browser and at full speed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy.orm import Session

from core.contacts.files import FileStore, storing
from core.contacts.tags import clean_tag
from core.errors import InvalidInput
from core.transfer import imports, running
from core.transfer.mapping import everything, targets
from core.transfer.models import ContactImport
from core.transfer.recognising import QUESTIONS
from core.transfer.samples import refused_pieces
from core.values import SYSTEM

if TYPE_CHECKING:
    from core.site import Site

WAYS = {
    "encoding": "--encoding",
    "email": "--column HEADING=email",
    "twice": "--column HEADING=FIELD",
    "dates": "--dates dmy or mdy",
    "decimal": "--decimal , or .",
}
"""Question → the option that answers it."""

CACHE = 64 * 1024 * 1024
"""Bytes of the database that SQLite keeps in memory meanwhile."""


@frozen(kw_only=True)
class Asked:
    """What was said on the command line; empty means: find it out."""

    policy: str = "fill"
    tags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    dates: str = ""
    decimal: str = ""
    columns: tuple[str, ...] = ()

    def chosen(self, site: Site) -> dict[str, Any]:
        """As a person's answers. Raises InvalidInput for a choice that no plugin offers."""
        chosen: dict[str, Any] = {"policy": self.policy, "tags": [clean_tag(name) for name in self.tags]}
        offered = site.contributions.import_choices
        for key in self.choices:
            if key not in offered:
                raise InvalidInput(
                    "There is no choice '%(key)s'. Use one of: %(keys)s", key=key, keys=", ".join(offered)
                )
        chosen["choices"] = list(self.choices)
        for name in ("encoding", "delimiter", "dates", "decimal"):
            if getattr(self, name):
                chosen[name] = getattr(self, name)
        return chosen

    def mapping(self, site: Site, headings: list[str], found: dict[str, str]) -> dict[str, str]:
        """What the columns are; `found` is what was recognised. Raises InvalidInput."""
        mapping, known = dict(found), targets(site, everything)
        for text in self.columns:
            heading, _, key = text.rpartition("=")
            if heading not in headings or key not in known:
                raise InvalidInput(
                    "'%(text)s' is no column of the file, or no field. Fields: %(fields)s",
                    text=text,
                    fields=", ".join(sorted(known)),
                )
            place = str(headings.index(heading))
            mapping = {one: other for one, other in mapping.items() if other != key and one != place}
            mapping[place] = key
        return mapping


def bring_in(
    site: Site,
    path: Path,
    asked: Asked,
    *,
    dry_run: bool = False,
    refused: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Import a file, or with `dry_run` say what would become of it; answers whether it was read to its end.

    Raises InvalidInput for a file that can't be imported, or of which something has to be said first.
    """
    with storing(site.settings.data_dir) as store, _few_collections() as collect:
        import_id = _store(site, store, path, asked, say)
        row = _follow(site, import_id, "checking" if dry_run else "running", say, collect)
    language = site.language("en")
    numbers = row.numbers
    say(
        ", ".join(
            f"{label} {numbers.get(key, 0)}"
            for key, label in (
                ("new", "new"),
                ("changed", "changed"),
                ("unchanged", "unchanged"),
                ("suggested", "suggested"),
                ("repeated", "once more in the file"),
                ("refused", "refused"),
            )
        )
    )
    if dry_run:
        for outcome, people in numbers.get("examples", {}).items():
            for one in people:
                said = ", ".join(str(value) for name, value in one.items() if name != "line" and value)
                say(f"  row {one['line']}, {outcome}: {said}")
    with site.session() as session:
        for one in imports.problems_of(session, import_id, limit=20):
            reason = language.text(one.message, **one.words)
            say(f"  row {one.line}: {reason}{f' ({one.column}: {one.value})' if one.value else ''}")
    if refused is not None:
        with refused.open("wb") as opened:
            opened.writelines(refused_pieces(site, row, language))
    if dry_run:
        with site.begin() as session:
            imports.discard(session, site, import_id)
    else:
        say(f"Import {import_id} is done. It can be taken back at /dashboard/contacts/import/{import_id}")
    return True


def _store(site: Site, store: FileStore, path: Path, asked: Asked, say: Callable[[str], None]) -> int:
    with path.open("rb") as opened:
        saved = store.save(path.name, opened, limit=100 * imports.MAX_SIZE)
    kind, plan = imports.recognise_file(site, saved, chosen=asked.chosen(site))
    with site.begin() as session:
        import_id = imports.new_import(session, saved, SYSTEM, kind, plan).id
    if asked.columns:
        mapping = asked.mapping(site, plan["headings"], plan["mapping"])
        plan = imports.change_plan(site, import_id, {**asked.chosen(site), "mapping": mapping}).plan
    for line in _recognised(kind, plan):
        say(line)
    if plan["questions"]:
        raise InvalidInput(
            "%(questions)s",
            questions=" ".join(f"{QUESTIONS[one]} Use {WAYS[one]}." for one in plan["questions"]),
        )
    return import_id


def _recognised(kind: str, plan: Mapping[str, Any]) -> Iterator[str]:
    """What was found out about a file, or said, a line each."""
    facts = [kind]
    facts += [plan["encoding"]] if kind in ("csv", "vcard") else []
    facts += [f"separated by {plan['delimiter']!r}"] if kind == "csv" else []
    facts += [f"{name} {plan[name]}" for name in ("dates", "decimal") if plan[name]]
    yield f"Recognised: {', '.join(facts)}"
    columns = sorted(plan["mapping"].items(), key=lambda one: int(one[0]))
    yield "Columns: " + ", ".join(
        f"{plan['headings'][int(place)] or f'#{int(place) + 1}'} = {key}" for place, key in columns
    )
    if plan["left_out"]:
        yield f"Left out: {', '.join(plan['left_out'])}"


def _follow(
    site: Site, import_id: int, state: imports.State, say: Callable[[str], None], collect: Callable[[], object]
) -> ContactImport:
    """Every step of an import, in this process."""
    with site.begin() as session:
        row = imports.find_import(session, import_id, lock=True)
        if state == "running":
            row.state = "checked"
        imports.start(session, row, state)
    told, steps, is_over = 0, 0, False
    while not is_over:
        steps += 1
        if steps % 10 == 0:
            collect()
        with site.begin() as session:
            _give_room(site, session)
            row = imports.find_import(session, import_id, lock=True)
            is_over = running.take_step(session, site, row)
        if row.position - told >= 100_000:
            told = row.position
            say(f"{told} rows")
    return row


def _give_room(site: Site, session: Session) -> None:
    """Let SQLite keep the indexes at hand, which are written all over, and tidy up its log less often.

    For this process alone, whose connection it is: in a server each connection would take as much.
    """
    if site.database.is_sqlite:
        session.connection().exec_driver_sql(f"PRAGMA cache_size=-{CACHE // 1024}")
        session.connection().exec_driver_sql(f"PRAGMA wal_autocheckpoint={CACHE // 4096}")


@contextmanager
def _few_collections() -> Iterator[Callable[[], object]]:
    """Look for reference cycles only when told to, and among new objects: an import makes many, and few of those."""
    gc.freeze()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.enable()
        gc.unfreeze()
