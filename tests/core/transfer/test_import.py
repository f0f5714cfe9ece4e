"""Import (FEATURES C4, C6, I2, I4 to I7; THREATS T-I6 to T-I9): nobody lost, nobody doubled, all of it taken back."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from core import Activity, Capture, Details, capture_contact
from core.contacts.editing import edit_contact
from core.contacts.models import Contact, ContactActivity, ContactSuggestion
from core.contacts.tagging import tag_contact
from core.jobs import cancel_job, queue_job
from core.jobs.worker import work_once
from core.site import Site, open_site
from core.testing import make_client, make_site, run_queued_jobs, sign_in
from core.transfer import imports, running
from core.transfer.commands import Asked, bring_in
from core.transfer.models import ContactImport, ImportedContact, ImportProblem
from core.values import Actor
from tests.core.transfer.import_support import IMPORT, Import, count, dump, people, text_of, upload
from tests.core.transfer.support import add

STAFF = Actor(kind="staff", id=1, name="Karla")
HEADS = "email,name,phone,street,postal_code,city,country,tags\n"


def capture(site: Site, email: str, **details: str) -> None:
    with site.begin() as session:
        capture_contact(
            session,
            site,
            Capture(
                email=email,
                module="notes",
                activity=Activity(kind="notes.asked"),
                details=Details(**details),
                makes_customer=True,
            ),
        )


def lock(site: Site, contact_id: int, **details: str) -> None:
    with site.begin() as session:
        version = session.scalar(select(Contact.version).where(Contact.id == contact_id)) or 0
        edit_contact(session, site, contact_id, Details(**details), version, STAFF)


def test_i4_the_preview_says_what_will_happen_and_writes_nothing(site: Site, staff: TestClient[Any]) -> None:
    add(site, "known@example.org", name="Kim", phone="1")
    add(site, "same@example.org", name="Sam")
    locked = add(site, "locked@example.org", name="Lou")
    lock(site, locked, name="Louise")
    before = dump(site), count(site, ContactActivity)
    one = upload(
        site,
        staff,
        HEADS + "new@example.org,Neu,,,,,,\n"
        "known@example.org,Other,2,Weg 1,,Bonn,DE,VIP\n"
        "SAME@example.org,sam,,,,,,\n"
        "locked@example.org,Ludwig,030 1,,,,,\n"
        "broken,X,,,,,,\n"
        " New@Example.org ,Noch,3,,,,,\n",
    )

    assert one.numbers == {"new": 1, "changed": 1, "unchanged": 1, "suggested": 1, "repeated": 1, "refused": 1}
    assert (dump(site), count(site, ContactActivity)) == before
    assert one.refused() == [(6, "An e-mail address has an @ in it, as in name@example.org.")]
    checked = one.numbers
    one.run()
    assert one.numbers == checked
    assert people(site) == {
        "known@example.org": {
            "name": "Kim",
            "phone": "1",
            "street": "Weg 1",
            "city": "Bonn",
            "country": "DE",
            "tags": "VIP",
        },
        "same@example.org": {"name": "Sam"},
        "locked@example.org": {"name": "Louise"},
        "new@example.org": {"name": "Neu", "phone": "3"},
    }
    # The refused rows, mended, are a file as any other.
    mended = staff.get(f"{one.url}/refused").content.replace(b"broken", b"mended@example.org")
    upload(site, staff, mended).run()
    assert people(site)["mended@example.org"] == {"name": "X"}


@pytest.mark.parametrize(
    ("policy", "name", "phone"), [("fill", "Kim", "2"), ("overwrite", "Other", "2"), ("skip", "Kim", "")]
)
def test_i4_what_becomes_of_known_addresses_is_chosen(
    site: Site, staff: TestClient[Any], policy: str, name: str, phone: str
) -> None:
    add(site, "known@example.org", name="Kim")
    upload(site, staff, "email,name,phone\nknown@example.org,Other,2\n", policy=policy).run()

    assert people(site)["known@example.org"].get("phone", "") == phone
    assert people(site)["known@example.org"]["name"] == name


def test_c6_a_locked_contact_gets_suggestions(site: Site, staff: TestClient[Any]) -> None:
    locked = add(site, "a@example.org")
    lock(site, locked, name="Louise")
    upload(site, staff, "email,name,phone\na@example.org,Ludwig,030 1\n", policy="overwrite").run()

    with site.session() as session:
        found = session.execute(select(ContactSuggestion.group, ContactSuggestion.reference)).all()
    assert sorted(tuple(row) for row in found) == [("name", "people.csv"), ("phone", "people.csv")]
    assert people(site)["a@example.org"] == {"name": "Louise"}


def test_c4_an_import_makes_leads_and_changes_no_stage(site: Site, staff: TestClient[Any]) -> None:
    capture(site, "customer@example.org")
    upload(site, staff, "email,Stage\ncustomer@example.org,Lead\nnew@example.org,Customer\n").run()

    with site.session() as session:
        stages = dict(session.execute(select(Contact.email, Contact.stage)).all())
        entry = session.scalars(select(ContactActivity).where(ContactActivity.kind == "contact.imported")).one()
    assert stages == {"customer@example.org": "customer", "new@example.org": "lead"}
    assert (entry.reference, entry.data["line"], entry.actor_name) == ("people.csv", 3, "Karla Lindner")


def test_t_i7_the_same_address_in_any_spelling_is_one_contact(site: Site, staff: TestClient[Any]) -> None:
    content = (
        "email,name,phone\n"
        "info@müller.example,Info,\n"
        " INFO@MÜLLER.example ,Other,1\n"
        "info@xn--mller-kva.example,,2\n"
        '"\u200binfo@müller.example\u00a0",,\n'
    )
    one = upload(site, staff, content).run()
    assert one.numbers == {"new": 1, "repeated": 3}
    assert people(site) == {"info@müller.example": {"name": "Info", "phone": "1"}}
    again = upload(site, staff, content)
    assert again.numbers == {"unchanged": 4}
    assert "no row brings anything new" in again.text()


def test_t_i7_an_alias_leads_to_the_kept_contact(site: Site, staff: TestClient[Any]) -> None:
    kept, merged = add(site, "kept@example.org"), add(site, "old@example.org")
    with site.begin() as session:
        session.execute(update(Contact).where(Contact.id == merged).values(merged_into_id=kept))
    upload(site, staff, "email,name\nold@example.org,Ottilie\nkept@example.org,Other\n").run()

    assert people(site)["kept@example.org"] == {"name": "Ottilie"}
    assert people(site)["old@example.org"] == {}


def test_i5_inactive_contacts_stay_inactive(site: Site, staff: TestClient[Any]) -> None:
    contact_id = add(site, "a@example.org")
    with site.begin() as session:
        session.execute(update(Contact).values(inactive_at=datetime.now(UTC)))
    upload(site, staff, "email,name\na@example.org,Anna\n").run()
    with site.session() as session:
        contact = session.get(Contact, contact_id)
        assert contact is not None
        assert contact.inactive_at is not None
        assert contact.name == "Anna"


def test_i2_the_sample_has_this_sites_headings_and_can_be_imported(site: Site, staff: TestClient[Any]) -> None:
    sample = staff.get(f"{IMPORT}/sample").content
    assert sample.decode().startswith("Email,Name,Phone number,Street and number,")
    one = upload(site, staff, sample)
    assert one.row.plan["left_out"] == []
    assert one.numbers == {"new": 2}
    staff.headers["accept-language"] = "de"
    german = staff.get(f"{IMPORT}/sample").content
    assert german.decode("utf-8-sig").startswith("E-Mail;Name;Telefonnummer;")
    assert upload(site, staff, german).numbers == {"new": 2}


# Taking back


def test_i6_an_import_is_taken_back_as_a_whole(site: Site, staff: TestClient[Any]) -> None:
    known = add(site, "known@example.org", name="Kim", tags=("Alt",))
    lock(site, add(site, "locked@example.org"), name="Lou")
    before = dump(site)
    one = upload(
        site,
        staff,
        HEADS + "new@example.org,Neu,,,,,,VIP\nknown@example.org,Other,2,Weg 1,,Bonn,DE,VIP\n"
        "locked@example.org,Ludwig,,,,,,\nnew@example.org,,3,,,,,\n",
        policy="overwrite",
    ).run()
    assert people(site)["known@example.org"]["name"] == "Other"
    one.undo()

    assert dump(site) == before
    assert count(site, ContactSuggestion) == 0
    with site.session() as session:
        kinds = session.scalars(select(ContactActivity.kind).where(ContactActivity.contact_id == known)).all()
    assert list(kinds) == ["contact.added", "contact.imported", "contact.import_undone"]
    assert (one.row.numbers["removed"], one.row.numbers["restored"]) == (1, 1)


def test_i6_what_people_did_since_stays_and_is_named(site: Site, staff: TestClient[Any]) -> None:
    changed = add(site, "changed@example.org", name="Kim")
    one = upload(
        site,
        staff,
        HEADS + "gone@example.org,G,,,,,,\nbought@example.org,B,,,,,,\ntagged@example.org,T,,,,,,\n"
        "changed@example.org,Other,1,,,,,\n",
        policy="overwrite",
    ).run()
    capture(site, "bought@example.org", city="Bonn")
    with site.begin() as session:
        tagged = session.scalar(select(Contact.id).where(Contact.email == "tagged@example.org")) or 0
        tag_contact(session, site, tagged, ["VIP"], STAFF)
    lock(site, changed, name="By hand", phone="1")
    one.undo()

    assert sorted(people(site)) == ["bought@example.org", "changed@example.org", "tagged@example.org"]
    assert people(site)["changed@example.org"] == {"name": "By hand"}
    said = one.text()
    assert "Something happened with this contact since." in said
    assert "These details were changed since." in said
    assert "bought@example.org" in said


def test_i6_two_imports_are_taken_back_in_either_order(site: Site, staff: TestClient[Any]) -> None:
    first = upload(site, staff, "email,name\na@example.org,Anna\n").run()
    second = upload(site, staff, "email,phone\na@example.org,1\n").run()
    first.undo()
    assert people(site) == {"a@example.org": {"name": "Anna", "phone": "1"}}
    second.undo()
    assert people(site) == {"a@example.org": {"name": "Anna"}}


def test_i6_a_second_import_undo_or_run_begins_once(site: Site, staff: TestClient[Any]) -> None:
    one = upload(site, staff, "email\na@example.org\n").run()
    assert staff.post(f"{one.url}/run").status_code == 409
    assert staff.post(f"{one.url}/plan", data={"encoding": "cp1252"}).status_code == 409
    assert staff.post(f"{one.url}/discard").status_code == 409
    one.undo()
    assert staff.post(f"{one.url}/undo").status_code == 409


# Cancelling, failing, crashing


def many(number: int, prefix: str = "") -> str:
    rows = (f"{prefix}p{n}@example.org,Person {n},{n},Weg {n},5311{n % 10},Bonn,DE,T{n % 3}\n" for n in range(number))
    return HEADS + "".join(rows)


def begin(site: Site, content: str) -> int:
    """An import that is queued and not begun."""
    from core.contacts.files import FileStore

    store = FileStore(site.settings.data_dir)
    import io

    saved = store.save("many.csv", io.BytesIO(content.encode()), limit=imports.MAX_SIZE)
    kind, plan = imports.recognise_file(site, saved)
    with site.begin() as session:
        row = imports.new_import(session, saved, STAFF, kind, plan)
        row.state = "checked"
        session.flush()
        return imports.begin(session, site, row.id, "running", STAFF).id


def test_t_i6_others_can_write_after_a_fifth_of_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer: how long each step of an import is the one, in time of the processor."""
    site = make_site(tmp_path)
    held: list[float] = []
    real = site.database.begin

    @contextmanager
    def timed() -> Iterator[Session]:
        with real() as session:
            begun = time.thread_time()
            # The last one that listens: after it, the rows that follow are read, and nothing is locked.
            event.listen(session, "after_commit", lambda _: held.append(time.thread_time() - begun), insert=True)
            yield session

    monkeypatch.setattr(type(site.database), "begin", lambda self: timed())
    begin(site, many(6000))
    run_queued_jobs(site)
    site.close()

    assert count(site) == 6000
    assert len(held) > 6
    # But for the longest: in some step the processor does something for the whole process.
    assert sorted(held)[-2] < 0.2, [round(one, 3) for one in held]


