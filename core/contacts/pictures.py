"""The picture of a contact: made by `core.pictures` of what was uploaded (FEATURES C3)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import StoredFile
from core.pictures import PictureSize, make_pictures
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site

SIDE = 256
"""Width and height of a stored picture, in pixels: twice what the profile shows, for dense screens."""


def make_picture(source: BinaryIO) -> io.BytesIO:
    """A square WebP of what was uploaded. Raises InvalidInput for what can't be used."""
    (made,) = make_pictures(source, PictureSize(width=SIDE, height=SIDE, cut=True))
    return io.BytesIO(made.content)


def set_picture(session: Session, site: Site, contact_id: int, saved: SavedFile, actor: Actor) -> str:
    """Make a saved picture the contact's; answers the stored name of the one before, empty without.

    The caller removes the old one's bytes when the transaction is over.
    """
    contact = lock_contact(session, contact_id)
    before = contact.picture
    _forget(session, contact_id, before)
    contact.picture = add_file(session, contact_id, saved).stored_name
    add_activity(session, contact_id, Activity(kind="contact.pictured"), actor=actor)
    site.tell(session, "contact_updated", contact_id=contact_id, changed=frozenset({"picture"}))
    return before


def remove_picture(session: Session, site: Site, contact_id: int, actor: Actor) -> str:
    """Take the contact's picture away; answers its stored name, empty when there was none."""
    contact = lock_contact(session, contact_id)
    before = contact.picture
    if before:
        _forget(session, contact_id, before)
        contact.picture = ""
        add_activity(session, contact_id, Activity(kind="contact.unpictured"), actor=actor)
        site.tell(session, "contact_updated", contact_id=contact_id, changed=frozenset({"picture"}))
    return before


def _forget(session: Session, contact_id: int, stored_name: str) -> None:
    session.execute(
        delete(StoredFile).where(StoredFile.contact_id == contact_id, StoredFile.stored_name == stored_name)
    )
