"""What is fetched and sent goes over TLS to the server that was meant, or not at all (RFC 8314, ASVS 12.3.1)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
import trustme
from aiosmtpd.controller import Controller

from core.mailbox.imap import MailboxAway
from core.mailbox.imap import probe as probe_imap
from core.mailbox.server import parse_imap_url
from core.messages.mail_server import parse_smtp_url
from core.messages.smtp import probe as probe_smtp
from core.site import Site
from tests.core.messages.mail_support import add_contact, mail_site, message, queue, send, staff
from tests.support.mail import MailServer
from tests.support.postgres import free_port

REFUSED = "The certificate of the mail server is not valid."


class Quick(Controller):  # type: ignore[misc]
    """It waits until somebody has connected, and would itself look at the certificate."""

    def _trigger_server(self) -> None:
        socket.create_connection((self.hostname, self.port), 5).close()


@contextmanager
def smtp(context: ssl.SSLContext, *, implicit: bool) -> Iterator[str]:
    """A mail server; its address."""
    handler = MailServer(port=free_port())
    options = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    controller = Quick(handler, hostname="127.0.0.1", port=handler.port, **options)
    controller.start()
    try:
        yield f"smtps://127.0.0.1:{handler.port}" if implicit else f"{handler.url}?starttls=yes"
    finally:
        controller.stop()


@contextmanager
def imap(context: ssl.SSLContext, *, implicit: bool) -> Iterator[str]:
    """As much of an IMAP server as opening a folder takes, for one connection at a time; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                tag, _, command = line.decode().strip().partition(" ")
                name = command.partition(" ")[0].upper()
                told = {
                    "CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\r\n",
                    "EXAMINE": "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 1] .\r\n",
                    "LOGOUT": "* BYE\r\n",
                }
                connection.sendall(f"{told.get(name, '')}{tag} OK done\r\n".encode())
                if name == "STARTTLS":
                    break
            else:
                return
        with context.wrap_socket(connection, server_side=True) as wrapped:
            talk(wrapped)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # The client may not like the certificate, and go.
            with connection, suppress(OSError):
                if implicit:
                    connection = context.wrap_socket(connection, server_side=True)
                with connection:
                    connection.sendall(b"* OK ready\r\n")
                    talk(connection)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    scheme, options = ("imaps", "") if implicit else ("imap", "?starttls=yes")
    try:
        yield f"{scheme}://ada:secret@127.0.0.1:{listener.getsockname()[1]}/INBOX{options}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def said(url: str) -> str:
    """What is wrong with a server; empty where it can be used."""
    if url.startswith("smtp"):
        server = parse_smtp_url(url)
        assert server is not None
        return probe_smtp(server)
    mailbox = parse_imap_url(url)
    assert mailbox is not None
    try:
        probe_imap(mailbox)
    except MailboxAway as away:
        return str(away)
    return ""


def shown_by(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """What a server with these names shows itself with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trust(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust an authority, as an operator would."""
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def test_only_the_server_that_was_meant_is_talked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    here, elsewhere = shown_by(authority, "127.0.0.1", "localhost"), shown_by(authority, "mail.example.org")
    for kind in (smtp, imap):
        for implicit in (False, True):
            name = (kind.__name__, implicit)
            with kind(here, implicit=implicit) as url, kind(elsewhere, implicit=implicit) as other:
                assert said(url) == REFUSED, (name, "nobody vouches for it")
                with monkeypatch.context() as patch:
                    trust(authority, tmp_path, patch)
                    assert said(url) == "", (name, "the control")
                    assert said(other) == REFUSED, (name, "it is another one")


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_staff_read_why_nothing_is_sent_and_fetched(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = shown_by(authority, "127.0.0.1", "localhost")
    with smtp(context, implicit=False) as smtp_url, imap(context, implicit=True) as imap_url:
        site: Site = mail_site(tmp_path, database_url, smtp_url, imap_url=imap_url)
        with closing(site), staff(site, "owner", "de") as client:
            message_id = queue(site, add_contact(site))
            send(site)
            assert (message(site, message_id).state, message(site, message_id).reply) == ("queued", REFUSED)
            words = "Das Zertifikat des Mailservers ist nicht gültig."
            assert words in client.get("/dashboard/contacts/1").text
            assert words in client.post("/dashboard/messages/mailbox/look").text

            trust(authority, tmp_path, monkeypatch)
            send(site)
            assert message(site, message_id).state == "sent"
            assert words not in client.post("/dashboard/messages/mailbox/look").text
