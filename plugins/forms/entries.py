"""The use cases of an entry: record it, release it from quarantine, delete it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import frozen
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import (
    Activity,
    Capture,
    InvalidInput,
    NotFound,
    Site,
    Submission,
    capture_contact,
    clean_details,
    parse_address,
    receive_message,
    upsert,
)
from plugins.forms.definitions import Definition
from plugins.forms.models import Entry, Form

KIND = "forms.entered"
"""Kind of the entry in the activity log."""

MAX_ANSWER = {"textarea": 10_000}
MAX_SHORT_ANSWER = 500

AGAIN_WITHIN = 600
"""Seconds in which the same words from a snippet, which has no nonce, are taken for a double click."""


@frozen(kw_only=True)
class Box:
    """A plugin's tick box as it was shown."""

    key: str
    wording: str
    ticked: bool


@frozen(kw_only=True)
class Sent:
    """A form as it was sent: the answers by field key, when, from which page, in which language.

    `nonce` is the page's own, empty for a snippet. `suspicion` is a key of guarding.SUSPICIONS, or empty.
    """

    answers: Mapping[str, str]
    occurred_at: datetime
    page: str = ""
    language: str = ""
    boxes: Sequence[Box] = ()
    nonce: str = ""
    suspicion: str = ""


@frozen(kw_only=True)
class Recorded:
    """What came of an entry: its id, its contact unless in quarantine, and whether it was known already."""

    entry_id: int
    contact_id: int | None
    replayed: bool = False


def check_answers(form: Definition, answers: Mapping[str, str]) -> dict[str, InvalidInput]:
    """What is wrong with the answers, by field key; empty when the form can be recorded."""
    errors: dict[str, InvalidInput] = {}
    for one in form.fields:
        value = answers.get(one.key, "")
        limit = MAX_ANSWER.get(one.kind, MAX_SHORT_ANSWER)
        try:
            if one.kind == "email":
                parse_address(value)
            elif one.required and not value:
                raise InvalidInput(
                    "Tick this box to go on." if one.kind == "checkbox" else "Please fill in this field."
                )
            elif len(value) > limit:
                raise InvalidInput("This is too long: %(max)s characters at most.", max=limit)
            elif value and one.kind in ("name", "tel"):
                clean_details({"name" if one.kind == "name" else "phone": value})
            elif value and one.kind == "choice" and value not in one.choices:
                raise InvalidInput("Choose one of these.")
        except InvalidInput as error:
            errors[one.key] = error
    return errors


def record_entry(session: Session, site: Site, form: Definition, sent: Sent) -> Recorded:
    """Record a form that was sent, in the caller's transaction.

    An entry makes or updates a lead, with its message in the contact's thread (FEATURES F1); a suspicious one
    goes to quarantine and touches no contact. The same words with the same nonce are one entry, however often
    they are sent (THREATS T-P1). `form` is in the language of the site; the answers are checked already.

    Raises CaptureRejected with the reason of a plugin that refuses the person.
    """
    email = next(sent.answers[one.key] for one in form.fields if one.kind == "email").strip()
    row = {
        "form_id": form.id,
        "email": email,
        "email_key": parse_address(email).key,
        "answers": [
            {"key": one.key, "kind": one.kind, "label": one.label, "value": sent.answers.get(one.key, "")}
            for one in form.fields
        ],
        "boxes": [{"key": box.key, "wording": box.wording, "ticked": box.ticked} for box in sent.boxes],
        "occurred_at": sent.occurred_at,
        "page": sent.page,
        "language": sent.language,
        "state": "quarantined",
        "suspicion": sent.suspicion,
        "idempotency_key": _key_of(session, form, sent),
    }
    entry_id = session.execute(upsert(session, Entry, row, keys=["idempotency_key"]).returning(Entry.id)).scalar()
    if entry_id is None:
        known = session.execute(
            select(Entry.id, Entry.contact_id).where(Entry.idempotency_key == row["idempotency_key"])
        ).one()
        return Recorded(entry_id=known.id, contact_id=known.contact_id, replayed=True)
    contact_id = None if sent.suspicion else _accept(session, site, entry_id)
    return Recorded(entry_id=entry_id, contact_id=contact_id)


