"""What the list's filters offer: asked side by side, and on a large site not for every page."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from core.contacts.counts import is_large
from core.plugins import Call, plugin_of
from core.values import Choice, Filter

if TYPE_CHECKING:
    from core.site import Site

KEPT_SECONDS = 60.0
"""How old choices are at most on a large site, where reading them may mean reading every contact."""


def choice_calls(site: Site, filters: Sequence[Filter]) -> list[Call]:
    """Calls that answer the choices of each filter; of one whose value is typed, none."""
    return [_call(site, one) for one in filters]


def _call(site: Site, offered: Filter) -> Call:
    kept: dict[str, tuple[float, Sequence[Choice]]] = site.__dict__.setdefault("_contact_choices", {})

    def is_fresh() -> bool:
        return offered.key in kept and is_large(site) and monotonic() - kept[offered.key][0] < KEPT_SECONDS

    def read() -> Sequence[Choice]:
        if offered.choices is None:
            return ()
        if is_fresh():
            return kept[offered.key][1]
        with site.session() as session:
            choices: list[Choice] = list(offered.choices(session))
        answered: list[object] = [*choices]
        if wrong := [one for one in answered if not isinstance(one, Choice)]:
            raise TypeError(f"choices() answered {repr(wrong[0])[:80]}, not Choice values")
        kept[offered.key] = (monotonic(), choices)
        return choices

    return Call(plugin=plugin_of(offered.key), place=offered.key, function=read, here=is_fresh())
