"""Consents of the demonstration: most confirmed, some withdrawn, a few recorded by staff."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SYSTEM, VISITOR, Actor, Contact, Demo, DemoPerson, Site, parse_address
from plugins.consent.asking import boxes
from plugins.consent.changing import Evidence, change_consent
from plugins.consent.waiting import pending_time

FORMS = (
    ("shop.checkout", "/shop/checkout"),
    ("booking.appointment", "/booking"),
    ("forms.entry", "/forms/contact"),
)


BATCH = 500
"""People in one transaction."""


def add_history(site: Site, demo: Demo) -> None:
    """Ask those of the demonstration's people who are contacts already."""
    people = {parse_address(person.email).key: person for person in demo.people if person.since < demo.now}
    keys = list(people)
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        with site.begin() as session:
            rows = session.execute(
                select(Contact.id, Contact.email_key)
                .where(Contact.email_key.in_(batch), Contact.merged_into_id.is_(None))
                .order_by(Contact.id)
            ).all()
            for row in rows:
                _one_history(session, site, demo, people[row.email_key], row.id)


def _one_history(session: Session, site: Site, demo: Demo, person: DemoPerson, contact_id: int) -> None:
    chance, language = demo.random, person.details.language or site.settings.language
    drawn = chance.random()
    if drawn < 0.08:
        when = _after(chance, person.since, 30 * 24, demo.now)
        evidence = Evidence(
            way="staff",
            actor=Actor(kind="staff", name="Demo"),
            occurred_at=when,
            basis="Auf Papier unterschrieben: Karte am Tresen, abgelegt im Ordner Einwilligungen.",
        )
        change_consent(session, contact_id=contact_id, purpose="marketing", to="subscribed", evidence=evidence)
        when = _after(chance, when, 24, demo.now)
    elif drawn < 0.62:
        asked = _after(chance, person.since, 2, demo.now)
        evidence = _tick(site, chance, person, language, asked)
        change_consent(session, contact_id=contact_id, purpose="marketing", to="pending", evidence=evidence)
        if chance.random() > 0.86:
            late = asked + pending_time(site)
            if late < demo.now:
                evidence = Evidence(way="expiry", actor=SYSTEM, occurred_at=late)
                change_consent(session, contact_id=contact_id, purpose="marketing", to="expired", evidence=evidence)
            return
        when = _after(chance, asked, 30, demo.now)
        evidence = Evidence(
            way="confirm_link",
            actor=VISITOR,
            occurred_at=when,
            email=person.email,
            page=f"{site.settings.base_url}/consent/confirm/",
            wording=evidence.wording,
            language=language,
        )
        change_consent(session, contact_id=contact_id, purpose="marketing", to="subscribed", evidence=evidence)
        if chance.random() < 0.12:
            evidence = Evidence(
                way=chance.choice(("one_click", "unsubscribe_link")),
                actor=VISITOR,
                occurred_at=_after(chance, when, 200 * 24, demo.now),
                page=f"{site.settings.base_url}/unsubscribe/",
                language=language,
            )
            change_consent(session, contact_id=contact_id, purpose="marketing", to="unsubscribed", evidence=evidence)
    if chance.random() < 0.5:
        evidence = _tick(site, chance, person, language, _after(chance, person.since, 2, demo.now), system=True)
        change_consent(session, contact_id=contact_id, purpose="system", to="subscribed", evidence=evidence)


def _tick(
    site: Site, chance: Random, person: DemoPerson, language: str, when: datetime, *, system: bool = False
) -> Evidence:
    form, path = chance.choice([one for one in FORMS if one[0].partition(".")[0] in site.enabled] or [("", "/")])
    wording = next((box.wording for box in boxes(site, form, language) if box.key == "consent.marketing"), "")
    if system:
        wording = (
            "Bitte schreiben Sie mir, wenn sich an Öffnungszeiten oder Bedingungen etwas ändert."
            if language == "de"
            else "Please write to me when opening hours or terms change."
        )
    return Evidence(
        way="form",
        actor=VISITOR,
        occurred_at=when,
        email=person.email,
        page=site.settings.base_url + path,
        form=form,
        wording=wording,
        language=language,
    )


def _after(chance: Random, start: datetime, hours: float, now: datetime) -> datetime:
    """A moment up to `hours` after `start`, before now."""
    latest = min(start + timedelta(hours=hours), now)
    return start + (latest - start) * chance.random()
