"""Plugins' panels on the profile: loaded and rendered side by side, each apart from the others (FEATURES P4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from attrs import frozen
from jinja2.environment import TemplateModule

from core.plugins import Call, Outcome, plugin_of
from core.values import Panel
from core.web.rendering import render_part
from core.web.requests import Request


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

    Each loads in a session of its own and renders its template, both within the page's budget: whatever a plugin does
    wrong there, its card says so and the rest of the page stands.
    """
    site = request.site
    panels = [panel for panel in site.contributions.contact_panels if request.allows(panel.permission)]
    outcomes = site.read_side_by_side(
        [
            Call(
                plugin=plugin_of(panel.key),
                place=panel.key,
                function=partial(_show, request, panel, contact_id, page),
            )
            for panel in panels
        ]
    )
    cards = [_card(request, panel, outcome) for panel, outcome in zip(panels, outcomes, strict=True)]
    return [card for card in cards if card is not None]


def _show(
    request: Request, panel: Panel, contact_id: int, page: Mapping[str, object]
) -> TemplateModule | None:
    with request.site.session() as session:
        loaded = panel.load(session, contact_id)
    if loaded is None:
        return None
    return render_part(request, panel.template, {"panel": loaded, "contact_id": contact_id}, page)


def _card(request: Request, panel: Panel, outcome: Outcome) -> Card | None:
    text = request.language.text
    if outcome.failure is not None:
        return Card(
            key=panel.key,
            title=text(panel.title),
            side=panel.side,
            plugin=text(request.site.plugin_label(outcome.failure.plugin)),
            reason=text(outcome.failure.message),
        )
    if outcome.value is None:
        return None
    return Card(key=panel.key, title=text(panel.title), side=panel.side, body=outcome.value)
