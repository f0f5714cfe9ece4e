"""Implements a hook that does not exist."""

from __future__ import annotations

from core import hookimpl


@hookimpl
def contact_colums() -> list[object]:
    return []
