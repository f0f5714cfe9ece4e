"""The pages of merging: choosing two contacts, comparing them, undoing, and likely duplicates (FEATURES C9)."""

from __future__ import annotations

from typing import Any

from core.web.merging import comparing, duplicates, undoing

ROUTES: list[Any] = [*comparing.ROUTES, *duplicates.ROUTES, *undoing.ROUTES]
