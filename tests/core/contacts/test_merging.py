"""Merging two contacts: its pages, permissions, duties and what the log says (FEATURES C2, C9, THREATS T-Z3, T-F1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select, update

from core.contacts.editing import edit_contact
from core.contacts.merging.merging import merge_contacts
from core.contacts.merging.models import ContactMerge, MergeChange
from core.contacts.merging.undoing import MergeContradicted, contradictions, find_merge, undo_merge
from core.contacts.models import Contact, ContactSuggestion, Tag
from core.contacts.tagging import tag_contact, untag_contact
from core.contacts.tags import remove_tag
from core.errors import Conflict, DutyFailed, InvalidInput, NotFound
from core.site import Site
from core.testing import make_client, sign_in
from core.values import Details, Role
from core.web.application import Application
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
    stored,
)
from tests.sample_plugin.models import Points
from tests.support.activity import log_of

OLD = "anna.old@example.org"


def two(site: Site, **other: str) -> tuple[int, int]:
    """Two contacts of one person; the first is the older one."""
    kept = capture(site, sale("anna@example.org", reference="1", makes_customer=True)).contact_id
    details = moved(LINDEN, **other)
    second = sale(OLD, reference="2", details=details, at=NOON + DAY, makes_customer=True)
    merged = capture(site, second).contact_id
    return kept, merged


def merge(site: Site, kept: int, merged: int, **values: Any) -> int:
    with site.begin() as session:
        return merge_contacts(session, site, kept, merged, KARLA, **values).merge_id


def undo(site: Site, kept: int, merge_id: int) -> None:
    with site.begin() as session:
        undo_merge(session, site, kept, merge_id, KARLA)


def form_of(site: Site, kept: int, merged: int, **take: int) -> dict[str, str]:
    """What the page sends."""
    values = {"ids": f"{kept},{merged}", "keep": str(kept)}
    values |= {f"version-{one}": str(contact_of(site, one).version) for one in (kept, merged)}
    return values | {f"take-{group}": str(one) for group, one in take.items()}


# From outside


def test_c9_two_contacts_are_compared_merged_and_separated_on_the_pages(
    counter_site: Site, staff: TestClient[Application]
) -> None:
    kept, merged = two(counter_site, name="A. Müller", phone="030 99", street="Ulmenweg 2")

    page = staff.get(f"/dashboard/contacts/merge?ids={merged},{kept}").text
    for shown in ("Anna Müller", "A. Müller", "Ulmenweg 2", "Lindenstraße 4", "030 99", OLD, "Loyalty · Points"):
        assert shown in page, shown

    sent = form_of(counter_site, kept, merged, address=merged, name=kept)
    profile = staff.post("/dashboard/contacts/merge", data=sent)

    assert str(profile.url).endswith(f"/dashboard/contacts/{kept}")
    assert "The contacts are merged." in profile.text
    assert "Also known as" in profile.text
    assert OLD in profile.text
    contact = contact_of(counter_site, kept)
    assert (contact.name, contact.street, contact.phone) == ("Anna Müller", "Ulmenweg 2", LINDEN.phone)
    with counter_site.session() as session:
        merge_id = session.scalars(select(ContactMerge.id)).one()
    undo_path = f"/dashboard/contacts/{kept}/merges/{merge_id}/undo"
    assert undo_path in profile.text
    # The entry in the log leads to the merge, the merged contact's address to the kept one.
    assert f"/dashboard/contacts/{kept}/merges/{merge_id}" in staff.get(f"/dashboard/contacts/{kept}/activity").text
    assert str(staff.get(f"/dashboard/contacts/{merged}").url).endswith(f"/{kept}")
    found = staff.get("/dashboard/contacts", params={"q": OLD}).text
    assert f'href="/dashboard/contacts/{kept}"' in found
    assert f'href="/dashboard/contacts/{merged}"' not in found

    answer = staff.post(undo_path)

    assert "A. Müller is a contact of its own again." in answer.text
    assert contact_of(counter_site, kept).street == "Lindenstraße 4"
    assert contact_of(counter_site, merged).merged_into_id is None
    assert staff.post(undo_path).status_code == 404


def test_c9_the_other_contact_is_found_by_searching(counter_site: Site, staff: TestClient[Application]) -> None:
    kept, merged = two(counter_site, name="Someone Else", phone="", city="Bonn")

    assert "Someone Else" not in staff.get(f"/dashboard/contacts/{kept}/merge").text
    page = staff.get(f"/dashboard/contacts/{kept}/merge?q=someone").text

    assert f"/dashboard/contacts/merge?ids={kept},{merged}" in page
    assert "No other contact fits." in staff.get(f"/dashboard/contacts/{kept}/merge?q=anna@").text
    assert "/merge" in staff.get(f"/dashboard/contacts/{kept}").text


@pytest.mark.parametrize("ids", ["", "1", "1,1", "1,2,3", "x,2", "1,²", "1,99999999999999999999"])
def test_c9_anything_but_two_contacts_is_refused(counter_site: Site, staff: TestClient[Application], ids: str) -> None:
    two(counter_site)

    assert staff.get("/dashboard/contacts/merge", params={"ids": ids}).status_code == 400
    assert staff.get("/dashboard/contacts/merge?ids=1,77").status_code == 404


def test_t_f1_a_contact_that_was_changed_since_is_shown_again(
    counter_site: Site, staff: TestClient[Application]
) -> None:
    kept, merged = two(counter_site)
    sent = form_of(counter_site, kept, merged)
    with counter_site.begin() as session:
        version = session.get_one(Contact, merged).version
        edit_contact(session, counter_site, merged, moved(LINDEN, city="Ulm"), version, KARLA)
    before = stored(counter_site)

    answer = staff.post("/dashboard/contacts/merge", data=sent)

    assert answer.status_code == 409
    assert "changed in the meantime" in answer.text
    assert "Ulm" in answer.text
    assert stored(counter_site) == before


@pytest.mark.parametrize("role", ["assistant", None])
def test_t_z3_who_may_not_merge_changes_nothing(counter_site: Site, role: Role | None) -> None:
    kept, merged = two(counter_site)
    other = capture(counter_site, sale("third@example.org")).contact_id
    merge_id = merge(counter_site, kept, merged)
    with make_client(counter_site) as client:
        if role:
            sign_in(counter_site, client, role, "Else")
        before = stored(counter_site)
        for path, data in (
            ("/dashboard/contacts/merge", form_of(counter_site, kept, other)),
            (f"/dashboard/contacts/{kept}/merges/{merge_id}/undo", {}),
            ("/dashboard/contacts/duplicates/dismiss", {"ids": f"{kept},{other}"}),
            (f"/dashboard/contacts/duplicates/restore?ids={kept},{other}", {}),
        ):
            answer = client.post(path, data=data, follow_redirects=False)
            assert answer.status_code == (403 if role else 303), path
        for path in (f"/dashboard/contacts/{kept}/merge", "/dashboard/contacts/duplicates"):
            assert client.get(path, follow_redirects=False).status_code == (403 if role else 303)
        if role:
            assert "/undo" not in client.get(f"/dashboard/contacts/{kept}").text

        assert stored(counter_site) == before


# What is made of two


def test_c9_without_a_choice_gaps_are_filled_and_nothing_is_replaced(counter_site: Site) -> None:
    kept = capture(counter_site, sale("anna@example.org", details=Details(name="Anna"))).contact_id
    merged = capture(counter_site, sale(OLD, details=moved(LINDEN, name="Other"))).contact_id

    merge(counter_site, kept, merged)

    contact = contact_of(counter_site, kept)
    assert (contact.name, contact.city, contact.phone) == ("Anna", "Berlin", LINDEN.phone)
    assert contact.origins["address"]["kind"] == "counter.sold"
    changed = heard(counter_site, "contact_updated")[-1]
    assert changed == (kept, "city country phone postal_code street")


def test_c9_of_two_suggestions_the_newer_one_waits(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        for number, (contact_id, group) in enumerate(((kept, "name"), (merged, "name"), (merged, "phone"))):
            session.add(
                ContactSuggestion(
                    contact_id=contact_id,
                    group=group,
                    details={group: f"suggested {number}"},
                    source_kind="counter.sold",
                    occurred_at=NOON + number * DAY,
                )
            )

    merge_id = merge(counter_site, kept, merged)

    def waiting() -> list[tuple[int, str, Any]]:
        with counter_site.session() as session:
            rows = session.scalars(select(ContactSuggestion).order_by(ContactSuggestion.id)).all()
            return sorted((row.contact_id, row.group, row.details[row.group]) for row in rows)

    assert waiting() == [(kept, "name", "suggested 1"), (kept, "phone", "suggested 2")]
    undo(counter_site, kept, merge_id)
    assert waiting() == [
        (kept, "name", "suggested 0"),
        (merged, "name", "suggested 1"),
        (merged, "phone", "suggested 2"),
    ]


def test_c9_merged_twice_is_undone_from_the_end(counter_site: Site) -> None:
    first, second = two(counter_site)
    third = capture(counter_site, sale("third@example.org")).contact_id
    inner = merge(counter_site, second, first)
    outer = merge(counter_site, third, second)

    assert contact_of(counter_site, third).aliases.split() == ["anna@example.org", OLD]
    assert capture(counter_site, sale("ANNA@example.org", at=NOON + 9 * DAY)).contact_id == third
    with counter_site.session() as session:
        (reason,) = contradictions(session, counter_site, find_merge(session, second, inner))[:1]
    assert "was itself merged" in reason.message
    with pytest.raises(MergeContradicted):
        undo(counter_site, second, inner)
    undo(counter_site, third, outer)
    undo(counter_site, second, inner)
    assert [contact_of(counter_site, one).merged_into_id for one in (first, second, third)] == [None] * 3
    assert [contact_of(counter_site, one).aliases for one in (first, second, third)] == [""] * 3


def test_c9_a_form_opened_while_merged_does_not_fit_after_undoing(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    before = contact_of(counter_site, kept).version
    merge_id = merge(counter_site, kept, merged)
    opened = contact_of(counter_site, kept).version

    undo(counter_site, kept, merge_id)

    assert contact_of(counter_site, kept).version == before
    assert opened - before > 1000


# What stands in the way


def test_c9_each_contradiction_is_named_on_the_page(counter_site: Site, staff: TestClient[Application]) -> None:
    kept, merged = two(counter_site, street="Ulmenweg 2")
    with counter_site.begin() as session:
        tag_contact(session, counter_site, merged, ["Regular"], KARLA)
    merge_id = merge(counter_site, kept, merged, take={"address"})
    with counter_site.begin() as session:
        contact = session.get_one(Contact, kept)
        edit_contact(session, counter_site, kept, moved(LINDEN, street="Neue Straße 1"), contact.version, KARLA)
        untag_contact(session, counter_site, kept, ["Regular"], KARLA)
        session.execute(update(Points).where(Points.contact_id == kept).values(points=1))
    before = stored(counter_site)

    for answer in (
        staff.get(f"/dashboard/contacts/{kept}/merges/{merge_id}"),
        staff.post(f"/dashboard/contacts/{kept}/merges/{merge_id}/undo"),
    ):
        assert "The address was edited since." in answer.text
        assert "“Tags” of “Contacts”: something was removed since." in answer.text
        assert "“Points” of “Loyalty”: something was changed since." in answer.text
    assert answer.status_code == 409
    assert stored(counter_site) == before


def test_c9_a_tag_that_was_removed_for_all_is_a_contradiction_and_no_error(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with counter_site.begin() as session:
        for contact_id in (kept, merged):
            tag_contact(session, counter_site, contact_id, ["Regular"], KARLA)
    merge_id = merge(counter_site, kept, merged)
    with counter_site.begin() as session:
        tag = session.scalars(select(Tag)).one()
        remove_tag(session, kept, tag.id)
        session.delete(tag)
    before = stored(counter_site)

    with pytest.raises(MergeContradicted) as refused:
        undo(counter_site, kept, merge_id)

    assert "was removed since" in refused.value.contradictions[0].message
    assert stored(counter_site) == before


# Duties


def test_c9_a_plugin_that_fails_in_its_duty_aborts_all_and_is_named(tmp_path: Path, counter_url: str) -> None:
    def broken(session: Any, kept_id: int, merged_id: int) -> None:
        session.execute(update(Contact).values(name="half"))
        raise RuntimeError("no paper")

    site = open_counter(tmp_path, counter_url, merge_contacts=broken)
    kept, merged = two(site)
    before = stored(site)
    with make_client(site) as client:
        sign_in(site, client, "owner", "Karla Lindner")
        client.headers["accept-language"] = "de"

        before = stored(site)
        answer = client.post("/dashboard/contacts/merge", data=form_of(site, kept, merged))

        assert answer.status_code == 409
        assert "„counter“ konnte nicht mitwirken: RuntimeError: no paper." in answer.text
        after = stored(site)
        (failure,) = (after.pop("plugin_failures"), before.pop("plugin_failures"))[:1]
        assert len(failure) == 1
        assert after == before
        assert "no paper" in client.get("/dashboard/modules").text
    with pytest.raises(DutyFailed):
        merge(site, kept, merged)
    site.close()


def test_c9_a_plugin_that_fails_when_undoing_aborts_all(tmp_path: Path, counter_url: str) -> None:
    site = open_counter(tmp_path, counter_url, contacts_unmerged=lambda: 1 / 0)
    kept, merged = two(site)
    merge_id = merge(site, kept, merged)
    before = stored(site)

    with pytest.raises(DutyFailed, match="division by zero"):
        undo(site, kept, merge_id)

    assert stored(site) == before
    site.close()


def test_the_same_contact_an_unknown_one_and_a_merged_one_can_t_be_merged(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    with pytest.raises(InvalidInput):
        merge(counter_site, kept, kept)
    with pytest.raises(NotFound):
        merge(counter_site, kept, 999)
    merge(counter_site, kept, merged)
    third = capture(counter_site, sale("third@example.org")).contact_id
    before = stored(counter_site)

    for pair in ((kept, merged), (third, merged), (merged, third)):
        with pytest.raises(Conflict):
            merge(counter_site, *pair)

    assert stored(counter_site) == before


def test_the_journal_goes_with_the_contact(counter_site: Site) -> None:
    kept, merged = two(counter_site)
    merge(counter_site, kept, merged)

    with counter_site.begin() as session:
        session.delete(session.get_one(Contact, kept))

    with counter_site.session() as session:
        for model in (Contact, ContactMerge, MergeChange):
            assert session.scalar(select(func.count()).select_from(model)) == 0


def test_c9_what_is_written_for_a_merged_contact_goes_to_the_kept_one(counter_site: Site) -> None:
    from core import Activity, add_activity, hold_contact, receive_message
    from core.messages.models import Message

    kept, merged = two(counter_site)
    merge(counter_site, kept, merged)

    with counter_site.begin() as session:
        add_activity(session, merged, Activity(kind="counter.sold", reference="9"), actor=KARLA)
        receive_message(session, counter_site, contact_id=merged, text="Hi", module="counter", occurred_at=NOON)
        assert hold_contact(session, merged) == kept

    assert ("counter.sold", "9") in log_of(counter_site, kept)
    with counter_site.session() as session:
        assert session.scalars(select(Message.contact_id)).all() == [kept]
