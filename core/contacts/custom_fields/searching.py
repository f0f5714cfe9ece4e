"""What search finds of custom fields (FEATURES L5): texts, choices, numbers and dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contacts.custom_fields.models import CustomField, CustomFieldChoice, CustomFieldValue


def searched_texts(session: Session, contact_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The texts by which search finds each of these contacts because of its custom fields, in the fields' order."""
    value, choice = CustomFieldValue, CustomFieldChoice
    rows = session.execute(
        select(value.contact_id, value.text, value.number, value.day, choice.label)
        .join(CustomField, CustomField.id == value.field_id)
        .outerjoin(choice, (choice.id == value.choice_id) & choice.removed_at.is_(None))
        .where(value.contact_id.in_(contact_ids), CustomField.removed_at.is_(None))
        .order_by(CustomField.position, CustomField.id)
    )
    found: dict[int, list[str]] = {}
    for contact_id, *values in rows:
        found.setdefault(contact_id, []).extend(text for one in values if one is not None for text in _texts(one))
    return found


def _texts(value: str | Decimal | date) -> list[str]:
    if isinstance(value, date):
        return [value.isoformat(), value.strftime("%d.%m.%Y")]
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return [plain, plain.replace(".", ",")] if "." in plain else [plain]
    return [value]
