"""Internal notes on the profile (FEATURES C13): written, changed, deleted."""

from __future__ import annotations

from typing import Any

from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.files import MAX_FILES, MAX_SIZE, SavedFile, remove_bytes, storing
from core.contacts.finding import find_contact
from core.contacts.models import ContactNote, StoredFile
from core.contacts.notes import NoteChanged, add_note, clean_note, delete_note, edit_note, find_note, state_of
from core.contacts.profile import person_of
from core.errors import InvalidInput
from core.web.profile.page import show_profile
from core.web.profile.showing import address_of, may_change_note
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

BASE = "/dashboard/contacts/{contact_id:int}/notes"
ONE = BASE + "/{note_id:int}"


@post(BASE, permission="contact.edit", max_body=MAX_SIZE * 3)
def add_comment(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """„Kommentar hinzufügen“: text, files, or both (C13)."""
    site, uploads = request.site, form.file("files")
    try:
        text = clean_note(form.text("text", multiline=True), bool(uploads))
        _check_number(len(uploads))
        with storing(site.settings.data_dir) as store:
            saved = [store.save(upload.filename, upload.file) for upload in uploads]
            with site.begin() as session:
                add_note(session, contact_id, text, saved, request.actor)
    except InvalidInput as error:
        form.fail(error)
        return show_profile(request, contact_id, form, 422)
    return request.redirect(address_of(contact_id) + "#notes", "Comment added.")


@get(f"{ONE}/edit", permission="contact.edit")
def edit_page(request: Request, contact_id: FromPath[int], note_id: FromPath[int]) -> Response[str]:
    """The form to change a note, and to take files from it."""
    return _edit_page(request, contact_id, note_id)


@post(f"{ONE}/edit", permission="contact.edit", max_body=MAX_SIZE * 3)
def save_note(
    request: Request, form: FormInput, contact_id: FromPath[int], note_id: FromPath[int]
) -> Response[str] | Redirect:
    """Save a note: all of it, or nothing when it is refused (422) or somebody was faster (409)."""
    site, uploads = request.site, form.file("files")
    removed = {int(one) for one in form.texts("remove_file") if one.isascii() and one.isdigit() and len(one) < 19}
    try:
        with storing(site.settings.data_dir) as store:
            with site.session() as session:
                # Before anything is written to disk for somebody who may not.
                _own(request, session, contact_id, note_id)
                _check_number(len(uploads) + _number_of_files(session, note_id, without=removed))
            saved: list[SavedFile] = [store.save(upload.filename, upload.file) for upload in uploads]
            with site.begin() as session:
                gone = edit_note(
                    session,
                    _own(request, session, contact_id, note_id),
                    text=form.text("text", multiline=True),
                    seen=form.text("seen"),
                    removed=removed,
                    added=saved,
                    actor=request.actor,
                )
    except InvalidInput as error:
        form.fail(error)
        return _edit_page(request, contact_id, note_id, form, 422)
    except NoteChanged as changed:
        return _edit_page(request, contact_id, note_id, form, 409, changed)
    back = address_of(contact_id) + "#notes"
    if gone is None:
        return request.redirect(back, "Nothing was changed.", kind="info")
    remove_bytes(site.settings.data_dir, gone)
    return request.redirect(back, "Note saved.")


@get(f"{ONE}/delete", permission="contact.edit")
def delete_page(request: Request, contact_id: FromPath[int], note_id: FromPath[int]) -> Response[str]:
    """Asks before a note goes."""
    with request.site.session() as session:
        contact = person_of(find_contact(session, contact_id))
        note = _own(request, session, contact_id, note_id)
        files = session.scalars(select(StoredFile.name).where(StoredFile.note_id == note_id).order_by(StoredFile.id))
        names = list(files)
    return request.page(
        "contacts/note_delete.html",
        contact=contact,
        text=note.text,
        files=names,
        base=address_of(contact_id),
        action=address_of(contact_id, "notes", note_id, "delete"),
    )


@post(f"{ONE}/delete", permission="contact.edit")
def remove_note(request: Request, contact_id: FromPath[int], note_id: FromPath[int]) -> Redirect:
    """Delete a note with its files."""
    with request.site.begin() as session:
        gone = delete_note(session, _own(request, session, contact_id, note_id), request.actor)
    remove_bytes(request.site.settings.data_dir, gone)
    return request.redirect(address_of(contact_id) + "#notes", "Note deleted.")


def _own(request: Request, session: Session, contact_id: int, note_id: int) -> ContactNote:
    """A note that the person may change. Raises NotFound, and answers 403 for somebody else's."""
    note = find_note(session, contact_id, note_id)
    if not may_change_note(request, note.author_id):
        raise PermissionDeniedException("Only its author, or somebody with the right to do so, can change this note.")
    return note


def _check_number(files: int) -> None:
    if files > MAX_FILES:
        raise InvalidInput("%(max)s files at most.", field="files", max=MAX_FILES)


def _number_of_files(session: Session, note_id: int, *, without: set[int]) -> int:
    stored = session.scalars(select(StoredFile.id).where(StoredFile.note_id == note_id))
    return len(set(stored) - without)


def _edit_page(
    request: Request,
    contact_id: int,
    note_id: int,
    form: Form | None = None,
    status: int = 200,
    changed: NoteChanged | None = None,
) -> Response[str]:
    with request.site.session() as session:
        contact = person_of(find_contact(session, contact_id))
        note = _own(request, session, contact_id, note_id)
        files = session.execute(
            select(StoredFile.id, StoredFile.name).where(StoredFile.note_id == note_id).order_by(StoredFile.id)
        ).all()
    return request.page(
        "contacts/note_edit.html",
        status=status,
        contact=contact,
        text=form.text("text", multiline=True) if form else note.text,
        theirs=changed.text if changed else None,
        # After a conflict both texts are on the page: what is sent then was chosen with that in sight.
        seen=form.text("seen") if form and not changed else state_of(note),
        files=[{"id": row.id, "name": row.name} for row in files],
        removed=form.texts("remove_file") if form else [],
        errors=form.errors if form else {},
        base=address_of(contact_id),
        action=address_of(contact_id, "notes", note_id, "edit"),
    )


ROUTES: list[Any] = [add_comment, edit_page, save_note, delete_page, remove_note]
