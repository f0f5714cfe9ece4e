"""Its tables: the points of each contact, and what the events told."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core import Base, BigInt, Id


class Points(Base):
    """How many points a contact has; without a row, none."""

    __tablename__ = "sample_plugin_points"

    contact_id: Mapped[int] = mapped_column(BigInt, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True)
    points: Mapped[int] = mapped_column(index=True)

    __table_args__ = ({"info": {"label": "Points"}},)


class Heard(Base):
    """An event the plugin was told of."""

    __tablename__ = "sample_plugin_heard"

    id: Mapped[Id]
    hook: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[str] = mapped_column(default="")
