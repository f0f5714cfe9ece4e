"""Ways to pay that plugins contribute (hook `payment_methods`), as a plugin that sells something uses them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from core import state
from core.errors import InvalidInput, PaymentFailed
from core.plugins import Failure, describe, plugin_of
from core.values import Money, PaymentMessage, PaymentMethod, PaymentRequest, PaymentResult, PaymentStart

if TYPE_CHECKING:
    from core.i18n import Language
    from core.site import Site

log = logging.getLogger("tresen.payments")

Answer = TypeVar("Answer")

AWAY = "This way to pay does not work at the moment. Try again later, or choose another."


def payment_method(site: Site, key: str) -> PaymentMethod | None:
    """The method with this key, also one that is not available now; None for one of a plugin that is off."""
    return site.contributions.payment_methods.get(key)


def offered_payment_methods(site: Site) -> Sequence[PaymentMethod]:
    """The methods that can be used now. One whose `available` raises is left out and recorded."""
    return [method for method in site.contributions.payment_methods.values() if _is_available(site, method)]


def payment_note(site: Site, method: PaymentMethod, language: Language) -> str:
    """What people read about a method, in their language; nothing when its plugin fails."""
    if method.note is None:
        return ""
    note = method.note
    try:
        return _asked(site, method, "note", lambda: note(site, language))
    except PaymentFailed:
        return ""


def start_payment(site: Site, method: PaymentMethod, request: PaymentRequest) -> PaymentStart:
    """Have the provider take a payment up; never within a transaction.

    Raises PaymentFailed when the provider does not answer as it should, which is recorded.
    """
    start = method.start
    if start is None:
        raise PaymentFailed(AWAY)
    return _asked(site, method, "start", lambda: _checked(start(site, request), PaymentStart))


def read_payment(site: Site, method: PaymentMethod, message: PaymentMessage) -> PaymentResult:
    """What a message from outside says of a payment; never within a transaction.

    Raises InvalidInput for a message that is not genuine, PaymentFailed when the plugin fails, which is recorded.
    """
    read = method.read
    if read is None:
        raise InvalidInput("Nothing comes back for this way to pay.")
    return _asked(site, method, "read", lambda: _checked(read(site, message), PaymentResult))


def pay_back(site: Site, method: PaymentMethod, result: PaymentResult, amount: Money, key: str) -> None:
    """Give a part of a payment back through its provider; never within a transaction.

    Raises PaymentFailed when the provider does not answer as it should: call it again, with the same `key`.
    """
    give = method.pay_back
    if give is None:
        raise PaymentFailed(AWAY)
    _asked(site, method, "pay_back", lambda: give(site, result, amount, key))


def _is_available(site: Site, method: PaymentMethod) -> bool:
    available = method.available
    if available is None:
        return True
    try:
        return _asked(site, method, "available", lambda: available(site))
    except PaymentFailed:
        return False


def _checked(answer: object, kind: type[Answer]) -> Answer:
    if not isinstance(answer, kind):
        raise TypeError(f"It answers {answer!r:.80}. Return a {kind.__name__}.")
    return answer


def _asked(site: Site, method: PaymentMethod, what: str, call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except InvalidInput:
        raise
    except (Exception, SystemExit) as error:
        log.exception("Payment method %r failed in %r", method.key, what)
        failure = Failure(plugin=plugin_of(method.key), place=f"payment_methods: {what}", message=describe(error))
        with site.begin() as session:
            state.record_failure(session, failure)
        raise PaymentFailed(AWAY) from error
