"""„Daten exportieren“ and „Löschen“: what a person has a right to (FEATURES C8, P2)."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response, Stream

from core import state
from core.contacts.finding import find_contact, kept_contact_id, lock_contact
from core.contacts.log import add_activity
from core.contacts.profile import person_of
from core.contacts.views import LIST_PATH
from core.errors import DutyFailed
from core.plugins import Failure
from core.privacy.erasing import erase, preview
from core.privacy.exporting import chunks, export_person, file_name
from core.privacy.receipts import Entry, entries_of
from core.site import Site
from core.values import Activity
from core.web.profile.showing import address_of, picture_of
from core.web.receipts import RECEIPTS_PATH, entry_rows
from core.web.requests import Request
from core.web.routing import get, post

BASE = "/dashboard/contacts/{contact_id:int}"


@get(f"{BASE}/delete", permission="contact.erase")
def ask(request: Request, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Asks, and says what will be lost, and what is kept, by whom, why and until when (C8)."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
    if kept != contact_id:
        return request.redirect(address_of(kept, "delete"))
    return _ask(request, contact_id)


def _ask(request: Request, contact_id: int, failed: DutyFailed | None = None) -> Response[str]:
    with request.site.session() as session:
        person = person_of(find_contact(session, contact_id))
    entries: list[Entry] = []
    try:
        if failed is None:
            entries = list(entries_of(preview(request.site, contact_id)))
    except DutyFailed as error:
        failed = error
        _record(request.site, error)
    return request.page(
        "contacts/delete.html",
        status=409 if failed else 200,
        contact=person,
        picture=picture_of(person),
        failed=failed,
        erased=entry_rows(request, [one for one in entries if one.kind == "erased"]),
        kept=entry_rows(request, [one for one in entries if one.kind == "kept"]),
        missing=entry_rows(request, [one for one in entries if one.kind == "missing"]),
        base=address_of(contact_id),
    )


@post(f"{BASE}/delete", permission="contact.erase")
def delete(request: Request, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Erase the person: all of it, or nothing when a plugin can't do its part."""
    site = request.site
    try:
        with site.begin() as session:
            lock_contact(session, contact_id)
            receipt = erase(session, site, [contact_id], request.actor)
    except DutyFailed as error:
        _record(site, error)
        return _ask(request, contact_id, error)
    return request.redirect(
        LIST_PATH, "The contact was deleted.", link=("Show the receipt", f"{RECEIPTS_PATH}/{receipt.id}")
    )


@post(f"{BASE}/data", permission="contact.export")
def download(request: Request, contact_id: FromPath[int]) -> Stream | Redirect:
    """Everything the site knows of a person, as a ZIP file; the log says that it was handed out."""
    site = request.site
    try:
        with site.session() as session:
            find_contact(session, contact_id)
            file = export_person(session, site, contact_id)
    except DutyFailed as error:
        _record(site, error)
        return request.redirect(
            address_of(contact_id),
            "There is no export: the plugin “%(plugin)s” could not hand out its data (%(error)s).",
            kind="error",
            plugin=error.key,
            error=error.values["error"],
        )
    try:
        with site.begin() as session:
            lock_contact(session, contact_id)
            add_activity(session, contact_id, Activity(kind="contact.exported"), actor=request.actor)
    except BaseException:
        file.close()
        raise
    return Stream(
        chunks(file),
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{file_name(contact_id)}"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


def _record(site: Site, error: DutyFailed) -> None:
    """Name the plugin on the Module screen."""
    with site.begin() as session:
        state.record_failure(session, Failure(plugin=error.key, place=error.hook, message=str(error.values["error"])))


ROUTES: list[Any] = [ask, delete, download]
