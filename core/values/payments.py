"""Paying, for everything that plugins sell (hook `payment_methods`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen, validators

from core.values.basics import Money
from core.values.checking import check_key, is_text, order_field

if TYPE_CHECKING:
    from core.i18n import Language
    from core.site import Site


@frozen(kw_only=True)
class PaymentRequest:
    """Something that is to be paid, as the plugin that sells it hands it to a `PaymentMethod`.

    `reference` is unique and can't be guessed; every `PaymentResult` names it. `description` stands on the payer's
    statement, in their `language`. The payer's browser comes back to `return_url`; the provider's server posts to
    `notify_url` (both absolute).
    """

    reference: str = field(validator=validators.matches_re(r"[A-Za-z0-9_-]{16,64}"))
    amount: Money = field(validator=validators.instance_of(Money))
    description: str = field(validator=is_text)
    language: str = field(validator=is_text)
    return_url: str = field(validator=is_text)
    notify_url: str = field(validator=is_text)


@frozen(kw_only=True)
class PaymentStart:
    """Where somebody pays: an address to go to, and the provider's own name for the payment."""

    url: str = field(validator=validators.matches_re(r"https?://[^\s]+"))
    provider_reference: str = field(default="", validator=is_text)


@frozen(kw_only=True)
class PaymentMessage:
    """What came in from outside about a payment; nothing in it is proved.

    `kind` is "return" when the payer's browser came back (only `query`), "notice" when the provider's server posted
    (`headers` with small letters, and the `body` as it came).
    """

    kind: Literal["return", "notice"]
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""


@frozen(kw_only=True)
class PaymentResult:
    """What became of a payment, after its message was found genuine. `amount` is what was paid, when it was."""

    reference: str = field(validator=is_text)
    state: Literal["paid", "pending", "failed"] = field(validator=validators.in_(("paid", "pending", "failed")))
    amount: Money | None = None
    provider_reference: str = field(default="", validator=is_text)

    def __attrs_post_init__(self) -> None:
        if (self.state == "paid") != (self.amount is not None):
            raise ValueError("A PaymentResult has amount= if its state is 'paid', else none.")


@frozen(kw_only=True)
class PaymentMethod:
    """A way to pay (hook `payment_methods`), for everything that plugins sell.

    One that is paid by hand, such as a bank transfer, has neither `start` nor `read`. `note(site, language)` is what
    people read about it beside the choice and after they have ordered: an account, an address, or nothing.

    A provider has both: `start(site, request)` registers the payment and answers where to pay; `read(site, message)`
    proves what came back, by a signature or by asking the provider, and raises InvalidInput when it can't. Each may be
    called several times for one payment. `pay_back(site, result, amount, key)` gives a part of a payment back, once
    for each `key` however often it is called; `result` is that of the payment. All three may use the network: they are
    called outside of transactions, and wait for no longer than a person does.

    `available(site)` says whether it can be used, as when its account is in the settings.
    """

    key: str = field(validator=check_key)
    label: str = field(validator=is_text)
    icon: str = field(default="money", validator=is_text)
    note: Callable[[Site, Language], str] | None = None
    available: Callable[[Site], bool] | None = None
    start: Callable[[Site, PaymentRequest], PaymentStart] | None = None
    read: Callable[[Site, PaymentMessage], PaymentResult] | None = None
    pay_back: Callable[[Site, PaymentResult, Money, str], None] | None = None
    order: int = order_field

    def __attrs_post_init__(self) -> None:
        if (self.start is None) != (self.read is None):
            raise ValueError(f"PaymentMethod {self.key!r} needs start= and read=, or none of them.")
        if self.pay_back is not None and self.start is None:
            raise ValueError(f"PaymentMethod {self.key!r} has pay_back= without start= and read=.")
