"""Carts, kept on the server (FEATURES S2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id
from plugins.shop.models.moments import now


class Cart(Base):
    """A visitor's cart. Its token is in the visitor's cookie, only its hash is here.

    `checkout_key` changes with every change of the cart, so that a sent checkout orders exactly what it
    showed, and it goes into the order, which makes the order unique however often the form is sent (THREATS
    T-P1).
    """

    __tablename__ = "shop_carts"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(unique=True)
    checkout_key: Mapped[str]
    voucher_code: Mapped[str] = mapped_column(default="", server_default="")
    balance_code: Mapped[str] = mapped_column(default="", server_default="")
    updated_at: Mapped[datetime] = mapped_column(default=now, index=True)


class CartLine(Base):
    """How many of a variant are in a cart. The price is the variant's, always."""

    __tablename__ = "shop_cart_lines"

    cart_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_carts.id", ondelete="CASCADE"), primary_key=True)
    variant_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("shop_variants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    quantity: Mapped[int]

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
