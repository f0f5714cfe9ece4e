"""`/dashboard/contacts/export`: all contacts, those of the list as it stands, or the ticked ones (FEATURES L10, I7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from litestar.params import FromPath
from litestar.response import Redirect, Response, Stream
from sqlalchemy import Select, func, select

from core.contacts.matching import contacts, contacts_of
from core.contacts.models import now
from core.contacts.views import LIST_PATH, read_view
from core.errors import InvalidInput
from core.transfer.exporting import FORMATS, Export, Format, export_pieces
from core.transfer.layout import FileColumn, file_columns, headings
from core.transfer.links import make_link, read_link
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/export"

MAX_TICKED = 20_000
"""Most ticked contacts of one export; with more, people mean a filter."""

MAX_BODY = 2_000_000

FORMAT_LABELS: Mapping[Format, tuple[str, str]] = {
    "csv": ("CSV", "For other programs: UTF-8, separated by commas"),
    "excel": ("CSV for Excel", "Opens in a German Excel with a double click: separated by semicolons"),
    "xlsx": ("Excel (XLSX)", "A workbook"),
    "vcard3": ("Address cards (vCard 3)", "For address books of telephones and mail programs"),
    "vcard4": ("Address cards (vCard 4)", "For newer address books"),
}

OWN_NAMES = frozenset({"id", "all_matching", "action", "next", "view", "scope", "format", "column", "exact", "chosen"})
"""Fields that are not part of a view."""

Pairs = list[tuple[str, str]]


@get(PATH, permission="contact.export")
def export_form(request: Request) -> Response[str]:
    """What to export: at first the list as the address describes it."""
    given = list(request.query_params.multi_items())
    ids = [value for name, value in given if name == "id"]
    view = [pair for pair in given if pair[0] not in (*OWN_NAMES, "after", "before")]
    return _page(request, Form(), view, _ids(ids))


@post(PATH, permission="contact.export", max_body=MAX_BODY)
def export_sent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Lead to the file; without a format, as from the bar under the list, ask for it first."""
    view = _posted_view(form)
    ids = [] if form.ticked("all_matching") else _ids(form.texts("id"))
    if not form.text("format"):
        return _page(request, form, view, ids)
    choice = _choice(request, form, view, ids)
    if form.errors or choice is None:
        return _page(request, form, view, ids, status=422)
    assert request.person is not None
    with request.site.begin() as session:
        token = make_link(session, request.person.session_id, choice)
    return request.redirect(f"{PATH}/{token}")


@get(f"{PATH}/{{token:str}}", permission="contact.export")
def export_file(request: Request, token: FromPath[str]) -> Stream:
    """The file, sent while it is read."""
    assert request.person is not None
    with request.site.session() as session:
        choice = read_link(session, request.person.session_id, token)
    known = {column.key: column for column in file_columns(request.site, request.allows)}
    kind = cast(Format, choice["format"])
    export = Export(
        columns=[known[key] for key in choice["columns"] if key in known],
        format=kind,
        contacts=_selection(request, choice["scope"], [(name, value) for name, value in choice["view"]], choice["ids"]),
        exact=choice["exact"],
    )
    media_type, ending = FORMATS[kind]
    name = f"{request.language.text('contacts')}-{now().astimezone(request.site.settings.zone):%Y-%m-%d}.{ending}"
    return Stream(
        export_pieces(request.site, export, request.language),
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _posted_view(form: Form) -> Pairs:
    """The view that came with the form: as one field from this page, or as fields of their own from the list."""
    if "view" in form.fields:
        return parse_qsl(form.text("view"))
    return [(name, value) for name, values in form.fields.items() if name not in OWN_NAMES for value in values]


def _ids(texts: Iterable[str]) -> list[int]:
    found = dict.fromkeys(int(text) for text in texts if re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII))
    if len(found) > MAX_TICKED:
        raise InvalidInput("These are too many contacts to tick: %(max)s at most. Use a filter.", max=MAX_TICKED)
    return list(found)


