"""Whether a contact may be written to for a purpose, and what such a mail must carry (FEATURES M3, K2).

Advertising needs consent that holds now (§ 7 (2) no. 2 UWG), names a way to end it in every mail (§ 7 (2) no. 3 UWG)
and has the button of mail programs (RFC 8058). Notices go to everybody who has not switched them off; what a person
is owed, such as the confirmation of an order, is no notice one can switch off.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.orm import Session

from core import Outgoing, SendVerdict, Site
from plugins.consent import customers
from plugins.consent.changing import state_of
from plugins.consent.links import preferences_url, unsubscribe_url

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
}
"""Purpose, or state, → what stands below a message of it, a message id."""

PREFERENCES_TEXT = "Choose what you want to get: %(url)s"


def verdict_on(session: Session, site: Site, message: Outgoing) -> SendVerdict | None:
    """Refuse, or add the way to unsubscribe; None for what consent has no say in."""
    if message.purpose == "personal" or message.necessary:
        return None
    state = state_of(session, message.contact_id, message.purpose)
    if message.purpose == "marketing":
        if state != "subscribed" and not (state == "existing_customer" and customers.is_on(site)):
            return SendVerdict(verdict="refuse", reason=MARKETING_TEXTS[state])
    elif state in SYSTEM_TEXTS:
        return SendVerdict(verdict="refuse", reason=SYSTEM_TEXTS[state])
    url = unsubscribe_url(site, message.contact_id, message.purpose)
    headers = {"List-Unsubscribe": f"<{url}>"}
    if url.startswith("https://"):
        # RFC 8058 section 3.1 asks for https; mail programs press no button on anything else.
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    language = site.language(message.language)
    footer = language.text(FOOTERS[state if state == "existing_customer" else message.purpose], url=url)
    choose = language.text(PREFERENCES_TEXT, url=preferences_url(site, message.contact_id))
    return SendVerdict(verdict="add", headers=headers, footer=f"{footer}\n{choose}")
