"""What is exported comes back without a loss, in every format, with plugins' and custom fields (FEATURES I2, I7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import update

from core import Activity, Capture, Details, capture_contact
from core.contacts.adding import add_contact
from core.contacts.custom_fields.administration import add_field
from core.contacts.editing import edit_contact
from core.contacts.fields import write_fields
from core.contacts.models import Contact
from core.contacts.tagging import tag_contact
from core.settings import Settings
from core.site import Site, open_site
from core.testing import make_client, sign_in
from core.transfer.exporting import FORMATS
from core.transfer.layout import file_columns
from core.transfer.mapping import everything, targets
from core.values import SYSTEM, Actor
from plugins.consent.changing import Evidence, change_consent
from tests.core.transfer.import_support import count, upload
from tests.core.transfer.support import add, download

NAUGHTY = [
    *("=1+1", "'=x", "+49 1", "-a", "@b", "'", "''", '"', "a;b", "x,y", "naïve", "'5", "Ω ≈ ç", "{{7*7}}", "<b>"),
    *("end\\", "\\n", "a\\;b", "\\,", ":", "ÄÖÜ" * 19, "_x0041_", "*", "1e5", "007"),
]
FIELDS = {"cake": "text", "size": "number", "born": "date", "shirt": "choice", "regular": "yesno"}
TICK = {"consent.marketing": "1"}


@pytest.fixture
def sites(tmp_path: Path, database_url: str) -> Iterator[list[tuple[Site, TestClient[Any]]]]:
    """A site with all bundled plugins and a field of each kind, and another one like it; German staff in each."""
    with ExitStack() as stack:
        found = []
        for name, url in (("one", database_url), ("other", f"sqlite:///{tmp_path / 'other.sqlite'}")):
            site = open_site(Settings(data_dir=tmp_path / name, database_url=url))
            with site.begin() as session:
                for label, kind in FIELDS.items():
                    choices = ("Small", "Large") if kind == "choice" else ()
                    add_field(session, kind=kind, label=label, choices=choices)  # type: ignore[arg-type]
            site = site.refreshed()
            stack.callback(site.close)
            client = stack.enter_context(make_client(site))
            sign_in(site, client)
            client.headers["accept-language"] = "de"
            found.append((site, client))
        yield found


def fill(site: Site) -> None:
    keys = {field.label: key for key, field in site.contributions.contact_fields.items() if field.label in FIELDS}
    shirts = site.contributions.contact_fields[keys["shirt"]].choices
    for number in range(0, len(NAUGHTY), 3):
        first, second, third = (*NAUGHTY, *NAUGHTY)[number : number + 3]
        details = Details(name=first, phone=third[:20], street=second, city=third)
        with site.begin() as session:
            added = add_contact(session, site, email=f"p{number}@example.org", details=details, actor=SYSTEM)
            one = added.contact_id
            tag_contact(session, site, one, [first, second, "VIP"], SYSTEM)
        values: dict[str, Any] = {
            keys["cake"]: third,
            keys["size"]: Decimal(number) / 4,
            keys["born"]: date(1990, 1, 1 + number),
            keys["shirt"]: shirts[number // 3 % 2].value,
            keys["regular"]: bool(number // 3 % 2),
        }
        evidence = Evidence(way="staff", actor=SYSTEM, occurred_at=datetime.now(UTC), basis="Karte")
        with site.begin() as session:
            write_fields(session, site, one, values, SYSTEM)
            for to in ("subscribed", "unsubscribed")[: number // 3 % 3]:
                change_consent(session, contact_id=one, purpose="marketing", to=to, evidence=evidence)
    with site.begin() as session:
        details = Details(name="Kunde", country="AT", language="de", street2="Hof 2", postal_code="01067")
        activity = Activity(kind="notes.asked")
        customer = Capture(
            email="=x@example.org", module="notes", activity=activity, details=details, makes_customer=True
        )
        capture_contact(session, site, customer)
        session.execute(update(Contact).where(Contact.id == 3).values(inactive_at=datetime.now(UTC)))
    lou = add(site, "nobody@example.org")
    with site.begin() as session:
        edit_contact(session, site, lou, Details(phone="1"), 1, Actor(kind="staff", id=1, name="Karla"))


def test_i7_export_import_export_gives_equal_files(sites: list[tuple[Site, TestClient[Any]]]) -> None:
    (site, staff), (other, elsewhere) = sites
    fill(site)
    number = count(site)
    # Stage, modules, locks: what an import never sets.
    wanted = [column.key for column in file_columns(site, everything) if column.key in targets(site, everything)]
    wanted += [key for key in ("consent.marketing",) if key in site.contributions.contact_fields]
    columns: dict[str, Any] = {"chosen": "1", "column": wanted}
    for kind, (_, ending) in FORMATS.items():
        first = download(staff, format=kind)
        assert upload(site, staff, first, f"a.{ending}").numbers == {"unchanged": number}, kind
        again = upload(site, staff, first, f"a.{ending}", policy="overwrite", **TICK).run()
        assert again.numbers == {"unchanged": number}, (kind, again.text())
        assert download(staff, format=kind) == first, kind

        # Into an empty site everything comes that an import may set; and all of it goes again.
        brought = upload(other, elsewhere, first, f"a.{ending}", **TICK).run()
        assert brought.numbers == {"new": number}, (kind, brought.text())
        assert download(elsewhere, format=kind, **columns) == download(staff, format=kind, **columns), kind
        brought.undo()
        assert count(other) == 0
