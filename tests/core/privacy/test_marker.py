"""A person's every text is marked, the person is erased, and the mark is looked for in every byte (THREATS T-R1)."""

from __future__ import annotations

import io
import logging

import pytest
from litestar.testing import TestClient
from sqlalchemy import insert, select

from core.contacts.files import storing
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import StoredFile
from core.contacts.notes import add_note
from core.jobs.models import QueuedJob
from core.plugins import Failure
from core.privacy.models import ErasureLine, ErasureReceipt
from core.site import Site
from core.state import record_failure
from core.web.application import Application
from plugins.forms.models import Entry
from plugins.shop.models import Order
from tests.core.privacy.marking import MARK, files_with_mark, mark_everything, rows_with_mark
from tests.core.privacy.people import KARLA, capture, make_person

EMAIL = f"{MARK}@example.org"


def person_everywhere(site: Site) -> int:
    """A person whose every text has the mark, in all tables, and in files on disk."""
    person = make_person(site, EMAIL, f"{MARK} Müller")
    other = capture(site, f"{MARK}.old@example.org")
    with storing(site.settings.data_dir) as store:
        saved = store.save(f"{MARK}.txt", io.BytesIO(MARK.encode() * 100))
        with site.begin() as session:
            add_note(session, person.contact_id, "With a file", [saved], KARLA)
    with site.begin() as session:
        merge_contacts(session, site, person.contact_id, other, KARLA)
    with site.begin() as session:
        # Their entry in quarantine has no reference, and neither has what a plugin said when it failed, or a job.
        assert session.scalar(select(Entry).where(Entry.contact_id.is_(None))) is not None
        record_failure(session, Failure(plugin="shop", place="shop.total", message=f"ValueError: {EMAIL} is odd"))
        job = {"emails": ["kept@example.org", EMAIL.lower()]}
        session.execute(insert(QueuedJob).values(key="x.y", data=job, actor_kind="staff", state="failed", error=EMAIL))
    return person.contact_id


def test_t_r1_nothing_of_an_erased_person_is_left(
    site: Site, staff: TestClient[Application], caplog: pytest.LogCaptureFixture
) -> None:
    contact_id = person_everywhere(site)
    marked = mark_everything(site, contact_id)
    with site.session() as session:
        assert marked > 10, "the tables of the core and of all plugins"
        (kept,) = session.scalars(select(Order.number)).all()
    # The search finds what is there.
    assert len(rows_with_mark(site)) > marked
    found = files_with_mark(site.settings.data_dir)
    assert len(found) >= (2 if site.database.is_sqlite else 1), found
    for plugin in ("shop", "forms", "sample_plugin"):
        staff.post(f"/dashboard/modules/{plugin}/off")

    with caplog.at_level(logging.DEBUG):
        page = staff.get(f"/dashboard/contacts/{contact_id}/delete")
        assert page.status_code == 200
        assert kept not in page.text, "numbers are for the receipt"
        answer = staff.post(f"/dashboard/contacts/{contact_id}/delete")

    assert str(answer.url).endswith("/dashboard/contacts"), answer.text
    assert rows_with_mark(site) == []
    assert files_with_mark(site.settings.data_dir) == []
    assert MARK.lower() not in caplog.text.lower()
    with site.session() as session:
        (order,) = session.scalars(select(Order)).all()
        assert (order.number, order.email, order.name, order.search_text) == (kept, "", "", kept)
        assert order.contact_id is None
        assert order.total == 2 * 590
        receipt = session.scalars(select(ErasureReceipt)).one()
        assert receipt.cleared_at is not None
        assert receipt.contacts == 1
        lines = session.scalars(select(ErasureLine).where(ErasureLine.kind == "kept")).all()
        assert [line.references for line in lines if line.plugin == "shop"] == [[kept]]
        assert session.scalars(select(QueuedJob.data)).all() == [{"emails": ["kept@example.org", "…"]}]
        assert session.scalars(select(StoredFile)).all() == []


def test_t_r1_control_without_a_plugins_part_its_rows_are_found(
    site: Site, staff: TestClient[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.shop import persons

    contact_id = person_everywhere(site)
    mark_everything(site, contact_id)
    monkeypatch.setattr(persons, "erase", lambda *_arguments: [])

    staff.post(f"/dashboard/contacts/{contact_id}/delete")

    assert [row.partition(":")[0] for row in rows_with_mark(site)] == ["shop_orders"]
