"""The command `tresen`: what it prints and the status it ends with."""

from __future__ import annotations

import io
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import Check, Contact, hookimpl, state
from core.cli import main
from core.contacts.models import now
from core.settings import Settings
from core.site import Site, open_site
from core.staff.models import StaffAccount
from tests.sample_plugin.models import Points
from tests.support.mail import mail_server

PASSWORD = "a loaf of rye bread"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> None:
    monkeypatch.setenv("TRESEN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRESEN_DATABASE_URL", database_url)


def _accounts(tmp_path: Path, database_url: str) -> list[tuple[str, str]]:
    with closing(open_site(Settings(data_dir=tmp_path, database_url=database_url))) as site, site.session() as session:
        return [(row.email, row.role) for row in session.execute(select(StaffAccount.email, StaffAccount.role))]


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("serve", "demo", "migrate", "user", "plugin", "doctor", "backup", "restore"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"tresen {command}" in capsys.readouterr().out


def test_unknown_command_ends_with_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bake"])
    assert ended.value.code == 2
    assert "bake" in capsys.readouterr().err


def test_migrate_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    first = capsys.readouterr().out
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "Everything is up to date.\n"
    assert first.startswith(("Brought up to date: core", "Everything is up to date."))


def test_h7_user_add_reads_the_password_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert main(["user", "add", "Frieda@example.org", "--name", "Frieda", "--role", "manager"]) == 0
    assert _accounts(tmp_path, database_url) == [("Frieda@example.org", "manager")]
    assert PASSWORD not in "".join(capsys.readouterr())


def test_h7_user_add_refuses_a_short_password_and_a_known_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["user", "add", "frieda@example.org"]) == 1
    assert _accounts(tmp_path, database_url) == []
    for expected in (0, 1):
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        assert main(["user", "add", "frieda@example.org"]) == expected
    assert len(_accounts(tmp_path, database_url)) == 1
    assert capsys.readouterr().err.startswith("tresen user: ")


def test_h2_plugin_switch_and_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "list"]) == 0
    keys = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert keys, "this checkout has plugins"
    assert main(["plugin", "disable", keys[0]]) == 0
    assert main(["plugin", "list"]) == 0
    assert f"{keys[0]}\toff\t" in capsys.readouterr().out
    assert main(["plugin", "enable", keys[0]]) == 0
    assert main(["plugin", "enable", "nothing"]) == 1
    assert "There is no plugin 'nothing'." in capsys.readouterr().err


def test_doctor_lists_every_setting_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    monkeypatch.setenv("TRESEN_SECRET", "sesame-open-wide")
    assert main(["migrate"]) == 0
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for name in ("DATA_DIR", "DATABASE_URL", "BASE_URL", "SECRET", "LANGUAGE", "TIMEZONE", "PLUGINS"):
        assert f"TRESEN_{name} = " in printed
    assert "sesame-open-wide" not in printed
    assert database_url not in printed
    assert printed.endswith("No problems found.\n")


def test_doctor_says_whether_mail_can_be_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    assert main(["migrate"]) == 0
    assert main(["doctor"]) == 0
    assert "nothing is sent: TRESEN_SMTP_URL is not set" in capsys.readouterr().out
    with mail_server() as server:
        monkeypatch.setenv("TRESEN_SMTP_URL", server.url)
        assert main(["doctor"]) == 1
        assert "the sender's address is not set" in capsys.readouterr().out
        with closing(open_site()) as site, site.begin() as session:
            state.save_setting(session, "message.sender_email", "laden@example.org")
        assert main(["doctor"]) == 0
        assert f"127.0.0.1:{server.port} is ready" in capsys.readouterr().out
    monkeypatch.setenv("TRESEN_SMTP_URL", f"smtp://ada:secret-word@127.0.0.1:{server.port}")
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert f"The mail server 127.0.0.1:{server.port} can't be used: The mail server refuses the connection." in printed
    assert "secret-word" not in printed


