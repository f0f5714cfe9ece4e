"""The person's own page: everything there is to get, and what of it they get (FEATURES K2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from attrs import evolve, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import VISITOR, Contact, Form, InvalidInput, Site, hold_contact
from plugins.consent.asking import ask
from plugins.consent.changing import Evidence, change_consent, state_of
from plugins.consent.confirming import ask_to_confirm
from plugins.consent.purposes import Purpose, all_purposes

ON = frozenset({"pending", "subscribed", "existing_customer"})
"""States that are shown as a ticked box."""

FORM = "consent.preferences"

Result = Literal["saved", "asked", "waiting", "changed_text"]

TOASTS: Mapping[Result, str] = MappingProxyType(
    {
        "saved": "Saved.",
        "asked": "Saved. We have sent you an e-mail: please confirm there what you want to get.",
        "waiting": "Saved. What you have newly chosen still has to be confirmed, by the link in our e-mail.",
    }
)
"""Result → what the person reads, a message id."""


@frozen(kw_only=True)
class Line:
    """One purpose on the page. `version` is that of the wording shown; without a wording it can only be ended."""

    key: str
    name: str
    wording: str
    version: int
    state: str
    ticked: bool
    can_tick: bool


@frozen(kw_only=True)
class Page:
    """What the page shows; `email` names whose it is without saying it to whoever looks over the shoulder."""

    email: str
    lines: Sequence[Line]


def read(session: Session, site: Site, contact_id: int, language: str) -> Page:
    """The page of a contact."""
    email = session.scalars(select(Contact.email).where(Contact.id == contact_id)).one()
    lines = [_line(session, site, contact_id, one, language) for one in all_purposes(session)]
    return Page(email=masked(email), lines=tuple(one for one in lines if one is not None))


def _line(session: Session, site: Site, contact_id: int, purpose: Purpose, language: str) -> Line | None:
    state = state_of(session, contact_id, purpose.key)
    wording = "" if purpose.is_closed else purpose.wording(site, language)
    # Notices are sent to whoever has not switched them off; to all others only what they asked for.
    ticked = state in ON or (purpose.key == "system" and state == "")
    if not wording and not ticked and not (purpose.key == "system" and state == "unsubscribed"):
        return None
    return Line(
        key=purpose.key,
        name=purpose.name(site, language),
        wording=wording,
        version=purpose.version(language),
        state=state,
        ticked=ticked,
        can_tick=bool(wording) and state != "bounced",
    )


def masked(email: str) -> str:
    """An address of which its owner knows it: "a…a@example.org"."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…{local[-1:] if len(local) > 2 else ''}{at}{domain}"


def save(session: Session, site: Site, contact_id: int, form: Form, *, language: str, page: str = "") -> Result:
    """Do what was ticked and unticked, in the caller's transaction. `page` is where, absolute: the evidence names it.

    Nothing is done when a wording beside a new tick has changed since the page was shown; `form.errors` says where.
    """
    contact_id = hold_contact(session, contact_id)
    lines = read(session, site, contact_id, language).lines
    everything_off = form.text("everything") == "off"
    evidence = Evidence(
        way="preferences",
        actor=VISITOR,
        occurred_at=datetime.now(UTC),
        page=page or f"{site.settings.base_url}/consent/preferences/",
        form=FORM,
        language=language,
    )
    new = [] if everything_off else [one for one in lines if one.can_tick and not one.ticked and form.ticked(one.key)]
    for one in new:
        if form.text(f"version-{one.key}") != str(one.version):
            form.fail(InvalidInput("This text has changed. Please read it and tick the box again."), one.key)
    if form.errors:
        return "changed_text"
    for one in lines:
        # A page that was shown before a purpose was added says nothing about it.
        was_shown = f"version-{one.key}" in form.fields
        if everything_off or (one.ticked and was_shown and not form.ticked(one.key)):
            change_consent(session, contact_id=contact_id, purpose=one.key, to="unsubscribed", evidence=evidence)
    waiting = []
    for one in new:
        ticked = evolve(
            evidence, wording=one.wording, wording_version=one.version, facts={"box": "not ticked beforehand"}
        )
        to = "subscribed" if one.key == "system" else "pending"
        event = ask(session, site, contact_id, one.key, to, ticked)
        if event is not None and to == "pending":
            waiting.append(event)
    if not waiting:
        return "saved"
    return "asked" if ask_to_confirm(session, site, waiting) else "waiting"
