"""Advertising to existing customers without their consent, where § 7 (3) UWG allows it. Off until staff switch it on.

All four of its conditions are looked at: the address comes from a sale, the advertising is for one's own similar goods
(staff's part, and said so at the setting), the person has not objected, and was told so clearly when the address was
taken: with the notice on the form of the sale. That it can be objected to stands in every mail (`sending`).
"""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from core import SYSTEM, Capture, Captured, InvalidInput, SettingsField, Site, Submission, current_contact_id
from plugins.consent.changing import ConsentRefused, Evidence, change_consent

FORMS = "consent.customer_forms"
NOTICE_TEXT = (
    "When you buy something, %(site)s may send you advertising for its own similar goods and services by e-mail. You "
    "can object to that at any time, at no more than the basic cost of transmission."
)
SALES = "consent.sales"
"""Where a session remembers the sales that came in by it: contact → address."""


def settings_field() -> SettingsField:
    """The setting."""
    return SettingsField(
        key=FORMS,
        label="Advertising to existing customers, without their consent",
        hint="Names of the forms by which you sell, such as shop.checkout, with commas between them. They then show "
        "the notice that § 7 (3) UWG asks for, and who has never been asked gets advertising after a purchase. Only "
        "for your own similar goods. Empty: nobody gets any without consent.",
        clean=clean_forms,
        order=110,
    )


def clean_forms(text: str) -> str:
    """Names of forms. Raises InvalidInput."""
    names = [one for one in re.split(r"[\s,;]+", text) if one]
    for one in names:
        if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", one):
            raise InvalidInput("“%(name)s” is no name of a form. Write it like shop.checkout.", name=one)
    return ", ".join(dict.fromkeys(names))


def is_on(site: Site) -> bool:
    """Whether existing customers get advertising at all."""
    return bool(site.setting(FORMS))


def notice(site: Site, form: str, language: str) -> str:
    """What the person is told when the address is taken; empty where nothing is sold."""
    if form not in re.split(r"[\s,]+", site.setting(FORMS)):
        return ""
    return site.language(language).text(NOTICE_TEXT, site=site.setting("site.name"))


def remember_sale(session: Session, capture: Capture, captured: Captured) -> None:
    """A sale came in: known until the end of the transaction."""
    if capture.makes_customer:
        session.info.setdefault(SALES, {})[captured.contact_id] = capture.email


def record_purchase(session: Session, site: Site, submission: Submission) -> None:
    """Somebody who was never asked has bought, by a form with the notice, and gave the address for it."""
    told = notice(site, submission.form, submission.language)
    contact_id = current_contact_id(session, submission.contact_id)
    if not told or session.info.get(SALES, {}).get(contact_id) != submission.email:
        return
    evidence = Evidence(
        way="purchase",
        actor=SYSTEM,
        occurred_at=submission.occurred_at,
        email=submission.email,
        page=submission.page,
        form=submission.form,
        wording=told,
        language=submission.language,
        basis="§ 7 Abs. 3 UWG",
    )
    try:
        change_consent(session, contact_id=contact_id, purpose="marketing", to="existing_customer", evidence=evidence)
    except ConsentRefused:
        # Asked before, or has objected: that holds.
        return
