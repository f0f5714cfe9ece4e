"""A plugin whose routes the web framework can't take is refused, and the site goes on (FEATURES H4)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from litestar.params import FromQuery
from litestar.response import Response

from core import Request, get, hookimpl
from core.plugins import make_plugin
from core.testing import make_client, make_site, sign_in


@get("/odd", public=True)
def odd(request: Request, state: FromQuery[str] = "") -> Response[str]:
    return Response("never", media_type="text/plain")


@get("/even", public=True)
def even(request: Request) -> Response[str]:
    return Response("here", media_type="text/plain")


def _plugin(key: str, route: object) -> ModuleType:
    module = ModuleType(key)
    module.routers = hookimpl(lambda: [route])  # type: ignore[attr-defined]
    module.routers.__name__ = "routers"  # type: ignore[attr-defined]
    return module


def test_h4_a_route_that_litestar_refuses_costs_its_plugin_only(tmp_path: Path) -> None:
    plugins = [make_plugin(_plugin("odd", odd), "odd"), make_plugin(_plugin("even", even), "even")]
    site = make_site(tmp_path, *plugins)
    with make_client(site) as client:
        sign_in(site, client)
        assert client.get("/even").text == "here"
        assert client.get("/odd").status_code == 404
        shown = client.get("/dashboard/modules").text
        assert "Route &#39;GET /odd&#39; of plugin &#39;odd&#39; does not fit" in shown
        assert "&#39;state&#39; reserved kwarg" in shown
    site.close()