def test_doctor_names_waiting_migrations(fresh_database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRESEN_DATABASE_URL", fresh_database())  # type: ignore[operator]
    assert main(["doctor"]) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TRESEN_BASE_URL", "shop.example.org", "Write scheme and host only"),
        ("TRESEN_TIMEZONE", "Bonn", "no time zone"),
        ("TRESEN_LANGUAGE", "tlh", "Choose one of: de, en"),
        ("TRESEN_DATABASE_URL", "mysql://localhost/x", "Use a SQLite file or PostgreSQL"),
        ("TRESEN_TRUSTED_PROXIES", "localhost", "no address or network"),
    ],
)
def test_a_setting_that_cannot_be_used_is_said_in_one_sentence(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path, database_url: str) -> None:
    from core.settings import load_secret

    settings = Settings(data_dir=tmp_path / "own", database_url=database_url)
    first = load_secret(settings)
    assert load_secret(settings) == first
    assert len(first) > 40
    assert stat.S_IMODE((tmp_path / "own" / "secret").stat().st_mode) == 0o600


# What plugins add


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRESEN_PLUGINS", "tests.sample_plugin.plugin")


def _points(*points: int) -> list[int]:
    """Set the contacts' points, one contact each if there are none; answers what is stored."""
    with closing(open_site()) as site, site.begin() as session:
        for number, one in enumerate(points):
            contact = Contact(email=f"n{number}@example.org", email_key=f"n{number}@example.org", joined_at=now())
            session.add(contact)
            session.flush()
            session.add(Points(contact_id=contact.id, points=one))
        session.flush()
        return list(session.scalars(select(Points.points).order_by(Points.contact_id)))


def test_doctor_runs_the_checks_of_plugins_and_mends_what_they_can(
    sample: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _points(5, -2, -1)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "  Points: problems: 2\n" in printed
    assert "has -2 points." in printed
    assert "Points: run tresen doctor --repair" in printed
    assert _points() == [5, -2, -1]
    assert main(["doctor", "--repair"]) == 0
    assert "Points: well, mended: 2" in capsys.readouterr().out
    assert _points() == [5, 0, 0]


def test_doctor_names_a_check_that_fails_and_keeps_nothing_of_a_repair_that_fails(
    sample: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(session: Session, site: Site) -> list[str]:
        return [f"{number} is odd." for number in range(25)]

    def repair(session: Session, site: Site) -> None:
        session.execute(update(Points).values(points=99))
        raise RuntimeError("no rope")

    def fall(session: Session, site: Site) -> list[str]:
        raise RuntimeError("no ground")

    offered = [
        Check(key="sample_plugin.odd", label="Odd", find=find, repair=repair),
        Check(key="sample_plugin.broken", label="Broken", find=fall),
    ]
    monkeypatch.setattr("tests.sample_plugin.plugin.checks", hookimpl(lambda: offered))
    _points(1)
    assert main(["doctor", "--repair"]) == 1
    printed = capsys.readouterr().out
    assert "Odd: 19 is odd." in printed
    assert "Odd: 20 is odd." not in printed
    assert "Odd: and 6 more." in printed
    assert "Broken: The check failed: RuntimeError: no ground" in printed
    assert _points() == [1]


def test_a_plugin_adds_commands(sample: None, capsys: pytest.CaptureFixture[str]) -> None:
    _points(1, 2)
    assert main(["sample_plugin", "give-all", "5"]) == 0
    assert capsys.readouterr().out == "2 contacts have 5 points more.\n"
    assert _points() == [6, 7]
    with pytest.raises(SystemExit) as ended:
        main(["sample_plugin", "--help"])
    assert ended.value.code == 0
    assert "give points to every contact" in capsys.readouterr().out
    assert main(["plugin", "disable", "sample_plugin"]) == 0
    assert main(["sample_plugin", "give-all", "5"]) == 1
    assert "This plugin has no commands, or is off." in capsys.readouterr().err
    assert main(["consent", "bake"]) == 1
