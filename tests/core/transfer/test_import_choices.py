"""What plugins do for everybody in a file: the sample plugin's points, and „Automatisch abonnieren“ (I5, T-I9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from core.privacy.erasing import erase
from core.site import Site, open_site
from core.testing import make_client, sign_in
from core.values import SYSTEM
from plugins.consent.changing import Evidence, change_consent
from plugins.consent.models import ConsentEvent, ConsentState
from tests.core.transfer.import_support import FILES, IMPORT, count, upload
from tests.core.transfer.support import add
from tests.sample_plugin.models import Points

TICK = {"consent.marketing": "1"}


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    """A site with the bundled plugins, and the sample plugin."""
    from core.settings import Settings

    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, plugins=("tests.sample_plugin.plugin",))
    site = open_site(settings)
    yield site
    site.close()


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Any]]:
    with make_client(site) as client:
        client.headers["accept-language"] = "en"
        sign_in(site, client, "owner", "Karla Lindner")
        yield client


def states(site: Site) -> dict[str, str]:
    from core.contacts.models import Contact

    with site.session() as session:
        rows = session.execute(
            select(Contact.email, ConsentState.state)
            .outerjoin(ConsentState, (ConsentState.contact_id == Contact.id) & (ConsentState.purpose == "marketing"))
            .order_by(Contact.id)
        )
        return {email.partition("@")[0]: state or "" for email, state in rows}


def consent(site: Site, email: str, *ways: tuple[str, str]) -> int:
    contact_id = add(site, email)
    for way, to in ways:
        evidence = Evidence(way=way, actor=SYSTEM, occurred_at=datetime.now(UTC), basis="Karte")  # type: ignore[arg-type]
        with site.begin() as session:
            change_consent(session, contact_id=contact_id, purpose="marketing", to=to, evidence=evidence)
    return contact_id


FILE = (
    "email,name\nnever@example.org,N\ngone@example.org,G\nbounced@example.org,B\non@example.org,O\nnew@example.org,X\n"
)


def known(site: Site) -> None:
    consent(site, "never@example.org")
    consent(site, "gone@example.org", ("staff", "subscribed"), ("unsubscribe_link", "unsubscribed"))
    consent(site, "bounced@example.org", ("staff", "subscribed"), ("bounce", "bounced"))
    consent(site, "on@example.org", ("staff", "subscribed"))


def test_i5_nobody_is_subscribed_without_the_tick(site: Site, staff: TestClient[Any]) -> None:
    known(site)
    page = staff.get(IMPORT).text
    assert 'name="consent.marketing"' in page
    assert "checked" not in page[page.index('name="consent.marketing"') :][:80]
    before = count(site, ConsentEvent)
    upload(site, staff, FILE).run()
    upload(site, staff, (FILES / "store_customers.csv").read_bytes()).run()

    assert states(site)["new"] == states(site)["zoe"] == ""
    # „No“ is passed on, with or without the tick.
    assert states(site)["tim"] == "unsubscribed"
    assert count(site, ConsentEvent) == before + 1


def test_t_i9_whoever_unsubscribed_or_bounced_stays_so_and_is_counted(site: Site, staff: TestClient[Any]) -> None:
    known(site)
    one = upload(site, staff, FILE, **TICK)
    assert "“Subscribe automatically” is ticked." in one.text()
    one.run()

    assert states(site) == {
        "never": "subscribed",
        "gone": "unsubscribed",
        "bounced": "bounced",
        "on": "subscribed",
        "new": "subscribed",
    }
    assert "“Subscribe automatically”: 2 recorded, 3 left as they were." in one.text()
    with site.session() as session:
        events = session.scalars(select(ConsentEvent).where(ConsentEvent.way == "import")).all()
    assert len(events) == 2
    for event in events:
        assert event.form == f"import:{one.id}"
        assert "people.csv" in event.basis
        assert one.row.sha256 in event.basis
        assert event.actor_name == "Karla Lindner"
    assert {event.basis.rpartition(" ")[2] for event in events} == {"2", "6"}


def test_t_i9_whoever_was_erased_after_unsubscribing_is_not_subscribed_by_a_file(
    site: Site, staff: TestClient[Any]
) -> None:
    gone = consent(site, "gone@example.org", ("staff", "subscribed"), ("unsubscribe_link", "unsubscribed"))
    with site.begin() as session:
        erase(session, site, [gone], SYSTEM)
    assert states(site) == {}
    one = upload(site, staff, "email\nGone@example.org\nnew@example.org\n", **TICK).run()

    assert states(site) == {"Gone": "unsubscribed", "new": "subscribed"}
    assert "“Subscribe automatically”: 1 recorded, 1 left as they were." in one.text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("store_customers.csv", {"zoe": "subscribed", "tim": "unsubscribed"}),
        ("mailing_subscribed.csv", {"franzi": "subscribed"}),
        ("mailing_unsubscribed.csv", {"gone": "unsubscribed"}),
        ("hub_contacts.csv", {"soeren": "", "uwe": "unsubscribed"}),
    ],
)
def test_i5_a_column_of_the_file_speaks_for_each_row(
    site: Site, staff: TestClient[Any], name: str, expected: dict[str, str]
) -> None:
    upload(site, staff, (FILES / name).read_bytes(), name, **TICK).run()

    assert states(site) == expected


def test_i6_consents_are_taken_back_with_their_import(site: Site, staff: TestClient[Any]) -> None:
    known(site)
    before = states(site)
    one = upload(site, staff, FILE, **TICK).run()
    one.undo()

    assert states(site) == before
    with site.session() as session:
        last = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id.desc())).first()
    assert last is not None
    assert (last.from_state, last.to_state, last.way) == ("subscribed", "", "import")


def test_import_choices_the_sample_plugin_welcomes_and_takes_it_back(site: Site, staff: TestClient[Any]) -> None:
    add(site, "known@example.org")
    content = "email,Collects points\na@example.org,yes\nb@example.org,no\nc@example.org,\nknown@example.org,ja\n"
    one = upload(site, staff, content, **{"sample_plugin.welcome": "1"}).run()

    assert "“Welcome with a point”: 2 recorded, 1 left as they were." in one.text()
    assert count(site, Points) == 2
    one.undo()
    assert count(site, Points) == 0
