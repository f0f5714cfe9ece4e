"""The table of epochs: by it, a number in the journal of erasures means one contact for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.contacts.models import now
from core.database.base import Base


class SiteEpoch(Base):
    """The time between two restores, in which contacts got the numbers `above` this one.

    A restored database does not know which numbers were given after its backup, and would give them to other people.
    So each restore begins an epoch, and a contact is named by the epoch in which it got its number, and the number.
    """

    __tablename__ = "site_epochs"

    epoch: Mapped[str] = mapped_column(primary_key=True)
    above: Mapped[int] = mapped_column(BigInteger, unique=True)
    began_at: Mapped[datetime] = mapped_column(default=now)
