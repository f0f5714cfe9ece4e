"""Invoices in words: what stands where, in the invoice's language, for the printed page and the PDF alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from attrs import frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import Language, Money, NotFound, Site
from plugins.shop.models import Invoice
from plugins.shop.seller import PICKUP, TRANSFER, Seller, account_lines, rate_text


@frozen(kw_only=True)
class DocumentLine:
    """A line, all of it written: `price` is empty where it would say nothing."""

    quantity: str
    name: str
    rate: str
    price: str
    sum: str


@frozen(kw_only=True)
class Document:
    """An invoice or a correction as it is printed. Everything is text in `language`."""

    id: int
    order_id: int
    number: str
    kind: str
    language: str
    issued_at: datetime
    title: str
    seller: Sequence[str]
    buyer: Sequence[str]
    facts: Sequence[tuple[str, str]]
    opening: Sequence[str]
    headings: tuple[str, str, str, str, str]
    lines: Sequence[DocumentLine]
    deductions: Sequence[tuple[str, str]]
    total: tuple[str, str]
    paid: Sequence[tuple[str, str]]
    tax_headings: tuple[str, str, str, str]
    taxes: Sequence[tuple[str, str, str, str]]
    notes: Sequence[str]
    foot: Sequence[Sequence[str]]
    page: str

    @property
    def href(self) -> str:
        """Address of its page."""
        return f"/dashboard/shop/invoices/{self.id}"

    @property
    def file_name(self) -> str:
        """Name of its PDF."""
        return re.sub(r"[^A-Za-z0-9-]+", "-", self.number) + ".pdf"


def read_document(session: Session, site: Site, invoice_id: int) -> Document:
    """An invoice by its id. Raises NotFound."""
    known = 0 < invoice_id < 2**63
    invoice = session.scalar(select(Invoice).where(Invoice.id == invoice_id)) if known else None
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return document_of(site, invoice)


def document_of(site: Site, invoice: Invoice) -> Document:
    """Put an invoice's content into words."""
    content: Mapping[str, Any] = invoice.content
    language = site.language(content["language"])
    _ = language.text
    correction = invoice.kind == "correction"
    sign = "−" if correction else ""

    def money(minor: int) -> str:
        return (sign if minor else "") + language.money(Money(minor=minor, currency=invoice.currency))

    seller = Seller(**content["seller"])
    facts = [
        (_("Number"), invoice.number),
        (_("Date"), _date(language, content["issued_on"])),
        (_("Order"), content["order"]),
        (_("Ordered on"), _date(language, content["ordered_on"])),
    ]
    if content.get("delivered_on"):
        facts.append((_("Delivered on"), _date(language, content["delivered_on"])))
    opening = []
    if correction:
        opening.append(
            _(
                "This corrects invoice %(number)s of %(date)s: the following is taken back.",
                number=content["corrects"]["number"],
                date=_date(language, content["corrects"]["on"]),
            )
        )
        if content["reason"]:
            opening.append(_("Reason: %(reason)s", reason=content["reason"]))
    return Document(
        id=invoice.id,
        order_id=invoice.order_id,
        number=invoice.number,
        kind=invoice.kind,
        language=language.code,
        issued_at=invoice.issued_at,
        title=_("Correction of invoice") if correction else _("Invoice"),
        seller=[seller.name, *_split(seller.address)],
        buyer=_address(language, content["buyer"]),
        facts=facts,
        opening=opening,
        headings=(_("Quantity"), _("Product"), _("Tax"), "" if correction else _("Unit price"), _("Sum")),
        lines=[
            DocumentLine(
                quantity=language.number(line["quantity"]) if line["quantity"] else "",
                name=line["name"] if line["quantity"] else _("Price reduction: %(name)s", name=line["name"]),
                rate=rate_text(line["tax_rate"], language),
                price=money(line["unit_price"]) if "unit_price" in line else "",
                sum=money(line["amount"]),
            )
            for line in content["lines"]
        ],
        deductions=_deductions(language, invoice),
        total=(_("Taken back in all") if correction else _("Invoice total"), money(invoice.total)),
        paid=_paid(language, invoice),
        tax_headings=(_("Tax rate"), _("Net"), _("Tax"), _("Gross")),
        taxes=[
            (
                rate_text(part["rate"], language),
                money(part["gross"] - part["tax"]),
                money(part["tax"]),
                money(part["gross"]),
            )
            for part in content["taxes"]
        ],
        notes=_notes(language, invoice, seller),
        foot=_foot(language, seller),
        page=_("Page"),
    )


