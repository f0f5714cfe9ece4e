"""A record of a file as a person: what its cells say, cleaned, and what is wrong with them (FEATURES I4).

A row is refused for what would make a wrong contact: no address, one that is none, a text too long to be stored, cells
that do not fit the heading. What is only a detail, such as a country nobody knows, is left out and noted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from core.contacts.addresses import parse_address, plain_address
from core.contacts.details import MAX_LENGTHS
from core.contacts.search_texts import derived_columns
from core.contacts.tags import clean_tag
from core.errors import InvalidInput
from core.transfer import words
from core.transfer.cells import split_words, unguard_cell
from core.transfer.fields import NO, file_fields, labels_of, parse_number, parse_yes
from core.transfer.mapping import CHOICE, REFUSAL
from core.transfer.pasting import split_mailbox
from core.transfer.records import Record

if TYPE_CHECKING:
    from core.site import Site

ADDRESS = ("street", "street2", "postal_code", "city", "region", "country")

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00a0 \t\r\n"
_SEPARATED = re.compile(r"\s*:::\s*")


@frozen
class Problem:
    """What is wrong with a row: `message` is a message id filled by `words`, `column` the heading of the cell."""

    line: int
    message: str
    column: str = ""
    value: str = ""
    words: Mapping[str, Any] = field(factory=dict)
    cells: Sequence[str] = ()
    refused: bool = True


@define
class Incoming:
    """One person in a file. `details` hold only what is said, `said` the yes or no to import choices.

    `derived` are the columns that follow from the details of a new contact: made here, where nothing is locked.
    """

    line: int
    email: str
    key: str
    details: dict[str, str] = field(factory=dict)
    tags: list[str] = field(factory=list)
    joined: datetime | None = None
    fields: dict[str, Any] = field(factory=dict)
    said: dict[str, bool] = field(factory=dict)
    notes: list[Problem] = field(factory=list)
    derived: Mapping[str, str | None] | None = None


class RowReader:
    """Reads records as a plan says: which column is what, in which order days and months stand."""

    def __init__(self, site: Site, plan: Mapping[str, Any], kind: str) -> None:
        self._headings: list[str] = plan["headings"]
        places: dict[str, int] = {}
        for place, key in plan["mapping"].items():
            places.setdefault(key, int(place))
        self._unguards = kind == "csv" and bool(plan["unguard"])
        self._order: words.DateOrder = plan["dates"]
        self._decimal: str = plan["decimal"] or "."
        self._zone = site.settings.zone
        self._now = datetime.now(UTC)
        self._emails = [places[key] for key in ("email", "email#2") if key in places]
        self._phones = [places[key] for key in ("phone", "phone#2", "phone#3") if key in places]
        self._name = places.get("name")
        self._parts = [
            places[key] for key in ("prefix", "first_name", "middle_name", "last_name", "suffix") if key in places
        ]
        self._addresses = [
            pairs
            for variant in ("", "#2")
            if (pairs := [(name, places[name + variant]) for name in ADDRESS if name + variant in places])
        ]
        self._house = places.get("house_number")
        self._language = places.get("language")
        self._tags = places.get("tags")
        self._joined = places.get("joined")
        known = file_fields(site)
        self._fields = [(known[key], place) for key, place in places.items() if key in known]
        self._choices = [
            (key.partition(":")[2], place, key.startswith(REFUSAL))
            for key, place in places.items()
            if key.startswith((CHOICE, REFUSAL))
        ]
        self._site = site
        # A field of the same name writes its choices' labels into this site's own files.
        self._said = {key: labels_of(site, known[key]) for key, _, _ in self._choices if key in known}

    def read(self, record: Record) -> Incoming | Problem:
        """The person in a record, or why there is none."""
        if record.problem:
            return Problem(record.line, record.problem, words=record.words, cells=record.cells)
        cells = record.cells
        if self._unguards and "'" in "".join(cells):
            cells = [unguard_cell(cell) if cell[:1] == "'" else cell for cell in cells]
        try:
            return self._person(record.line, cells)
        except _BadCell as bad:
            error = bad.error
            heading = self._headings[bad.place] if bad.place < len(self._headings) else ""
            value = cells[bad.place][:200] if bad.place < len(cells) else ""
            return Problem(record.line, error.message, heading, value, dict(error.values), record.cells)

    def _person(self, line: int, cells: Sequence[str]) -> Incoming:
        email, key, name = self._address(cells)
        person = Incoming(line, email, key)
        details = person.details
        self._take_name(cells, details, name)
        for place in self._phones:
            if text := _first(cells[place]):
                details["phone"] = _clean("phone", text, place)
                break
        for pairs in self._addresses:
            if self._take_address(person, cells, pairs):
                break
        if self._language is not None and (text := cells[self._language].strip()):
            self._noted(person, self._language, cells, self._take_language, text)
        if self._tags is not None and (text := cells[self._tags].strip()):
            self._take_tags(person, text, cells, self._tags)
        if self._joined is not None and (text := cells[self._joined].strip()):
            self._noted(person, self._joined, cells, self._take_joined, text)
        for one, place in self._fields:
            if text := cells[place].strip():
                self._noted(person, place, cells, self._take_field, text, one)
        for key, place, is_refusal in self._choices:
            if text := cells[place].strip():
                self._noted(person, place, cells, self._take_said, text, key, is_refusal)
        person.derived = derived_columns({**details, "email": email, "email_key": key})
        return person

    def _address(self, cells: Sequence[str]) -> tuple[str, str, str]:
        """Address, its key, and a name that stood beside it."""
        for place in self._emails:
            text = cells[place].strip()
            if (plain := plain_address(text)) is not None:
                return plain.email, plain.key, ""
            if not text.strip(_INVISIBLE):
                continue
            name, text = split_mailbox(_first(text).strip(_INVISIBLE))
            try:
                address = parse_address(text.strip(_INVISIBLE))
            except InvalidInput as error:
                raise _BadCell(place, error) from error
            return address.email, address.key, name
        place = self._emails[0] if self._emails else 0
        raise _BadCell(place, InvalidInput("This row has no e-mail address."))

    def _take_name(self, cells: Sequence[str], details: dict[str, str], beside: str) -> None:
        name = cells[self._name].strip() if self._name is not None else ""
        place = self._name or 0
        if not name and self._parts:
            name = " ".join(part for one in self._parts if (part := cells[one].strip()))
            place = self._parts[0]
        if name := name or beside:
            details["name"] = _clean("name", name, place)

    def _take_address(self, person: Incoming, cells: Sequence[str], pairs: Sequence[tuple[str, int]]) -> bool:
        """Take an address; answers whether there was anything of one."""
        found = False
        for name, place in pairs:
            text = cells[place].strip()
            if not text:
                continue
            found = True
            if name == "country":
                self._noted(person, place, cells, self._take_country, text)
                continue
            if name == "street" and self._house is not None:
                text = f"{text} {cells[self._house].strip()}".strip()
            person.details[name] = _clean(name, text, place)
        return found

    def _take_tags(self, person: Incoming, text: str, cells: Sequence[str], place: int) -> None:
        # Some address books separate with „:::“ and put a star before the groups of their own.
        names = _SEPARATED.split(text) if ":::" in text else split_words(text)
        for name in names:
            if not name.startswith("* "):
                self._noted(person, place, cells, self._take_tag, name)

    @staticmethod
    def _take_tag(person: Incoming, name: str) -> None:
        person.tags.append(clean_tag(name))

    @staticmethod
    def _take_country(person: Incoming, text: str) -> None:
        person.details["country"] = words.parse_country(text)

    @staticmethod
    def _take_language(person: Incoming, text: str) -> None:
        person.details["language"] = words.parse_language(text)

    def _take_joined(self, person: Incoming, text: str) -> None:
        moment = words.parse_moment(text, self._order, self._zone)
        if moment > self._now or moment.year < 1900:
            raise InvalidInput("Nobody joined on this day.")
        person.joined = moment

    def _take_field(self, person: Incoming, text: str, one: Any) -> None:
        person.fields[one.key] = self._value(one, text)

    def _value(self, one: Any, text: str) -> object:
        if one.kind == "number":
            return parse_number(text, self._decimal)
        if one.kind == "date":
            return words.parse_date(text, self._order)
        if one.kind == "yesno":
            return parse_yes(text)
        if one.kind == "choice":
            if (value := labels_of(self._site, one).get(text.casefold())) is not None:
                return value
            raise InvalidInput("This is none of the choices.")
        return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))

    def _take_said(self, person: Incoming, text: str, key: str, is_refusal: bool) -> None:
        if is_refusal:
            # A time of unsubscribing says no as well as a yes does.
            if text.casefold() not in NO:
                person.said[key] = False
        elif (yes := parse_said(self._said.get(key, {}).get(text.casefold(), text))) is not None:
            person.said.setdefault(key, yes)

    def _noted(
        self, person: Incoming, place: int, cells: Sequence[str], take: Callable[..., None], *given: Any
    ) -> None:
        """Take a cell; if it can't be taken, it is left out and noted."""
        try:
            take(person, *given)
        except InvalidInput as error:
            person.notes.append(
                Problem(
                    person.line,
                    error.message,
                    self._headings[place] if place < len(self._headings) else "",
                    cells[place][:200],
                    dict(error.values),
                    cells,
                    refused=False,
                )
            )


