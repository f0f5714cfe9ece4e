"""Bounces and complaints end consents, with the server's words as evidence (K1, T-M6)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from core.mailbox.taking import take_mail
from core.site import Site
from plugins.consent import plugin
from plugins.consent.models import ConsentEvent, ConsentState
from tests.core.mailbox.mailbox_support import anna, sent_message
from tests.core.mailbox.samples import SAMPLES
from tests.core.messages.mail_support import mail_site, message


def states(site: Site) -> dict[str, str]:
    with site.session() as session:
        return {row.purpose: row.state for row in session.scalars(select(ConsentState))}


def back(site: Site, contact: int, name: str, mail_id: str = "") -> int:
    """A sent message comes back with a sample report."""
    message_id, own = sent_message(site, contact)
    (sample,) = [one for one in SAMPLES if one.name == name]
    take_mail(site, sample.written(mail_id or own, "laden@example.org", message_id, "\r\n"))
    return message_id


def test_k1_an_address_that_is_gone_gets_nothing_more_and_one_that_is_full_does(
    tmp_path: Path, database_url: str
) -> None:
    site = mail_site(tmp_path, database_url, "", plugin)
    contact = anna(site)
    back(site, contact, "Postfix, headers only, mailbox full")
    back(site, contact, "Postfix, taken for spam")
    back(site, contact, "Postfix, given up after five days")
    back(site, contact, "Postfix, unknown user", mail_id=f"{1:032x}@crm.example.org")
    assert states(site) == {}, "none of them says that the address is gone, or it is not about our message"

    message_id = back(site, contact, "Postfix, unknown user")

    assert states(site) == {"marketing": "bounced", "system": "bounced"}
    assert message(site, message_id).state == "failed"
    with site.session() as session:
        (event,) = session.scalars(select(ConsentEvent).where(ConsentEvent.purpose == "marketing")).all()
    assert (event.way, event.to_state, event.email) == ("bounce", "bounced", "anna@example.com")
    assert "User unknown" in event.facts
    # Of another address than the contact has by now, it says nothing.
    other = anna(site, "other@example.com", "Other")
    back(site, other, "sendmail")
    with site.session() as session:
        assert session.scalars(select(ConsentState.state).where(ConsentState.contact_id == other)).all() == []
    back(site, contact, "A complaint")
    assert states(site) == {"marketing": "unsubscribed", "system": "unsubscribed"}
    with site.session() as session:
        ways = session.scalars(select(ConsentEvent.way).order_by(ConsentEvent.id)).all()
    assert ways == ["bounce", "bounce", "complaint", "complaint"]
    site.close()
