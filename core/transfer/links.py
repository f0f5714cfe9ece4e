"""Links to files of contacts: each for the session that made it, and for an hour (THREATS T-Z8)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.errors import NotFound
from core.transfer.models import ContactExport

LIFETIME = timedelta(hours=1)


def _hash(token: str) -> str:
    # 256 random bits: there is nothing to guess, so a plain hash is enough.
    return hashlib.sha256(token.encode()).hexdigest()


def make_link(session: Session, session_id: int, choice: Mapping[str, Any]) -> str:
    """Keep what a person chose to export; answers the token of its link. Links that are over are removed."""
    session.execute(delete(ContactExport).where(ContactExport.created_at < now() - LIFETIME))
    token = secrets.token_urlsafe(32)
    session.add(ContactExport(token_hash=_hash(token), session_id=session_id, choice=dict(choice)))
    return token


def read_link(session: Session, session_id: int, token: str) -> Mapping[str, Any]:
    """What was chosen. Raises NotFound for a link that is over or unknown, and for one of another session."""
    choice: Mapping[str, Any] | None = session.scalar(
        select(ContactExport.choice).where(
            ContactExport.token_hash == _hash(token),
            ContactExport.session_id == session_id,
            ContactExport.created_at >= now() - LIFETIME,
        )
    )
    if choice is None:
        raise NotFound("This link is over. Export again.")
    return choice
