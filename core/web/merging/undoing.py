"""One merge: its page, and undoing it (FEATURES C9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.merging.merging import with_patience
from core.contacts.merging.undoing import (
    Contradiction,
    MergeContradicted,
    contradictions,
    find_merge,
    undo_merge,
)
from core.contacts.models import Contact
from core.contacts.profile import person_of
from core.web.merging import showing
from core.web.requests import Request
from core.web.routing import get, post

BASE = "/dashboard/contacts/{contact_id:int}/merges/{merge_id:int}"


@get(BASE, permission="contact.view")
def merge_page(request: Request, contact_id: FromPath[int], merge_id: FromPath[int]) -> Response[str]:
    """What was merged, and what stands in the way of undoing it."""
    return _page(request, contact_id, merge_id)


@post(f"{BASE}/undo", permission="contact.merge")
def undo(
    request: Request, contact_id: FromPath[int], merge_id: FromPath[int], next: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """Undo it as a whole, or say what stands in the way."""
    site, actor = request.site, request.actor
    try:
        undone = with_patience(site, lambda session: undo_merge(session, site, contact_id, merge_id, actor))
    except MergeContradicted as error:
        return _page(request, contact_id, merge_id, found=error.contradictions, status=409)
    return request.redirect(
        next or showing.address_of(undone.kept_id),
        "The merge is undone. %(name)s is a contact of its own again.",
        name=undone.name,
    )


def _page(
    request: Request,
    contact_id: int,
    merge_id: int,
    *,
    found: Sequence[Contradiction] | None = None,
    status: int = 200,
) -> Response[str]:
    with request.site.session() as session:
        merge = find_merge(session, contact_id, merge_id)
        kept, merged = session.get_one(Contact, merge.kept_id), session.get_one(Contact, merge.merged_id)
        reasons = contradictions(session, request.site, merge) if found is None else found
        text = showing.merge_text(request, merge, merged.email)
    return request.page(
        "contacts/merged.html",
        status=status,
        contact=person_of(kept),
        base=showing.address_of(contact_id),
        text=text,
        reasons=[showing.say(request, reason) for reason in reasons],
        undo=showing.address_of(contact_id, "merges", merge_id, "undo") if request.allows("contact.merge") else None,
    )


ROUTES: list[Any] = [merge_page, undo]
