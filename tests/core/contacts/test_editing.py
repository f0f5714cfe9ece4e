"""Editing by hand, the lock and its suggestions, tags, inactive (FEATURES C6, C7, C11, P3; THREATS T-F1)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import asdict, evolve
from litestar.testing import TestClient

from core.contacts.editing import edit_contact, lock_details
from core.contacts.history import read_log
from core.contacts.models import Contact
from core.contacts.profile import Suggestion, read_profile, read_tags
from core.errors import EditConflict
from core.site import Site
from core.testing import make_client, sign_in
from core.values import Details
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
    sale,
    stored,
)
from tests.support.activity import log_of

Client = TestClient[Application]
KARL_MARX = moved(LINDEN, street="Karl-Marx-Allee 90", postal_code="10243")


def form(version: int, details: Details = LINDEN, **more: Any) -> dict[str, Any]:
    return {**asdict(details), "version": str(version), **more}


def tags_of(site: Site, contact_id: int) -> list[str]:
    with site.session() as session:
        return read_tags(session, contact_id)


def suggestions_of(site: Site, contact_id: int) -> dict[str, Suggestion]:
    with site.session() as session:
        profile = read_profile(session, session.get_one(Contact, contact_id))
    return {one.group: one for one in profile.suggestions}


def locked_with_suggestion(site: Site) -> int:
    contact_id = capture(site, sale(reference="1002")).contact_id
    with site.begin() as session:
        lock_details(session, contact_id, KARLA)
    capture(site, sale(reference="1007", at=NOON + DAY, details=KARL_MARX))
    return contact_id


def test_p3_only_what_changed_is_written_with_the_person_as_its_origin(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    answer = staff.post(
        f"/dashboard/contacts/{contact_id}/edit",
        data=form(1, moved(LINDEN, phone="+49 171 555")),
        follow_redirects=False,
    )

    assert (answer.status_code, answer.headers["location"]) == (303, f"/dashboard/contacts/{contact_id}")
    contact = contact_of(counter_site, contact_id)
    assert (contact.phone, contact.version) == ("+49 171 555", 2)
    assert contact.origins["phone"]["kind"] == "contact.edited"
    assert contact.origins["phone"]["name"] == "Karla Lindner"
    assert contact.origins["address"]["reference"] == "1007"
    assert "49171555" in contact.search_text
    assert (contact.locked_at is not None, contact.locked_by) == (True, "Karla Lindner")
    assert heard(counter_site, "contact_updated") == [(contact_id, "phone")]
    with counter_site.session() as session:
        entry = read_log(session, contact_id).entries[0]
    assert (entry.kind, entry.actor_name) == ("contact.edited", "Karla Lindner")
    assert dict(entry.data) == {"before_phone": "030 123456", "after_phone": "+49 171 555"}


def test_p3_saving_without_a_change_neither_locks_nor_logs(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    before = stored(counter_site)

    staff.post(f"/dashboard/contacts/{contact_id}/edit", data=form(1), follow_redirects=False)

    assert stored(counter_site) == before


def test_c2_the_address_is_shown_and_not_edited(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    page = staff.get(f"/dashboard/contacts/{contact_id}/edit").text
    assert "readonly" in page
    assert "merging it with the right contact" in page

    # T-Z4: further fields are ignored.
    staff.post(
        f"/dashboard/contacts/{contact_id}/edit",
        data=form(1, email="evil@example.org", email_key="evil@example.org", stage="customer", id="99"),
        follow_redirects=False,
    )

    contact = contact_of(counter_site, contact_id)
    assert (contact.email, contact.email_key, contact.stage) == (
        "anna@example.org",
        "anna@example.org",
        "lead",
    )


def test_p3_what_is_refused_is_shown_with_every_reason_and_all_that_was_typed(
    counter_site: Site, staff: Client
) -> None:
    contact_id = capture(counter_site).contact_id
    before = stored(counter_site)
    wrong = form(1, moved(LINDEN, name="N" * 201, city="Neue Stadt"), postal_code="1" * 21, country="Germany")

    answer = staff.post(f"/dashboard/contacts/{contact_id}/edit", data=wrong, follow_redirects=False)

    assert answer.status_code == 422
    assert "N" * 201 in answer.text
    assert "Neue Stadt" in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert stored(counter_site) == before


def test_t_f1_the_second_of_two_who_save_is_shown_both_values_and_nothing_is_written(
    counter_site: Site, staff: Client
) -> None:
    contact_id = capture(counter_site).contact_id
    url = f"/dashboard/contacts/{contact_id}/edit"
    theirs, yours = moved(LINDEN, phone="0171 111"), moved(LINDEN, phone="0171 222", city="Potsdam")
    staff.post(url, data=form(1, theirs), follow_redirects=False)
    before = stored(counter_site)

    answer = staff.post(url, data=form(1, yours, new_tags="VIP"), follow_redirects=False)

    assert answer.status_code == 409
    assert stored(counter_site) == before
    for value in ("0171 111", "0171 222", "Potsdam", "Berlin"):
        assert value in answer.text
    assert 'name="version" value="2"' in answer.text
    assert 'name="new_tags" value="VIP"' in answer.text
    # Street and name are the same on both sides: nothing to choose there.
    assert set(re.findall(r'name="choose-(\w+)"', answer.text)) == {"phone", "city"}

    # Theirs for the phone, mine for the city.
    choice = form(2, yours, new_tags="VIP", **{"choose-phone": "theirs", "choose-city": "yours"})
    answer = staff.post(url, data=choice, follow_redirects=False)
    assert answer.status_code == 303
    contact = contact_of(counter_site, contact_id)
    assert (contact.phone, contact.city, contact.version) == ("0171 111", "Potsdam", 3)
    assert tags_of(counter_site, contact_id) == ["VIP"]


def test_t_f1_all_of_mine_can_be_taken_and_a_third_change_is_noticed_again(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    url = f"/dashboard/contacts/{contact_id}/edit"
    yours = moved(LINDEN, phone="0171 222")
    staff.post(url, data=form(1, moved(LINDEN, phone="0171 111")), follow_redirects=False)
    choice = {"choose-phone": "theirs", "take": "yours"}
    staff.post(url, data=form(2, moved(LINDEN, phone="0171 333")), follow_redirects=False)

    assert staff.post(url, data=form(2, yours, **choice), follow_redirects=False).status_code == 409
    assert contact_of(counter_site, contact_id).phone == "0171 333"
    assert staff.post(url, data=form(3, yours, **choice), follow_redirects=False).status_code == 303
    assert contact_of(counter_site, contact_id).phone == "0171 222"


def test_t_f1_an_order_that_changed_the_details_meanwhile_is_a_conflict_too(counter_site: Site) -> None:
    contact_id = capture(counter_site).contact_id
    capture(counter_site, sale(reference="2", at=NOON + DAY, details=KARL_MARX))

    with counter_site.begin() as session, pytest.raises(EditConflict) as raised:
        edit_contact(session, counter_site, contact_id, moved(LINDEN, phone="1"), 1, KARLA)

    conflict = raised.value
    assert (conflict.theirs["street"], conflict.yours["street"]) == ("Karl-Marx-Allee 90", "Lindenstraße 4")
    assert conflict.version == 2


def test_t_f1_two_who_type_the_same_do_not_quarrel(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    same = form(1, moved(LINDEN, phone="0171 111"))

    answers = [
        staff.post(f"/dashboard/contacts/{contact_id}/edit", data=same, follow_redirects=False).status_code
        for _ in range(2)
    ]

    assert answers == [303, 303]
    assert contact_of(counter_site, contact_id).version == 2


def test_c6_the_profile_shows_suggestion_lock_and_origin(counter_site: Site, staff: Client) -> None:
    contact_id = locked_with_suggestion(counter_site)

    page = staff.get(f"/dashboard/contacts/{contact_id}", headers={"accept-language": "de"}).text

    assert "Sale 1007 nennt eine andere Adresse" in page
    assert "Karl-Marx-Allee 90, 10243 Berlin" in page
    assert "aus Sale 1002, seit 21.11.2026" in page
    assert "Gesperrt von Karla Lindner am" in page
    assert f"/dashboard/contacts/{contact_id}/unlock" in page


def test_c6_accepting_takes_the_values_with_their_own_origin_and_keeps_the_lock(
    counter_site: Site, staff: Client
) -> None:
    contact_id = locked_with_suggestion(counter_site)
    page = staff.get(f"/dashboard/contacts/{contact_id}").text
    (accept,) = re.findall(r'action="([^"]+/accept[^"]*)"', page)

    answer = staff.post(accept, follow_redirects=False)

    assert answer.status_code == 303
    contact = contact_of(counter_site, contact_id)
    assert (contact.street, contact.postal_code) == ("Karl-Marx-Allee 90", "10243")
    assert contact.origins["address"]["reference"] == "1007"
    assert contact.locked_at is not None
    assert suggestions_of(counter_site, contact_id) == {}
    assert log_of(counter_site, contact_id)[-1] == ("contact.suggestion_accepted", "1007")
    assert heard(counter_site, "contact_updated") == [(contact_id, "postal_code street")]


def test_c6_dismissing_leaves_the_details_and_is_logged(counter_site: Site, staff: Client) -> None:
    contact_id = locked_with_suggestion(counter_site)
    (suggestion,) = suggestions_of(counter_site, contact_id).values()

    staff.post(f"/dashboard/contacts/{contact_id}/suggestions/{suggestion.id}/dismiss", follow_redirects=False)

    assert contact_of(counter_site, contact_id).street == "Lindenstraße 4"
    assert suggestions_of(counter_site, contact_id) == {}
    assert log_of(counter_site, contact_id)[-1] == ("contact.suggestion_dismissed", "1007")


def test_c6_nobody_accepts_a_suggestion_they_have_not_seen(counter_site: Site, staff: Client) -> None:
    contact_id = locked_with_suggestion(counter_site)
    page = staff.get(f"/dashboard/contacts/{contact_id}").text
    (accept,) = re.findall(r'action="([^"]+/accept[^"]*)"', page)
    capture(counter_site, sale(reference="1009", at=NOON + 2 * DAY, details=moved(LINDEN, street="Ring 1")))
    before = stored(counter_site)

    assert staff.post(accept, follow_redirects=False).status_code == 409
    assert stored(counter_site) == before


@pytest.mark.parametrize("how", ["accept", "dismiss"])
def test_t_z2_a_suggestion_of_another_contact_is_not_there(counter_site: Site, staff: Client, how: str) -> None:
    contact_id = locked_with_suggestion(counter_site)
    (suggestion,) = suggestions_of(counter_site, contact_id).values()
    other = capture(counter_site, sale("other@example.org", reference="5")).contact_id
    before = stored(counter_site)

    answer = staff.post(f"/dashboard/contacts/{other}/suggestions/{suggestion.id}/{how}", follow_redirects=False)

    assert answer.status_code == 404
    assert stored(counter_site) == before


def test_c6_editing_to_what_is_suggested_settles_it_and_another_value_does_not(
    counter_site: Site, staff: Client
) -> None:
    contact_id = locked_with_suggestion(counter_site)
    url = f"/dashboard/contacts/{contact_id}/edit"
    staff.post(url, data=form(1, moved(LINDEN, street="Am Ring 3")), follow_redirects=False)
    assert set(suggestions_of(counter_site, contact_id)) == {"address"}

    staff.post(url, data=form(2, KARL_MARX), follow_redirects=False)
    assert suggestions_of(counter_site, contact_id) == {}


def test_c6_the_lock_is_lifted_and_set_with_undo(counter_site: Site, staff: Client) -> None:
    contact_id = locked_with_suggestion(counter_site)
    url = f"/dashboard/contacts/{contact_id}"

    staff.post(f"{url}/unlock", follow_redirects=False)
    assert contact_of(counter_site, contact_id).locked_at is None
    (undo,) = re.findall(r'action="([^"]+/lock\?[^"]*)"', staff.get(url).text)
    staff.post(undo.replace("&amp;", "&"), follow_redirects=False)
    staff.post(f"{url}/lock", follow_redirects=False)

    assert contact_of(counter_site, contact_id).locked_at is not None
    kinds = [kind for kind, _ in log_of(counter_site, contact_id)]
    assert kinds[-2:] == ["contact.unlocked", "contact.locked"]


def test_c11_a_tag_is_added_removed_and_brought_back_by_undo(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    url = f"/dashboard/contacts/{contact_id}"

    staff.post(f"{url}/tags", data={"tag": "  VIP & mehr "}, follow_redirects=False)
    assert tags_of(counter_site, contact_id) == ["VIP & mehr"]
    staff.post(f"{url}/tags/remove", data={"tag": "vip & mehr"}, follow_redirects=False)
    assert tags_of(counter_site, contact_id) == []
    (undo,) = re.findall(r'action="([^"]+/tags\?[^"]*)"', staff.get(url).text)
    staff.post(undo.replace("&amp;", "&"), follow_redirects=False)

    assert tags_of(counter_site, contact_id) == ["VIP & mehr"]
    assert log_of(counter_site, contact_id)[-3:] == [
        ("contact.tagged", "VIP & mehr"),
        ("contact.untagged", "VIP & mehr"),
        ("contact.tagged", "VIP & mehr"),
    ]
    assert heard(counter_site, "contact_updated") == [(contact_id, "tags")] * 3


def test_c11_several_tags_at_once_and_a_word_too_long(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    url = f"/dashboard/contacts/{contact_id}/tags"
    staff.post(url, data={"tag": "VIP, Berlin,, vip"}, follow_redirects=False)
    assert tags_of(counter_site, contact_id) == ["Berlin", "VIP"]
    before = stored(counter_site)

    answer = staff.post(url, data={"tag": f"gut, {'x' * 61}"}, follow_redirects=False)

    assert answer.status_code == 422
    assert "x" * 61 in answer.text
    assert stored(counter_site) == before


def test_p3_tags_of_the_form_change_only_what_was_shown_in_it(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site, sale(tags=("VIP", "Berlin"))).contact_id
    url = f"/dashboard/contacts/{contact_id}"
    # Given by somebody else after the form was opened.
    staff.post(f"{url}/tags", data={"tag": "Messe"}, follow_redirects=False)

    staff.post(
        f"{url}/edit",
        data=form(1, shown_tag=["Berlin", "VIP"], keep_tag=["VIP"], new_tags="Neu, Neu 2"),
        follow_redirects=False,
    )

    assert tags_of(counter_site, contact_id) == ["Messe", "Neu", "Neu 2", "VIP"]


def test_c7_inactive_and_back_from_a_row_of_the_list(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    url, back = f"/dashboard/contacts/{contact_id}", "/dashboard/contacts?tab=customers&q=a"

    answer = staff.post(f"{url}/deactivate", data={"next": back}, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, back)
    assert contact_of(counter_site, contact_id).inactive_at is not None
    assert heard(counter_site, "contact_deactivated") == [(contact_id, "")]
    page = staff.get(url).text
    assert "Make active again" in page
    assert f'action="{url}/deactivate"' not in page
    (undo,) = re.findall(r'action="([^"]+/reactivate\?[^"]*)"', page)
    answer = staff.post(undo.replace("&amp;", "&"), follow_redirects=False)
    assert answer.headers["location"] == back
    assert contact_of(counter_site, contact_id).inactive_at is None
    assert [kind for kind, _ in log_of(counter_site, contact_id)][-2:] == [
        "contact.deactivated",
        "contact.reactivated",
    ]


def test_c7_doing_it_twice_logs_and_tells_it_once(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    for _ in range(2):
        staff.post(f"/dashboard/contacts/{contact_id}/deactivate", follow_redirects=False)

    assert [kind for kind, _ in log_of(counter_site, contact_id)].count("contact.deactivated") == 1
    assert len(heard(counter_site, "contact_deactivated")) == 1


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:1"])
def test_t_x5_going_back_stays_on_this_site(counter_site: Site, staff: Client, target: str) -> None:
    contact_id = capture(counter_site).contact_id

    answer = staff.post(f"/dashboard/contacts/{contact_id}/deactivate", data={"next": target}, follow_redirects=False)

    assert answer.headers["location"] == "/"


WRITES = [
    ("edit", {"version": "1", "name": "Changed"}),
    ("tags", {"tag": "VIP"}),
    ("tags/remove", {"tag": "Berlin"}),
    ("lock", {}),
    ("unlock", {}),
    ("suggestions/1/accept", {}),
    ("suggestions/1/dismiss", {}),
    ("deactivate", {}),
    ("reactivate", {}),
    ("notes", {"text": "A note"}),
]


@pytest.mark.parametrize(("path", "data"), WRITES, ids=[path for path, _ in WRITES])
def test_t_z3_who_may_not_edit_changes_nothing(counter_site: Site, path: str, data: dict[str, str]) -> None:
    contact_id = locked_with_suggestion(counter_site)
    # The permission taken away from assistants, as a site's own rights could.
    permissions = dict(counter_site.contributions.permissions)
    permissions["contact.edit"] = evolve(permissions["contact.edit"], roles=["owner"])
    counter_site.contributions = evolve(counter_site.contributions, permissions=permissions)
    url = f"/dashboard/contacts/{contact_id}/{path}"
    with make_client(counter_site) as client:
        before = stored(counter_site)
        anonymous = client.post(url, data=data, follow_redirects=False)
        assert anonymous.status_code == 303
        assert anonymous.headers["location"].startswith("/dashboard/sign-in")
        assert stored(counter_site) == before

        sign_in(counter_site, client, "assistant")
        before = stored(counter_site)
        assert client.post(url, data=data, follow_redirects=False).status_code == 403
        assert stored(counter_site) == before

        page = client.get(f"/dashboard/contacts/{contact_id}")
        assert page.status_code == 200
        assert "/edit" not in page.text
        assert "/deactivate" not in page.text

        sign_in(counter_site, client, "owner")
        before = stored(counter_site)
        foreign = {"sec-fetch-site": "cross-site"}
        assert client.post(url, data=data, headers=foreign, follow_redirects=False).status_code == 403
        assert stored(counter_site) == before


def test_a_change_to_a_merged_contact_is_refused_and_its_pages_lead_to_the_kept_one(
    counter_site: Site, staff: Client
) -> None:
    kept = capture(counter_site, sale("anna@example.org")).contact_id
    merged = capture(counter_site, sale("anna.alt@example.org", reference="2")).contact_id
    with counter_site.begin() as session:
        session.get_one(Contact, merged).merged_into_id = kept
    before = stored(counter_site)

    for page in ("", "/edit", "/activity"):
        answer = staff.get(f"/dashboard/contacts/{merged}{page}", follow_redirects=False)
        assert answer.headers["location"] == f"/dashboard/contacts/{kept}{page}"
    for path, data in WRITES:
        answer = staff.post(f"/dashboard/contacts/{merged}/{path}", data=data, follow_redirects=False)
        assert answer.status_code == 409, path
    assert stored(counter_site) == before
