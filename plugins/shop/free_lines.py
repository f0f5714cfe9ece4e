"""What staff put into an order that is not in the shop: its name, price, tax rate and quantity, as they are typed."""

from __future__ import annotations

from core import Form, InvalidInput
from plugins.shop.amounts import MAX_QUANTITY, parse_price, parse_rate
from plugins.shop.orders import MAX_NAME, FreeItem

FREE_LINES = 3
"""How many lines the form of staff has for what is not in the shop: `free_name_1`, `free_price_1` and so on."""


def read_free_items(form: Form, currency: str) -> list[FreeItem]:
    """What staff typed beyond the products. Errors are noted for the fields."""
    items = []
    for place in range(1, FREE_LINES + 1):
        name = form.text(f"free_name_{place}")
        typed = {what: form.text(f"free_{what}_{place}") for what in ("price", "rate", "quantity")}
        if not name:
            # A preset rate or quantity alone says nothing.
            if typed["price"]:
                form.fail(InvalidInput("Say what it is.", field=f"free_name_{place}"))
            continue
        if len(name) > MAX_NAME:
            form.fail(
                InvalidInput("This is too long: %(max)s characters at most.", field=f"free_name_{place}", max=200)
            )
        price, rate, quantity = 0, 0, 1
        try:
            price = parse_price(typed["price"], currency, name=f"free_price_{place}")
        except InvalidInput as error:
            form.fail(error)
        try:
            rate = parse_rate(typed["rate"], name=f"free_rate_{place}")
        except InvalidInput as error:
            form.fail(error)
        number = form.whole_number(f"free_quantity_{place}")
        quantity = 1 if number is None else number
        if not 1 <= quantity <= MAX_QUANTITY:
            field = f"free_quantity_{place}"
            form.fail(InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY, field=field))
        if not any(f"free_{what}_{place}" in form.errors for what in ("name", "price", "rate", "quantity")):
            items.append(FreeItem(name=name, unit_price=price, tax_rate=rate, quantity=quantity))
    return items
