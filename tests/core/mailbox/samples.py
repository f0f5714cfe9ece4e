"""Bounces and complaints as programs write them: Postfix, sendmail, Exim, qmail, Exchange, Gmail and others.

Written after the formats of those programs, with made-up names. `{id}` is the Message-ID of the mail that came back, or
of which it is told.
"""

# ruff: noqa: E501 (mails have lines of their own length)
from __future__ import annotations

from attrs import frozen

BOUNDARY = "9B2F.1763812345/mx.example.net"


@frozen(kw_only=True)
class Sample:
    """A mail, and what has to be read in it: `kind` of report (empty: none), whether the address is gone."""

    name: str
    mail: str
    kind: str
    is_gone: bool = False
    words: str = ""

    def written(self, mail_id: str, to: str, number: int, ending: str) -> bytes:
        """The mail about the message `mail_id`, with these line ends."""
        text = self.mail.replace("{id}", mail_id).replace("{to}", to).replace("{number}", str(number))
        return text.replace("\n", ending).encode()


def head(sender: str, subject: str, more: str = "", return_path: str = "<>") -> str:
    return (
        f"Return-Path: {return_path}\nReceived: by mx.example.net (Postfix)\n\tid 9B2F{{number}}; Sun, 22 Nov 2026\n"
        f"Date: Sun, 22 Nov 2026 12:00:00 +0100 (CET)\nFrom: {sender}\nSubject: {subject}\nTo: {{to}}\n{more}"
        "Message-Id: <2026{number}.9B2F@mx.example.net>\n"
    )


def original() -> str:
    return (
        "Received: from crm.example.org\nFrom: Laden <laden@example.org>\nTo: anna@example.com\n"
        "Subject: Your cake\nMessage-ID: <{id}>\nDate: Sun, 22 Nov 2026 11:59:00 +0100\n"
    )


def dsn(text: str, fields: str, *, sender: str, subject: str, kind: str = "message/rfc822", outer: str = "") -> str:
    outer = outer or f'multipart/report; report-type=delivery-status;\n\tboundary="{BOUNDARY}"'
    return (
        head(sender, subject, f"Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: {outer}\n")
        + f"\nThis is a MIME-encapsulated message.\n\n--{BOUNDARY}\nContent-Description: Notification\n"
        + f"Content-Type: text/plain; charset=us-ascii\n\n{text}\n\n--{BOUNDARY}\n"
        + f"Content-Description: Delivery report\nContent-Type: message/delivery-status\n\n{fields}\n\n--{BOUNDARY}\n"
        + f"Content-Description: Undelivered Message\nContent-Type: {kind}\n\n{original()}\nHello Anna.\n\n--{BOUNDARY}--\n"
    )


def feedback(subject: str, text: str, fields: str, *, kind: str, ending: str = "", return_path: str = "<>") -> str:
    """A report of the form ARF (RFC 5965)."""
    outer = f'multipart/report; report-type=feedback-report;\n\tboundary="{BOUNDARY}"'
    more = f"MIME-Version: 1.0\nContent-Type: {outer}\n"
    return (
        head("Feedback <feedback@mail.example.com>", subject, more, return_path=return_path)
        + f"\n--{BOUNDARY}\nContent-Type: text/plain\n\n{text}\n\n--{BOUNDARY}\n"
        + f"Content-Type: message/feedback-report\n\n{fields}\n\n--{BOUNDARY}\n"
        + f"Content-Type: {kind}\n\n{original()}{ending}\n--{BOUNDARY}--\n"
    )


POSTFIX = "MAILER-DAEMON@mx.example.net (Mail Delivery System)"
RETURNED = "Undelivered Mail Returned to Sender"
REPORTING = "Reporting-MTA: dns; mx.example.net\nArrival-Date: Sun, 22 Nov 2026 11:59:30 +0100 (CET)\n\n"


def fields(status: str, diagnostic: str, action: str = "failed") -> str:
    said = f"\nDiagnostic-Code: smtp; {diagnostic}" if diagnostic else ""
    return (
        f"{REPORTING}Final-Recipient: rfc822; anna@example.com\nOriginal-Recipient: rfc822;anna@example.com\n"
        f"Action: {action}\nStatus: {status}\nRemote-MTA: dns; mail.example.com{said}"
    )


