"""What a consent that staff record is based on: how it was given, and the proof of it (GDPR Art. 7 (1))."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core import InvalidInput, Site

SOURCE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "paper": "Signed on paper",
        "counter": "Said in person",
        "earlier": "Taken over from an earlier system, with its record",
    }
)
"""How a consent that staff record was given, and its name for people (a message id)."""

MAX_PROOF = 2000


def basis_errors(source: str, proof: str) -> list[InvalidInput]:
    """What is missing in a basis; the errors name their fields "source" and "basis"."""
    errors = []
    if source not in SOURCE_LABELS:
        errors.append(InvalidInput("Choose how the consent was given.", field="source"))
    if len(proof) < 5:
        errors.append(
            InvalidInput("Write down when and with which words it was given, and where the proof is.", field="basis")
        )
    elif len(proof) > MAX_PROOF:
        errors.append(InvalidInput("This is too long: %(max)s characters at most.", field="basis", max=MAX_PROOF))
    return errors


def basis_text(site: Site, source: str, proof: str) -> str:
    """The basis as it is stored, in the site's language: it is read as evidence, perhaps years later."""
    named = site.language(site.settings.language).text(SOURCE_LABELS[source])
    return f"{named}: {proof}"
