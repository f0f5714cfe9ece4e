"""Contributes a column twice."""

from __future__ import annotations

from core import Column, hookimpl


@hookimpl
def contact_columns() -> list[Column]:
    return [
        Column(key="doubled_key.points", label="Points", load=lambda session, contact_ids: {}),
        Column(key="doubled_key.points", label="Points again", load=lambda session, contact_ids: {}),
    ]
