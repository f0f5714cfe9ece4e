"""What staff of the demonstration site did by hand: leads they added, tags, notes, corrections, and a few set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from core.contacts.activity import deactivate_contact
from core.contacts.adding import add_contact
from core.contacts.editing import details_of, edit_contact
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Contact
from core.contacts.notes import add_note
from core.contacts.tagging import tag_contact
from core.privacy.erasing import erase
from core.values import Actor, Details

if TYPE_CHECKING:
    from core.demo import Demo
    from core.site import Site

TAGS: tuple[tuple[str, float], ...] = (
    ("Stammkunde", 0.16),
    ("Samstagsabholung", 0.09),
    ("Allergie: Nüsse", 0.03),
    ("Großabnehmer", 0.03),
    ("Presse", 0.01),
)
"""Tag → share of the contacts that have it."""

NOTES: tuple[str, ...] = (
    "Holt samstags vor neun ab. Bitte das Roggenbrot zurücklegen.",
    "Hat angerufen: Die Torte war zur Taufe genau richtig.",
    "Möchte künftig Rechnung statt Barzahlung.",
    "Nussallergie in der Familie, im Kurs bitte darauf achten.",
    "Fragt nach einem Backkurs für die ganze Abteilung, etwa zwölf Personen.",
    "Neue Telefonnummer am Tresen aufgeschrieben.",
)

FEW = 8
"""From so many people on, two of the contacts are merged and one is erased."""

BY_HAND = 0.02
"""Share of the people whom staff added by hand, because they asked on the telephone."""


def work_by_hand(site: Site, demo: Demo, actor: Actor) -> None:
    """Do by hand what staff do in a year, through the same use cases as the dashboard."""
    random = demo.random
    with site.begin() as session:
        for person in demo.some(BY_HAND):
            add_contact(session, site, email=person.email, details=person.details, actor=actor)
        contacts = session.scalars(select(Contact).order_by(Contact.id)).all()
        for contact in contacts:
            tags = [name for name, share in TAGS if random.random() < share]
            if tags:
                tag_contact(session, site, contact.id, tags, actor)
            if random.random() < 0.06:
                add_note(session, contact.id, random.choice(NOTES), (), actor)
            if random.random() < 0.04 and contact.name:
                typed = Details(**{**details_of(contact), "phone": f"+49 228 {random.randrange(10**5, 10**6)}"})
                edit_contact(session, site, contact.id, typed, contact.version, actor)
            elif random.random() < 0.02:
                deactivate_contact(session, site, contact.id, actor)


def merge_and_erase(site: Site, actor: Actor) -> None:
    """Merge somebody with their second address, and erase somebody who asked for it: the last thing that is done."""
    with site.begin() as session:
        ids = session.scalars(select(Contact.id).order_by(Contact.id).limit(FEW)).all()
        if len(ids) < FEW:
            return
        kept, gone = ids[FEW // 2], ids[FEW - 1]
        person = session.get_one(Contact, kept)
        local, _, domain = person.email.partition("@")
        details = Details(name=person.name, phone=person.phone, language=person.language)
        second = add_contact(session, site, email=f"{local}.office@{domain}", details=details, actor=actor)
        merge_contacts(session, site, kept, second.contact_id, actor)
        erase(session, site, [gone], actor)
