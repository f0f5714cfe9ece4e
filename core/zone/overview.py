"""The overview of the Client Zone: a card for each section, the core's and the plugins', loaded side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen
from jinja2.environment import TemplateModule
from litestar.response import Response

from core import state
from core.plugins import Call, Failure, Outcome, describe, plugin_of
from core.values import ZoneSection
from core.web.routing import ZONE
from core.zone.deletion import read_wish
from core.zone.sessions import Customer

if TYPE_CHECKING:
    from core.web.requests import Request

log = logging.getLogger("tresen.zone")


@frozen(kw_only=True)
class SectionCard:
    """A section as the overview shows it: its rendered `body`, its description, or that it can't be shown now."""

    label: str
    href: str
    icon: str
    description: str
    body: TemplateModule | None = None
    failed: bool = False


def zone_frame(request: Request, customer: Customer) -> dict[str, Any]:
    """What every page of the zone has: who is signed in, and the menu of sections."""
    path, text = request.scope["path"], request.language.text
    entries = [
        {"label": text("Overview"), "href": ZONE, "current": path == ZONE},
        *(
            {
                "label": text(section.label),
                "href": section.href,
                "current": path == section.href or path.startswith(section.href + "/"),
            }
            for section in request.site.contributions.zone_sections
        ),
    ]
    return {"email": customer.email, "name": customer.name, "nav": entries}


def overview_page(request: Request) -> Response[str]:
    """Everything the person has with the site, section by section."""
    from core.web.rendering import frame

    site, contact_id = request.site, request.customer.contact_id
    with site.session() as session:
        wish = read_wish(session, contact_id)
    page = frame(request)
    sections = site.contributions.zone_sections
    loaded = [section for section in sections if section.load is not None]
    outcomes = site.read_side_by_side(
        [
            Call(plugin=plugin_of(section.key), place=section.key, function=partial(_load, request, section))
            for section in loaded
        ]
    )
    by_key = dict(zip((section.key for section in loaded), outcomes, strict=True))
    failures: list[Failure] = []
    cards = [_card(request, section, by_key.get(section.key), page, failures) for section in sections]
    if failures:
        with site.begin() as session:
            for failure in failures:
                state.record_failure(session, failure)
    return request.page("zone/overview.html", cards=cards, wish=wish)


def _load(request: Request, section: ZoneSection) -> object:
    assert section.load is not None
    with request.site.session() as session:
        return section.load(session, request.customer.contact_id)


def _card(
    request: Request,
    section: ZoneSection,
    outcome: Outcome | None,
    page: Mapping[str, object],
    failures: list[Failure],
) -> SectionCard:
    from core.web.rendering import render_part

    text = request.language.text
    body: TemplateModule | None = None
    failure = outcome.failure if outcome else None
    if outcome is not None and failure is None and outcome.value is not None:
        try:
            body = render_part(request, section.template, {"section": outcome.value}, page)
        except (Exception, SystemExit) as error:
            log.exception("Section %r of the Client Zone can't be rendered", section.key)
            failure = Failure(plugin=plugin_of(section.key), place=section.key, message=describe(error))
    if failure is not None:
        failures.append(failure)
    return SectionCard(
        label=text(section.label),
        href=section.href,
        icon=section.icon,
        description=text(section.description) if section.description else "",
        body=body,
        failed=failure is not None,
    )
