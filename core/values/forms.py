"""Public forms: the boxes that plugins add to each other's, and what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from core.values.checking import check_aware, check_key, is_text, order_field


@frozen(kw_only=True)
class PublicField:
    """A tick box that a plugin adds to other plugins' public forms (an order, a contact form).

    `wording` is the sentence beside the box, in the page's language and exactly as it is recorded when ticked.
    """

    key: str = field(validator=check_key)
    wording: str = field(validator=is_text)
    hint: str = field(default="", validator=is_text)
    required: bool = False
    order: int = order_field


@frozen(kw_only=True)
class Submission:
    """A public form that was sent and captured, as the event `public_form_submitted` tells it.

    `form` names the form ("notes.ask"), `ticked` the keys of the plugins' boxes that were ticked, `wordings` what
    stood beside each box shown, `page` the address of the page, `language` its language.
    """

    form: str = field(validator=check_key)
    contact_id: int
    email: str
    ticked: frozenset[str]
    wordings: Mapping[str, str]
    page: str
    language: str
    occurred_at: datetime = field(validator=check_aware)
