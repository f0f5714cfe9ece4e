"""The proof of a person's consents as a PDF on A4.

The fonts know Latin, Greek and Cyrillic letters; what they do not know is printed as an empty box, and the page in the
browser has it right.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core import DOCUMENT_FONT, new_document
from plugins.consent.proof import Proof

if TYPE_CHECKING:
    from fpdf import FPDF

LEFT, RIGHT, TOP, BOTTOM = 25.0, 20.0, 20.0, 22.0
"""Margins in millimetres."""

LABEL = 45.0
"""Width of the labels."""

LINE = 4.8


def render_pdf(proof: Proof) -> bytes:
    """The PDF of a proof."""
    pdf = new_document(
        title=proof.title,
        author=proof.site_name,
        language=proof.language,
        made_at=proof.made_at,
        margins=(LEFT, RIGHT, TOP, BOTTOM),
        foot=partial(_draw_foot, proof),
    )
    # The library is loaded by now.
    from fpdf.enums import XPos, YPos

    wide = pdf.w - LEFT - RIGHT

    def line(label: str, value: str) -> None:
        pdf.set_font(DOCUMENT_FONT, size=9)
        rows = pdf.multi_cell(wide - LABEL, LINE, value, align="L", dry_run=True, output="LINES")
        if pdf.will_page_break(LINE * min(len(rows) if isinstance(rows, list) else 1, 20)):
            pdf.add_page()
        pdf.set_text_color(90)
        pdf.cell(LABEL, LINE, label)
        pdf.set_text_color(0)
        pdf.multi_cell(wide - LABEL, LINE, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def heading(text: str, size: float) -> None:
        if pdf.will_page_break(30):
            pdf.add_page()
        pdf.ln(3)
        pdf.set_font(DOCUMENT_FONT, style="B", size=size)
        pdf.multi_cell(wide, size * 0.55, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(1)

    heading(proof.title, 16)
    for label, value in proof.facts:
        line(label, value)
    for part in proof.parts:
        heading(f"{part.name}: {part.state}", 12.5)
        for change in part.changes:
            # The fonts have no arrow.
            heading(change.title.replace("→", "»"), 10)
            for label, value in change.lines:
                line(label, value)
    pdf.ln(5)
    pdf.set_font(DOCUMENT_FONT, size=8.5)
    pdf.multi_cell(wide, 4.4, proof.note, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    return bytes(pdf.output())


def _draw_foot(proof: Proof, pdf: FPDF) -> None:
    pdf.set_font(DOCUMENT_FONT, size=7.5)
    pdf.set_xy(LEFT, -14)
    pdf.cell(pdf.w - LEFT - RIGHT, 4, f"{proof.site_name} · {proof.title} · {pdf.page_no()}/{{nb}}", align="R")
