"""Everything that the site knows of one person, to download (FEATURES P2, GDPR Art. 15 and 20).

A ZIP file with `data.json` for machines, `index.html` for people, in the person's language, and the files.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy.orm import Session

from core.contacts.files import CHUNK, clean_name, file_path
from core.contacts.finding import find_contact
from core.contacts.models import now
from core.i18n import Language, currency_digits
from core.privacy.asking import ask_all
from core.privacy.language import language_of
from core.values import ExportSection, Money

if TYPE_CHECKING:
    from core.site import Site

FORMAT = "tresen.person/1"


def collect(session: Session, site: Site, contact_id: int, *, to_person: bool = False) -> Sequence[ExportSection]:
    """What all plugins hold of a contact, sorted by (order, key). Raises NotFound, and DutyFailed naming a plugin.

    With `to_person` nobody looks through it first: what is `internal` is left out.
    """
    find_contact(session, contact_id)
    answers = ask_all(session, site, "export_contact", (ExportSection,), contact_id=contact_id)
    sections = (section for _, section in answers if not (to_person and section.internal))
    return sorted(sections, key=lambda section: (section.order, section.key))


def export_person(session: Session, site: Site, contact_id: int, *, to_person: bool = False) -> IO[bytes]:
    """The ZIP file of one person, in a file without a name: nothing is left behind, whatever happens.

    With `to_person` it is what the person downloads alone (see `collect`).
    """
    contact = find_contact(session, contact_id)
    sections = collect(session, site, contact_id, to_person=to_person)
    language = language_of(site, contact.language)
    target = tempfile.TemporaryFile()  # noqa: SIM115 (the answer reads it, and closes it)
    try:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            files = _write_files(archive, site, sections)
            archive.writestr("data.json", json.dumps(as_json(site, sections, files), ensure_ascii=False, indent=2))
            archive.writestr("index.html", _page(site, language, contact.name or contact.email, sections, files))
        target.seek(0)
    except BaseException:
        target.close()
        raise
    return target


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """A file piece by piece; closed at the end."""
    with file:
        while piece := file.read(CHUNK):
            yield piece


Files = Mapping[str, Sequence[tuple[str, str]]]
"""Key of a section → name and path in the archive of its files; the path is empty for one that is not there."""


def _write_files(archive: ZipFile, site: Site, sections: Sequence[ExportSection]) -> Files:
    written: dict[str, list[tuple[str, str]]] = {}
    number = 0
    for section in sections:
        for file in section.files:
            number += 1
            path = f"files/{number:03}-{clean_name(file.name)}"
            if not file.stored_name:
                archive.writestr(path, file.content)
            elif (stored := file_path(site.settings.data_dir, file.stored_name)).is_file():
                archive.write(stored, path)
            else:
                path = ""
            written.setdefault(section.key, []).append((file.name, path))
    return written


def as_json(site: Site, sections: Sequence[ExportSection], files: Files) -> dict[str, Any]:
    """The content of `data.json`: times in UTC (ISO 8601), amounts as decimal text with their currency (ISO 4217)."""
    return {
        "format": FORMAT,
        "site": site.setting("site.name"),
        "exported_at": plain(now()),
        "sections": {
            section.key: {
                "records": [plain(record) for record in section.records],
                "files": [{"name": name, "path": path or None} for name, path in files.get(section.key, ())],
            }
            for section in sections
        },
    }


def plain(value: object) -> Any:
    """A value of a section as JSON has it."""
    if isinstance(value, Money):
        digits = currency_digits(value.currency)
        return {"amount": str(Decimal(value.minor).scaleb(-digits)), "currency": value.currency}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


# The page for people


def _page(site: Site, language: Language, name: str, sections: Sequence[ExportSection], files: Files) -> str:
    from core.web.rendering import environment

    shown = [
        {
            "title": language.text(section.title),
            "records": [_rows(language, record, section) for record in section.records],
            "files": files.get(section.key, ()),
        }
        for section in sections
    ]
    template = environment(site, language).get_template("contacts/person_export.html")
    return template.render(
        site_name=site.setting("site.name"),
        name=name,
        exported_at=now(),
        sections=[one for one in shown if any(one["records"]) or one["files"]],
    )


def _rows(language: Language, record: Mapping[str, object], section: ExportSection) -> list[dict[str, Any]]:
    """The fields of a record that have a label and say something; records within it below."""
    rows: list[dict[str, Any]] = []
    for key, label in section.labels.items():
        value = record.get(key)
        if value is None or value in ("", [], ()):
            continue
        row: dict[str, Any] = {"label": language.text(label), "text": "", "records": []}
        if isinstance(value, Mapping):
            row["records"] = [_rows(language, value, section)]
        elif isinstance(value, list | tuple) and isinstance(value[0], Mapping):
            row["records"] = [_rows(language, one, section) for one in value]
        else:
            row["text"] = _text(language, key, value, section)
        rows.append(row)
    return rows


def _text(language: Language, key: str, value: object, section: ExportSection) -> str:
    if isinstance(value, bool):
        return language.text("Yes") if value else language.text("No")
    if isinstance(value, Money):
        return language.money(value)
    if isinstance(value, datetime):
        return language.datetime(value)
    if isinstance(value, date):
        return language.date(value)
    if isinstance(value, int):
        return language.number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text(language, key, one, section) for one in value)
    if key in section.translated:
        return language.text(str(value))
    return language.country(str(value)) if key == "country" else str(value)


def file_name(contact_id: int) -> str:
    """The name of the download: the contact's number, and not a name, which would stay in lists of downloads."""
    return f"contact-{contact_id}.zip"
