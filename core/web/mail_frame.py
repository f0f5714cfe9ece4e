"""HTML of an e-mail, in a frame that may run nothing and load nothing, and is nobody's origin (THREATS T-X3).

Of what came from elsewhere only harmless HTML is left. What this site sends is shown as it is sent, with the styles at
its elements.
"""

from __future__ import annotations

from litestar.response import Response

from core.mailbox.html import clean_html
from core.web.rendering import static_url


def _headers(styles: str) -> dict[str, str]:
    return {
        "content-security-policy": f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


FRAME = _headers("'self'")
"""What a browser may do with it, should it be opened outside of its frame as well. Links open in a window of theirs."""


OWN_FRAME = _headers("'unsafe-inline'")
"""The same for a mail of this site's own, whose styles stand at its elements; they can load nothing either."""


def own_frame(html: str) -> Response[str]:
    """The answer for the frame with a mail of this site, as it goes out."""
    return Response(html, media_type="text/html", headers=OWN_FRAME)


def frame_of(html: str) -> Response[str]:
    """The answer for the frame: the HTML made harmless, with the colours of a sheet of paper."""
    style = f'<link rel="stylesheet" href="{static_url("css/mail.css")}">'
    head = f'<!doctype html><meta charset="utf-8"><title>E-mail</title>{style}'
    return Response(f"{head}<body>{clean_html(html)}", media_type="text/html", headers=FRAME)
