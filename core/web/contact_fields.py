"""`/dashboard/contacts/fields`: the fields that staff add to contacts (FEATURES C14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core.contacts.custom_fields.administration import (
    add_field,
    change_field,
    count_choices,
    count_values,
    move_choice,
    move_field,
    remove_choice,
    remove_field,
)
from core.contacts.custom_fields.definitions import Definition, definition_of, id_of, read_definitions
from core.contacts.sentences import DETAIL_LABELS
from core.contacts.views import LIST_PATH
from core.errors import InvalidInput, NotFound
from core.i18n import LANGUAGES
from core.values import Column, ContactField, FieldKind
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/fields"
ONE = PATH + "/{field_id:int}"

KIND_LABELS: Mapping[FieldKind, str] = {
    "text": "Text",
    "number": "A number",
    "date": "Date",
    "choice": "Choice",
    "yesno": "Yes or no",
}
"""Kind of a field → its name for people, a message id."""

HINT_TEXTS: Mapping[FieldKind, str] = {
    "text": "One line, such as the name of a dog",
    "number": "To calculate and sort with, up to six digits after the decimal sign",
    "date": "A day, such as a birthday",
    "choice": "One of several options that you name",
    "yesno": "Yes, no, or not known",
}
"""Kind of a field → what it is good for, a message id."""


@get(PATH, permission="contact.fields")
def show_fields(request: Request) -> Response[str]:
    """All fields in their order, with the number of contacts that have a value."""
    with request.site.session() as session:
        definitions = read_definitions(session)
        counts = {one.id: count_values(session, one.id) for one in definitions}
    return request.page(
        "contacts/fields/list.html",
        fields=[
            {
                "id": one.id,
                "label": one.label,
                "href": _address(one.id),
                "kind": request.language.text(KIND_LABELS[one.kind]),
                "choices": ", ".join(choice.label for choice in one.choices),
                "contacts": counts[one.id],
                "in_list": one.in_list,
                "first": place == 0,
                "last": place == len(definitions) - 1,
            }
            for place, one in enumerate(definitions)
        ],
        path=PATH,
        list_path=LIST_PATH,
    )


@get(f"{PATH}/new", permission="contact.fields")
def new_field(request: Request) -> Response[str]:
    """The empty form."""
    return _new_page(request, Form())


@post(f"{PATH}/new", permission="contact.fields")
def add_field_sent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a field after the others."""
    kind = form.text("kind")
    if kind not in get_args(FieldKind):
        form.fail(InvalidInput("Choose what the field holds.", field="kind"))
    _check_label(request, form)
    if not form.errors:
        try:
            with request.site.begin() as session:
                add_field(
                    session,
                    kind=kind,  # type: ignore[arg-type]
                    label=form.text("label"),
                    hint=form.text("hint"),
                    in_list=form.ticked("in_list"),
                    choices=form.text("choices", multiline=True).splitlines(),
                )
        except InvalidInput as error:
            form.fail(error, error.field or "label")
    if form.errors:
        return _new_page(request, form, status=422)
    return _changed(request, PATH, "Field “%(name)s” added.", name=form.text("label"))


@get(ONE, permission="contact.fields")
def show_field(request: Request, field_id: FromPath[int]) -> Response[str]:
    """One field, to be changed."""
    return _field_page(request, field_id, Form())