def _deductions(language: Language, invoice: Invoice) -> list[tuple[str, str]]:
    off = invoice.content.get("off", 0)
    if not off:
        return []
    code = invoice.content.get("voucher", "")
    label = language.text("Voucher %(code)s", code=code) if code else language.text("Discount")
    return [(label, "−" + language.money(Money(minor=off, currency=invoice.currency)))]


def _paid(language: Language, invoice: Invoice) -> list[tuple[str, str]]:
    """What a voucher with a balance has paid of the total, and what was still to be paid on the day of the invoice."""
    paid = invoice.content.get("paid_by_voucher", 0)
    if not paid:
        return []
    left = 0 if invoice.content["paid_on"] else invoice.total - paid
    amounts = [Money(minor=minor, currency=invoice.currency) for minor in (paid, left)]
    said = [(language.text("Paid with a voucher"), "−" + language.money(amounts[0]))]
    return [*said, (language.text("Left to pay"), language.money(amounts[1]))] if left else said


def _notes(language: Language, invoice: Invoice, seller: Seller) -> list[str]:
    _, content = language.text, invoice.content
    notes = []
    if invoice.kind == "invoice":
        if not content["delivered_on"]:
            notes.append(_("The goods are delivered after the date of this invoice."))
        total = Money(minor=invoice.total - content.get("paid_by_voucher", 0), currency=invoice.currency)
        if content["paid_on"]:
            notes.append(_("Paid on %(date)s.", date=_date(language, content["paid_on"])))
        elif not invoice.total:
            notes.append(_("Nothing is to be paid."))
        elif content["payment_method"] == PICKUP:
            notes.append(_("You pay %(amount)s in cash when you collect the goods.", amount=total))
        elif content["payment_method"] in (TRANSFER, "") and seller.iban:
            asked = _(
                "Please transfer %(amount)s to this account. Reason for payment: %(number)s",
                amount=total,
                number=invoice.number,
            )
            notes.append("\n".join([asked, *account_lines(seller, language)]))
    if content.get("to_balance"):
        amount = Money(minor=content["to_balance"], currency=invoice.currency)
        notes.append(_("%(amount)s of it went back onto the voucher.", amount=amount))
    if content["tax_note"] and any(not part["rate"] for part in content["taxes"]):
        notes.append(content["tax_note"])
    return notes


def _foot(language: Language, seller: Seller) -> list[list[str]]:
    _ = language.text
    tax = []
    if seller.tax_number:
        tax.append(_("Tax number: %(number)s", number=seller.tax_number))
    if seller.vat_id:
        tax.append(_("VAT ID: %(number)s", number=seller.vat_id))
    blocks = [[seller.name, *_split(seller.address)], [*tax, *_split(seller.more)], account_lines(seller, language)]
    return [block for block in blocks if block]


def _address(language: Language, values: Mapping[str, str]) -> list[str]:
    town = " ".join(part for part in (values["postal_code"], values["city"]) if part)
    lines = [values["name"], values["street2"], values["street"], town, values["region"]]
    return [line for line in (*lines, language.country(values["country"])) if line]


def _split(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _date(language: Language, written: str) -> str:
    return language.date(date.fromisoformat(written)) if written else ""
