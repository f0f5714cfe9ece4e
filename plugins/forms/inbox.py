"""The dashboard's pages of entries: the list, one entry, the quarantine, and the export (FEATURES F2, F3)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Stream

from core import FormInput, Request, get, post
from plugins.forms.definitions import list_forms
from plugins.forms.entries import delete_entry, empty_quarantine, release_entry
from plugins.forms.guarding import SUSPICIONS
from plugins.forms.reading import count_quarantined, export_rows, get_entry, last_quarantined, list_entries

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet runs when a cell begins with it (OWASP, CSV injection)."""


@get("/dashboard/forms", permission="forms.entries")
def show_entries(
    request: Request,
    form_id: FromQuery[str] = "",
    older: FromQuery[str] = "",
    newer: FromQuery[str] = "",
) -> Response[str]:
    """Entries, newest first, of all forms or of one."""
    chosen = _number(form_id)
    with request.site.session() as session:
        forms = [one.form.spoken(request.language) for one in list_forms(session)]
        page = list_entries(session, state="accepted", form_id=chosen, older_than=older, newer_than=newer)
        quarantined = count_quarantined(session)
    kept = {"form_id": chosen} if chosen else {}
    return request.page(
        "forms/entries.html",
        page=page,
        forms=forms,
        chosen=next((one for one in forms if one.id == chosen), None),
        quarantined=quarantined,
        older="?" + urlencode({**kept, "older": page.older}) if page.older else None,
        newer="?" + urlencode({**kept, "newer": page.newer}) if page.newer else None,
        export="/dashboard/forms/entries.csv" + ("?" + urlencode(kept) if kept else ""),
    )


@get("/dashboard/forms/quarantine", permission="forms.entries")
def show_quarantine(request: Request, older: FromQuery[str] = "", newer: FromQuery[str] = "") -> Response[str]:
    """What looked like spam, with the reason."""
    with request.site.session() as session:
        page = list_entries(session, state="quarantined", older_than=older, newer_than=newer)
        quarantined = count_quarantined(session)
    return request.page(
        "forms/quarantine.html",
        page=page,
        quarantined=quarantined,
        suspicions=SUSPICIONS,
        older="?" + urlencode({"older": page.older}) if page.older else None,
        newer="?" + urlencode({"newer": page.newer}) if page.newer else None,
    )


@get("/dashboard/forms/entries/{entry_id:int}", permission="forms.entries")
def show_entry(request: Request, entry_id: FromPath[int]) -> Response[str]:
    """One entry, whole."""
    with request.site.session() as session:
        entry = get_entry(session, entry_id)
    return request.page("forms/entry.html", entry=entry, suspicions=SUSPICIONS)


@post("/dashboard/forms/entries/{entry_id:int}/release", permission="forms.entries")
def release(request: Request, entry_id: FromPath[int]) -> Redirect:
    """Let a person out of quarantine: the entry becomes a lead as any other."""
    with request.site.begin() as session:
        release_entry(session, request.site, entry_id)
    return request.redirect(f"/dashboard/forms/entries/{entry_id}", "Released: the entry is now a contact.")


@post("/dashboard/forms/entries/{entry_id:int}/delete", permission="forms.entries")
def delete(request: Request, entry_id: FromPath[int]) -> Redirect:
    """Delete spam."""
    with request.site.begin() as session:
        delete_entry(session, entry_id)
    return request.redirect("/dashboard/forms/quarantine", "Entry deleted.")


@get("/dashboard/forms/quarantine/empty", permission="forms.entries")
def ask_empty(request: Request) -> Response[str]:
    """Ask before all of it is deleted; what comes in meanwhile stays."""
    with request.site.session() as session:
        quarantined, up_to = count_quarantined(session), last_quarantined(session)
    return request.page("forms/empty.html", quarantined=quarantined, up_to=up_to)


@post("/dashboard/forms/quarantine/empty", permission="forms.entries")
def empty(request: Request, form: FormInput) -> Redirect:
    """Delete all of it."""
    with request.site.begin() as session:
        number = empty_quarantine(session, form.whole_number("up_to") or 0)
    return request.redirect("/dashboard/forms/quarantine", "Deleted: %(number)s.", number=number)


@get("/dashboard/forms/entries.csv", permission="forms.entries")
def export(request: Request, form_id: FromQuery[str] = "") -> Stream:
    """The accepted entries as CSV, UTF-8 with a byte order mark, without cells a spreadsheet would run."""
    rows = export_rows(request.site, request.language, _number(form_id))
    return Stream(
        _lines(rows),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="form-entries.csv"'},
    )


def _lines(rows: Iterator[Sequence[str]]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([harmless(cell) for cell in row])
        yield line.getvalue().encode()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before what begins one (I7)."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


ROUTES: list[Any] = [
    show_entries,
    show_quarantine,
    show_entry,
    release,
    delete,
    ask_empty,
    empty,
    export,
]
