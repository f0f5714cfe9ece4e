"""The screen „Einwilligungen“: what people are asked for, with the versions of each wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import FormInput, InvalidInput, Request, get, post
from plugins.consent.purposes import (
    LANGUAGES,
    Purpose,
    Wording,
    add_purpose,
    all_purposes,
    change_names,
    clean_name,
    clean_wording,
    close_purpose,
    find_purpose,
    set_wordings,
    versions,
)

PAGE = "/dashboard/consent/purposes"


@get(PAGE, permission="consent.purposes")
def show_purposes(request: Request) -> Response[str]:
    """All purposes with what stands beside their boxes now."""
    site, code = request.site, request.language.code
    with site.session() as session:
        purposes = all_purposes(session)
    return request.page(
        "consent/purposes.html",
        purposes=[
            {
                "key": one.key,
                "name": one.name(site, code),
                "is_own": one.is_own,
                "is_closed": one.is_closed,
                "wordings": [(language, one.wordings.get(language)) for language in LANGUAGES],
            }
            for one in purposes
        ],
        language_names=LANGUAGES,
    )


@get(f"{PAGE}/new", permission="consent.purposes")
def new_purpose(request: Request) -> Response[str]:
    """The form for a purpose of the site's own."""
    return _form(request, None, {}, {})


@post(f"{PAGE}/new", permission="consent.purposes", max_body=50_000)
def create_purpose(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add one."""
    names, wordings = _names(form), _wordings(form)
    if not any(wordings.values()) and not form.errors:
        form.fail(InvalidInput("Write what people agree to, in one language at least.", field="wording-de"))
    if not form.errors:
        try:
            with request.site.begin() as session:
                add_purpose(session, names, wordings, request.actor)
        except InvalidInput as error:
            form.fail(error, "name-de")
        else:
            return request.redirect(PAGE, "“%(name)s” is asked for now.", name=names[request.language.code])
    return _form(request, None, form.values, form.errors, status=422)


@get(f"{PAGE}/{{key:str}}", permission="consent.purposes")
def edit_purpose(request: Request, key: FromPath[str]) -> Response[str]:
    """The form for a purpose, with all versions of its wordings."""
    with request.site.session() as session:
        purpose = find_purpose(session, key)
    values = {f"wording-{code}": wording.text for code, wording in purpose.wordings.items()}
    values |= {f"name-{code}": name for code, name in purpose.names.items()}
    return _form(request, purpose, values, {})


@post(f"{PAGE}/{{key:str}}", permission="consent.purposes", max_body=50_000)
def save_purpose(request: Request, form: FormInput, key: FromPath[str]) -> Response[str] | Redirect:
    """Save names, and a new version of each wording that changed."""
    with request.site.session() as session:
        purpose = find_purpose(session, key)
    names, wordings = _names(form) if purpose.is_own else {}, _wordings(form)
    if form.errors:
        return _form(request, purpose, form.values, form.errors, status=422)
    with request.site.begin() as session:
        if purpose.is_own:
            change_names(session, key, names)
        changed = set_wordings(session, key, wordings, request.actor)
    if changed:
        return request.redirect(PAGE, "Saved. What was agreed to before keeps its wording.")
    return request.redirect(PAGE, "Saved.")


@post(f"{PAGE}/{{key:str}}/closed", permission="consent.purposes")
def switch_purpose(request: Request, form: FormInput, key: FromPath[str]) -> Redirect:
    """Ask about a purpose no more, or again."""
    closed = form.ticked("closed")
    with request.site.begin() as session:
        close_purpose(session, key, closed=closed)
    toast = "It is not asked for any more; consents that were given stay." if closed else "It is asked for again."
    return request.redirect(PAGE, toast)


def _names(form: FormInput) -> dict[str, str]:
    return {code: _cleaned(form, f"name-{code}", clean_name) for code in LANGUAGES}


def _wordings(form: FormInput) -> dict[str, str]:
    return {code: _cleaned(form, f"wording-{code}", clean_wording) for code in LANGUAGES}


def _cleaned(form: FormInput, name: str, clean: Any) -> str:
    try:
        return str(clean(form.text(name)))
    except InvalidInput as error:
        form.fail(error, name)
        return ""


def _form(
    request: Request,
    purpose: Purpose | None,
    values: Mapping[str, str],
    errors: Mapping[str, InvalidInput],
    *,
    status: int = 200,
) -> Response[str]:
    history: Mapping[str, Sequence[Wording]] = {}
    if purpose is not None:
        with request.site.session() as session:
            history = versions(session, purpose.key)
    return request.page(
        "consent/purpose_form.html",
        status=status,
        key=purpose.key if purpose else "",
        name=purpose.name(request.site, request.language.code) if purpose else "",
        is_own=purpose is None or purpose.is_own,
        is_closed=purpose is not None and purpose.is_closed,
        values=values,
        errors=errors,
        history=history,
        language_names=LANGUAGES,
    )


ROUTES: list[Any] = [show_purposes, new_purpose, create_purpose, edit_purpose, save_purpose, switch_purpose]
