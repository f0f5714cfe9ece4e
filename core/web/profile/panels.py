"""Plugins' panels on the profile: loaded side by side, each apart from the others (FEATURES P4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from attrs import frozen
from jinja2.environment import TemplateModule

from core.plugins import Call, Failure, Outcome, describe, plugin_of
from core.site import builtin_keys
from core.values import Panel
from core.web.rendering import render_part
from core.web.requests import Request

log = logging.getLogger("tresen.web")


@frozen(kw_only=True)
class Card:
    """A panel as the page shows it: its rendered `body`, or who failed and why."""

    key: str
    title: str
    side: Literal["story", "person"]
    body: TemplateModule | None = None
    plugin: str = ""
    reason: str = ""


def load_panels(request: Request, contact_id: int, page: Mapping[str, object]) -> Sequence[Card]:
    """All panels that the person may see, in their order; a panel that has nothing to say is left out.

    Each loads in a thread and a session of its own, within the page's budget, and is rendered apart from the
    page: whatever a plugin does wrong there, its card says so and the rest of the page stands.
    """
    site = request.site
    panels = [panel for panel in site.contributions.contact_panels if request.allows(panel.permission)]
    outcomes = site.read_side_by_side(
        [
            Call(
                plugin=plugin_of(panel.key),
                place=panel.key,
                function=partial(_load, request, panel, contact_id),
            )
            for panel in panels
        ]
    )
    cards = [
        _card(request, panel, outcome, {**page, "contact_id": contact_id})
        for panel, outcome in zip(panels, outcomes, strict=True)
    ]
    return [card for card in cards if card is not None]


def _load(request: Request, panel: Panel, contact_id: int) -> object:
    with request.site.session() as session:
        return panel.load(session, contact_id)


def _card(request: Request, panel: Panel, outcome: Outcome, page: Mapping[str, object]) -> Card | None:
    text = request.language.text
    title, failure = text(panel.title), outcome.failure
    if failure is None:
        if outcome.value is None:
            return None
        try:
            # Not in the panel's thread: a template that is compiled for the first time would use up the
            # budget.
            body = render_part(request, panel.template, {"panel": outcome.value}, page)
        except (Exception, SystemExit) as error:
            log.exception("Panel %r can't be rendered", panel.key)
            failure = Failure(plugin=plugin_of(panel.key), place=panel.key, message=describe(error))
        else:
            return Card(key=panel.key, title=title, side=panel.side, body=body)
    name = "Tresen" if failure.plugin in builtin_keys() else request.site.plugin_label(failure.plugin)
    return Card(key=panel.key, title=title, side=panel.side, plugin=text(name), reason=text(failure.message))
