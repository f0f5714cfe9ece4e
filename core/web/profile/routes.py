"""All routes of one contact's pages."""

from __future__ import annotations

from typing import Any

from core.web.profile import changes, edit, files, page

ROUTES: list[Any] = [*page.ROUTES, *edit.ROUTES, *changes.ROUTES, *files.ROUTES]
