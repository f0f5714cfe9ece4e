"""`/dashboard/contacts/tags`: all tags, and what is done with one for all contacts at once (FEATURES C11)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core.contacts.bulk.running import BATCH
from core.contacts.tag_admin import (
    TagTaken,
    TagUse,
    add_tag,
    all_tags,
    join_tags,
    read_tag,
    remove_tag_everywhere,
    remove_unused_tags,
    rename_tag,
)
from core.contacts.views import LIST_PATH
from core.errors import InvalidInput
from core.web.contact_list.bulk import answer_started
from core.web.requests import Form, FormInput, Request
from core.web.routing import get, post

PATH = f"{LIST_PATH}/tags"
ONE = f"{PATH}/{{tag_id:int}}"


@get(PATH, permission="contact.view")
def tags_page(request: Request) -> Response[str]:
    """All tags with their numbers."""
    return _page(request, Form())


@post(PATH, permission="contact.tags")
def add(request: Request, form: FormInput, tag: FromQuery[str] = "") -> Response[str] | Redirect:
    """A new tag; also what brings back one that was removed (`tag`)."""
    try:
        with request.site.begin() as session:
            name, is_new = add_tag(session, tag or form.text("tag"))
    except InvalidInput as error:
        form.fail(error)
        return _page(request, form, status=422)
    if not is_new:
        return request.redirect(PATH, "There is a tag “%(name)s” already.", kind="info", name=name)
    return request.redirect(PATH, "Tag “%(tag)s” added.", tag=name)


@get(f"{ONE}/rename", permission="contact.tags")
def rename_page(request: Request, tag_id: FromPath[int]) -> Response[str]:
    """Asks for the new name."""
    with request.site.session() as session:
        tag = read_tag(session, tag_id)
    return _rename_page(request, tag, Form(fields={"name": [tag.name]}))


@post(f"{ONE}/rename", permission="contact.tags")
def rename(
    request: Request, form: FormInput, tag_id: FromPath[int], name: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """Rename a tag; a name that another has leads to the offer to join the two."""
    try:
        with request.site.begin() as session:
            before, now = rename_tag(session, tag_id, name or form.text("name"))
    except InvalidInput as error:
        form.fail(error)
        with request.site.session() as session:
            tag = read_tag(session, tag_id)
        other = error.other if isinstance(error, TagTaken) else None
        return _rename_page(request, tag, form, other=other, status=409 if other else 422)
    undo = f"{PATH}/{tag_id}/rename?{urlencode({'name': before})}" if before != now else ""
    return request.redirect(PATH, "“%(before)s” is “%(name)s” now.", undo=undo, before=before, name=now)


@get(f"{ONE}/join", permission="contact.tags")
def join_page(request: Request, tag_id: FromPath[int]) -> Response[str]:
    """Asks into which other."""
    return _join_page(request, tag_id, Form())


@post(f"{ONE}/join", permission="contact.tags")
def join(request: Request, form: FormInput, tag_id: FromPath[int]) -> Response[str] | Redirect:
    """Join a tag into another."""
    into_id = form.whole_number("into")
    if into_id is None or into_id == tag_id:
        form.errors["into"] = InvalidInput("Choose a tag from the list.", field="into")
        return _join_page(request, tag_id, form, status=422)
    with request.site.begin() as session:
        done = join_tags(session, request.site, tag_id, into_id, request.actor)
    return answer_started(request, *done, PATH)


@get(f"{ONE}/remove", permission="contact.tags")
def remove_page(request: Request, tag_id: FromPath[int]) -> Response[str]:
    """Asks before a tag is taken from all contacts."""
    with request.site.session() as session:
        tag = read_tag(session, tag_id)
    return request.page("contacts/tag_remove.html", tag=tag, path=f"{PATH}/{tag_id}/remove", back=PATH, batch=BATCH)


@post(f"{ONE}/remove", permission="contact.tags")
def remove(request: Request, tag_id: FromPath[int]) -> Redirect:
    """Take a tag from all contacts and remove it."""
    with request.site.begin() as session:
        tag = read_tag(session, tag_id)
        selection, action, started = remove_tag_everywhere(session, request.site, tag_id, request.actor)
    if not selection.chosen:
        undo = f"{PATH}?{urlencode({'tag': tag.name})}"
        return request.redirect(PATH, "Tag “%(tag)s” is removed.", undo=undo, tag=tag.name)
    return answer_started(request, selection, action, started, PATH)


@get(f"{PATH}/unused", permission="contact.tags")
def unused_page(request: Request) -> Response[str] | Redirect:
    """Asks before the tags that nobody has are removed."""
    with request.site.session() as session:
        unused = [tag.name for tag in all_tags(session) if tag.is_unused]
    if not unused:
        return request.redirect(PATH, "Every tag is in use.", kind="info")
    return request.page("contacts/tags_unused.html", names=unused, path=f"{PATH}/unused", back=PATH)


@post(f"{PATH}/unused", permission="contact.tags")
def remove_unused(request: Request) -> Redirect:
    """Remove the tags that nobody has."""
    with request.site.begin() as session:
        names = remove_unused_tags(session)
    message = "Tag removed: %(tags)s." if len(names) == 1 else "Tags removed: %(tags)s."
    return request.redirect(PATH, message if names else "Every tag is in use.", tags=", ".join(names)[:500])


def _page(request: Request, form: Form, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        tags = all_tags(session)
    language, may = request.language, request.allows("contact.tags")

    def menu(tag: TagUse) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = [
            {"label": language.text("Rename"), "href": f"{PATH}/{tag.id}/rename", "icon": "edit", "dialog": True},
            {"label": language.text("Join tags"), "href": f"{PATH}/{tag.id}/join", "icon": "merge", "dialog": True},
            {
                "label": language.text("Remove"),
                "href": f"{PATH}/{tag.id}/remove",
                "icon": "trash",
                "dialog": True,
                "danger": True,
            },
        ]
        return [entry for entry in entries if len(tags) > 1 or entry["icon"] != "merge"]

    def number(tag: TagUse, count: int, **more: str) -> dict[str, str] | None:
        address = f"{LIST_PATH}?{urlencode({**more, 'contact.tag': tag.id})}"
        return {"kind": "link", "text": language.number(count), "href": address} if count else None

    return request.page(
        "contacts/tags.html",
        status=status,
        path=PATH,
        columns=[
            {"key": "name", "label": language.text("Tag")},
            {"key": "active", "label": language.text("Contacts"), "numeric": True},
            {"key": "inactive", "label": language.text("Inactive"), "numeric": True},
        ],
        rows=[
            {
                "id": tag.id,
                "label": tag.name,
                "cells": [
                    {"kind": "tags", "tags": [tag.name]},
                    number(tag, tag.active),
                    number(tag, tag.inactive, tab="inactive"),
                ],
                "menu": menu(tag) if may else [],
            }
            for tag in tags
        ],
        unused=sum(tag.is_unused for tag in tags),
        form=form,
        may=may,
        list_path=LIST_PATH,
    )


def _rename_page(
    request: Request, tag: TagUse, form: Form, *, other: TagUse | None = None, status: int = 200
) -> Response[str]:
    return request.page(
        "contacts/tag_rename.html", status=status, tag=tag, form=form, other=other, path=f"{PATH}/{tag.id}", back=PATH
    )


def _join_page(request: Request, tag_id: int, form: Form, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        tag = read_tag(session, tag_id)
        others = [one for one in all_tags(session) if one.id != tag_id]
    options = [
        {"value": one.id, "label": f"{one.name} ({request.language.number(one.active + one.inactive)})"}
        for one in others
    ]
    return request.page(
        "contacts/tag_join.html", status=status, tag=tag, form=form, options=options, path=f"{PATH}/{tag_id}", back=PATH
    )


ROUTES: list[Any] = [
    tags_page,
    add,
    rename_page,
    rename,
    join_page,
    join,
    remove_page,
    remove,
    unused_page,
    remove_unused,
]
