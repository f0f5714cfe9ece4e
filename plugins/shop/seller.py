"""Who sells: name, address, tax number and account, as they stand on invoices and in mails, and how customers pay."""

from __future__ import annotations

import re
from decimal import Decimal

from attrs import frozen

from core import InvalidInput, Language, PaymentMethod, SettingsField, Site

TRANSFER = "shop.transfer"
BALANCE = "shop.balance"
PICKUP = "shop.pickup"

DEMO_IBAN = "DE89370400440532013000"
"""The example of an IBAN in the registry of ISO 13616; nobody's account."""

PAYMENT_NOTE = "You pay by bank transfer. The invoice with our account comes with your order."
PICKUP_NOTE = "You pay in cash when you collect your order."


@frozen(kw_only=True)
class Seller:
    """The seller as an invoice names it (§ 14 (4) nos. 1 and 2 UStG); `more` is what the law of companies asks for."""

    name: str
    address: str
    tax_number: str
    vat_id: str
    more: str
    account_holder: str
    iban: str
    bic: str

    @property
    def is_complete(self) -> bool:
        """Whether invoices can be made."""
        return bool(self.name and self.address and (self.tax_number or self.vat_id))


def read_seller(site: Site) -> Seller:
    """The seller's data from the settings."""
    return Seller(
        name=site.setting("shop.seller_name"),
        address=site.setting("shop.seller_address"),
        tax_number=site.setting("shop.tax_number"),
        vat_id=site.setting("shop.vat_id"),
        more=site.setting("shop.seller_more"),
        account_holder=site.setting("shop.account_holder"),
        iban=site.setting("shop.iban"),
        bic=site.setting("shop.bic"),
    )


def seller_lines(site: Site) -> list[str]:
    """Name and address, line by line; nothing when they are not in the settings."""
    seller = read_seller(site)
    return [line for line in (seller.name, *seller.address.split("\n")) if line.strip()] if seller.name else []


def account_lines(seller: Seller, language: Language) -> list[str]:
    """The account that is paid to, line by line."""
    if not seller.iban:
        return []
    holder = seller.account_holder or seller.name
    return [
        *([language.text("Account holder: %(name)s", name=holder)] if holder else []),
        f"IBAN: {grouped(seller.iban)}",
        *([f"BIC: {seller.bic}"] if seller.bic else []),
    ]


def grouped(iban: str) -> str:
    """An IBAN in groups of four, as it is written on paper."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def rate_text(rate: int, language: Language) -> str:
    """A tax rate in basis points as people read it: 1900 is "19 %"."""
    return f"{language.number(Decimal(rate).scaleb(-2).normalize() if rate % 100 else rate // 100)} %"


def payment_methods() -> list[PaymentMethod]:
    """What works without a provider: bank transfer, cash on pick-up, and a voucher's balance, which a code chooses."""
    return [
        PaymentMethod(
            key=TRANSFER,
            label="Bank transfer",
            icon="money",
            note=_transfer_note,
            available=lambda site: site.setting("shop.pay_transfer") == "yes",
            order=10,
        ),
        PaymentMethod(
            key=PICKUP,
            label="Cash on pick-up",
            icon="bag",
            note=lambda site, language: language.text(site.setting("shop.pickup_note") or PICKUP_NOTE),
            available=lambda site: site.setting("shop.pay_pickup") == "yes",
            order=11,
        ),
        PaymentMethod(key=BALANCE, label="Voucher balance", icon="tag", available=lambda site: False, order=12),
    ]


def _transfer_note(site: Site, language: Language) -> str:
    note = language.text(site.setting("shop.payment_note") or PAYMENT_NOTE)
    lines = [note, *account_lines(read_seller(site), language)]
    return "\n".join(line for line in lines if line)


# Settings


