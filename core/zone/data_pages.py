"""„Meine Daten“: all of them to download, and the wish to be deleted; and the staff's side of that wish."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response, Stream

from core import state
from core.contacts.log import add_activity
from core.errors import DutyFailed, NotFound
from core.plugins import Failure
from core.privacy.erasing import preview
from core.privacy.exporting import chunks, export_person
from core.privacy.receipts import entries_of
from core.site import Site
from core.values import VISITOR, Activity
from core.web.profile.showing import address_of
from core.web.receipts import entry_rows
from core.web.requests import FormInput, Request, local_path
from core.web.routing import ZONE, get, post
from core.zone import deletion

FILE_NAME_TEXTS = ("my-data.zip",)
"""What the download is called, a message id: letters, digits, dots and hyphens only."""

DATA, DELETE = f"{ZONE}/data", f"{ZONE}/delete"


@get(DATA, customer=True)
def data_page(request: Request) -> Response[str]:
    """What a person has a right to."""
    with request.site.session() as session:
        wish = deletion.read_wish(session, request.customer.contact_id)
    return request.page("zone/data.html", wish=wish)


@post(f"{DATA}/download", customer=True, max_body=10_000)
def download(request: Request) -> Stream | Redirect:
    """Everything the site knows of the person, as a ZIP file; the log says that it was handed out."""
    site, contact_id = request.site, request.customer.contact_id
    try:
        with site.session() as session:
            file = export_person(session, site, contact_id, to_person=True)
    except DutyFailed as error:
        _record(site, error)
        return request.redirect(
            DATA, "That does not work at the moment. Please try again later, or write to us.", kind="error"
        )
    try:
        with site.begin() as session:
            add_activity(session, contact_id, Activity(kind="zone.exported"), actor=VISITOR)
    except BaseException:
        file.close()
        raise
    return Stream(
        chunks(file),
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{request.language.text(FILE_NAME_TEXTS[0])}"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


@get(DELETE, customer=True)
def delete_page(request: Request) -> Response[str] | Redirect:
    """Asks, and says what goes, what stays and why, and when."""
    site, contact_id = request.site, request.customer.contact_id
    with site.session() as session:
        if deletion.read_wish(session, contact_id) is not None:
            return Redirect(DATA, status_code=303)
    try:
        kept = [one for one in entries_of(preview(site, contact_id)) if one.kind == "kept"]
    except DutyFailed as error:
        # Staff have to see to it before the day comes; the wish is the person's in any case.
        _record(site, error)
        kept = []
    return request.page("zone/delete.html", kept=entry_rows(request, kept), days=int(site.setting(deletion.DAYS)))


@post(DELETE, customer=True, max_body=10_000)
def ask_deletion(request: Request) -> Redirect:
    """Begin the waiting period."""
    with request.site.begin() as session:
        due_at = deletion.ask_deletion(session, request.site, request.customer.contact_id)
    return request.redirect(
        DATA, "Your data will be deleted on %(date)s. Until then you can stop it.", date=request.language.date(due_at)
    )


@post(f"{ZONE}/keep", customer=True, max_body=10_000)
def keep_own(request: Request) -> Redirect:
    """Take the wish back, signed in."""
    with request.site.begin() as session:
        deletion.stop_deletion(session, request.site, request.customer.contact_id, VISITOR)
    return request.redirect(DATA, "Your data is not deleted.")


@get(f"{ZONE}/keep/{{token:str}}", public=True)
def keep_page(request: Request, token: FromPath[str]) -> Response[str]:
    """The button that takes the wish back, behind the link of the mail: opening it changes nothing."""
    try:
        with request.site.session() as session:
            wish = deletion.read_keep_token(session, request.site, token)
    except NotFound as error:
        return request.page("zone/keep.html", status=404, problem=error, wish=None, token="")
    return _quiet(request.page("zone/keep.html", problem=None, wish=wish, token=token))


@post(f"{ZONE}/keep/{{token:str}}", public=True, max_body=10_000)
def keep(request: Request, token: FromPath[str]) -> Response[str]:
    """Take the wish back by the link of the mail."""
    try:
        with request.site.begin() as session:
            wish = deletion.read_keep_token(session, request.site, token)
            deletion.stop_deletion(session, request.site, wish.contact_id, VISITOR)
    except NotFound as error:
        return request.page("zone/keep.html", status=404, problem=error, wish=None, token="")
    return _quiet(request.page("zone/keep.html", problem=None, wish=None, token=""))


@post("/dashboard/contacts/{contact_id:int}/deletion/stop", permission="contact.erase", max_body=10_000)
def stop(request: Request, contact_id: FromPath[int], form: FormInput) -> Redirect:
    """Stop it in the person's place; the person is told."""
    with request.site.begin() as session:
        stopped = deletion.stop_deletion(session, request.site, contact_id, request.actor)
    text = "The contact is not deleted, and is told so by e-mail." if stopped else "There is no such wish any more."
    return request.redirect(local_path(form.text("next")) if form.text("next") else address_of(contact_id), text)


def _record(site: Site, error: DutyFailed) -> None:
    """Name the plugin on the Module screen."""
    with site.begin() as session:
        state.record_failure(session, Failure(plugin=error.key, place=error.hook, message=str(error.values["error"])))


def _quiet(answer: Response[str]) -> Response[str]:
    # The address holds a token: it must not reach another page (T-X7).
    answer.headers["referrer-policy"] = "strict-origin"
    return answer


ROUTES: list[Any] = [data_page, download, delete_page, ask_deletion, keep_own, keep_page, keep, stop]
