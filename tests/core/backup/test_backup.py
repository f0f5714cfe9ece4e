"""Backing up under load and restoring: whole, consistent, and without whoever was erased since (THREATS T-R4)."""

from __future__ import annotations

import io
import shutil
import stat
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import delete, func, select

from core import Details, Site
from core.backup import making, postgres
from core.backup.archive import verify
from core.backup.making import back_up
from core.backup.restoring import Asked, restore
from core.backup.snapshots import Snapshot, named_files
from core.checking import run_checks
from core.cli import main
from core.contacts.files import add_file, file_path, remove_bytes, storing
from core.contacts.models import Contact, StoredFile, now
from core.database.engine import open_database
from core.errors import BackupError
from core.messages import outbox
from core.messages.composing import queue_message
from core.messages.models import Message, Newsletter
from core.privacy.erasing import erase
from core.privacy.models import ErasureReceipt
from core.settings import Settings
from core.site import open_site
from core.staff.models import StaffAccount, StaffSession
from core.staff.sessions import start_session
from core.zone.links import ask_for_link
from core.zone.models import ZoneLink, ZoneSession
from core.zone.sessions import start_session as start_zone_session
from plugins.shop.models import Order, OrderLine
from plugins.shop.orders import Item, NewOrder, record_order
from plugins.shop.products import ProductValues, VariantValues, add_product, variant_ids
from tests.core.backup.conftest import Place
from tests.core.privacy.marking import files_with_mark, rows_with_mark
from tests.core.privacy.people import KARLA, capture, make_person
from tests.core.privacy.test_marker import person_everywhere

ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


