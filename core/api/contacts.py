"""Contacts over the API: the list in any view, adding, reading, changing (FEATURES H6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.api.problems import problem
from core.api.resources import (
    ContactPage,
    ContactResource,
    JsonValue,
    contact_resources,
    field_values,
)
from core.api.routing import BASE, api_get, api_patch, api_post
from core.contacts.activity import deactivate_contact, reactivate_contact
from core.contacts.adding import add_contact
from core.contacts.details import MAX_LENGTHS, clean_details
from core.contacts.directory import PAGE_SIZE, find_contacts
from core.contacts.editing import details_of, edit_contact, lift_lock, lock_details
from core.contacts.fields import write_fields
from core.contacts.finding import find_contact, kept_contact_id, lock_contact
from core.contacts.models import Contact
from core.contacts.profile import read_tags
from core.contacts.tagging import tag_contact, untag_contact
from core.contacts.tags import clean_tag, tag_key
from core.contacts.views import read_view
from core.errors import EditConflict, InvalidInput
from core.i18n import LANGUAGES
from core.values import Details
from core.web.requests import Request

MAX_PAGE = 200
PLACE = ("after", "before", "limit")


@frozen(kw_only=True)
class NewContact:
    """A contact to be added; only the e-mail address is needed (FEATURES C3)."""

    email: str
    details: Mapping[str, str] = {}
    tags: Sequence[str] = ()
    fields: Mapping[str, JsonValue] = {}


@frozen(kw_only=True)
class ContactChange:
    """What is to be changed; what is left out stays. The e-mail address can't be (FEATURES C2).

    `details` holds the details to change, `tags` all tags it shall have, `fields` the fields to change, null for no
    value. With `version`, nothing is changed if the details were changed since.
    """

    details: Mapping[str, str] | None = None
    tags: Sequence[str] | None = None
    fields: Mapping[str, JsonValue] | None = None
    inactive: bool | None = None
    locked: bool | None = None
    version: int | None = None


def read_details(request: Request, sent: Mapping[str, str], onto: Mapping[str, str]) -> Details:
    """The details as they will be stored: `onto` with what was sent. Raises InvalidInput naming the member."""
    for name in sent:
        if name not in MAX_LENGTHS:
            raise InvalidInput("There is no detail “%(name)s”.", field=name[:80], name=name[:80])
    cleaned = clean_details({**onto, **sent})
    if "country" in sent and cleaned.country and cleaned.country not in dict(request.language.countries):
        raise InvalidInput("There is no such country: use an ISO 3166 code.", field="country")
    if sent.get("language") and cleaned.language not in LANGUAGES and cleaned.language != onto.get("language"):
        raise InvalidInput("This language is not known here.", field="language")
    return cleaned


@api_get("/contacts", permission="contact.view")
def list_contacts(
    request: Request, limit: FromQuery[int] = PAGE_SIZE, after: FromQuery[str] = "", before: FromQuery[str] = ""
) -> ContactPage:
    """List contacts.

    Takes the parameters of the dashboard's list: tab, q, sort, segment, and every filter by its key.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("A page has 1 to %(max)s contacts.", field="limit", max=MAX_PAGE)
    parameters = [pair for pair in request.query_params.multi_items() if pair[0] not in PLACE]
    view = read_view(parameters, request.site, request.allows)
    found, _ = find_contacts(request.site, view, [], after=after, before=before, size=limit)
    if found.matching.broken:
        raise InvalidInput("A filter could not be applied. Remove it to see contacts.")
    ids = [row["id"] for row in found.rows]
    with request.site.session() as session:
        rows = {one.id: one for one in session.scalars(select(Contact).where(Contact.id.in_(ids)))}
        resources = contact_resources(request, session, [rows[one] for one in ids if one in rows])

    def address(**place: str) -> str:
        query = found.view.address(**place, **({"limit": str(limit)} if limit != PAGE_SIZE else {}))
        return request.site.settings.base_url + BASE + "/contacts" + query[query.find("?") :]

    return ContactPage(
        contacts=resources,
        next=address(after=found.next) if found.next else None,
        previous=address(before=found.previous) if found.previous else None,
        total=found.total,
        total_is_capped=found.total_is_capped,
    )


