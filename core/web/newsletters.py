"""„Newsletter“: the list of all of them, and the form that writes one, or one message to chosen contacts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from attrs import frozen
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.bulk.selections import find_selection
from core.contacts.files import remove_bytes, storing
from core.contacts.segments import list_segments
from core.errors import InvalidInput
from core.messages.composing import MAX_FILES, MAX_TOTAL
from core.messages.models import Audience, Newsletter
from core.messages.newsletter_numbers import Numbers, numbers_of
from core.messages.newsletters import (
    Draft,
    DraftChanged,
    add_draft,
    change_draft,
    clean_newsletter_subject,
    clean_newsletter_text,
    draft_of,
    files_of,
    find_newsletter,
    list_newsletters,
    remove_draft,
)
from core.messages.placeholders import PLACEHOLDER_LABELS
from core.messages.states import NEWSLETTER_LABELS, NEWSLETTER_SIGNS
from core.messages.texts import offered_texts, text_of
from core.messages.topics import MessageKind, chosen_kind, may_be_personal, message_kinds
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post

HERE = "/dashboard/newsletters"
MAX_BODY = 2 * MAX_TOTAL + 1_000_000
SEGMENT = "segment:"
"""Before the number of a view, among the values of the field `audience`."""

SIDES = {
    "audience": "Who is to get it?",
    "purpose": "What is this message for?",
    "subject": "Subject",
    "text": "Text",
}
"""What two people may have written differently, by field → its label, a message id."""

CLEAN: dict[str, Callable[[str], str]] = {"subject": clean_newsletter_subject, "text": clean_newsletter_text}


@frozen(kw_only=True)
class Meant:
    """Whom the form is for: the chosen contacts, where they were chosen already, and how many those are."""

    selection_id: int | None = None
    number: int = 0


def newsletter_path(newsletter_id: int, *parts: str) -> str:
    """The address of a newsletter, or of something below it."""
    return "/".join([f"{HERE}/{newsletter_id}", *parts])


# The list


@get(HERE, permission="message.newsletter")
def newsletter_list(request: Request, before: FromQuery[str] = "") -> Response[str]:
    """All newsletters, drafts too, the newest first, with their numbers."""
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 0
    with request.site.session() as session:
        rows, older = list_newsletters(session, before=place)
        numbers = numbers_of(session, rows)
    return request.page(
        "messages/newsletters.html",
        rows=[_line(request, row, numbers[row.id]) for row in rows],
        new=f"{HERE}/new",
        newest=HERE if place else None,
        older=f"{HERE}?before={older}" if older else None,
    )


def _line(request: Request, row: Newsletter, numbers: Numbers) -> dict[str, Any]:
    tone, icon = NEWSLETTER_SIGNS[row.state]
    moment = row.started_at or row.created_at
    return {
        "id": row.id,
        "subject": row.subject,
        "href": newsletter_path(row.id),
        "state": request.language.text(NEWSLETTER_LABELS[row.state]),
        "tone": tone,
        "icon": icon,
        "is_draft": row.state == "draft",
        "numbers": numbers,
        "time": request.language.date(moment),
        "iso": moment.isoformat(),
        "remove": newsletter_path(row.id, "remove"),
    }


# Writing


@get(f"{HERE}/new", permission="message.newsletter")
def new_newsletter(request: Request, selection: FromQuery[str] = "", next: FromQuery[str] = "") -> Response[str]:
    """The empty form: for a view, or for the contacts that were chosen in the list."""
    meant = _chosen(request, selection)
    form = Form(
        fields={
            "selection": [selection if meant.selection_id else ""],
            "next": [next],
            "once": [secrets.token_urlsafe(16)],
            "purpose": ["marketing"],
        }
    )
    return _page(request, form, meant, None)


@post(f"{HERE}/new", permission="message.newsletter", max_body=MAX_BODY)
def add_newsletter(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Start from a template, or keep the draft and show who gets it."""
    return _save(request, form, _chosen(request, form.text("selection")), None)


@get(f"{HERE}/{{newsletter_id:int}}/edit", permission="message.newsletter")
def edit_newsletter(request: Request, newsletter_id: FromPath[int]) -> Response[str] | Redirect:
    """The form with a draft."""
    with request.site.session() as session:
        row = find_newsletter(session, newsletter_id)
        meant = _meant_by(session, row)
    if row.state != "draft":
        return request.redirect(newsletter_path(newsletter_id))
    fields = {**_typed(draft_of(row)), "version": str(row.version)}
    return _page(request, Form(fields={name: [value] for name, value in fields.items()}), meant, row)


def _typed(draft: Draft) -> dict[str, str]:
    """A draft as it stands in the fields of the form."""
    audience = f"{SEGMENT}{draft.segment_id}" if draft.audience == "segment" else draft.audience
    return {
        "subject": draft.subject,
        "text": draft.text,
        "purpose": draft.topic or draft.purpose,
        "audience": audience,
    }