SAMPLES = [
    Sample(
        name="Postfix, unknown user",
        mail=dsn(
            "This is the mail system at host mx.example.net.\n\nI'm sorry to have to inform you that your message could "
            "not\nbe delivered to one or more recipients. It's attached below.\n\n<anna@example.com>: host "
            "mail.example.com[192.0.2.7] said: 550 5.1.1\n    <anna@example.com>: Recipient address rejected: User unknown",
            fields("5.1.1", "550 5.1.1 <anna@example.com>: Recipient address\n    rejected: User unknown in relay table"),
            sender=POSTFIX,
            subject=RETURNED,
        ),
        kind="failed",
        is_gone=True,
        words="550 5.1.1 <anna@example.com>: Recipient address rejected: User unknown in relay table",
    ),
    Sample(
        name="Postfix, headers only, mailbox full",
        mail=dsn(
            "<anna@example.com>: host mail.example.com said: 552 5.2.2 Mailbox full",
            fields("5.2.2", "552 5.2.2 Mailbox full"),
            sender=POSTFIX,
            subject=RETURNED,
            kind="text/rfc822-headers",
        ),
        kind="failed",
        words="552 5.2.2 Mailbox full",
    ),
    Sample(
        name="Postfix, taken for spam",
        mail=dsn(
            "<anna@example.com>: host mail.example.com said: 550 5.7.1 Message blocked",
            fields("5.7.1", "550 5.7.1 Our system has detected that this message is\n likely unsolicited mail."),
            sender=POSTFIX,
            subject=RETURNED,
        ),
        kind="failed",
        words="likely unsolicited mail",
    ),
    Sample(
        name="Postfix, no such domain",
        mail=dsn(
            "<anna@example.com>: Host or domain name not found.",
            fields("5.4.4", "").replace("Remote-MTA", "Diagnostic-Code: X-Postfix; Host or domain name not found\nRemote-MTA"),
            sender=POSTFIX,
            subject=RETURNED,
        ),
        kind="failed",
        is_gone=True,
        words="Host or domain name not found",
    ),
    Sample(
        name="Postfix, still trying",
        mail=dsn(
            "####################################################################\n# THIS IS A WARNING ONLY.  YOU DO NOT "
            "NEED TO RESEND YOUR MESSAGE. #\n\nYour message could not be delivered for more than 4 hour(s).",
            fields("4.4.1", "connect to mail.example.com[192.0.2.7]:25: Connection timed out", action="delayed"),
            sender=POSTFIX,
            subject="Delayed Mail (still being retried)",
        ),
        kind="delayed",
    ),
    Sample(
        name="Postfix, given up after five days",
        mail=dsn(
            "<anna@example.com>: connect to mail.example.com[192.0.2.7]:25: Connection timed out",
            fields("4.4.1", "").replace("Status: 4.4.1", "Status: 4.4.1\nDiagnostic-Code: X-Postfix; Connection timed out"),
            sender=POSTFIX,
            subject=RETURNED,
        ),
        kind="failed",
        words="Connection timed out",
    ),
    Sample(
        name="Postfix, delivered as asked for",
        mail=dsn("Enclosed is the mail delivery report that you requested.", fields("2.0.0", "250 2.0.0 Ok", "relayed"),
                 sender=POSTFIX, subject="Successful Mail Delivery Report"),
        kind="delivered",
    ),
    Sample(
        name="sendmail",
        mail=dsn(
            "The original message was received at Sun, 22 Nov 2026 11:59:30 +0100\n\n   ----- The following addresses had "
            "permanent fatal errors -----\n<anna@example.com>\n    (reason: 550 5.1.1 <anna@example.com>... User unknown)",
            "Reporting-MTA: dns; mx.example.net\nReceived-From-MTA: DNS; crm.example.org\n\nFinal-Recipient: RFC822; "
            "anna@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550 5.1.1 <anna@example.com>... "
            "User unknown",
            sender="Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>",
            subject="Returned mail: see transcript for details",
        ),
        kind="failed",
        is_gone=True,
        words="550 5.1.1 <anna@example.com>... User unknown",
    ),
    Sample(
        name="Exchange Online",
        mail=dsn(
            "Your message to anna@example.com couldn't be delivered.\n\nanna wasn't found at example.com.",
            "Reporting-MTA: dns;AM0PR01.prod.example.com\nReceived-From-MTA: dns;crm.example.org\n\nFinal-Recipient: "
            "rfc822;anna@example.com\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR."
            "RecipientNotFound; Recipient\n anna@example.com not found by SMTP address lookup",
            sender="Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com>",
            subject="Undeliverable: Your cake",
            outer=f'multipart/report; report-type=delivery-status;\n\tboundary="{BOUNDARY}"',
        ),
        kind="failed",
        is_gone=True,
        words="550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    ),
    Sample(
        name="Gmail, account disabled",
        mail=dsn(
            "** Address not found **\n\nYour message wasn't delivered to anna@example.com because the address couldn't be "
            "found,\nor is unable to receive mail.",
            "Reporting-MTA: dns; googlemail.com\nArrival-Date: Sun, 22 Nov 2026 02:59:30 -0800 (PST)\n\nFinal-Recipient: "
            "rfc822; anna@example.com\nAction: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550-5.2.1 The email account "
            "that you tried to reach is inactive.\n 550 5.2.1 DisabledUser",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Failure)",
        ),
        kind="failed",
        is_gone=True,
        words="550-5.2.1 The email account that you tried to reach is inactive. 550 5.2.1 DisabledUser",
    ),
    Sample(
        name="A gateway with a vague code, the parts in the wrong wrapping",
        mail=dsn(
            "Delivery to the following recipient failed permanently.",
            fields("5.0.0", "550 unknown user <anna@example.com>"),
            sender="Mail Delivery System <>",
            subject="Delivery status notification",
            outer=f'multipart/mixed; boundary="{BOUNDARY}"',
        ),
        kind="failed",
        is_gone=True,
        words="550 unknown user",
    ),
    Sample(
        name="Action written in its own way",
        mail=dsn(
            "anna@example.com: Domain does not exist",
            "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; anna@example.com\nAction: error\nStatus: 5.0.0",
            sender="Mailer Daemon <MAILER-DAEMON@mx.example.net>",
            subject="Delivery status notification: error",
        ),
        kind="failed",
        is_gone=True,
        words="Domain does not exist",
    ),
    Sample(
        name="Exim, without structure",
        mail=head("Mail Delivery System <Mailer-Daemon@mx.example.net>", "Mail delivery failed: returning message to sender",
                  "X-Failed-Recipients: anna@example.com\nAuto-Submitted: auto-replied\n")
        + "\nThis message was created automatically by mail delivery software.\n\nA message that you sent could not be "
        "delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
        "  anna@example.com\n    host mail.example.com [192.0.2.7]\n    SMTP error from remote mail server after RCPT "
        "TO:<anna@example.com>:\n    550 5.1.1 <anna@example.com> User unknown\n\n------ This is a copy of the message, "
        "including all the headers. ------\n\n" + original() + "\nHello Anna, your number is 550 and it does not exist.\n",
        kind="failed",
        is_gone=True,
        words="550 5.1.1 <anna@example.com> User unknown",
    ),
    Sample(
        name="Exim, delayed",
        mail=head("Mail Delivery System <Mailer-Daemon@mx.example.net>", "Warning: message 1xYz delayed 24 hours")
        + "\nThis message was created automatically by mail delivery software.\nA message that you sent has not yet been "
        "delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nNo action is required on "
        "your part. Delivery attempts will continue for\nsome time.\n\nMessage-ID: <{id}>\n",
        kind="delayed",
    ),
    Sample(
        name="qmail",
        mail=head("MAILER-DAEMON@mx.example.net", "failure notice")
        + "\nHi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the "
        "following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<anna@example.com>:\n"
        "192.0.2.7 does not like recipient.\nRemote host said: 550 5.1.1 unknown or illegal user: anna@example.com\nGiving "
        "up on 192.0.2.7.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <laden@example.org>\n" + original(),
        kind="failed",
        is_gone=True,
        words="550 5.1.1 unknown or illegal user",
    ),
    Sample(
        name="qmail, over quota",
        mail=head("MAILER-DAEMON@mx.example.net", "failure notice")
        + "\nHi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message.\n\n"
        "<anna@example.com>:\nThe users mailfolder is over the allowed quota (size).\n\n--- Below this line is a copy of "
        "the message.\n\n" + original(),
        kind="failed",
        words="over the allowed quota",
    ),
    Sample(
        name="In German, without structure",
        mail=head("Postmaster <postmaster@mx.example.net>", "Unzustellbar: Your cake", return_path="<postmaster@mx.example.net>")
        + "\nIhre Nachricht konnte nicht zugestellt werden:\n\nanna@example.com\n550 5.1.1 Benutzer unbekannt\n\n" + original(),
        kind="failed",
        is_gone=True,
        words="550 5.1.1 Benutzer unbekannt",
    ),
    Sample(
        name="A complaint",
        mail=feedback(
            "FW: Your cake",
            "This is an email abuse report.",
            "Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <laden@example.org>",
            kind="message/rfc822",
            ending="\nHello.\n",
            return_path="<feedback@mail.example.com>",
        ),
        kind="complaint",
    ),
    Sample(
        name="A report about a signature",
        mail=feedback(
            "Report", "A signature failed.", "Feedback-Type: auth-failure\nVersion: 1", kind="text/rfc822-headers"
        ),
        kind="",
    ),
    Sample(
        name="Out of office",
        mail=head("Anna <anna@example.com>", "Out of office: Your cake", "Auto-Submitted: auto-replied\nIn-Reply-To: <{id}>\n")
        + "\nI am away until Monday. Mails that could not be delivered to me go to my colleague.\n",
        kind="",
    ),
    Sample(
        name="A person about a bounce",
        mail=head("Anna <anna@example.com>", "Re: Your cake", "In-Reply-To: <{id}>\n", return_path="<anna@example.com>")
        + "\nMy mail to you came back: 550 5.1.1 User unknown. Delivery has failed. Does your mailbox exist?\n",
        kind="",
    ),
    Sample(
        name="A newsletter",
        mail=head("News <news@example.net>", "Delivery failure costs money",
                  "List-Id: <news.example.net>\nPrecedence: bulk\n", return_path="<bounces@example.net>")
        + "\nWhy delivery failed for 5.1.1 percent of all shops.\n",
        kind="",
    ),
]  # fmt: skip
