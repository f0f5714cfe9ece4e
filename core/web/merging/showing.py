"""What the pages of merging show: contacts and pairs of contacts as plain values in one language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from core.contacts.merging.duplicates import CERTAIN, LIKELY, REASON_LABELS, Duplicate, duplicates_of
from core.contacts.merging.models import ContactMerge
from core.contacts.merging.undoing import Contradiction, merges_of
from core.contacts.models import Contact
from core.contacts.profile import Person, person_of
from core.contacts.views import LIST_PATH
from core.web.requests import Request

MERGE_PATH = f"{LIST_PATH}/merge"
DUPLICATES_PATH = f"{LIST_PATH}/duplicates"


def merge_address(first_id: int, second_id: int) -> str:
    """The page that compares two contacts."""
    return f"{MERGE_PATH}?ids={first_id},{second_id}"


def address_of(contact_id: int, *rest: object) -> str:
    """The address of a contact's page, or of one below it."""
    return "/".join([LIST_PATH, str(contact_id), *(str(part) for part in rest)])


def person_cell(person: Person) -> dict[str, Any]:
    """A person as the component `cell` takes it."""
    picture = address_of(person.id, "picture", person.picture) if person.picture else None
    return {
        "kind": "person",
        "text": person.title,
        "href": address_of(person.id),
        "initials": person.initials,
        "tone": person.tone,
        "picture": picture,
        "note": person.email if person.name else None,
    }


def side(person: Person, facts: Sequence[str] = ()) -> dict[str, Any]:
    """A person with what one recognises them by."""
    return {
        "person": person_cell(person),
        "stage": person.stage,
        "inactive": person.inactive,
        "facts": [fact for fact in facts if fact],
    }


def facts_of(request: Request, contact: Contact) -> list[str]:
    """Phone, place, and since when."""
    place = f"{contact.postal_code} {contact.city}".strip() or request.language.country(contact.country)
    joined = request.language.text("since %(date)s", date=request.language.date(contact.joined_at))
    return [contact.phone, place, joined]


def pair(request: Request, duplicate: Duplicate) -> dict[str, Any]:
    """Why two contacts may be one, how likely that is, and what can be done."""
    text, points = request.language.text, duplicate.points
    likely, tone = (
        (text("Very likely"), "amber")
        if points >= CERTAIN
        else (text("Likely"), "blue")
        if points >= LIKELY
        else (text("Possible"), "neutral")
    )
    return {
        "label": f"{duplicate.first.title}, {duplicate.second.title}",
        "likely": likely,
        "tone": tone,
        "reasons": [text(REASON_LABELS[reason]) for reason in duplicate.reasons],
        "merge": merge_address(duplicate.first.id, duplicate.second.id),
        "dismiss": f"{DUPLICATES_PATH}/dismiss",
        "fields": {"ids": f"{duplicate.first.id},{duplicate.second.id}"},
    }


def hints(request: Request, session: Session, contact: Contact, back: str) -> list[dict[str, Any]]:
    """The likely duplicates of one contact."""
    found = []
    for duplicate in duplicates_of(session, contact, 3):
        other = duplicate.second if duplicate.first.id == contact.id else duplicate.first
        shown = pair(request, duplicate)
        found.append({**shown, "other": person_cell(other), "fields": {**shown["fields"], "next": back}})
    return found


def beside_profile(request: Request, session: Session, contact: Contact) -> dict[str, Any]:
    """What a profile says about merging, to whoever may merge."""
    if not request.allows("contact.merge"):
        return {"duplicates": [], "merges": []}
    return {
        "duplicates": hints(request, session, contact, address_of(contact.id)),
        "merges": [
            {
                "text": merge_text(request, merge, email),
                "undo": address_of(contact.id, "merges", merge.id, "undo"),
            }
            for merge, email in merges_of(session, contact.id)
        ],
    }


def merge_text(request: Request, merge: ContactMerge, email: str) -> str:
    """Who was merged, when, by whom."""
    date = request.language.date(merge.merged_at)
    if merge.actor_name:
        return request.language.text(
            "Merged with %(email)s on %(date)s by %(name)s", email=email, date=date, name=merge.actor_name
        )
    return request.language.text("Merged with %(email)s on %(date)s", email=email, date=date)


def say(request: Request, contradiction: Contradiction) -> str:
    """What stands in the way of undoing."""
    words = {name: request.language.text(word) for name, word in contradiction.words.items()}
    return request.language.text(contradiction.message, **words, **contradiction.values)


def heads(first: Contact, second: Contact) -> list[str]:
    """What two contacts are called above their columns: by their addresses, which are never the same."""
    return [person_of(first).email, person_of(second).email]
