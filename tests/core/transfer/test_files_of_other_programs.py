"""Exports of other programs, with their true headings, without a click on the mapping screen (FEATURES I3)."""

from __future__ import annotations

from typing import Any

from litestar.testing import TestClient

from core.site import Site
from tests.core.transfer.import_support import FILES, people, upload

EXPECTED: dict[str, dict[str, dict[str, str]]] = {
    "google_contacts.csv": {
        "joerg@example.org": {
            "name": "Dr. Jörg Müller",
            "phone": "+49 171 5550101",
            "street": "Hauptstraße 1",
            "postal_code": "53111",
            "city": "Bonn",
            "region": "NRW",
            "country": "DE",
            "tags": "Stammkunde",
        }
    },
    "google_contacts_old.csv": {
        "kaethe@example.org": {"name": "Käthe Groß", "phone": "+49 30 5550102", "tags": "VIP"},
    },
    "outlook.csv": {
        "aenne@example.org": {
            "name": "Änne Weiß",
            "phone": "+49 221 5550103",
            "street": "Werkstraße 9",
            "postal_code": "50667",
            "city": "Köln",
            "country": "DE",
            "tags": "Messe,VIP",
        }
    },
    "outlook_web.csv": {
        "goetz@example.org": {
            "name": "Götz Böhm",
            "phone": "+43 662 5550111",
            "street": "Linzer Gasse 4",
            "postal_code": "5020",
            "city": "Salzburg",
            "country": "AT",
        }
    },
    "outlook_de.csv": {
        "baerbel@example.org": {
            "name": "Bärbel Schröder",
            "phone": "+49 171 5550104",
            "street": "Ahornweg 3",
            "postal_code": "80331",
            "city": "München",
            "country": "DE",
            "tags": "Verein",
        }
    },
    "store_customers.csv": {
        "zoe@example.org": {
            "name": "Zoë Krüger",
            "phone": "+4930555010",
            "street": "Ringstraße 5",
            "street2": "2. OG",
            "postal_code": "10115",
            "city": "Berlin",
            "region": "BE",
            "country": "DE",
            "tags": "newsletter,VIP",
        },
        "tim@example.org": {"name": "Tim Nein"},
    },
    "store_customers_old.csv": {
        "renee@example.org": {
            "name": "Renée Lübke",
            "phone": "+41445550112",
            "street": "Rue 1",
            "postal_code": "8001",
            "city": "Zürich",
            "region": "Zürich",
            "country": "CH",
        }
    },
    "woo_users.csv": {
        "sofie@example.org": {
            "name": "Sofie Jäger",
            "phone": "+43 1 5550105",
            "street": "Gürtel 8",
            "postal_code": "1090",
            "city": "Wien",
            "country": "AT",
        }
    },
    "woo_analytics.csv": {
        "umit@example.org": {
            "name": "Ümit Öz",
            "postal_code": "20095",
            "city": "Hamburg",
            "region": "HH",
            "country": "DE",
        },
    },
    "mailing_subscribed.csv": {
        "franzi@example.org": {
            "name": "Fränzi Löwe",
            "phone": "+49 40 5550106",
            "region": "HH",
            "country": "DE",
            "tags": "Messe 2024,VIP",
        },
    },
    "mailing_unsubscribed.csv": {"gone@example.org": {"name": "Gerd Weg"}},
    "hub_contacts.csv": {
        "soeren@example.org": {
            "name": "Søren Ærø",
            "phone": "+45 5550107",
            "street": "Havnegade 2",
            "postal_code": "1058",
            "city": "København",
            "country": "DK",
            "language": "de",
        },
        "uwe@example.org": {"name": "Uwe Raus"},
    },
    "german_excel.csv": {
        "paul@example.org": {
            "name": "Paul Grün",
            "phone": "0341 5550108",
            "street": "Lindenstraße 12a",
            "postal_code": "04109",
            "city": "Leipzig",
            "country": "DE",
            "tags": "Spende,Verein",
        },
        "öla@müller.example": {"name": "Öla", "country": "AT"},
    },
    "cards.vcf": {
        "ida@example.org": {
            "name": "Prof. Ida Hübner",
            "phone": "+49 151 5550109",
            "street": "Am Markt 3, Hof",
            "postal_code": "07743",
            "city": "Jena",
            "region": "TH",
            "country": "DE",
            "tags": "Chor,VIP",
        },
        "joern@example.org": {"name": "Jörn Müller"},
    },
}


def test_i3_exports_of_other_programs_map_by_themselves(site: Site, staff: TestClient[Any]) -> None:
    for name, expected in EXPECTED.items():
        before = people(site)
        upload(site, staff, (FILES / name).read_bytes(), name).run()
        found = {email: details for email, details in people(site).items() if email not in before}
        assert found == expected, name


def test_i3_the_day_of_joining_follows_in_the_sites_zone(site: Site, staff: TestClient[Any]) -> None:
    from sqlalchemy import select

    from core.contacts.models import Contact

    upload(site, staff, (FILES / "german_excel.csv").read_bytes()).run()
    with site.session() as session:
        joined = session.scalar(select(Contact.joined_at).where(Contact.email == "paul@example.org"))

    assert joined is not None
    assert joined.astimezone(site.settings.zone).isoformat() == "2023-12-24T00:00:00+01:00"
