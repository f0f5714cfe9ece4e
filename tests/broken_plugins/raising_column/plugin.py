"""Contributes a column and a panel that raise when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from core import Column, Module, Panel, hookimpl


@hookimpl
def modules() -> list[Module]:
    return [Module(key="raising_column", label="Broken points")]


@hookimpl
def contact_columns() -> list[Column]:
    return [Column(key="raising_column.points", label="Broken", load=count_points)]


@hookimpl
def contact_panels() -> list[Panel]:
    return [
        Panel(key="raising_column.points", title="Broken panel", template="raising_column/none.html", load=no_panel)
    ]


def count_points(session: Session, contact_ids: Sequence[int]) -> Mapping[int, object]:
    raise ValueError("the points ran out")


def no_panel(session: Session, contact_id: int) -> object:
    raise ValueError("no panel today")
