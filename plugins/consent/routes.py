"""The consent page of a contact, for staff: state, switch, links to send by hand, and the whole history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import FormInput, InvalidInput, Request, get, post
from plugins.consent.basis import SOURCES, check_proof, check_source, written
from plugins.consent.changing import ConsentRefused, Evidence, change_consent
from plugins.consent.links import confirm_url, unsubscribe_url
from plugins.consent.reading import consents_of


@get("/dashboard/consent/{contact_id:int}", permission="consent.view")
def show_consents(request: Request, contact_id: FromPath[int]) -> Response[str]:
    """All consents of a contact."""
    return _page(request, contact_id)


@post("/dashboard/consent/{contact_id:int}/{purpose:str}/off", permission="consent.edit")
def switch_off(request: Request, contact_id: FromPath[int], purpose: FromPath[str]) -> Redirect:
    """Unsubscribe a contact at once: withdrawing needs no reason (GDPR Art. 7 (3))."""
    evidence = Evidence(way="staff", actor=request.actor, occurred_at=datetime.now(UTC), language=request.language.code)
    with request.site.begin() as session:
        change_consent(session, contact_id=contact_id, purpose=purpose, to="unsubscribed", evidence=evidence)
    return request.redirect(f"/dashboard/consent/{contact_id}", "Unsubscribed.")


@post("/dashboard/consent/{contact_id:int}/{purpose:str}/on", permission="consent.edit")
def switch_on(
    request: Request, form: FormInput, contact_id: FromPath[int], purpose: FromPath[str]
) -> Response[str] | Redirect:
    """Record a consent that was given elsewhere, with what it is based on."""
    source, basis = form.text("source"), form.text("basis", multiline=True)
    for check, typed in ((check_source, source), (check_proof, basis)):
        try:
            check(typed)
        except InvalidInput as error:
            form.fail(error)
    if not form.errors:
        evidence = Evidence(
            way="staff",
            actor=request.actor,
            occurred_at=datetime.now(UTC),
            language=request.language.code,
            basis=written(request.site, source, basis),
        )
        try:
            with request.site.begin() as session:
                change_consent(session, contact_id=contact_id, purpose=purpose, to="subscribed", evidence=evidence)
        except ConsentRefused as error:
            form.fail(error, "refused")
        else:
            return request.redirect(f"/dashboard/consent/{contact_id}", "Consent recorded.")
    return _page(request, contact_id, status=422, failed=purpose, values=form.values, errors=form.errors)


def _page(
    request: Request,
    contact_id: int,
    *,
    status: int = 200,
    failed: str = "",
    values: dict[str, str] | None = None,
    errors: dict[str, InvalidInput] | None = None,
) -> Response[str]:
    site = request.site
    with site.session() as session:
        consents = consents_of(session, contact_id)
    language = request.language
    return request.page(
        "consent/contact.html",
        status=status,
        consents=consents,
        confirm_urls={
            one.purpose: confirm_url(site, one.open_request)
            for one in consents.purposes
            if one.open_request is not None
        },
        unsubscribe_urls={one.purpose: unsubscribe_url(site, contact_id, one.purpose) for one in consents.purposes},
        sources=[{"value": value, "label": language.text(label)} for value, label in SOURCES.items()],
        failed=failed,
        values=values or {},
        errors=errors or {},
    )


ROUTES: list[Any] = [show_consents, switch_off, switch_on]
