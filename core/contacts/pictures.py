"""The picture of a contact: always made anew from what was uploaded (FEATURES C3, THREATS T-U1, T-U2, T-U5).

Nothing of the uploaded file survives but its pixels: metadata such as the place where it was taken, colour
profiles, and whatever was hidden behind the picture are gone.
"""

from __future__ import annotations

import io
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.contacts.files import SavedFile, add_file
from core.contacts.finding import lock_contact
from core.contacts.log import add_activity
from core.contacts.models import StoredFile
from core.errors import InvalidInput
from core.values import Activity, Actor

if TYPE_CHECKING:
    from core.site import Site

SIDE = 256
"""Width and height of a stored picture, in pixels: twice what the profile shows, for dense screens."""

MAX_UPLOAD = 10_000_000
"""Bytes of an uploaded picture."""

MAX_PIXELS = 40_000_000
"""Pixels that are decoded; 24 and 36 megapixel cameras are below it, decompression bombs beyond."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MEDIA_TYPE, ENDING = "image/webp", ".webp"

# 40 megapixels are 160 MB while they are decoded: a few at a time, however many are uploaded at once.
_DECODING = BoundedSemaphore(2)


def make_picture(source: BinaryIO) -> io.BytesIO:
    """A square WebP of what was uploaded. Raises InvalidInput for what can't be used."""
    from PIL import Image, ImageOps

    content = source.read(MAX_UPLOAD + 1)
    if len(content) > MAX_UPLOAD:
        raise InvalidInput(
            "This picture is too large: %(max)s MB at most.", field="picture", max=MAX_UPLOAD // 1_000_000
        )
    try:
        # Opening reads the head only; nothing is decoded before the pixels were counted.
        with _DECODING, Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise InvalidInput(
                    "This picture has too many pixels: %(max)s million at most.",
                    field="picture",
                    max=MAX_PIXELS // 1_000_000,
                )
            # JPEG alone can be decoded small; the others ignore this.
            opened.draft("RGB", (SIDE * 2, SIDE * 2))
            turned = ImageOps.exif_transpose(opened)
            small = ImageOps.fit(turned.convert("RGBA"), (SIDE, SIDE), Image.Resampling.LANCZOS)
            clean = Image.new("RGB", small.size, "white")
            clean.paste(small, mask=small.getchannel("A"))
            target = io.BytesIO()
            clean.save(target, "WEBP", quality=85, exif=b"", icc_profile=b"", xmp=b"")
    except InvalidInput:
        raise
    except Exception as error:  # Pillow raises nearly everything for broken files.
        raise InvalidInput(
            "This is not a picture that can be used. Choose a JPEG, PNG, WebP or GIF file.", field="picture"
        ) from error
    target.seek(0)
    return target


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
