"""Placeholders in texts that staff write: a fixed list, and no expressions (THREATS T-J2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from core.errors import InvalidInput

PLACEHOLDER_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "name": "Name of the contact",
        "email": "E-mail address of the contact",
        "phone": "Phone number of the contact",
        "street": "Street and number of the contact",
        "postal_code": "Postcode of the contact",
        "city": "City of the contact",
        "country": "Country of the contact",
        "sender": "Your name",
        "site": "Name of the site",
        "site_url": "Address of the site",
        "date": "Today’s date",
    }
)
"""Placeholder → what it stands for, a message id. There are no others."""

PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_WITH_SPACE = re.compile(f"( ?){PLACEHOLDER.pattern}")


def check_placeholders(text: str) -> None:
    """Refuse what is no placeholder of the list: another name, an expression, a brace left open.

    Raises InvalidInput, which names it.
    """
    for match in PLACEHOLDER.finditer(text):
        if match[1].strip() not in PLACEHOLDER_LABELS:
            raise InvalidInput("There is no placeholder %(placeholder)s. Use one of the list.", placeholder=match[0])
    rest = PLACEHOLDER.sub("", text)
    for brace in ("{{", "}}"):
        if brace in rest:
            raise InvalidInput("%(brace)s is not part of a placeholder. Write {{name}}, for example.", brace=brace)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced, in one pass: what a value holds is never taken for a placeholder.

    Of what is not known the space before goes too: “Hello {{name}},” then is “Hello,”.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match[2].strip())
        return match[0] if found is None else match[1] + found if found else ""

    return _WITH_SPACE.sub(value, text)
