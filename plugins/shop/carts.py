"""The cart: kept on the server, found by a random token in the visitor's cookie, of which only the hash is
stored.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from attrs import frozen
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import InvalidInput, Money, Request, Site, sign, unsign
from plugins.shop.amounts import MAX_LINES, MAX_QUANTITY, PricedLine, TaxPart, tax_moneys, taxes_of, total_of
from plugins.shop.balances import find_spending, sort_codes
from plugins.shop.catalogue import first_pictures, full_name
from plugins.shop.models import Cart, CartLine, Product, Variant, now
from plugins.shop.orders import Item
from plugins.shop.vouchers import find_discount

LIFETIME = timedelta(days=60)
"""A cart that nobody touched for this long is removed."""


@frozen(kw_only=True)
class CartEntry:
    """One line of a cart; `problem` is set when it can't be ordered like this: then `left` says how many
    there are.
    """

    variant_id: int
    href: str
    line: PricedLine
    stock: int | None
    picture: str = ""
    problem: bool = False
    left: int = 0


@frozen(kw_only=True)
class CartView:
    """A cart as pages show it, priced by the variants as they are now.

    `discount` is what the voucher takes off; with a `voucher_problem` nothing. `balance` is what a voucher with a
    balance pays of the total, `balance_left` what is on it afterwards; with a `balance_problem` nothing.
    """

    entries: Sequence[CartEntry]
    total: Money
    discount: Money
    voucher_code: str
    voucher_problem: InvalidInput | None
    balance: Money
    balance_left: Money | None
    balance_code: str
    balance_problem: InvalidInput | None
    taxes: Sequence[TaxPart]
    checkout_key: str

    @property
    def due(self) -> Money:
        """What is left to pay."""
        return Money(minor=self.total.minor - self.balance.minor, currency=self.total.currency)

    @property
    def tax_moneys(self) -> Sequence[Money]:
        """The tax of each rate, in the order of `taxes`."""
        return tax_moneys(self.taxes, self.total.currency)

    @property
    def count(self) -> int:
        """How many pieces are in it."""
        return sum(entry.line.quantity for entry in self.entries)

    @property
    def voucher(self) -> str:
        """The code of the voucher that an order uses."""
        return "" if self.voucher_problem is not None else self.voucher_code

    @property
    def balance_voucher(self) -> str:
        """The code of the voucher whose balance pays."""
        return "" if self.balance_problem is not None else self.balance_code

    @property
    def can_be_ordered(self) -> bool:
        """Whether there is something in it, and nothing that is gone."""
        return bool(self.entries) and not any(entry.problem for entry in self.entries)

    @property
    def items(self) -> Sequence[Item]:
        """What a checkout orders."""
        return [Item(variant_id=entry.variant_id, quantity=entry.line.quantity) for entry in self.entries]


def cookie_name(site: Site) -> str:
    """Name of the cookie; bound to host and path by its prefix over https (RFC 6265bis section 4.1.3)."""
    return "__Host-tresen-shop" if site.settings.is_secure else "tresen_shop"


def _hash(token: str) -> str:
    # The token is 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


def find_cart(session: Session, token: str, *, lock: bool = False) -> Cart | None:
    """The cart of a cookie's token; locked until the transaction ends when `lock`."""
    if not token:
        return None
    statement = select(Cart).where(Cart.token_hash == _hash(token))
    if lock:
        statement = statement.with_for_update()
    return session.scalar(statement, execution_options={"populate_existing": True})


def token_of(request: Request) -> str:
    """The token in the visitor's cookie; empty without one."""
    return request.cookies.get(cookie_name(request.site), "")


def cart_of(session: Session, request: Request, *, pictures: bool = False) -> CartView:
    """The visitor's cart."""
    return view_cart(session, request.site, find_cart(session, token_of(request)), pictures=pictures)


