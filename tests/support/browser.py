"""A real Chromium for the tests: the system's own, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

# Parts of Chromium's own window, which nobody sees: each new window loads two pages for the suggestions below its
# address bar, and keeps a process ready for the next page. Together they take longer than the page under test.
# Chromium heeds the last such list only, so those that Playwright switches off stand here too (chromiumSwitches.ts).
SWITCHED_OFF = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "SpareRendererForSitePerProcess",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]

ARGUMENTS = [
    f"--disable-features={','.join(SWITCHED_OFF)}",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OPTIONS: dict[str, Any] = {"locale": "de-DE", "viewport": {"width": 1280, "height": 800}}

# What Chromium writes to the console when a policy stopped something.
POLICY_WORDS = ("content security policy", "content-security-policy", "refused to ")


def find_chromium() -> str | None:
    """The path of the browser to test with: TRESEN_TEST_CHROMIUM, or the first found on the PATH."""
    named = os.environ.get("TRESEN_TEST_CHROMIUM")
    if named:
        return shutil.which(named)
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one per worker. Skips where there is none, unless TRESEN_TEST_BROWSER_REQUIRED=1."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium found: install the package 'chromium' or name one in TRESEN_TEST_CHROMIUM"
        if os.environ.get("TRESEN_TEST_BROWSER_REQUIRED") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    # Chromium's sandbox refuses to run as root.
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, each with cookies of its own: `new_page(locale="en-GB", java_script_enabled=False)`.

    When the test is over it fails if a page raised an error in a script or broke its Content Security Policy.
    """
    contexts = []
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and any(word in message.text.lower() for word in POLICY_WORDS):
            problems.append(f"policy: {message.text}")

    def make(**options: Any) -> Page:
        context = browser.new_context(**{**OPTIONS, **options})
        contexts.append(context)
        context.on("console", on_console)
        context.on("weberror", lambda error: problems.append(f"script: {error.error}"))
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    if problems:
        pytest.fail("The page reported errors:\n" + "\n".join(problems), pytrace=False)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page in German, 1280 by 800; further ones come from `new_page`."""
    return new_page()
