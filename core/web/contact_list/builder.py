"""The page on which conditions are combined with „und“, „oder“ and „nicht“, and saved as a view (FEATURES L6)."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve
from litestar.params import FromPath
from litestar.response import Redirect, Response

from core.contacts.counts import COUNTED_UP_TO
from core.contacts.criteria import Group, read_json
from core.contacts.layouts import layout_of
from core.contacts.matching import TAB_CONDITIONS, match
from core.contacts.narrowing import count_up_to
from core.contacts.segments import add_segment, change_segment
from core.contacts.views import LIST_PATH, TABS, Tab, View, read_view
from core.contacts.wording import Wording
from core.errors import Conflict, InvalidInput
from core.plugins import plugin_of
from core.site import builtin_keys
from core.values import Filter
from core.web.contact_list.building import Box, Condition, apply, from_form, from_group, has_errors, to_group
from core.web.contact_list.columns import places_of
from core.web.contact_list.filtering import offered_filters
from core.web.contact_list.saying import say
from core.web.contact_list.segments import PATH, SHARING, keeper_of, saved_redirect
from core.web.contact_list.typed import inputs
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

NEW = f"{PATH}/new"
ONE = f"{PATH}/{{segment_id:int}}"

LISTED = 60
"""Choices of a condition that are shown at once; the others are found by their names."""


@get(NEW, permission="contact.view")
def new_segment(request: Request) -> Response[str]:
    """Begin with what the list shows."""
    view = read_view(request.query_params.multi_items(), request.site, request.allows)
    # A new view is nobody's changed one; of the one it is made from it takes the words.
    form = Form(fields={"from": [str(view.segment.id)]} if view.segment else {})
    return _page(request, _unsaved(view), from_group(request.site, view.conditions), form)


@post(NEW, permission="contact.view")
def new_segment_sent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Change the form, show the contacts, or save."""
    return _sent(request, View(), form)


@get(ONE, permission="contact.view")
def edit_segment(request: Request, segment_id: FromPath[int]) -> Response[str]:
    """A saved view with what was changed in the list."""
    view = _existing(request, segment_id)
    assert view.segment is not None
    form = Form(fields={"name": [view.segment.name], "shared": ["1"] if view.segment.account_id is None else []})
    return _page(request, view, from_group(request.site, view.conditions), form)


@post(ONE, permission="contact.view")
def segment_sent(request: Request, segment_id: FromPath[int], form: FormInput) -> Response[str] | Redirect:
    """Change the form, show the contacts, or save."""
    return _sent(request, _existing(request, segment_id), form)


def _unsaved(view: View) -> View:
    return evolve(view, segment=None, filters=(), search="", where=view.conditions)


def _existing(request: Request, segment_id: int) -> View:
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "segment"]
    view = read_view([("segment", str(segment_id)), *pairs], request.site, request.allows)
    assert view.segment is not None
    if not keeper_of(request).may_change(view.segment):
        raise InvalidInput("You may not change this view. Save it under another name.")
    return view


def _sent(request: Request, start: View, form: Form) -> Response[str] | Redirect:
    site = request.site
    do = form.text("do")
    box = from_form(site, form)
    view = _view_of(request, start, form)
    if do not in ("save", "show"):
        focus = apply(box, do)
        return _page(request, view, box, form, focus=focus)
    where = to_group(site, box, request.allows, complete=True)
    if has_errors(box):
        return _page(request, view, box, form, status=422)
    try:
        where = read_json(where.simplified().as_json())
        view = _with(request, view, where)
        if do == "show":
            return request.redirect(view.address())
        segment_id = _save(request, view, form)
    except InvalidInput as error:
        form.fail(error)
        return _page(request, view, box, form, status=422)
    except Conflict as error:
        form.fail(InvalidInput(error.message))
        return _page(request, view, box, form, status=409)
    return saved_redirect(request, segment_id, form.text("name"))


def _view_of(request: Request, start: View, form: Form) -> View:
    """The view that the form began with: its tab, order and columns; the conditions are in the form."""
    source = str(start.segment.id) if start.segment else form.text("from")
    pairs = [("segment", source)] if source else []
    pairs += [(name, form.text(name)) for name in ("sort", "columns") if form.text(name)]
    view = read_view(pairs, request.site, request.allows)
    if start.segment is None:
        view = evolve(view, segment=None)
    if form.text("tab") in TABS:
        view = view.in_tab(cast(Tab, form.text("tab")))
    return evolve(view, where=Group())


def _with(request: Request, view: View, where: Group) -> View:
    """The view with these conditions, and with what the person may not ask for."""
    known = request.site.contributions.contact_filters
    forbidden = {
        one.filter
        for one in where.criteria()
        if one.filter in known and not request.allows(known[one.filter].permission)
    }
    return evolve(view, where=where, forbidden=frozenset(forbidden))