class Load:
    """Visitors who order, each in a thread, until they are told to stop; `done` has what was acknowledged."""

    def __init__(self, site: Site) -> None:
        self._site, self._stop = site, Event()
        self.done: list[str] = []
        self.under_way = Event()
        with site.begin() as session:
            values = ProductValues(
                name="Rye", slug="rye", variants=[VariantValues(price=400)], tax_rate=700, position=1
            )
            self._variant = variant_ids(session, add_product(session, site, values))[0]
        self._threads = [Thread(target=self._order, args=(number,)) for number in range(2)]

    def _order(self, thread: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            email = f"v{thread}-{number}@example.org"
            with self._site.begin() as session:
                items = [Item(variant_id=self._variant, quantity=number % 3 + 1)]
                order = record_order(
                    session, self._site, NewOrder(email=email, details=Details(name="Vera Visitor"), items=items)
                )
                name = order.number
            self.done.append(name)
            if len(self.done) > 5:
                self.under_way.set()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        assert self.under_way.wait(30)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def on_the_way(site: Site, contact_id: int) -> None:
    """A mail that waits and one that is being sent, a newsletter under way, and everything that lets somebody in."""
    with site.begin() as session:
        for number in range(2):
            queue_message(session, site, contact_id, f"Subject {number}", "Text", "personal")
    with site.begin() as session:
        assert outbox.claim(session, "another/1/2/3") is not None
        session.add(Newsletter(state="sending", subject="News", text="Text", purpose="personal", audience="all"))
        account = StaffAccount(email="k@example.org", email_key="k@example.org", role="owner", password_hash="!")
        session.add(account)
        session.flush()
        start_session(session, account.id)
        start_zone_session(session, contact_id)
        message_id = session.scalar(select(func.min(Message.id)))
        session.add(ZoneLink(contact_id=contact_id, message_id=message_id, expires_at=now()))
        ask_for_link(session, site, "bert@example.org")


def test_t_r4_a_backup_under_load_is_restored_whole_and_who_was_erased_since_is_erased_again(
    settings: Settings, site: Site, place: Place, tmp_path: Path
) -> None:
    erased_id = person_everywhere(site)
    stays = make_person(site, "bert@example.org", "Bert Meyer").contact_id
    on_the_way(site, stays)
    with Load(site) as load:
        before = list(load.done)
        made = back_up(settings, tmp_path / "site.tar")
        during = len(load.done) - len(before)
    assert during > 0, "nobody waited for the backup"
    with site.begin() as session:
        erase(session, site, [erased_id], KARLA)
    after = len(load.done) + 2
    site.close()

    other = place("other")
    if site.database.is_sqlite:
        assert restore(other, made.path, Asked(without_erasures=True)).problems == []
        with closing(open_site(other, upgrade=False)) as with_her:
            assert rows_with_mark(with_her), "without the journal she would be back"
            assert files_with_mark(other.data_dir)
    done = restore(other, made.path, Asked(replace=True, erasures=settings.journal))

    assert done.problems == []
    assert done.replayed is not None
    assert done.replayed.erased == 2, "and the contact that was merged into her"
    for aside in other.data_dir.glob("before-*"):
        assert files_with_mark(aside)
        shutil.rmtree(aside)
    restored = open_site(other, upgrade=False)
    assert [checked.problems for checked in run_checks(restored) if checked.problems] == []
    assert rows_with_mark(restored) == []
    assert files_with_mark(other.data_dir) == []
    with restored.session() as session:
        orders = session.scalars(select(Order)).all()
        numbers = {order.number for order in orders}
        assert set(before) <= numbers, "what was acknowledged before the backup began"
        assert len(orders) <= after
        assert len(set(session.scalars(select(OrderLine.order_id)))) == len(orders)
        kept = session.scalars(select(StoredFile.stored_name)).all()
        assert kept
        assert all(file_path(other.data_dir, name).is_file() for name in kept)
        assert {receipt.contacts for receipt in session.scalars(select(ErasureReceipt))} == {1}
        # What may have gone out since is left to people.
        states = session.scalars(select(Message.state).where(Message.direction == "out")).all()
        assert [state for state in states if state in ("queued", "sending")] == []
        assert states.count("unknown") >= 2
        assert not outbox.anything_to_do(session)
        assert set(session.scalars(select(Newsletter.state))) == {"stopped"}
        for model in (StaffSession, ZoneSession):
            assert session.scalar(select(func.count()).select_from(model)) == 0
        assert session.scalar(select(func.count()).where(ZoneLink.used_at.is_(None))) == 0
        highest = session.scalar(select(func.max(Contact.id))) or 0
    restored.close()
    again = open_site(other, upgrade=False)
    assert make_person(again, "new@example.org", "Nora Neu").contact_id > highest + 1000
    again.close()


@ONE_DATABASE
def test_t_r4_every_file_that_the_moment_names_is_in_the_backup_whatever_comes_and_goes(
    settings: Settings, site: Site, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = capture(site)
    old, gone = _upload(site, contact_id, "old"), _upload(site, contact_id, "gone before the backup")
    file_path(settings.data_dir, gone).unlink()
    take, moments, came = making.take_snapshot, [], []

    @contextmanager
    def taken(*arguments: Any) -> Iterator[Snapshot]:
        if not moments:
            # After the files were looked through, and before the moment: one stays, one goes right after it.
            came.extend(_upload(site, contact_id, f"new {number}") for number in range(2))
        with take(*arguments) as moment:
            moments.append(set(named_files(moment.connection)))
            if len(moments) == 1:
                for name in (old, came[1]):
                    _remove(site, name)
            yield moment

    monkeypatch.setattr(making, "take_snapshot", taken)
    made = back_up(settings, tmp_path / "site.tar")

    assert came[1] in moments[0], "a moment whose file is gone already"
    assert len(moments) == 2, "given up for a newer one, by which it is known what was lost before"
    assert made.lost == 1
    assert moments[-1] == {gone, came[0]}
    other = place("other")
    restore(other, made.path, Asked(without_erasures=True))
    on_disk = {path.name for path in (other.data_dir / "files").rglob("*") if path.is_file()}
    assert on_disk == {came[0]}
    assert list(settings.data_dir.glob(".tresen-work-*")) == list(tmp_path.glob(".tresen-work-*")) == []


def _upload(site: Site, contact_id: int, text: str) -> str:
    with storing(site.settings.data_dir) as store:
        saved = store.save("letter.txt", io.BytesIO(text.encode()))
        with site.begin() as session:
            add_file(session, contact_id, saved)
    return saved.stored_name


def _remove(site: Site, name: str) -> None:
    with site.begin() as session:
        session.execute(delete(StoredFile).where(StoredFile.stored_name == name))
    remove_bytes(site.settings.data_dir, [name])


@ONE_DATABASE
def test_a_backup_is_for_its_owners_eyes_is_not_overwritten_and_takes_no_memory(
    settings: Settings, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = capture(site)
    with storing(settings.data_dir) as store:
        saved = store.save("film.bin", io.BytesIO(bytes(12_000_000)))
        with site.begin() as session:
            add_file(session, contact_id, saved)
    (settings.data_dir / "templates" / "site").mkdir(parents=True)
    (settings.data_dir / "templates" / "site" / "own.html").write_text("<p>Own</p>")
    monkeypatch.setenv("TRESEN_DATA_DIR", str(settings.data_dir))
    target = tmp_path / "a.tar"
    tracemalloc.start()
    made = back_up(settings, target)
    verify(target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8_000_000
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert made.manifest.files == 2
    assert main(["backup", str(target)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["backup", str(target), "--force"]) == 0
    assert main(["backup", "--check", str(target)]) == 0
    assert "1 contacts, 2 files" in capsys.readouterr().out
    (tmp_path / "folder").mkdir()
    assert main(["backup", str(tmp_path / "folder")]) == 0
    assert [path.suffix for path in (tmp_path / "folder").iterdir()] == [".tar"]
    other = evolve(settings, data_dir=tmp_path / "other")
    restore(other, target, Asked(without_erasures=True))
    assert (other.data_dir / "templates" / "site" / "own.html").read_text() == "<p>Own</p>"
    assert (other.data_dir / "secret").read_text() == site.secret
    assert stat.S_IMODE((other.data_dir / "secret").stat().st_mode) == 0o600


def test_the_password_of_postgresql_stands_on_no_command_line(tmp_path: Path) -> None:
    database = open_database("postgresql://ada:pass%20word@db.example.org:5433/crm?sslmode=require")
    tmp_path.chmod(0o700)

    called = postgres.programs(database, "", tmp_path)

    written = (tmp_path / "service").read_text()
    assert "pass word" not in written
    assert {"host=db.example.org", "port=5433", "user=ada", "dbname=crm", "sslmode=require"} <= set(written.split())
    assert called.environment["PGPASSWORD"] == "pass word"
    assert "pass word" not in repr(called)
    for folder, said in ((str(tmp_path), "TRESEN_PG_BIN"), ("", "on the PATH")):
        with pytest.raises(BackupError, match=said) as raised:
            postgres.find_program("pg_no_such_program", folder)
        assert "Install the client programs" in str(raised.value)
