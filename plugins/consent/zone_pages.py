"""What a customer gets by e-mail, with switches, in the Client Zone (FEATURES K4): the preference page, signed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import FormInput, Request, ZoneSection, get, post, site_of
from plugins.consent import preferences
from plugins.consent.models import ConsentState
from plugins.consent.purposes import all_purposes
from plugins.consent.reading import STATE_LABELS, sign_of

CONSENT = "/account/consent"


@frozen(kw_only=True)
class OwnState:
    """A purpose on the overview: its name by language, and its state."""

    names: dict[str, str]
    state_label: str
    sign: str


def zone_sections() -> list[ZoneSection]:
    """„Einwilligungen“."""
    return [
        ZoneSection(
            key="consent.choices",
            label="E-mails from us",
            href=CONSENT,
            icon="mail",
            description="You get nothing from us that could be switched off.",
            template="consent/zone_card.html",
            load=_states,
            order=500,
        )
    ]


def _states(session: Session, contact_id: int) -> Sequence[OwnState] | None:
    site = site_of(session)
    stored = select(ConsentState.purpose, ConsentState.state).where(ConsentState.contact_id == contact_id)
    states = dict(session.execute(stored).all())
    found = []
    for one in all_purposes(session):
        state = states.get(one.key, "")
        if one.is_closed and not state:
            continue
        # Notices are sent to whoever has not switched them off; of what nobody asked about, there is only: not.
        on = one.key == "system" and not state
        label = "Subscribed" if on else STATE_LABELS[state] if state else "Not subscribed"
        found.append(
            OwnState(
                names={code: one.name(site, code) for code in ("de", "en")},
                state_label=label,
                sign="on" if on else sign_of(state),
            )
        )
    return found or None


@get(CONSENT, customer=True)
def consent_page(request: Request) -> Response[str]:
    """Everything there is to get, and what of it the person gets."""
    return _page(request)


@post(CONSENT, customer=True, max_body=50_000)
def save_consent(request: Request, form: FormInput) -> Response[str] | Redirect:
    """What is switched off ends at once; what is switched on begins as on any form, with its confirmation."""
    with request.site.begin() as session:
        result = preferences.save(
            session,
            request.site,
            request.customer.contact_id,
            form,
            language=request.language.code,
            page=f"{request.site.settings.base_url}{CONSENT}",
        )
    if result == "changed_text":
        return _page(request, status=422, form=form)
    return request.redirect(CONSENT, preferences.TOASTS[result])


def _page(request: Request, *, status: int = 200, form: FormInput | None = None) -> Response[str]:
    with request.site.session() as session:
        page = preferences.read(session, request.site, request.customer.contact_id, request.language.code)
    return request.page(
        "consent/zone.html", status=status, page=page, action=CONSENT, errors=form.errors if form else {}
    )


ROUTES: list[Any] = [consent_page, save_consent]
