"""What a consent that staff record is based on: how it was given, and where the proof is."""

from __future__ import annotations

from collections.abc import Mapping

from core import InvalidInput, Site

SOURCES: Mapping[str, str] = {
    "paper": "Signed on paper",
    "counter": "Said in person",
    "earlier": "Taken over from an earlier system, with its record",
}
"""How a consent that staff record was given, and its name for people (a message id)."""

MAX_LENGTH = 2000


def check_source(source: str) -> None:
    """Raises InvalidInput for a way there is none of."""
    if source not in SOURCES:
        raise InvalidInput("Choose how the consent was given.", field="source")


def check_proof(proof: str) -> None:
    """Raises InvalidInput for a proof that says nothing, or too much."""
    if len(proof) < 5:
        raise InvalidInput("Write down when and with which words it was given, and where the proof is.", field="basis")
    if len(proof) > MAX_LENGTH:
        raise InvalidInput("This is too long: %(max)s characters at most.", field="basis", max=MAX_LENGTH)


def written(site: Site, source: str, proof: str) -> str:
    """As it is stored, in the site's language: it is read as evidence, perhaps years later."""
    return f"{site.language(site.settings.language).text(SOURCES[source])}: {proof}"
