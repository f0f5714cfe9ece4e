"""Asking all plugins for their part of erasing and of handing out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from core.errors import DutyFailed

if TYPE_CHECKING:
    from core.site import Site


def ask_all(
    session: Session, site: Site, hook: str, kinds: tuple[type, ...], **values: object
) -> list[tuple[str, Any]]:
    """What every installed plugin answers to a duty, as (plugin, value) for each value.

    Raises DutyFailed for the first that raises, or answers anything but a list of `kinds`. Its reason is the class of
    the error alone: it is written down, and what an error says may quote the person.
    """
    try:
        answers = site.oblige(session, hook, **values)
    except DutyFailed as error:
        raise _failed(error.key, hook, str(error.values["error"]).partition(":")[0]) from None
    found: list[tuple[str, Any]] = []
    for plugin, answer in answers:
        if not isinstance(answer, list | tuple | type(None)) or not all(isinstance(one, kinds) for one in answer or ()):
            names = " or ".join(kind.__name__ for kind in kinds)
            raise _failed(plugin, hook, f"it answered {type(answer).__name__}, not a list of {names}")
        found.extend((plugin, value) for value in answer or ())
    return found


def _failed(plugin: str, hook: str, error: str) -> DutyFailed:
    return DutyFailed(
        "Nothing was changed: the plugin “%(plugin)s” could not do its part (%(error)s).",
        key=plugin,
        hook=hook,
        plugin=plugin,
        error=error,
    )
