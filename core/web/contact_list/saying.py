"""Notices of the list in the person's language."""

from __future__ import annotations

from core.contacts.matching import Notice
from core.i18n import Language


def say(language: Language, notice: Notice) -> str:
    """The sentence of a notice."""
    words = {name: language.text(word) for name, word in notice.words.items()}
    return language.text(notice.message, **words, **notice.values)
