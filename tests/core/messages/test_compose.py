"""„Nachricht senden“: the page, what it refuses, and what it keeps (FEATURES M1, L8, P2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core import Site, receive_message
from core.contacts.models import StoredFile
from core.messages.models import Message
from core.messages.sending import send_due
from core.messages.texts import save_text
from tests.core.messages.mail_support import add_contact, mail_site, message, queue, send, shown_errors, staff, states
from tests.sample_plugin import plugin as sample
from tests.support.mail import MailServer

FORM = {"subject": "Your cake", "text": "It is ready.", "purpose": "personal", "once": "abc"}


def received(site: Site, contact_id: int, subject: str = "About Saturday", text: str = "Are you open?") -> int:
    """A message from the contact; answers its id."""
    with site.begin() as session:
        moment = datetime.now(UTC)
        return receive_message(
            session, site, contact_id=contact_id, text=text, subject=subject, module="entries", occurred_at=moment
        )


def stored(site: Site) -> tuple[int, int]:
    """How many messages and files there are."""
    with site.session() as session:
        messages = session.scalar(select(func.count()).select_from(Message))
        return messages or 0, session.scalar(select(func.count()).select_from(StoredFile)) or 0


def files_on_disk(site: Site) -> int:
    return sum(1 for file in (site.settings.data_dir / "files").rglob("*") if file.is_file())


def test_m1_a_message_is_written_in_the_thread_at_once_and_sent_with_its_files(
    mailing: Site, server: MailServer
) -> None:
    contact_id = add_contact(mailing)
    path = f"/dashboard/contacts/{contact_id}/message"
    back = "/dashboard/contacts?q=anna"
    with staff(mailing) as client:
        answer = client.post(
            path,
            data={**FORM, "next": back},
            files=[("files", ("Plan ü.pdf", b"%PDF-1.7")), ("files", ("a.html", b"<b>bold</b>"))],
            follow_redirects=False,
        )
        assert answer.headers["location"] == back
        assert "The message to Anna Müller is on its way." in client.get(back).text
        waiting = client.get(f"/dashboard/contacts/{contact_id}").text
        assert "Waiting" in waiting
        assert "Plan ü.pdf" in waiting
        client.post(path, data={**FORM, "next": back})

        send_due(mailing)
        page = client.get(f"/dashboard/contacts/{contact_id}").text

    assert states(mailing) == ["sent"], "the button pressed twice sends once"
    assert "Message sent: Your cake" in page
    (letter,) = server.letters
    attached = [(part.get_filename(), part.get_content_type()) for part in letter.iter_attachments()]
    assert attached == [("Plan ü.pdf", "application/pdf"), ("a.html", "application/octet-stream")]
    assert [part.get_payload(decode=True) for part in letter.iter_attachments()] == [b"%PDF-1.7", b"<b>bold</b>"]


def test_m1_another_text_from_the_same_page_is_another_message(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    with staff(mailing) as client:
        for text in ("One", "Two", "One"):
            client.post(f"/dashboard/contacts/{contact_id}/message", data={**FORM, "text": text})

    assert states(mailing) == ["queued"] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ""}, "Enter a subject."),
        ({"subject": "x" * 201}, "This is too long: 200 characters at most."),
        ({"subject": "=?utf-8?q?x?="}, "A subject is one line of plain text."),
        ({"text": "  "}, "Enter a text."),
        ({"text": "x" * 50_001}, "This is too long: 50000 characters at most."),
        ({"purpose": "spam"}, "Choose what this message is for."),
    ],
)
def test_m1_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    mailing: Site, changes: dict[str, str], said: str
) -> None:
    contact_id = add_contact(mailing)
    typed = {**FORM, "subject": "My <subject>", "text": "My <text>", **changes}
    with staff(mailing) as client:
        answer = client.post(f"/dashboard/contacts/{contact_id}/message", data=typed, files={"files": ("a.txt", b"x")})

    assert answer.status_code == 422
    assert shown_errors(answer.text) == [said]
    page = unescape(answer.text)
    if "subject" not in changes:
        assert 'value="My <subject>"' in page
    if "text" not in changes:
        assert "My <text></textarea>" in page
    assert "Choose the files again" in page
    assert stored(mailing) == (0, 0)
    assert files_on_disk(mailing) == 0


def test_m1_files_too_large_together_are_refused_and_not_kept(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    files = [("files", (f"{number}.bin", b"x" * 8_000_000)) for number in range(2)]
    with staff(mailing) as client:
        answer = client.post(f"/dashboard/contacts/{contact_id}/message", data=FORM, files=files)
        many = [("files", (f"{number}.txt", b"x")) for number in range(11)]
        too_many = client.post(f"/dashboard/contacts/{contact_id}/message", data=FORM, files=many)

    assert shown_errors(answer.text) == ["These files are too large for an e-mail: 15 MB at most, all together."]
    assert shown_errors(too_many.text) == ["10 files at most."]
    assert stored(mailing) == (0, 0)
    assert files_on_disk(mailing) == 0


def test_m1_without_sending_set_up_the_page_says_so_and_the_message_waits(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "")
    contact_id = add_contact(site)
    with staff(site) as client:
        page = client.get(f"/dashboard/contacts/{contact_id}/message").text
        assert "Nothing can be sent yet" in page
        assert "TRESEN_SMTP_URL" in page
        after = client.post(f"/dashboard/contacts/{contact_id}/message", data=FORM)
    assert "waits until sending is set up" in after.text
    assert states(site) == ["queued"]
    site.close()

    site = mail_site(tmp_path, database_url, "smtp://mail.example.org", sender="")
    with staff(site, "owner") as client:
        page = client.get(f"/dashboard/contacts/{contact_id}/message").text
    assert "The sender’s address is not set." in page
    assert "/dashboard/settings#field-message.sender_email" in page
    site.close()


def test_m1_an_answer_begins_with_re_goes_to_the_same_thread_and_marks_as_read(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    first, second = received(mailing, contact_id), received(mailing, contact_id, "AW: Re: Cake")
    with staff(mailing) as client:
        profile = client.get(f"/dashboard/contacts/{contact_id}").text
        (link, _) = re.findall(r'href="(/dashboard/contacts/\d+/message\?reply=[^"]+)"', profile)
        page = client.get(unescape(link)).text
        assert 'value="Re: About Saturday"' in page
        assert "Are you open?" in page
        assert 'value="AW: Re: Cake"' in client.get(f"/dashboard/contacts/{contact_id}/message?reply={second}").text
        client.post(f"/dashboard/contacts/{contact_id}/message", data={**FORM, "reply": str(first)})

    assert message(mailing, first).read_at is not None
    assert message(mailing, second).read_at is None
    assert states(mailing) == ["queued"]


def test_t_z2_a_message_of_another_contact_can_not_be_answered_here(mailing: Site) -> None:
    anna, bert = add_contact(mailing), add_contact(mailing, "bert@example.org")
    of_bert = received(mailing, bert)
    with staff(mailing) as client:
        for reply in (of_bert, 99, "x"):
            path = f"/dashboard/contacts/{anna}/message"
            assert client.get(f"{path}?reply={reply}").status_code == 404
            assert client.post(path, data={**FORM, "reply": str(reply)}).status_code == 404
    assert states(mailing) == []
    assert message(mailing, of_bert).read_at is None


def test_m1_a_template_fills_the_form_in_the_language_of_the_contact_and_keeps_what_was_typed(
    tmp_path: Path, database_url: str
) -> None:
    site = mail_site(tmp_path, database_url, "smtp://mail.example.org", sample)
    contact_id = add_contact(site, name="{{email}} <Anna>", language="de")
    with site.begin() as session:
        own = save_text(
            session, name="Own", subject="For {{name}}", body="Dear {{ name }},\n{{date}}", purpose="system"
        )
    path = f"/dashboard/contacts/{contact_id}/message"
    with staff(site) as client:
        assert "Thanks for your points" in client.get(path).text
        offered = client.get(f"{path}?template=sample_plugin.thanks").text
        assert 'value="Ihre Punkte, {{email}} <Anna>"' in unescape(offered)
        assert "Vielen Dank, {{email}} <Anna>.</textarea>" in unescape(offered)

        use = {**FORM, "do": "template", "template": f"own:{own}", "subject": "", "text": "P.S. Typed"}
        filled = unescape(client.post(path, data=use).text)
        assert 'value="For {{email}} <Anna>"' in filled
        assert "Dear {{email}} <Anna>," in filled
        assert "P.S. Typed</textarea>" in filled
        assert re.search(r'value="system" checked', filled)

        # Another template takes the place of an untouched one.
        untouched = {"applied": "sample_plugin.thanks", "subject": "Ihre Punkte, {{email}} <Anna>"}
        untouched["text"] = "Vielen Dank, {{email}} <Anna>."
        changed = unescape(client.post(path, data={**use, **untouched}).text)
        assert "Vielen Dank" not in changed
        assert 'value="For {{email}} <Anna>"' in changed
        nothing = client.post(path, data={**use, "template": ""})
        assert shown_errors(nothing.text) == ["Choose a template."]
        assert client.get(f"{path}?template=own:99").status_code == 404
    assert states(site) == []
    site.close()


def test_m3_a_plugin_that_refuses_is_named_with_its_reason_and_nothing_is_lost(
    tmp_path: Path, database_url: str
) -> None:
    site = mail_site(tmp_path, database_url, "smtp://mail.example.org", sample)
    contact_id = add_contact(site, "quiet@silent.example.org")
    with staff(site, language="de") as client:
        path = f"/dashboard/contacts/{contact_id}/message"
        answer = client.post(path, data=FORM, files={"files": ("a.txt", b"x")})

    assert answer.status_code == 422
    (said,) = shown_errors(answer.text)
    assert said.endswith(": Diese Person möchte keine E-Mails.")
    assert "It is ready.</textarea>" in answer.text
    assert stored(site) == (0, 0)
    assert files_on_disk(site) == 0
    site.close()


def test_t_x3_what_people_type_is_text_on_every_page(mailing: Site) -> None:
    contact_id = add_contact(mailing, name="<img src=x onerror=alert(1)>")
    received(mailing, contact_id, "<script>a</script>", "<script>b</script>")
    queue(mailing, contact_id, "<script>c</script>", "<script>d</script>")
    with staff(mailing, "owner") as client:
        for path in (
            f"/dashboard/contacts/{contact_id}",
            f"/dashboard/contacts/{contact_id}/message",
            "/dashboard/messages",
            f"/dashboard/messages?contact={contact_id}",
            "/dashboard/messages?show=waiting",
        ):
            page = client.get(path).text
            assert "<script>" not in page, path
            assert "<img src=x" not in page, path


def test_t_x5_the_way_back_stays_on_this_site(mailing: Site) -> None:
    contact_id = add_contact(mailing)
    with staff(mailing) as client:
        path = f"/dashboard/contacts/{contact_id}/message"
        page = client.get(path, params={"next": "//evil.example"}).text
        answer = client.post(path, data={**FORM, "next": "//evil.example"}, follow_redirects=False)

    assert 'href="//evil.example"' not in page
    assert answer.headers["location"] == "/"


def test_m1_staff_decide_in_the_inbox_what_becomes_of_a_message(mailing: Site, server: MailServer) -> None:
    contact_id = add_contact(mailing)
    server.data += ["drop", "550 No such user"]
    unknown = queue(mailing, contact_id, "Not clear")
    send(mailing)
    failed = queue(mailing, contact_id, "Refused")
    send(mailing)
    waits = queue(mailing, contact_id, "Waits")

    with staff(mailing) as client:
        page = client.get("/dashboard/messages?show=undecided").text
        assert "550 No such user" in page
        assert "Nobody knows whether this message arrived" in page
        assert "Waits" in client.get("/dashboard/messages?show=waiting").text
        back = {"next": "/dashboard/messages?show=undecided"}
        for number, decision in ((unknown, "sent"), (failed, "settle"), (waits, "withdraw")):
            answer = client.post(f"/dashboard/messages/{number}/{decision}", data=back, follow_redirects=False)
            assert answer.headers["location"] == back["next"]
        assert "Nothing to decide" in client.get(back["next"]).text
        assert client.post(f"/dashboard/messages/{waits}/resend").status_code == 409
        assert client.post(f"/dashboard/messages/{failed}/resend").status_code == 200
        assert client.post("/dashboard/messages/99/resend").status_code == 404
    send(mailing)

    assert states(mailing) == ["sent", "sent", "withdrawn"]


def test_t_z3_who_is_not_signed_in_sends_and_decides_nothing(mailing: Site) -> None:
    from core.testing import make_client

    contact_id = add_contact(mailing)
    message_id = queue(mailing, contact_id)
    before = stored(mailing)
    with make_client(mailing) as visitor:
        for path in (f"/dashboard/contacts/{contact_id}/message", f"/dashboard/messages/{message_id}/withdraw"):
            answer = visitor.post(path, data=FORM, follow_redirects=False)
            assert answer.headers["location"].startswith("/dashboard/sign-in")
        for site_header in ("cross-site", "same-site"):
            answer = visitor.post(
                f"/dashboard/contacts/{contact_id}/message", data=FORM, headers={"sec-fetch-site": site_header}
            )
            assert answer.status_code == 403

        assert (stored(mailing), states(mailing)) == (before, ["queued"])
