"""What `capture_contact` makes of orders and entries (FEATURES C1 to C7, C10), seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.contacts.activity import deactivate_contact
from core.contacts.editing import edit_contact, lift_lock, lock_details
from core.contacts.models import Contact, ContactModule, ContactSuggestion
from core.contacts.profile import read_tags
from core.errors import CaptureRejected, InvalidEmail
from core.site import Site
from core.state import failures
from core.values import Details
from tests.core.contacts.profile_support import (
    DAY,
    KARLA,
    LINDEN,
    NOON,
    capture,
    contact_of,
    heard,
    moved,
    open_counter,
    sale,
)
from tests.support.activity import log_of

KARL_MARX = moved(LINDEN, street="Karl-Marx-Allee 90", postal_code="10243")


def suggestions(site: Site, contact_id: int) -> dict[str, tuple[str, str]]:
    with site.session() as session:
        rows = session.scalars(select(ContactSuggestion).where(ContactSuggestion.contact_id == contact_id))
        return {row.group: (row.reference, row.details.get("street") or row.details.get("phone", "")) for row in rows}


def count(site: Site) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(Contact)) or 0


@pytest.mark.parametrize(
    "spelling",
    [" Anna@Example.ORG ", "ANNA@EXAMPLE.ORG", "anna@example.org\n", "Anna@example.org"],
)
def test_c1_letter_case_and_space_do_not_make_another_contact(counter_site: Site, spelling: str) -> None:
    first = capture(counter_site)
    again = capture(counter_site, sale(spelling, reference="1008", at=NOON + DAY))

    assert (again.contact_id, again.created) == (first.contact_id, False)
    assert count(counter_site) == 1
    assert contact_of(counter_site, first.contact_id).email == "anna@example.org"


def test_c1_an_international_domain_is_one_address_in_both_spellings(counter_site: Site) -> None:
    first = capture(counter_site, sale("jörg@MÜLLER.example"))
    again = capture(counter_site, sale("JÖRG@xn--mller-kva.example", reference="2", at=NOON + DAY))

    assert again.contact_id == first.contact_id


def test_what_is_no_address_makes_no_contact(counter_site: Site) -> None:
    with pytest.raises(InvalidEmail):
        capture(counter_site, sale("anna at example"))

    assert count(counter_site) == 0


def test_c5_a_known_address_attaches_and_brings_details_up_to_date(counter_site: Site) -> None:
    first = capture(counter_site, sale(reference="1002", details=LINDEN))
    again = capture(
        counter_site,
        sale(reference="1007", at=NOON + DAY, details=moved(KARL_MARX, name="", phone="+49 171 555")),
    )

    contact = contact_of(counter_site, first.contact_id)
    assert (contact.name, contact.phone) == ("Anna Müller", "+49 171 555")
    assert (contact.street, contact.postal_code) == ("Karl-Marx-Allee 90", "10243")
    assert again.changed == {"phone", "street", "postal_code"}
    assert contact.origins["address"]["reference"] == "1007"
    assert contact.origins["name"]["reference"] == "1002"
    assert [entry for entry in log_of(counter_site, contact.id) if entry[0] == "counter.sold"] == [
        ("counter.sold", "1002"),
        ("counter.sold", "1007"),
    ]
    assert heard(counter_site, "contact_updated") == [(contact.id, "phone postal_code street")]


def test_c5_replayed_older_history_attaches_but_never_overwrites(counter_site: Site) -> None:
    first = capture(counter_site, sale(details=KARL_MARX))
    old = capture(counter_site, sale(reference="17", at=NOON - 400 * DAY, details=LINDEN))

    contact = contact_of(counter_site, first.contact_id)
    assert old.contact_id == contact.id
    assert old.changed == frozenset()
    assert contact.street == "Karl-Marx-Allee 90"
    assert ("counter.sold", "17") in log_of(counter_site, contact.id)


def test_c5_older_history_fills_what_nobody_has_said_yet(counter_site: Site) -> None:
    first = capture(counter_site, sale(details=Details(name="Anna")))
    capture(counter_site, sale(reference="17", at=NOON - DAY, details=LINDEN))

    contact = contact_of(counter_site, first.contact_id)
    assert (contact.name, contact.street) == ("Anna", "Lindenstraße 4")


def test_c5_a_country_alone_does_not_replace_an_address(counter_site: Site) -> None:
    first = capture(counter_site)
    capture(counter_site, sale(reference="2", at=NOON + DAY, details=Details(country="AT")))

    contact = contact_of(counter_site, first.contact_id)
    assert (contact.street, contact.country) == ("Lindenstraße 4", "DE")


def test_c6_a_lock_keeps_the_details_and_suggests_what_it_held_back(counter_site: Site) -> None:
    first = capture(counter_site)
    with counter_site.begin() as session:
        lock_details(session, first.contact_id, KARLA)
    held = capture(counter_site, sale(reference="1007", at=NOON + DAY, details=KARL_MARX))

    assert contact_of(counter_site, first.contact_id).street == "Lindenstraße 4"
    assert held.changed == frozenset()
    assert held.suggested == {"address"}
    assert suggestions(counter_site, first.contact_id) == {"address": ("1007", "Karl-Marx-Allee 90")}
    assert ("counter.sold", "1007") in log_of(counter_site, first.contact_id)


def test_c6_the_newest_suggestion_stays_and_agreement_settles_it(counter_site: Site) -> None:
    contact_id = capture(counter_site).contact_id
    with counter_site.begin() as session:
        lock_details(session, contact_id, KARLA)
    capture(counter_site, sale(reference="3", at=NOON + 3 * DAY, details=KARL_MARX))
    capture(counter_site, sale(reference="2", at=NOON + 2 * DAY, details=moved(LINDEN, street="Alte Gasse 1")))
    assert suggestions(counter_site, contact_id) == {"address": ("3", "Karl-Marx-Allee 90")}

    capture(counter_site, sale(reference="4", at=NOON + 4 * DAY, details=LINDEN))
    assert suggestions(counter_site, contact_id) == {}


def test_c6_what_is_written_after_the_lock_was_lifted_settles_an_older_suggestion(
    counter_site: Site,
) -> None:
    contact_id = capture(counter_site).contact_id
    with counter_site.begin() as session:
        lock_details(session, contact_id, KARLA)
    capture(counter_site, sale(reference="2", at=NOON + DAY, details=moved(LINDEN, street="Alte Gasse 1")))
    with counter_site.begin() as session:
        lift_lock(session, contact_id, KARLA)
    capture(counter_site, sale(reference="3", at=NOON + 2 * DAY, details=KARL_MARX))

    assert contact_of(counter_site, contact_id).street == "Karl-Marx-Allee 90"
    assert suggestions(counter_site, contact_id) == {}


def test_c6_an_edit_by_hand_locks_against_the_next_order(counter_site: Site) -> None:
    contact_id = capture(counter_site).contact_id
    with counter_site.begin() as session:
        edit_contact(session, counter_site, contact_id, moved(LINDEN, phone="0171 555"), 1, KARLA)
    # Later than the edit, which happened just now.
    late = contact_of(counter_site, contact_id).updated_at + DAY
    capture(counter_site, sale(reference="9", at=late, details=moved(LINDEN, phone="030 999")))

    assert contact_of(counter_site, contact_id).phone == "0171 555"
    assert suggestions(counter_site, contact_id) == {"phone": ("9", "030 999")}


def test_c2_an_alias_leads_to_the_contact_it_was_merged_into(counter_site: Site) -> None:
    kept = capture(counter_site, sale("anna@example.org")).contact_id
    alias = capture(counter_site, sale("anna.alt@example.org", reference="2")).contact_id
    older = capture(counter_site, sale("anna.aelter@example.org", reference="3")).contact_id
    with counter_site.begin() as session:
        session.get_one(Contact, alias).merged_into_id = kept
        session.get_one(Contact, older).merged_into_id = alias

    again = capture(counter_site, sale("ANNA.aelter@example.org", reference="4", at=NOON + DAY, details=KARL_MARX))

    assert again.contact_id == kept
    assert contact_of(counter_site, kept).street == "Karl-Marx-Allee 90"
    assert contact_of(counter_site, older).street == "Lindenstraße 4"
    assert ("counter.sold", "4") in log_of(counter_site, kept)


def test_c7_an_order_reactivates_and_the_log_says_so(counter_site: Site) -> None:
    contact_id = capture(counter_site).contact_id
    with counter_site.begin() as session:
        deactivate_contact(session, counter_site, contact_id, KARLA)
    # History that is brought later is no sign of life.
    history = capture(counter_site, sale(reference="old", at=NOON - DAY))
    assert not history.reactivated
    assert contact_of(counter_site, contact_id).inactive_at is not None
    again = capture(counter_site, sale(reference="2", at=datetime.now(UTC) + DAY))

    assert again.reactivated
    assert contact_of(counter_site, contact_id).inactive_at is None
    assert log_of(counter_site, contact_id)[-1] == ("contact.reactivated", "")
    assert heard(counter_site, "contact_deactivated") == [(contact_id, "")]


def test_c4_an_order_makes_a_customer_and_a_stage_never_goes_down(counter_site: Site) -> None:
    entry = capture(counter_site, sale())
    assert contact_of(counter_site, entry.contact_id).stage == "lead"

    order = capture(counter_site, sale(reference="2", at=NOON + DAY, makes_customer=True))
    later = capture(counter_site, sale(reference="3", at=NOON + 2 * DAY))

    assert (order.became_customer, later.became_customer) == (True, False)
    assert contact_of(counter_site, entry.contact_id).stage == "customer"
    assert ("contact.became_customer", "2") in log_of(counter_site, entry.contact_id)
    assert heard(counter_site, "stage_changed") == [(entry.contact_id, "lead customer")]


def test_c10_a_module_is_recorded_with_first_and_last_time(counter_site: Site) -> None:
    contact_id = capture(counter_site).contact_id
    capture(counter_site, sale(reference="2", at=NOON + DAY))
    capture(counter_site, sale(reference="3", at=NOON - DAY))

    with counter_site.session() as session:
        use = session.scalars(select(ContactModule)).one()
    assert (use.contact_id, use.module) == (contact_id, "counter")
    assert (use.first_at, use.last_at) == (NOON - DAY, NOON + DAY)
    assert use.first_at.tzinfo == UTC


def test_the_same_event_captured_twice_changes_nothing_the_second_time(counter_site: Site) -> None:
    first = capture(counter_site, sale(idempotency_key="counter:1007", tags=("VIP",)))
    before = contact_of(counter_site, first.contact_id)
    again = capture(
        counter_site,
        sale("other@example.org", at=NOON + DAY, details=KARL_MARX, idempotency_key="counter:1007"),
    )

    assert (again.contact_id, again.replayed) == (first.contact_id, True)
    assert count(counter_site) == 1
    after = contact_of(counter_site, first.contact_id)
    assert (after.version, after.street) == (before.version, before.street)
    assert len(heard(counter_site, "contact_captured")) == 1


def test_c11_tags_of_a_capture_are_one_whatever_their_case(counter_site: Site) -> None:
    contact_id = capture(counter_site, sale(tags=("VIP", "Berlin"))).contact_id
    capture(counter_site, sale(reference="2", at=NOON + DAY, tags=("vip", " berlin ")))

    with counter_site.session() as session:
        assert read_tags(session, contact_id) == ["Berlin", "VIP"]


def test_screen_capture_may_change_what_comes_in(counter_site: Site) -> None:
    contact_id = capture(counter_site, sale(details=moved(LINDEN, city="Bad City"))).contact_id

    assert contact_of(counter_site, contact_id).city == "Good City"


def test_screen_capture_may_reject_and_nothing_is_written(counter_site: Site) -> None:
    with pytest.raises(CaptureRejected, match="can't be used here"):
        capture(counter_site, sale("spam@blocked.example.org"))

    assert count(counter_site) == 0
    assert heard(counter_site, "contact_created") == []


@contextmanager
def broken_site(tmp_path: Path, url: str, hook: str) -> Iterator[Site]:
    """A site whose counter writes into the contact in `hook`, and then raises."""

    def created(session, site, contact_id):  # type: ignore[no-untyped-def]
        session.get_one(Contact, contact_id).name = "written by a broken plugin"
        session.flush()
        raise ValueError("broken on purpose")

    def screening(session, site, capture):  # type: ignore[no-untyped-def]
        raise ValueError("broken on purpose")

    site = open_counter(tmp_path, url, **{hook: created if hook == "contact_created" else screening})
    try:
        yield site
    finally:
        site.close()


@pytest.mark.parametrize("hook", ["contact_created", "screen_capture"])
def test_t_g2_a_plugin_that_raises_is_rolled_back_recorded_and_costs_no_order(
    tmp_path: Path, counter_url: str, hook: str
) -> None:
    with broken_site(tmp_path, counter_url, hook) as site:
        captured = capture(site)

        assert captured.created
        assert contact_of(site, captured.contact_id).name == "Anna Müller"
        assert heard(site, "contact_captured") == [(captured.contact_id, "counter.sold")]
        with site.session() as session:
            (failure,) = failures(session)
        assert (failure.plugin, failure.place, failure.count) == ("counter", hook, 1)
        assert failure.message == "ValueError: broken on purpose"
