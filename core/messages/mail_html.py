"""The HTML part of a mail: what its text part says, with the name and the colour of the site.

Mail programs know little of HTML: tables hold it together, every style stands at its element, nothing is loaded. What
they know of dark mode differs: there is a style sheet for those that read one, and colours that stay readable where
a program turns them over by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.site import Site

LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
"""An address in a text that becomes a link: http and https only (THREATS T-X4)."""

SHOWN_LENGTH = 56
"""How many characters of a link's address are shown: those with a signature are long, and say nothing to people."""

PAPER, NIGHT = "#ffffff", "#1f1f1d"
"""What a letter stands on, in light and in dark mode."""

READABLE = 4.5
"""Contrast of text with what it stands on (WCAG 2.2, 1.4.3)."""

Line = Sequence[tuple[str, str]]


def mail_html(site: Site, language: str, subject: str, text: str, footers: Sequence[str]) -> str:
    """A mail as a whole HTML document, in the language of the person who gets it."""
    from core.web.rendering import environment

    template = environment(site, site.language(language)).get_template("mail/message.html")
    return template.render(
        language_code=language,
        subject=subject,
        site_name=site.setting("site.name"),
        colours=mail_colours(site.setting("site.accent")),
        paragraphs=paragraphs(text),
        footers=[paragraphs(footer) for footer in footers],
        shown_length=SHOWN_LENGTH,
    )


def paragraphs(text: str) -> list[list[Line]]:
    """A plain text by paragraphs and lines, with its web addresses apart: what a template needs to show it."""
    return [
        [_pieces(line) for line in paragraph.split("\n")]
        for paragraph in re.split(r"\n[ \t]*\n\s*", text.strip())
        if paragraph.strip()
    ]


def _pieces(line: str) -> Line:
    pieces, at = [], 0
    for match in LINK.finditer(line):
        pieces += [("text", line[at : match.start()]), ("link", match[0])]
        at = match.end()
    pieces.append(("text", line[at:]))
    return [piece for piece in pieces if piece[1]]


@lru_cache(maxsize=100)
def mail_colours(accent: str) -> Mapping[str, str]:
    """The site's colour as it is for a mail, each as "#rrggbb": as it was set (`accent`), and for links on paper and at
    night (`link`, `link_night`), moved to black or white as far as reading needs it."""
    return MappingProxyType(
        {
            "accent": accent,
            "paper": PAPER,
            "night": NIGHT,
            "link": _readable(accent, PAPER, "#000000"),
            "link_night": _readable(accent, NIGHT, "#ffffff"),
        }
    )


def _readable(colour: str, ground: str, towards: str) -> str:
    parts, end = _parts(colour), _parts(towards)
    for step in range(21):
        moved = [round(one + (other - one) * step / 20) for one, other in zip(parts, end, strict=True)]
        if contrast(found := "#" + "".join(f"{one:02x}" for one in moved), ground) >= READABLE:
            return found
    return towards


def contrast(one: str, other: str) -> float:
    """The contrast of two colours "#rrggbb" (WCAG 2.2): 1 for the same, 21 for black and white."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = (part / 255 for part in _parts(colour))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
