"""Writing evidence down: each event with a hash of all that it says, so that no byte of it changes unseen."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from plugins.consent.models import ConsentEvent

FIELDS = (
    "recorded_for",
    "purpose",
    "from_state",
    "to_state",
    "occurred_at",
    "recorded_at",
    "way",
    "email",
    "page",
    "form",
    "wording",
    "wording_hash",
    "wording_version",
    "language",
    "basis",
    "facts",
    "actor_kind",
    "actor_id",
    "actor_name",
)
"""What the digest of an event covers, in this order. Never changed: old digests would not fit any more."""

DEFAULTS: Mapping[str, Any] = {
    "page": "",
    "form": "",
    "wording": "",
    "wording_version": 0,
    "language": "",
    "basis": "",
    "facts": "",
    "actor_id": None,
    "actor_name": "",
}


def wording_hash(wording: str) -> str:
    """SHA-256 of a wording, by which two events can be seen to show the same text; empty for no wording."""
    return hashlib.sha256(wording.encode()).hexdigest() if wording else ""


def facts_text(facts: Mapping[str, str]) -> str:
    """Further facts as they are stored: the same facts always give the same text; empty for none."""
    return json.dumps(dict(facts), ensure_ascii=False, sort_keys=True) if facts else ""


def digest_of(salt: str, values: Mapping[str, Any]) -> str:
    """SHA-256 of an event's values and its salt.

    The salt goes with the event: from the digest that stays in the chain nobody can find out what it said, not even by
    trying all addresses.
    """
    said = [
        value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in map(values.get, FIELDS)
    ]
    return hashlib.sha256(json.dumps([salt, *said], ensure_ascii=False).encode()).hexdigest()


def record(session: Session, events: Sequence[Mapping[str, Any]]) -> None:
    """Write these events. Each gives the columns of `ConsentEvent` that are not in `DEFAULTS`, or worked out here."""
    rows = [_row(event) for event in events]
    if rows:
        session.execute(insert(ConsentEvent), rows)


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {**DEFAULTS, **event, "recorded_for": event["contact_id"]}
    row["wording_hash"] = wording_hash(row["wording"])
    row["salt"] = secrets.token_hex(16)
    row["digest"] = digest_of(row["salt"], row)
    return row
