"""Under which address answers and bounces to a message come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.mailbox.tokens import with_token

if TYPE_CHECKING:
    from core.site import Site


def answer_address(site: Site, sender_email: str, message_id: int) -> str:
    """Where the answer to a message goes (`Reply-To`); empty where it is the sender's address anyway."""
    base = site.setting("mailbox.answer_email") or sender_email
    made = with_token(site.secret, base, message_id) if site.setting("mailbox.plus") == "yes" else base
    return "" if made == sender_email else made


def return_address(site: Site, sender_email: str, message_id: int) -> str:
    """Where a message goes when it can't be delivered: the sender of its envelope.

    The address for answers only where its domain is the sender's: otherwise the mail would look forged (RFC 7489
    section 3.1.2).
    """
    base = site.setting("mailbox.answer_email") or sender_email
    if base.rpartition("@")[2].lower() != sender_email.rpartition("@")[2].lower():
        base = sender_email
    return with_token(site.secret, base, message_id) if site.setting("mailbox.plus") == "yes" else base