def _save(request: Request, view: View, form: Form) -> int:
    site, keeper = request.site, keeper_of(request)
    name, shared = form.text("name"), form.ticked("shared")
    with site.begin() as session:
        if view.segment is None:
            layout = layout_of(places_of(request, view))
            return add_segment(session, site, keeper, view, name=name, shared=shared, layout=layout)
        # The version of when the form was opened, so that nobody's change is lost.
        saved = evolve(view.segment, version=form.whole_number("version") or 0)
        change_segment(session, site, keeper, saved, view, layout=view.layout, name=name, shared=shared)
        return saved.id


# The page


def _page(request: Request, view: View, box: Box, form: Form, *, status: int = 200, focus: str = "") -> Response[str]:
    site, language = request.site, request.language
    filters = offered_filters(request)
    group = to_group(site, box, request.allows, complete=status != 200)
    shown = _with(request, view, group.simplified())
    wording = Wording(site=site, language=language, view=shown)
    matching = match(site, shown)
    count = ""
    if not matching.broken:
        with site.session() as session:
            conditions = (*TAB_CONDITIONS[shown.tab], *matching.hints, *matching.conditions)
            number = count_up_to(session, conditions, COUNTED_UP_TO)
        capped = number > COUNTED_UP_TO
        count = (
            language.plural("%(n)s contact", "%(n)s contacts", min(number, COUNTED_UP_TO))
            if not capped
            else (language.text("more than %(number)s contacts", number=language.number(COUNTED_UP_TO)))
        )
    saved = view.segment
    errors = {name: language.text(error.message, **error.values) for name, error in form.errors.items()}
    return request.page(
        "contacts/segment.html",
        status=status,
        saved=saved.name if saved else "",
        action=f"{PATH}/{saved.id}" if saved else NEW,
        back=view.as_saved().address() if saved else LIST_PATH,
        values=form.values,
        shared=form.ticked("shared"),
        may_share=request.allows(SHARING),
        errors=errors,
        hidden={
            "sort": view.order if view.order != view.as_saved().order and not view.lost_sort else "",
            "columns": ",".join(view.layout or ()),
            "from": form.text("from"),
            "version": form.text("version") or (str(saved.version) if saved else ""),
        },
        tab=view.tab,
        tabs=[{"value": value, "label": language.text(label)} for value, label in TABS.items()],
        box=_box(request, wording, filters, box),
        count=count,
        said=wording.group(shown.where),
        notices=[say(language, notice) for notice in matching.notices],
        focus=focus,
    )


def _box(request: Request, wording: Wording, filters: list[Filter], box: Box) -> dict[str, Any]:
    return {
        "is_box": True,
        "name": box.name,
        "join": box.join,
        "may_hold_groups": box.may_hold_groups,
        "items": [
            _condition(request, wording, filters, item)
            if isinstance(item, Condition)
            else _box(request, wording, filters, item)
            for item in box.items
        ],
    }


def _condition(request: Request, wording: Wording, filters: list[Filter], condition: Condition) -> dict[str, Any]:
    language = request.language
    offered = next((one for one in filters if one.key == condition.filter), None)
    options: list[dict[str, Any]] = []
    left_out, typed, labels = 0, None, {}
    if offered is not None:
        labels = dict(wording.choices(offered.key))
    if offered is not None and offered.kind == "choices":
        find = condition.find.casefold()
        pairs = [(value, labels.get(value) or wording.value(offered.key, value)) for value in condition.values]
        pairs += [(value, label) for value, label in labels.items() if value not in condition.values]
        found = [pair for pair in pairs if pair[0] in condition.values or find in pair[1].casefold()]
        left_out = max(0, len(found) - max(LISTED, len(condition.values)))
        options = [
            {"value": value, "label": label, "chosen": value in condition.values}
            for value, label in found[: max(LISTED, len(condition.values))]
        ]
    elif offered is not None:
        typed = inputs(language, offered, condition.typed, labels, prefix=f"{condition.name}-", place=condition.name)
    groups: dict[str, list[dict[str, str]]] = {}
    for one in filters:
        plugin = plugin_of(one.key)
        owner = language.text("Contact" if plugin in builtin_keys() else wording.site.plugin_label(plugin))
        groups.setdefault(owner, []).append({"value": one.key, "label": language.text(one.label)})
    if condition.filter and offered is None:
        # It stays until it is removed: the view would mean something else without it.
        groups.setdefault("…", []).append({"value": condition.filter, "label": wording.label(condition.filter)})
    return {
        "is_box": False,
        "name": condition.name,
        "filter": condition.filter,
        "label": wording.label(condition.filter) if condition.filter else "",
        "filters": [{"group": name, "options": found} for name, found in groups.items()],
        "negated": condition.negated,
        "kind": offered.kind if offered else "",
        "kept": [] if offered else condition.values,
        "options": options,
        "chosen": [one["label"] for one in options if one["chosen"]],
        "find": condition.find,
        "searchable": len(labels) > 10,
        "left_out": left_out,
        "typed": typed,
        "error": language.text(condition.error.message, **condition.error.values) if condition.error else "",
        "error_at": condition.error.field if condition.error else None,
    }
