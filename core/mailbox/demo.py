"""E-mails of the demonstration: an answer with HTML, one of an answering machine, and one of a stranger in the pile."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING

from core.mailbox.taking import take_mail

if TYPE_CHECKING:
    from core.demo import Demo
    from core.site import Site

PAGE = (
    "<p>Guten Tag,</p><p>ich hätte gern eine <b>Erdbeertorte</b> für Samstag:</p>"
    "<table><tr><td>Personen</td><td>zwölf</td></tr><tr><td>Abholung</td><td>gegen zehn Uhr</td></tr></table>"
    "<p>Geht das noch? Viele Grüße</p>"
)


def add_mails(site: Site, demo: Demo) -> None:
    """Take in some mails as they would come from a mailbox."""
    first, second = demo.people[-1], demo.people[-2]
    mails = [
        (first.details.name, first.email, "Torte für Samstag", PAGE, "html", ""),
        (second.details.name, second.email, "Abwesend", "Ich bin bis Montag nicht im Büro.", "plain", "auto-replied"),
        (
            "Dora",
            "dora@unknown.example.org",
            "Haben Sie am Feiertag offen?",
            "Und backen Sie auch ohne Gluten?",
            "plain",
            "",
        ),
    ]
    for number, (name, address, subject, text, kind, submitted) in enumerate(mails, 1):
        mail = EmailMessage()
        mail["From"] = f'"{name.replace(chr(34), "")}" <{address}>'
        mail["Subject"] = subject
        mail["Date"] = format_datetime(demo.now - timedelta(hours=number))
        mail["Message-ID"] = f"<demo-{number}@example.org>"
        if submitted:
            mail["Auto-Submitted"] = submitted
        mail.set_content(text, subtype=kind)
        take_mail(site, mail.as_bytes())
