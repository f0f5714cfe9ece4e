"""`/dashboard/contacts/import`: upload or paste, preview, import, and what came of it (FEATURES I1 to I6)."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Stream

from core.contacts.files import storing
from core.contacts.tagging import split_tags
from core.contacts.tags import clean_tag
from core.contacts.views import LIST_PATH
from core.errors import InvalidInput
from core.transfer import imports, running
from core.transfer.samples import refused_pieces, sample_pieces
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post
from core.web.transfer.import_views import MAPPED, list_view, options_view, plan_view, state_view

PATH = f"{LIST_PATH}/import"
PERMISSION = "contact.import"

MAX_BODY = imports.MAX_SIZE + 5_000_000


@get(PATH, permission=PERMISSION)
def import_form(request: Request) -> Response[str]:
    """Where a file is chosen, or addresses are pasted."""
    return _start_page(request, Form())


@post(PATH, permission=PERMISSION, max_body=MAX_BODY)
def import_sent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Store the file, find out what it is, and check it."""
    site = request.site
    options = _options(request, form)
    uploads = form.file("file")
    if form.errors:
        return _start_page(request, form, status=422)
    try:
        with storing(site.settings.data_dir) as store:
            if uploads:
                saved = store.save(uploads[0].filename, uploads[0].file, limit=imports.MAX_SIZE)
            else:
                name = request.language.text("Pasted addresses")
                saved = imports.store_text(store, name, form.text("pasted", multiline=True))
            kind, plan = imports.recognise_file(
                site, saved, kind="" if uploads else "paste", chosen=options, allows=request.allows
            )
            with site.begin() as session:
                import_id = imports.new_import(session, saved, request.actor, kind, plan).id
    except InvalidInput as error:
        form.fail(error, error.field if error.field in ("file", "pasted") else "file")
        return _start_page(request, form, status=422)
    if plan["questions"]:
        return request.redirect(f"{PATH}/{import_id}/plan")
    running.check(site, import_id, request.actor)
    return request.redirect(f"{PATH}/{import_id}")


