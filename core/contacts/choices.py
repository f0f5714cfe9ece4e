"""What the list's filters offer: asked side by side, and on a large site not for every page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from core.contacts.counts import is_large
from core.i18n import Language, sort_key
from core.plugins import Call, plugin_of
from core.values import Choice, Filter

if TYPE_CHECKING:
    from core.site import Site

KEPT_SECONDS = 60.0
"""How old choices are at most on a large site, where reading them may mean reading every contact."""


def choice_calls(site: Site, filters: Sequence[Filter]) -> list[Call]:
    """Calls that answer the choices of each filter; of one whose value is typed, its units."""
    return [_call(site, one) for one in filters]


def _call(site: Site, offered: Filter) -> Call:
    return Call(
        plugin=plugin_of(offered.key),
        place=offered.key,
        function=partial(read_choices, site, offered),
        here=_kept_choices(site, offered) is not None,
    )


def _kept_choices(site: Site, offered: Filter) -> Sequence[Choice] | None:
    """What was read shortly before, on a large site."""
    kept: dict[str, tuple[float, Sequence[Choice]]] = site.__dict__.setdefault("_contact_choices", {})
    if not is_large(site) or offered.key not in kept:
        return None
    read_at, choices = kept[offered.key]
    return choices if monotonic() - read_at < KEPT_SECONDS else None


def read_choices(site: Site, offered: Filter, *, fresh: bool = False) -> Sequence[Choice]:
    """The choices of a filter, or the units of one whose number has some; on a large site a minute old at most.

    Raises what the plugin raises, and TypeError for what are no choices.
    """
    ask = offered.choices or offered.units
    if ask is None:
        return ()
    if not fresh and (earlier := _kept_choices(site, offered)) is not None:
        return earlier
    with site.session() as session:
        choices: list[Choice] = list(ask(session))
    answered: list[object] = [*choices]
    if wrong := [one for one in answered if not isinstance(one, Choice)]:
        raise TypeError(f"choices() answered {repr(wrong[0])[:80]}, not Choice values")
    site.__dict__.setdefault("_contact_choices", {})[offered.key] = (monotonic(), choices)
    return choices


def vanished(site: Site, offered: Filter, values: Sequence[str]) -> list[str]:
    """The values that are no choice of the filter any more."""
    if offered.choices is None or offered.open_choices:
        return []
    gone = _missing(values, read_choices(site, offered))
    # What was kept for a minute may not have the newest tag.
    return _missing(gone, read_choices(site, offered, fresh=True)) if gone else []


def _missing(values: Sequence[str], choices: Sequence[Choice]) -> list[str]:
    known = {choice.value for choice in choices}
    return [value for value in values if value not in known]


def choice_labels(site: Site, language: Language, offered: Filter, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """Value and label of each choice, in the person's language."""
    if offered.key == "contact.module":
        # A module that is off keeps its data and is not spoken of (FEATURES H2).
        on = site.contributions.modules
        return [(one.value, language.text(on[one.value].label)) for one in choices if one.value in on]
    if offered.key == "contact.country":
        named = [(one.value, language.country(one.value)) for one in choices]
        return sorted(named, key=lambda pair: sort_key(pair[1]))
    translate = language.text if offered.translate_choices else str
    return [(one.value, translate(one.label)) for one in choices]
