"""The server, the worker, and the demonstration site."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from pathlib import Path

DEMO_EMAIL = "demo@example.org"
DEMO_PASSWORD = "tresen-demo"  # noqa: S105 (printed by `tresen demo`; no other command makes this account)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe `serve`, `worker` and `demo`."""
    serve = commands.add_parser("serve", help="run the web server")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    serve.add_argument(
        "--workers", type=int, default=1, help="server processes, about one a core (default: %(default)s)"
    )
    serve.set_defaults(run=_serve)

    worker = commands.add_parser("worker", help="do what is due in the background, without the web server")
    worker.set_defaults(run=_worker)

    demo = commands.add_parser("demo", help="make demonstration data once, then run the web server")
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    demo.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=1, help="another seed makes another site (default: %(default)s)")
    demo.add_argument("--people", type=int, default=640, help="how many contacts, about (default: %(default)s)")
    demo.add_argument("--no-serve", action="store_true", help="make the data only")
    demo.set_defaults(run=_demo)


def _serve(arguments: argparse.Namespace) -> int:
    from core.settings import settings_from_environment
    from core.site import open_site

    # Once here, so that a mistake is said in one sentence and not by each worker; and so that only one migrates.
    open_site(settings_from_environment()).close()
    return _run_server(arguments.host, arguments.port, arguments.workers)


def _run_server(host: str, port: int, workers: int) -> int:
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "app:app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        log_access=False,
        # A person's requests are short; a slow one still gets its answer when the server is told to end.
        workers_kill_timeout=10,
    ).serve()
    return 0


def _worker(_arguments: argparse.Namespace) -> int:
    import signal

    from core.jobs import Worker
    from core.settings import settings_from_environment
    from core.site import open_site

    with closing(open_site(settings_from_environment())) as site:
        worker = Worker(site)
        # Also when a service manager ends it: the step under way is finished first.
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda _number, _frame: worker.stop(0))
        print("Doing what is due. Ctrl C ends it.", flush=True)
        worker.run()
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    import shutil

    from attrs import evolve

    from core.demo import make_demo
    from core.settings import settings_from_environment
    from core.site import open_site

    address = f"http://{arguments.host}:{arguments.port}"
    os.environ.setdefault("TRESEN_BASE_URL", address)
    os.environ.setdefault("TRESEN_DATA_DIR", str(Path("data") / "demo"))
    settings = settings_from_environment()
    folder = settings.data_dir
    # Made beside its place and then moved there: an interrupted one leaves nothing half done.
    making = folder if settings.database_url or folder.exists() else folder.with_name(f"{folder.name}.making")
    if making != folder:
        shutil.rmtree(making, ignore_errors=True)
        print("Making the demonstration site, which takes a moment …", flush=True)
    site = open_site(evolve(settings, data_dir=making))
    try:
        made = make_demo(site, seed=arguments.seed, people=arguments.people, email=DEMO_EMAIL, password=DEMO_PASSWORD)
    finally:
        site.close()
    if making != folder:
        making.rename(folder)
    if made:
        print(f"Made it in {folder}.", flush=True)
    if arguments.no_serve:
        return 0
    print(
        f"\n  Tresen runs on {address}\n  Dashboard:   {address}/dashboard\n"
        f"  Sign in as:  {DEMO_EMAIL}\n  Password:    {DEMO_PASSWORD}\n\n  Ctrl C ends it.\n",
        flush=True,
    )
    return _run_server(arguments.host, arguments.port, 1)
