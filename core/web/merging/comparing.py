"""Choosing two contacts, and comparing them before they become one (FEATURES C9)."""

from __future__ import annotations

from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.bulk.selections import selected_contacts
from core.contacts.custom_fields.definitions import id_of
from core.contacts.field_texts import in_words
from core.contacts.fields import read_fields
from core.contacts.finding import current_contact_id, find_contact
from core.contacts.merging.combining import GROUP_LABELS
from core.contacts.merging.merging import merge_contacts, with_patience
from core.contacts.merging.words import holdings
from core.contacts.models import Contact
from core.contacts.profile import person_of, read_tags
from core.contacts.searching import search_conditions
from core.errors import Conflict, InvalidInput, NotFound
from core.web.merging import showing
from core.web.merging.duplicates import two_ids
from core.web.merging.showing import MERGE_PATH, address_of, merge_address
from core.web.profile.showing import words
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

MANY = 3
"""More ticked contacts than can be merged, which is said."""

FOUND = 20
"""Contacts that the search for the other one shows."""


@get("/dashboard/contacts/{contact_id:int}/merge", permission="contact.merge")
def merge_with(request: Request, contact_id: FromPath[int], q: FromQuery[str] = "") -> Response[str] | Redirect:
    """Find the other contact: among the likely duplicates, or by searching."""
    search = q.replace("\x00", "").strip()
    with request.site.session() as session:
        contact = find_contact(session, contact_id)
        if contact.merged_into_id is not None:
            return request.redirect(address_of(current_contact_id(session, contact_id), "merge"))
        found = _search(session, contact_id, search)
        duplicates = showing.hints(request, session, contact, address_of(contact_id, "merge"))
        shown = [
            {
                **showing.side(person_of(one), showing.facts_of(request, one)),
                "merge": merge_address(contact_id, one.id),
            }
            for one in found
        ]
    return request.page(
        "contacts/merge_with.html",
        contact=person_of(contact),
        base=address_of(contact_id),
        search=search,
        found=shown,
        duplicates=duplicates,
    )


def _search(session: Session, contact_id: int, text: str) -> list[Contact]:
    asked = search_conditions(text, is_sqlite=session.get_bind().dialect.name == "sqlite")
    if not asked.conditions:
        return []
    statement = select(Contact).where(
        *asked.conditions, *asked.hints, Contact.merged_into_id.is_(None), Contact.id != contact_id
    )
    return list(session.scalars(statement.order_by(Contact.joined_at.desc(), Contact.id.desc()).limit(FOUND)))


@get(MERGE_PATH, permission="contact.merge")
def compare(request: Request) -> Response[str] | Redirect:
    """Both side by side, to choose who stays and whose details do."""
    ids = [str(value) for value in request.query_params.getall("ids", [])]
    if chosen := request.query_params.get("selection", ""):
        if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
            raise NotFound("There is no such selection, or it is too old.")
        with request.site.session() as session:
            ticked = selected_contacts(session, int(chosen), request.actor).limit(MANY)
            ids = [str(one) for one in session.scalars(ticked)]
    return _page(request, ids, Form())


