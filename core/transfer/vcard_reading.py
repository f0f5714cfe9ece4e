"""Reading vCard 3.0 and 4.0 (RFC 2426, RFC 6350), and the 2.1 that old telephones still write.

Libraries stop at the first broken card; here a card that can't be read is refused with its line, like a row.
"""

from __future__ import annotations

import io
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define

from core.transfer.cells import join_words
from core.transfer.records import MAX_RECORD, NUL, TOO_LONG, UNCLOSED, UNREADABLE, CountedFile, Record

HEADINGS = [
    "email",
    "name",
    "phone",
    "street",
    "street2",
    "postal_code",
    "city",
    "region",
    "country",
    "language",
    "tags",
]

OWN_PROPERTY = "X-TRESEN-FIELD"
"""A property for what vCard has none of, such as a custom field: its parameter X-KEY says which."""

MAX_OWN = 200
"""Different keys of such properties that are read."""

UNENDED = "This card does not end."

_PROPERTY = re.compile(
    r'(?:[\w-]+\.)?(?P<name>[\w-]+)(?P<parameters>(?:;(?:"[^"]*"|[^":;])*)*):(?P<value>.*)', re.DOTALL
)
_PARAMETER = re.compile(r';(?:(?P<name>[\w-]+)=)?(?P<value>(?:"[^"]*"|[^";])*)')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r"[\\,;]")
_OWN = re.compile(rf"{OWN_PROPERTY};X-KEY=([\w.-]+):", re.IGNORECASE)


@define
class Property:
    """One line of a card: its name and parameters in capitals, its value as written."""

    name: str
    parameters: Mapping[str, set[str]]
    value: str

    @property
    def preference(self) -> int:
        """1 to 100, the lowest first (RFC 6350 section 5.3); vCard 3 only says that one is preferred."""
        ranks = [int(rank) for rank in self.parameters.get("PREF", ()) if rank.isdigit()]
        return min(ranks, default=50 if "PREF" in self.parameters.get("TYPE", ()) else 100)

    def parts(self, separator: str) -> list[str]:
        """The value's parts, unescaped."""
        found, piece = [], ""
        for token in re.findall(r"\\.|[^\\,;]+|.", self.value, re.DOTALL):
            if token == separator:
                found.append(_plain(piece))
                piece = ""
            else:
                piece += token
        return [*found, _plain(piece)]


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()


def escaped(text: str) -> str:
    """A text as it stands in a card: RFC 6350 section 3.4."""
    text = _TO_ESCAPE.sub(r"\\\g<0>", text)
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


class VcardSource:
    """The records of a file of cards, one a card.

    `headings` are `HEADINGS`, and the keys of what this program's own files hold besides; they are looked for in the
    whole file unless they are given.
    """

    def __init__(self, path: Path, encoding: str, headings: Sequence[str] | None = None) -> None:
        self._file = CountedFile(path)
        self._text = io.TextIOWrapper(self._file.opened, encoding=encoding, errors="replace", newline=None)
        self.headings = list(headings or [*HEADINGS, *_own_keys(path, encoding)])
        self._own = self.headings[len(HEADINGS) :]

    def __iter__(self) -> Iterator[Record]:
        """A record for each card."""
        card: list[str] | None = None
        start = number = size = 0
        while line := self._text.readline(MAX_RECORD):
            number += line.endswith("\n") or len(line) < MAX_RECORD
            bare = line.rstrip("\n")
            word = bare.strip().upper()
            if word == "BEGIN:VCARD":
                if card is not None:
                    yield Record(start, ["\n".join(card)[:MAX_RECORD]], UNENDED)
                card, start, size = [], number, 0
            elif word == "END:VCARD" and card is not None:
                yield read_card(start, card, self._own) if size <= 2 * MAX_RECORD else Record(start, [], TOO_LONG)
                card = None
            elif card is not None:
                size += len(bare)
                # Pictures are the long lines, and nobody asks for them here.
                if size <= 2 * MAX_RECORD:
                    card.append(bare)
                elif re.match(r"\s|PHOTO|LOGO|SOUND|KEY", bare, re.IGNORECASE):
                    size -= len(bare)
        if card is not None:
            yield Record(start, ["\n".join(card)[:MAX_RECORD]], UNENDED)

    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return self._file.share()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _own_keys(path: Path, encoding: str) -> list[str]:
    """The keys of this program's own properties in a file, in their order."""
    found: dict[str, None] = {}
    with path.open(encoding=encoding, errors="replace") as opened:
        while (line := opened.readline(MAX_RECORD)) and len(found) < MAX_OWN:
            if (own := _OWN.match(line)) is not None and own[1].lower() not in HEADINGS:
                found[own[1].lower()] = None
    return list(found)


