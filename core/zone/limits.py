"""What is allowed only so often in the Client Zone, counted under a lock: of many at once only so many get through.

Counted are asked links by address (known here or not: the answer is the same, and nobody's mailbox is flooded) and by
network, and messages by contact. Subjects are stored as keyed hashes: the table names no person and no address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.contacts.models import now
from core.staff.throttle import lock_subjects
from core.zone.models import ZoneAttempt

if TYPE_CHECKING:
    from core.site import Site

Kind = Literal["address", "network", "message"]

LIMITS: Mapping[Kind, Mapping[timedelta, int]] = MappingProxyType(
    {
        "address": {timedelta(hours=1): 4, timedelta(days=1): 12},
        "network": {timedelta(minutes=15): 20, timedelta(days=1): 200},
        "message": {timedelta(hours=1): 20, timedelta(days=1): 60},
    }
)
"""What is counted → time → how often within it at most."""

KEPT = timedelta(days=1)


def take(session: Session, site: Site, kind: Kind, name: str) -> int:
    """Count one more, in the caller's transaction: 0, or for how many seconds nothing more is allowed."""
    digest = hmac.new(site.secret.encode(), f"zone\n{kind}\n{name}".encode(), hashlib.sha256).hexdigest()
    subject = f"{kind}:{digest[:32]}"
    lock_subjects(session, [f"zone {subject}"])
    moment = now()
    for time, most in LIMITS[kind].items():
        within = (ZoneAttempt.subject == subject, ZoneAttempt.at > moment - time)
        number, first = session.execute(select(func.count(), func.min(ZoneAttempt.at)).where(*within)).one()
        if number >= most:
            return max(1, int((first + time - moment).total_seconds()) + 1)
    session.add(ZoneAttempt(subject=subject, at=moment))
    session.flush()
    return 0


def forget_old_attempts(session: Session) -> None:
    """Remove what no limit looks at any more."""
    session.execute(delete(ZoneAttempt).where(ZoneAttempt.at < now() - KEPT))
