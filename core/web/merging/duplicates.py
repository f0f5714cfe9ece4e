"""`/dashboard/contacts/duplicates`: likely duplicates, and saying that two are none (FEATURES C9)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from litestar.params import FromQuery
from litestar.response import Redirect, Response

from core.contacts.merging.duplicates import find_duplicates, forget_distinct, say_distinct
from core.contacts.models import Contact
from core.errors import InvalidInput
from core.web.merging import showing
from core.web.requests import FormInput, Request
from core.web.routing import get, post

PATH = showing.DUPLICATES_PATH


@get(PATH, permission="contact.merge")
def duplicates_page(request: Request, after: FromQuery[str] = "") -> Response[str]:
    """A page of pairs, the most telling reasons first."""
    with request.site.session() as session:
        found = find_duplicates(session, after)
        pairs = []
        for duplicate in found.pairs:
            first, second = (session.get_one(Contact, one.id) for one in (duplicate.first, duplicate.second))
            pairs.append(
                {
                    **showing.pair(request, duplicate),
                    "first": showing.side(duplicate.first, showing.facts_of(request, first)),
                    "second": showing.side(duplicate.second, showing.facts_of(request, second)),
                }
            )
    return request.page(
        "contacts/duplicates.html",
        pairs=pairs,
        first_page=not after,
        newest=PATH if after else None,
        next=f"{PATH}?after={quote(found.after)}" if found.after else None,
    )


def two_ids(texts: list[str]) -> tuple[int, int]:
    """Two different ids, separated by a comma or sent twice. Raises InvalidInput."""
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    ids = {int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 19}
    if len(ids) != 2 or len(parts) != 2:
        raise InvalidInput("Choose exactly two contacts to merge.", field="ids")
    first, second = sorted(ids)
    return first, second


@post(f"{PATH}/dismiss", permission="contact.merge")
def dismiss(request: Request, form: FormInput) -> Redirect:
    """„Kein Duplikat“: never offered again."""
    first, second = two_ids(form.texts("ids"))
    back = form.text("next") or PATH
    with request.site.begin() as session:
        say_distinct(session, first, second, request.actor)
    undo = f"{PATH}/restore?{urlencode({'ids': f'{first},{second}', 'next': back})}"
    return request.redirect(back, "These two are no longer offered as duplicates.", undo=undo)


@post(f"{PATH}/restore", permission="contact.merge")
def restore(request: Request, ids: FromQuery[str] = "", next: FromQuery[str] = "") -> Redirect:
    """Offer them again."""
    first, second = two_ids([ids])
    with request.site.begin() as session:
        forget_distinct(session, first, second)
    return request.redirect(next or PATH, "These two are offered as duplicates again.")


ROUTES: list[Any] = [duplicates_page, dismiss, restore]
