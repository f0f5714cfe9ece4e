"""„Vorlagen“: the texts that staff write to start messages from (FEATURES M1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core.errors import InvalidInput
from core.messages import texts
from core.messages.placeholders import PLACEHOLDER_LABELS, fill
from core.messages.states import PURPOSE_HINT_TEXTS, PURPOSE_LABELS
from core.values import Purpose
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

HERE = "/dashboard/messages/templates"
CLEAN: dict[str, Callable[[str], str]] = {
    "name": texts.clean_name,
    "subject": texts.clean_template_subject,
    "body": texts.clean_template_body,
}


@get(HERE, permission="message.templates")
def list_texts(request: Request) -> Response[str]:
    """All templates: staff's own, to edit, and those of the modules."""
    site, text = request.site, request.language.text
    with site.session() as session:
        own = texts.staff_texts(session)
    return request.page(
        "messages/texts.html",
        own=[
            {
                "id": one.id,
                "name": one.name,
                "subject": one.subject,
                "purpose": text(PURPOSE_LABELS[one.purpose]),
                "edit": f"{HERE}/{one.id}/edit",
                "remove": f"{HERE}/{one.id}/remove",
            }
            for one in own
        ],
        offered=[
            {
                "name": text(one.label),
                "subject": text(one.subject),
                "module": text(site.plugin_label(one.key.partition(".")[0])),
            }
            for one in site.contributions.message_templates.values()
        ],
        new=f"{HERE}/new",
    )


@get(f"{HERE}/new", permission="message.templates")
def new_text(request: Request) -> Response[str]:
    """The empty form."""
    return _page(request, Form(fields={"purpose": ["personal"]}), None)


@post(f"{HERE}/new", permission="message.templates")
def add_text(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a template, or show what it looks like."""
    return _save(request, form, None)


@get(f"{HERE}/{{text_id:int}}/edit", permission="message.templates")
def edit_text(request: Request, text_id: FromPath[int]) -> Response[str]:
    """The form with what is stored."""
    with request.site.session() as session:
        found = texts.find_text(session, text_id)
    fields: dict[str, list[str]] = {
        "name": [found.name],
        "subject": [found.subject],
        "body": [found.body],
        "purpose": [found.purpose],
    }
    return _page(request, Form(fields=fields), text_id)


@post(f"{HERE}/{{text_id:int}}/edit", permission="message.templates")
def change_text(request: Request, form: FormInput, text_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a template, or show what it would look like."""
    with request.site.session() as session:
        texts.find_text(session, text_id)
    return _save(request, form, text_id)


@get(f"{HERE}/{{text_id:int}}/remove", permission="message.templates")
def ask_removal(request: Request, text_id: FromPath[int]) -> Response[str]:
    """Ask before a template is removed."""
    with request.site.session() as session:
        found = texts.find_text(session, text_id)
    return request.page("messages/text_remove.html", name=found.name, action=f"{HERE}/{text_id}/remove", here=HERE)


@post(f"{HERE}/{{text_id:int}}/remove", permission="message.templates")
def remove_text(request: Request, text_id: FromPath[int]) -> Redirect:
    """Remove a template."""
    with request.site.begin() as session:
        name = texts.remove_text(session, text_id)
    return request.redirect(HERE, "Template “%(name)s” removed.", name=name)


def _save(request: Request, form: Form, text_id: int | None) -> Response[str] | Redirect:
    cleaned: dict[str, str] = {}
    for name, clean in CLEAN.items():
        try:
            cleaned[name] = clean(form.text(name, multiline=name == "body"))
        except InvalidInput as error:
            form.fail(error, name)
    purpose: Purpose | None = next((one for one in PURPOSE_LABELS if one == form.text("purpose")), None)
    if purpose is None:
        form.fail(InvalidInput("Choose what this message is for.", field="purpose"))
    if form.text("do") == "preview":
        return _page(request, form, text_id, status=422 if form.errors else 200, preview=not form.errors)
    if not form.errors and purpose is not None:
        try:
            with request.site.begin() as session:
                texts.save_text(
                    session,
                    name=cleaned["name"],
                    subject=cleaned["subject"],
                    body=cleaned["body"],
                    purpose=purpose,
                    text_id=text_id,
                )
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(HERE, "Template “%(name)s” saved.", name=cleaned["name"])
    return _page(request, form, text_id, status=422)


def _page(
    request: Request, form: Form, text_id: int | None, *, status: int = 200, preview: bool = False
) -> Response[str]:
    text = request.language.text
    values = {name: form.text(name, multiline=name == "body") for name in ("name", "subject", "body", "purpose")}
    example = texts.example_values(request.site, request.language.code, request.actor.name)
    return request.page(
        "messages/text_edit.html",
        status=status,
        action=f"{HERE}/{text_id}/edit" if text_id is not None else f"{HERE}/new",
        is_new=text_id is None,
        values=values,
        errors=form.errors,
        purposes=[
            {"value": one, "label": text(label), "hint": text(PURPOSE_HINT_TEXTS[one])}
            for one, label in PURPOSE_LABELS.items()
        ],
        placeholders=[(f"{{{{{name}}}}}", text(label), example[name]) for name, label in PLACEHOLDER_LABELS.items()],
        preview={"subject": fill(values["subject"], example), "body": fill(values["body"], example)}
        if preview
        else None,
        here=HERE,
    )


ROUTES: list[Any] = [list_texts, new_text, add_text, edit_text, change_text, ask_removal, remove_text]
