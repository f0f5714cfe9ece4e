"""Bounces of forms that are met more rarely, and mails that look like one: made up, as those in `samples`.

Each stands for a general form that `core.mailbox.reports` has to know, not for one program.
"""

# ruff: noqa: E501 (mails have lines of their own length)
from __future__ import annotations

from tests.core.mailbox.samples import BOUNDARY, POSTFIX, RETURNED, Sample, dsn, fields, head, original

MIXED = f'MIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary="{BOUNDARY}"\n'


def returned(text: str, charset: str = "utf-8", encoding: str = "8bit", kind: str = "message/rfc822") -> str:
    """A text, and the mail that came back as a part of its own, without a report's fields."""
    return (
        f"\n--{BOUNDARY}\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n{text}\n\n"
        f"--{BOUNDARY}\nContent-Type: {kind}\n\n{original()}\nHello Anna.\n\n--{BOUNDARY}--\n"
    )


def refused(status: str, diagnostic: str) -> str:
    """A report with these words, as Postfix writes it."""
    return dsn("See below.", fields(status, diagnostic), sender=POSTFIX, subject=RETURNED)


ODD = [
    Sample(
        name="A subject in encoded words, and nothing else",
        mail=head("MAILER-DAEMON@mx.example.net", "=?utf-8?B?UmV0dXJuZWQgbWFpbDogVXNlciB1bmtub3du?=", MIXED)
        + returned("See the attached mail."),
        kind="failed",
        is_gone=True,
        words="Returned mail: User unknown",
    ),
    Sample(
        name="Given up, in a word that RFC 3464 does not know, without a status",
        mail=dsn(
            "Sorry.",
            fields("", "Connection timed out", action="expired"),
            sender=POSTFIX,
            subject="Something happened",
        ),
        kind="failed",
        words="Connection timed out",
    ),
    Sample(
        name="A boundary that is not there",
        mail=dsn(
            "<anna@example.com>: host mail.example.com said: 550-5.1.1 The account does not exist.",
            fields("5.1.1", "550 5.1.1 The account does not exist."),
            sender=POSTFIX,
            subject=RETURNED,
            outer='multipart/report; report-type=delivery-status;\n\tboundary="another"',
        ),
        kind="failed",
        is_gone=True,
        words="The account does not exist",
    ),
    Sample(
        name="Sender with a name but no address, the mailing program above",
        mail=head('"Some Mail System" <>', "Mail Error", "Sender: list@example.org\n", return_path="<list@example.org>")
        + "\nYour mail cannot be delivered to the following address(es):\n\n anna (ErrMsg=mail box space not enough)\n\n"
        "---- Header of the source mail attached ----\n\n" + original(),
        kind="failed",
        words="mail box space not enough",
    ),
    Sample(
        name="A gateway that answers",
        mail=head("post_master@text.example.net", "Re: Your cake", "In-Reply-To: <{id}>\n", return_path="<x@example.net>")
        + "\nError: Invalid user address\n\nError message below:\n550 - Requested action not taken: no such user here\n",
        kind="failed",
        is_gone=True,
        words="no such user here",
    ),
    Sample(
        name="A language that is not known",
        mail=head("MAILER-DAEMON@example.net", "=?utf-8?B?6YCA5L+h?=", MIXED, return_path="<x@example.net>")
        + returned("无法投递 <anna@example.com>"),
        kind="failed",
    ),
    Sample(
        name="From an address that reads no answers, with the mail that came back",
        mail=head("no-reply@mail.example.net", "=?utf-8?B?44Oh44O844Or44Ko44Op44O8?=", MIXED, return_path="<x@example.net>")
        + returned("Could not be delivered to <anna@example.com>\nAs their mailbox is full."),
        kind="failed",
        words="As their mailbox is full.",
    ),
    Sample(
        name="The reason above a code that says nothing",
        mail=head("MAILER-DAEMON@mx.example.net", "failure notice")
        + "\n<anna@example.com>:\nSorry, no connection got far enough; remote host said: 550 Unknown user anna@example.com\n. "
        "(#5.5.0)\n(Others tried: 192.0.2.32 said 550 for RCPT TO response)\n\n--- Below this line is a copy of the message."
        "\n\n" + original(),
        kind="failed",
        is_gone=True,
        words="550 Unknown user anna@example.com",
    ),
    Sample(
        name="The host is not there",
        mail=head("MAILER-DAEMON@mx.example.net", "Message delivery failed")
        + "\nThere was an error delivering your mail to <anna@example.com>.\n\nDNS lookup failure: host mail.example.com not "
        "found\n\nMessage headers follow.\n\n" + original(),
        kind="failed",
        is_gone=True,
        words="host mail.example.com not found",
    ),
    Sample(
        name="Soft line breaks",
        mail=head("MAILER-DAEMON@mx.example.net", "Undeliverable", MIXED)
        + returned("Delivery has failed to these recipients. The server sa=\nid: 550 5.7.1 this is =73pam",
                   encoding="quoted-printable"),
        kind="failed",
        words="550 5.7.1 this is spam",
    ),
    Sample(
        name="Not in the directory, behind a vague code",
        mail=refused("5.4.1", "550 5.4.1 <anna@example.com>: Recipient address rejected: Access denied [AM0EUR.example]"),
        kind="failed",
        is_gone=True,
        words="Access denied",
    ),
    Sample(
        name="The code that matters second",
        mail=refused("5.1.0", "5.1.0 - Unknown address error 550-'5.7.1 <anna@example.com>... Access denied'"),
        kind="failed",
        words="5.7.1",
    ),
    Sample(
        name="Too quick, behind a code for closed mailboxes",
        mail=refused("5.2.1", "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents more."),
        kind="failed",
        words="at a rate",
    ),
    Sample(
        name="Too many, behind a code for unknown addresses",
        mail=refused("5.1.1", "550 5.1.1 <anna@example.com> 192.0.2.7 has sent to too many recipients this hour"),
        kind="failed",
        words="too many recipients",
    ),
    Sample(
        name="Names that could not be asked for",
        mail=refused("5.4.4", "Name service error for name=example.com type=MX: Malformed or unexpected name server reply"),
        kind="failed",
        words="unexpected name server reply",
    ),
    Sample(
        name="The recipient's rules",
        mail=refused("5.0.0", "550 5.0.0 <anna@example.com>: Recipient address rejected: Internal system error"),
        kind="failed",
        words="Internal system error",
    ),
    Sample(
        name="It was read",
        mail=head("Anna <anna@example.com>", "Read: Your cake",
                  f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification;\n\tboundary="{BOUNDARY}"\n')
        + f"\n--{BOUNDARY}\nContent-Type: text/plain\n\nYour message was read. It is no failure notice.\n\n--{BOUNDARY}\n"
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; anna@example.com\nDisposition: "
        "manual-action/MDN-sent-manually; displayed\nOriginal-Message-ID: <{id}>\n\n" + f"--{BOUNDARY}--\n",
        kind="",
    ),
    Sample(
        name="A person sends our mail back and writes of a parcel",
        mail=head("Anna <anna@example.com>", "My parcel", MIXED, return_path="<anna@example.com>")
        + returned("Hello,\nmy parcel could not be delivered, see your mail. Recipient unknown, they said."),
        kind="",
    ),
    Sample(
        name="Someone who reads no answers, and has moved",
        mail=head("Anna <noreply@example.com>", "Your cake", return_path="<noreply@example.com>")
        + "\nThis address is no longer in use. Write to anna@example.net.\n",
        kind="",
    ),
]  # fmt: skip
