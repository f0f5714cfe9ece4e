"""`tresen import`: the same import as on screen, without a browser and at full speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from core.contacts.files import FileStore, storing
from core.contacts.tags import clean_tag
from core.errors import InvalidInput
from core.transfer import imports, running
from core.transfer.mapping import targets
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
        mapping, known = dict(found), {key for key, _ in targets(site)}
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
    with storing(site.settings.data_dir) as store:
        import_id = _store(site, store, path, asked)
        row = _follow(site, import_id, "checking" if dry_run else "running", say)
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


def _store(site: Site, store: FileStore, path: Path, asked: Asked) -> int:
    with path.open("rb") as opened:
        saved = store.save(path.name, opened, limit=100 * imports.MAX_SIZE)
    kind, plan = imports.recognise_file(site, saved, chosen=asked.chosen(site))
    with site.begin() as session:
        import_id = imports.new_import(session, saved, SYSTEM, kind, plan).id
    if asked.columns:
        mapping = asked.mapping(site, plan["headings"], plan["mapping"])
        plan = imports.change_plan(site, import_id, {**asked.chosen(site), "mapping": mapping}).plan
    if plan["questions"]:
        raise InvalidInput(
            "%(questions)s",
            questions=" ".join(f"{QUESTIONS[one]} Use {WAYS[one]}." for one in plan["questions"]),
        )
    return import_id


def _follow(site: Site, import_id: int, state: imports.State, say: Callable[[str], None]) -> ContactImport:
    """Every step of an import, in this process."""
    with site.begin() as session:
        row = imports.find_import(session, import_id, lock=True)
        if state == "running":
            row.state = "checked"
        imports.start(session, row, state)
    told, is_over = 0, False
    while not is_over:
        with site.begin() as session:
            row = imports.find_import(session, import_id, lock=True)
            is_over = running.take_step(session, site, row)
        if row.position - told >= 100_000:
            told = row.position
            say(f"{told} rows")
    return row
