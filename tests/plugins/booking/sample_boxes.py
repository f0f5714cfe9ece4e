"""Another plugin with a tick box on public forms, as a consent plugin has it, and a say in captures."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import (
    VISITOR,
    Activity,
    ActivityKind,
    Capture,
    PublicField,
    Screening,
    Site,
    Submission,
    add_activity,
    hookimpl,
)


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    return [ActivityKind(key="sample_boxes.ticked", label="Ticked", text="Ticked %(reference)s")]


@hookimpl
def public_fields(site: Site, form: str, language: str) -> list[PublicField]:
    if form != "booking.appointment":
        return []
    return [
        PublicField(key="sample_boxes.terms", wording="I have read the terms <b>", required=True),
        PublicField(key="sample_boxes.news", wording="Send me news"),
    ]


@hookimpl
def public_form_submitted(session: Session, site: Site, submission: Submission) -> None:
    for key in sorted(submission.ticked):
        add_activity(
            session,
            submission.contact_id,
            Activity(kind="sample_boxes.ticked", reference=key),
            actor=VISITOR,
            occurred_at=submission.occurred_at,
        )


@hookimpl
def screen_capture(session: Session, site: Site, capture: Capture) -> Screening | None:
    if capture.email.startswith("spam"):
        return Screening(verdict="reject", reason="Not from this address.")
    return None
