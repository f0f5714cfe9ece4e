"""The ASGI application: one Litestar app for each set of enabled plugins, behind one that notices a switch.

Switching a plugin on the Module screen changes a number in the database. Every process looks at it at most every
`CHECK_SECONDS`, and when it has changed makes a new `Site` and a new Litestar app in a thread, while requests under
way end on the old one. So a plugin is on or off everywhere within two seconds, without a restart (FEATURES H2).
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from time import monotonic
from typing import Any

from attrs import evolve
from litestar import Litestar
from litestar.concurrency import set_asyncio_executor
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from core.contributions import Contributions, addresses
from core.errors import PluginError
from core.jobs.worker import Worker
from core.plugins import Refusal, describe
from core.site import Site, builtin_keys
from core.web.access import Authentication, check_access
from core.web.errors import exception_handlers
from core.web.guarding import guarded
from core.web.requests import Request, read_form
from core.web.routing import is_declared
from core.web.static import static_router

log = logging.getLogger("tresen.web")

CHECK_SECONDS = 0.5
"""How often a process looks whether plugins or settings were switched; FEATURES H2 allows two seconds."""

THREADS = 24
"""Threads for handlers; fewer than the database's connections, so that none waits for one."""


def make_litestar(contributions: Contributions) -> Litestar:
    """The Litestar app with the routes that the enabled plugins contribute, the core's own among them.

    Handlers take their site from the request, so sites with the same routes share an app, and a plugin that is
    switched on again gets the one from before: making one means reading the signatures of all handlers.

    Raises PluginError for a route that does not say who may use it: the start fails rather than opening it to
    everybody (DESIGN section 7). A plugin with such a route was refused before.
    """
    return _make_litestar(tuple(route for _, route in contributions.routers))


@lru_cache(maxsize=8)
def _make_litestar(contributed: tuple[BaseRouteHandler, ...]) -> Litestar:
    routes = [static_router(), *contributed]
    for route in routes:
        if not is_declared(route):
            raise PluginError("Route '%(address)s' does not say who may use it.", address=", ".join(addresses(route)))
    return Litestar(
        route_handlers=routes,
        request_class=Request,
        dependencies={"form": Provide(read_form)},
        guards=[check_access],
        middleware=[Authentication],
        exception_handlers=exception_handlers(),
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=4, minimum_size=1000),
        openapi_config=None,
        logging_config=None,
        pdb_on_exception=False,
        debug=False,
    )


def make_fitting(site: Site) -> tuple[Site, Litestar]:
    """The site with its Litestar app; a plugin whose routes Litestar can't take is refused, and the others go on."""
    try:
        return site, make_litestar(site.contributions)
    except Exception:
        refusals = [
            refusal
            for plugin in sorted({owner for owner, _ in site.contributions.routers} - builtin_keys())
            if (refusal := _refused_by_litestar(site.contributions, plugin))
        ]
        if not refusals:
            raise
    site = site.without(refusals)
    return site, make_litestar(site.contributions)


def _refused_by_litestar(contributions: Contributions, plugin: str) -> Refusal | None:
    for owner, route in contributions.routers:
        if owner != plugin:
            continue
        try:
            make_litestar(evolve(contributions, routers=[(owner, route)]))
        except Exception as error:
            log.exception("A route of plugin %r does not fit", plugin)
            # Litestar writes out whole annotations; what it has against them stands at the end.
            reason = describe(error)
            reason = reason if len(reason) < 300 else f"… {reason[-250:]}"
            return Refusal(
                plugin=plugin, message=f"Route '{addresses(route)[0]}' of plugin '{plugin}' does not fit: {reason}"
            )
    return None


class Application:
    """The ASGI application of one site; with `worker`, its process also does what is due in the background."""

    def __init__(self, site: Site, *, worker: bool = False) -> None:
        self.site, app = make_fitting(site)
        self._worker = Worker(self.site) if worker else None
        self._app: ASGIApp = app
        self._checked = 0.0
        self._refreshing: asyncio.Lock | None = None
        self._guarded = guarded(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; ends the site's threads and connections with the server."""
        kind = str(scope["type"])
        if kind == "lifespan":
            await self._lifespan(receive, send)
            return
        if kind != "http":
            raise RuntimeError(f"No {kind} connections here.")
        if monotonic() - self._checked > CHECK_SECONDS:
            await self._refresh()
        scope.setdefault("state", {})["site"] = self.site
        await self._guarded(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if scope["state"].pop("site_changed", False):
            self._checked = 0.0

    async def _refresh(self) -> None:
        if self._refreshing is None:
            self._refreshing = asyncio.Lock()
        async with self._refreshing:
            if monotonic() - self._checked <= CHECK_SECONDS:
                return
            try:
                site, app = await asyncio.get_running_loop().run_in_executor(None, self._make)
            except Exception:
                # The database is away for a moment: go on with what is known, and look again soon.
                log.exception("Looking for switched plugins failed")
            else:
                self.site, self._app = site, app
            self._checked = monotonic()

    def _make(self) -> tuple[Site, ASGIApp]:
        site = self.site.refreshed()
        if site is self.site:
            return site, self._app
        if site.contributions is self.site.contributions:
            return site, self._app
        log.info("Plugins that are on now: %s", ", ".join(sorted(site.enabled)))
        return make_fitting(site)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._worker is not None:
                    self._worker.__enter__()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._worker is not None:
                    await asyncio.get_running_loop().run_in_executor(None, self._worker.stop)
                self.site.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(site: Site, *, worker: bool = False) -> Application:
    """The ASGI application of `site`, with the worker in a thread if wanted.

    Call it before the event loop runs: it sets the loop's threads.
    """
    set_asyncio_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="tresen-web"))
    return Application(site, worker=worker)