@post(f"{HERE}/{{newsletter_id:int}}/edit", permission="message.newsletter", max_body=MAX_BODY)
def change_newsletter(request: Request, form: FormInput, newsletter_id: FromPath[int]) -> Response[str] | Redirect:
    """Start from a template, or change the draft."""
    with request.site.session() as session:
        row = find_newsletter(session, newsletter_id)
        meant = _meant_by(session, row)
    return _save(request, form, meant, row)


@post(f"{HERE}/{{newsletter_id:int}}/remove", permission="message.newsletter")
def remove_newsletter(request: Request, newsletter_id: FromPath[int]) -> Redirect:
    """Throw a draft away."""
    with request.site.begin() as session:
        gone = remove_draft(session, newsletter_id)
    remove_bytes(request.site.settings.data_dir, gone)
    return request.redirect(HERE, "The draft is removed.")


def _chosen(request: Request, selection: str) -> Meant:
    """The contacts that were chosen in the list. Raises NotFound for somebody else's choice."""
    if not selection:
        return Meant()
    number = int(selection) if selection.isascii() and selection.isdigit() and len(selection) < 19 else 0
    with request.site.session() as session:
        found = find_selection(session, number, request.actor)
        return Meant(selection_id=found.id, number=found.chosen)


def _meant_by(session: Any, row: Newsletter) -> Meant:
    if row.audience != "selection":
        return Meant()
    return Meant(selection_id=0, number=numbers_of(session, [row])[row.id].chosen)


def _save(request: Request, form: Form, meant: Meant, row: Newsletter | None) -> Response[str] | Redirect:
    if form.text("do") == "template":
        return _page(request, _started(request, form), meant, row)
    site, uploads = request.site, form.file("files")
    if row is not None:
        form = _chosen_sides(form, row)
    draft = _read(request, form, meant)
    if len(uploads) > MAX_FILES:
        form.fail(InvalidInput("%(max)s files at most.", field="files", max=MAX_FILES))
    if form.errors or draft is None:
        return _page(request, form, meant, row, status=422)
    removed = [int(one) for one in form.texts("removed") if one.isascii() and one.isdigit() and len(one) < 19]
    gone: list[str] = []
    try:
        with storing(site.settings.data_dir) as store:
            saved = [store.save(upload.filename, upload.file, limit=MAX_TOTAL) for upload in uploads]
            with site.begin() as session:
                if row is None:
                    newsletter_id = add_draft(
                        session,
                        site,
                        draft,
                        actor=request.actor,
                        selection_id=meant.selection_id,
                        files=saved,
                        once=_once(request, form),
                    )
                else:
                    newsletter_id = row.id
                    version = form.whole_number("version") or 0
                    gone = change_draft(
                        session,
                        site,
                        row.id,
                        draft,
                        version=version,
                        actor=request.actor,
                        files=saved,
                        removed=removed,
                    )
    except DraftChanged as conflict:
        return _conflict_page(request, form, newsletter_id, conflict, removed)
    except InvalidInput as error:
        form.fail(error)
        return _page(request, form, meant, row, status=422)
    remove_bytes(site.settings.data_dir, gone)
    return request.redirect(newsletter_path(newsletter_id))


def _chosen_sides(form: Form, row: Newsletter) -> Form:
    """The form with the stored values where they were chosen on the page that shows both."""
    if form.text("take") == "yours":
        return form
    theirs = {name: [value] for name, value in _typed(draft_of(row)).items() if form.text(f"choose-{name}") == "theirs"}
    return Form(fields={**form.fields, **theirs}, files=form.files, errors=form.errors)


def _conflict_page(
    request: Request, form: Form, newsletter_id: int, conflict: DraftChanged, removed: list[int]
) -> Response[str]:
    """Both sides of what two people wrote, to choose from; saving goes against what was just read (T-F1)."""
    text = request.language.text
    kinds = {one.value: one.label for one in message_kinds(request.site, request.language.code)}
    audiences = {"all": text("All contacts"), **{value: name for value, name, _ in _views(request)}}
    yours, theirs = _typed(conflict.yours), _typed(conflict.theirs)

    def words(name: str, value: str) -> str:
        if name == "purpose":
            return kinds.get(value, value)
        if name == "audience":
            return audiences.get(value) or text("A view that does not exist any more")
        return value

    return request.page(
        "messages/newsletter_conflict.html",
        status=409,
        rows=[
            {
                "name": name,
                "label": text(label),
                "yours": words(name, yours[name]),
                "theirs": words(name, theirs[name]),
                "differs": yours[name] != theirs[name],
                "chosen": "yours",
            }
            for name, label in SIDES.items()
            if name != "audience" or conflict.theirs.audience != "selection"
        ],
        theirs_name=conflict.by or text("somebody else"),
        hidden={**yours, "version": str(conflict.version)},
        removed=[str(one) for one in removed],
        had_files=bool(form.file("files")),
        action=newsletter_path(newsletter_id, "edit"),
        back=newsletter_path(newsletter_id),
    )


