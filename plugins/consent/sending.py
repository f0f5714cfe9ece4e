"""Whether contacts may be written to for a purpose, and what such a mail must carry (FEATURES M3, K2).

Advertising needs consent that holds now (§ 7 (2) no. 2 UWG), names a way to end it in every mail (§ 7 (2) no. 3 UWG)
and has the button of mail programs (RFC 8058). Notices go to everybody who has not switched them off; what a person
is owed, such as the confirmation of an order, is no notice one can switch off.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import exists
from sqlalchemy.orm import Session

from core import Contact, LeftOut, Mailing, MessageTopic, Outgoing, SendVerdict, Site
from plugins.consent import customers
from plugins.consent.changing import state_of
from plugins.consent.links import preferences_url, unsubscribe_url
from plugins.consent.models import ConsentState
from plugins.consent.purposes import BUILTIN, OWN, all_purposes, find_purpose

MARKETING_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "": "This person has never agreed to advertising.",
        "pending": "This person has not confirmed yet that advertising is wanted.",
        "expired": "This person has not confirmed in time that advertising is wanted.",
        "existing_customer": "Existing customers get no advertising without their consent on this site.",
        "unsubscribed": "This person has unsubscribed from advertising.",
        "bounced": "Mails to this address came back, so it gets no advertising.",
    }
)
"""State → why no advertising is sent, a message id. That to existing customers is switched on with a setting."""

OWN_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "": "This person has never agreed to this kind of advertising.",
        "pending": "This person has not confirmed yet that this kind of advertising is wanted.",
        "expired": "This person has not confirmed in time that this kind of advertising is wanted.",
        "existing_customer": "Existing customers get no advertising without their consent on this site.",
        "unsubscribed": "This person has unsubscribed from this kind of advertising.",
        "bounced": "Mails to this address came back, so it gets no advertising.",
    }
)
"""State → why nothing is sent for a purpose of the site's own, a message id."""

SYSTEM_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "unsubscribed": "This person has switched system notifications off.",
        "bounced": "Mails to this address came back, so it gets no system notifications.",
    }
)
"""State → why no notice is sent, a message id. In the other states it is."""

FOOTERS = {
    "marketing": "You get this message because you have agreed to it. You can unsubscribe at any time: %(url)s",
    "existing_customer": "You get this message because you have bought from us. You can object to it at any time, at "
    "no more than the basic cost of transmission: %(url)s",
    "system": "You can switch these notifications off: %(url)s",
    "own": "You get this message because you have agreed to “%(purpose)s”. You can unsubscribe at any time: %(url)s",
}
"""Purpose, kind of purpose, or state → what stands below a message of it, a message id."""

TOPIC = "consent."
"""Before the key of a purpose of the site's own, in the key of its topic."""

TOPIC_HINT = "Only for those who agreed to exactly this, with a link to unsubscribe from it."

PREFERENCES_TEXT = "Choose what you want to get: %(url)s"


def verdict_on(session: Session, site: Site, message: Outgoing) -> SendVerdict | None:
    """Refuse, or add the way to unsubscribe; None for what consent has no say in."""
    if message.purpose == "personal" or message.necessary:
        return None
    purpose = asked_purpose(message.purpose, message.topic)
    state = state_of(session, message.contact_id, purpose)
    if reason := refusals(site, purpose).get(state):
        return SendVerdict(verdict="refuse", reason=reason)
    url = unsubscribe_url(site, message.contact_id, purpose, message.message_id)
    headers = {"List-Unsubscribe": f"<{url}>"}
    if url.startswith("https://"):
        # RFC 8058 section 3.1 asks for https; mail programs press no button on anything else.
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    language = site.language(message.language)
    if purpose in BUILTIN:
        footer = language.text(FOOTERS[state if state == "existing_customer" else purpose], url=url)
    else:
        name = find_purpose(session, purpose).name(site, language.code)
        footer = language.text(FOOTERS["own"], purpose=name, url=url)
    choose = language.text(PREFERENCES_TEXT, url=preferences_url(site, message.contact_id))
    return SendVerdict(verdict="add", headers=headers, footer=f"{footer}\n{choose}")


def asked_purpose(purpose: str, topic: str) -> str:
    """The purpose of consent that a message needs: that of its topic if it is one of ours, else the message's own."""
    key = topic.removeprefix(TOPIC)
    return key if topic.startswith(TOPIC) and OWN.fullmatch(key) else purpose


def refusals(site: Site, purpose: str) -> Mapping[str, str]:
    """State → why nothing is sent for a purpose to a person in it; what is not there gets it."""
    if purpose == "system":
        return SYSTEM_TEXTS
    texts = MARKETING_TEXTS if purpose == "marketing" else OWN_TEXTS
    kept = {"existing_customer"} if purpose == "marketing" and customers.is_on(site) else set()
    return {state: reason for state, reason in texts.items() if state not in kept}


def left_out(site: Site, mailing: Mailing) -> list[LeftOut]:
    """Whom a message to many must not reach, by state: the same rules as for one."""
    if mailing.purpose == "personal":
        return []
    purpose = asked_purpose(mailing.purpose, mailing.topic)
    row = exists().where(ConsentState.contact_id == Contact.id, ConsentState.purpose == purpose)
    return [
        LeftOut(reason=reason, condition=row.where(ConsentState.state == state) if state else ~row)
        for state, reason in refusals(site, purpose).items()
    ]


def topics(session: Session, site: Site, language: str) -> list[MessageTopic]:
    """The site's own purposes. A closed one is asked about no more; who agreed to it may still be written to."""
    return [
        MessageTopic(
            key=TOPIC + one.key,
            label=one.name(site, language),
            hint=site.language(language).text(TOPIC_HINT),
            order=100 + order,
        )
        for order, one in enumerate(all_purposes(session))
        if one.is_own
    ]
