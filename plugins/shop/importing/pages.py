"""The pages of an import of orders: a file, what is in it, how far it is, what came of it (FEATURES S6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from babel.numbers import list_currencies
from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import Form, FormInput, InvalidInput, Money, Request, TresenError, get, post
from plugins.shop.forms import say, summary
from plugins.shop.importing.reading import LAYOUTS
from plugins.shop.importing.runs import (
    begin,
    cancel,
    count_problems,
    discard,
    find_import,
    follow,
    list_imports,
    new_import,
    problems_of,
    settle,
)
from plugins.shop.models import OrderImport

PATH = "/dashboard/shop/orders/import"
PERMISSION = "shop.import"

MAX_BODY = 510_000_000
AT_ONCE = 1_000_000
"""Bytes of a file that is checked while the person waits; a larger one is checked in the background."""

SHOWN = 50

STATES: Mapping[str, tuple[str, str]] = {
    "checking": ("Being checked", "blue"),
    "checked": ("Checked, not imported", "amber"),
    "running": ("Being imported", "blue"),
    "done": ("Imported", "green"),
    "cancelled": ("Stopped", "neutral"),
    "failed": ("Failed", "red"),
}
"""State → its name for people, a message id, and the colour of its badge."""


@get(PATH, permission=PERMISSION)
def start(request: Request) -> Response[str]:
    """Where a file is chosen."""
    return _start_page(request, Form(fields={"currency": [request.site.setting("shop.currency")]}))


@post(PATH, permission=PERMISSION, max_body=MAX_BODY)
def upload(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Store a file, find out whose it is, and check it."""
    currency = form.text("currency").upper()
    if currency and currency not in list_currencies():
        form.fail(InvalidInput("Enter the three letters of a currency, such as EUR.", field="currency"))
    files = form.file("file")
    if not files:
        form.fail(InvalidInput("Choose a file.", field="file"))
    if form.errors:
        return _start_page(request, form, 422)
    try:
        import_id = new_import(
            request.site,
            files[0].filename,
            files[0].file,
            request.actor,
            shop=form.text("shop"),
            currency=currency,
        )
        with request.site.session() as session:
            small = find_import(session, import_id).size <= AT_ONCE
        if small:
            follow(request.site, import_id)
        else:
            with request.site.begin() as session:
                begin(session, request.site, import_id, request.actor)
    except InvalidInput as error:
        form.fail(error, "file" if error.field in (None, "files") else "")
        return _start_page(request, form, 422)
    return request.redirect(f"{PATH}/{import_id}")


def _start_page(request: Request, form: Form, status: int = 200) -> Response[str]:
    text = request.language.text
    with request.site.session() as session:
        earlier = [
            {
                "cells": [
                    {"kind": "link", "text": row.name, "href": f"{PATH}/{row.id}"},
                    row.source,
                    {
                        "kind": "date",
                        "text": request.language.datetime(row.created_at),
                        "iso": row.created_at.isoformat(),
                    },
                    request.language.number(row.numbers.get("taken", 0)) if row.state != "checked" else "",
                    row.actor_name,
                    {"kind": "badge", "text": text(STATES[row.state][0]), "tone": STATES[row.state][1]},
                ]
            }
            for row in list_imports(session)
        ]
    return request.page(
        "shop/import_start.html",
        status=status,
        path=PATH,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
        earlier=earlier,
    )


@get(f"{PATH}/{{import_id:int}}", permission=PERMISSION)
def show(request: Request, import_id: FromPath[int]) -> Response[str]:
    """An import as it stands."""
    language = request.language
    with request.site.session() as session:
        row = find_import(session, import_id)
        settle(session, row)
        refused = problems_of(session, import_id, refused=True, limit=SHOWN)
        notes = problems_of(session, import_id, refused=False, limit=SHOWN)
        counts = [count_problems(session, import_id, refused=one) for one in (True, False)]
    numbers = row.numbers

    def lines(problems: Any) -> list[dict[str, Any]]:
        return [
            {"cells": [language.number(one.line), one.reference, language.text(one.message, **one.words)]}
            for one in problems
        ]

    share = round(100 * numbers.get("share", 0))
    return request.page(
        "shop/import.html",
        path=f"{PATH}/{row.id}",
        start_path=PATH,
        name=row.name,
        state=row.state,
        state_label=STATES[row.state][0],
        share=share,
        progress_text=f"{language.number(share)} %",
        taken=numbers.get("taken", 0),
        outcomes=_outcomes(request, row),
        facts=_facts(request, row),
        error=say(request, TresenError(str(numbers.get("error", "")))) if numbers.get("error") else "",
        refused=lines(refused),
        notes=lines(notes),
        refused_more=_more(request, counts[0]),
        notes_more=_more(request, counts[1]),
    )


def _outcomes(request: Request, row: OrderImport) -> list[dict[str, str]]:
    text, number = request.language.text, request.language.number
    ran = row.state in ("running", "done", "cancelled", "failed")
    labels = {
        "taken": "Taken in" if ran else "New",
        "known": "Here already",
        "skipped": "No orders",
        "refused": "Refused",
    }
    return [
        {"label": text(label), "number": number(row.numbers.get(key, 0))}
        for key, label in labels.items()
        if key in ("taken", "known") or row.numbers.get(key)
    ]


def _facts(request: Request, row: OrderImport) -> list[dict[str, str]]:
    language, text = request.language, request.language.text
    found = [
        (text("Written by"), LAYOUTS[row.layout].label),
        (text("From shop"), row.source),
    ]
    if "first" in row.numbers:
        first, last = (datetime.fromisoformat(row.numbers[key]) for key in ("first", "last"))
        zone = request.site.settings.zone
        days = [language.date(one.astimezone(zone).date()) for one in (first, last)]
        found.append((text("Placed"), text("%(first)s to %(last)s", first=days[0], last=days[1])))
    sums = [Money(minor=minor, currency=currency) for currency, minor in sorted(row.numbers.get("sums", {}).items())]
    if sums:
        found.append((text("Really bought"), " · ".join(language.money(one) for one in sums)))
    return [{"label": label, "value": value} for label, value in found]


def _more(request: Request, number: int) -> str:
    if number <= SHOWN:
        return ""
    return request.language.text("and %(number)s more", number=request.language.number(number - SHOWN))


@post(f"{PATH}/{{import_id:int}}/run", permission=PERMISSION, max_body=10_000)
def run(request: Request, import_id: FromPath[int]) -> Redirect:
    """Begin the import, in the background."""
    with request.site.begin() as session:
        begin(session, request.site, import_id, request.actor)
    return request.redirect(f"{PATH}/{import_id}")


@post(f"{PATH}/{{import_id:int}}/cancel", permission=PERMISSION, max_body=10_000)
def stop(request: Request, import_id: FromPath[int]) -> Redirect:
    """Stop after the step under way; what was taken in stays."""
    with request.site.begin() as session:
        cancel(session, request.site, import_id)
    return request.redirect(f"{PATH}/{import_id}")


@post(f"{PATH}/{{import_id:int}}/discard", permission=PERMISSION, max_body=10_000)
def forget(request: Request, import_id: FromPath[int]) -> Redirect:
    """Forget a file that was not imported."""
    with request.site.begin() as session:
        name = discard(session, request.site, import_id)
    return request.redirect(PATH, "“%(name)s” was discarded. Nothing was imported.", name=name)


ROUTES: list[Any] = [start, upload, show, run, stop, forget]
