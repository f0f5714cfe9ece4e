"""Writing vCard 3.0 and 4.0 (RFC 2426, RFC 6350): a card for each contact, which is read again without a loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from core.transfer.cells import split_words
from core.transfer.vcard_reading import OWN_PROPERTY, escaped

Version = Literal["3.0", "4.0"]

LINE = 75
"""Octets of a line, its end not counted (RFC 6350 section 3.2)."""

ADDRESS = ("street2", "street", "city", "region", "postal_code", "country")
"""The parts of ADR after the post office box (RFC 6350 section 6.3.1)."""

_WRITTEN = frozenset({"email", "name", "phone", "tags", *ADDRESS})


def vcard_pieces(keys: Sequence[str], batches: Iterable[Sequence[Sequence[str]]], version: Version) -> Iterator[bytes]:
    """Cards of the contacts in `batches`, which are columns of cells by `keys`, some contacts at a time."""
    own = [key for key in keys if key not in _WRITTEN and not (key == "language" and version == "4.0")]
    for columns in batches:
        cards = (_card(dict(zip(keys, row, strict=True)), own, version) for row in zip(*columns, strict=True))
        yield "".join(cards).encode()


def _card(said: Mapping[str, str], own: Sequence[str], version: Version) -> str:
    email, name = said.get("email", ""), said.get("name", "")
    lines = ["BEGIN:VCARD", f"VERSION:{version}", f"FN:{escaped(name or email)}"]
    if version == "3.0":
        # It has to be there, and nobody knows which of the words is the family's.
        lines.append(f"N:{escaped(name)};;;;")
    if email:
        lines.append(f"EMAIL{';TYPE=INTERNET' if version == '3.0' else ''}:{escaped(email)}")
    if phone := said.get("phone"):
        lines.append(f"TEL{';TYPE=VOICE' if version == '3.0' else ''}:{escaped(phone)}")
    if any(said.get(name) for name in ADDRESS):
        lines.append(f"ADR:;{';'.join(escaped(said.get(name, '')) for name in ADDRESS)}")
    if tags := said.get("tags"):
        lines.append(f"CATEGORIES:{','.join(map(escaped, split_words(tags)))}")
    if version == "4.0" and (language := said.get("language")):
        lines.append(f"LANG:{escaped(language)}")
    lines += [f"{OWN_PROPERTY};X-KEY={key}:{escaped(said[key])}" for key in own if said[key]]
    lines.append("END:VCARD\r\n")
    return "\r\n".join(line if len(line) * 4 <= LINE else _folded(line) for line in lines)


def _folded(line: str) -> str:
    """A long line in several, each after the first with a space before it; no character is torn apart."""
    octets = line.encode()
    if len(octets) <= LINE or line.endswith("\r\n"):
        return line
    pieces, start = [], 0
    while start < len(octets):
        end = min(start + LINE - bool(start), len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[start:end].decode())
        start = end
    return "\r\n ".join(pieces)
