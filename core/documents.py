"""Documents that are made here: PDFs on A4, set in Open Sans, which knows Latin, Greek and Cyrillic letters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

DOCUMENT_FONT = "Open Sans"
"""The font of a `new_document`, regular and bold (style "B")."""


def new_document(
    *,
    title: str,
    author: str,
    language: str,
    made_at: datetime,
    margins: tuple[float, float, float, float],
    foot: Callable[[FPDF], None],
) -> FPDF:
    """A PDF on A4 with its first page begun; the same calls on it always give the same file.

    `margins` are left, right, top and bottom, in millimetres. `foot(pdf)` draws the foot of each page, within the
    bottom margin.
    """
    # Loading the library takes a third of a second, and the fonts' package looks for another one that is slow to load:
    # few processes ever make a PDF.
    from fpdf import FPDF, FPDF_VERSION
    from ttf_opensans import OPENSANS_BOLD, OPENSANS_REGULAR

    class Document(FPDF):
        def footer(self) -> None:
            foot(self)

    left, right, top, bottom = margins
    pdf = Document(format="A4")
    pdf.set_creation_date(made_at)
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_producer(f"fpdf2 {FPDF_VERSION}")
    pdf.set_lang(language)
    pdf.add_font(DOCUMENT_FONT, style="", fname=OPENSANS_REGULAR.path)
    pdf.add_font(DOCUMENT_FONT, style="B", fname=OPENSANS_BOLD.path)
    pdf.set_margins(left, top, right)
    pdf.set_auto_page_break(True, margin=bottom)
    pdf.add_page()
    return pdf
