"""„Bearbeiten“: details, picture and tags of a contact on one form (FEATURES P3)."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts import details as rules
from core.contacts.details import MAX_LENGTHS, clean_details
from core.contacts.editing import details_of, edit_contact
from core.contacts.files import SavedFile, remove_bytes, storing
from core.contacts.finding import find_contact, kept_contact_id, lock_contact
from core.contacts.models import Contact
from core.contacts.pictures import ENDING, MAX_UPLOAD, make_picture, remove_picture, set_picture
from core.contacts.profile import Person, person_of, read_tags
from core.contacts.sentences import DETAIL_LABELS, language_names
from core.contacts.tagging import split_tags, tag_contact, untag_contact
from core.contacts.tags import clean_tag
from core.errors import EditConflict, InvalidInput
from core.values import Details
from core.web.profile import showing
from core.web.requests import Form, FormInput, Request, local_path
from core.web.routing import get, post


@get("/dashboard/contacts/{contact_id:int}/edit", permission="contact.edit")
def edit_page(request: Request, contact_id: FromPath[int], next: FromQuery[str] = "") -> Response[str] | Redirect:
    """The form, filled with what is stored; `next` is the page to return to, the profile if there is none."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
        if kept != contact_id:
            return request.redirect(showing.address_of(kept, "edit", **({"next": next} if next else {})))
        tags = read_tags(session, contact_id)
    form = Form(fields={"next": [next]})
    return _form_page(request, contact, tags, tags, form, details_of(contact), contact.version)


@post("/dashboard/contacts/{contact_id:int}/edit", permission="contact.edit", max_body=MAX_UPLOAD + 1_000_000)
def save_edit(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Save the form: all of it, or nothing when a field is refused (422) or somebody was faster (409)."""
    site, actor = request.site, request.actor
    values = _typed_details(form)
    version = form.whole_number("version") or 0
    new_tags = _new_tags(form)
    with storing(site.settings.data_dir) as store:
        saved: SavedFile | None = None
        if not form.errors and (uploads := form.file("picture")):
            try:
                # UploadFile holds a SpooledTemporaryFile; Litestar gives it no type that says so.
                made = make_picture(cast(BinaryIO, uploads[0].file))
                saved = store.save("picture" + ENDING, made, ending=ENDING)
            except InvalidInput as error:
                form.fail(error, "picture")
        if form.errors:
            store.take_back()
            return _refused(request, contact_id, form, version)
        forgotten = ""
        try:
            with site.begin() as session:
                # Held from here on, so that „theirs“ is what it is when it is taken.
                contact = lock_contact(session, contact_id)
                for name, stored in details_of(contact).items():
                    if form.text(f"choose-{name}") == "theirs" and form.text("take") != "yours":
                        values[name] = stored
                edited = edit_contact(session, site, contact_id, Details(**values), version, actor)
                shown, kept = form.texts("shown_tag"), form.texts("keep_tag")
                gone = untag_contact(session, site, contact_id, [tag for tag in shown if tag not in kept], actor)
                added = tag_contact(session, site, contact_id, new_tags, actor)
                if saved is not None:
                    forgotten = set_picture(session, site, contact_id, saved, actor)
                elif form.ticked("remove_picture"):
                    forgotten = remove_picture(session, site, contact_id, actor)
        except EditConflict as conflict:
            store.take_back()
            return _conflict_page(request, contact_id, form, conflict)
    if forgotten:
        remove_bytes(site.settings.data_dir, [forgotten])
    something = edited.changed or gone or added or forgotten or saved
    return request.redirect(
        _way_back(form, contact_id),
        "Changes saved." if something else "Nothing was changed.",
        kind="success" if something else "info",
    )


def _way_back(form: Form, contact_id: int) -> str:
    return local_path(form.text("next")) if form.text("next") else showing.address_of(contact_id)


def _typed_details(form: Form) -> dict[str, str]:
    """The details as they will be stored; what is wrong with each becomes an error of its field."""
    values: dict[str, str] = {}
    for name in MAX_LENGTHS:
        try:
            values[name] = getattr(clean_details({name: form.text(name)}), name)
        except InvalidInput as error:
            form.fail(error, name)
    return values


def _new_tags(form: Form) -> list[str]:
    try:
        return [clean_tag(name) for name in split_tags(form.text("new_tags"))]
    except InvalidInput as error:
        form.fail(error, "new_tags")
        return []


def _refused(request: Request, contact_id: int, form: Form, version: int) -> Response[str]:
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        tags = form.texts("shown_tag")
    typed = {name: form.text(name) for name in MAX_LENGTHS}
    return _form_page(request, contact, tags, form.texts("keep_tag"), form, typed, version, status=422)


def _form_page(
    request: Request,
    contact: Contact,
    tags: list[str],
    kept_tags: list[str],
    form: Form,
    values: dict[str, str],
    version: int,
    status: int = 200,
) -> Response[str]:
    person, language = person_of(contact), request.language
    languages = list(language_names(language.code))
    if values["language"] and values["language"] not in dict(languages):
        languages.append((values["language"], values["language"]))
    return request.page(
        "contacts/edit.html",
        status=status,
        contact=person,
        picture=showing.picture_of(person),
        values=values,
        version=version,
        tags=tags,
        kept_tags=kept_tags,
        new_tags=form.text("new_tags"),
        errors=form.errors,
        base=showing.address_of(contact.id),
        next=form.text("next"),
        back=_way_back(form, contact.id),
        country_options=_options(language.countries),
        language_options=_options(languages),
        had_picture=bool(form.file("picture")),
    )


def _options(pairs: Any) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in pairs]


def _conflict_page(request: Request, contact_id: int, form: Form, conflict: EditConflict) -> Response[str]:
    """Both sides of every detail, to choose from; saving goes against the version just read (T-F1)."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
    person: Person = person_of(contact)
    spoken = showing.words(request)
    rows = [
        {
            "name": name,
            "label": request.language.text(label),
            "yours": spoken.detail(name, conflict.yours[name]),
            "theirs": spoken.detail(name, conflict.theirs[name]),
            "differs": conflict.yours[name] != conflict.theirs[name],
        }
        for name, label in DETAIL_LABELS.items()
        if conflict.yours[name] or conflict.theirs[name]
    ]
    return request.page(
        "contacts/conflict.html",
        status=409,
        contact=person,
        rows=rows,
        theirs_name=_who_saved(request, contact, conflict),
        hidden={**conflict.yours, "version": conflict.version, "new_tags": form.text("new_tags")},
        shown_tags=form.texts("shown_tag"),
        keep_tags=form.texts("keep_tag"),
        remove_picture=form.ticked("remove_picture"),
        had_picture=bool(form.file("picture")),
        base=showing.address_of(contact_id),
        next=form.text("next"),
        back=_way_back(form, contact_id),
    )


def _who_saved(request: Request, contact: Contact, conflict: EditConflict) -> str:
    """Who or what brought the newest of the details that differ."""
    origins = [
        origin
        for group, names in rules.GROUPS.items()
        if any(conflict.yours[name] != conflict.theirs[name] for name in names)
        and (origin := rules.origin_of(contact, group)) is not None
    ]
    if not origins:
        return contact.locked_by or request.language.text("somebody else")
    return showing.words(request).source(max(origins, key=lambda origin: origin.since))


ROUTES: list[Any] = [edit_page, save_edit]
