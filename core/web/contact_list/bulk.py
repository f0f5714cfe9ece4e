"""„Aktionen“ for ticked contacts: what was chosen is written down, asked about where it must be, then done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import true
from sqlalchemy.orm import Session

from core.contacts.bulk.actions import action_of
from core.contacts.bulk.models import Selection
from core.contacts.bulk.running import (
    Started,
    done_message,
    is_large,
    start,
    take_back,
    undo_path,
)
from core.contacts.bulk.selections import (
    count_changing,
    find_selection,
    first_names,
    select_matching,
    select_ticked,
    selected_contacts,
)
from core.contacts.views import LIST_PATH, View, read_view
from core.errors import Conflict, InvalidInput, NotFound, TresenError
from core.values import BulkAction, BulkField, Choice
from core.web.jobs import job_path, redirect_to_job, with_next
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post

PATH = f"{LIST_PATH}/bulk"
EXPORT_PATH = f"{LIST_PATH}/export"
SHOWN_NAMES = 5


# What the list shows


def bulk_bar(request: Request, view: View, here: str) -> dict[str, Any] | None:
    """What the bar under the list needs; None when there is nothing this person may do with many contacts."""
    entries: list[dict[str, Any]] = [
        {
            "label": request.language.text(action.label),
            "icon": action.icon,
            "name": "action",
            "value": action.key,
            "form": "bulk",
            "danger": action.dangerous,
            "ask": action.asks,
        }
        for action in request.site.contributions.contact_bulk_actions.values()
        if request.allows(action.permission) and _fits(action, view)
    ]
    if request.allows("contact.export"):
        # That page takes the ticks or the view as they are: nothing is changed, so nothing is written down.
        entries.append(
            {
                "label": request.language.text("Export"),
                "icon": "download",
                "name": "action",
                "value": "contact.export",
                "form": "bulk",
                "formaction": EXPORT_PATH,
            }
        )
        # What can't be brought back stands last.
        entries.sort(key=lambda entry: bool(entry.get("danger")))
    if not entries:
        return None
    return {"action": PATH, "entries": entries, "fields": {"view": urlencode(view.parameters()), "next": here}}


def _fits(action: BulkAction, view: View) -> bool:
    return action.only is None or (action.only == "inactive") == (view.tab == "inactive")


# Choosing


@post(PATH, permission="contact.view")
def choose(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Write down which contacts are meant: the ticked ones, or all that match; and do it, or ask before."""
    site, back = request.site, _back(form.text("next"))
    action = site.contributions.contact_bulk_actions.get(form.text("action"))
    if action is None:
        raise NotFound("There is no such action. Its module may be switched off.")
    _check_allowed(request, action)
    everything = form.ticked("all_matching")
    view = read_view(parse_qsl(form.text("view")), site, request.allows) if everything else None
    ticked = [int(one) for one in form.texts("id") if one.isascii() and one.isdigit() and len(one) <= 18]
    if view is None and not ticked:
        return request.redirect(back, "Tick the contacts first that this is meant for.", kind="info")
    started = None
    try:
        with site.begin() as session:
            if view is not None:
                selection = select_matching(session, site, view, action=action.key, actor=request.actor)
            else:
                selection = select_ticked(session, ticked, action=action.key, actor=request.actor)
            if selection.chosen and not action.href and not _is_asked(action, selection, everything):
                started = start(session, site, selection, {}, request.actor)
    except InvalidInput as error:
        return _not_done(request, back, error)
    if not selection.chosen:
        return request.redirect(back, "None of these contacts exists any more.", kind="info")
    if action.href:
        return request.redirect(with_next(action.href.replace("{selection_id}", str(selection.id)), back))
    if started is None:
        return request.redirect(with_next(f"{PATH}/{selection.id}", back))
    return answer_started(request, selection, action, started, back)


def _is_asked(action: BulkAction, selection: Selection, everything: bool) -> bool:
    """With „all that match“ nobody has seen them all, so the number is shown before anything is done."""
    return action.asks or everything or is_large(selection)


def _check_allowed(request: Request, action: BulkAction) -> None:
    if not request.allows(action.permission):
        raise PermissionDeniedException("Your role does not allow this.")


# Asking


@get(f"{PATH}/{{selection_id:int}}", permission="contact.view")
def ask(request: Request, selection_id: FromPath[int], next: FromQuery[str] = "") -> Response[str] | Redirect:
    """What will be done, to how many, and what has to be said first."""
    with request.site.session() as session:
        selection = find_selection(session, selection_id, request.actor)
        action = _offered(request, selection)
        if selection.started_at is not None:
            return request.redirect(job_path(selection.job_id, next) if selection.job_id else _back(next))
        return _page(request, session, selection, action, Form(fields={"next": [next]}))


@post(f"{PATH}/{{selection_id:int}}", permission="contact.view")
def do(request: Request, form: FormInput, selection_id: FromPath[int]) -> Response[str] | Redirect:
    """Do it to exactly the contacts that were chosen; sent twice, it is done once."""
    site = request.site
    with site.session() as session:
        selection = find_selection(session, selection_id, request.actor)
        action = _offered(request, selection)
        values = read_asked(request, form, action, session, selection)
        if _must_type(action, selection) and form.text("confirm") != str(selection.chosen):
            form.fail(InvalidInput("Type the number to confirm.", field="confirm"))
        if form.errors:
            return _page(request, session, selection, action, form, status=422)
    try:
        with site.begin() as session:
            selection = find_selection(session, selection_id, request.actor)
            started = start(session, site, selection, values, request.actor)
    except InvalidInput as error:
        form.fail(error, error.field or "")
        with site.session() as session:
            selection = find_selection(session, selection_id, request.actor)
            return _page(request, session, selection, action, form, status=422)
    return answer_started(request, selection, action, started, _back(form.text("next")))