def release_entry(session: Session, site: Site, entry_id: int) -> int:
    """Take an entry out of quarantine: it becomes a lead as any other. Answers the contact's id.

    Raises NotFound when there is no such entry in quarantine (any more), InvalidEmail when its address is
    none.
    """
    return _accept(session, site, entry_id)


def delete_entry(session: Session, entry_id: int) -> None:
    """Delete an entry from quarantine. Raises NotFound when it is not there (any more)."""
    gone = session.execute(
        delete(Entry).where(Entry.id == entry_id, Entry.state == "quarantined").returning(Entry.id)
    ).scalar()
    if gone is None:
        raise NotFound("This entry is not in quarantine any more.")


def empty_quarantine(session: Session, up_to: int) -> int:
    """Delete all entries in quarantine up to the id that was shown; answers how many."""
    gone = session.execute(delete(Entry).where(Entry.id <= up_to, Entry.state == "quarantined").returning(Entry.id))
    return len(gone.all())


def _accept(session: Session, site: Site, entry_id: int) -> int:
    """Make the lead, its message, and tell the plugins of their boxes."""
    entry = session.execute(
        select(Entry).where(Entry.id == entry_id, Entry.state == "quarantined").with_for_update()
    ).scalar_one_or_none()
    if entry is None:
        raise NotFound("This entry is not in quarantine any more.")
    name = session.execute(select(Form.name, Form.is_sample).where(Form.id == entry.form_id)).one()
    site_language = site.language(site.settings.language)
    title = site_language.text(name.name) if name.is_sample else name.name
    by_kind = {one["kind"]: one["value"] for one in entry.answers}
    captured = capture_contact(
        session,
        site,
        Capture(
            email=entry.email,
            module="forms",
            occurred_at=entry.occurred_at,
            activity=Activity(
                kind=KIND, reference=title, data={"form": title}, href=f"/dashboard/forms/entries/{entry.id}"
            ),
            details=clean_details(
                {
                    "name": by_kind.get("name", ""),
                    "phone": by_kind.get("tel", ""),
                    "language": entry.language,
                }
            ),
            idempotency_key=f"forms.entry.{entry.id}",
        ),
    )
    entry.state, entry.contact_id = "accepted", captured.contact_id
    session.flush()
    if message := message_of(entry.answers):
        receive_message(
            session,
            site,
            contact_id=captured.contact_id,
            text=message,
            subject=title,
            module="forms",
            occurred_at=entry.occurred_at,
        )
    _tell_boxes(session, site, entry, captured.contact_id)
    return captured.contact_id


def message_of(answers: Sequence[Mapping[str, str]]) -> str:
    """What the person wrote: the long answers first, then every other one with its label."""
    said = [one for one in answers if one["value"] and one["kind"] not in ("name", "email", "tel")]
    long = [one for one in said if one["kind"] == "textarea"]
    rest = [f"{one['label']}: {'✓' if one['kind'] == 'checkbox' else one['value']}" for one in said if one not in long]
    # A single long answer is the message itself; with more of them each needs its question.
    parts = [one["value"] if len(long) == 1 else f"{one['label']}:\n{one['value']}" for one in long]
    return "\n\n".join([*parts, *(["\n".join(rest)] if rest else [])])


def _tell_boxes(session: Session, site: Site, entry: Entry, contact_id: int) -> None:
    """Tell the plugins which of their boxes were ticked; also for an entry that was released later."""
    if not entry.boxes:
        return
    site.tell(
        session,
        "public_form_submitted",
        submission=Submission(
            form="forms.entry",
            contact_id=contact_id,
            email=entry.email,
            ticked=frozenset(box["key"] for box in entry.boxes if box["ticked"]),
            wordings={box["key"]: box["wording"] for box in entry.boxes},
            page=entry.page,
            language=entry.language,
            occurred_at=entry.occurred_at,
        ),
    )


def _key_of(session: Session, form: Definition, sent: Sent) -> str:
    """The same for the same words sent twice from one page; another one as soon as a word was changed."""
    words = json.dumps([form.id, sorted(sent.answers.items())], ensure_ascii=False)
    digest = hashlib.sha256(words.encode()).hexdigest()
    if sent.nonce:
        return f"{sent.nonce}:{digest}"
    window = int(sent.occurred_at.timestamp() // AGAIN_WITHIN)
    before = f"{digest}:{window - 1}"
    known = session.scalar(select(Entry.id).where(Entry.idempotency_key == before))
    return before if known else f"{digest}:{window}"
