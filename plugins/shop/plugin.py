"""What the shop adds to Tresen; each hook delegates to the file named after its matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.orm import Session

from core import (
    Action,
    ActivityKind,
    Check,
    Column,
    Command,
    Demo,
    Erased,
    ExportSection,
    Filter,
    InvalidInput,
    Job,
    Kept,
    MessageTemplate,
    Module,
    NavItem,
    Panel,
    PaymentMethod,
    Permission,
    SearchSource,
    SettingsField,
    Site,
    Tile,
    ZoneSection,
    hookimpl,
    move_rows,
)
from plugins.shop import (
    api,
    api_invoices,
    arranging,
    browsing,
    columns,
    finding,
    invoice_list,
    order_list,
    order_pages,
    panels,
    paying,
    persons,
    seller,
    selling,
    shelving,
    shopping,
    tiles,
    voucher_pages,
    vouching,
    zone_pages,
)
from plugins.shop import checks as ledger
from plugins.shop import demo as history
from plugins.shop.importing import commands as import_commands
from plugins.shop.importing import pages as import_pages
from plugins.shop.importing import runs as imports
from plugins.shop.models import Order, VoucherUse
from plugins.shop.refunds import pay_back_waiting
from plugins.shop.totals import count_anew


@hookimpl
def modules() -> list[Module]:
    """The module that orders bring contacts with."""
    return [
        Module(
            key="shop",
            label="Shop",
            description="Products, a shop page with cart and checkout, and orders that make customers",
            icon="bag",
            order=10,
        )
    ]


@hookimpl
def permissions() -> list[Permission]:
    """Rights in the shop."""
    return [
        Permission(
            key="shop.orders",
            label="See and place orders",
            roles=("owner", "manager", "assistant"),
            order=200,
        ),
        Permission(key="shop.export", label="Export orders", roles=("owner", "manager"), order=203),
        Permission(key="shop.import", label="Import orders", roles=("owner", "manager"), order=204),
        Permission(key="shop.products", label="Edit products", roles=("owner", "manager"), order=201),
        Permission(key="shop.vouchers", label="Edit vouchers", roles=("owner", "manager"), order=202),
    ]


@hookimpl
def nav_items() -> list[NavItem]:
    """The shop in the side menu, and its public page."""
    return [
        NavItem(
            key="shop.dashboard",
            label="Shop",
            href="/dashboard/shop",
            icon="bag",
            permission="shop.orders",
            order=40,
        ),
        NavItem(
            key="shop.public",
            label="Shop",
            href="/shop",
            icon="bag",
            area="public",
            description="See what there is, and order it",
            order=10,
        ),
    ]


@hookimpl
def settings_fields() -> list[SettingsField]:
    """Currency, how customers pay, who sells, and which mails are sent."""
    return [
        SettingsField(
            key="shop.currency",
            label="Currency of the shop",
            default="EUR",
            hint="Three letters, such as EUR. After a change, save each product with its new price.",
            clean=_currency,
            order=200,
        ),
        *seller.settings_fields(),
        SettingsField(
            key="shop.privacy_policy",
            label="Address of the privacy policy",
            hint="Stands in the checkout: a page of this site such as /privacy, or an address that begins with https://.",
            clean=_address,
            demo="https://example.com/privacy",
            order=230,
        ),
    ]


def _address(text: str) -> str:
    address = text.strip()
    if address and not re.fullmatch(r"https?://[^\s/?#]+[^\s]*|/(?![/\\])[^\s]*", address):
        raise InvalidInput(
            "Enter a page of this site such as /privacy, or an address that begins with https://.",
            field="shop.privacy_policy",
        )
    return address


def _currency(text: str) -> str:
    from babel.numbers import list_currencies

    currency = text.strip().upper()
    if len(currency) != 3 or currency not in list_currencies():
        raise InvalidInput("Enter the three letters of a currency, such as EUR.", field="shop.currency")
    return currency


@hookimpl
def zone_sections() -> list[ZoneSection]:
    """Orders and invoices in the Client Zone."""
    return zone_pages.zone_sections()


@hookimpl
def activity_kinds() -> list[ActivityKind]:
    """Entries that orders write into a contact's log."""
    return [
        ActivityKind(
            key="shop.ordered",
            label="Order",
            text="Order %(reference)s over %(total)s",
            source="Order %(reference)s",
            icon="bag",
        ),
        ActivityKind(key="shop.paid", label="Order paid", text="Order %(reference)s paid", icon="money"),
        ActivityKind(
            key="shop.unpaid",
            label="Payment taken back",
            text="Payment of order %(reference)s had been recorded by mistake",
            icon="undo",
        ),
        ActivityKind(key="shop.shipped", label="Order shipped", text="Order %(reference)s shipped", icon="send"),
        ActivityKind(key="shop.cancelled", label="Order cancelled", text="Order %(reference)s cancelled", icon="x"),
        ActivityKind(
            key="shop.refunded",
            label="Order refunded",
            text="%(total)s of order %(reference)s taken back",
            icon="undo",
        ),
    ]


