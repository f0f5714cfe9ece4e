"""The customer's own details and messages."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import File, Redirect, Response

from core.contacts.details import clean_details
from core.errors import EditConflict, InvalidInput, TooManyAttempts
from core.i18n import LANGUAGES
from core.values import Details
from core.web.files import send_file
from core.web.requests import Form, FormInput, Request
from core.web.routing import ZONE, get, post
from core.zone import thread
from core.zone.details import change_own_details, read_own_details
from core.zone.sessions import list_sessions

DETAILS, MESSAGES = f"{ZONE}/details", f"{ZONE}/messages"


@get(DETAILS, customer=True)
def details_page(request: Request) -> Response[str]:
    """Name, phone, address and language, to change."""
    with request.site.session() as session:
        values, version = read_own_details(session, request.customer.contact_id)
    return _details(request, Form(), values, str(version))


def _details(
    request: Request, form: Form, values: dict[str, str], version: str, *, status: int = 200, outdated: bool = False
) -> Response[str]:
    customer = request.customer
    with request.site.session() as session:
        sessions = list_sessions(session, customer.contact_id)
    return request.page(
        "zone/details.html",
        status=status,
        email=customer.email,
        values=values,
        version=version,
        errors=form.errors,
        outdated=outdated,
        countries_offered=[{"value": code, "label": name} for code, name in request.language.countries],
        languages_offered=[{"value": code, "label": name} for code, name in LANGUAGES.items()],
        sessions=[{"session": one, "current": one.id == customer.session_id} for one in sessions],
    )


@post(DETAILS, customer=True, max_body=50_000)
def save_details(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Change them; of two who change at once, the second is told and nothing of either is lost."""
    site, contact_id = request.site, request.customer.contact_id
    typed = {name: form.text(name) for name in Details.__annotations__}
    version = form.text("version")
    details = None
    try:
        details = clean_details(typed)
    except InvalidInput as error:
        form.fail(error)
    if details is None:
        return _details(request, form, typed, version, status=422)
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 19 else 0
    try:
        with site.begin() as session:
            change_own_details(session, site, contact_id, details, number)
    except EditConflict as conflict:
        return _details(request, form, typed, str(conflict.version), status=409, outdated=True)
    return request.redirect(DETAILS, "Your details were saved.")


@get(MESSAGES, customer=True)
def messages_page(request: Request, before: FromQuery[str] = "") -> Response[str]:
    """What was written in both directions, and the form to write."""
    return _messages(request, Form(), before)


def _messages(request: Request, form: Form, before: str = "", *, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        page = thread.read_own_thread(session, request.customer.contact_id, before)
    return request.page(
        "zone/messages.html", status=status, thread=page, before=before, values=form.values, errors=form.errors
    )


@post(MESSAGES, customer=True, max_body=100_000)
def write(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Write to the site."""
    site, subject, text = request.site, form.text("subject"), form.text("text", multiline=True)
    for name, clean, value in (
        ("subject", thread.clean_own_subject, subject),
        ("text", thread.clean_own_text, text),
    ):
        try:
            clean(value)
        except InvalidInput as error:
            form.fail(error, name)
    if form.errors:
        return _messages(request, form, status=422)
    try:
        with site.begin() as session:
            thread.write_to_site(
                session,
                site,
                request.customer.contact_id,
                thread.clean_own_subject(subject),
                thread.clean_own_text(text),
            )
    except TooManyAttempts as error:
        form.fail(InvalidInput(error.message), "text")
        answer = _messages(request, form, status=429)
        answer.headers["retry-after"] = str(error.wait)
        return answer
    return request.redirect(MESSAGES, "Your message was sent. We answer by e-mail, and here.")


@get(f"{MESSAGES}/files/{{file_id:int}}", customer=True)
def download(request: Request, file_id: FromPath[int]) -> File:
    """A file of one of the own messages, to save and never to show."""
    with request.site.session() as session:
        file = thread.find_own_file(session, request.customer.contact_id, file_id)
    return send_file(request.site.settings.data_dir, file)


ROUTES: list[Any] = [details_page, save_details, messages_page, write, download]
