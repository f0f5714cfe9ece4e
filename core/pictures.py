"""Pictures that are shown: always made anew from what was uploaded (THREATS T-U1, T-U2, T-U5).

Nothing of the uploaded file survives but its pixels: metadata such as the place where it was taken, colour
profiles, and whatever was hidden behind the picture are gone.
"""

from __future__ import annotations

import io
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, BinaryIO

from attrs import frozen

from core.contacts.files import FileStore, file_path
from core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from litestar.response import File

MAX_UPLOAD = 10_000_000
"""Bytes of an uploaded picture."""

MAX_PIXELS = 40_000_000
"""Pixels that are decoded; 24 and 36 megapixel cameras are below it, decompression bombs beyond."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MEDIA_TYPE, ENDING = "image/webp", ".webp"

# The whole answer is inert, should a browser ever show it in spite of its type.
SANDBOX = {"content-security-policy": "default-src 'none'; sandbox", "x-content-type-options": "nosniff"}

# 40 megapixels are 160 MB while they are decoded: a few at a time, however many are uploaded at once.
_DECODING = BoundedSemaphore(2)


@frozen(kw_only=True)
class PictureSize:
    """How large a picture is made, in pixels: cut to exactly this with `cut`, else made to fit into it whole."""

    width: int
    height: int
    cut: bool = False


@frozen(kw_only=True)
class MadePicture:
    """A picture in WebP, and its size in pixels."""

    content: bytes
    width: int
    height: int


def make_pictures(source: BinaryIO, *sizes: PictureSize) -> list[MadePicture]:
    """Make what was uploaded anew in each size. Raises InvalidInput (field `picture`) for what can't be used.

    A picture that is smaller than a size without `cut` stays as small as it is. What is transparent becomes white.
    """
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
            side = 2 * max(max(size.width, size.height) for size in sizes)
            # JPEG alone can be decoded small; the others ignore this.
            opened.draft("RGB", (side, side))
            turned = ImageOps.exif_transpose(opened)
            coloured = turned.convert("RGBA")
            made = []
            for size in sizes:
                small = (
                    ImageOps.fit(coloured, (size.width, size.height), Image.Resampling.LANCZOS)
                    if size.cut
                    else coloured.copy()
                )
                small.thumbnail((size.width, size.height), Image.Resampling.LANCZOS)
                clean = Image.new("RGB", small.size, "white")
                clean.paste(small, mask=small.getchannel("A"))
                target = io.BytesIO()
                clean.save(target, "WEBP", quality=85, exif=b"", icc_profile=b"", xmp=b"")
                made.append(MadePicture(content=target.getvalue(), width=clean.width, height=clean.height))
            return made
    except InvalidInput:
        raise
    except Exception as error:  # Pillow raises nearly everything for broken files.
        raise InvalidInput(
            "This is not a picture that can be used. Choose a JPEG, PNG, WebP or GIF file.", field="picture"
        ) from error


def save_picture(store: FileStore, made: MadePicture) -> str:
    """Write a picture into the data folder; answers its stored name, which the caller's row keeps."""
    return store.save("picture" + ENDING, io.BytesIO(made.content), ending=ENDING).stored_name


def send_picture(data_dir: Path, stored_name: str, *, public: bool) -> File:
    """The answer with a picture that was made here. Its name is random and never names another, so browsers keep it.

    With `public` caches on the way may, too. Raises NotFound.
    """
    from litestar.response import File

    path = file_path(data_dir, stored_name)
    if not path.is_file():
        raise NotFound("There is no such picture.")
    kept_by = "public" if public else "private"
    return File(
        path,
        media_type=MEDIA_TYPE,
        content_disposition_type="inline",
        headers={**SANDBOX, "cache-control": f"{kept_by}, max-age=31536000, immutable"},
    )
