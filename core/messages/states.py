"""What a message is for and where it is, in words for people (FEATURES M1, M3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.messages.models import NewsletterState, State
from core.values import Purpose

PURPOSE_LABELS: Mapping[Purpose, str] = MappingProxyType(
    {"personal": "Personal", "system": "System notification", "marketing": "Advertising"}
)
"""Purpose → its name, a message id."""

PURPOSE_HINT_TEXTS: Mapping[Purpose, str] = MappingProxyType(
    {
        "personal": "About the person’s own matter, such as an order of theirs.",
        "system": "A notice about something the person has with you. Not for those who switched notices off.",
        "marketing": "Offers and news. Only for those who agreed to it, with a link to unsubscribe.",
    }
)
"""Purpose → when it is the right one, a message id."""

STATE_LABELS: Mapping[State, str] = MappingProxyType(
    {
        "received": "Received",
        "queued": "Waiting",
        "sending": "Being sent",
        "sent": "Sent",
        "failed": "Failed",
        "unknown": "Not clear",
        "withdrawn": "Withdrawn",
    }
)
"""State → its name, a message id."""

STATE_SIGNS: Mapping[State, tuple[str, str]] = MappingProxyType(
    {
        "received": ("", ""),
        "queued": ("neutral", "clock"),
        "sending": ("blue", "send"),
        "sent": ("", "check"),
        "failed": ("red", "warning"),
        "unknown": ("amber", "help"),
        "withdrawn": ("neutral", "undo"),
    }
)
"""State → colour and icon of its badge."""

RESTORED_TEXTS = ("The site was restored from a backup, and this message may have gone out before.",)
"""Why a message is unknown that waited when a backup was made, a message id."""

DECISION_LABELS: Mapping[str, str] = MappingProxyType(
    {"sent": "Treat as sent", "resend": "Send again", "settle": "Leave it", "withdraw": "Withdraw"}
)
"""What staff can do about a message on its way, by the last part of its address → its name, a message id."""

DECISION_ICONS: Mapping[str, str] = MappingProxyType(
    {"sent": "check", "resend": "refresh", "settle": "archive", "withdraw": "undo"}
)
"""Decision → icon of its button."""

NEWSLETTER_LABELS: Mapping[NewsletterState, str] = MappingProxyType(
    {"draft": "Draft", "sending": "Being sent", "stopped": "Stopped", "sent": "Sent"}
)
"""State of a newsletter → its name, a message id."""

NEWSLETTER_SIGNS: Mapping[NewsletterState, tuple[str, str]] = MappingProxyType(
    {
        "draft": ("neutral", "edit"),
        "sending": ("blue", "send"),
        "stopped": ("amber", "warning"),
        "sent": ("green", "check"),
    }
)
"""State of a newsletter → colour and icon of its badge."""
