"""The fonts of documents that are made here, such as PDFs: Open Sans, which knows Latin, Greek and Cyrillic letters."""

from __future__ import annotations

from pathlib import Path

DOCUMENT_FONT = "Open Sans"
"""What the fonts of `document_fonts` are called in a document."""


def document_fonts() -> dict[str, Path]:
    """The files of `DOCUMENT_FONT` by style: "" for the regular one, "B" for the bold one, as fpdf2 names them."""
    # It looks whether Pillow is there, which is slow to load: only for a document.
    from ttf_opensans import OPENSANS_BOLD, OPENSANS_REGULAR

    return {"": Path(OPENSANS_REGULAR.path), "B": Path(OPENSANS_BOLD.path)}
