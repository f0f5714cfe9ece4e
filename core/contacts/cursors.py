"""Where a page of the list begins or ends: the sorted value and the id of its first or last contact, signed.

A page is found by them and not by counting rows (DESIGN section 5), so the thousandth page costs what the
first does. The signature keeps anyone from asking the database questions of their own.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from attrs import frozen

from core.errors import InvalidInput
from core.signing import sign, unsign

PURPOSE = "contact-list"


@frozen(kw_only=True)
class Cursor:
    """A place in the list sorted by `order` (`View.order`): before or after this value and id.

    `value` is None among the contacts without a value, which come last. `position` is the place's number in
    the list, counted from 1: of the first contact after it, or of the last before it; for people to read
    only.
    """

    order: str
    value: object
    id: int
    position: int
    backward: bool = False


def encode_cursor(secret: str, cursor: Cursor) -> str:
    """The cursor as a text for an address."""
    parts = [cursor.order, _tagged(cursor.value), cursor.id, cursor.position]
    return sign(secret, _purpose(cursor.backward), json.dumps(parts, separators=(",", ":")))


def decode_cursor(secret: str, text: str, order: str, *, backward: bool) -> Cursor:
    """The cursor in a text. Raises InvalidInput for an altered one, and for one of another order."""
    body = unsign(secret, _purpose(backward), text)
    parts: list[Any] = json.loads(body) if body is not None else [None]
    if parts[0] != order:
        raise InvalidInput("This page of the list can't be found. Go to its beginning.")
    _, value, contact_id, position = parts
    return Cursor(order=order, value=_untagged(value), id=contact_id, position=position, backward=backward)


def _purpose(backward: bool) -> str:
    return f"{PURPOSE}-{'before' if backward else 'after'}"


def _tagged(value: object) -> object:
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"number": str(value)}
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _untagged(value: object) -> object:
    if not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    if kind == "datetime":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "date" else Decimal(text)