def test_i6_two_processes_that_take_turns_lose_and_double_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "FIRST", 70)
    monkeypatch.setattr(running, "MOST", 150)
    import_id = begin(site, many(2000))
    other = open_site(site.settings, [], upgrade=False)
    chance, worked = random.Random(3), True
    while worked:
        worked = any(work_once(chance.choice((site, other))) for _ in range(4))
    for one in (site, other):
        running.forget_reading(one, import_id)
    other.close()

    assert count(site) == count(site, ImportedContact) == 2000
    (numbers,) = numbers_of(site)
    assert (numbers["state"], numbers["new"], numbers.get("repeated", 0)) == ("done", 2000, 0)


def test_t_i6_batches_grow_slowly_and_shrink_at_once(site: Site) -> None:
    import_id = begin(site, many(3000))
    with site.begin() as session:
        reading = running._reading(site, imports.find_import(session, import_id))
    sizes = []
    for took in (0.01, 0.01, 0.05, 0.4, 30.0):
        reading.go_on(took, 0.1)
        sizes.append(reading.size)
    assert sizes == [300, 450, 675, 168, 20]
    running.forget_reading(site, import_id)


def test_t_i6_cancel_stops_after_the_batch_and_can_be_undone(site: Site, staff: TestClient[Any]) -> None:
    import_id = begin(site, many(2000))
    assert work_once(site)
    page = staff.get(f"{IMPORT}/{import_id}")
    assert "<progress" in page.text
    assert "data-poll" in page.text
    staff.post(f"{IMPORT}/{import_id}/cancel")
    run_queued_jobs(site)
    one = Import(site, staff, import_id)
    assert one.row.state == "cancelled"
    assert 0 < count(site) < 2000
    assert count(site) == one.row.position
    one.undo()
    assert count(site) == 0


