"""Who must not be written to although nothing is known of them any more (THREATS T-C6).

When somebody who unsubscribed, or whose address sends mail back, is erased, a keyed hash of the address stays: the next
import or order with it begins where it ended. The address can't be read from the hash, and without the site's secret
nobody can find out whether a given one is among them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import Contact, Kept, Site, upsert
from plugins.consent.models import ConsentState, ConsentSuppression

SUPPRESSED = ("unsubscribed", "bounced")
"""States that outlive the person."""


def address_hash(site: Site, email_key: str) -> str:
    """HMAC-SHA256 of an address as it is compared, with the site's secret."""
    return hmac.new(site.secret.encode(), f"consent.suppression\n{email_key}".encode(), hashlib.sha256).hexdigest()


def held(session: Session, site: Site, email_key: str, purpose: str) -> ConsentSuppression | None:
    """What is kept of an address for a purpose."""
    return session.get(ConsentSuppression, (address_hash(site, email_key), purpose))


def is_any(session: Session) -> bool:
    """Whether anything is kept at all: mostly nothing, and then no address needs its hash."""
    return session.scalar(select(ConsentSuppression.purpose).limit(1)) is not None


def held_of(session: Session, hashes: Sequence[str]) -> list[tuple[str, str]]:
    """Hash and purpose of all that is kept of these addresses."""
    one = ConsentSuppression
    asked = select(one.address_hash, one.purpose).where(one.address_hash.in_(hashes))
    return [(row.address_hash, row.purpose) for row in session.execute(asked.order_by(one.address_hash, one.purpose))]


def suppress(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept]:
    """Keep the hashes of these contacts' addresses, also of those merged into them, where nothing may be sent.

    Whoever has subscribed since is taken from the list.
    """
    contacts = session.execute(
        select(Contact.id, Contact.email_key, Contact.merged_into_id).where(Contact.id.in_(contact_ids))
    ).all()
    people = _people({row.id: row.merged_into_id for row in contacts})
    hashes: dict[int, list[str]] = {}
    for contact in contacts:
        hashes.setdefault(people[contact.id], []).append(address_hash(site, contact.email_key))
    states = session.scalars(select(ConsentState).where(ConsentState.contact_id.in_(contact_ids))).all()
    kept = 0
    for state in states:
        addresses = hashes[people[state.contact_id]]
        if state.state in SUPPRESSED:
            for one in addresses:
                row = {"address_hash": one, "purpose": state.purpose}
                now = {"state": state.state, "since": state.since}
                keys = ["address_hash", "purpose"]
                session.execute(upsert(session, ConsentSuppression, {**row, **now}, keys=keys, update=now))
            kept += len(addresses)
        elif state.state == "subscribed":
            session.execute(
                delete(ConsentSuppression).where(
                    ConsentSuppression.purpose == state.purpose, ConsentSuppression.address_hash.in_(addresses)
                )
            )
    return [
        Kept(
            label="Entries of the list of those who get nothing",
            number=kept,
            reason="So that nothing is sent to an address that was unsubscribed or sent mail back, should it come in "
            "again (Art. 21 (3) GDPR): a keyed hash, from which the address can’t be read.",
        )
    ]


def _people(merged_into: Mapping[int, int | None]) -> dict[int, int]:
    """Contact → the one that it is part of, among these."""
    found = {}
    for one in merged_into:
        kept = one
        while (into := merged_into[kept]) is not None and into in merged_into:
            kept = into
        found[one] = kept
    return found
