"""Bounces and complaints end consents, with the server's words as evidence (K1, T-M6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from core import SYSTEM
from core.mailbox.taking import take_mail
from core.site import Site
from plugins.consent import plugin
from plugins.consent.models import ConsentEvent, ConsentState
from plugins.consent.purposes import add_purpose
from tests.core.mailbox.mailbox_support import anna, sent_message
from tests.core.mailbox.samples import SAMPLES
from tests.core.messages.mail_support import mail_site, message
from tests.plugins.consent.test_sending import bring_to


def states(site: Site) -> dict[str, str]:
    with site.session() as session:
        return {row.purpose: row.state for row in session.scalars(select(ConsentState))}


def back(site: Site, contact: int, name: str, mail_id: str = "", **values: Any) -> int:
    """A sent message comes back with a sample report."""
    message_id, own = sent_message(site, contact, **values)
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
    site.close()


def test_k2_a_complaint_ends_what_the_message_was_for(tmp_path: Path, database_url: str) -> None:
    site = mail_site(tmp_path, database_url, "", plugin)
    contact = anna(site)
    words = {"de": "Ja", "en": "Yes"}
    with site.begin() as session:
        cake, bread = (
            add_purpose(session, {"de": name, "en": name}, words, SYSTEM) for name in ("Cake post", "Bread post")
        )
    all_on = {"marketing": "subscribed", "system": "subscribed", cake: "subscribed", bread: "subscribed"}
    off = "unsubscribed"
    for values, ended in (
        ({"purpose": "marketing", "topic": f"consent.{cake}"}, [cake]),
        ({"purpose": "marketing"}, ["marketing", cake, bread]),
        ({"purpose": "personal"}, ["marketing", cake, bread]),
        ({"purpose": "system"}, ["marketing", "system", cake, bread]),
    ):
        with site.begin() as session:
            session.execute(delete(ConsentState))
        for purpose in all_on:
            bring_to(site, contact, purpose, "subscribed")
        back(site, contact, "A complaint", **values)
        assert states(site) == {**all_on, **dict.fromkeys(ended, off)}, values
    with site.session() as session:
        ways = session.scalars(select(ConsentEvent.way).where(ConsentEvent.to_state == off)).all()
    assert set(ways) == {"complaint"}
    # After an address that was gone: staff may not switch on again what the person called spam.
    other = anna(site, "other@example.com", "Other")
    bring_to(site, other, "marketing", "bounced")
    back(site, other, "A complaint")
    with site.session() as session:
        after = session.scalars(select(ConsentState.state).where(ConsentState.contact_id == other)).all()
    assert after == [off]
    site.close()
