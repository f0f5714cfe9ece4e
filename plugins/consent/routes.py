"""The consent page of a contact, for staff: state, switch, links to send by hand, and the whole history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import FormInput, InvalidInput, Request, get, post
from plugins.consent.basis import SOURCE_LABELS, basis_errors, basis_text
from plugins.consent.changing import ConsentRefused, Evidence, change_consent
from plugins.consent.links import confirm_url, preferences_url, unsubscribe_url
from plugins.consent.models import ConsentEvent
from plugins.consent.proof import read_proof
from plugins.consent.proof_pdf import render_pdf
from plugins.consent.reading import spoken_consents


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
    source, proof = form.text("source"), form.text("basis", multiline=True)
    for error in basis_errors(source, proof):
        form.fail(error)
    if not form.errors:
        evidence = Evidence(
            way="staff",
            actor=request.actor,
            occurred_at=datetime.now(UTC),
            language=request.language.code,
            basis=basis_text(request.site, source, proof),
        )
        try:
            with request.site.begin() as session:
                change_consent(session, contact_id=contact_id, purpose=purpose, to="subscribed", evidence=evidence)
        except ConsentRefused as error:
            form.fail(error, "refused")
        else:
            return request.redirect(f"/dashboard/consent/{contact_id}", "Consent recorded.")
    return _page(request, contact_id, status=422, failed=purpose, values=form.values, errors=form.errors)


@get("/dashboard/consent/{contact_id:int}/proof", permission="consent.view")
def show_proof(request: Request, contact_id: FromPath[int]) -> Response[str]:
    """The proof of a contact's consents, to read and to print."""
    with request.site.session() as session:
        proof = read_proof(session, request.site, contact_id, request.language)
    return request.page("consent/proof.html", proof=proof)


@get("/dashboard/consent/{contact_id:int}/proof/pdf", permission="consent.view")
def download_proof(request: Request, contact_id: FromPath[int]) -> Response[bytes]:
    """The proof as a PDF."""
    with request.site.session() as session:
        proof = read_proof(session, request.site, contact_id, request.language)
    return Response(
        render_pdf(proof),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{proof.file_name}"', "cache-control": "no-store"},
    )


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
    language = request.language
    with site.session() as session:
        consents = spoken_consents(session, site, contact_id, language.code)
        confirm_urls = {
            one.purpose: confirm_url(site, [session.get_one(ConsentEvent, one.open_request)])
            for one in consents.purposes
            if one.open_request is not None
        }
    return request.page(
        "consent/contact.html",
        status=status,
        consents=consents,
        confirm_urls=confirm_urls,
        unsubscribe_urls={one.purpose: unsubscribe_url(site, contact_id, one.purpose) for one in consents.purposes},
        preferences_url=preferences_url(site, contact_id),
        sources=[{"value": value, "label": language.text(label)} for value, label in SOURCE_LABELS.items()],
        failed=failed,
        values=values or {},
        errors=errors or {},
    )


ROUTES: list[Any] = [show_consents, switch_off, switch_on, show_proof, download_proof]