def open_cart(session: Session, token: str) -> tuple[Cart, str]:
    """The cart of `token`, locked, or a new one with a new token (never the one sent); answers both."""
    if (cart := find_cart(session, token, lock=True)) is not None:
        return cart, token
    session.execute(delete(Cart).where(Cart.updated_at < now() - LIFETIME))
    token = secrets.token_urlsafe(32)
    cart = Cart(token_hash=_hash(token), checkout_key=secrets.token_urlsafe(24))
    session.add(cart)
    session.flush()
    return cart, token


def view_cart(session: Session, site: Site, cart: Cart | None, *, pictures: bool = False) -> CartView:
    """What is in a cart and what it costs now; no cart is an empty one. With `pictures` where they are shown."""
    currency = site.setting("shop.currency")
    entries = []
    if cart is not None:
        rows = session.execute(
            select(CartLine.quantity, Variant, Product)
            .join(Variant, Variant.id == CartLine.variant_id)
            .join(Product, Product.id == Variant.product_id)
            .where(CartLine.cart_id == cart.id, Variant.currency == currency)
            .order_by(Product.position, Product.id, Variant.position, Variant.id)
        ).all()
        shown = first_pictures(session, [product.id for _, _, product in rows]) if pictures and rows else {}
        for quantity, variant, product in rows:
            left = variant.stock if product.active else 0
            entries.append(
                CartEntry(
                    variant_id=variant.id,
                    href=f"/shop/products/{product.slug}" if product.active else "",
                    line=PricedLine(
                        product_id=product.id,
                        variant_id=variant.id,
                        name=full_name(product.name, variant.name),
                        unit_price=variant.price,
                        tax_rate=product.tax_rate,
                        quantity=quantity,
                        currency=currency,
                    ),
                    stock=variant.stock,
                    picture=shown.get(product.id, ""),
                    problem=left is not None and left < quantity,
                    left=left or 0,
                )
            )
    lines = [entry.line for entry in entries]
    goods = total_of(lines, currency)
    code = cart.voucher_code if cart is not None else ""
    off, problem = 0, None
    if code and lines:
        try:
            off = find_discount(session, code, goods).amount.minor
        except InvalidInput as error:
            problem = error
    total = Money(minor=goods.minor - off, currency=currency)
    balance_code = cart.balance_code if cart is not None else ""
    spending, no_balance = None, None
    if balance_code and lines:
        try:
            spending = find_spending(session, balance_code, goods, total)
        except InvalidInput as error:
            no_balance = error
    return CartView(
        entries=entries,
        total=total,
        discount=Money(minor=off, currency=currency),
        voucher_code=code,
        voucher_problem=problem,
        balance=spending.amount if spending is not None else Money(minor=0, currency=currency),
        balance_left=spending.left if spending is not None else None,
        balance_code=balance_code,
        balance_problem=no_balance,
        taxes=taxes_of(lines, off),
        checkout_key=cart.checkout_key if cart is not None else "",
    )


def add_to_cart(session: Session, site: Site, cart: Cart, variant_id: int, quantity: int) -> str:
    """Put a variant in, or more of it; answers its name.

    Raises InvalidInput for a quantity that can't be, also beyond the stock, and for what is not sold.
    """
    found = _find(session, variant_id)
    if found is None or not found[1].active or found[0].currency != site.setting("shop.currency"):
        raise InvalidInput("This product is not sold here any more.")
    if quantity < 1:
        raise InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY)
    lines = _lines(session, cart)
    line = lines.get(variant_id)
    if line is None and len(lines) >= MAX_LINES:
        raise InvalidInput("This is too much for one order. Place several.")
    wanted = quantity + (line.quantity if line else 0)
    name = _check(*found, wanted)
    if line is None:
        session.add(CartLine(cart_id=cart.id, variant_id=variant_id, quantity=wanted))
    else:
        line.quantity = wanted
    _touch(cart)
    return name


