"""Erasing an address of which nothing else is known, such as one that was typed on a form and never confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core.builtin import BUILTIN
from core.contacts.custom_fields.models import CustomFieldValue
from core.contacts.details import GROUPS
from core.contacts.models import Contact, ContactActivity, ContactNote, ContactTag, StoredFile
from core.messages.models import Message
from core.privacy.erasing import erase, would_erase
from core.values import SYSTEM

if TYPE_CHECKING:
    from core.site import Site


def erase_bare(session: Session, site: Site, contact_id: int, *, besides: str) -> bool:
    """Erase a contact of whom nothing is known but the address and what the plugin `besides` holds; answers whether.

    For plugins that took up an address which the person never confirmed. A contact with any detail, note, tag or file,
    a message from or by anybody else, a customer, one that was merged, and one of whom another plugin holds anything
    stays as it is. In the caller's transaction (`site.begin()`). Raises DutyFailed.
    """
    contact = session.get(Contact, contact_id)
    if contact is None or contact.merged_into_id is not None or contact.stage != "lead":
        return False
    # The language is that of the page, not something the person told.
    if any(getattr(contact, name) for group, names in GROUPS.items() if group != "language" for name in names):
        return False
    kept = (
        exists().where(ContactNote.contact_id == contact_id),
        exists().where(ContactTag.contact_id == contact_id),
        exists().where(StoredFile.contact_id == contact_id),
        exists().where(CustomFieldValue.contact_id == contact_id),
        # Staff added, imported or changed it: they know why it is there.
        exists().where(ContactActivity.contact_id == contact_id, ContactActivity.actor_kind == "staff"),
        exists().where(Message.contact_id == contact_id, (Message.direction == "in") | (Message.module != besides)),
        exists().where(Contact.merged_into_id == contact_id),
    )
    if any(session.scalar(select(one)) for one in kept):
        return False
    known = {besides, *(plugin.key for plugin in BUILTIN)}
    if any(line.plugin not in known for line in would_erase(session, site, contact_id)):
        return False
    return erase(session, site, [contact_id], SYSTEM).contacts > 0
