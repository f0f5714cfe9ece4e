"""`/dashboard/contacts/new`: add a contact, with all fields at once; only the e-mail is needed (FEATURES L9)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import fields
from litestar.response import Redirect, Response
from sqlalchemy import select

from core.contacts.adding import Added, add_contact
from core.contacts.addresses import parse_address
from core.contacts.details import clean_details
from core.contacts.fields import write_fields
from core.contacts.models import Tag
from core.contacts.tags import clean_tag
from core.contacts.views import LIST_PATH
from core.errors import InvalidInput
from core.i18n import LANGUAGES
from core.values import Details
from core.web.field_inputs import fields_of, input_groups, read_inputs, sent_fields
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/new"
SUGGESTED_TAGS = 200
DETAILS = tuple(field.name for field in fields(Details))


@get(PATH, permission="contact.edit")
def add_contact_form(request: Request) -> Response[str]:
    """The empty form."""
    return _page(request, Form())


@post(PATH, permission="contact.edit")
def add_contact_sent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add the contact and open it; a known address leads to its contact instead."""
    try:
        parse_address(form.text("email"))
    except InvalidInput as error:
        form.fail(error, "email")
    details = _details(request, form)
    tags = _tags(form)
    inputs = read_inputs(request, sent_fields(fields_of(request, "add"), form), form)
    if form.errors:
        return _page(request, form, status=422)
    try:
        with request.site.begin() as session:
            added = add_contact(
                session,
                request.site,
                email=form.text("email"),
                details=details,
                tags=tags,
                actor=request.actor,
            )
            filled = {key: value for key, value in inputs.items() if value is not None}
            if added.created and filled:
                write_fields(session, request.site, added.contact_id, filled, request.actor)
    except InvalidInput as error:
        form.fail(error)
        return _page(request, form, status=422)
    if not added.created:
        return _page(request, form, known=added)
    return request.redirect(f"{LIST_PATH}/{added.contact_id}", "%(name)s was added.", name=added.name)


def _details(request: Request, form: Form) -> Details:
    """The details as they are stored; what is wrong with one becomes the error of its field."""
    typed = {name: form.text(name) for name in DETAILS}
    for name in DETAILS:
        try:
            clean_details({name: typed[name]})
        except InvalidInput as error:
            form.fail(error, name)
    if typed["country"] and typed["country"] not in dict(request.language.countries):
        form.fail(InvalidInput("Choose a country from the list.", field="country"))
    if typed["language"] and typed["language"] not in LANGUAGES:
        form.fail(InvalidInput("Choose a language from the list.", field="language"))
    return Details() if form.errors else clean_details(typed)


def _tags(form: Form) -> list[str]:
    """The tags, separated by commas; the same word twice is one."""
    names: dict[str, None] = {}
    for typed in form.text("tags").split(","):
        if typed.strip():
            try:
                names[clean_tag(typed)] = None
            except InvalidInput as error:
                form.fail(error, "tags")
    return list(names)


def _page(request: Request, form: Form, *, status: int = 200, known: Added | None = None) -> Response[str]:
    language = request.language
    with request.site.session() as session:
        suggestions = session.scalars(select(Tag.name).order_by(Tag.key).limit(SUGGESTED_TAGS)).all()
    fields = fields_of(request, "add")
    errors: Mapping[str, str] = {
        name: language.text(error.message, **error.values) for name, error in form.errors.items()
    }
    return request.page(
        "contacts/new.html",
        status=status,
        path=PATH,
        values={name: form.text(name) for name in ("email", "tags", *DETAILS)},
        errors=errors,
        problems=[{"text": text, "href": f"#field-{name}"} for name, text in errors.items()],
        known={"name": known.name, "href": f"{LIST_PATH}/{known.contact_id}", "inactive": known.inactive}
        if known
        else None,
        country_options=[{"value": code, "label": name} for code, name in language.countries],
        language_options=[{"value": code, "label": name} for code, name in LANGUAGES.items()],
        suggestions=list(suggestions),
        field_groups=input_groups(request, fields, form.values, {}, form.errors),
        may_change_fields=request.allows("contact.fields"),
        list_path=LIST_PATH,
    )
