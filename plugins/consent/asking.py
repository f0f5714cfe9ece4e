"""The boxes on public forms, and what happens when one was ticked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import VISITOR, PublicField, Site, Submission
from plugins.consent import customers
from plugins.consent.changing import ConsentRefused, Evidence, change_consent, newest_event, state_of
from plugins.consent.confirming import ask_to_confirm, may_mail
from plugins.consent.models import ConsentEvent
from plugins.consent.purposes import Purpose, open_purposes

PREFIX = "consent."


def boxes(site: Site, form: str, language: str) -> list[PublicField]:
    """The boxes for a public form in one language: never ticked beforehand or required (GDPR Art. 7 (4))."""
    with site.session() as session:
        purposes = open_purposes(session)
    shown = []
    for order, purpose in enumerate(purposes):
        wording = purpose.wording(site, language)
        if wording:
            hint = customers.notice(site, form, language) if purpose.key == "marketing" else ""
            shown.append(PublicField(key=PREFIX + purpose.key, wording=wording, hint=hint, order=100 + order))
    return shown


def record_ticks(session: Session, site: Site, submission: Submission) -> None:
    """Keep what was ticked on a public form: advertising then waits to be confirmed, notices do not."""
    purposes = {PREFIX + one.key: one for one in open_purposes(session)}
    waiting = []
    for key in sorted(submission.ticked & purposes.keys()):
        event = _tick(session, site, submission, purposes[key])
        if event is not None and event.to_state == "pending":
            waiting.append(event)
    ask_to_confirm(session, site, waiting)
    customers.record_purchase(session, site, submission)


def _tick(session: Session, site: Site, submission: Submission, purpose: Purpose) -> ConsentEvent | None:
    to = "pending" if purpose.needs_confirmation else "subscribed"
    wording = submission.wordings[PREFIX + purpose.key]
    evidence = Evidence(
        way="form",
        actor=VISITOR,
        occurred_at=submission.occurred_at,
        email=submission.email,
        page=submission.page,
        form=submission.form,
        wording=wording,
        wording_version=_version(site, purpose, submission.language, wording),
        language=submission.language,
        facts={"box": "not ticked beforehand"},
    )
    return ask(session, site, submission.contact_id, purpose.key, to, evidence)


def ask(
    session: Session, site: Site, contact_id: int, purpose: str, to: str, evidence: Evidence
) -> ConsentEvent | None:
    """Keep what a person asked for; None when that changes nothing. Raises NotFound.

    Somebody who ticks for an address again and again adds nothing once no further mail goes to it.
    """
    if state_of(session, contact_id, purpose) == to == "pending" and not may_mail(session, site, contact_id):
        return None
    try:
        changed = change_consent(session, contact_id=contact_id, purpose=purpose, to=to, evidence=evidence)
    except ConsentRefused:
        # Already subscribed, or the address bounces: a tick is no mistake of the visitor.
        return None
    return newest_event(session, contact_id, purpose) if changed else None


def _version(site: Site, purpose: Purpose, language: str, wording: str) -> int:
    """The version of a wording; 0 for one that is not the newest any more."""
    return purpose.version(language) if purpose.wording(site, language) == wording else 0