@post(ONE, permission="contact.fields")
def change_field_sent(request: Request, form: FormInput, field_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a field: name, hint, choices."""
    _check_label(request, form)
    if not form.errors:
        try:
            with request.site.begin() as session:
                change_field(
                    session,
                    request.site,
                    field_id,
                    label=form.text("label"),
                    hint=form.text("hint"),
                    in_list=form.ticked("in_list"),
                    choices=_typed_choices(form),
                    more_choices=form.text("choices", multiline=True).splitlines(),
                    actor=request.actor,
                )
        except InvalidInput as error:
            form.fail(error, error.field or "label")
    if form.errors:
        return _field_page(request, field_id, form, status=422)
    return _changed(request, PATH, "Changes saved.")


@post(f"{ONE}/move", permission="contact.fields")
def move_field_sent(request: Request, form: FormInput, field_id: FromPath[int]) -> Redirect:
    """Move a field up or down."""
    with request.site.begin() as session:
        move_field(session, field_id, up=form.text("to") == "up")
    return _changed(request, PATH)


@get(f"{ONE}/delete", permission="contact.fields")
def ask_delete_field(request: Request, field_id: FromPath[int]) -> Response[str]:
    """What is lost with a field."""
    with request.site.session() as session:
        definition = _defined(read_definitions(session), field_id)
        number = count_values(session, field_id)
    language = request.language
    return _confirm_page(
        request,
        title=language.text("Delete field “%(name)s”", name=definition.label),
        text=language.text("The field disappears from the forms, the list, the search and the profiles."),
        losses=[
            language.plural("The value of %(n)s contact", "The values of %(n)s contacts", number)
            if number
            else language.text("The field itself; no contact has a value")
        ],
        action=f"{_address(field_id)}/delete",
        submit=language.text("Delete field"),
        back=PATH,
    )


@post(f"{ONE}/delete", permission="contact.fields")
def delete_field(request: Request, field_id: FromPath[int]) -> Redirect:
    """Remove a field with all its values."""
    with request.site.begin() as session:
        label = remove_field(session, request.site, field_id, request.actor)
    return _changed(request, PATH, "Field “%(name)s” deleted.", name=label)


@post(f"{ONE}/choices/{{choice_id:int}}/move", permission="contact.fields")
def move_choice_sent(request: Request, form: FormInput, field_id: FromPath[int], choice_id: FromPath[int]) -> Redirect:
    """Move a choice up or down."""
    with request.site.begin() as session:
        move_choice(session, field_id, choice_id, up=form.text("to") == "up")
    return _changed(request, _address(field_id))


@get(f"{ONE}/choices/{{choice_id:int}}/delete", permission="contact.fields")
def ask_delete_choice(request: Request, field_id: FromPath[int], choice_id: FromPath[int]) -> Response[str]:
    """How many contacts have a choice that is to be deleted."""
    with request.site.session() as session:
        definition = _defined(read_definitions(session), field_id)
        number = count_choices(session, field_id).get(choice_id, 0)
    choice = next((one for one in definition.choices if one.id == choice_id), None)
    if choice is None:
        raise NotFound("This choice was deleted already.")
    language = request.language
    return _confirm_page(
        request,
        title=language.text("Delete choice “%(name)s”", name=choice.label),
        text=language.text("“%(field)s” can then no longer be “%(name)s”.", field=definition.label, name=choice.label),
        losses=[
            language.plural(
                "%(n)s contact has it, and has no value then", "%(n)s contacts have it, and have no value then", number
            )
        ]
        if number
        else [],
        action=f"{_address(field_id)}/choices/{choice_id}/delete",
        submit=language.text("Delete choice"),
        back=_address(field_id),
    )


@post(f"{ONE}/choices/{{choice_id:int}}/delete", permission="contact.fields")
def delete_choice(request: Request, field_id: FromPath[int], choice_id: FromPath[int]) -> Redirect:
    """Remove a choice."""
    with request.site.begin() as session:
        label = remove_choice(session, request.site, field_id, choice_id, request.actor)
    return _changed(request, _address(field_id), "Choice “%(name)s” deleted.", name=label)


# Pages


def _address(field_id: int) -> str:
    return f"{PATH}/{field_id}"


def _changed(request: Request, path: str, toast: str = "", *, name: str = "") -> Redirect:
    """Back to a page, which already knows the fields as they are now."""
    request.scope["state"]["site_changed"] = True
    return request.redirect(path, toast, name=name)


def _defined(definitions: tuple[Definition, ...], field_id: int) -> Definition:
    found = definition_of(definitions, field_id)
    if found is None:
        raise NotFound("There is no such field.")
    return found


def _check_label(request: Request, form: Form) -> None:
    """Refuse the name of something that contacts have already, in any language: imports go by the names."""
    site = request.site
    offered: list[tuple[str, Column | ContactField]] = [
        *site.contributions.contact_columns.items(),
        *site.contributions.contact_fields.items(),
    ]
    taken = [*DETAIL_LABELS.values(), "Email", "Picture", *(one.label for key, one in offered if id_of(key) is None)]
    names = {site.language(code).text(label).casefold() for code in LANGUAGES for label in taken}
    if form.text("label").casefold() in names:
        form.fail(InvalidInput("Contacts have a “%(name)s” already.", field="label", name=form.text("label")))


def _typed_choices(form: Form) -> dict[int, str]:
    """The names of the choices by their ids."""
    typed = {}
    for name in form.fields:
        prefix, _, number = name.rpartition("-")
        if prefix == "choice" and number.isascii() and number.isdigit() and len(number) < 18:
            typed[int(number)] = form.text(name)
    return typed


def _texts(request: Request, form: Form) -> dict[str, str]:
    return {name: request.language.text(error.message, **error.values) for name, error in form.errors.items()}


def _new_page(request: Request, form: Form, *, status: int = 200) -> Response[str]:
    language, errors = request.language, _texts(request, form)
    return request.page(
        "contacts/fields/new.html",
        status=status,
        path=PATH,
        values={
            "label": form.text("label"),
            "kind": form.text("kind") or "text",
            "hint": form.text("hint"),
            "choices": form.text("choices", multiline=True),
            "in_list": form.ticked("in_list") or not form.fields,
        },
        kinds=[
            {"value": kind, "label": language.text(label), "hint": language.text(HINT_TEXTS[kind])}
            for kind, label in KIND_LABELS.items()
        ],
        errors=errors,
        problems=[{"text": text, "href": f"#field-{name}"} for name, text in errors.items()],
    )


def _field_page(request: Request, field_id: int, form: Form, *, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        definition = _defined(read_definitions(session), field_id)
        counts = count_choices(session, field_id) if definition.kind == "choice" else {}
    language, errors, sent = request.language, _texts(request, form), bool(form.fields)
    typed = _typed_choices(form)
    base = _address(field_id)
    return request.page(
        "contacts/fields/edit.html",
        status=status,
        path=PATH,
        base=base,
        label=definition.label,
        kind=language.text(KIND_LABELS[definition.kind]),
        has_choices=definition.kind == "choice",
        values={
            "label": form.text("label") if sent else definition.label,
            "hint": form.text("hint") if sent else definition.hint,
            "in_list": form.ticked("in_list") if sent else definition.in_list,
            "choices": form.text("choices", multiline=True),
        },
        choices=[
            {
                "id": one.id,
                "name": f"choice-{one.id}",
                "label": language.text("Choice %(number)s", number=place),
                "value": typed.get(one.id, one.label) if sent else one.label,
                "contacts": language.plural("%(n)s contact", "%(n)s contacts", counts.get(one.id, 0)),
                "delete": f"{base}/choices/{one.id}/delete",
                "move": f"{base}/choices/{one.id}/move",
                "up": place > 1,
                "down": place < len(definition.choices),
                "alone": len(definition.choices) == 1,
            }
            for place, one in enumerate(definition.choices, start=1)
        ],
        errors=errors,
        problems=[{"text": text, "href": f"#field-{name}"} for name, text in errors.items()],
    )


def _confirm_page(request: Request, *, back: str, **values: Any) -> Response[str]:
    return request.page("contacts/fields/delete.html", back_path=back, **values)


ROUTES: list[Any] = [
    show_fields,
    new_field,
    add_field_sent,
    show_field,
    change_field_sent,
    move_field_sent,
    ask_delete_field,
    delete_field,
    move_choice_sent,
    ask_delete_choice,
    delete_choice,
]
