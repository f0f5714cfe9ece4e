"""Order exports of WooCommerce, which has none of its own: the files of the extensions that most shops use.

Known are the layouts of Customer/Order/Coupon Export (a row for each order, its lines in one cell, or a row for each
line), of Order Import Export Suite (a column for each line), and of Advanced Order Export (a row for each line, with
headings for people). The price of a line is what it cost after coupons, with the tax: so the tax is theirs to the cent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core import InvalidInput
from plugins.shop.importing.foreign import NO_RATE, ForeignLine, ForeignOrder, Skipped, count, minor
from plugins.shop.importing.reckoning import rate_of, with_tax
from plugins.shop.importing.rows import Context, Layout, Row, details, moment

ALIASES: Mapping[str, Sequence[str]] = {
    "number": ("order_number", "order_number_formatted", "Order Number", "Order #"),
    "id": ("order_id", "Order ID"),
    "status": ("order_status", "Order Status"),
    "date": ("order_date", "date_created", "Order Date"),
    "paid_date": ("date_paid", "Paid Date"),
    "completed_date": ("date_completed", "Completed Date"),
    "currency": ("order_currency", "Order Currency", "Currency"),
    "total": ("order_total", "Order Total", "Order Total Amount"),
    "tax": ("tax_total", "order_total_tax", "Order Total Tax Amount", "Total Tax Amount"),
    "order_tax": ("Order Tax Amount",),
    "shipping": ("shipping_total", "Order Shipping", "Order Shipping Amount"),
    "shipping_tax": ("shipping_tax_total", "Order Shipping Tax Amount"),
    "shipping_method": ("Shipping Method", "Shipping Method Title"),
    "fee": ("fee_total", "Fee Amount"),
    "fee_tax": ("fee_tax_total", "Fee Tax Amount"),
    "refunded": ("refunded_total", "order_refund_amount", "Order Refund Amount", "total_refunded"),
    "coupon": ("coupons", "coupon_items", "Coupons Used", "Coupon Code", "coupon_code"),
    "note": ("customer_note", "Customer Note"),
    "email": ("billing_email", "Email (Billing)", "customer_email"),
    "phone": ("billing_phone", "Phone (Billing)"),
    "first_name": ("billing_first_name", "First Name (Billing)"),
    "last_name": ("billing_last_name", "Last Name (Billing)"),
    "full_name": ("billing_full_name", "Full Name (Billing)"),
    "company": ("billing_company", "Company (Billing)"),
    "address_1": ("billing_address_1", "Address 1 (Billing)", "Address 1&2 (Billing)", "billing_address"),
    "address_2": ("billing_address_2", "Address 2 (Billing)"),
    "city": ("billing_city", "City (Billing)"),
    "postcode": ("billing_postcode", "Postcode (Billing)"),
    "state": ("billing_state", "State Name (Billing)", "State Code (Billing)"),
    "country": ("billing_country", "Country Code (Billing)", "Country Name (Billing)"),
    "to_first_name": ("shipping_first_name", "First Name (Shipping)"),
    "to_last_name": ("shipping_last_name", "Last Name (Shipping)"),
    "to_company": ("shipping_company", "Company (Shipping)"),
    "to_address_1": ("shipping_address_1", "Address 1 (Shipping)", "Address 1&2 (Shipping)"),
    "to_address_2": ("shipping_address_2", "Address 2 (Shipping)"),
    "to_city": ("shipping_city", "City (Shipping)"),
    "to_postcode": ("shipping_postcode", "Postcode (Shipping)"),
    "to_state": ("shipping_state", "State Name (Shipping)", "State Code (Shipping)"),
    "to_country": ("shipping_country", "Country Code (Shipping)", "Country Name (Shipping)"),
    "line_items": ("order_items", "items"),
    "item_name": ("Item Name", "Product Name"),
    "item_sku": ("SKU", "Item SKU"),
    "item_quantity": ("Quantity", "Item Quantity"),
    "item_refunded_qty": ("Quantity Refunded",),
    "item_left": ("Quantity (- Refund)",),
    "item_cost": ("Item Cost",),
    "item_net": ("item_total", "Order Line (w/o tax)"),
    "item_tax": ("item_total_tax", "Order Line Tax"),
    "item_gross": ("Order Line Total",),
}

CANCELLED = frozenset({"cancelled", "canceled", "failed"})
PAID = frozenset({"processing", "completed", "refunded", "shipped"})
NO_ORDER = frozenset({"draft", "checkout-draft", "auto-draft", "trash"})


def read_order(rows: Sequence[Row], context: Context) -> ForeignOrder:
    """The order of these rows. Raises InvalidInput, and Skipped for a draft."""
    head = rows[0]
    status = head["status"].casefold().removeprefix("wc-").strip()
    if status in NO_ORDER:
        raise Skipped
    currency = head["currency"].upper() or context.currency
    placed_at = moment(head["date"], context)
    if placed_at is None:
        raise InvalidInput("It does not say when it was placed.")
    total = minor(head["total"], currency)
    sold = [_line(item, currency) for item in _items(rows)]
    sold = [one for one in sold if one[1]]
    names, quantities, nets, taxes, skus, backs = (list(one) for one in zip(*sold, strict=True)) if sold else ([],) * 6
    for name, what in ((head["shipping_method"] or "Shipping", "shipping"), ("Fee", "fee")):
        if amount := minor(head[what], currency):
            names, quantities, nets = [*names, name], [*quantities, 1], [*nets, amount]
            own = head[f"{what}_tax"]
            taxes, skus, backs = [*taxes, minor(own, currency) if own else None], [*skus, ""], [*backs, 0]
    tax = minor(head["tax"], currency)
    grosses = _grosses(nets, taxes, tax, total)
    lines = [
        ForeignLine(
            name=name,
            quantity=quantity,
            gross=gross,
            rate=NO_RATE if own is None else rate_of(gross, own),
            taxed=tax > 0 or bool(own),
            sku=sku,
            back=back,
        )
        for name, quantity, gross, own, sku, back in zip(names, quantities, grosses, taxes, skus, backs, strict=True)
    ]
    refunded = total if status == "refunded" else min(abs(minor(head["refunded"], currency)), total)
    paid = status in PAID or bool(head["paid_date"])
    return ForeignOrder(
        line=head.line,
        reference=head.first("number", "id").lstrip("#").strip(),
        email=head["email"],
        details=details(_name(head, ""), head["phone"], _address(head, "")),
        placed_at=placed_at,
        currency=currency,
        lines=lines,
        total=total,
        # One program means all of the tax by it, another leaves out that of the shipping.
        tax=max(tax, sum(own or 0 for own in taxes)),
        taxes={},
        refunded=refunded,
        paid_at=(moment(head["paid_date"], context) or placed_at) if paid else None,
        shipped_at=(moment(head["completed_date"], context) or placed_at)
        if status in ("completed", "shipped")
        else None,
        cancelled_at=placed_at if status in CANCELLED else None,
        delivery=details(_name(head, "to_"), "", _address(head, "to_")) if head["to_address_1"] else None,
        voucher=_coupon(head["coupon"]),
        note=head["note"],
    )


def _items(rows: Sequence[Row]) -> list[Mapping[str, str]]:
    """The lines of an order, each by the names of its parts, however the file has them."""
    head = rows[0]
    if head["line_items"]:
        return _parsed(head["line_items"])
    columns = sorted(
        (name for name in head.cells if re.fullmatch(r"line_item_\d+", name)), key=lambda name: int(name[10:])
    )
    if columns:
        return [item for name in columns for item in _parsed(head[name])]
    return [
        {
            "name": row["item_name"],
            "sku": row["item_sku"],
            "quantity": row["item_quantity"],
            "refunded_qty": row["item_refunded_qty"] or _difference(row["item_quantity"], row["item_left"]),
            "total": row["item_net"],
            "total_tax": row["item_tax"],
            "gross": row["item_gross"],
            "cost": row["item_cost"],
        }
        for row in rows
        if row["item_name"]
    ]


def _difference(whole: str, left: str) -> str:
    return str(max(count(whole) - count(left), 0)) if whole and left else ""


def _parsed(cell: str) -> list[Mapping[str, str]]:
    """Lines in one cell: JSON, or `name:Bread|quantity:2|total:11.80;name:…`."""
    text = cell.strip()
    if text.startswith("["):
        try:
            found: Any = json.loads(text)
        except ValueError as error:
            raise InvalidInput("The lines of this order can't be read.") from error
        return [{key: str(value) for key, value in one.items()} for one in found if isinstance(one, dict)]
    items: list[Mapping[str, str]] = []
    # A name may hold a semicolon: a line begins where one of the parts does that lines begin with.
    for part in re.split(r";\s*(?=(?:id|name|product_id|sku)\s*:)", text):
        pairs = (piece.partition(":") for piece in re.split(r"(?<!\\)\|", part))
        item = {key.strip(): value.replace("\\|", "|").strip() for key, _, value in pairs}
        if item.get("name"):
            items.append(item)
    return items


def _line(item: Mapping[str, str], currency: str) -> tuple[str, int, int, int | None, str, int]:
    """Name, pieces, price of all without the tax (or as it stands), the tax of the line or None, SKU, pieces back."""
    quantity = count(item.get("quantity") or "1")
    own = item.get("total_tax") or item.get("tax") or ""
    tax = minor(own, currency) if own else None
    net = item.get("total") or ""
    if not net and item.get("gross"):
        amount = minor(item["gross"], currency) - (tax or 0)
    elif not net:
        amount = minor(item.get("cost") or item.get("price") or "", currency, quantity)
    else:
        amount = minor(net, currency)
    if amount < 0:
        raise InvalidInput("A line of this order costs less than nothing.")
    back = min(count(item.get("refunded_qty") or "0"), quantity)
    return item.get("name", "")[:200], quantity, amount, tax, item.get("sku", ""), back


def _grosses(nets: Sequence[int], taxes: Sequence[int | None], tax: int, total: int) -> list[int]:
    """The prices with the tax: their own where the lines say it; else found out by what adds up to the total."""
    own = [net + (one or 0) for net, one in zip(nets, taxes, strict=True)]
    silent = [one is None for one in taxes]
    if not any(silent) or sum(own) >= total:
        return own
    rest = tax - sum(one or 0 for one in taxes)
    return [
        gross if one is not None else with_rest
        for gross, one, with_rest in zip(own, taxes, with_tax(own, silent, max(rest, 0)), strict=True)
    ]


def _name(row: Row, which: str) -> str:
    name = " ".join(text for text in (row[f"{which}first_name"], row[f"{which}last_name"]) if text)
    return name or row[f"{which}full_name"] or row[f"{which}company"]


def _address(row: Row, which: str) -> dict[str, str]:
    return {
        "street": row[f"{which}address_1"],
        "street2": ", ".join(text for text in (row[f"{which}company"], row[f"{which}address_2"]) if text),
        "postal_code": row[f"{which}postcode"],
        "city": row[f"{which}city"],
        "region": row[f"{which}state"],
        "country": row[f"{which}country"],
    }


def _coupon(text: str) -> str:
    """The first code of „code:TEN|amount:5.00;…“, or of „TEN, TWENTY“."""
    named = re.search(r"code:([^|;]+)", text)
    return (named[1] if named else re.split(r"[,;|]", text)[0]).strip()[:40]


def _continues(first: Row, row: Row) -> bool:
    same = first.first("number", "id")
    return bool(same) and row.first("number", "id") == same


WOOCOMMERCE = Layout(
    key="woocommerce",
    label="WooCommerce",
    aliases=ALIASES,
    needed=frozenset({"status", "date", "total", "email"}),
    read=read_order,
    continues=_continues,
)
