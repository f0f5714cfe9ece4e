"""`tresen receive`: what a mail server hands to a program, and the exit status that it goes by (sysexits.h)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import main
from core.mailbox import piping
from core.site import Site
from tests.core.mailbox.mailbox_support import anna, incoming, letter
from tests.core.messages.mail_support import mail_site


@pytest.fixture
def site(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    opened = mail_site(tmp_path, database_url, "")
    for name, value in (
        ("DATABASE_URL", database_url),
        ("DATA_DIR", str(opened.settings.data_dir)),
        ("SECRET", opened.secret),
    ):
        monkeypatch.setenv(f"TRESEN_{name}", value)
    yield opened
    opened.close()


def test_m2_a_mail_server_hands_a_mail_to_the_command(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    anna(site)

    def receive(raw: bytes) -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        return main(["receive"])

    mail = letter(text="By the pipe").replace(b"\r\n", b"\n")
    assert receive(b"From anna@example.com Sun Nov 22 12:00:00 2026\n" + mail) == 0
    assert receive(mail) == 0, "the mail server did not hear the answer and comes again"
    assert [message.text for message in incoming(site)] == ["By the pipe"]

    assert receive(b"\n") == piping.DATA_ERROR
    monkeypatch.setattr(piping, "MAX_RAW", 1000)
    assert receive(letter(text="x" * 2000)) == piping.DATA_ERROR
    # Whatever is wrong here, the mail server keeps the mail.
    monkeypatch.setenv("TRESEN_DATABASE_URL", "sqlite:////no/such/folder/file.sqlite")
    assert receive(letter(number=9)) == piping.TRY_AGAIN
    monkeypatch.setenv("TRESEN_TIMEZONE", "Nowhere")
    assert receive(letter(number=9)) == piping.TRY_AGAIN
    assert "try again later" in capsys.readouterr().err
    assert len(incoming(site)) == 1
