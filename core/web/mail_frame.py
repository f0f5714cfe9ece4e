"""HTML of an e-mail, in a frame that may run nothing and load nothing, and is nobody's origin (THREATS T-X3)."""

from __future__ import annotations

from litestar.response import Response

from core.mailbox.html import clean_html
from core.web.rendering import static_url

FRAME = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""What a browser may do with it, should it be opened outside of its frame as well. Links open in a window of theirs."""


def frame_of(html: str) -> Response[str]:
    """The answer for the frame: the HTML made harmless, with the colours of a sheet of paper."""
    style = f'<link rel="stylesheet" href="{static_url("css/mail.css")}">'
    head = f'<!doctype html><meta charset="utf-8"><title>E-mail</title>{style}'
    return Response(f"{head}<body>{clean_html(html)}", media_type="text/html", headers=FRAME)
