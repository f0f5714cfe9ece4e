"""Entries of the demonstration's contact form, over two years."""

from __future__ import annotations

from datetime import timedelta

from core import Demo, DemoPerson, Site
from plugins.forms.definitions import find_form
from plugins.forms.entries import Sent, record_entry

SHARE = 0.2
AT_MOST = 130
PER_TRANSACTION = 40

GREETINGS = {
    "de": ("Guten Tag,", "Hallo,", "Guten Morgen,", "Liebes Team,", "Sehr geehrte Damen und Herren,"),
    "en": ("Hello,", "Good morning,", "Dear team,"),
}

REQUESTS = {
    "de": (
        "backen Sie auch glutenfreies Brot? Meine Tochter verträgt keinen Weizen.",
        "ich möchte für den {day}. eine Torte für zwölf Personen bestellen. Geht das noch?",
        "haben Sie am Feiertag geöffnet, und wenn ja, ab wann?",
        "wir planen ein Frühstück im Büro für {people} Personen. Können Sie liefern, und was kostet das?",
        "letzte Woche habe ich bei Ihnen meinen Schirm stehen lassen, dunkelblau mit Holzgriff. Wurde er gefunden?",
        "ich brauche die Rechnung vom {day}. noch einmal, mit der Anschrift unserer Firma.",
        "welche Ihrer Brote sind ohne Hefe? Auf dem Schild habe ich nichts dazu gefunden.",
        "das Roggenbrot vom Samstag war innen leider noch feucht. Sonst sind wir immer sehr zufrieden.",
        "suchen Sie noch Aushilfen für den Verkauf? Ich könnte samstags und in den Ferien.",
        "gibt es Ihre Gutscheine auch zum Ausdrucken? Es wäre ein Geschenk für den {day}.",
        "vielen Dank für die schöne Torte. Alle waren begeistert, besonders das Geburtstagskind.",
        "kann ich jeden Freitag {people} Brötchen zurücklegen lassen und später abholen?",
        "enthält der Nusszopf Haselnüsse oder nur Mandeln? Ich bin allergisch.",
        "wir sind umgezogen. Bitte ändern Sie meine Anschrift für die Lieferungen.",
    ),
    "en": (
        "do you have bread without gluten? My daughter can't eat wheat.",
        "could I order a cake for {people} people for the {day}th?",
        "are you open on the bank holiday, and from when?",
        "I think I left my umbrella at yours last week, dark blue with a wooden handle. Did you find it?",
        "thank you for the lovely cake. Everybody liked it, and so did I.",
    ),
}

ENDINGS = {
    "de": (
        "Vielen Dank und freundliche Grüße\n{name}",
        "Danke im Voraus\n{name}",
        "Mit freundlichen Grüßen\n{name}",
    ),
    "en": ("Many thanks\n{name}", "Kind regards\n{name}"),
}


def add_history(site: Site, demo: Demo) -> None:
    """Let some of the people write, some of them twice, with the form every site starts with."""
    with site.session() as session:
        form = find_form(session, "contact").spoken(site.language(site.settings.language))
    address = site.settings.base_url + "/forms/contact"
    people = [person for person in demo.people if demo.random.random() < SHARE and person.since < demo.now]
    writers = [person for person in people for _ in range(2 if demo.random.random() < 0.15 else 1)][:AT_MOST]
    sent = [_written(demo, address, person) for person in writers]
    for start in range(0, len(sent), PER_TRANSACTION):
        with site.begin() as session:
            for one in sent[start : start + PER_TRANSACTION]:
                record_entry(session, site, form, one)
    with site.begin() as session:
        for number, answers in enumerate(SPAM):
            spam = Sent(
                answers=answers,
                occurred_at=demo.now - timedelta(hours=7 + 19 * number),
                language="en",
                nonce=f"demo-spam-{number}",
                suspicion=("honeypot", "too_fast", "no_token")[number % 3],
            )
            record_entry(session, site, form, spam)


SPAM = (
    {
        "name": "Best Offers",
        "email": "offers@ranking.example",
        "message": "We bring your website to the first page within a week. Reply YES.",
    },
    {
        "name": "xKjQwPz",
        "email": "xkjqwpz@mail.example",
        "phone": "123456",
        "message": "Hey, I saw your page and have a question about it: http://win.example/?id=77",
    },
    {
        "name": "Crypto Desk",
        "email": "desk@coins.example",
        "message": "Your account is waiting for its payout. Confirm at http://coins.example now.",
    },
)


def _written(demo: Demo, address: str, person: DemoPerson) -> Sent:
    chance = demo.random
    language = "de" if person.details.language == "de" else "en"
    request = chance.choice(REQUESTS[language]).format(day=chance.randrange(3, 29), people=chance.randrange(8, 40))
    ending = chance.choice(ENDINGS[language]).format(name=person.details.name).strip()
    # Many add their number, fewer greet and sign.
    parts = [chance.choice(GREETINGS[language]), request, ending]
    if chance.random() < 0.25:
        parts = [request[0].upper() + request[1:]]
    moment = person.since + (demo.now - person.since) * chance.random()
    moment = moment.replace(hour=chance.randrange(6, 21), minute=chance.randrange(60), second=chance.randrange(60))
    moment = min(max(moment, person.since), demo.now)
    phone = person.details.phone if chance.random() < 0.6 else ""
    return Sent(
        answers={
            "name": person.details.name,
            "email": person.email,
            "phone": phone,
            "message": "\n\n".join(parts),
        },
        occurred_at=moment,
        page=address,
        language=language,
        nonce=f"demo-{chance.randrange(1 << 60):x}",
    )