def change_cart(session: Session, cart: Cart, quantities: Mapping[int, int]) -> None:
    """Set the quantities of variants that are in the cart; 0 takes one out. Raises InvalidInput; all or
    nothing.
    """
    lines = _lines(session, cart)
    for variant_id, quantity in quantities.items():
        if (line := lines.get(variant_id)) is None:
            continue
        if quantity < 0:
            raise InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY)
        if quantity == 0:
            session.delete(line)
            continue
        # Less than before is always welcome, even when there are still not enough.
        if quantity > line.quantity and (found := _find(session, variant_id)) is not None:
            _check(*found, quantity)
        line.quantity = quantity
    _touch(cart)


def use_voucher(session: Session, site: Site, cart: Cart, code: str) -> str:
    """Put a voucher to the cart; answers the code as it is written.

    Beside one that takes something off there is place for one with a balance; of the same sort the new one replaces
    the old. Raises InvalidInput for one that can't be used for what is in the cart now.
    """
    if sort_codes(session, {"voucher": code}).balance:
        cart.balance_code = ""
        view = view_cart(session, site, cart)
        goods = total_of([entry.line for entry in view.entries], view.total.currency)
        cart.balance_code = used = find_spending(session, code, goods, view.total).code
    else:
        cart.voucher_code = ""
        goods = view_cart(session, site, cart).total
        cart.voucher_code = used = find_discount(session, code, goods).code
    _touch(cart)
    return used


def drop_vouchers(cart: Cart, sort: str = "") -> None:
    """Use no voucher any longer: none of a sort, "discount" or "balance", or none at all."""
    if sort != "balance":
        cart.voucher_code = ""
    if sort != "discount":
        cart.balance_code = ""
    _touch(cart)


def empty_cart(session: Session, cart: Cart) -> None:
    """Take everything out, after it was ordered."""
    cart.voucher_code = cart.balance_code = ""
    session.execute(delete(CartLine).where(CartLine.cart_id == cart.id))
    _touch(cart)


def _lines(session: Session, cart: Cart) -> dict[int, CartLine]:
    lines = session.scalars(select(CartLine).where(CartLine.cart_id == cart.id))
    return {line.variant_id: line for line in lines}


def _find(session: Session, variant_id: int) -> tuple[Variant, Product] | None:
    statement = select(Variant, Product).join(Product, Product.id == Variant.product_id)
    found = session.execute(statement.where(Variant.id == variant_id)).one_or_none()
    return (found[0], found[1]) if found is not None else None


def _check(variant: Variant, product: Product, quantity: int) -> str:
    """Whether there are as many; answers what the line is called."""
    name = full_name(product.name, variant.name)
    if variant.stock is not None and variant.stock < quantity:
        if variant.stock == 0:
            raise InvalidInput("%(name)s is sold out.", name=name)
        raise InvalidInput("Only %(left)s of %(name)s are left.", left=variant.stock, name=name)
    if quantity > MAX_QUANTITY:
        raise InvalidInput("Order from 1 to %(max)s of each product.", max=MAX_QUANTITY)
    return name


def _touch(cart: Cart) -> None:
    cart.updated_at = now()
    cart.checkout_key = secrets.token_urlsafe(24)


# What a checkout form shows is what it orders: the form carries the cart's key and the total it showed,
# signed.


def offer_of(site: Site, view: CartView) -> str:
    """The hidden value of a checkout form: this cart, at this total, of which a balance pays so much."""
    shown = (view.checkout_key, view.total.minor, view.total.currency, view.balance.minor)
    return sign(site.secret, "shop.checkout", " ".join(map(str, shown)))


@frozen(kw_only=True)
class Offer:
    """What a checkout form showed: the cart's key, the total, and what of it a balance pays."""

    key: str
    total: Money
    balance: Money


def read_offer(site: Site, offer: str) -> Offer | None:
    """What the form showed; None when this is not a value we made."""
    parts = (unsign(site.secret, "shop.checkout", offer) or "").split(" ")
    if len(parts) != 4:
        return None
    key, minor, currency, balance = parts
    return Offer(
        key=key, total=Money(minor=int(minor), currency=currency), balance=Money(minor=int(balance), currency=currency)
    )