@hookimpl
def contact_columns() -> list[Column]:
    """Orders, total of purchases, last order."""
    return columns.contact_columns()


@hookimpl
def contact_filters() -> list[Filter]:
    """Whether, how often, when last and for how much a contact has ordered."""
    return columns.contact_filters()


@hookimpl
def contact_panels() -> list[Panel]:
    """The orders on the profile."""
    return panels.contact_panels()


@hookimpl
def contact_actions() -> list[Action]:
    """Ordering on a contact's behalf."""
    return [
        Action(
            key="shop.order",
            label="Place an order",
            href="/dashboard/shop/orders/new?contact={contact_id}",
            permission="shop.orders",
            icon="bag",
            order=40,
        )
    ]


@hookimpl
def overview_tiles() -> list[Tile]:
    """Orders and revenue."""
    return tiles.overview_tiles()


@hookimpl
def checks() -> list[Check]:
    """Totals of contacts, uses of vouchers, and the sums of orders."""
    return ledger.checks()


@hookimpl
def commands() -> list[Command]:
    """Importing orders."""
    return import_commands.commands()


@hookimpl
def jobs() -> list[Job]:
    """Importing orders in the background, forgetting the files of imports, and paying back what waits for that."""
    return [
        Job(key="shop.pay_back", label="Pay back", every=timedelta(minutes=10), run=pay_back_waiting),
        Job(key=imports.JOB, label="Import of orders", step=imports.step, permission="shop.import"),
        Job(
            key="shop.forget_files",
            label="Forget the files of imports",
            every=timedelta(hours=1),
            run=imports.forget_files,
        ),
    ]


@hookimpl
def message_templates() -> list[MessageTemplate]:
    """What a shop writes most often by hand."""
    return [
        MessageTemplate(
            key="shop.ready",
            label="Order can be collected",
            subject="Your order is ready",
            body="Hello {{name}},\n\nyour order is ready, and you can collect it.\n\nKind regards\n{{sender}}",
        )
    ]


@hookimpl
def payment_methods() -> list[PaymentMethod]:
    """Bank transfer, and cash on pick-up."""
    return seller.payment_methods()


@hookimpl
def search_sources() -> list[SearchSource]:
    """Orders by their number or person, and products."""
    return finding.search_sources()


@hookimpl
def routers() -> list[HTTPRouteHandler]:
    """The public shop, and orders, products and vouchers in the dashboard."""
    return [
        *browsing.ROUTES,
        *shopping.ROUTES,
        *paying.ROUTES,
        *order_list.ROUTES,
        *invoice_list.ROUTES,
        *import_pages.ROUTES,
        *selling.ROUTES,
        *order_pages.ROUTES,
        *shelving.ROUTES,
        *arranging.ROUTES,
        *vouching.ROUTES,
        *voucher_pages.ROUTES,
        *api.ROUTES,
        *api_invoices.ROUTES,
        *zone_pages.ROUTES,
    ]


@hookimpl
def erase_contacts(session: Session, site: Site, contact_ids: Sequence[int]) -> Sequence[Kept | Erased]:
    """Take the person out of the orders, which the law has kept."""
    return persons.erase(session, site, contact_ids)


@hookimpl
def export_contact(session: Session, contact_id: int) -> Sequence[ExportSection]:
    """The orders."""
    return persons.export(session, contact_id)


@hookimpl
def demo_history(site: Site, demo: Demo) -> None:
    """Products with pictures, and two years of orders."""
    history.make_history(site, demo)
    history.add_pictures(site)


@hookimpl
def merge_contacts(session: Session, kept_id: int, merged_id: int) -> None:
    """All orders are the kept contact's; the totals follow."""
    for table in (Order, VoucherUse):
        move_rows(session, table, kept_id, merged_id)
    count_anew(session, [kept_id, merged_id])


@hookimpl
def contacts_unmerged(session: Session, kept_id: int, restored_id: int) -> None:
    """The totals of both, anew: there may be new orders."""
    count_anew(session, [kept_id, restored_id])
