"""The person's own pages: confirm and unsubscribe. Opening a link changes nothing, the button does (K2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response

from core import VISITOR, FormInput, Request, get, post
from plugins.consent.changing import Evidence, change_consent, state_of
from plugins.consent.links import read_confirm_token, read_unsubscribe_token


@get("/consent/confirm/{token:str}", public=True)
def show_confirm(request: Request, token: FromPath[str]) -> Response[str]:
    """What would be confirmed, and the button: a mail scanner that opens the link changes nothing (T-C2)."""
    with request.site.session() as session:
        asked = read_confirm_token(session, request.site, token)
        state = state_of(session, asked.contact_id, asked.purpose)
    stage = "done" if state == "subscribed" else "outdated" if asked.outdated else "open"
    return _quiet(request.page("consent/confirm.html", stage=stage, asked=asked, token=token))


@post("/consent/confirm/{token:str}", public=True)
def confirm(request: Request, token: FromPath[str]) -> Redirect:
    """The person confirms; a second time changes nothing."""
    site = request.site
    with site.begin() as session:
        asked = read_confirm_token(session, site, token)
        if not asked.outdated:
            evidence = Evidence(
                way="confirm_link",
                actor=VISITOR,
                occurred_at=datetime.now(UTC),
                email=asked.email,
                page=f"{site.settings.base_url}/consent/confirm/",
                wording=asked.wording,
                language=request.language.code,
            )
            change_consent(
                session,
                contact_id=asked.contact_id,
                purpose=asked.purpose,
                to="subscribed",
                evidence=evidence,
            )
    return request.redirect(f"/consent/confirm/{token}")


@get("/unsubscribe/{token:str}", public=True)
def show_unsubscribe(request: Request, token: FromPath[str]) -> Response[str]:
    """What would end, and the button for it."""
    site = request.site
    with site.session() as session:
        found = read_unsubscribe_token(session, site, token)
        ended = found.contact_id is None or state_of(session, found.contact_id, found.purpose) == "unsubscribed"
    return _quiet(request.page("consent/unsubscribe.html", ended=ended, purpose=found.purpose, token=token))


@post("/unsubscribe/{token:str}", public=True, from_anywhere=True)
def unsubscribe(request: Request, form: FormInput, token: FromPath[str]) -> Response[str]:
    """End it, by the page's button or by the mail program's own (RFC 8058: no cookie, no redirect)."""
    site = request.site
    one_click = form.text("List-Unsubscribe") == "One-Click"
    with site.begin() as session:
        found = read_unsubscribe_token(session, site, token)
        if found.contact_id is not None:
            evidence = Evidence(
                way="one_click" if one_click else "unsubscribe_link",
                actor=VISITOR,
                occurred_at=datetime.now(UTC),
                page=f"{site.settings.base_url}/unsubscribe/",
                language=request.language.code,
            )
            change_consent(
                session,
                contact_id=found.contact_id,
                purpose=found.purpose,
                to="unsubscribed",
                evidence=evidence,
            )
    return _quiet(request.page("consent/unsubscribe.html", ended=True, purpose=found.purpose, token=token))


def _quiet(answer: Response[str]) -> Response[str]:
    # The address holds a token that works for ever: it must not reach another page (T-X7).
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


ROUTES: list[Any] = [show_confirm, confirm, show_unsubscribe, unsubscribe]
