"""The language in which somebody is told what the site knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.i18n import LANGUAGES, Language

if TYPE_CHECKING:
    from core.site import Site


def language_of(site: Site, code: str) -> Language:
    """A contact's own language where Tresen speaks it, else the site's."""
    return site.language(code if code in LANGUAGES else site.settings.language)
