"""The mailbox is read from a real IMAP server: each mail once, whatever happens in between (FEATURES M2)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from attrs import evolve
from sqlalchemy import select, update

from core.contacts.models import now
from core.errors import SettingsError
from core.mailbox import polling
from core.mailbox.imap import MailboxAway, modified_utf7
from core.mailbox.models import MailboxPosition
from core.mailbox.polling import look
from core.mailbox.server import parse_imap_url
from core.site import Site, open_site
from tests.core.mailbox.mailbox_support import ImapServer, anna, files_on_disk, imap_server, incoming, letter, piled
from tests.core.messages.mail_support import mail_site


@pytest.fixture(scope="module")
def imap() -> Iterator[ImapServer]:
    with imap_server() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    opened = mail_site(tmp_path, database_url, "")
    yield opened
    opened.close()


def reading(site: Site, url: str) -> Site:
    return evolve(site, settings=evolve(site.settings, imap_url=url))


def texts(site: Site) -> list[str]:
    return [message.text for message in incoming(site)]


def test_m2_the_mailbox_is_read_on_from_where_it_was_left(
    site: Site, imap: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = imap.new_folder()
    anna(site)
    connected = reading(site, imap.url(folder))
    imap.put(folder, letter(text="Before", number=1))

    assert look(connected) == 0, "what was there before it was connected is none of ours"
    imap.put(folder, *(letter(text=f"Mail {number}", number=number) for number in range(2, 6)))
    assert look(connected) == 4
    assert look(connected) == 0
    assert texts(site) == ["Mail 2", "Mail 3", "Mail 4", "Mail 5"]
    with imap.signed_in() as other:
        other.select(imap.wire(folder), readonly=True)
        _, found = other.search(None, "UNSEEN")
        assert len(found[0].split()) == 5, "for other programs they are unread still"

    # Too large: its head only, and a word about it; gone before it was fetched: passed over.
    monkeypatch.setattr(polling, "MAX_RAW", 3000)
    imap.put(folder, letter(subject="Large", text="x" * 5000, number=6), letter(text="After", number=7))
    assert look(connected) == 2
    assert (piled(site)[-1].subject, texts(site)[-1]) == ("Large", "After")

    # All numbers anew (RFC 9051 section 2.3.1.1): what was taken in is not taken in again, nor what was there before.
    with site.begin() as session:
        session.execute(update(MailboxPosition).values(validity=1, uid=3, began_at=now() + timedelta(hours=1)))
    assert look(connected) == 0
    imap.put(folder, letter(text="New", number=8))
    assert look(connected) == 1
    with site.begin() as session:
        session.execute(update(MailboxPosition).values(validity=1, uid=3, began_at=now() - timedelta(hours=1)))
    look(connected)
    assert texts(site)[4:] == ["After", "New", "Before"]


def test_m2_a_mailbox_that_can_t_be_read_is_told_of_and_tried_again(site: Site, imap: ImapServer) -> None:
    folder = imap.new_folder()
    anna(site)

    def refused(url: str) -> str:
        with pytest.raises(MailboxAway) as away:
            look(reading(site, url))
        with site.session() as session:
            errors = session.scalars(select(MailboxPosition.error)).all()
        assert str(away.value) in errors
        return str(away.value)

    assert "invalid" in refused(imap.url(folder, password="wrong")).lower()
    assert refused(imap.url("no such folder"))
    assert refused("imap://u:p@127.0.0.1:1/") == "The mail server refuses the connection."
    assert "demopass" not in repr(parse_imap_url(imap.url(folder)))
    # One that has no TLS to offer, where it is asked for.
    assert refused(imap.url(folder, options="?starttls=yes"))
    polling.run(reading(site, imap.url(folder, password="wrong")))

    connected = reading(site, imap.url(folder))
    assert look(connected) == 0
    imap.put(folder, letter())
    assert look(connected) == 1
    with site.session() as session:
        position = session.get_one(MailboxPosition, parse_imap_url(imap.url(folder)).name)  # type: ignore[union-attr]
        assert (position.error, position.failed_at) == ("", None)


def test_m2_a_server_that_ends_in_the_middle_of_a_mail_loses_none(site: Site) -> None:
    anna(site)
    mail = letter()
    said: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for whole in (None, False, True):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
                for line in lines:
                    tag, _, command = line.strip().partition(b" ")
                    said.append(command)
                    if command.startswith(b"CAPABILITY"):
                        connection.sendall(b"* CAPABILITY IMAP4rev1\r\n")
                    elif command.startswith(b"EXAMINE"):
                        following = b"5" if whole is None else b"6"
                        connection.sendall(
                            b"* 1 EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\n* OK [UIDNEXT %s] ok\r\n" % following
                        )
                    elif b"RFC822.SIZE" in command:
                        connection.sendall(b"* 1 FETCH (FLAGS ())\r\n* 1 FETCH (UID 5 RFC822.SIZE %d)\r\n" % len(mail))
                    elif b"BODY.PEEK[]" in command:
                        connection.sendall(
                            b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % len(mail) + mail[: None if whole else 50]
                        )
                        if not whole:
                            break
                        connection.sendall(b")\r\n")
                    connection.sendall(tag + b" OK done\r\n")
                    if command == b"LOGOUT":
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        connected = reading(site, f"imap://u:p@127.0.0.1:{listener.getsockname()[1]}/?timeout=20")
        assert look(connected) == 0
        with pytest.raises(MailboxAway):
            look(connected)
        assert texts(site) == []
        assert look(connected) == 1
        thread.join(10)
    assert texts(site) == ["When?"]
    assert not [command for command in said if b"STORE" in command or b"SELECT" in command], "nothing is changed there"


def test_m2_killed_at_any_moment_each_mail_comes_in_once(site: Site, imap: ImapServer) -> None:
    folder = imap.new_folder()
    anna(site)
    look(reading(site, imap.url(folder)))
    number = 30
    imap.put(folder, *(letter(text=f"Mail {one:02}", number=one) for one in range(number)))
    kills, wait, done = 0, 0.01, False
    while not done:
        child = os.fork()
        if child == 0:
            # Nothing of this process is touched, its connections least of all.
            own = open_site(evolve(site.settings, imap_url=imap.url(folder), secret=site.secret), [], upgrade=False)
            look(own)
            os._exit(0)
        time.sleep(wait)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        done = os.WIFEXITED(status)
        assert not done or os.WEXITSTATUS(status) == 0
        kills, wait = kills + 1, wait * 1.5
    assert sorted(texts(site)) == [f"Mail {one:02}" for one in range(number)]
    assert kills > 2, "it was killed on its way"
    assert files_on_disk(site) == []


def test_the_address_of_a_mailbox_is_read_or_refused_without_its_password() -> None:
    server = parse_imap_url("imaps://us%40er:p%20w@mail.example.org/INBOX%2FCRM?timeout=5")
    assert server is not None
    assert (server.user, server.password, server.port, server.tls) == ("us@er", "p w", 993, "implicit")
    assert (server.folder, server.timeout) == ("INBOX/CRM", 5.0)
    local, remote = parse_imap_url("imap://u:p@localhost"), parse_imap_url("imap://u:p@mail.example.org")
    assert local is not None
    assert remote is not None
    assert (local.tls, remote.tls, remote.folder) == ("none", "required", "INBOX")
    assert parse_imap_url("") is None
    assert modified_utf7("Entwürfe & mehr") == "Entw&APw-rfe &- mehr"
    for url in (
        "http://u:p@h",
        "imaps://host",
        "imaps://u@host",
        "imaps://u:secret@host?x=1",
        "imaps://u:secret@host?timeout=0",
        "imaps://u:secret@host?starttls=maybe",
        "imaps://u:secret@host/a%0d%0ab",
        "imaps://u:secret@host:abc",
    ):
        with pytest.raises(SettingsError) as error:
            parse_imap_url(url)
        assert "secret" not in str(error.value)
