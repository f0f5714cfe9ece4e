"""The overview (FEATURES H9): the core's tiles and the plugins', loaded side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from litestar.response import Response

from core.i18n import Language
from core.plugins import Call, Failure, Outcome, plugin_of
from core.site import Site
from core.values import Money, Tile, TileData
from core.web.requests import Request
from core.web.routing import get


@frozen(kw_only=True)
class ShownTile:
    """A tile with what it loaded, or with the failure that names its plugin."""

    tile: Tile
    data: TileData | None
    points: Sequence[Mapping[str, Any]]
    failure: Failure | None


def load_tile(site: Site, tile: Tile) -> Any:
    """What a tile shows, read in a session of its own."""
    with site.session() as session:
        return tile.load(session)


@get("/dashboard", permission="site.overview")
def show_overview(request: Request) -> Response[str]:
    """Numbers and small charts of the site."""
    site = request.site
    tiles = [tile for tile in site.contributions.overview_tiles if request.allows(tile.permission)]
    outcomes = site.read_side_by_side(
        [
            Call(plugin=plugin_of(tile.key), place=tile.key, function=lambda tile=tile: load_tile(site, tile))  # type: ignore[misc]
            for tile in tiles
        ]
    )
    shown = [_shown(request.language, tile, outcome) for tile, outcome in zip(tiles, outcomes, strict=True)]
    return request.page("site/overview.html", tiles=[one for one in shown if one.data or one.failure])


def _shown(language: Language, tile: Tile, outcome: Outcome) -> ShownTile:
    failure = outcome.failure
    if failure is None and outcome.value is not None and not isinstance(outcome.value, TileData):
        failure = Failure(
            plugin=plugin_of(tile.key),
            place=tile.key,
            message=f"answers {type(outcome.value).__name__}, not TileData",
        )
    data: TileData | None = None if failure else outcome.value
    if data is None:
        return ShownTile(tile=tile, data=None, points=(), failure=failure)
    points = [
        {"label": label, "amounts": [amount], "texts": [_written(language, data, amount)]}
        for label, amount in data.series
    ]
    return ShownTile(tile=tile, data=data, points=points, failure=None)


def _written(language: Language, data: TileData, amount: int) -> str:
    """A number of a series as the headline is written: an amount in the headline's currency, or a number."""
    if isinstance(data.value, Money):
        return language.money(Money(minor=amount, currency=data.value.currency))
    return language.number(amount)


@get("/dashboard/components", permission="site.settings")
def show_components(request: Request) -> Response[str]:
    """Every component that a plugin's page can use, as it looks (UX: „a page of components shows all“)."""
    return request.page("components/gallery.html")


ROUTES: list[Any] = [show_overview, show_components]