@api_post("/contacts", permission="contact.edit", status=201)
def create_contact(request: Request, data: JSONBody[NewContact]) -> Response[ContactResource]:
    """Add a contact.

    It becomes a lead. A known address changes nothing: the answer is 409 and names the contact that has it.
    """
    details = read_details(request, data.details, {})
    fields = field_values(request, data.fields)
    with request.site.begin() as session:
        added = add_contact(
            session,
            request.site,
            email=data.email,
            details=details,
            tags=[clean_tag(tag) for tag in data.tags],
            actor=request.actor,
        )
        if added.created and fields:
            write_fields(session, request.site, added.contact_id, fields, request.actor)
    address = f"{request.site.settings.base_url}{BASE}/contacts/{added.contact_id}"
    if not added.created:
        return problem(
            409,
            request.language.text("%(name)s is a contact already", name=added.name),
            request.language.text("This email address belongs to a contact you have. Nothing was changed."),
            contact=address,
        )
    return Response(one_resource(request, added.contact_id), status_code=201, headers={"location": address})


@api_get("/contacts/{contact_id:int}", permission="contact.view")
def read_contact(request: Request, contact_id: FromPath[int]) -> Response[ContactResource] | Redirect:
    """Read a contact.

    A merged one leads to the contact it is part of now (308).
    """
    with request.site.session() as session:
        kept = kept_contact_id(session, find_contact(session, contact_id))
    if kept != contact_id:
        return Redirect(f"{BASE}/contacts/{kept}", status_code=308)
    return Response(one_resource(request, contact_id))


@api_patch("/contacts/{contact_id:int}", permission="contact.edit")
def change_contact(
    request: Request, contact_id: FromPath[int], data: JSONBody[ContactChange]
) -> Response[ContactResource]:
    """Change a contact: all that was sent, or nothing.

    Changed details are locked, as after editing by hand (FEATURES C6). 409 when `version` is not the stored one.
    """
    site, actor = request.site, request.actor
    fields = field_values(request, data.fields or {})
    try:
        with site.begin() as session:
            contact = lock_contact(session, contact_id)
            if data.version is not None and data.version != contact.version:
                sent = {**details_of(contact), **(data.details or {})}
                raise EditConflict(theirs=details_of(contact), yours=sent, version=contact.version)
            if data.details is not None:
                typed = read_details(request, data.details, details_of(contact))
                edit_contact(session, site, contact_id, typed, contact.version, actor)
            if data.tags is not None:
                _set_tags(request, session, contact_id, data.tags)
            if fields:
                write_fields(session, site, contact_id, fields, actor)
            if data.locked is not None:
                (lock_details if data.locked else lift_lock)(session, contact_id, actor)
            if data.inactive is True:
                deactivate_contact(session, site, contact_id, actor)
            elif data.inactive is False:
                reactivate_contact(session, contact_id, actor)
    except EditConflict as conflict:
        return problem(
            409,
            request.language.text("Someone else was faster"),
            request.language.text(conflict.message),
            theirs=dict(conflict.theirs),
            yours=dict(conflict.yours),
            version=conflict.version,
        )
    return Response(one_resource(request, contact_id))


def _set_tags(request: Request, session: Session, contact_id: int, names: Sequence[str]) -> None:
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(tag_key(name), clean_tag(name))
    stored = {tag_key(name): name for name in read_tags(session, contact_id)}
    gone = [name for key, name in stored.items() if key not in wanted]
    new = [name for key, name in wanted.items() if key not in stored]
    untag_contact(session, request.site, contact_id, gone, request.actor)
    tag_contact(session, request.site, contact_id, new, request.actor)


def one_resource(request: Request, contact_id: int) -> ContactResource:
    """One contact, read now. Raises NotFound."""
    with request.site.session() as session:
        [resource] = contact_resources(request, session, [find_contact(session, contact_id)])
    return resource


ROUTES: list[Any] = [list_contacts, create_contact, read_contact, change_contact]
