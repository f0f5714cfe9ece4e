"""Shopify's order export: a row for each line, the order's own cells in the first of them.

Prices have the tax in them or not, as the shop has it: the sums tell. A tax is named with its rate („DE MwSt 19%“).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from core import InvalidInput
from plugins.shop.importing.foreign import ForeignLine, ForeignOrder, count, minor
from plugins.shop.importing.reckoning import rate_of, with_tax
from plugins.shop.importing.rows import Context, Layout, Row, details, moment

NAMES = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Currency", "Subtotal",
    "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method", "Created at", "Cancelled at",
    "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku", "Lineitem taxable", "Lineitem discount",
    "Billing Name", "Billing Address1", "Billing Address2", "Billing Street", "Billing Company", "Billing City",
    "Billing Zip", "Billing Province", "Billing Province Name", "Billing Country", "Billing Phone",
    "Shipping Name", "Shipping Address1", "Shipping Address2", "Shipping Street", "Shipping Company", "Shipping City",
    "Shipping Zip", "Shipping Province", "Shipping Province Name", "Shipping Country", "Shipping Phone",
    "Phone", "Notes", "Refunded Amount", "Id", "Duties",
    *(f"Tax {number} {what}" for number in range(1, 6) for what in ("Name", "Value")),
)  # fmt: skip

PAID = frozenset({"paid", "partially_refunded", "refunded"})
VOID = frozenset({"voided", "expired"})

_RATE = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?)\s*%")


def read_order(rows: Sequence[Row], context: Context) -> ForeignOrder:
    """The order of these rows. Raises InvalidInput."""
    head = rows[0]
    currency = head["currency"].upper() or context.currency
    total, tax = minor(head["total"], currency), minor(head["taxes"], currency)
    shipping, duties = minor(head["shipping"], currency), minor(head["duties"], currency)
    placed_at = moment(head["created_at"], context)
    if placed_at is None:
        raise InvalidInput("It does not say when it was placed.")
    sold = [row for row in rows if row["lineitem_name"] and count(row["lineitem_quantity"] or "1")]
    prices = [minor(row["lineitem_price"], currency, count(row["lineitem_quantity"] or "1")) for row in sold]
    taxed = [row["lineitem_taxable"].casefold() != "false" for row in sold]
    names = [row["lineitem_name"] for row in sold]
    quantities = [count(row["lineitem_quantity"] or "1") for row in sold]
    skus = [row["lineitem_sku"] for row in sold]
    if shipping:
        names.append(head["shipping_method"] or "Shipping")
        prices.append(shipping)
        quantities.append(1)
        skus.append("")
        taxed.append(True)
    subtotal = minor(head["subtotal"], currency)
    if tax and total != subtotal + shipping + duties and abs(total - (subtotal + shipping + duties + tax)) <= 1:
        prices = with_tax(prices, taxed, tax)
    lines = [
        ForeignLine(name=name, quantity=quantity, gross=price, taxed=is_taxed and tax > 0, sku=sku)
        for name, quantity, price, is_taxed, sku in zip(names, quantities, prices, taxed, skus, strict=True)
    ]
    status = head["financial_status"].casefold()
    cancelled_at = moment(head["cancelled_at"], context) or (placed_at if status in VOID else None)
    refunded = min(minor(head["refunded_amount"], currency), total)
    if status == "refunded":
        refunded = refunded or total
    paid = status in PAID or bool(head["paid_at"])
    shipped = head["fulfillment_status"].casefold() == "fulfilled"
    address = _address(head, "billing") or _address(head, "shipping")
    billing = details(
        head.first("billing_name", "shipping_name"), head.first("billing_phone", "phone", "shipping_phone"), address
    )
    delivery = details(head["shipping_name"], "", _address(head, "shipping"))
    return ForeignOrder(
        line=head.line,
        reference=head["name"].lstrip("#").strip(),
        email=head["email"],
        details=billing,
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        total=total,
        tax=tax,
        taxes=_taxes(head, total, currency),
        refunded=refunded,
        paid_at=(moment(head["paid_at"], context) or placed_at) if paid else None,
        shipped_at=(moment(head["fulfilled_at"], context) or placed_at) if shipped else None,
        cancelled_at=cancelled_at,
        delivery=delivery if head["shipping_address1"] or head["shipping_street"] else None,
        voucher=head["discount_code"][:40],
        note=head["notes"],
    )


def _address(row: Row, which: str) -> dict[str, str]:
    """The parts of an address; none when there is no place in it."""
    parts = {
        "street": row.first(f"{which}_address1", f"{which}_street"),
        "street2": ", ".join(text for text in (row[f"{which}_company"], row[f"{which}_address2"]) if text),
        "postal_code": row[f"{which}_zip"],
        "city": row[f"{which}_city"],
        "region": row.first(f"{which}_province_name", f"{which}_province"),
        "country": row[f"{which}_country"],
    }
    return parts if parts["street"] or parts["city"] else {}


def _taxes(row: Row, total: int, currency: str) -> dict[int, int]:
    """Rate → tax, of the taxes that the order names; by the name when the rate stands there, else by the sums."""
    found: dict[int, int] = {}
    for number in range(1, 6):
        value = minor(row[f"tax_{number}_value"], currency)
        if not value:
            continue
        named = _RATE.search(row[f"tax_{number}_name"])
        rate = round(Decimal(named[1].replace(",", ".")) * 100) if named else rate_of(total, value)
        found[rate] = found.get(rate, 0) + value
    return found


def _continues(first: Row, row: Row) -> bool:
    return row["name"] == first["name"] and not row["total"] and not row["created_at"].strip()


def _continues_with_all(first: Row, row: Row) -> bool:
    # Some programs write the order's cells in each of its rows.
    return row["name"] == first["name"] and (_continues(first, row) or row["id"] == first["id"])


SHOPIFY = Layout(
    key="shopify",
    label="Shopify",
    aliases={name.casefold().replace(" ", "_"): (name,) for name in NAMES},
    needed=frozenset({"name", "email", "financial_status", "created_at", "lineitem_name", "lineitem_price", "total"}),
    read=read_order,
    continues=_continues_with_all,
)
