"""Orders that are brought in from another program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id
from plugins.shop.models.moments import now


class OrderImport(Base):
    """A file with orders of another shop, on its way in. `layout` is the program that wrote it; `source` what its shop
    is called here; `position` how many orders of it were read, `numbers` what came of them, `examples` the first ones.
    """

    __tablename__ = "shop_order_imports"

    id: Mapped[Id]
    name: Mapped[str]
    stored_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInt)
    layout: Mapped[str]
    source: Mapped[str]
    currency: Mapped[str]
    state: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    numbers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(BigInt)
    actor_id: Mapped[int | None] = mapped_column(BigInt)
    actor_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('checking', 'checked', 'running', 'done', 'cancelled', 'failed')",
            name="state",
        ),
    )


class OrderImportProblem(Base):
    """An order of a file that was not taken in, or something in it that was read otherwise: where, and why.

    `message` is a message id that `words` fill; nothing of the person is in it.
    """

    __tablename__ = "shop_order_import_problems"

    id: Mapped[Id]
    import_id: Mapped[int] = mapped_column(BigInt, ForeignKey("shop_order_imports.id", ondelete="CASCADE"), index=True)
    line: Mapped[int]
    reference: Mapped[str] = mapped_column(default="")
    refused: Mapped[bool]
    message: Mapped[str]
    words: Mapped[dict[str, Any]] = mapped_column(default=dict)
