"""The box on public forms: its wording, and what happens when it was ticked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import VISITOR, InvalidInput, PublicField, SettingsField, Site, Submission
from plugins.consent.changing import ConsentRefused, Evidence, change_consent

TARGETS = {"consent.marketing": ("marketing", "pending"), "consent.system": ("system", "subscribed")}
"""Key of a box → the purpose it is for, and the state a tick leads to."""

DEFAULTS = {
    "consent.wording_de": "Ich möchte per E-Mail Angebote und Neuigkeiten von {site} erhalten. "
    "Diese Einwilligung kann ich jederzeit widerrufen.",
    "consent.wording_en": "I would like to get offers and news from {site} by e-mail. "
    "I can withdraw this consent at any time.",
    "consent.system_wording_de": "",
    "consent.system_wording_en": "",
}
"""Setting → the wording a site starts with; an empty one shows no box."""

_SETTINGS = {"consent.marketing": "consent.wording_", "consent.system": "consent.system_wording_"}

MAX_WORDING = 1000


def settings_fields() -> list[SettingsField]:
    """The wordings, one a language."""
    hint = "{site} stands for the name of the site. Without a text, no box is shown."
    labels = {
        "consent.wording_de": "Wording beside the advertising box, German",
        "consent.wording_en": "Wording beside the advertising box, English",
        "consent.system_wording_de": "Wording beside the box for system notifications, German",
        "consent.system_wording_en": "Wording beside the box for system notifications, English",
    }
    return [
        SettingsField(
            key=key,
            label=label,
            kind="textarea",
            default=DEFAULTS[key],
            hint=hint,
            clean=clean_wording,
            order=100 + number,
        )
        for number, (key, label) in enumerate(labels.items())
    ]


def clean_wording(text: str) -> str:
    """A wording on one line. Raises InvalidInput when it is too long to be read beside a box."""
    cleaned = " ".join(text.split())
    if len(cleaned) > MAX_WORDING:
        raise InvalidInput("This is too long: %(max)s characters at most.", max=MAX_WORDING)
    return cleaned


def boxes(site: Site, language: str) -> list[PublicField]:
    """The boxes for a public form in one language: never ticked beforehand or required (GDPR Art. 7 (4))."""
    shown = []
    for order, (key, setting) in enumerate(_SETTINGS.items()):
        wording = site.setting(setting + language).replace("{site}", site.setting("site.name"))
        if wording:
            shown.append(PublicField(key=key, wording=wording, order=100 + order))
    return shown


def record_ticks(session: Session, submission: Submission) -> None:
    """Keep what was ticked on a public form: advertising then waits to be confirmed, notices do not."""
    for key in sorted(submission.ticked & TARGETS.keys()):
        purpose, to = TARGETS[key]
        evidence = Evidence(
            way="form",
            actor=VISITOR,
            occurred_at=submission.occurred_at,
            email=submission.email,
            page=submission.page,
            form=submission.form,
            wording=submission.wordings[key],
            language=submission.language,
        )
        try:
            change_consent(session, contact_id=submission.contact_id, purpose=purpose, to=to, evidence=evidence)
        except ConsentRefused:
            # Already subscribed, or the address bounces: a tick is no mistake of the visitor.
            continue