SAID = {
    **dict.fromkeys(("subscribed", "subscriber", "opted in", "opt in", "angemeldet", "abonniert"), True),
    **dict.fromkeys(("unsubscribed", "opted out", "opt out", "cleaned", "abgemeldet", "not subscribed"), False),
    **dict.fromkeys(("pending", "never asked", "bounced", "unconfirmed", "unbestätigt", "nonsubscribed"), None),
}
"""What mailing programs and this site write besides yes and no; None says neither."""


def parse_said(text: str) -> bool | None:
    """A yes or a no to an import choice; None for what is neither. Raises InvalidInput for what can't be read."""
    word = " ".join(re.findall(r"\w+", text.casefold()))
    return SAID[word] if word in SAID else parse_yes(text)


class _BadCell(Exception):
    """A cell for which its row is refused."""

    def __init__(self, place: int, error: InvalidInput) -> None:
        super().__init__(place)
        self.place, self.error = place, error


def _first(text: str) -> str:
    """The first of several values in a cell, as address books write them."""
    return _SEPARATED.split(text.strip())[0] if ":::" in text else text.strip()


def _clean(name: str, text: str, place: int) -> str:
    if not text.isprintable() or "  " in text:
        # Line ends, tabs, odd spaces.
        text = re.sub(r"\s+", " ", text).strip()
        if "\x00" in text:
            raise _BadCell(place, InvalidInput("This row has a character that can't be stored (NUL)."))
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if len(text) > MAX_LENGTHS[name]:
        raise _BadCell(place, InvalidInput("This is too long: %(max)s characters at most.", max=MAX_LENGTHS[name]))
    return text