@post(MERGE_PATH, permission="contact.merge")
def merge(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Merge them, unless one was changed since the page was shown: then it is shown again."""
    site, actor = request.site, request.actor
    first_id, second_id = two_ids(form.texts("ids"))
    kept_id = form.whole_number("keep")
    if kept_id not in (first_id, second_id):
        raise InvalidInput("Choose which of the two contacts stays.", field="keep")
    merged_id = second_id if kept_id == first_id else first_id
    versions = {one: form.whole_number(f"version-{one}") or 0 for one in (first_id, second_id)}
    take = [group for group in GROUP_LABELS if form.text(f"take-{group}") == str(merged_id)]
    try:
        merged = with_patience(
            site,
            lambda session: merge_contacts(session, site, kept_id, merged_id, actor, take=take, versions=versions),
        )
    except Conflict as error:
        problem = request.language.text(error.message, **error.values)
        return _page(request, [f"{first_id},{second_id}"], form, problem=problem, status=409)
    return request.redirect(
        address_of(merged.kept_id),
        "The contacts are merged.",
        undo=address_of(merged.kept_id, "merges", merged.merge_id, "undo"),
    )


def _page(
    request: Request, ids: list[str], form: Form, *, problem: str = "", status: int = 200
) -> Response[str] | Redirect:
    asked = two_ids(ids)
    with request.site.session() as session:
        # A merged contact is looked at as the one it is part of now.
        first_id, second_id = sorted(current_contact_id(session, one) for one in asked)
        if first_id == second_id:
            return request.redirect(address_of(first_id), "These two are one contact already.", kind="info")
        first, second = find_contact(session, first_id), find_contact(session, second_id)
        kept = first if _stays(first) <= _stays(second) else second
        rows = _rows(request, session, form, (first, second), kept)
        holding = [
            {
                "label": " · ".join(request.language.text(one) for one in (row.plugin, row.label) if one)
                if row.plugin != row.label
                else request.language.text(row.label),
                "values": [
                    {"kind": "number", "text": request.language.number(row.counts.get(one, 0))}
                    for one in (first_id, second_id)
                ],
            }
            for row in holdings(session, request.site, (first_id, second_id))
        ]
    return request.page(
        "contacts/merge.html",
        status=status,
        problem=problem,
        heads=showing.heads(first, second),
        rows=rows,
        holdings=holding,
        sentences=_sentences(request, first, second),
        hidden={
            "ids": f"{first_id},{second_id}",
            **{f"version-{one.id}": one.version for one in (first, second)},
        },
        back={"href": address_of(kept.id), "text": person_of(kept).title},
        dismiss=f"{showing.DUPLICATES_PATH}/dismiss",
    )


def _stays(contact: Contact) -> tuple[Any, ...]:
    """Who stays unless one chooses otherwise: a customer, active, known for longer."""
    return contact.stage != "customer", contact.inactive_at is not None, contact.joined_at, contact.id


def _rows(
    request: Request, session: Session, form: Form, both: tuple[Contact, Contact], kept: Contact
) -> list[dict[str, Any]]:
    text, ids = request.language.text, [one.id for one in both]
    people = [person_of(one) for one in both]

    def chosen(name: str, default: int) -> int:
        typed = form.whole_number(name)
        return typed if typed in ids else default

    rows: list[dict[str, Any]] = [
        {
            "label": text("Stays"),
            "values": [one.title for one in people],
            "name": "keep",
            "choices": ids,
            "chosen": chosen("keep", kept.id),
        }
    ]
    other = both[1] if kept is both[0] else both[0]
    for group, values in _groups(request, session, both).items():
        row: dict[str, Any] = {"label": text(GROUP_LABELS[group]), "values": values}
        if values[0] != values[1]:
            own = values[both.index(kept)]
            default = kept.id if own else other.id
            row |= {"name": f"take-{group}", "choices": ids, "chosen": chosen(f"take-{group}", default)}
        if any(values):
            rows.append(row)
    language = request.language
    rows += [
        {"label": text("Stage"), "values": [{"kind": "stage", "stage": one.stage} for one in people]},
        {
            "label": text("Joined"),
            "values": [
                {"kind": "date", "text": language.datetime(one.joined_at), "iso": one.joined_at.isoformat()}
                for one in both
            ],
        },
        {
            "label": text("Tags"),
            "values": [{"kind": "tags", "tags": read_tags(session, one.id)} for one in both],
        },
    ]
    return rows


def _groups(request: Request, session: Session, both: tuple[Contact, Contact]) -> dict[str, list[Any]]:
    """Group → what each of the two has, None for nothing."""
    spoken = words(request)
    found: dict[str, list[Any]] = {
        group: [spoken.group(group, rules.values_of(one, group)).replace("\n", ", ") or None for one in both]
        for group in rules.GROUPS
    }
    found["fields"] = _field_values(request, session, both)
    found["picture"] = [
        {"kind": "link", "text": request.language.text("Picture"), "href": address_of(one.id, "picture", one.picture)}
        if one.picture
        else None
        for one in both
    ]
    return found


def _field_values(request: Request, session: Session, both: tuple[Contact, Contact]) -> list[Any]:
    """What staff's own fields say of each (C14), in words."""
    fields = [
        field
        for field in request.site.contributions.contact_fields.values()
        if id_of(field.key) is not None and request.allows(field.permission)
    ]
    values = read_fields(session, request.site, [one.id for one in both], {field.key for field in fields})
    texts = [
        [
            f"{request.language.text(field.label)}: {said}"
            for field in fields
            if (said := in_words(field, values[one.id].get(field.key), request.language))
        ]
        for one in both
    ]
    return ["; ".join(each) or None for each in texts]


def _sentences(request: Request, first: Contact, second: Contact) -> list[str]:
    """What will be, in words."""
    text = request.language.text
    sentences = [
        text("Everything of both is on the contact that stays: plugins’ data, notes, files, messages, tags and log."),
        text("The other address stays known: later orders to it find the contact that stays."),
    ]
    if first.stage != second.stage:
        sentences.append(text("The contact that stays is a customer."))
    if (first.locked_at is None) != (second.locked_at is None):
        sentences.append(text("Its details are locked, as those of one of the two are now."))
    if (first.inactive_at is None) != (second.inactive_at is None):
        sentences.append(text("It is active, as one of the two is now."))
    sentences.append(text("Merging can be undone as long as nothing that was merged is changed."))
    return sentences


ROUTES: list[Any] = [merge_with, compare, merge]
