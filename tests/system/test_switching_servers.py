"""Each module off and on again with two real server processes on one database: seen in both (FEATURES H2)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.server import ServerProcess
from tests.support.sites import open_same_site, signed_in, within

PAGES = {"shop": "/shop", "booking": "/booking", "forms": "/forms/contact"}
"""Plugin → a public page of it."""

WORDS = {
    "shop": "Bestellungen",
    "booking": "Nächster Termin",
    "forms": "Formular",
    "consent": "Werbung",
}
"""Plugin → a German word it adds to the list: the head of a column or the name of a filter."""

AT_MOST = 2.0


# Which module it is makes no difference to the database: each is switched on one of the two kinds.
@pytest.mark.parametrize(
    ("database_kind", "plugins"),
    [("sqlite", ("shop", "consent")), ("postgresql", ("booking", "forms"))],
    indirect=["database_kind"],
)
def test_h2_each_module_off_and_on_is_seen_by_two_servers(
    plugins: tuple[str, ...], database_url: str, tmp_path: Path
) -> None:
    with ServerProcess(database_url, tmp_path) as first, ServerProcess(database_url, tmp_path) as second:
        site = open_same_site(database_url, tmp_path)
        clients = [signed_in(site, first.url), signed_in(site, second.url)]
        try:
            added = clients[0].post("/dashboard/contacts/new", data={"email": "anna@example.org"})
            assert added.status_code == 200, added.text
            for plugin in plugins:
                before = _tables(site, plugin)
                for switched, expected in (("off", 404), ("on", 200)):
                    answer = clients[0].post(f"/dashboard/modules/{plugin}/{switched}")
                    assert answer.status_code == 200, answer.text
                    for client in clients:
                        within(AT_MOST, lambda: _shows(client, plugin) == (switched == "on"))  # noqa: B023
                        if plugin in PAGES:
                            assert client.get(PAGES[plugin]).status_code == expected
                        assert (plugin in _nav(client)) == (switched == "on" and plugin in PAGES)
                assert _tables(site, plugin) == before
        finally:
            for client in clients:
                client.close()
            site.close()


def _shows(client: httpx.Client, plugin: str) -> bool:
    return WORDS[plugin] in client.get("/dashboard/contacts").text


def _nav(client: httpx.Client) -> set[str]:
    text = client.get("/dashboard/contacts").text
    return {plugin for plugin in PAGES if f'href="/dashboard/{plugin}' in text}


def _tables(site: object, plugin: str) -> list[str]:
    from sqlalchemy import inspect

    return sorted(
        name
        for name in inspect(site.database.engine).get_table_names()
        if name.startswith(f"{plugin}_")  # type: ignore[attr-defined]
    )


def test_h2_off_is_remembered_by_a_restart(tmp_path: Path, database_url: str) -> None:
    site = open_same_site(database_url, tmp_path)
    for plugin in ("forms", "shop"):
        site.switch(plugin, False)
    site.close()
    # The first page of a server compiles its templates, which takes a busy machine more than the usual five seconds.
    with ServerProcess(database_url, tmp_path) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        found = {plugin: client.get(page).status_code for plugin, page in PAGES.items()}
    assert found == {"booking": 200, "forms": 404, "shop": 404}
