"""The sample plugin, and plugins with a mistake, as staff meet them in a browser (FEATURES H3, H4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core import Activity, Capture, Details, Site, capture_contact
from tests.support.server import ServerProcess
from tests.support.sites import open_same_site, sign_in_page

PLUGINS = (
    "tests.sample_plugin.plugin",
    "tests.broken_plugins.doubled_key.plugin",
    "tests.broken_plugins.unknown_hook.plugin",
    "tests.broken_plugins.raising_column.plugin",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Site]]:
    """A server with all of them, and one customer."""
    folder = tmp_path_factory.mktemp("plugins")
    url = f"sqlite:///{folder / 'site.sqlite'}"
    site = open_same_site(url, folder, ",".join(PLUGINS))
    capture = Capture(
        email="anna@example.org",
        module="sample_plugin",
        activity=Activity(kind="sample_plugin.given", data={"points": 10}),
        details=Details(name="Anna Müller"),
        makes_customer=True,
    )
    with site.begin() as session:
        capture_contact(session, site, capture)
    with ServerProcess(url, folder, environment={"TRESEN_PLUGINS": ",".join(PLUGINS)}) as server:
        yield server, site
    site.close()


def test_h3_the_sample_plugins_column_and_panel_appear(served: tuple[ServerProcess, Site], page: Page) -> None:
    server, site = served
    sign_in_page(site, page, server.url)
    page.goto(f"{server.url}/dashboard/contacts")
    heads = page.locator("thead")
    expect(heads).to_contain_text("Punkte")
    expect(heads).to_contain_text("Stufe")
    expect(page.locator("tbody tr").first).to_contain_text("silver")

    page.get_by_role("link", name="Anna Müller").first.click()
    expect(page.locator("#panel-sample_plugin-points")).to_contain_text("10 Punkte")
    page.get_by_role("button", name="Aktionen").click()
    page.get_by_role("link", name="Punkte vergeben").first.click()
    page.get_by_role("spinbutton", name="Punkte").fill("95")
    page.get_by_role("button", name="Punkte vergeben").click()
    expect(page.locator("#panel-sample_plugin-points")).to_contain_text("105 Punkte")
    page.goto(f"{server.url}/dashboard/contacts")
    expect(page.locator("tbody tr").first).to_contain_text("gold")


def test_h4_a_plugin_that_does_not_fit_is_named_with_the_way_out(
    served: tuple[ServerProcess, Site], page: Page
) -> None:
    server, site = served
    sign_in_page(site, page, server.url)
    page.goto(f"{server.url}/dashboard/modules")
    expect(page.locator("#module-doubled_key")).to_contain_text(
        "Column 'doubled_key.points' is contributed twice "
        "(tests.broken_plugins.doubled_key, tests.broken_plugins.doubled_key). Rename one key."
    )
    expect(page.locator("#module-unknown_hook")).to_contain_text("unknown hook 'contact_colums'")
    expect(page.locator("#module-sample_plugin")).to_contain_text("An")


def test_h4_p4_a_column_and_a_panel_that_raise_are_named_and_the_rest_stands(
    served: tuple[ServerProcess, Site], page: Page
) -> None:
    server, site = served
    sign_in_page(site, page, server.url)
    page.goto(f"{server.url}/dashboard/contacts")
    expect(page.get_by_text("the points ran out").first).to_be_visible()
    expect(page.get_by_text("Broken points").first).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("Anna Müller")

    page.get_by_role("link", name="Anna Müller").first.click()
    expect(page.get_by_role("heading", name="Broken panel")).to_be_visible()
    expect(page.get_by_text("no panel today").first).to_be_visible()
    expect(page.get_by_text("„Broken points“ konnte dies nicht anzeigen")).to_be_visible()
    expect(page.locator("#panel-sample_plugin-points")).to_be_visible()
