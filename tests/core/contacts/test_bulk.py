"""Bulk actions from outside: exactly what was ticked, done once, and taken back exactly (FEATURES L7, C7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select, update

from core import BulkAction, Site, add_activities
from core.contacts.bulk.models import SelectedContact, Selection
from core.contacts.models import Contact, ContactActivity, ContactTag, Tag
from core.contacts.tags import add_tags
from core.jobs import run_queued_jobs
from core.values import Activity
from tests.core.contacts.list_support import LIST, Page, add, add_many, everything, open_site, plugin_of, signed_in
from tests.sample_plugin.models import Heard, Points

BULK = f"{LIST}/bulk"


@pytest.fixture
def site(tmp_path: Path, fresh_database: Callable[..., str]) -> Iterator[Site]:
    with open_site(tmp_path, fresh_database) as opened:
        yield opened


@pytest.fixture
def staff(site: Site) -> Iterator[TestClient[Any]]:
    with signed_in(site) as client:
        yield client


def tagged(site: Site, name: str) -> list[int]:
    with site.session() as session:
        statement = select(ContactTag.contact_id).join(Tag, Tag.id == ContactTag.tag_id).where(Tag.name == name)
        return sorted(session.scalars(statement))


def inactive(site: Site) -> list[int]:
    with site.session() as session:
        return sorted(session.scalars(select(Contact.id).where(Contact.inactive_at.is_not(None))))


def logged(site: Site, kind: str) -> list[int]:
    with site.session() as session:
        statement = select(ContactActivity.contact_id).where(ContactActivity.kind == kind)
        return sorted(session.scalars(statement))


def choose(client: TestClient[Any], action: str, ids: list[Any] | None = None, **fields: Any) -> Any:
    """Press an entry of „Aktionen“ with these ticks."""
    return client.post(BULK, data={"action": action, "id": [str(one) for one in ids or []], "next": LIST, **fields})


def tag(client: TestClient[Any], ids: list[Any], name: str = "VIP", **fields: Any) -> Any:
    """Tick, choose „Tag hinzufügen“, enter the tag; answers the last answer."""
    asked = choose(client, "contact.tag", ids, **fields)
    assert asked.status_code == 303, asked.text
    assert asked.headers["location"].startswith(f"{BULK}/")
    return client.post(asked.headers["location"], data={"tag": name, "next": LIST})


def last_selection(site: Site) -> int:
    with site.session() as session:
        return session.scalar(select(func.max(Selection.id))) or 0


def undo(client: TestClient[Any], site: Site) -> Any:
    return client.post(f"{BULK}/{last_selection(site)}/undo")


# Exactly what is ticked


def test_l7_the_page_offers_ticks_and_what_this_person_may_do(site: Site) -> None:
    first, second = add(site, name="Anna"), add(site, name="Jonas")
    with signed_in(site) as owner, signed_in(site, "assistant") as assistant:
        page = owner.get(LIST).text
        assert f'name="id" value="{first}" form="bulk"' in page
        assert f'name="id" value="{second}" form="bulk"' in page
        for key in ("contact.tag", "contact.untag", "contact.deactivate", "sample_plugin.give_many"):
            assert f'name="action" value="{key}"' in page
        assert 'value="contact.reactivate"' not in page
        assert 'value="sample_plugin.give_many"' not in assistant.get(LIST).text
        # All are on this page already.
        assert 'name="all_matching"' not in page


def test_l7_ticked_contacts_get_a_tag_and_nobody_else_does(site: Site, staff: TestClient[Any]) -> None:
    ticked = [add(site), add(site, tags=("VIP",)), add(site)]
    other = add(site)
    merged = add(site, merged_into=other)

    # Forged ids, one of another page, one twice, one that was merged since the page was shown.
    answer = tag(staff, [*ticked, ticked[0], merged, 999_999, -1, "x", "9" * 30])

    assert answer.headers["location"] == LIST
    assert tagged(site, "VIP") == ticked
    assert logged(site, "contact.tagged") == [ticked[0], ticked[2]]
    shown = staff.get(LIST).text
    assert "Tag “VIP” added to 2 contacts. Left as it was: 1. No longer there: 2." in shown


def test_l7_undo_takes_back_exactly_what_was_changed(site: Site, staff: TestClient[Any]) -> None:
    ids = [add(site), add(site, tags=("VIP",)), add(site), add(site)]
    tag(staff, ids[:3])
    with site.begin() as session:
        # Tagged by hand afterwards: not part of it.
        add_tags(session, ids[3], ["VIP"])

    assert undo(staff, site).status_code == 303

    assert tagged(site, "VIP") == [ids[1], ids[3]]
    assert logged(site, "contact.untagged") == [ids[0], ids[2]]


def test_l7_undo_of_a_removed_tag_and_only_once(site: Site, staff: TestClient[Any]) -> None:
    ids = [add(site, tags=("VIP",)), add(site), add(site, tags=("VIP",))]
    with site.session() as session:
        tag_id = session.scalar(select(Tag.id))
    asked = choose(staff, "contact.untag", ids[:2])
    assert "VIP (1)" in staff.get(asked.headers["location"]).text
    refused = staff.post(asked.headers["location"], data={"tag_id": "777"})
    assert refused.status_code == 422
    staff.post(asked.headers["location"], data={"tag_id": str(tag_id)})
    assert tagged(site, "VIP") == [ids[2]]

    selection = last_selection(site)
    staff.post(f"{BULK}/{selection}/undo")
    assert tagged(site, "VIP") == [ids[0], ids[2]]

    with site.begin() as session:
        session.query(ContactTag).filter_by(contact_id=ids[0]).delete()
    staff.post(f"{BULK}/{selection}/undo")
    assert tagged(site, "VIP") == [ids[2]]
    assert "taken back already" in staff.get(LIST).text


def test_c7_several_become_inactive_at_once_and_active_again(site: Site, staff: TestClient[Any]) -> None:
    ids = [add(site), add(site), add(site, inactive=True), add(site)]

    answer = choose(staff, "contact.deactivate", ids[:3])

    assert answer.headers["location"] == LIST
    assert inactive(site) == ids[:3]
    assert logged(site, "contact.deactivated") == ids[:2]
    with site.session() as session:
        heard = session.scalars(select(Heard.contact_id).where(Heard.hook == "contact_deactivated")).all()
    assert sorted(heard) == ids[:2]
    assert "2 contacts are inactive now. Left as it was: 1." in staff.get(LIST).text

    undo(staff, site)
    assert inactive(site) == [ids[2]]
    assert logged(site, "contact.reactivated") == ids[:2]

    assert 'value="contact.reactivate"' in staff.get(f"{LIST}?tab=inactive").text
    choose(staff, "contact.reactivate", [ids[2]])
    assert inactive(site) == []


def test_l7_all_that_match_are_those_that_matched_when_they_were_chosen(site: Site, staff: TestClient[Any]) -> None:
    leaving, merging, staying = (add(site, country="DE") for _ in range(3))
    other = add(site, country="AT")
    view = "contact.country=DE&sort=contact.name"

    asked = choose(staff, "contact.deactivate", [other], all_matching="1", view=view)
    assert "3 contacts are chosen" in staff.get(asked.headers["location"]).text
    arriving = add(site, country="DE")
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == leaving).values(country="AT"))
        session.execute(update(Contact).where(Contact.id == merging).values(merged_into_id=other))
    staff.post(asked.headers["location"])

    assert inactive(site) == [leaving, staying]
    assert arriving not in inactive(site)


def test_l7_a_filter_that_can_not_be_applied_chooses_nobody(site: Site, staff: TestClient[Any]) -> None:
    add(site)
    before = everything(site)

    unknown = choose(staff, "contact.deactivate", all_matching="1", view="contact.nothing=1")
    meaningless = choose(staff, "contact.deactivate", all_matching="1", view="contact.stage=king")

    assert unknown.status_code in (400, 422)
    assert meaningless.status_code == 303
    assert "could not be applied" in staff.get(LIST).text
    assert everything(site) == before
    assert last_selection(site) == 0


def test_l7_nothing_ticked_does_nothing(site: Site, staff: TestClient[Any]) -> None:
    add(site)
    before = everything(site)

    choose(staff, "contact.deactivate")
    assert "Tick the contacts first" in staff.get(LIST).text
    choose(staff, "contact.deactivate", [4711])

    assert "None of these contacts exists any more." in staff.get(LIST).text
    assert everything(site) == before


def test_l7_what_is_sent_twice_is_done_once(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site)
    asked = choose(staff, "sample_plugin.give_many", [contact]).headers["location"]

    first, second = (staff.post(asked, data={"points": "5"}) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 409)
    with site.session() as session:
        assert session.scalar(select(Points.points)) == 5
    assert staff.get(asked).headers["location"] == LIST


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_t_x5_an_address_to_return_to_is_on_this_site(site: Site, staff: TestClient[Any], back: str) -> None:
    answer = staff.post(BULK, data={"action": "contact.deactivate", "id": str(add(site)), "next": back})

    assert answer.headers["location"] == "/"


# Who may


def test_t_z3_a_bulk_action_needs_its_own_permission(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site)
    with signed_in(site, "assistant") as assistant:
        refused = choose(assistant, "sample_plugin.give_many", [contact])
        assert refused.status_code == 403
        assert last_selection(site) == 0

        asked = choose(staff, "sample_plugin.give_many", [contact]).headers["location"].partition("?")[0]
        # Somebody else's selection is nobody's business, with or without the permission.
        for answer in (
            assistant.get(asked),
            assistant.post(asked, data={"points": "5"}),
            assistant.post(f"{asked}/undo"),
        ):
            assert answer.status_code == 404
    with site.session() as session:
        assert session.scalars(select(Points.contact_id)).all() == []
    assert choose(staff, "contact.remove_tag", [contact]).status_code == 404


def test_t_x1_no_other_site_acts_on_contacts(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site)
    asked = choose(staff, "contact.tag", [contact]).headers["location"].partition("?")[0]
    before = everything(site)
    for path in (BULK, asked, f"{asked}/undo", f"{LIST}/tags", f"{LIST}/tags/1/remove", f"{LIST}/tags/unused"):
        answer = staff.post(
            path,
            data={"action": "contact.deactivate", "id": str(contact), "tag": "VIP"},
            headers={"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        )
        assert answer.status_code == 403, path
    assert everything(site) == before
    assert tagged(site, "VIP") == []


# Many, and plugins


def test_l7_many_are_done_in_the_background_with_progress(site: Site, staff: TestClient[Any]) -> None:
    add_many(site, 1200)
    with site.begin() as session:
        for contact_id in (1, 600, 1200):
            add_tags(session, contact_id, ["VIP"])

    asked = choose(staff, "contact.tag", [], all_matching="1", view="").headers["location"]
    assert "This takes a while" in staff.get(asked).text
    page = staff.post(asked, data={"tag": "VIP"}).headers["location"].partition("?")[0]
    assert page.startswith("/dashboard/jobs/")
    assert "0 of 1,200" in staff.get(page).text
    # Nothing can be taken back while it is done.
    selection = last_selection(site)
    staff.post(f"{BULK}/{selection}/undo")
    assert "still being done" in staff.get(page).text

    run_queued_jobs(site)

    assert tagged(site, "VIP") == list(range(1, 1201))
    assert len(logged(site, "contact.tagged")) == 1197
    elsewhere = staff.get("/dashboard").text
    assert "Tag “VIP” added to 1,197 contacts." in elsewhere
    assert f'href="{page}"' in elsewhere
    assert "Tag “VIP”" not in staff.get("/dashboard").text
    done = staff.get(page).text
    assert "Left as it was: 3." in done
    assert f'action="{BULK}/{selection}/undo"' in done

    back = staff.post(f"{BULK}/{selection}/undo").headers["location"]
    assert back.startswith("/dashboard/jobs/")
    run_queued_jobs(site)
    assert tagged(site, "VIP") == [1, 600, 1200]


def test_l7_a_job_can_be_stopped_and_what_it_did_taken_back(site: Site, staff: TestClient[Any]) -> None:
    from core.jobs.worker import work_once

    add_many(site, 1200)
    asked = choose(staff, "contact.deactivate", [], all_matching="1", view="").headers["location"]
    page = staff.post(asked).headers["location"].partition("?")[0]
    while not inactive(site):
        work_once(site)

    with signed_in(site, "manager") as other:
        assert other.get(page).status_code == 404
        assert other.post(f"{page}/cancel").status_code == 404
    staff.post(f"{page}/cancel")
    run_queued_jobs(site)

    assert inactive(site) == list(range(1, 501))
    assert "Stopped after 500 of 1,200." in staff.get(page).text
    staff.post(f"{BULK}/{last_selection(site)}/undo")
    assert inactive(site) == []


def test_l7_a_plugins_action_and_its_fields(site: Site, staff: TestClient[Any]) -> None:
    contacts = [add(site), add(site), add(site)]
    asked = choose(staff, "sample_plugin.give_many", contacts[:2]).headers["location"]

    refused = staff.post(asked, data={"points": "many"})
    assert refused.status_code == 422
    assert "Enter a number up to 1000." in refused.text
    assert 'value="many"' in refused.text
    assert "Fill this in." in staff.post(asked).text
    staff.post(asked, data={"points": "7"})

    with site.session() as session:
        assert dict(session.execute(select(Points.contact_id, Points.points)).all()) == dict.fromkeys(contacts[:2], 7)
    assert "2 contacts got 7 points." in staff.get(LIST).text


def test_h4_a_failing_bulk_action_changes_nothing_and_is_named(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    def breaks(session: Any, site: Site, contact_ids: Any, values: Any, actor: Any) -> int:
        add_activities(session, contact_ids, Activity(kind="contact.edited"), actor=actor)
        raise RuntimeError("out of paper")

    action = BulkAction(key="printer.labels", label="Print labels", permission="contact.edit", run=breaks)
    plugin = plugin_of("printer", contact_bulk_actions=lambda: [action])
    with open_site(tmp_path, fresh_database, plugin) as site, signed_in(site) as staff:
        choose(staff, "printer.labels", [add(site)])

        assert "failed here, and nothing was changed: RuntimeError: out of paper" in staff.get(LIST).text
        assert logged(site, "contact.edited") == []
        assert last_selection(site) == 0


def test_l7_an_action_with_a_page_of_its_own_gets_the_selection(
    tmp_path: Path, fresh_database: Callable[..., str]
) -> None:
    action = BulkAction(
        key="printer.labels", label="Print", permission="contact.view", href="/dashboard/printer?of={selection_id}"
    )
    plugin = plugin_of("printer", contact_bulk_actions=lambda: [action])
    with open_site(tmp_path, fresh_database, plugin) as site, signed_in(site) as staff:
        contacts = [add(site), add(site)]
        add(site)
        answer = choose(staff, "printer.labels", contacts)

        back = "next=%2Fdashboard%2Fcontacts"
        assert answer.headers["location"] == f"/dashboard/printer?of={last_selection(site)}&{back}"
        with site.session() as session:
            assert sorted(session.scalars(select(SelectedContact.contact_id))) == contacts


def test_an_action_that_is_taken_back_by_nobody_is_refused(tmp_path: Path, database_url: str) -> None:
    from core.testing import make_site

    action = BulkAction(
        key="printer.labels",
        label="Print",
        permission="contact.view",
        href="/dashboard/printer",
        undo="printer.unprint",
    )
    plugin = plugin_of("printer", contact_bulk_actions=lambda: [action])
    site = make_site(tmp_path, plugin, database_url=database_url)

    assert [refusal.plugin for refusal in site.refused] == ["printer"]
    assert "'printer.unprint', which nobody contributes" in site.refused[0].message
    site.close()


def test_l7_an_id_that_is_given_anew_is_nobody_who_was_ticked(site: Site, staff: TestClient[Any]) -> None:
    add(site)
    gone = add(site)
    asked = choose(staff, "contact.tag", [gone]).headers["location"]
    with site.begin() as session:
        session.execute(Contact.__table__.delete().where(Contact.id == gone))
        session.add(Contact(id=gone, email="new@x.example", email_key="new@x.example", joined_at=func.now()))
    staff.post(asked, data={"tag": "VIP"})

    assert tagged(site, "VIP") == []


def test_l7_export_gets_the_ticks_or_the_view_as_they_are(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site)
    add(site)
    page = staff.get(f"{LIST}?q=example").text
    assert 'value="contact.export" form="bulk" formaction="/dashboard/contacts/export"' in page

    data = {"action": "contact.export", "id": str(contact), "view": "q=example", "next": LIST}
    ticked = staff.post(f"{LIST}/export", data=data).text
    assert "The ticked contacts (1)" in ticked
    everything = staff.post(f"{LIST}/export", data={**data, "all_matching": "1"}).text
    assert "The contacts of the list (2)" in everything
    assert "The ticked contacts" not in everything


# The menu of a row


def test_l8_a_row_has_a_page_with_its_actions_for_who_has_no_scripts(site: Site, staff: TestClient[Any]) -> None:
    contact = add(site, name="Anna Müller")
    here = f"{LIST}?sort=contact.name"
    page = staff.get(here).text
    assert f'formaction="{LIST}/{contact}/actions"' in page
    assert len(Page(page).rows) == 1

    actions = staff.get(f"{LIST}/{contact}/actions", params={"next": here}).text
    assert "Anna Müller" in actions
    back = "%2Fdashboard%2Fcontacts%3Fsort%3Dcontact.name"
    assert f'href="{LIST}/{contact}/edit?next={back}"' in actions
    assert f'<form method="post" action="{LIST}/{contact}/deactivate"><input type="hidden" name="next"' in actions

    edit = staff.get(f"{LIST}/{contact}/edit", params={"next": here}).text
    assert f'name="next" value="{here}"' in edit
    saved = staff.post(f"{LIST}/{contact}/edit", data={"version": "1", "name": "Anna Maier", "next": here})
    assert saved.headers["location"] == here
    evil = staff.post(f"{LIST}/{contact}/edit", data={"version": "2", "name": "Anna", "next": "//evil.example"})
    assert evil.headers["location"] == "/"
