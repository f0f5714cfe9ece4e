"""Which column of a file is what: by its heading, as this site and other programs write it (FEATURES I3)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from core.i18n import LANGUAGES
from core.transfer.fields import file_fields
from core.transfer.layout import OWN, FileColumn

if TYPE_CHECKING:
    from core.site import Site

PARTS: tuple[FileColumn, ...] = (
    FileColumn(key="prefix", label="Title before the name"),
    FileColumn(key="first_name", label="First name"),
    FileColumn(key="middle_name", label="Middle name"),
    FileColumn(key="last_name", label="Last name"),
    FileColumn(key="suffix", label="Addition after the name"),
    FileColumn(key="house_number", label="House number"),
    FileColumn(key="email#2", label="Second email"),
    FileColumn(key="phone#2", label="Second phone number"),
    FileColumn(key="phone#3", label="Third phone number"),
    FileColumn(key="street#2", label="Second address: street and number"),
    FileColumn(key="street2#2", label="Second address: supplement"),
    FileColumn(key="postal_code#2", label="Second address: postal code"),
    FileColumn(key="city#2", label="Second address: city"),
    FileColumn(key="region#2", label="Second address: region"),
    FileColumn(key="country#2", label="Second address: country"),
)
"""What a column may be besides this site's own: parts of a name, and what is taken where the first is empty."""

CHOICE, REFUSAL = "choice:", "refusal:"
"""Before the key of an import choice: a column that says yes to it, or no."""

HEADINGS: Mapping[str, str] = {
    # English and German, as people write them.
    **dict.fromkeys(
        ("email", "e mail", "e mail address", "email address", "mail", "e mail adresse", "emailadresse"), "email"
    ),
    **dict.fromkeys(("mailadresse", "primary email", "user email", "e mail 1 value", "email 1"), "email"),
    **dict.fromkeys(("e mail 2 value", "e mail 2 address", "e mail 2 adresse", "email 2", "billing email"), "email#2"),
    **dict.fromkeys(
        ("name", "full name", "display name", "customer name", "vollständiger name", "kunde", "kontakt"), "name"
    ),
    **dict.fromkeys(("file as", "fn"), ""),
    **dict.fromkeys(("name prefix", "akademischer titel"), "prefix"),
    **dict.fromkeys(("first name", "firstname", "given name", "vorname", "fname", "billing first name"), "first_name"),
    **dict.fromkeys(("middle name", "additional name", "weitere vornamen", "zweiter vorname"), "middle_name"),
    **dict.fromkeys(
        ("last name", "lastname", "surname", "family name", "nachname", "lname", "billing last name"), "last_name"
    ),
    **dict.fromkeys(("familienname", "zuname"), "last_name"),
    **dict.fromkeys(("name suffix",), "suffix"),
    **dict.fromkeys(
        ("phone", "phone number", "telephone", "telefon", "telefonnummer", "tel", "billing phone"), "phone"
    ),
    **dict.fromkeys(
        ("mobile phone", "mobiltelefon", "handy", "mobil", "phone 1 value", "rufnummer", "mobile"), "phone"
    ),
    **dict.fromkeys(("home phone", "telefon privat", "phone 2 value", "default address phone"), "phone#2"),
    **dict.fromkeys(("mobile phone number", "mobilfunknummer"), "phone#2"),
    **dict.fromkeys(("business phone", "telefon geschäftlich", "phone 3 value", "primary phone"), "phone#3"),
    **dict.fromkeys(("street", "street address", "straße", "strasse", "address", "adresse", "anschrift"), "street"),
    **dict.fromkeys(
        ("straße nr", "strasse nr", "straße und nr", "street and number", "straße und hausnummer"), "street"
    ),
    **dict.fromkeys(
        ("address 1", "address1", "address line 1", "billing address 1", "default address address1"), "street"
    ),
    **dict.fromkeys(("home street", "straße privat", "address 1 street"), "street"),
    **dict.fromkeys(("hausnummer", "house number", "hausnr"), "house_number"),
    **dict.fromkeys(
        ("address 2", "address2", "address line 2", "billing address 2", "default address address2"), "street2"
    ),
    **dict.fromkeys(("adresszusatz", "zusatz", "address 1 extended address"), "street2"),
    **dict.fromkeys(
        ("postal code", "postcode", "zip", "zip code", "zip postal code", "plz", "postleitzahl"), "postal_code"
    ),
    **dict.fromkeys(
        ("billing postcode", "default address zip", "home postal code", "postleitzahl privat"), "postal_code"
    ),
    **dict.fromkeys(("address 1 postal code",), "postal_code"),
    **dict.fromkeys(("city", "town", "ort", "stadt", "wohnort", "billing city", "default address city"), "city"),
    **dict.fromkeys(("home city", "ort privat", "address 1 city"), "city"),
    **dict.fromkeys(("region", "state", "state region", "province", "bundesland", "kanton", "billing state"), "region"),
    **dict.fromkeys(("default address province code", "home state", "bundesland kanton privat"), "region"),
    **dict.fromkeys(("address 1 region", "state province"), "region"),
    **dict.fromkeys(("country", "country region", "land", "staat", "billing country", "country code"), "country"),
    **dict.fromkeys(("default address country code", "home country region", "land region privat"), "country"),
    **dict.fromkeys(("address 1 country", "land region", "ländercode", "cc"), "country"),
    **dict.fromkeys(("business street", "straße geschäftlich", "address 2 street", "shipping address 1"), "street#2"),
    **dict.fromkeys(("address 2 extended address", "shipping address 2"), "street2#2"),
    **dict.fromkeys(("business postal code", "postleitzahl geschäftlich", "address 2 postal code"), "postal_code#2"),
    **dict.fromkeys(("shipping postcode",), "postal_code#2"),
    **dict.fromkeys(("business city", "ort geschäftlich", "address 2 city", "shipping city"), "city#2"),
    **dict.fromkeys(("business state", "region geschäftlich", "bundesland kanton geschäftlich"), "region#2"),
    **dict.fromkeys(("address 2 region", "shipping state"), "region#2"),
    **dict.fromkeys(("business country region", "land region geschäftlich", "address 2 country"), "country#2"),
    **dict.fromkeys(("shipping country",), "country#2"),
    **dict.fromkeys(("language", "preferred language", "sprache", "locale", "korrespondenzsprache"), "language"),
    **dict.fromkeys(("tags", "tag", "labels", "categories", "kategorien", "group membership", "schlagwörter"), "tags"),
    **dict.fromkeys(("gruppen", "groups", "stichwörter", "etiketten"), "tags"),
    **dict.fromkeys(("joined", "created at", "create date", "sign up", "user registered", "registered"), "joined"),
    **dict.fromkeys(("kunde seit", "beitritt", "beitrittsdatum", "angelegt am", "date created"), "joined"),
}
"""Heading, simplified → what the column is; "" is left out although it looks like something."""