def settings_fields() -> list[SettingsField]:
    """How customers pay, who sells, and which mails are sent."""
    return [
        SettingsField(
            key="shop.pay_transfer", label="Customers can pay by bank transfer", kind="yesno", default="yes", order=201
        ),
        SettingsField(
            key="shop.payment_note",
            label="Note on bank transfers",
            kind="textarea",
            hint="Stands in the checkout, on the thank-you page and in the confirmation, above your account. "
            "Empty: You pay by bank transfer. The invoice with our account comes with your order.",
            order=202,
        ),
        SettingsField(key="shop.account_holder", label="Account holder", hint="Empty: the seller.", order=203),
        SettingsField(key="shop.iban", label="IBAN", clean=clean_iban, demo=DEMO_IBAN, order=204),
        SettingsField(key="shop.bic", label="BIC", clean=_bic, order=205),
        SettingsField(
            key="shop.pay_pickup",
            label="Customers can pay in cash on pick-up",
            kind="yesno",
            default="yes",
            order=206,
        ),
        SettingsField(
            key="shop.pickup_note",
            label="Note on cash on pick-up",
            kind="textarea",
            hint="Where and when orders can be collected. Empty: You pay in cash when you collect your order.",
            order=207,
        ),
        SettingsField(
            key="shop.seller_name",
            label="Seller’s full name",
            hint="As invoices must name it: the company, or first and last name.",
            demo="Bäckerei Lindner GmbH",
            order=210,
        ),
        SettingsField(
            key="shop.seller_address",
            label="Seller’s address",
            kind="textarea",
            demo="Am Markt 1\n53111 Bonn",
            order=211,
        ),
        SettingsField(
            key="shop.tax_number",
            label="Seller’s tax number",
            hint="Invoices need the tax number or the VAT identification number.",
            demo="205/5700/0000",
            order=212,
        ),
        SettingsField(key="shop.vat_id", label="Seller’s VAT identification number", clean=_vat_id, order=213),
        SettingsField(
            key="shop.seller_more",
            label="More about the seller",
            kind="textarea",
            hint="Stands at the foot of invoices: commercial register, managing directors, telephone.",
            order=214,
        ),
        SettingsField(
            key="shop.tax_note",
            label="Note on goods without tax",
            hint="Stands on invoices with untaxed lines and names the reason, such as: small business, § 19 UStG.",
            order=215,
        ),
        SettingsField(
            key="shop.invoice_prefix",
            label="Invoice numbers begin with",
            default="RE-",
            hint="Then follow year and number, without gaps: RE-2026-0001.",
            clean=_prefix,
            order=216,
        ),
        SettingsField(
            key="shop.invoice_on_shipping",
            label="Make the invoice when an order is shipped",
            kind="yesno",
            default="no",
            hint="Otherwise you make it on the order’s page.",
            order=217,
        ),
        *(
            SettingsField(key=f"shop.mail_{step}", label=label, kind="yesno", default=default, order=220 + place)
            for place, (step, label, default) in enumerate(
                (
                    ("placed", "Confirm orders by e-mail", "yes"),
                    ("paid", "Mail customers when their order is paid", "no"),
                    ("shipped", "Mail customers when their order is shipped", "yes"),
                    ("cancelled", "Mail customers when their order is cancelled", "yes"),
                    ("refunded", "Mail customers when something is refunded", "yes"),
                )
            )
        ),
        SettingsField(
            key="shop.mail_footer",
            label="Foot of mails about orders",
            kind="textarea",
            hint="Such as your terms and how customers withdraw from the contract.",
            order=229,
        ),
    ]


def clean_iban(text: str) -> str:
    """An IBAN without spaces (ISO 13616). Raises InvalidInput when its check digits say that it is mistyped."""
    iban = re.sub(r"\s", "", text).upper()
    if not iban:
        return ""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", iban, re.ASCII):
        raise InvalidInput("This is no IBAN. Check it for a typing mistake.", field="shop.iban")
    digits = "".join(str(int(one, 36)) for one in iban[4:] + iban[:4])
    if int(digits) % 97 != 1:
        raise InvalidInput("This is no IBAN. Check it for a typing mistake.", field="shop.iban")
    return iban


def _bic(text: str) -> str:
    bic = re.sub(r"\s", "", text).upper()
    if bic and not re.fullmatch(r"[A-Z0-9]{8}([A-Z0-9]{3})?", bic, re.ASCII):
        raise InvalidInput("A BIC has 8 or 11 letters and digits.", field="shop.bic")
    return bic


def _vat_id(text: str) -> str:
    vat_id = re.sub(r"\s", "", text).upper()
    if vat_id and not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*]{2,13}", vat_id, re.ASCII):
        raise InvalidInput("Enter it with the country in front, such as DE123456789.", field="shop.vat_id")
    return vat_id


def _prefix(text: str) -> str:
    prefix = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9/-]{0,12}", prefix, re.ASCII):
        raise InvalidInput("Use up to 12 letters, digits, hyphens and slashes.", field="shop.invoice_prefix")
    return prefix
