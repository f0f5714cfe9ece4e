"""Pictures of products: made anew from what staff uploaded, in two sizes, and kept in the site's folder for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from attrs import frozen
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from core import FileStore, InvalidInput, NotFound, PictureSize, make_pictures, save_picture
from plugins.shop.models import Picture, Product

LARGE = PictureSize(width=1280, height=1280)
SMALL = PictureSize(width=640, height=480, cut=True)
"""What stands on a card, for dense screens."""

MAX_PICTURES = 12
MAX_ALT = 300


@frozen(kw_only=True)
class SavedPicture:
    """A picture whose files are on disk, and not yet in the database."""

    large: str
    small: str
    width: int
    height: int
    alt: str = ""


@frozen(kw_only=True)
class PictureChange:
    """What staff want of a picture that is there."""

    alt: str = ""
    position: int = 0
    remove: bool = False


def save_upload(store: FileStore, source: BinaryIO, alt: str = "") -> SavedPicture:
    """Make a picture in both sizes of what was uploaded. Raises InvalidInput for what can't be used."""
    large, small = make_pictures(source, LARGE, SMALL)
    return SavedPicture(
        large=save_picture(store, large),
        small=save_picture(store, small),
        width=large.width,
        height=large.height,
        alt=alt,
    )


def change_pictures(
    session: Session, product_id: int, changes: Mapping[int, PictureChange], added: Sequence[SavedPicture]
) -> list[str]:
    """Write order and texts of a product's pictures, remove some, and add others behind them.

    Answers the stored names of files that nothing refers to any more, which the caller removes when the transaction is
    over (`remove_bytes`). A picture that is gone already is passed over. Raises NotFound and InvalidInput (too many).
    """
    # Locked: of two who add at once the second counts what the first has added.
    locked = select(Product.id).where(Product.id == product_id).with_for_update(key_share=True)
    if session.scalar(locked) is None:
        raise NotFound("There is no such product.")
    statement = select(Picture).where(Picture.product_id == product_id).order_by(Picture.position, Picture.id)
    known = session.scalars(statement, execution_options={"populate_existing": True}).all()
    gone = [one for one in known if one.id in changes and changes[one.id].remove]
    kept = [one for one in known if one not in gone]
    if len(kept) + len(added) > MAX_PICTURES:
        raise InvalidInput("A product has at most %(max)s pictures.", max=MAX_PICTURES, field="files")
    for picture in kept:
        if (change := changes.get(picture.id)) is not None:
            picture.alt, picture.position = change.alt, change.position
    kept.sort(key=lambda one: (one.position, one.id))
    for place, picture in enumerate(kept):
        picture.position = place + 1
    for place, one in enumerate(added):
        session.add(
            Picture(
                product_id=product_id,
                large=one.large,
                small=one.small,
                width=one.width,
                height=one.height,
                alt=one.alt,
                position=len(kept) + place + 1,
            )
        )
    session.execute(delete(Picture).where(Picture.id.in_([one.id for one in gone])))
    return [name for one in gone for name in (one.large, one.small)]


def is_picture(session: Session, stored_name: str) -> bool:
    """Whether a product has this file among its pictures."""
    return (
        session.scalar(
            select(Picture.id).where(or_(Picture.large == stored_name, Picture.small == stored_name)).limit(1)
        )
        is not None
    )
