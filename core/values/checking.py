"""What several values check when they are made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from attrs import Attribute, field, validators

KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def check_key(instance: object, attribute: Attribute[str], value: object) -> None:
    """A key begins with the key of the plugin it belongs to. Raises ValueError."""
    if not isinstance(value, str) or not KEY.fullmatch(value):
        raise ValueError(
            f"{type(instance).__name__} key {value!r} must look like 'plugin.name': small letters, digits, "
            "underscores, with the plugin's own key before the dot."
        )


def check_aware(instance: object, attribute: Attribute[datetime], value: object) -> None:
    """A moment is one all over the world. Raises ValueError."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(
            f"{type(instance).__name__}.{attribute.name} must be a datetime with a time zone, not {value!r}."
        )


def in_order(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts in the order they were given, whatever held them."""
    return tuple(texts)


is_text = validators.instance_of(str)
order_field = field(default=100, validator=validators.instance_of(int), kw_only=True)