@post(f"{PATH}/{{selection_id:int}}/undo", permission="contact.view")
def undo(request: Request, form: FormInput, selection_id: FromPath[int], next: FromQuery[str] = "") -> Redirect:
    """„Rückgängig“: exactly what was changed, and nothing else."""
    site = request.site
    with site.session() as session:
        selection = find_selection(session, selection_id, request.actor)
        action = action_of(site, selection.action)
        inverse = action_of(site, action.undo) if action and action.undo else None
        if inverse is not None:
            _check_allowed(request, inverse)
        back = _back(form.text("next") or next)
    try:
        with site.begin() as session:
            selection, started = take_back(session, site, selection_id, request.actor)
    except (Conflict, InvalidInput) as error:
        return _not_done(request, back, error)
    if started.job_id is not None:
        return redirect_to_job(request, started.job_id, back)
    return request.redirect(
        back,
        "Taken back for %(count)s contacts." if started.changed != 1 else "Taken back for one contact.",
        kind="info",
        count=request.language.number(started.changed),
    )


def _back(path: str) -> str:
    return local_path(path or LIST_PATH)


def _not_done(request: Request, back: str, error: TresenError) -> Redirect:
    text = request.language.text(error.message, **error.values)
    return request.redirect(back, "%(text)s", kind="error", text=text)


def _offered(request: Request, selection: Selection) -> BulkAction:
    action = request.site.contributions.contact_bulk_actions.get(selection.action)
    if action is None:
        raise NotFound("There is no such action. Its module may be switched off.")
    _check_allowed(request, action)
    return action


def answer_started(request: Request, selection: Selection, action: BulkAction, started: Started, back: str) -> Redirect:
    """Where it goes on: the page of the job, or `back` to the list with what was done."""
    if started.job_id is not None:
        return redirect_to_job(request, started.job_id, back)
    language, left = request.language, selection.chosen - started.changed
    gone = selection.wanted - selection.chosen
    texts = []
    if started.changed:
        values = {**selection.values, "count": language.number(started.changed)}
        texts.append(language.text(done_message(action, started.changed), **values))
    if left:
        texts.append(language.text("Left as it was: %(count)s.", count=language.number(left)))
    if gone:
        texts.append(language.text("No longer there: %(count)s.", count=language.number(gone)))
    return request.redirect(
        back,
        "%(text)s",
        kind="success" if started.changed else "info",
        undo=with_next(undo_path(selection.id), back) if action.undo and started.changed else "",
        text=" ".join(texts),
    )


# The page


def _must_type(action: BulkAction, selection: Selection) -> bool:
    """Whether the number has to be typed: for what is dangerous, when there are many."""
    return action.dangerous and is_large(selection)


def read_asked(
    request: Request, form: Form, action: BulkAction, session: Session, selection: Selection
) -> dict[str, str]:
    """What the action asks for, by name; what is wrong with one becomes an error of its field."""
    values = {}
    for one in action.fields:
        value = form.text(one.name, multiline=one.kind == "textarea")
        if one.required and not value:
            message = "Choose one." if one.kind in ("choice", "select") else "Fill this in."
            form.fail(InvalidInput(message, field=one.name))
        elif len(value) > one.max_length:
            form.fail(InvalidInput("This is too long: %(max)s characters at most.", field=one.name, max=one.max_length))
        elif value and one.kind in ("choice", "select") and value not in _values_of(request, session, selection, one):
            form.fail(InvalidInput("Choose one from the list.", field=one.name))
        values[one.name] = value
    return values


def _choices_of(request: Request, session: Session, selection: Selection, one: BulkField) -> Sequence[Choice]:
    if callable(one.choices):
        return one.choices(session, selected_contacts(session, selection.id, request.actor))
    return one.choices


def _values_of(request: Request, session: Session, selection: Selection, one: BulkField) -> set[str]:
    return {choice.value for choice in _choices_of(request, session, selection, one)}


def _page(
    request: Request,
    session: Session,
    selection: Selection,
    action: BulkAction,
    form: Form,
    status: int = 200,
) -> Response[str]:
    language = request.language
    names = first_names(session, selection, SHOWN_NAMES)
    changing = selection.chosen
    if not action.fields:
        condition = action.changes({}) if action.changes else true()
        changing = count_changing(session, selection, condition)
    errors: Mapping[str, str] = {
        name: language.text(error.message, **error.values) for name, error in form.errors.items()
    }
    return request.page(
        "contacts/bulk.html",
        status=status,
        action=action,
        title=language.text(action.label).removesuffix("…").rstrip(),
        path=f"{PATH}/{selection.id}",
        back=_back(form.text("next")),
        chosen=selection.chosen,
        gone=selection.wanted - selection.chosen,
        left=selection.chosen - changing,
        names=names,
        more=selection.chosen - len(names),
        fields=[_field(request, session, selection, one, form) for one in action.fields],
        values=form.values,
        errors=errors,
        word=str(selection.chosen) if _must_type(action, selection) else None,
        large=is_large(selection),
    )


def _field(request: Request, session: Session, selection: Selection, one: BulkField, form: Form) -> dict[str, Any]:
    translate = request.language.text if one.translate_choices else str
    return {
        "name": one.name,
        "label": request.language.text(one.label),
        "hint": request.language.text(one.hint) if one.hint else None,
        "kind": one.kind,
        "required": one.required,
        "value": form.text(one.name, multiline=True),
        "options": [
            {"value": choice.value, "label": translate(choice.label)}
            for choice in _choices_of(request, session, selection, one)
        ],
        "suggestions": list(one.suggestions(session)) if one.suggestions else [],
    }


ROUTES: list[Any] = [choose, ask, do, undo]