def simplify(heading: str) -> str:
    """A heading in small letters, its words separated by single spaces, without other signs."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    return " ".join(re.findall(r"[\w]+", text.replace("_", " ")))


@lru_cache(maxsize=1)
def _known() -> Mapping[str, str]:
    return {simplify(heading): key for heading, key in HEADINGS.items()}


@frozen(kw_only=True)
class Mapped:
    """The mapping of a file's columns: place → what it is. `unknown` are left out; `twice` are there more than once."""

    columns: Mapping[int, str]
    unknown: Sequence[str]
    informative: Sequence[str]
    twice: Sequence[str]


def map_headings(site: Site, headings: Sequence[str]) -> Mapped:
    """What each column is, found out by its heading; this site's own headings come first."""
    own = own_headings(site)
    columns: dict[int, str] = {}
    unknown, informative = [], []
    for place, heading in enumerate(headings):
        simple = simplify(heading)
        key = own.get(simple, _known().get(simple))
        if key is None:
            unknown.append(heading)
        elif key in INFORMATIVE:
            informative.append(heading)
        elif key and key not in columns.values():
            columns[place] = key
        else:
            unknown.append(heading)
    counted = [simplify(heading) for heading in headings if heading]
    twice = [heading for heading in dict.fromkeys(headings) if heading and counted.count(simplify(heading)) > 1]
    _sort_out(columns)
    return Mapped(
        columns=columns,
        unknown=[heading for heading in unknown if heading],
        informative=informative,
        twice=twice,
    )


INFORMATIVE = frozenset(column.key for column in OWN if not column.taken)


def _sort_out(columns: dict[int, str]) -> None:
    """A second of something becomes the first where there is no first."""
    for base in ("email", "phone", "street", "street2", "postal_code", "city", "region", "country"):
        if base in ("street", "street2", "postal_code", "city", "region", "country"):
            continue
        ranked = [key for key in (base, f"{base}#2", f"{base}#3") if key in columns.values()]
        for wanted, key in zip((base, f"{base}#2", f"{base}#3"), ranked, strict=False):
            if wanted != key:
                columns[next(place for place, one in columns.items() if one == key)] = wanted
    address = ("street", "street2", "postal_code", "city", "region", "country")
    if not any(key in columns.values() for key in address):
        for place, key in list(columns.items()):
            base, _, second = key.partition("#")
            if second and base in address:
                columns[place] = base


def own_headings(site: Site) -> Mapping[str, str]:
    """Heading of this site's own files, in every language, simplified → what it is."""
    found: dict[str, str] = {}
    for code in LANGUAGES:
        language = site.language(code)
        for column in (*OWN, *PARTS):
            found.setdefault(simplify(language.text(column.label)), column.key)
            found.setdefault(simplify(column.key), column.key)
        for choice in import_choices(site).values():
            for heading in (language.text(choice.label), choice.key, *choice.headings):
                found.setdefault(simplify(heading), CHOICE + choice.key)
            for heading in choice.refusal_headings:
                found.setdefault(simplify(heading), REFUSAL + choice.key)
        for field in file_fields(site).values():
            label = language.text(field.label)
            target = CHOICE + field.key if field.key in import_choices(site) else field.key
            for heading in (label, field.key, f"{label} ({field.key})"):
                found.setdefault(simplify(heading), target)
    return found


def import_choices(site: Site) -> Mapping[str, ImportChoice]:
    """What plugins offer to do with everybody in a file, by key."""
    return site.contributions.import_choices


Allows: TypeAlias = Callable[[str | None], bool]


def everything(_permission: str | None) -> bool:
    """Allows all: for the command line, whose person has the database anyway."""
    return True


def targets(site: Site, allows: Allows) -> Mapping[str, str]:
    """Everything a column can be, for a person with these permissions: key → label, as the mapping screen has them."""
    choices = {key: one for key, one in import_choices(site).items() if allows(one.permission)}
    found = {column.key: column.label for column in (*OWN, *PARTS) if column.taken}
    found |= {
        field.key: field.label
        for field in file_fields(site).values()
        if field.key not in import_choices(site) and allows(field.permission)
    }
    found |= {CHOICE + one.key: one.column for one in choices.values()}
    found |= {REFUSAL + one.key: one.refusal_column for one in choices.values()}
    return found


if TYPE_CHECKING:
    from core.values import ImportChoice
