"""A mail is taken in once, and comes to the thread it belongs to (FEATURES M2, THREATS T-M1, T-M6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from core import state
from core.contacts.files import file_path
from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Contact, ContactActivity, StoredFile
from core.mailbox import pile, taking
from core.mailbox.hooks import export_contact
from core.mailbox.taking import take_mail
from core.mailbox.tokens import message_of, token_of, with_token
from core.messages.models import Message, MessageFile
from core.privacy.erasing import erase
from core.site import Site
from core.values import SYSTEM
from tests.core.mailbox.mailbox_support import anna, files_on_disk, incoming, letter, piled, sent_message, taken
from tests.core.mailbox.samples import SAMPLES
from tests.core.messages.mail_support import logged, mail_site, message
from tests.sample_plugin import plugin as sample_plugin
from tests.sample_plugin.models import Heard


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    opened = mail_site(tmp_path, database_url, "")
    yield opened
    opened.close()


def heard(site: Site, hook: str) -> list[tuple[int | None, str]]:
    with site.session() as session:
        rows = session.scalars(select(Heard).where(Heard.hook == hook).order_by(Heard.id))
        return [(row.contact_id, row.detail) for row in rows]


def test_m2_an_answer_finds_its_thread_by_reference_then_by_address_then_by_sender(site: Site) -> None:
    contact, other = anna(site), anna(site, "bert@example.com", "Bert")
    number, mail_id = sent_message(site, contact)
    theirs, _ = sent_message(site, other)
    plus = with_token(site.secret, "Laden@example.org", theirs).upper()
    stranger = "Chris <chris@example.net>"
    for place, (mail, to) in enumerate(
        [
            # The reference wins over the address, the address over the sender.
            (letter(stranger, more=f"In-Reply-To: <{mail_id}>\r\nDelivered-To: {plus}\r\n", number=1), contact),
            (letter(stranger, more=f"References: <x@y.example> <{mail_id}>\r\n", number=2), contact),
            (letter(more=f"Delivered-To: {plus}\r\n", number=3), other),
            (letter("ANNA <Anna@EXAMPLE.com>", number=4), contact),
        ]
    ):
        assert take_mail(site, mail) == "thread"
        assert incoming(site)[place].contact_id == to, place

    first = incoming(site)[0]
    assert (first.sender_email, first.sender_name, first.source_id) == (
        "chris@example.net",
        "Chris",
        "mail-1@example.com",
    )
    assert (first.subject, first.text, first.read_at, first.automatic) == ("Question", "When?", None, False)
    assert logged(site, contact)[-1] == ("message.received", "Question")
    # Neither a sign of somebody else's making, nor one of another message, nor a Message-ID that was never ours.
    assert message_of(site.secret, [f"laden+{token_of('other', number)}@example.org"]) is None
    forged = token_of(site.secret, number).replace("-", "0-", 1)
    for mail in (
        letter(stranger, more=f"Delivered-To: laden+{forged}@example.org\r\n", number=5),
        letter(stranger, more=f"In-Reply-To: <{'0' * 32}@crm.example.org>\r\n", number=6),
    ):
        assert take_mail(site, mail) == "pile"
    # A copy of our own mail is none of theirs.
    own = letter("Laden <laden@example.org>").replace(b"mail-1@example.com", mail_id.encode())
    assert take_mail(site, own) == "own"
    assert len(incoming(site)) == 4

    with site.begin() as session:
        merge_contacts(session, site, kept_id=other, merged_id=contact, actor=SYSTEM)
    assert take_mail(site, letter(more=f"In-Reply-To: <{mail_id}>\r\n", number=7)) == "thread"
    assert take_mail(site, letter(number=8)) == "thread"
    assert [one.contact_id for one in incoming(site)[-2:]] == [other, other], "an alias leads to the kept contact"


def test_m2_a_mail_is_taken_in_once_by_whichever_way(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    anna(site)
    mail = letter()
    again = b"Received: by another.example\r\nDelivered-To: <x@example.org>\r\n" + mail

    assert take_mail(site, mail) == "thread"
    assert take_mail(site, again.replace(b"\r\n", b"\n")) == "again"
    assert take_mail(site, letter(text="Another text")) == "thread"
    assert (len(incoming(site)), taken(site)) == (2, 2)

    def race(raw: bytes) -> None:
        start = Barrier(4)

        def run() -> None:
            start.wait()
            take_mail(site, raw)

        threads = [Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    race(letter(number=3))
    assert len(incoming(site)) == 3, "four processes at once"
    # The control: without the row that says so, each of them takes it in.
    monkeypatch.setattr(taking, "_is_first", lambda session, fingerprint: True)
    race(letter(number=4))
    assert len(incoming(site)) == 7


def test_m2_a_mail_with_files_and_html_in_odd_encodings(site: Site) -> None:
    contact = anna(site)
    raw = (
        b"From: =?iso-8859-1?q?J=F6rg_M=FCller?= <anna@example.com>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
        b"Message-ID: <odd@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
        b"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\x00\r\n"
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hi<script>alert(1)</script>\r\n--b--\r\n"
        b'--a\r\nContent-Type: application/pdf; name="../../Rechnung\xe2\x80\xae.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nJVBERi0xLjQK\r\n"
        b"--a\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@example.org\r\nSubject: inner\r\n\r\ninner text\r\n"
        b"--a--\r\n"
    )

    assert take_mail(site, raw) == "thread"

    (one,) = incoming(site)
    assert (one.subject, one.text, one.sender_name) == ("Grüße", "Grüße", "Jörg Müller")
    assert "<script>" in one.html, "kept as it came; it is made harmless when it is shown"
    with site.session() as session:
        files = session.scalars(select(StoredFile).join(MessageFile).where(MessageFile.message_id == one.id)).all()
    assert [file.contact_id for file in files] == [contact, contact]
    assert files[0].name.endswith(".pdf")
    assert "/" not in files[0].name
    assert "\u202e" not in files[0].name
    assert file_path(site.settings.data_dir, files[0].stored_name).read_bytes() == b"%PDF-1.4\n"
    assert b"inner text" in file_path(site.settings.data_dir, files[1].stored_name).read_bytes()


@pytest.mark.parametrize(
    "text", ["Hi\r\nBcc: x@example.org", "=?utf-8?q?Hi=0d=0aBcc:_x=40example.org?=", "a\u2028b\x00c"]
)
def test_t_m1_nothing_of_a_mail_becomes_a_header_or_a_line_of_a_log(text: str) -> None:
    from core.mailbox.reading import read_mail

    mail = read_mail(letter(f'"{text}" <anna@example.com>', text, "x"))

    for value in (mail.subject, mail.sender_name, mail.sender_email):
        assert "\n" not in value
        assert "\r" not in value
        assert "=?" not in value
        assert value.isprintable()


def test_rfc3834_what_no_person_wrote_is_filed_and_not_unread(site: Site) -> None:
    contact = anna(site)
    take_mail(site, letter(more="Auto-Submitted: auto-replied\r\n", subject="Away"))
    take_mail(site, letter("News <news@example.net>", more="Precedence: bulk\r\n", number=2))

    (one,), (other,) = incoming(site), piled(site)
    assert one.automatic
    assert one.read_at is not None
    assert logged(site, contact)[-1] == ("message.automatic", "Away")
    assert other.automatic
    with site.session() as session:
        assert pile.count_pile(session) == 0


def test_m2_strangers_wait_in_the_pile_until_they_are_known(site: Site) -> None:
    stranger = letter("Dora <dora@example.net>", text="Are you open?")
    assert take_mail(site, stranger) == "pile"
    (waiting,) = piled(site)
    assert (waiting.sender_email, waiting.subject, waiting.text) == ("dora@example.net", "Question", "Are you open?")
    assert len(files_on_disk(site)) == 1

    dora = pile.make_contact_of(site, waiting.id, SYSTEM)

    with site.session() as session:
        contact = session.get_one(Contact, dora)
        assert (contact.email, contact.name, contact.stage) == ("dora@example.net", "Dora", "lead")
    assert [(one.contact_id, one.text) for one in incoming(site)] == [(dora, "Are you open?")]
    assert (piled(site), files_on_disk(site)) == ([], [])
    assert take_mail(site, stranger) == "again"

    take_mail(site, letter("Emil <emil@example.net>", number=2))
    emil = anna(site, "emil@example.net", "Emil")
    pile.file_known(site)
    assert [one.contact_id for one in incoming(site)] == [dora, emil]

    with site.begin() as session:
        state.save_setting(session, "mailbox.unknown", "contact")
    asking = site.refreshed()
    assert take_mail(asking, letter("Finn <finn@example.net>", number=3)) == "new"
    assert take_mail(asking, letter("Robot <robot@example.net>", more="Precedence: bulk\r\n", number=4)) == "pile"
    assert take_mail(asking, letter("no address", number=5)) == "pile"
    with site.session() as session:
        assert session.scalar(select(Contact.name).where(Contact.email == "finn@example.net")) == "Finn"


def test_t_r1_erasing_takes_unassigned_mails_along_and_nothing_brings_them_back(site: Site) -> None:
    mail = letter("Dora <dora@example.net>", text="MARKER-of-Dora")
    take_mail(site, mail)
    dora = anna(site, "dora@example.net", "Dora")
    with site.session() as session:
        (section,) = export_contact(session, dora)
    assert section.records[0]["text"] == "MARKER-of-Dora"

    with site.begin() as session:
        erase(session, site, [dora], actor=SYSTEM)

    assert (piled(site), files_on_disk(site)) == ([], [])
    assert take_mail(site, mail) == "again"
    assert (piled(site), incoming(site)) == ([], [])


def test_m2_what_can_t_be_read_or_taken_is_kept_as_it_came(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    anna(site)
    deep = b"From: a@b.example\r\nSubject: deep\r\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (number, number) for number in range(3000)
    )
    for raw in (deep, b"\xff\xfe\x00garbage", b"\r\n\r\n", b"From: " + b"@" * 5000 + b"\r\n\r\nx"):
        assert take_mail(site, raw) == "pile"
    monkeypatch.setattr(taking, "MAX_RAW", 100)
    assert take_mail(site, letter(text="x" * 200)) == "thread" or piled(site)[-1].files == 1


def test_t_m6_bounces_and_complaints_count_for_our_own_messages_only(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "", sample_plugin)
    contact = anna(site)
    bounced, complained = [], []
    for number, sample in enumerate(SAMPLES, 1):
        ending = ("\n", "\r\n", "\r")[number % 3]
        message_id, mail_id = sent_message(site, contact)
        # The same report about a mail of somebody else's first: it changes nothing.
        forged = sample.written(f"{number:032x}@crm.example.org", "laden@example.org", 1000 + number, ending)
        take_mail(site, forged)
        assert message(site, message_id).state == "sent", sample.name

        raw = sample.written(mail_id, "laden@example.org", number, ending)
        outcome = take_mail(site, raw)

        stored = message(site, message_id)
        assert (outcome == "report") == bool(sample.kind), sample.name
        if sample.kind == "failed":
            bounced.append(message_id)
            assert stored.state == "failed", sample.name
            assert stored.bounced_at is not None
            assert sample.words in stored.reply, sample.name
        else:
            assert (stored.state, stored.bounced_at) == ("sent", None), sample.name
        if sample.kind == "complaint":
            complained.append(message_id)
        assert take_mail(site, raw) == "again"
    assert [detail.split()[0] for _, detail in heard(site, "message_bounced")] == [str(one) for one in bounced]
    assert [detail for _, detail in heard(site, "message_complained")] == [f"{one} personal " for one in complained]
    kinds = [kind for kind, _ in logged(site, contact)]
    assert kinds.count("message.bounced") == len(bounced)
    assert kinds.count("message.complained") == 1

    # By the signed address alone, with nothing of the mail in it; a second bounce of the same message is no news.
    message_id, _ = sent_message(site, contact)
    sample = SAMPLES[0]
    to = with_token(site.secret, "laden@example.org", message_id)
    for count in (1, 2):
        assert take_mail(site, sample.written("gone", to, 2000 + count, "\r\n")) == "report"
    assert message(site, message_id).state == "failed"
    assert len(heard(site, "message_bounced")) == len(bounced) + 1
    # A letter of a newsletter that comes back waits for nobody's decision.
    letter, mail_id = sent_message(site, contact)
    with site.begin() as session:
        session.execute(update(Message).where(Message.id == letter).values(newsletter_id=1))
    assert take_mail(site, sample.written(mail_id, "laden@example.org", 2500, "\n")) == "report"
    assert (message(site, message_id).settled_at, message(site, letter).settled_at is None) == (None, False)
    # One that was never handed over can't come back.
    from tests.core.messages.mail_support import queue

    waiting = queue(site, contact)
    assert (
        take_mail(site, sample.written(message(site, waiting).mail_id or "", "x@example.org", 3000, "\n")) == "report"
    )
    assert message(site, waiting).state == "queued"
    with site.session() as session:
        assert session.scalars(select(ContactActivity.kind).where(ContactActivity.kind == "message.bounced")).all()
        failed = session.scalars(select(Message.id).where(Message.state == "failed")).all()
        assert failed == [*bounced, message_id, letter]
    site.close()