def _selection(request: Request, scope: str, view: Pairs, ids: Sequence[int]) -> Select[tuple[int]] | None:
    """The contacts that are meant, as a select of ids; None for all. Raises InvalidInput for a view that can't be."""
    if scope == "all":
        return None
    if scope == "view":
        return contacts_of(request.site, read_view(view, request.site, request.allows))
    return select(contacts.c.id).where(contacts.c.id.in_(ids))


def _choice(request: Request, form: Form, view: Pairs, ids: Sequence[int]) -> dict[str, Any] | None:
    """What the form says, checked; what is wrong becomes an error of its field."""
    offered = file_columns(request.site, request.allows)
    scope, kind = form.text("scope") or ("ticked" if ids else "view"), form.text("format")
    # Checked now, where it can still be said kindly.
    _selection(request, scope if scope in ("all", "view", "ticked") else "view", view, ids)
    if scope not in ("all", "view", "ticked") or (scope == "ticked" and not ids):
        form.fail(InvalidInput("Choose which contacts to export."), "scope")
    if kind not in FORMATS:
        form.fail(InvalidInput("Choose a kind of file."), "format")
    wanted = set(form.texts("column"))
    columns = [column.key for column in offered if column.key in wanted or not form.ticked("chosen")]
    if not columns:
        form.fail(InvalidInput("Choose at least one column."), "column")
    if form.errors:
        return None
    return {
        "scope": scope,
        "view": [list(pair) for pair in view] if scope == "view" else [],
        "ids": list(ids) if scope == "ticked" else [],
        "format": kind,
        "columns": columns,
        "exact": form.ticked("exact"),
    }


def _page(request: Request, form: Form, view: Pairs, ids: Sequence[int], *, status: int = 200) -> Response[str]:
    language = request.language
    read = read_view(view, request.site, request.allows)
    offered = file_columns(request.site, request.allows)
    scope = form.text("scope") or ("ticked" if ids else "view" if read.parameters() else "all")
    wanted = set(form.texts("column")) if form.ticked("chosen") else {column.key for column in offered}
    errors = {name: language.text(error.message, **error.values) for name, error in form.errors.items()}
    return request.page(
        "contacts/export.html",
        status=status,
        path=PATH,
        view=urlencode(view),
        ids=[str(one) for one in ids],
        scope=scope,
        scopes=_scopes(request, view, ids),
        formats=[
            {"value": kind, "label": language.text(label), "hint": language.text(hint)}
            for kind, (label, hint) in FORMAT_LABELS.items()
        ],
        format=form.text("format") or ("excel" if language.code == "de" else "csv"),
        columns=_column_choices(request, offered),
        wanted=sorted(wanted),
        exact=form.ticked("exact"),
        errors=errors,
        problems=[{"text": text, "href": f"#field-{name}"} for name, text in errors.items()],
        back=f"{LIST_PATH}?{urlencode(view)}" if view else LIST_PATH,
    )


def _scopes(request: Request, view: Pairs, ids: Sequence[int]) -> list[dict[str, str]]:
    """Which contacts can be meant, each with its number."""
    language = request.language
    wanted = [("all", "All contacts", "The inactive ones included")]
    if view:
        wanted.append(("view", "The contacts of the list", "With its tab, search and filters as they are"))
    if ids:
        wanted.append(("ticked", "The ticked contacts", ""))
    scopes = []
    with request.site.session() as session:
        for value, label, hint in wanted:
            selection = _selection(request, value, view, ids)
            counted = select(func.count(contacts.c.id)).where(contacts.c.merged_into_id.is_(None))
            if selection is not None:
                counted = counted.where(contacts.c.id.in_(selection))
            number = language.number(session.scalar(counted))
            scopes.append({"value": value, "label": f"{language.text(label)} ({number})", "hint": language.text(hint)})
    return scopes


def _column_choices(request: Request, offered: Sequence[FileColumn]) -> list[dict[str, str]]:
    return [
        {"value": column.key, "label": label}
        for column, label in zip(offered, headings(offered, request.language), strict=True)
    ]


ROUTES: list[Any] = [export_form, export_sent, export_file]
