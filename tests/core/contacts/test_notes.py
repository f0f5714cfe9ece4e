"""Notes are edited and deleted by whoever wrote them, and nothing of a deleted one stays (FEATURES C13, C12)."""

from __future__ import annotations

import re

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from core.contacts.models import ContactActivity, ContactNote, StoredFile
from core.site import Site
from core.testing import make_client, sign_in
from core.web.application import Application
from tests.core.contacts.profile_support import capture, stored
from tests.support.activity import log_of

Client = TestClient[Application]
SECRET = "Likes rye"


def write(client: Client, contact_id: int, text: str = SECRET, *files: str) -> None:
    answer = client.post(
        f"/dashboard/contacts/{contact_id}/notes",
        data={"text": text},
        files=[("files", (name, name.encode(), "text/plain")) for name in files] or None,
    )
    assert answer.status_code == 200, answer.text


def note_of(site: Site) -> ContactNote:
    with site.session() as session:
        return session.scalars(select(ContactNote)).one()


def seen(client: Client, path: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', client.get(f"{path}/edit").text)
    assert found is not None
    return found[1]


def everything(site: Site) -> str:
    return repr(stored(site))


@pytest.fixture
def path(counter_site: Site, staff: Client) -> str:
    """The address of a note with two files."""
    contact_id = capture(counter_site).contact_id
    write(staff, contact_id, SECRET, "a.txt", "b.txt")
    return f"/dashboard/contacts/{contact_id}/notes/{note_of(counter_site).id}"


def test_c13_a_note_is_edited_and_the_log_says_so_without_the_text(
    counter_site: Site, staff: Client, path: str
) -> None:
    answer = staff.post(f"{path}/edit", data={"text": "Likes wheat", "seen": seen(staff, path)})

    assert "Note saved." in answer.text
    assert "edited" in answer.text
    note = note_of(counter_site)
    assert (note.text, note.edited_at is not None) == ("Likes wheat", True)
    assert log_of(counter_site, note.contact_id)[-1] == ("contact.note_edited", "")
    assert SECRET not in everything(counter_site), "the old text is nowhere, the log included"
    assert "Internal note: Likes wheat" in staff.get(f"/dashboard/contacts/{note.contact_id}/activity").text


def test_c13_files_are_taken_from_a_note_and_others_added(counter_site: Site, staff: Client, path: str) -> None:
    with counter_site.session() as session:
        first, second = session.scalars(select(StoredFile).order_by(StoredFile.id)).all()

    staff.post(
        f"{path}/edit",
        data={"text": SECRET, "seen": seen(staff, path), "remove_file": str(first.id)},
        files={"files": ("c.txt", b"c", "text/plain")},
    )

    with counter_site.session() as session:
        assert [one.name for one in session.scalars(select(StoredFile).order_by(StoredFile.id))] == ["b.txt", "c.txt"]
    on_disk = {one.name for one in (counter_site.settings.data_dir / "files").rglob("*") if one.is_file()}
    assert first.stored_name not in on_disk
    assert second.stored_name in on_disk
    assert "a.txt" not in everything(counter_site)


def test_c13_a_deleted_note_leaves_an_entry_and_none_of_its_text(counter_site: Site, staff: Client, path: str) -> None:
    contact_id = note_of(counter_site).contact_id
    asked = staff.get(f"{path}/delete").text
    assert SECRET in asked
    assert "a.txt" in asked

    answer = staff.post(f"{path}/delete")

    assert "Note deleted." in answer.text
    assert SECRET not in everything(counter_site)
    assert "a.txt" not in everything(counter_site)
    assert [one for one in (counter_site.settings.data_dir / "files").rglob("*") if one.is_file()] == []
    assert log_of(counter_site, contact_id)[-4:] == [
        ("contact.noted", ""),
        ("contact.filed", ""),
        ("contact.filed", ""),
        ("contact.note_deleted", ""),
    ]
    assert "Internal note deleted" in staff.get(f"/dashboard/contacts/{contact_id}").text
    # The number of the note is never given again, or its entry would show another's text.
    write(staff, contact_id, "Another")
    log = staff.get(f"/dashboard/contacts/{contact_id}/activity?kind=contact.noted").text
    assert log.count("Internal note: Another") == 1


def test_c13_two_who_edit_at_once_the_second_sees_both(counter_site: Site, staff: Client, path: str) -> None:
    before = seen(staff, path)
    staff.post(f"{path}/edit", data={"text": "First", "seen": before})

    refused = staff.post(f"{path}/edit", data={"text": "Second", "seen": before})

    assert refused.status_code == 409
    assert "First" in refused.text
    assert ">\nSecond</textarea>" in refused.text
    assert note_of(counter_site).text == "First"
    again = re.search(r'name="seen" value="([^"]+)"', refused.text)
    assert again is not None
    staff.post(f"{path}/edit", data={"text": "Second", "seen": again[1]})
    assert note_of(counter_site).text == "Second"


@pytest.mark.parametrize(("text", "reason"), [("", "Write a comment or choose a file."), ("x" * 10_001, "too long")])
def test_c13_a_note_that_would_be_empty_or_too_long_is_refused(
    counter_site: Site, staff: Client, path: str, text: str, reason: str
) -> None:
    with counter_site.session() as session:
        files = [str(one) for one in session.scalars(select(StoredFile.id))]
    before = stored(counter_site)

    answer = staff.post(f"{path}/edit", data={"text": text, "seen": seen(staff, path), "remove_file": files})

    assert answer.status_code == 422
    assert reason in answer.text
    assert stored(counter_site) == before


def test_c13_the_note_of_somebody_else_is_changed_by_managers_only(
    counter_site: Site, staff: Client, path: str
) -> None:
    contact_id = note_of(counter_site).contact_id
    with make_client(counter_site) as other, make_client(counter_site) as manager:
        sign_in(counter_site, manager, "manager")
        sign_in(counter_site, other, "assistant")
        other.headers["accept-language"] = "en"
        before = stored(counter_site)
        for method in ("GET", "POST"):
            for what in ("edit", "delete"):
                assert other.request(method, f"{path}/{what}").status_code == 403
        assert stored(counter_site) == before
        assert f"{path}/edit" not in other.get(f"/dashboard/contacts/{contact_id}").text
        write(other, contact_id, "Mine")
        with counter_site.session() as session:
            own = session.scalars(select(ContactNote.id).where(ContactNote.text == "Mine")).one()
        assert other.post(f"/dashboard/contacts/{contact_id}/notes/{own}/delete").status_code == 200

        assert manager.post(f"{path}/delete").status_code == 200
    with counter_site.session() as session:
        assert session.scalars(select(ContactNote)).all() == []


def test_t_z2_a_note_is_not_reached_through_another_contact(counter_site: Site, staff: Client, path: str) -> None:
    other = capture(counter_site, email="other@example.org").contact_id
    wrong = re.sub(r"contacts/\d+", f"contacts/{other}", path)
    before = stored(counter_site)

    for method in ("GET", "POST"):
        for what in ("edit", "delete"):
            assert staff.request(method, f"{wrong}/{what}").status_code == 404

    assert stored(counter_site) == before


def test_c12_a_plugins_entries_are_there_and_can_be_filtered(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    write(staff, contact_id)
    page = staff.get(f"/dashboard/contacts/{contact_id}/activity")
    only = staff.get(f"/dashboard/contacts/{contact_id}/activity?kind=counter.sold").text

    assert f"/dashboard/contacts/{contact_id}/activity?kind=counter.sold" in page.text
    assert "Bought for €84.50" in only
    assert SECRET not in only
    with counter_site.session() as session:
        entries = session.scalars(select(ContactActivity).where(ContactActivity.kind == "contact.noted")).all()
    assert [one.data.keys() for one in entries] == [{"note"}]