@get(f"{PATH}/sample", permission=PERMISSION)
def sample(request: Request, format: FromQuery[str] = "") -> Stream:
    """The sample file, in the language and kind that its reader opens with a double click."""
    kind: Any = format if format in ("csv", "excel", "xlsx") else "excel" if request.language.code == "de" else "csv"
    ending = "xlsx" if kind == "xlsx" else "csv"
    name = f"{request.language.text('sample')}.{ending}"
    return Stream(
        sample_pieces(request.site, kind, request.language, request.allows),
        media_type="text/csv; charset=utf-8" if ending == "csv" else "application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@get(f"{PATH}/{{import_id:int}}", permission=PERMISSION)
def import_page(request: Request, import_id: FromPath[int]) -> Response[str] | Redirect:
    """An import as it stands: its progress, its preview, or what came of it."""
    with request.site.begin() as session:
        row = imports.find_import(session, import_id, lock=True)
        imports.settle(session, row)
        state = row.state
        if state != "new":
            values = state_view(request, session, row)
    if state == "new":
        return request.redirect(f"{PATH}/{import_id}/plan")
    return request.page("contacts/import.html", path=f"{PATH}/{import_id}", start_path=PATH, **values)


@get(f"{PATH}/{{import_id:int}}/plan", permission=PERMISSION)
def plan_form(request: Request, import_id: FromPath[int]) -> Response[str]:
    """What was recognised, to be corrected, and what was not, to be said."""
    return _plan_page(request, import_id, Form())


@post(f"{PATH}/{{import_id:int}}/plan", permission=PERMISSION)
def plan_sent(request: Request, import_id: FromPath[int], form: FormInput) -> Response[str] | Redirect:
    """Read the file as it was said, and check it anew."""
    chosen = _options(request, form)
    chosen |= {name: form.text(name) for name in ("encoding", "delimiter", "dates", "decimal") if form.text(name)}
    # A tab would have been trimmed away.
    chosen |= {"delimiter": "\t"} if form.text("delimiter") == "tab" else {}
    chosen["unguard"] = form.ticked("unguard")
    if form.text("header"):
        chosen["header"] = form.text("header") == "yes"
    with request.site.session() as session:
        row = imports.find_import(session, import_id)
        was = row.plan
    # Under another encoding or delimiter the columns are others: what they are is found out anew.
    same = all(chosen.get(name, was[name]) == was[name] for name in ("encoding", "delimiter", "header"))
    if same and any(name.startswith(MAPPED) for name in form.fields):
        chosen["mapping"] = _mapping(form, len(was["headings"]))
    if form.errors:
        return _plan_page(request, import_id, form, status=422)
    try:
        row = imports.change_plan(request.site, import_id, chosen, request.allows)
    except InvalidInput as error:
        form.fail(error, error.field or "encoding")
        return _plan_page(request, import_id, form, status=422)
    if row.plan["questions"]:
        return request.redirect(f"{PATH}/{import_id}/plan")
    running.check(request.site, import_id, request.actor)
    return request.redirect(f"{PATH}/{import_id}")


@post(f"{PATH}/{{import_id:int}}/run", permission=PERMISSION)
def run(request: Request, import_id: FromPath[int]) -> Redirect:
    """Begin the import."""
    with request.site.begin() as session:
        imports.begin(session, request.site, import_id, "running", request.actor)
    return request.redirect(f"{PATH}/{import_id}")


@post(f"{PATH}/{{import_id:int}}/cancel", permission=PERMISSION)
def cancel(request: Request, import_id: FromPath[int]) -> Redirect:
    """Stop after the batch under way."""
    with request.site.begin() as session:
        imports.cancel(session, request.site, import_id)
    running.forget_reading(request.site, import_id)
    return request.redirect(f"{PATH}/{import_id}")


@post(f"{PATH}/{{import_id:int}}/discard", permission=PERMISSION)
def discard(request: Request, import_id: FromPath[int]) -> Redirect:
    """Forget a file that was not imported."""
    with request.site.begin() as session:
        name = imports.discard(session, request.site, import_id)
    return request.redirect(PATH, "“%(name)s” was discarded. Nothing was imported.", name=name)


@get(f"{PATH}/{{import_id:int}}/undo", permission=PERMISSION)
def undo_form(request: Request, import_id: FromPath[int]) -> Response[str]:
    """What taking back means, before it is done."""
    with request.site.session() as session:
        name = imports.find_import(session, import_id).name
    return request.page("contacts/import_undo.html", path=f"{PATH}/{import_id}", name=name)


@post(f"{PATH}/{{import_id:int}}/undo", permission=PERMISSION)
def undo(request: Request, import_id: FromPath[int]) -> Redirect:
    """Take the import back, in the background."""
    with request.site.begin() as session:
        imports.begin(session, request.site, import_id, "undoing", request.actor)
    return request.redirect(f"{PATH}/{import_id}")


@get(f"{PATH}/{{import_id:int}}/refused", permission=PERMISSION)
def refused(request: Request, import_id: FromPath[int]) -> Stream:
    """The refused rows with their reasons, to be mended and imported again."""
    with request.site.session() as session:
        row = imports.find_import(session, import_id)
    name = f"{request.language.text('refused-rows')}-{import_id}.csv"
    return Stream(
        refused_pieces(request.site, row, request.language),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _options(request: Request, form: Form) -> dict[str, Any]:
    """What is chosen for the file as a whole: the policy, tags for everybody, the choices ticked."""
    tags = []
    for name in split_tags(form.text("tags")):
        try:
            tags.append(clean_tag(name))
        except InvalidInput as error:
            form.fail(error, "tags")
    offered = request.site.contributions.import_choices
    return {
        "policy": form.text("policy") if form.text("policy") in imports.POLICIES else "fill",
        "tags": tags,
        "choices": [key for key, one in offered.items() if form.ticked(key) and request.allows(one.permission)],
    }


def _mapping(form: Form, columns: int) -> dict[str, str]:
    """What was chosen for each column; two that are the same are an error."""
    mapping: dict[str, str] = {}
    for place in range(columns):
        key = form.text(f"{MAPPED}{place}")
        if not key:
            continue
        if key in mapping.values():
            form.fail(InvalidInput("Another column is this already. Choose each only once."), f"{MAPPED}{place}")
        mapping[str(place)] = key
    if not {"email", "email#2"} & set(mapping.values()):
        form.fail(InvalidInput("Say which column holds the e-mail address."), "mapping")
    return mapping


def _start_page(request: Request, form: Form, *, status: int = 200) -> Response[str]:
    errors = _errors(request, form)
    with request.site.session() as session:
        earlier = list_view(request, imports.list_imports(session))
    return request.page(
        "contacts/import_start.html",
        status=status,
        path=PATH,
        list_path=LIST_PATH,
        pasted=form.text("pasted", multiline=True),
        earlier=earlier,
        errors=errors,
        problems=_summary(errors),
        **options_view(request, _options(request, Form(fields=form.fields)), form),
    )


def _plan_page(request: Request, import_id: int, form: Form, *, status: int = 200) -> Response[str]:
    errors = _errors(request, form)
    with request.site.session() as session:
        row = imports.find_import(session, import_id)
        values = plan_view(request, row, form)
    return request.page(
        "contacts/import_plan.html",
        status=status,
        path=f"{PATH}/{import_id}",
        start_path=PATH,
        errors=errors,
        problems=_summary(errors),
        **values,
    )


def _errors(request: Request, form: Form) -> dict[str, str]:
    return {name: request.language.text(error.message, **error.values) for name, error in form.errors.items()}


def _summary(errors: dict[str, str]) -> list[dict[str, str]]:
    return [{"text": text, "href": f"#field-{name}"} for name, text in errors.items()]


ROUTES: list[Any] = [
    import_form,
    import_sent,
    sample,
    import_page,
    plan_form,
    plan_sent,
    run,
    cancel,
    discard,
    undo_form,
    undo,
    refused,
]
