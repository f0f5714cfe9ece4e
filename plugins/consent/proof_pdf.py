"""The proof of a person's consents as a PDF on A4.

The fonts know Latin, Greek and Cyrillic letters; what they do not know is printed as an empty box, and the page in the
browser has it right.
"""

from __future__ import annotations

from core import DOCUMENT_FONT, document_fonts
from plugins.consent.proof import Proof

LEFT, RIGHT, TOP, BOTTOM = 25.0, 20.0, 20.0, 22.0
"""Margins in millimetres."""

LABEL = 45.0
"""Width of the labels."""

LINE = 4.8


def render_pdf(proof: Proof) -> bytes:
    """The PDF of a proof."""
    # Loading the library takes a third of a second, and few processes ever make a PDF.
    from fpdf import FPDF, FPDF_VERSION
    from fpdf.enums import XPos, YPos

    class Letter(FPDF):
        def footer(self) -> None:
            self.set_font(DOCUMENT_FONT, size=7.5)
            self.set_xy(LEFT, -14)
            self.cell(
                self.w - LEFT - RIGHT, 4, f"{proof.site_name} · {proof.title} · {self.page_no()}/{{nb}}", align="R"
            )

    pdf = Letter(format="A4")
    pdf.set_creation_date(proof.made_at)
    pdf.set_title(proof.title)
    pdf.set_author(proof.site_name)
    pdf.set_producer(f"fpdf2 {FPDF_VERSION}")
    pdf.set_lang(proof.language)
    for style, file in document_fonts().items():
        pdf.add_font(DOCUMENT_FONT, style=style, fname=file)
    pdf.set_margins(LEFT, TOP, RIGHT)
    pdf.set_auto_page_break(True, margin=BOTTOM)
    pdf.add_page()
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
