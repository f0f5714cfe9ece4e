"""An invoice as a PDF: a letter on A4 whose address shows in the window of an envelope (DIN 5008, form B).

The same invoice always gives the same file. The fonts know Latin, Greek and Cyrillic letters; what they do not know is
printed as an empty box, and the page in the browser has it right.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from litestar.response import Response

from core import DOCUMENT_FONT, Request, new_document
from plugins.shop.documents import Document, read_document

if TYPE_CHECKING:
    from fpdf import FPDF

LEFT, RIGHT, TOP, BOTTOM = 25.0, 20.0, 20.0, 40.0
"""Margins in millimetres; the foot of the page stands within the lower one."""

WINDOW_TOP, FACTS_LEFT, TEXT_TOP = 45.0, 125.0, 98.0
LINE = 5.0
COLUMNS = (16.0, 79.0, 16.0, 27.0, 27.0)
"""Widths of quantity, product, tax, unit price and sum; together what is between the margins."""

TAX_COLUMNS = (27.0, 27.0, 27.0, 27.0)


def pdf_answer(request: Request, invoice_id: int) -> Response[bytes]:
    """The PDF of an invoice, to be saved. Raises NotFound."""
    with request.site.session() as session:
        document = read_document(session, request.site, invoice_id)
    return Response(
        render_pdf(document),
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{document.file_name}"', "cache-control": "no-store"},
    )


def render_pdf(document: Document) -> bytes:
    """The PDF of an invoice."""
    pdf = new_document(
        title=f"{document.title} {document.number}",
        author=document.seller[0],
        language=document.language,
        made_at=document.issued_at,
        margins=(LEFT, RIGHT, TOP, BOTTOM),
        foot=partial(_draw_foot, document),
    )
    # The library is loaded by now.
    from fpdf.enums import XPos, YPos

    wide = pdf.w - LEFT - RIGHT

    pdf.set_font(DOCUMENT_FONT, style="B", size=14)
    pdf.set_y(TOP)
    pdf.cell(wide, 8, document.seller[0], align="R")

    pdf.set_xy(LEFT, WINDOW_TOP)
    pdf.set_font(DOCUMENT_FONT, size=7)
    pdf.cell(80, 4, " · ".join(document.seller))
    pdf.set_xy(LEFT, WINDOW_TOP + 8)
    pdf.set_font(DOCUMENT_FONT, size=10.5)
    pdf.multi_cell(80, LINE, "\n".join(document.buyer), align="L")

    pdf.set_font(DOCUMENT_FONT, size=9.5)
    pdf.set_y(WINDOW_TOP + 8)
    for label, value in document.facts:
        pdf.set_x(FACTS_LEFT)
        pdf.cell(28, LINE, label)
        pdf.cell(pdf.w - RIGHT - FACTS_LEFT - 28, LINE, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    pdf.set_y(TEXT_TOP)
    pdf.set_font(DOCUMENT_FONT, style="B", size=13)
    pdf.cell(wide, 8, f"{document.title} {document.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font(DOCUMENT_FONT, size=10)
    for text in document.opening:
        pdf.multi_cell(wide, LINE, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(3)

    def head() -> None:
        pdf.set_font(DOCUMENT_FONT, style="B", size=9)
        for width, heading, align in zip(COLUMNS, document.headings, "RLRRR", strict=True):
            pdf.cell(width, 6, heading, align=align, border="B")
        pdf.ln(7)
        pdf.set_font(DOCUMENT_FONT, size=9.5)

    head()
    for line in document.lines:
        rows = pdf.multi_cell(COLUMNS[1], LINE, line.name, dry_run=True, output="LINES")
        height = LINE * len(rows) if isinstance(rows, list) else LINE
        if pdf.will_page_break(height):
            pdf.add_page()
            head()
        top = pdf.get_y()
        pdf.cell(COLUMNS[0], LINE, line.quantity, align="R")
        pdf.multi_cell(COLUMNS[1], LINE, line.name, align="L", new_x=XPos.RIGHT, new_y=YPos.TOP)
        for width, text in zip(COLUMNS[2:], (line.rate, line.price, line.sum), strict=True):
            pdf.cell(width, LINE, text, align="R")
        pdf.set_xy(LEFT, top + height + 1)

    if pdf.will_page_break(LINE * (len(document.deductions) + len(document.paid) + len(document.taxes) + 5)):
        pdf.add_page()
    pdf.line(LEFT, pdf.get_y(), pdf.w - RIGHT, pdf.get_y())
    pdf.ln(1.5)
    for style, label, value in [
        *(("", label, value) for label, value in document.deductions),
        ("B", *document.total),
        *(("", label, value) for label, value in document.paid),
    ]:
        pdf.set_font(DOCUMENT_FONT, style=style, size=10.5 if style else 9.5)
        pdf.cell(wide - 35, 6, label, align="R")
        pdf.cell(35, 6, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(2)
    indent = LEFT + wide - sum(TAX_COLUMNS)
    for style, row in [("B", document.tax_headings), *(("", row) for row in document.taxes)]:
        pdf.set_font(DOCUMENT_FONT, style=style, size=8.5)
        pdf.set_x(indent)
        for width, text in zip(TAX_COLUMNS, row, strict=True):
            pdf.cell(width, 4.6, text, align="R")
        pdf.ln(4.6)
    pdf.ln(5)
    pdf.set_font(DOCUMENT_FONT, size=10)
    for note in document.notes:
        pdf.multi_cell(wide, LINE, note, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(2)
    return bytes(pdf.output())


def _draw_foot(document: Document, pdf: FPDF) -> None:
    pdf.set_y(-BOTTOM + 8)
    pdf.set_draw_color(180)
    pdf.line(LEFT, pdf.get_y() - 2, pdf.w - RIGHT, pdf.get_y() - 2)
    pdf.set_font(DOCUMENT_FONT, size=7.5)
    top, width = pdf.get_y(), (pdf.w - LEFT - RIGHT) / 3
    for place, block in enumerate(document.foot):
        pdf.set_xy(LEFT + place * width, top)
        pdf.multi_cell(width - 2, 3.4, "\n".join(block), align="L")
    pdf.set_xy(LEFT, -11)
    pdf.cell(pdf.w - LEFT - RIGHT, 4, f"{document.number} · {document.page} {pdf.page_no()}/{{nb}}", align="R")
