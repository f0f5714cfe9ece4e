"""All routes of one contact's pages."""

from __future__ import annotations

from typing import Any

from core.web.profile import changes, edit, files, notes, page, privacy

ROUTES: list[Any] = [*page.ROUTES, *edit.ROUTES, *changes.ROUTES, *notes.ROUTES, *files.ROUTES, *privacy.ROUTES]