def _once(request: Request, form: Form) -> str | None:
    # The button pressed twice makes one draft (THREATS T-P1).
    typed = form.text("once")
    return hashlib.sha256(f"{request.actor.id} {typed}".encode()).hexdigest() if typed else None


def _read(request: Request, form: Form, meant: Meant) -> Draft | None:
    """What was typed; what is wrong becomes an error of its field."""
    cleaned: dict[str, str] = {}
    for name, clean in CLEAN.items():
        try:
            cleaned[name] = clean(form.text(name, multiline=name == "text"))
        except InvalidInput as error:
            form.fail(error, name)
    kind: MessageKind | None = None
    try:
        kind = chosen_kind(message_kinds(request.site, request.language.code), form.text("purpose"))
    except InvalidInput as error:
        form.fail(error)
    audience, segment_id = _audience(request, form, meant)
    if form.errors or kind is None or audience is None:
        return None
    return Draft(
        subject=cleaned["subject"],
        text=cleaned["text"],
        purpose=kind.purpose,
        topic=kind.topic,
        audience=audience,
        segment_id=segment_id,
    )


def _audience(request: Request, form: Form, meant: Meant) -> tuple[Audience | None, int | None]:
    if meant.selection_id is not None:
        return "selection", None
    typed = form.text("audience")
    if typed == "all":
        return "all", None
    offered = {value: segment_id for value, _, segment_id in _views(request)}
    if typed in offered:
        return "segment", offered[typed]
    form.fail(InvalidInput("Choose who is to get it.", field="audience"))
    return None, None


def _views(request: Request) -> list[tuple[str, str, int]]:
    """The views that this person can write to: value, name, number."""
    assert request.person is not None
    with request.site.session() as session:
        return [(f"{SEGMENT}{one.id}", one.name, one.id) for one in list_segments(session, request.person.id)]


def _kinds(request: Request, meant: Meant) -> list[MessageKind]:
    """What it can be for: personal only for a few who were chosen."""
    kinds = message_kinds(request.site, request.language.code)
    if meant.selection_id is not None and may_be_personal("selection", meant.number):
        return kinds
    return [one for one in kinds if one.purpose != "personal"]


def _started(request: Request, form: Form) -> Form:
    """The form with the chosen template in it; what was typed stays below it."""
    key = form.text("template")
    if not key:
        form.fail(InvalidInput("Choose a template.", field="template"))
        return form
    code = request.site.settings.language
    with request.site.session() as session:
        started = text_of(session, request.site, key, code)
        before = form.text("applied")
        known = text_of(session, request.site, before, code) if before else None
    typed, subject = form.text("text", multiline=True), form.text("subject")
    if known is not None and typed == known.text.strip():
        typed = ""
    if known is not None and subject == known.subject:
        subject = ""
    values = {
        "subject": subject or started.subject,
        "text": f"{started.text}\n\n{typed}" if typed else started.text,
        "applied": key,
    }
    fields = {**form.fields, **{name: [value] for name, value in values.items()}}
    return Form(fields=fields, files=form.files, errors=form.errors)


def _page(request: Request, form: Form, meant: Meant, row: Newsletter | None, *, status: int = 200) -> Response[str]:
    site, text = request.site, request.language.text
    with site.session() as session:
        kinds = _kinds(request, meant)
        offered = offered_texts(session, site)
        files = files_of(session, row.id) if row is not None else []
    back = form.text("next")
    return request.page(
        "messages/newsletter_form.html",
        status=status,
        is_new=row is None,
        is_chosen=meant.selection_id is not None,
        chosen=meant.number,
        action=newsletter_path(row.id, "edit") if row is not None else f"{HERE}/new",
        back=newsletter_path(row.id) if row is not None else local_path(back) if back else HERE,
        values={
            name: form.text(name, multiline=name == "text")
            for name in ("subject", "text", "purpose", "template", "applied", "next", "once", "selection", "audience")
        }
        | {"version": form.text("version")},
        errors=form.errors,
        templates=[{"value": key, "label": text(label) if owner else label} for key, label, owner in offered],
        kinds=[{"value": one.value, "label": one.label, "hint": one.hint or None} for one in kinds],
        audiences=[
            {"value": "all", "label": text("All contacts")},
            *({"value": value, "label": name} for value, name, _ in _views(request)),
        ],
        files=[{"value": str(one.id), "label": one.name} for one in files],
        removed=form.texts("removed"),
        had_files=bool(form.file("files")),
        max_files=MAX_FILES,
        max_megabytes=MAX_TOTAL // 1_000_000,
        placeholders=[(f"{{{{{name}}}}}", text(label)) for name, label in PLACEHOLDER_LABELS.items()],
    )


ROUTES: list[Any] = [
    newsletter_list,
    new_newsletter,
    add_newsletter,
    edit_newsletter,
    change_newsletter,
    remove_newsletter,
]