def read_card(line: int, lines: list[str], own: Sequence[str] = ()) -> Record:
    """The record of one card's lines; see `HEADINGS`, after which come the values of the `own` keys."""
    found: dict[str, list[Property]] = {}
    for text in unfolded(lines):
        if (one := read_property(text)) is not None:
            found.setdefault(one.name, []).append(one)

    def best(name: str) -> Property | None:
        return min(found.get(name, ()), key=lambda one: one.preference, default=None)

    full, parts = best("FN"), best("N")
    name = _plain(full.value) if full else ""
    if not name and parts:
        # Family; given; additional; prefixes; suffixes (RFC 6350 section 6.2.2).
        family, given, additional, prefix, suffix = (parts.parts(";") + [""] * 5)[:5]
        name = " ".join(part for part in (prefix, given, additional, family, suffix) if part)
    email, phone, language, place = best("EMAIL"), best("TEL"), best("LANG"), best("ADR")
    # Box; extended; street; locality; region; postal code; country (RFC 6350 section 6.3.1).
    box, extended, street, city, region, code, country = ((place.parts(";") if place else []) + [""] * 7)[:7]
    said = {
        key.lower(): _plain(one.value) for one in found.get(OWN_PROPERTY, ()) for key in one.parameters.get("X-KEY", ())
    }
    address = _plain(email.value).removeprefix("mailto:") if email else ""
    words = [word for one in found.get("CATEGORIES", ()) for word in one.parts(",") if word]
    cells = [
        address,
        # Programs that ask for a name write the address of those who have none.
        "" if name == address else name,
        _plain(phone.value).removeprefix("tel:") if phone else "",
        street.replace("\n", ", ") or box,
        extended.replace("\n", ", "),
        code,
        city,
        region,
        country,
        _plain(language.value) if language else said.get("language", ""),
        join_words(dict.fromkeys(words)),
        *(said.get(key, "") for key in own),
    ]
    if any("\x00" in cell for cell in cells):
        return Record(line, [cell.replace("\x00", "␀") for cell in cells], NUL)
    return Record(line, cells, UNREADABLE if any("\ufffd" in cell for cell in cells) else "")


def unfolded(lines: list[str]) -> Iterator[str]:
    """Lines that go on after a space (RFC 6350 section 3.2), or after „=“ where they are quoted-printable."""
    text = ""
    for line in lines:
        if line[:1] in (" ", "\t") and text:
            text += line[1:]
        elif text.endswith("=") and "QUOTED-PRINTABLE" in text.partition(":")[0].upper():
            text = text[:-1] + line.lstrip()
        else:
            if text:
                yield text
            text = line
    if text:
        yield text


def read_property(text: str) -> Property | None:
    """A line of a card; None for one that is none."""
    found = _PROPERTY.fullmatch(text)
    if found is None:
        return None
    parameters: dict[str, set[str]] = {}
    for one in _PARAMETER.finditer(found["parameters"]):
        # vCard 2.1 leaves the name out: „;HOME“.
        name = (one["name"] or "TYPE").upper()
        parameters.setdefault(name, set()).update(word.strip('" ').upper() for word in one["value"].split(","))
    value = found["value"]
    if "QUOTED-PRINTABLE" in parameters.get("ENCODING", set()) | parameters.get("TYPE", set()):
        charset = next(iter(parameters.get("CHARSET", {"UTF-8"})))
        try:
            value = quopri.decodestring(value.encode("utf-8", "replace")).decode(charset, "replace")
        except LookupError:
            value = "\ufffd"
    return Property(found["name"].upper(), parameters, value)


__all__ = ["HEADINGS", "UNCLOSED", "VcardSource", "read_card"]