def test_t_i6_a_job_that_was_cancelled_elsewhere_leaves_no_import_running(site: Site, staff: TestClient[Any]) -> None:
    import_id = begin(site, many(10))
    with site.begin() as session:
        job_id = session.scalar(select(ContactImport.job_id)) or 0
        cancel_job(session, job_id)
    assert "was cancelled" in text_of(staff.get(f"{IMPORT}/{import_id}").text)


def test_t_i6_an_import_that_is_gone_ends_its_job(site: Site) -> None:
    with site.begin() as session:
        queue_job(session, site, "contact.import", {"import": begin_and_forget(site, session)})
    run_queued_jobs(site)
    assert count(site) == 0


def begin_and_forget(site: Site, session: Any) -> int:
    row = ContactImport(
        name="a", stored_name="0" * 32, kind="csv", size=1, sha256="", state="undone", plan={}, actor_kind="system"
    )
    session.add(row)
    session.flush()
    return row.id


def test_t_i6_killed_at_any_moment_fifty_times_nothing_is_lost_or_doubled(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = many(3000) + "broken,,,,,,,\np3@example.org,Again,,,,,,Z\n" + many(20, "x").partition("\n")[2]
    undisturbed = make_site(tmp_path / "undisturbed")
    for one in (undisturbed, site):
        # A first one here, so that not every process has its statements to prepare.
        begin(one, many(20, "first"))
        run_queued_jobs(one)
    begin(undisturbed, content)
    run_queued_jobs(undisturbed)
    # Many small steps, so that there are many moments.
    monkeypatch.setattr(running, "FIRST", 12)
    monkeypatch.setattr(running, "MOST", 12)
    import_id, chance, kills = begin(site, content), random.Random(5), 0
    while kills < 50:
        site.database.dispose()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            work_and_tell(site, writing, monkeypatch)
        os.close(writing)
        # At the end of some step, and then a little later: before, in and after its commit, or in the next one.
        for _ in range(chance.choice((1, 1, 1, 2))):
            assert os.read(reading, 1), "The child has done all there was before it was killed often enough."
        time.sleep(chance.uniform(0, 0.006))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        kills += 1
    assert 0 < position_of(site, import_id) < 3022
    run_queued_jobs(site)

    assert people(site) == people(undisturbed)
    for model in (ContactActivity, ImportedContact, ImportProblem):
        assert count(site, model) == count(undisturbed, model)
    assert numbers_of(site) == numbers_of(undisturbed)
    undisturbed.close()


def position_of(site: Site, import_id: int) -> int:
    with site.session() as session:
        return session.get_one(ContactImport, import_id).position


def numbers_of(site: Site) -> list[dict[str, Any]]:
    with site.session() as session:
        rows = session.scalars(select(ContactImport).order_by(ContactImport.id)).all()
        return [{"state": row.state, "position": row.position, **row.numbers} for row in rows]


def work_and_tell(site: Site, writing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a process of its own, which never comes back from here; say when a step is about to be committed."""
    real = running.take_step

    def step(*arguments: Any) -> bool:
        is_over = real(*arguments)
        os.write(writing, b".")
        return is_over

    try:
        monkeypatch.setattr(running, "take_step", step)
        run_queued_jobs(site)
    finally:
        os._exit(1)


def test_the_command_imports_says_and_takes_no_for_an_answer(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("email,name\na@example.org,Anna\nbroken,B\n")
    said: list[str] = []
    bring_in(site, path, Asked(tags=("Messe",)), dry_run=True, say=said.append)
    assert said[:2] == ["Recognised: csv, utf-8-sig, separated by ','", "Columns: email = email, name = name"]
    assert said[2].startswith("new 1, changed 0")
    assert said[3:] == [
        "  row 2, new: a@example.org, Anna",
        "  row 3: An e-mail address has an @ in it, as in name@example.org. (email: broken)",
    ]
    assert count(site) == 0
    assert count(site, ContactImport) == 0
    bring_in(site, path, Asked(tags=("Messe",)), refused=tmp_path / "refused.csv")
    assert people(site) == {"a@example.org": {"name": "Anna", "tags": "Messe"}}
    assert "broken" in (tmp_path / "refused.csv").read_text()


def test_t_z3_an_assistant_may_not_import(site: Site) -> None:
    with make_client(site) as client:
        sign_in(site, client, "assistant")
        assert client.get(IMPORT).status_code == 403
        assert client.post(IMPORT, files={"file": ("a.csv", b"email\na@example.org\n")}).status_code == 403
    assert count(site) == 0
    assert count(site, ContactImport) == 0


def test_i6_old_files_are_forgotten_and_what_was_done_is_not(site: Site, staff: TestClient[Any]) -> None:
    from datetime import timedelta

    one = upload(site, staff, "email\na@example.org\n").run()
    left = upload(site, staff, "email\nb@example.org\n")
    with site.begin() as session:
        session.execute(update(ContactImport).values(created_at=datetime.now(UTC) - timedelta(days=3)))
    imports.forget_files(site)

    assert not [path for path in (site.settings.data_dir / "files").rglob("*") if path.is_file()]
    assert staff.get(left.url).status_code == 404
    one.undo()
    assert count(site) == 0
