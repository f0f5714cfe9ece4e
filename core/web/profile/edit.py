"""„Bearbeiten“: details, fields, picture and tags of a contact on one form (FEATURES P3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast

from attrs import asdict
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.custom_fields.storing import read_entered
from core.contacts.details import MAX_LENGTHS, clean_details
from core.contacts.editing import details_of, edit_contact
from core.contacts.field_texts import in_words, plain
from core.contacts.fields import read_fields, read_for_page, write_fields
from core.contacts.files import SavedFile, remove_bytes, storing
from core.contacts.finding import find_contact, kept_contact_id, lock_contact
from core.contacts.models import Contact
from core.contacts.pictures import make_picture, remove_picture, set_picture
from core.contacts.profile import Person, person_of, read_tags
from core.contacts.sentences import DETAIL_LABELS, language_names
from core.contacts.tagging import split_tags, tag_contact, untag_contact
from core.contacts.tags import clean_tag
from core.errors import EditConflict, InvalidInput
from core.pictures import ENDING, MAX_UPLOAD
from core.plugins import Failure
from core.site import Site
from core.values import ContactField, Details, FieldValue
from core.web import field_inputs as inputs
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
    fields, values, failures = _stored_fields(request, contact_id)
    stored = details_of(contact)
    return _form_page(
        request,
        contact,
        Form(fields={"next": [next]}),
        texts={**stored, **inputs.input_texts(request, fields, values)},
        shown={**stored, **inputs.plain_texts(fields, values)},
        tags=tags,
        kept_tags=tags,
        version=contact.version,
        fields=fields,
        failures=failures,
    )


@post("/dashboard/contacts/{contact_id:int}/edit", permission="contact.edit", max_body=MAX_UPLOAD + 1_000_000)
def save_edit(request: Request, form: FormInput, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """Save the form: all of it, or nothing when a field is refused (422) or somebody was faster (409)."""
    site, actor = request.site, request.actor
    details = _typed_details(form)
    fields = inputs.sent_fields(inputs.fields_of(request, "edit"), form)
    values = inputs.read_inputs(request, fields, form)
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
                    if _takes_theirs(form, name):
                        details[name] = stored
                touched = _touched_fields(session, site, contact, form, fields, values, version)
                edited = edit_contact(session, site, contact_id, Details(**details), version, actor)
                written = write_fields(session, site, contact_id, touched, actor) if touched else frozenset()
                shown, kept = form.texts("shown_tag"), form.texts("keep_tag")
                gone = untag_contact(session, site, contact_id, [tag for tag in shown if tag not in kept], actor)
                added = tag_contact(session, site, contact_id, new_tags, actor)
                if saved is not None:
                    forgotten = set_picture(session, site, contact_id, saved, actor)
                elif form.ticked("remove_picture"):
                    forgotten = remove_picture(session, site, contact_id, actor)
        except EditConflict as conflict:
            store.take_back()
            return _conflict_page(request, contact_id, form, conflict, values)
        except InvalidInput as error:
            store.take_back()
            form.fail(error)
            return _refused(request, contact_id, form, version)
    if forgotten:
        remove_bytes(site.settings.data_dir, [forgotten])
    something = edited.changed or written or gone or added or forgotten or saved
    return request.redirect(
        _way_back(form, contact_id),
        "Changes saved." if something else "Nothing was changed.",
        kind="success" if something else "info",
    )


def _takes_theirs(form: Form, name: str) -> bool:
    """Whether the person chose the stored value on the page that shows both."""
    return form.text(f"choose-{name}") == "theirs" and form.text("take") != "yours"


def _touched_fields(
    session: Session,
    site: Site,
    contact: Contact,
    form: Form,
    fields: Sequence[ContactField],
    values: Mapping[str, FieldValue | None],
    version: int,
) -> dict[str, FieldValue | None]:
    """The fields that the person changed, to be written: those whose input says something else than was shown.

    Raises EditConflict when one was changed by somebody else too, or when the contact was changed at all since the
    form was opened (T-F1).
    """
    touched = {
        field.key: values[field.key]
        for field in fields
        if not _takes_theirs(form, field.key) and plain(values[field.key]) != inputs.shown_text(form, field.key)
    }
    readable = [field.key for field in fields if field.key in touched and field.read is not None]
    stored = read_fields(session, site, [contact.id], readable)[contact.id] if readable else {}
    for key in readable:
        differs = plain(stored.get(key)) != plain(touched[key])
        if differs and (contact.version != version or plain(stored.get(key)) != inputs.shown_text(form, key)):
            raise EditConflict(theirs=details_of(contact), yours=_as_typed(form), version=contact.version)
    return touched


def _as_typed(form: Form) -> dict[str, str]:
    return asdict(clean_details({name: form.text(name) for name in MAX_LENGTHS}))


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


def _stored_fields(
    request: Request, contact_id: int
) -> tuple[list[ContactField], dict[str, FieldValue], list[Failure]]:
    """The fields of the form with what is stored; those that failed are left out of it and named."""
    fields = inputs.fields_of(request, "edit")
    values, failures = read_for_page(request.site, fields, contact_id)
    failed = {failure.place for failure in failures}
    return [field for field in fields if field.key not in failed], values, failures


def _refused(request: Request, contact_id: int, form: Form, version: int) -> Response[str]:
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
    fields = inputs.sent_fields(inputs.fields_of(request, "edit"), form)
    return _form_page(
        request,
        contact,
        form,
        texts={name: form.text(name) for name in (*MAX_LENGTHS, *(field.key for field in fields))},
        shown={
            name: inputs.shown_text(form, name)
            for name in (*MAX_LENGTHS, *(field.key for field in fields if field.read is not None))
        },
        tags=form.texts("shown_tag"),
        kept_tags=form.texts("keep_tag"),
        version=version,
        fields=fields,
        status=422,
    )


def _form_page(
    request: Request,
    contact: Contact,
    form: Form,
    *,
    texts: Mapping[str, str],
    shown: Mapping[str, str],
    tags: Sequence[str],
    kept_tags: Sequence[str],
    version: int,
    fields: Sequence[ContactField],
    failures: Sequence[Failure] = (),
    status: int = 200,
) -> Response[str]:
    """The form: `texts` stand in its inputs, `shown` is what was stored when it was first made."""
    person, language = person_of(contact), request.language
    languages = list(language_names(language.code))
    if texts["language"] and texts["language"] not in dict(languages):
        languages.append((texts["language"], texts["language"]))
    errors = {name: language.text(error.message, **error.values) for name, error in form.errors.items()}
    return request.page(
        "contacts/edit.html",
        status=status,
        contact=person,
        picture=showing.picture_of(person),
        values=texts,
        shown={inputs.SHOWN + name: shown[name] for name in MAX_LENGTHS},
        version=version,
        tags=tags,
        kept_tags=kept_tags,
        new_tags=form.text("new_tags"),
        errors=form.errors,
        problems=[{"text": text, "href": f"#field-{name}"} for name, text in errors.items()],
        field_groups=inputs.input_groups(request, fields, texts, shown, form.errors),
        may_change_fields=request.allows("contact.fields"),
        failures=inputs.failure_texts(request, failures),
        base=showing.address_of(contact.id),
        next=form.text("next"),
        back=_way_back(form, contact.id),
        country_options=_options(language.countries),
        language_options=_options(languages),
        had_picture=bool(form.file("picture")),
    )


def _options(pairs: Any) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in pairs]


def _conflict_page(
    request: Request,
    contact_id: int,
    form: Form,
    conflict: EditConflict,
    values: Mapping[str, FieldValue | None],
) -> Response[str]:
    """Both sides of every detail and field, to choose from; saving goes against what was just read (T-F1).

    What the person did not touch is chosen as it is stored, so that saving the choice loses nobody's work.
    """
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
    person: Person = person_of(contact)
    spoken, language = showing.words(request), request.language

    def row(name: str, label: str, yours: str, theirs: str, mine: str, *, differs: bool) -> dict[str, Any]:
        untouched = inputs.shown_text(form, name) == mine and inputs.SHOWN + name in form.fields
        return {
            "name": name,
            "label": language.text(label),
            "yours": yours,
            "theirs": theirs,
            "differs": differs,
            "chosen": "theirs" if untouched or _takes_theirs(form, name) else "yours",
        }

    rows = [
        row(
            name,
            label,
            spoken.detail(name, conflict.yours[name]),
            spoken.detail(name, conflict.theirs[name]),
            conflict.yours[name],
            differs=conflict.yours[name] != conflict.theirs[name],
        )
        for name, label in DETAIL_LABELS.items()
        if conflict.yours[name] or conflict.theirs[name]
    ]
    hidden = {**conflict.yours, "version": str(conflict.version), "new_tags": form.text("new_tags")}
    hidden |= {inputs.SHOWN + name: conflict.theirs[name] for name in MAX_LENGTHS}
    fields = inputs.sent_fields(inputs.fields_of(request, "edit"), form)
    stored, _ = read_for_page(request.site, fields, contact_id)
    for field in fields:
        mine, theirs = values[field.key], stored.get(field.key)
        hidden[field.key] = form.text(field.key)
        if field.read is None:
            continue
        hidden[inputs.SHOWN + field.key] = plain(theirs)
        if mine is not None or theirs is not None:
            rows.append(
                row(
                    field.key,
                    field.label,
                    in_words(field, mine, language),
                    in_words(field, theirs, language),
                    plain(mine),
                    differs=mine != theirs,
                )
            )
    return request.page(
        "contacts/conflict.html",
        status=409,
        contact=person,
        rows=rows,
        theirs_name=_who_saved(request, contact, conflict),
        hidden=hidden,
        shown_tags=form.texts("shown_tag"),
        keep_tags=form.texts("keep_tag"),
        remove_picture=form.ticked("remove_picture"),
        had_picture=bool(form.file("picture")),
        base=showing.address_of(contact_id),
        next=form.text("next"),
        back=_way_back(form, contact_id),
    )


def _who_saved(request: Request, contact: Contact, conflict: EditConflict) -> str:
    """Who or what brought the newest of the details that differ; else who last changed the contact."""
    origins = [
        origin
        for group, names in rules.GROUPS.items()
        if any(conflict.yours[name] != conflict.theirs[name] for name in names)
        and (origin := rules.origin_of(contact, group)) is not None
    ]
    newest = max(origins, key=lambda origin: origin.since, default=None)
    with request.site.session() as session:
        entered = max(read_entered(session, contact.id).values(), key=lambda one: one.since, default=None)
    if entered is not None and entered.name and (newest is None or entered.since > newest.since):
        return entered.name
    if newest is None:
        return contact.locked_by or request.language.text("somebody else")
    return showing.words(request).source(newest)


ROUTES: list[Any] = [edit_page, save_edit]
