"""What restoring refuses, and that nothing is touched then; what is there goes aside, and comes back on failure."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve
from sqlalchemy import text

from core import Site
from core.backup.archive import MANIFEST, verify
from core.backup.making import Made, back_up
from core.backup.restoring import Asked, restore
from core.errors import BackupError, DutyFailed
from core.privacy.erasing import erase
from core.settings import Settings
from core.site import open_site
from plugins.shop import persons
from tests.core.backup.conftest import Place
from tests.core.privacy.people import KARLA, capture, contacts, make_person

ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def made(settings: Settings, site: Site, tmp_path: Path) -> Made:
    """A backup with a person in it who is erased afterwards; the site is closed."""
    person = make_person(site)
    made = back_up(settings, tmp_path / "site.tar")
    with site.begin() as session:
        erase(session, site, [person.contact_id], KARLA)
    capture(site, "since@example.org")
    site.close()
    return made


def whole(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewritten(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The backup with another manifest."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            raw = old.extractfile(member).read()  # type: ignore[union-attr]
            if member.name == MANIFEST:
                values = json.loads(raw)
                change(values)
                raw = json.dumps(values).encode()
                member.size = len(raw)
            new.addfile(member, io.BytesIO(raw))
    return target


@ONE_DATABASE
def test_t_r4_what_is_no_whole_backup_of_this_version_is_refused_and_nothing_is_touched(
    settings: Settings, made: Made, tmp_path: Path
) -> None:
    raw = made.path.read_bytes()
    bad = tmp_path / "bad.tar"
    before = whole(settings.data_dir)
    changed = [bytearray(raw) for _ in range(3)]
    with tarfile.open(made.path) as opened:
        names = [member.offset_data for member in opened]
    for number, copy in enumerate(changed):
        copy[names[[0, -2, -1][number]] + 5] ^= 1
    swapped = raw.replace(b"files/", b"filez/", 1)
    for content in (b"", b"not a tar", raw[: len(raw) // 2], raw[:-20_000], swapped, *changed):
        bad.write_bytes(content)
        with pytest.raises(BackupError, match="damaged or cut off"):
            verify(bad)
        with pytest.raises(BackupError, match="damaged or cut off"):
            restore(settings, bad, Asked(replace=True))
    for change, said in (
        (lambda values: values.update(format=99, tresen="9.0"), "newer Tresen .9.0"),
        (lambda values: values["heads"].update(core="9999"), "newer Tresen .*core are at 9999"),
        (lambda values: values["heads"].update(consent="9999"), "consent are at 9999"),
        (lambda values: values.update(kind="postgresql"), "backup is of postgresql"),
        (lambda values: values["rows"].update(contacts=77), "other numbers of rows"),
    ):
        bad.unlink()
        with pytest.raises(BackupError, match=said):
            restore(settings, rewritten(made.path, bad, change), Asked(replace=True))
    with pytest.raises(BackupError, match=r"There is a site already: .*--replace"):
        restore(settings, made.path, Asked())
    with pytest.raises(BackupError, match="another secret"):
        restore(evolve(settings, secret="x" * 40), made.path, Asked(replace=True))
    with pytest.raises(BackupError, match=r"no journal of erasures .*--erasures FILE"):
        restore(evolve(settings, data_dir=tmp_path / "empty"), made.path, Asked())
    assert whole(tmp_path / "empty") == {}
    with closing(open_site(settings)) as running:
        contacts(running)
        with pytest.raises(BackupError, match="The site is running"):
            restore(settings, made.path, Asked(replace=True))

    assert whole(settings.data_dir).keys() == before.keys()
    with closing(open_site(settings)) as site:
        assert [email for _, email in contacts(site)] == ["since@example.org"]


def test_t_r4_a_restore_that_fails_leaves_all_as_it_was(
    settings: Settings, made: Made, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = whole(settings.data_dir).keys()

    def fail(*_arguments: object) -> None:
        raise ValueError("no rope")

    with monkeypatch.context() as failing:
        failing.setattr(persons, "erase", fail)
        if settings.database_url:
            # Into an empty database, which stays empty.
            other = place("other")
            with pytest.raises(DutyFailed, match="shop"):
                restore(other, made.path, Asked(erasures=settings.journal))
            with closing(psycopg.connect(other.database_url.replace("+psycopg", ""))) as connection:
                for found in ("pg_class WHERE relnamespace", "pg_proc WHERE proname LIKE 'consent%' AND pronamespace"):
                    query = f"SELECT count(*) FROM {found} = CAST('public' AS regnamespace)"
                    assert connection.execute(query).fetchone() == (0,), found  # type: ignore[arg-type]
        else:
            with pytest.raises(DutyFailed, match="shop"):
                restore(settings, made.path, Asked(replace=True))
    with monkeypatch.context() as failing:
        # After everything else, in the middle of moving.
        rename = Path.rename
        failing.setattr(
            Path, "rename", lambda path, target: fail() if path.parent.name == "data" else rename(path, target)
        )
        with pytest.raises(ValueError, match="no rope"):
            restore(settings, made.path, Asked(replace=True))

    assert whole(settings.data_dir).keys() == before
    with closing(open_site(settings, upgrade=False)) as site:
        assert [email for _, email in contacts(site)] == ["since@example.org"]
        assert site.plugins
        if not site.database.is_sqlite:
            with site.session() as session:
                schemas = session.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before%'")).all()
                assert schemas == []


@ONE_DATABASE
def test_a_restore_that_is_killed_while_it_moves_keeps_the_site_from_starting_until_it_is_done_again(
    settings: Settings, made: Made
) -> None:
    if not (child := os.fork()):
        rename = Path.rename

        def kill(path: Path, target: Path) -> Path:
            if path.name == "database":
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)

        Path.rename = kill  # type: ignore[method-assign]
        restore(settings, made.path, Asked(replace=True))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    with pytest.raises(BackupError, match="A restore was interrupted"):
        open_site(settings)
    with pytest.raises(BackupError, match="A restore was interrupted"):
        back_up(settings, made.path.with_name("half.tar"))
    aside = next(settings.data_dir.glob("before-*"))
    old = whole(aside)
    assert "tresen.sqlite" in old
    aside.rename(aside.with_name("before-1"))

    done = restore(settings, made.path, Asked(replace=True))

    assert done.problems == []
    assert whole(settings.data_dir / "before-1") == old
    with closing(open_site(settings)) as site:
        assert contacts(site) == []
