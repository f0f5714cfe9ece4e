"""Merging with all plugins: everything of both is on one, and undoing restores every row (FEATURES C2, C9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from core import Contact, Money, Site
from core.contacts.custom_fields.storing import read_values
from core.contacts.merging.journal import owners
from core.contacts.merging.merging import merge_contacts
from core.contacts.merging.undoing import MergeContradicted, undo_merge
from core.contacts.models import ContactActivity, ContactModule, ContactNote, ContactTag, StoredFile
from core.database.base import Base
from core.duties import references
from core.messages.models import Message
from plugins.booking.models import BookingAppointment
from plugins.consent.changing import state_of
from plugins.consent.links import read_unsubscribe_token, unsubscribe_url
from plugins.consent.models import ConsentEvent
from plugins.forms.models import Entry
from plugins.shop.models import CustomerTotals, Order
from plugins.shop.totals import amounts_of
from tests.plugins.merging_support import KARLA, NEW, OLD, START, agree, fill, open_full, place_order
from tests.sample_plugin.models import Points
from tests.support.dumps import difference, dump

DAY = timedelta(days=1)
GROUPS = ("name", "phone", "address", "language", "picture", "fields")


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    def prepare(url: str) -> None:
        open_full(tmp_path / "template", url).close()

    made = open_full(tmp_path / "data", fresh_database("merging", prepare))
    yield made
    made.close()


def merge(site: Site, kept: int, merged: int, *take: str) -> int:
    with site.begin() as session:
        return merge_contacts(session, site, kept, merged, KARLA, take=take or None).merge_id


def undo(site: Site, kept: int, merge_id: int) -> None:
    with site.begin() as session:
        undo_merge(session, site, kept, merge_id, KARLA)


def rows_left(site: Site, contact_id: int) -> dict[str, int]:
    """Table → how many rows still refer to this contact, without what the core notes about merging."""
    found = {}
    with site.session() as session:
        for name in owners(site):
            table = Base.metadata.tables[name]
            for column in references(table):
                number = session.scalar(select(func.count()).where(table.c[column] == contact_id))
                if number and not table.info.get("outside_merges"):
                    found[f"{name}.{column}"] = number
    return found


def test_c9_everything_of_both_is_on_the_kept_contact(site: Site) -> None:
    kept, merged = fill(site)
    assert set(rows_left(site, merged)) >= {
        "shop_orders.contact_id", "shop_customer_totals.contact_id", "shop_customer_amounts.contact_id",
        "shop_voucher_uses.contact_id",
        "booking_appointments.contact_id", "forms_entries.contact_id", "consent_states.contact_id",
        "consent_events.contact_id", "sample_plugin_points.contact_id", "contact_tags.contact_id",
        "contact_modules.contact_id", "contact_notes.contact_id", "contact_activities.contact_id",
        "contact_suggestions.contact_id", "files.contact_id", "messages.contact_id",
    }  # fmt: skip
    with site.session() as session:
        entries = session.scalar(select(func.count()).select_from(ContactActivity))

    merge(site, kept, merged, "address", "picture")

    assert rows_left(site, merged) == {}
    with site.session() as session:

        def of_kept(model: type[Base]) -> int:
            return session.scalar(select(func.count()).where(model.contact_id == kept)) or 0  # type: ignore[attr-defined]

        contact, alias = session.get_one(Contact, kept), session.get_one(Contact, merged)
        assert (contact.name, contact.phone, contact.city) == ("Anna Müller", "030 123456", "Berlin")
        assert contact.origins["address"] == alias.origins["address"]
        assert contact.picture == alias.picture
        assert (contact.email, contact.aliases, alias.merged_into_id) == (NEW, OLD, kept)
        assert (contact.stage, contact.joined_at, contact.inactive_at) == ("customer", START - 9 * DAY, None)
        assert contact.locked_by == "Karla Lindner"
        assert [of_kept(model) for model in (Order, BookingAppointment, Entry, Message)] == [3, 3, 3, 3]
        assert [of_kept(model) for model in (ContactNote, StoredFile, ContactTag)] == [5, 4, 4]
        # One more: the entry about the merge.
        assert of_kept(ContactActivity) == (entries or 0) + 1
        totals = session.get_one(CustomerTotals, kept)
        assert (totals.orders, totals.last_order_at) == (2, START)
        assert amounts_of(session, [kept])[kept] == [Money(minor=2000, currency="EUR")]
        assert session.get_one(Points, kept).points == 30
        use = session.get_one(ContactModule, (kept, "shop"))
        assert (use.first_at, use.last_at) == (START - 9 * DAY, START + DAY)
        assert [state_of(session, kept, purpose) for purpose in ("marketing", "system")] == [
            "unsubscribed",
            "subscribed",
        ]
        assert of_kept(ConsentEvent) == 4
        values = dict(read_values(session, [kept, merged]))
        assert {one: sorted(map(str, said.values())) for one, said in values.items()} == {kept: ["39", "56"]}
        assert "56" in contact.search_text


def test_c9_of_staffs_own_fields_the_chosen_side_stays(site: Site) -> None:
    kept, merged = fill(site)

    merge(site, kept, merged, "fields")

    with site.session() as session:
        assert sorted(map(str, read_values(session, [kept])[kept].values())) == ["40", "56"]


def test_c9_undoing_restores_every_row_of_every_table(site: Site) -> None:
    kept, merged = fill(site)
    before = dump(site)

    merge_id = merge(site, kept, merged, *GROUPS)
    assert "contacts" in difference(before, dump(site))
    undo(site, kept, merge_id)

    changed = difference(before, dump(site))
    # New are the entries about merging and undoing, and what the sample plugin wrote down of what it was told.
    assert set(changed) == {"contact_activities", "sample_plugin_heard"}
    assert [gone for gone, _ in changed.values()] == [[], []]
    with site.session() as session:
        newest = session.execute(
            select(ContactActivity.contact_id, ContactActivity.kind).order_by(ContactActivity.id.desc()).limit(3)
        ).all()
    assert [tuple(row) for row in reversed(newest)] == [
        (kept, "contact.merged"),
        (kept, "contact.unmerged"),
        (merged, "contact.restored"),
    ]
    assert len(changed["contact_activities"][1]) == 3


def test_c9_the_other_way_round_is_undone_as_well_and_a_second_time(site: Site) -> None:
    merged, kept = fill(site)
    before = dump(site, without=("contact_activities", "sample_plugin_heard"))

    for _ in range(2):
        undo(site, kept, merge(site, kept, merged))

    assert difference(before, dump(site, without=("contact_activities", "sample_plugin_heard"))) == {}


def test_c2_a_later_order_to_the_old_address_finds_the_kept_contact(site: Site) -> None:
    kept, merged = fill(site)
    merge(site, kept, merged)

    found = place_order(site, OLD.upper(), "2026-0009", at=START + 20 * DAY, total=700)

    assert found == kept
    with site.session() as session:
        assert session.get_one(CustomerTotals, kept).orders == 3
        assert session.scalar(select(Order.contact_id).where(Order.number == "2026-0009")) == kept


def test_c9_a_new_order_does_not_stand_in_the_way_and_stays_with_the_kept_contact(site: Site) -> None:
    kept, merged = fill(site)
    site.switch("sample_plugin", on=False)
    site = site.refreshed()
    before = dump(site)
    merge_id = merge(site, kept, merged, *GROUPS)

    place_order(
        site, OLD, "2026-0009", at=START + 20 * DAY, total=700, name="Anna Neu", city="Bremen", street="Am Wall 1"
    )
    undo(site, kept, merge_id)

    with site.session() as session:
        contact, restored = session.get_one(Contact, kept), session.get_one(Contact, merged)
        # The details were locked by the merge, so the order left a suggestion.
        assert (contact.name, contact.city, contact.stage) == ("Anna Müller", "", "customer")
        assert contact.inactive_at is None
        assert (restored.merged_into_id, restored.name) == (None, "Anna M.")
        assert session.scalar(select(Order.contact_id).where(Order.number == "2026-0009")) == kept
        assert [session.get_one(CustomerTotals, one).orders for one in (kept, merged)] == [2, 1]
        use = session.get_one(ContactModule, (kept, "shop"))
        assert (use.first_at, use.last_at) == (START, START + 20 * DAY)
    changed = difference(before, dump(site))
    # The one order more is all that differs.
    gone, new = changed["shop_orders"]
    assert (gone, len(new)) == ([], 1)
    assert changed.keys().isdisjoint({"consent_events", "consent_states", "contact_notes", "contact_tags", "files"})


def test_c9_details_that_an_order_brought_since_stay_with_the_kept_contact(site: Site) -> None:
    kept = place_order(site, NEW, "1", at=START, name="Anna Müller")
    merged = place_order(site, OLD, "2", at=START, name="Anna Muller", city="Berlin", street="Weg 1")
    with site.begin() as session:
        session.execute(delete(Points))
    merge_id = merge(site, kept, merged)
    site.switch("sample_plugin", on=False)
    site = site.refreshed()

    place_order(site, NEW, "3", at=START + DAY, name="Anna Müller", city="Bremen", street="Am Wall 1")
    undo(site, kept, merge_id)

    with site.session() as session:
        assert session.get_one(Contact, kept).city == "Bremen"
        assert "bremen" in session.get_one(Contact, kept).search_text
        assert session.get_one(Contact, merged).city == "Berlin"


def test_c9_a_lead_stays_a_customer_when_it_ordered_itself_since(site: Site) -> None:
    kept = place_order(site, NEW, "1", at=START)
    merged = place_order(site, OLD, "2", at=START)
    with site.begin() as session:
        session.execute(delete(Points))
        session.execute(update(Contact).where(Contact.id == kept).values(stage="lead"))
    site.switch("sample_plugin", on=False)
    site = site.refreshed()

    undo(site, kept, merge(site, kept, merged))
    with site.session() as session:
        assert session.get_one(Contact, kept).stage == "lead"

    merge_id = merge(site, kept, merged)
    place_order(site, OLD, "3", at=START + DAY)
    undo(site, kept, merge_id)
    with site.session() as session:
        assert session.get_one(Contact, kept).stage == "customer"


@pytest.mark.parametrize("first", ["kept", "merged"])
def test_k1_whoever_said_no_is_not_written_to_because_of_a_merge(site: Site, first: str) -> None:
    pair = [place_order(site, email, email, at=START) for email in (NEW, OLD)]
    kept, merged = pair if first == "kept" else reversed(pair)
    agree(site, pair[0], "marketing", "subscribed", START)
    agree(site, pair[1], "marketing", "unsubscribed", START)
    with site.session() as session:
        links = [unsubscribe_url(site, one, "marketing").rpartition("/")[2] for one in pair]

    merge(site, kept, merged)

    with site.session() as session:
        assert state_of(session, kept, "marketing") == state_of(session, merged, "marketing") == "unsubscribed"
        # Links in old mails end what the kept contact gets.
        assert {read_unsubscribe_token(session, site, link).contact_id for link in links} == {kept}


def test_k1_evidence_changes_hands_between_the_two_and_nobody_else(site: Site) -> None:
    kept, merged = fill(site)
    third = place_order(site, "third@example.org", "7", at=START)

    for to in (third, kept):
        with pytest.raises(IntegrityError, match="consent events are moved only"), site.begin() as session:
            session.execute(update(ConsentEvent).where(ConsentEvent.contact_id == merged).values(contact_id=to))
    merge(site, kept, merged)
    with pytest.raises(IntegrityError, match="consent events are moved only"), site.begin() as session:
        session.execute(update(ConsentEvent).where(ConsentEvent.contact_id == kept).values(contact_id=third))


def test_c9_what_was_changed_since_is_named_and_nothing_is_undone(site: Site) -> None:
    kept, merged = fill(site)
    merge_id = merge(site, kept, merged, "address")
    with site.begin() as session:
        session.execute(update(Points).values(points=99))
        session.execute(delete(BookingAppointment).where(BookingAppointment.token_hash == "1"))
    before = dump(site)

    with pytest.raises(MergeContradicted) as refused:
        undo(site, kept, merge_id)

    said = [one.message % {**one.words, **one.values} for one in refused.value.contradictions]
    assert said == [
        "“Appointments” of “Appointments”: something was removed since.",
        "“Points” of “Loyalty”: something was changed since.",
    ]
    assert dump(site) == before


def test_c9_a_plugin_that_is_off_takes_part(site: Site) -> None:
    kept, merged = fill(site)
    for plugin in ("booking", "consent", "forms", "sample_plugin", "shop"):
        site.switch(plugin, on=False)
    site = site.refreshed()
    assert "shop" not in site.enabled
    before = dump(site, without=("contact_activities", "sample_plugin_heard"))

    merge_id = merge(site, kept, merged)
    assert rows_left(site, merged) == {}
    undo(site, kept, merge_id)

    assert difference(before, dump(site, without=("contact_activities", "sample_plugin_heard"))) == {}
