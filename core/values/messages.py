"""Messages: what they are for, who may get one, and what comes back (FEATURES M1 to M3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from attrs import Attribute, field, frozen, validators

from core.errors import InvalidInput
from core.messages.headers import is_header_safe
from core.messages.placeholders import check_placeholders
from core.values.checking import check_key, is_text, order_field

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


Purpose = Literal["personal", "system", "marketing"]
"""What a message is for (FEATURES M3): written by a person to a person, a notice of the site, or advertising."""


def _placeholders(instance: object, attribute: Attribute[str], value: str) -> None:
    try:
        check_placeholders(value)
    except InvalidInput as error:
        raise ValueError(f"{type(instance).__name__}.{attribute.name}: {error}") from error


def _reason(instance: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{type(instance).__name__} needs a reason= that staff can read.")


@frozen(kw_only=True)
class MessageTemplate:
    """A text that staff can start a message from (FEATURES M1).

    `subject` and `body` are message ids, translated into the language of the person written to. They know the
    placeholders of `core.messages.placeholders` and nothing else: `{{name}}` is replaced, an expression is refused.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    subject: str = field(validator=[is_text, _placeholders])
    body: str = field(validator=[is_text, _placeholders])
    purpose: Purpose = "personal"
    order: int = order_field


@frozen(kw_only=True)
class Outgoing:
    """A message on its way out, as `may_send` is asked about it.

    `language` is the one of the person written to ("de" or "en"). `necessary` says that the person is owed this message
    or has just asked for it (what was bought, a link to sign in): it is no notice one can switch off. `message_id` is
    None when the message is only about to be queued. `topic` is the key of the `MessageTopic` that advertising is
    about; empty for advertising in general, and for all other messages.
    """

    contact_id: int
    email: str
    purpose: Purpose
    subject: str
    text: str
    language: str
    module: str = ""
    necessary: bool = False
    message_id: int | None = None
    topic: str = ""


@frozen(kw_only=True)
class MessageTopic:
    """A kind of advertising of its own, which people can want or not want by itself („Newsletter“, „Events“).

    `label` is its name in the language that was asked for, as it is shown. The plugin that offers it says in `may_send`
    who may get a message about it; while that plugin is off, nobody gets one.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    hint: str = field(default="", validator=is_text)
    order: int = order_field


@frozen(kw_only=True)
class Mailing:
    """A message to many, as `may_send_many` is asked about it; `purpose` and `topic` are those of `Outgoing`."""

    purpose: Purpose
    topic: str = ""
    module: str = ""


@frozen(kw_only=True)
class LeftOut:
    """Contacts who must not get a `Mailing`: the SQL `condition` on contacts, and the `reason`, a text for staff.

    The condition speaks of `Contact` alone; what a plugin keeps in its own tables comes in by `exists()`.
    """

    reason: str = field(validator=_reason)
    condition: ColumnElement[bool]


@frozen(kw_only=True)
class Bounce:
    """What a mail server said of a message that came back.

    `email` is the address that it was sent to, `status` the code (RFC 3463; empty: none), `words` what the server said.
    `address_is_gone`: no other mail to it would arrive either; otherwise it is full, or this one mail was refused.
    """

    email: str = field(validator=is_text)
    words: str = field(validator=is_text)
    status: str = field(default="", validator=is_text)
    address_is_gone: bool = False


@frozen(kw_only=True)
class SendVerdict:
    """A plugin's verdict on a message before it is sent.

    `verdict="refuse"` stops it with `reason` (a translatable text for staff). "add" lets it go with more `headers`
    (names beginning with List- or X-, or Precedence or Feedback-ID) and a `footer` below the text, plain and in the
    language of the message. Returning None lets it go unchanged.
    """

    verdict: Literal["refuse", "add"] = field(validator=validators.in_(("refuse", "add")))
    reason: str = field(default="", validator=is_text)
    headers: Mapping[str, str] = field(factory=dict)
    footer: str = field(default="", validator=is_text)

    @headers.validator
    def _check_headers(self, _attribute: Attribute[Mapping[str, str]], headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not re.fullmatch(r"(List|X)-[A-Za-z0-9-]+|Precedence|Feedback-ID", name, re.ASCII):
                raise ValueError(f"SendVerdict can't set the header {name!r}. Use one that begins with List- or X-.")
            if not is_header_safe(value):
                raise ValueError(f"SendVerdict has a value for {name!r} that no header may have: {value!r}.")

    def __attrs_post_init__(self) -> None:
        if self.verdict == "refuse" and not self.reason:
            raise ValueError("A SendVerdict with verdict='refuse' needs a reason= that staff can read.")
