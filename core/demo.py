"""The demonstration site: people, times and chance, the same for the same seed; the plugins add what they did.

Every contact comes in through the same use cases as a real one: the plugins' orders, visits and entries are made by
their hook `demo_history`, and only what staff would do by hand is done here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from attrs import frozen

from core import state
from core.demo_names import AWKWARD, PLACES, STREETS, Place
from core.errors import Conflict
from core.values import Actor, Details

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.site import Site

SITE_NAME = "Bäckerei Lindner"
ACCENT = "#a8480f"
SENDER = "backstube@example.org"
HISTORY = timedelta(days=730)
"""How far back the demonstration's history goes."""

MARK = "site.demo_seed"
"""Key under which a finished demonstration is remembered."""


@frozen(kw_only=True)
class DemoPerson:
    """Somebody of the demonstration site: an address at example.org, and what they would type into a form.

    `since` is when they first had to do with the site (UTC), `moved_to` the address they moved to later, if they did.
    """

    email: str
    details: Details
    since: datetime
    moved_to: Details | None = None

    @property
    def language(self) -> str:
        """The language in which they use the site: "de" or "en"."""
        return self.details.language


@frozen(kw_only=True)
class Demo:
    """The demonstration in the making. Draw only from `random`, so that the same seed makes the same site."""

    random: Random
    people: Sequence[DemoPerson]
    now: datetime

    def some(self, share: float) -> list[DemoPerson]:
        """About this share of the people, from 0 to 1, in the order in which they came."""
        return [person for person in self.people if self.random.random() < share]

    def moment(self, person: DemoPerson, hours: tuple[int, int] = (7, 21)) -> datetime:
        """Some moment between the person's first one and now, at an hour (UTC) in `hours`."""
        days = max(1, (self.now - person.since).days)
        day = person.since + timedelta(days=int(days * self.random.random()))
        at = day.replace(hour=self.random.randrange(*hours), minute=self.random.randrange(60), second=0, microsecond=0)
        return min(max(at, person.since), self.now)


def make_people(random: Random, count: int, now: datetime) -> list[DemoPerson]:
    """Invent people: most from Germany, some from other countries, a few with names that break forms."""
    people: list[DemoPerson] = []
    taken: set[str] = set()
    for number in range(count):
        place = random.choices(PLACES, weights=[one.weight for one in PLACES])[0]
        if number < len(AWKWARD):
            name, first, last = AWKWARD[number], "", ""
        else:
            first, last = random.choice(place.first_names), random.choice(place.last_names)
            name = f"{last} {first}" if place.last_name_first else f"{first} {last}"
        email = _address(random, first, last, number, taken)
        # More people came lately than in the beginning, as with a business that grows.
        since = now - HISTORY * (1 - random.random() ** 0.7) - timedelta(hours=1)
        details = _details(random, place, name)
        moved = _details(random, place, name) if random.random() < 0.08 else None
        people.append(DemoPerson(email=email, details=details, since=since.replace(microsecond=0), moved_to=moved))
    return sorted(people, key=lambda person: person.since)


def _address(random: Random, first: str, last: str, number: int, taken: set[str]) -> str:
    domain = random.choice(("example.org", "example.com", "example.net", "mail.example.org", "post.example.net"))
    local = ".".join(filter(None, (_plain(first), _plain(last)))) or f"post{number}"
    while f"{local}@{domain}" in taken:
        local = f"{local}{random.randrange(10, 99)}"
    taken.add(f"{local}@{domain}")
    return f"{local}@{domain}"


def _plain(name: str) -> str:
    text = name.lower()
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ł", "l"), ("ø", "oe"), ("ı", "i")):
        text = text.replace(letter, plain)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(character if character.isalnum() else "-" for character in text).strip("-")


def _details(random: Random, place: Place, name: str) -> Details:
    city, postal_code = random.choice(place.cities)
    street = random.choice(STREETS[place.country])
    number = random.randrange(1, 140)
    return Details(
        name=name,
        phone=place.phone.format(*(random.randrange(10) for _ in range(place.phone.count("{}"))))
        if random.random() < 0.7
        else "",
        street=f"{number} {street}" if place.number_first else f"{street} {number}",
        postal_code=postal_code,
        city=city,
        country=place.country,
        language="de" if place.country in ("DE", "AT", "CH") else "en",
    )


def make_demo(site: Site, *, seed: int, people: int, email: str, password: str) -> bool:
    """Fill an empty site with a demonstration; answers False when it holds one already.

    Raises Conflict for a site that holds anything else, or a demonstration that was not finished.
    """
    from sqlalchemy import select

    from core.contacts.custom_fields.demo import add_demo_fields
    from core.contacts.demo import merge_and_erase, work_by_hand
    from core.contacts.models import Contact, now
    from core.mailbox.demo import add_mails
    from core.messages.demo import write_newsletters
    from core.staff.accounts import add_account
    from core.staff.models import StaffAccount

    with site.session() as session:
        if state.saved_settings(session).get(MARK):
            return False
        if session.scalar(select(Contact.id).limit(1)) or session.scalar(select(StaffAccount.id).limit(1)):
            raise Conflict(
                "This site holds data already, and a demonstration needs an empty one. "
                "Choose another folder with TRESEN_DATA_DIR, or remove %(folder)s.",
                folder=site.settings.data_dir,
            )
    random = Random(seed)  # noqa: S311 (chance for a demonstration, not for a secret)
    moment = now().astimezone(UTC).replace(microsecond=0)
    demo = Demo(random=random, people=make_people(random, people, moment), now=moment)
    with site.begin() as session:
        account = add_account(session, email=email, name="Demo", role="owner", password=password)
        state.save_setting(session, "site.name", SITE_NAME)
        state.save_setting(session, "site.accent", ACCENT)
        save_demo_settings(session, site)
        state.save_setting(session, "message.sender_email", SENDER)
    # The name stands in what visitors agree to, so the plugins have to see it.
    site = site.refreshed()
    for implementation in site.plugins.implementations("demo_history", site.enabled):
        implementation(site=site, demo=demo)
    staff = Actor(kind="staff", id=account, name="Demo")
    work_by_hand(site, demo, staff)
    add_demo_fields(site, demo, staff)
    merge_and_erase(site, staff)
    write_newsletters(site, demo, staff)
    add_mails(site, demo)
    with site.begin() as session:
        state.save_setting(session, MARK, str(seed))
    return True


def save_demo_settings(session: Session, site: Site) -> None:
    """Set what the demonstration has another value for than the default (`SettingsField.demo`)."""
    for key, declared in site.contributions.settings_fields.items():
        if declared.demo is not None:
            state.save_setting(session, key, declared.clean(declared.demo) if declared.clean else declared.demo)
