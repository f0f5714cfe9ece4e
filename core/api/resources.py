"""What the API speaks of, as JSON: frozen classes whose attributes are its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy.orm import Session

from core.contacts.columns import modules_of, tags_of
from core.contacts.editing import details_of
from core.contacts.fields import read_fields
from core.contacts.models import Contact
from core.errors import InvalidInput
from core.values import ContactField, FieldValue, Stage

if TYPE_CHECKING:
    from core.web.requests import Request

JsonValue = str | int | float | bool | None


@frozen(kw_only=True)
class DetailsResource:
    """Name, phone, language and address. `country` is an ISO 3166 code, `language` an ISO 639 code; "" is unknown."""

    name: str
    phone: str
    street: str
    street2: str
    postal_code: str
    city: str
    region: str
    country: str
    language: str


@frozen(kw_only=True)
class ContactResource:
    """A contact. `fields` holds plugins' and custom fields by key; one without a value is left out.

    `version` grows with every change of details; sent back with a change, it keeps two writers from overwriting
    each other (THREATS T-F1). Times are in UTC.
    """

    id: int
    email: str
    details: DetailsResource
    stage: Stage
    joined_at: datetime
    inactive_at: datetime | None
    locked_at: datetime | None
    tags: Sequence[str]
    modules: Sequence[str]
    fields: Mapping[str, JsonValue]
    version: int
    updated_at: datetime
    href: str
    dashboard: str


@frozen(kw_only=True)
class ContactPage:
    """A page of the list. `next` is the address of the next one; `total` how many there are, if that is known."""

    contacts: Sequence[ContactResource]
    next: str | None
    previous: str | None
    total: int | None
    total_is_capped: bool


def contact_resources(request: Request, session: Session, contacts: Sequence[Contact]) -> list[ContactResource]:
    """The contacts with everything that a list shows; the same number of queries for one and for many."""
    site, ids = request.site, [contact.id for contact in contacts]
    modules, tags = modules_of(session, ids), tags_of(session, ids)
    allowed = [key for key, one in site.contributions.contact_fields.items() if request.allows(one.permission)]
    values = read_fields(session, site, ids, allowed)
    address = site.settings.base_url
    return [
        ContactResource(
            id=contact.id,
            email=contact.email,
            details=DetailsResource(**details_of(contact)),
            stage=contact.stage,
            joined_at=contact.joined_at,
            inactive_at=contact.inactive_at,
            locked_at=contact.locked_at,
            tags=list(tags.get(contact.id, ())),
            modules=list(modules.get(contact.id, ())),
            fields={key: json_value(value) for key, value in values.get(contact.id, {}).items()},
            version=contact.version,
            updated_at=contact.updated_at,
            href=f"{address}/api/v1/contacts/{contact.id}",
            dashboard=f"{address}/dashboard/contacts/{contact.id}",
        )
        for contact in contacts
    ]


def json_value(value: FieldValue | None) -> JsonValue:
    """A field's value as JSON holds it: a number as a number, a date as `2026-11-22`."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else value


def field_value(field: ContactField, value: Any) -> FieldValue | None:
    """The other way. Raises InvalidInput for what does not fit the field's kind."""
    if field.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    if field.kind == "date" and isinstance(value, str) and value:
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise InvalidInput("Enter a date such as 2026-12-24.", field=field.key) from error
    return value  # type: ignore[no-any-return]


def field_values(request: Request, values: Mapping[str, Any]) -> dict[str, FieldValue | None]:
    """Fields that a program sent, by key. Raises InvalidInput for an unknown one or one it may not write."""
    known = request.site.contributions.contact_fields
    for key in values:
        if key not in known or not request.allows(known[key].permission):
            raise InvalidInput("There is no field “%(key)s”.", field=key, key=key[:80])
    return {key: field_value(known[key], value) for key, value in values.items()}
