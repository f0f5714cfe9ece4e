"""The profile of a contact, its whole log, and all its notes."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.finding import find_contact, kept_contact_id
from core.contacts.history import kinds_of, read_log
from core.contacts.profile import known_tags, person_of, read_profile
from core.web.field_inputs import failure_texts
from core.web.merging import showing as showing_merging
from core.web.profile import showing
from core.web.profile.panels import load_panels
from core.web.rendering import frame
from core.web.requests import Form, Request
from core.web.routing import get

RECENT = 15
"""Log entries on the profile itself."""

PER_PAGE = 50


@get("/dashboard/contacts/{contact_id:int}", permission="contact.view")
def profile_page(request: Request, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """The profile; a merged contact's leads to the one that was kept."""
    return show_profile(request, contact_id, Form())


def show_profile(
    request: Request, contact_id: int, form: Form, status: int = 200, *, all_notes: bool = False
) -> Response[str] | Redirect:
    """Build the profile page; `form` holds what was typed into one of its forms and refused."""
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
        if kept != contact_id:
            return request.redirect(showing.address_of(kept))
        profile = read_profile(session, contact, all_notes=all_notes)
        log = read_log(session, contact_id, limit=RECENT)
        merging = showing_merging.beside_profile(request, session, contact)
        suggested_tags = [name for name in known_tags(session) if name not in profile.tags]
    fields, failures = showing.field_rows(request, contact_id)
    cards = load_panels(request, contact_id, frame(request))
    person = profile.person
    return request.page(
        "contacts/profile.html",
        status=status,
        profile=profile,
        contact=person,
        picture=showing.picture_of(person),
        details=[*showing.detail_rows(request, profile), *fields],
        failures=failure_texts(request, failures),
        suggestions=showing.suggestion_rows(request, profile),
        modules=showing.module_rows(request, profile),
        tags=[
            {
                "label": name,
                "remove": showing.address_of(contact_id, "tags", "remove"),
            }
            if request.allows("contact.edit")
            else name
            for name in profile.tags
        ],
        suggested_tags=suggested_tags,
        notes=showing.note_rows(request, profile.notes, contact_id),
        days=showing.log_days(request, log.entries, person),
        more_log=log.older is not None,
        actions=showing.action_entries(request, person),
        may_edit=request.allows("contact.edit"),
        story=[card for card in cards if card.side == "story"],
        beside=[card for card in cards if card.side == "person"],
        base=showing.address_of(contact_id),
        form=form,
        **merging,
    )


@get("/dashboard/contacts/{contact_id:int}/notes", permission="contact.view")
def notes_page(request: Request, contact_id: FromPath[int]) -> Response[str] | Redirect:
    """The profile with all its notes, however many."""
    return show_profile(request, contact_id, Form(), all_notes=True)


@get("/dashboard/contacts/{contact_id:int}/activity", permission="contact.view")
def activity_page(
    request: Request, contact_id: FromPath[int], kind: FromQuery[str] = "", before: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """The whole log (C12), newest first, by kind, page after page."""
    kind = kind.replace("\x00", "")
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        kept = kept_contact_id(session, contact)
        if kept != contact_id:
            return request.redirect(showing.address_of(kept, "activity"))
        person = person_of(contact)
        log = read_log(session, contact_id, kind=kind, before=before, limit=PER_PAGE)
        present = kinds_of(session, contact_id)
    spoken = showing.words(request)
    here = showing.address_of(contact_id, "activity")
    # Known kinds in their declared order, then those of plugins that are off.
    ordered = [key for key in spoken.kinds if key in present]
    ordered += sorted(key for key in present if key not in spoken.kinds)
    kinds: list[dict[str, Any]] = [
        {
            "label": spoken.label(key),
            "href": showing.address_of(contact_id, "activity", kind=key),
            "icon": spoken.icon(key),
            "current": key == kind,
        }
        for key in ordered
    ]
    older = {"kind": kind, "before": log.older} if kind and log.older else {"before": log.older or ""}
    return request.page(
        "contacts/activity.html",
        contact=person,
        picture=showing.picture_of(person),
        days=showing.log_days(request, log.entries, person),
        kinds=kinds,
        kind=spoken.label(kind) if kind else "",
        all_href=here,
        base=showing.address_of(contact_id),
        newer=here + (f"?kind={kind}" if kind in present else "") if before else None,
        older=showing.address_of(contact_id, "activity", **older) if log.older else None,
    )


ROUTES: list[Any] = [profile_page, notes_page, activity_page]
