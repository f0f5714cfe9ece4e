"""What the shop's pages with a form share: errors for the summary, and numbers that come in pairs with a
variant.
"""

from __future__ import annotations

from typing import Any

from core import Form, InvalidInput, Request, TresenError
from plugins.shop.amounts import MAX_QUANTITY
from plugins.shop.orders import MAX_NOTE

QUANTITY = "quantity-"
"""Fields `quantity-7` say how many of variant 7."""


def summary(request: Request, form: Form) -> list[dict[str, Any]]:
    """All errors of a form for the box above it, each leading to its field."""
    return [
        {"text": say(request, error), "href": f"#field-{name}" if name else None} for name, error in form.errors.items()
    ]


def say(request: Request, error: TresenError) -> str:
    """An error in the person's language."""
    return request.language.text(error.message, **error.values)


def as_input(error: TresenError, field: str | None = None) -> InvalidInput:
    """Any error as one of a form, beside its own field or `field`, else above the form."""
    values: dict[str, Any] = dict(error.values)
    own = error.field if isinstance(error, InvalidInput) else None
    return InvalidInput(error.message, field=own or field, **values)


def just_taken() -> InvalidInput:
    """What to say when the database refuses an address or a number that was still free a moment ago."""
    return InvalidInput("Somebody has just given this address or number to something else. Choose a different one.")


def number_of(text: str) -> int:
    """An id out of an address; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def read_quantities(form: Form) -> dict[int, int]:
    """Variant id → quantity, of all fields with one; an empty field is 0. Errors are noted for the field."""
    quantities = {}
    for name in form.fields:
        variant_id = name.removeprefix(QUANTITY)
        if not name.startswith(QUANTITY) or not variant_id.isascii() or not variant_id.isdigit():
            continue
        quantity = form.whole_number(name)
        if name in form.errors:
            continue
        if quantity is not None and not 0 <= quantity <= MAX_QUANTITY:
            form.fail(InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY, field=name), name)
        elif len(variant_id) <= 15:
            quantities[int(variant_id)] = quantity or 0
    return quantities


def chosen_ids(form: Form) -> list[int]:
    """The variants of whose quantity something was typed, in the order of the form."""
    typed = (name.removeprefix(QUANTITY) for name in form.fields if name.startswith(QUANTITY) and form.text(name))
    return [number for text in typed if (number := number_of(text))]


def read_note(form: Form) -> str:
    """The note to an order; one that is too long becomes an error."""
    note = form.text("note", multiline=True)
    if len(note) > MAX_NOTE:
        form.fail(InvalidInput("This is too long: %(max)s characters at most.", max=MAX_NOTE, field="note"), "note")
    return note[:MAX_NOTE]
