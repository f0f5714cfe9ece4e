"""Adding a contact by hand (FEATURES L9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import frozen
from sqlalchemy.orm import Session

from core.contacts import details as rules
from core.contacts.addresses import parse_address
from core.contacts.capture import match_or_create
from core.contacts.log import add_activity
from core.contacts.models import now
from core.contacts.tags import add_tags
from core.values import Activity, Actor, Capture, Details

if TYPE_CHECKING:
    from core.site import Site

KIND = "contact.added"


@frozen(kw_only=True)
class Added:
    """What came of adding: the contact, and whether it is new. `name` is what it is called by."""

    contact_id: int
    created: bool
    name: str
    inactive: bool = False


def add_contact(
    session: Session,
    site: Site,
    *,
    email: str,
    details: Details,
    actor: Actor,
    tags: Iterable[str] = (),
) -> Added:
    """Make a lead of an address that staff typed, with the details and tags typed beside it.

    In the caller's transaction (`site.begin()`). A known address, or the alias of a merged contact, changes
    nothing: the answer then names the contact that has it. Two people who add the same address at once get
    one contact.

    The details come from the person who typed them, but do not lock the contact: it is editing that says
    „orders are not to change this“ (C6), and whoever adds a contact would be surprised if its first order did
    not complete it.

    Raises InvalidEmail for something that is no address, and InvalidInput for a tag that can't be one.
    """
    address = parse_address(email)
    moment = now()
    capture = Capture(
        email=email,
        module="contact",
        activity=Activity(kind=KIND),
        occurred_at=moment,
        details=details,
        actor=actor,
    )
    contact, created = match_or_create(session, address, capture)
    if not created:
        return Added(
            contact_id=contact.id,
            created=False,
            name=contact.name or contact.email,
            inactive=contact.inactive_at is not None,
        )
    origin = rules.Origin(kind=KIND, since=moment, name=actor.name)
    for group in rules.GROUPS:
        if rules.says(details, group):
            rules.write_group(contact, rules.values_of(details, group), group, origin)
    rules.refresh_search_text(contact)
    session.flush()
    add_tags(session, contact.id, tags)
    add_activity(session, contact.id, Activity(kind=KIND), actor=actor, occurred_at=moment)
    site.tell(session, "contact_created", contact_id=contact.id)
    return Added(contact_id=contact.id, created=True, name=contact.name or contact.email)
