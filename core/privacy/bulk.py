"""„Löschen“ for many contacts at once (FEATURES C8, L7), batch by batch."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sqlalchemy import Select
from sqlalchemy.orm import Session

from core.privacy.erasing import erase
from core.values import Actor

if TYPE_CHECKING:
    from core.site import Site


def prepare(session: Session, site: Site, values: Mapping[str, str]) -> Mapping[str, str]:
    """What joins the batches of one action into one receipt."""
    return {**values, "occasion": secrets.token_hex(8)}


def erase_batch(
    session: Session, site: Site, contact_ids: Select[tuple[int]], values: Mapping[str, str], actor: Actor
) -> int:
    """Erase one batch, in a transaction of its own; answers how many. Raises DutyFailed: then the batch stays."""
    ids = cast("list[int]", session.scalars(contact_ids).all())
    return erase(session, site, ids, actor, occasion=values.get("occasion")).contacts
