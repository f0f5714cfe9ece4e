"""The journal of erasures outside of the database: nothing is lost, and nobody else is erased (THREATS T-R4)."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy import select, text

from core import Site
from core.backup import aftercare, journal
from core.backup.journal import Entry, read_epochs, read_journal
from core.backup.making import back_up
from core.backup.restoring import Asked, restore
from core.cli import main
from core.contacts.merging.merging import merge_contacts
from core.contacts.merging.undoing import merges_of, undo_merge
from core.contacts.models import Contact, now
from core.errors import BackupError
from core.privacy.erasing import erase
from core.settings import Settings
from core.site import open_site
from core.testing import run_due_jobs
from tests.core.privacy.people import KARLA, capture, contacts, make_person

ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def written(settings: Settings) -> list[int]:
    """The numbers in the journal, each once."""
    return [entry.contact_id for entry in read_journal(settings.journal).entries]


@ONE_DATABASE
def test_t_r4_an_erasing_whose_process_is_killed_before_it_is_written_down_is_written_by_the_next(
    settings: Settings, site: Site, tmp_path: Path
) -> None:
    anna, berta = capture(site), capture(site, "berta@example.org")
    journal.catch_up(site.database, settings.journal)
    made = back_up(settings, tmp_path / "site.tar")
    site.close()

    for contact_id in (anna, berta):
        if not (child := os.fork()):
            killed = open_site(settings, upgrade=False)
            journal.append = lambda path, entries: os.kill(os.getpid(), signal.SIGKILL)
            with killed.begin() as session:
                erase(session, killed, [contact_id], KARLA)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        with closing(open_site(settings, upgrade=False)) as left:
            assert contact_id not in dict(contacts(left)), "it was committed"
            assert contact_id not in written(settings)
            if contact_id == anna:
                run_due_jobs(left)
                assert written(settings) == [anna]
    # Of the second one only the database knows, which goes aside now.
    done = restore(settings, made.path, Asked(replace=True))

    assert done.replayed is not None
    assert done.replayed.erased == 2
    assert sorted(written(settings)) == [anna, berta]
    with closing(open_site(settings, upgrade=False)) as restored:
        assert contacts(restored) == []


@ONE_DATABASE
def test_t_r4_a_number_that_was_given_anew_after_a_restore_erases_nobody_else(
    settings: Settings, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftercare, "GAP", 0)
    capture(site, "first@example.org")
    old = back_up(settings, tmp_path / "old.tar")
    lost_id = capture(site, "lost@example.org")
    with site.begin() as session:
        erase(session, site, [lost_id], KARLA)
    site.close()
    kept_journal = shutil.copyfile(settings.journal, tmp_path / "kept.jsonl")

    # Restored without the journal: nobody knows of the number, and it is given anew.
    other = evolve(settings, data_dir=tmp_path / "other")
    restore(other, old.path, Asked(without_erasures=True))
    with closing(open_site(other, upgrade=False)) as second:
        assert capture(second, "berta@example.org") == lost_id
        newer = back_up(other, tmp_path / "newer.tar")
        with second.session() as session:
            epochs = read_epochs(session)
    done = restore(other, newer.path, Asked(replace=True, erasures=kept_journal))

    assert done.replayed is not None
    assert done.replayed.erased == 0
    with closing(open_site(other, upgrade=False)) as third:
        assert "berta@example.org" in dict(contacts(third)).values()
    # The control: the same number of this epoch is hers.
    journal.append(kept_journal, [Entry(epochs.of(lost_id), lost_id, now())])
    shutil.rmtree(next(other.data_dir.glob("before-*")))
    assert restore(other, newer.path, Asked(replace=True, erasures=kept_journal)).replayed.erased == 1  # type: ignore[union-attr]


def test_t_r4_numbers_go_on_above_all_that_the_journal_knows(settings: Settings, site: Site) -> None:
    first = capture(site)
    with site.begin() as session:
        aftercare.begin_epoch(session, [Entry("unknown", first + 500, now())])
    with site.session() as session:
        epochs = read_epochs(session)

    second = capture(site, "second@example.org")

    assert second == first + 500 + aftercare.GAP + 1
    assert epochs.of(first) != epochs.of(second)
    with site.session() as session:
        assert len(session.execute(text("SELECT * FROM site_epochs")).all()) == 2


@ONE_DATABASE
def test_t_r4_of_two_who_were_merged_in_the_backup_and_one_was_erased_the_other_stays(
    settings: Settings, site: Site, tmp_path: Path
) -> None:
    kept = make_person(site).contact_id
    alone, with_kept = capture(site, "alone@example.org"), capture(site, "old@example.org")
    for merged_id in (alone, with_kept):
        with site.begin() as session:
            merge_contacts(session, site, kept, merged_id, KARLA)
    gone, stays = capture(site, "gone@example.org"), capture(site, "stays@example.org")
    with site.begin() as session:
        merge_contacts(session, site, gone, stays, KARLA)
    made = back_up(settings, tmp_path / "site.tar")
    with site.begin() as session:
        for contact_id in (kept, gone):
            for merge, _ in merges_of(session, contact_id):
                undo_merge(session, site, contact_id, merge.id, KARLA)
    with site.begin() as session:
        erase(session, site, [alone, gone], KARLA)
    site.close()

    done = restore(settings, made.path, Asked(replace=True))

    assert done.replayed is not None
    assert (done.replayed.unmerged, done.replayed.erased, done.problems) == (2, 2, [])
    with closing(open_site(settings, upgrade=False)) as restored, restored.session() as session:
        rows = session.execute(select(Contact.id, Contact.merged_into_id).order_by(Contact.id)).all()
        assert [tuple(row) for row in rows] == [(kept, None), (with_kept, kept), (stays, None)]


@ONE_DATABASE
def test_t_r4_two_who_can_not_be_told_apart_any_more_are_left_to_people(
    settings: Settings, site: Site, tmp_path: Path
) -> None:
    kept, merged = capture(site, "kept@example.org"), capture(site, "merged@example.org")
    with site.begin() as session:
        merge_contacts(session, site, kept, merged, KARLA)
        session.execute(text("DELETE FROM contact_merges"))
    made = back_up(settings, tmp_path / "site.tar")
    with site.session() as session:
        journal.append(settings.journal, [Entry(read_epochs(session).of(kept), kept, now())])
    site.close()

    done = restore(settings, made.path, Asked(replace=True))

    assert f"Of contacts {merged} and {kept} one was erased" in "".join(done.problems)
    with closing(open_site(settings, upgrade=False)) as restored:
        assert len(contacts(restored)) == 2


def test_a_journal_that_was_cut_off_is_read_and_gone_on_with_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    journal.append(path, [Entry("e", 1, now()), Entry("e", 2, now())])
    with path.open("r+b") as opened:
        opened.truncate(path.stat().st_size - 20)
    journal.append(path, [Entry("e", 2, now())])

    found = read_journal(path)

    assert (list(found.entries), found.unreadable) == ([Entry("e", 1, now()), Entry("e", 2, now())], 1)
    assert path.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    for content in (b"", b"SQLite format 3\x00", b'{"journal": "tresen.erasures", "format": 2}\n'):
        other.write_bytes(content)
        with pytest.raises(BackupError):
            read_journal(other)


@ONE_DATABASE
def test_the_doctor_says_what_the_journal_lacks_and_who_is_there_again(
    settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRESEN_DATA_DIR", str(settings.data_dir))
    anna, berta = capture(site), capture(site, "berta@example.org")
    with site.begin() as session:
        erase(session, site, [anna], KARLA)
    settings.journal.unlink()
    assert main(["doctor"]) == 1
    assert f"1 erasings are not in {settings.journal}." in capsys.readouterr().out
    assert main(["doctor", "--repair"]) == 0
    assert written(settings) == [anna]
    # A database that was put back by hand.
    with site.session() as session:
        epoch = read_epochs(session).of(berta)
    journal.append(settings.journal, [Entry(epoch, berta, now())])
    assert main(["doctor", "--repair"]) == 1
    assert f"Contact {berta} was erased, and is there again" in capsys.readouterr().out
    assert "berta@example.org" in dict(contacts(site)).values()


@ONE_DATABASE
def test_an_erasing_stands_when_it_can_not_be_written_down(settings: Settings, site: Site, tmp_path: Path) -> None:
    anna = capture(site)
    (tmp_path / "file").write_text("in the way")
    with closing(open_site(evolve(settings, erasure_journal=str(tmp_path / "file" / "erasures")))) as other:
        with other.begin() as session:
            erase(session, other, [anna], KARLA)
        assert contacts(other) == []
    run_due_jobs(site)
    assert written(settings) == [anna]
