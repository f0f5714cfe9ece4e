"""HTML that other people wrote: made harmless for showing, and read as plain text.

It is shown in a frame of its own that may run nothing and load nothing (`core.web.mailbox`); that alone would do.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "th": {"colspan", "rowspan", "align", "valign"},
    "ol": {"start"},
    "p": {"align"},
    "div": {"align"},
    "table": {"cellpadding"},
}
"""Tag → what it may say. Pictures are left out: whoever sent one must not learn that it was looked at."""

LEFT_OUT = {"script", "style", "head", "title", "noscript", "template", "iframe", "object", "svg", "math"}
"""Tags that go with all that is in them."""

BREAKS = frozenset(
    {"p", "div", "br", "li", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr"}
)


def clean_html(html: str) -> str:
    """The HTML without anything that runs, loads, or could be taken for a part of this site (nh3, that is Ammonia).

    Links lead to web and mail addresses only, in a window of their own, and don't tell where one came from.
    """
    import nh3

    return nh3.clean(
        html,
        tags=(set(nh3.ALLOWED_TAGS) | {"font", "u", "s"}) - {"img"},
        clean_content_tags=LEFT_OUT,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        generic_attribute_prefixes=set(),
    )


class _Text(HTMLParser):
    """Collects the words of HTML that was made harmless before."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins a line."""
        if tag in BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """A block ends its line."""
        if tag in BREAKS and tag != "br":
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        """Line breaks in HTML are spaces."""
        self.pieces.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """What an HTML text says, as plain text."""
    if not html.strip():
        return ""
    reader = _Text()
    try:
        reader.feed(clean_html(html))
        reader.close()
    except AssertionError:
        # What the standard library's parser raises for some broken declarations.
        return ""
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    text = ""
    for line in lines:
        text += line + "\n" if line or not text.endswith("\n\n") else ""
    return text.strip()
