"""Fields that staff of the demonstration site added, and what they noted in them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select

from core.contacts.custom_fields.administration import add_field
from core.contacts.custom_fields.definitions import key_of, read_definitions
from core.contacts.custom_fields.storing import write_values
from core.contacts.models import Contact
from core.values import Actor, FieldValue

if TYPE_CHECKING:
    from core.demo import Demo
    from core.site import Site

KNOWN = 0.12
"""Share of the contacts of whom staff noted something."""

BREADS = ("Roggenmischbrot", "Dinkelvollkorn", "Sauerteig", "Baguette")
ALLERGIES = ("Nüsse", "Sesam", "Laktose", "Gluten")
OLDEST = date(1944, 3, 1)


def add_demo_fields(site: Site, demo: Demo, actor: Actor) -> None:
    """Add a few fields, not as columns of the list, and fill some of them."""
    random = demo.random
    with site.begin() as session:
        birthday = key_of(add_field(session, kind="date", label="Geburtstag", in_list=False))
        allergy = key_of(
            add_field(session, kind="text", label="Unverträglichkeit", hint="Bitte im Kurs beachten", in_list=False)
        )
        rolls = key_of(
            add_field(
                session, kind="number", label="Brötchen am Samstag", hint="Wie viele wir zurücklegen", in_list=False
            )
        )
        bread = key_of(add_field(session, kind="choice", label="Lieblingsbrot", choices=BREADS, in_list=False))
        choices = [str(one.id) for field in read_definitions(session) for one in field.choices]
        active = select(Contact.id).where(Contact.inactive_at.is_(None)).order_by(Contact.id)
        for contact_id in session.scalars(active).all():
            if random.random() >= KNOWN:
                continue
            values: dict[str, FieldValue | None] = {birthday: OLDEST + timedelta(days=random.randrange(22000))}
            if random.random() < 0.4:
                values[rolls] = Decimal(random.randrange(2, 14))
            if random.random() < 0.5:
                values[bread] = random.choice(choices)
            if random.random() < 0.2:
                values[allergy] = random.choice(ALLERGIES)
            write_values(session, site, contact_id, values, actor)
