"""The person's own pages: confirm, unsubscribe and choose. Opening a link changes nothing, the button does (K2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from core import VISITOR, FormInput, Request, get, note_unsubscribed, post
from plugins.consent import confirming, preferences
from plugins.consent.changing import Evidence, change_consent, state_of
from plugins.consent.links import (
    Subscription,
    preferences_url,
    read_confirm_token,
    read_preferences_token,
    read_unsubscribe_token,
)
from plugins.consent.purposes import BUILTIN, find_purpose


@get("/consent/confirm/{token:str}", public=True)
def show_confirm(request: Request, token: FromPath[str]) -> Response[str]:
    """What would be confirmed, and the button: a mail scanner that opens the link changes nothing (T-C2)."""
    with request.site.session() as session:
        asked = read_confirm_token(session, request.site, token)
    stages = {one.stage for one in asked.asked}
    stage = next(one for one in ("open", "done", "outdated", "expired") if one in stages)
    return _quiet(request.page("consent/confirm.html", stage=stage, asked=asked, token=token))


@post("/consent/confirm/{token:str}", public=True)
def confirm(request: Request, token: FromPath[str]) -> Redirect:
    """The person confirms; a second time changes nothing."""
    site = request.site
    with site.begin() as session:
        asked = read_confirm_token(session, site, token)
        confirming.confirm(session, site, asked, token=token, language=request.language.code)
    return request.redirect(f"/consent/confirm/{token}")


@get("/unsubscribe/{token:str}", public=True)
def show_unsubscribe(request: Request, token: FromPath[str]) -> Response[str]:
    """What would end, and the button for it."""
    site = request.site
    with site.session() as session:
        found = read_unsubscribe_token(session, site, token)
        ended = found.contact_id is None or state_of(session, found.contact_id, found.purpose) == "unsubscribed"
        values = _shown(session, request, found)
    return _quiet(request.page("consent/unsubscribe.html", ended=ended, token=token, **values))


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
            note_unsubscribed(session, found.message_id, found.contact_id)
        values = _shown(session, request, found)
    return _quiet(request.page("consent/unsubscribe.html", ended=True, token=token, **values))


def _shown(session: Session, request: Request, found: Subscription) -> dict[str, Any]:
    """What the page says of the purpose, and the way to the others."""
    site = request.site
    own = "" if found.purpose in BUILTIN else find_purpose(session, found.purpose).name(site, request.language.code)
    choose = "" if found.contact_id is None else preferences_url(site, found.contact_id)
    return {"purpose": found.purpose, "own": own, "choose": choose.removeprefix(site.settings.base_url)}


@get("/consent/preferences/{token:str}", public=True)
def show_preferences(request: Request, token: FromPath[str]) -> Response[str]:
    """Everything a person can get, and what of it they get."""
    return _quiet(_preferences(request, token))


@post("/consent/preferences/{token:str}", public=True, max_body=50_000)
def save_preferences(request: Request, form: FormInput, token: FromPath[str]) -> Response[str] | Redirect:
    """What is no longer ticked ends at once; what is newly ticked begins as on any form, with its confirmation."""
    site, code = request.site, request.language.code
    with site.begin() as session:
        contact_id = read_preferences_token(session, site, token)
        result = preferences.save(session, site, contact_id, form, language=code)
    if result == "changed_text":
        return _quiet(_preferences(request, token, status=422, form=form))
    return request.redirect(f"/consent/preferences/{token}", preferences.TOASTS[result])


def _preferences(request: Request, token: str, *, status: int = 200, form: FormInput | None = None) -> Response[str]:
    with request.site.session() as session:
        contact_id = read_preferences_token(session, request.site, token)
        page = preferences.read(session, request.site, contact_id, request.language.code)
    return request.page(
        "consent/preferences.html", status=status, page=page, token=token, errors=form.errors if form else {}
    )


def _quiet(answer: Response[str]) -> Response[str]:
    # The address holds a token that works for ever: it must not reach another page (T-X7). Not "no-referrer": browsers
    # then send the page's own forms with "Origin: null", as from a stranger.
    answer.headers["referrer-policy"] = "strict-origin"
    return answer


ROUTES: list[Any] = [show_confirm, confirm, show_unsubscribe, unsubscribe, show_preferences, save_preferences]
