"""The dashboard's pages on which staff build forms. Nothing is stored before „Speichern“."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from attrs import evolve
from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import FormInput, InvalidInput, Language, Request, Site, get, post
from plugins.forms.definitions import (
    KINDS,
    MAX_FIELDS,
    RESERVED_KEYS,
    Definition,
    Field,
    check,
    get_form,
    list_forms,
    save_form,
    slug_of,
)
from plugins.forms.guarding import snippet_token

KEY = re.compile(r"[a-z0-9_]{1,60}")


@get("/dashboard/forms/all", permission="forms.manage")
def show_forms(request: Request) -> Response[str]:
    """All forms."""
    with request.site.session() as session:
        forms = list_forms(session)
    spoken = [evolve(one, form=one.form.spoken(request.language)) for one in forms]
    return request.page("forms/forms.html", forms=spoken)


@get("/dashboard/forms/new", permission="forms.manage")
def show_new(request: Request) -> Response[str]:
    """A new form, begun with the fields that most have."""
    text = request.language.text
    draft = Definition(
        fields=[
            Field(key="", label=text("Name"), kind="name"),
            Field(key="", label=text("E-mail address"), kind="email", required=True),
            Field(key="", label=text("Message"), kind="textarea", required=True),
        ]
    )
    return _editor(request, draft)


@post("/dashboard/forms/new", permission="forms.manage")
def add_form(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Change the draft of a new form, or save it."""
    draft = read_draft(form, Definition())
    slug = form.text("slug") or slug_of(draft.name)
    return _take(request, form, evolve(draft, slug=slug if form.text("do") == "save" else form.text("slug")))


@get("/dashboard/forms/{form_id:int}", permission="forms.manage")
def show_form(request: Request, form_id: FromPath[int]) -> Response[str]:
    """A form, to be changed."""
    return _editor(request, _stored(request, form_id).spoken(request.language))


@post("/dashboard/forms/{form_id:int}", permission="forms.manage")
def change_form(request: Request, form: FormInput, form_id: FromPath[int]) -> Response[str] | Redirect:
    """Change the draft of a form, or save it."""
    stored = _stored(request, form_id)
    draft = read_draft(form, stored)
    return _take(request, form, evolve(draft, version=form.whole_number("version") or 0))


@get("/dashboard/forms/{form_id:int}/embed", permission="forms.manage")
def show_embed(request: Request, form_id: FromPath[int]) -> Response[str]:
    """What to copy into another website, and what it will look like."""
    site = request.site
    form = _stored(request, form_id).spoken(site.language(site.settings.language))
    address = f"{site.settings.base_url}/forms/{form.slug}"
    frame = (
        f'<iframe src="{escape(address)}/embed" title="{escape(form.name)}" '
        'width="100%" height="760" style="border: 0" loading="lazy"></iframe>'
    )
    return request.page(
        "forms/embedding.html",
        form=form,
        address=address,
        frame=frame,
        html=html_of(site, form, address, site.language(site.settings.language)),
    )


def html_of(site: Site, form: Definition, address: str, language: Language) -> str:
    """The form as plain HTML for another website, with its own look. It needs no script and no frame."""
    lines = [
        f'<form action="{escape(address)}" method="post" accept-charset="utf-8">',
        f'  <input type="hidden" name="token" value="{escape(snippet_token(site, form.slug))}">',
        '  <p hidden><label>Website <input name="website" tabindex="-1" autocomplete="off"></label></p>',
    ]
    for one in form.fields:
        name, label = f'name="{escape(one.key)}"', escape(one.label)
        needed = " required" if one.required or one.kind == "email" else ""
        if one.kind == "textarea":
            control = f'{label}<br><textarea {name} rows="6"{needed}></textarea>'
        elif one.kind == "choice":
            options = "".join(f"<option>{escape(choice)}</option>" for choice in one.choices)
            control = f'{label}<br><select {name}{needed}><option value=""></option>{options}</select>'
        elif one.kind == "checkbox":
            control = f'<input type="checkbox" {name} value="1"{needed}> {label}'
        else:
            kind = one.kind if one.kind in ("email", "tel") else "text"
            fill = f' autocomplete="{one.kind}"' if one.kind in ("name", "email", "tel") else ""
            control = f'{label}<br><input type="{kind}" {name}{fill}{needed}>'
        lines.append(f"  <p><label>{control}</label></p>")
    lines.extend((f"  <p><button>{escape(language.text('Send'))}</button></p>", "</form>"))
    return "\n".join(lines)


def read_draft(form: FormInput, stored: Definition) -> Definition:
    """The form as it stands in the editor, with the button that was pressed applied to its fields."""
    fields: list[Field] = []
    for index in range(min(form.whole_number("rows") or 0, MAX_FIELDS + 1)):
        key, kind = form.text(f"key-{index}"), form.text(f"kind-{index}")
        known = KEY.fullmatch(key) and key not in RESERVED_KEYS and key not in {one.key for one in fields}
        choices = form.text(f"choices-{index}", multiline=True).split("\n")
        fields.append(
            Field(
                key=key if known else "",
                label=form.text(f"label-{index}"),
                kind=kind if kind in KINDS else "text",
                # The address says who the contact is: it is never left out.
                required=form.ticked(f"required-{index}") or kind == "email",
                choices=list(dict.fromkeys(choice.strip() for choice in choices if choice.strip()))
                if kind == "choice"
                else (),
            )
        )
    return evolve(
        stored,
        name=form.text("name"),
        intro=form.text("intro", multiline=True),
        thanks=form.text("thanks", multiline=True),
        active=form.ticked("active"),
        is_sample=False,
        fields=press(fields, form.text("do")),
    )


def press(fields: list[Field], button: str) -> list[Field]:
    """The fields after a button of the editor: add, up-N, down-N or remove-N; anything else leaves them."""
    action, _, number = button.partition("-")
    if action == "add":
        return [*fields, Field(key="", label="", kind="text")]
    if not number.isascii() or not number.isdigit() or int(number[:4]) >= len(fields):
        return fields
    at = int(number[:4])
    if action == "remove":
        return fields[:at] + fields[at + 1 :]
    other = at - 1 if action == "up" else at + 1 if action == "down" else at
    if 0 <= other < len(fields):
        fields[at], fields[other] = fields[other], fields[at]
    return fields


def _take(request: Request, form: FormInput, draft: Definition) -> Response[str] | Redirect:
    if form.text("do") != "save":
        return _editor(request, draft)
    errors = check(draft)
    if not errors:
        try:
            with request.site.begin() as session:
                form_id = save_form(session, draft)
        except InvalidInput as error:
            errors = {error.field or "": error}
        else:
            return request.redirect(f"/dashboard/forms/{form_id}", "Form saved.")
    return _editor(request, draft, errors=errors, status=422)


def _stored(request: Request, form_id: int) -> Definition:
    with request.site.session() as session:
        return get_form(session, form_id)


def _editor(
    request: Request,
    draft: Definition,
    *,
    errors: dict[str, InvalidInput] | None = None,
    status: int = 200,
) -> Response[str]:
    text = request.language.text
    return request.page(
        "forms/editor.html",
        status=status,
        form=draft,
        kinds=[{"value": kind, "label": text(label)} for kind, label in KINDS.items()],
        errors=errors or {},
        max_fields=MAX_FIELDS,
    )


ROUTES: list[Any] = [show_forms, show_new, add_form, show_form, change_form, show_embed]
