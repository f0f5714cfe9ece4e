"""The page of all tags, from outside: added, renamed, joined and removed for all contacts at once (FEATURES C11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import insert, literal, select

from core import Site
from core.contacts.models import Contact, ContactActivity, ContactTag, Tag
from core.jobs import run_queued_jobs
from tests.core.contacts.list_support import LIST, Page, add, add_many, open_site, signed_in
from tests.core.contacts.test_bulk import logged, tagged

TAGS = f"{LIST}/tags"


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as opened:
        yield opened


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Any]]:
    with signed_in(site) as client:
        yield client


def tags(site: Site) -> dict[str, int]:
    with site.session() as session:
        return dict(session.execute(select(Tag.name, Tag.id)).all())  # type: ignore[arg-type]


def test_c11_all_tags_with_their_numbers_lead_to_the_list(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site, tags=("VIP", "Presse"))
    add(site, tags=("VIP",))
    add(site, tags=("VIP",), inactive=True)
    add(site, tags=("VIP",), merged_into=contact)
    staff.post(TAGS, data={"tag": "  Neu "})

    page = staff.get(TAGS).text
    ids = tags(site)
    assert f'<a href="{LIST}?contact.tag={ids["VIP"]}">2</a>' in page
    assert f'<a href="{LIST}?tab=inactive&amp;contact.tag={ids["VIP"]}">1</a>' in page
    assert f'<a href="{LIST}?contact.tag={ids["Presse"]}">1</a>' in page
    assert "Remove 1 unused" in page
    assert len(Page(staff.get(f"{LIST}?contact.tag={ids['VIP']}").text).rows) == 2
    assert TAGS in staff.get(LIST).text

    assert staff.post(TAGS, data={"tag": "neu"}).status_code == 303
    assert "There is a tag “Neu” already." in staff.get(TAGS).text
    assert staff.post(TAGS, data={"tag": " "}).status_code == 422
    assert staff.post(TAGS, data={"tag": "a, b"}).status_code == 422
    assert "Neu" in staff.get(f"{TAGS}/unused").text
    staff.post(f"{TAGS}/unused")
    assert sorted(tags(site)) == ["Presse", "VIP"]


def test_c11_renaming_counts_for_all_contacts_and_can_be_taken_back(site: Site, staff: TestClient[Any]) -> None:
    contacts = [add(site, tags=("VIP",)), add(site, tags=("VIP",))]
    tag_id = tags(site)["VIP"]

    staff.post(f"{TAGS}/{tag_id}/rename", data={"name": "vip"})
    staff.post(f"{TAGS}/{tag_id}/rename", data={"name": "Stammkunde"})

    assert tags(site) == {"Stammkunde": tag_id}
    assert tagged(site, "Stammkunde") == contacts
    assert f"{TAGS}/{tag_id}/rename?name=vip" in staff.get(TAGS).text
    staff.post(f"{TAGS}/{tag_id}/rename?name=VIP")
    assert tags(site) == {"VIP": tag_id}
    assert staff.post(f"{TAGS}/{tag_id}/rename", data={"name": ""}).status_code == 422
    assert staff.post(f"{TAGS}/4711/rename", data={"name": "x"}).status_code == 404


def test_c11_renaming_onto_another_offers_to_join_them(site: Site, staff: TestClient[Any]) -> None:
    both, one, other = add(site, tags=("VIP", "V.I.P.")), add(site, tags=("V.I.P.",)), add(site, tags=("VIP",))
    ids = tags(site)

    answer = staff.post(f"{TAGS}/{ids['V.I.P.']}/rename", data={"name": "vip"})
    assert answer.status_code == 409
    assert "There is a tag “VIP” already" in answer.text
    assert f'<input type="hidden" name="into" value="{ids["VIP"]}">' in answer.text
    assert tags(site) == ids

    staff.post(f"{TAGS}/{ids['V.I.P.']}/join", data={"into": str(ids["VIP"])})

    assert tags(site) == {"VIP": ids["VIP"]}
    assert tagged(site, "VIP") == [both, one, other]
    assert logged(site, "contact.retagged") == [both, one]
    assert "Tag “V.I.P.” became “VIP”" in staff.get(f"{LIST}/{one}/activity").text
    assert staff.post(f"{TAGS}/{ids['VIP']}/join", data={"into": str(ids["VIP"])}).status_code == 422


def test_c11_removing_a_tag_from_all_is_taken_back_with_its_number(site: Site, staff: TestClient[Any]) -> None:
    contacts = [add(site, tags=("VIP",)), add(site, tags=("VIP",), inactive=True)]
    add(site)
    tag_id = tags(site)["VIP"]
    assert "2 contacts lose this tag" in staff.get(f"{TAGS}/{tag_id}/remove").text

    staff.post(f"{TAGS}/{tag_id}/remove")

    assert tags(site) == {}
    assert logged(site, "contact.untagged") == contacts
    page = staff.get(TAGS).text
    undo = page.partition('action="/dashboard/contacts/bulk/')[2].partition('"')[0]
    staff.post(f"{LIST}/bulk/{undo}")
    assert tagged(site, "VIP") == contacts
    # Filters and saved views name it by its number.
    assert tags(site) == {"VIP": tag_id}


def test_c11_a_tag_of_many_is_removed_in_the_background(site: Site, staff: TestClient[Any]) -> None:
    add_many(site, 700)
    staff.post(TAGS, data={"tag": "VIP"})
    tag_id = tags(site)["VIP"]
    with site.begin() as session:
        session.execute(insert(ContactTag).from_select(["tag_id", "contact_id"], select(literal(tag_id), Contact.id)))

    page = staff.post(f"{TAGS}/{tag_id}/remove").headers["location"]
    assert page.startswith("/dashboard/jobs/")
    late = add(site, tags=("VIP",))
    run_queued_jobs(site)

    assert tags(site) == {}
    assert len(logged(site, "contact.untagged")) == 701
    assert late in logged(site, "contact.untagged")
    with site.session() as session:
        assert session.scalars(select(ContactTag.contact_id)).all() == []
        assert session.scalars(select(ContactActivity.reference)).first() == "VIP"


def test_t_z3_only_who_may_changes_tags_for_all(site: Site) -> None:
    add(site, tags=("VIP",))
    before = tags(site)
    tag_id = before["VIP"]
    with signed_in(site, "assistant") as assistant:
        assert "VIP" in assistant.get(TAGS).text
        assert "/rename" not in assistant.get(TAGS).text
        for path, data in (
            (TAGS, {"tag": "x"}),
            (f"{TAGS}/{tag_id}/rename", {"name": "x"}),
            (f"{TAGS}/{tag_id}/join", {"into": "1"}),
            (f"{TAGS}/{tag_id}/remove", {}),
            (f"{TAGS}/unused", {}),
        ):
            assert assistant.post(path, data=data).status_code == 403
    assert tags(site) == before
