"""Tables of the shop. Amounts are integer minor units of the row's currency; rates are basis points (1900 is
19 %).
"""

from plugins.shop.models.carts import Cart, CartLine
from plugins.shop.models.catalogue import Category, Picture, Product, ProductCategory, Variant
from plugins.shop.models.imports import OrderImport, OrderImportProblem
from plugins.shop.models.moments import now
from plugins.shop.models.money import Invoice, InvoiceCounter, Payment, Refund, RefundLine
from plugins.shop.models.orders import Delivery, Order, OrderCounter, OrderEvent, OrderLine, OrderTax
from plugins.shop.models.totals import CustomerAmount, CustomerTotals
from plugins.shop.models.vouchers import Voucher, VoucherBatch, VoucherMovement, VoucherUse

__all__ = [
    "Cart",
    "CartLine",
    "Category",
    "CustomerAmount",
    "CustomerTotals",
    "Delivery",
    "Invoice",
    "InvoiceCounter",
    "Order",
    "OrderCounter",
    "OrderEvent",
    "OrderImport",
    "OrderImportProblem",
    "OrderLine",
    "OrderTax",
    "Payment",
    "Picture",
    "Product",
    "ProductCategory",
    "Refund",
    "RefundLine",
    "Variant",
    "Voucher",
    "VoucherBatch",
    "VoucherMovement",
    "VoucherUse",
    "now",
]
