"""Every page of the customers area is for the keyboard: all that can be pressed is reached by Tab, and seen to be."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page
from sqlalchemy import select

from core.contacts.merging.merging import merge_contacts
from core.contacts.models import Tag
from core.contacts.tagging import tag_contact
from core.privacy.erasing import erase
from core.values import SYSTEM
from tests.system.rows.conftest import Counter

LIST = "/dashboard/contacts"
COMBINED = quote('["all",["contact.country","DE"],["any",["contact.stage","lead"],["shop.orders","1.."]]]')

WATCH = """() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[inert]");
  const stops = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const wanted = [...document.querySelectorAll(stops)].filter((e) => shown(e) && !e.disabled && e.tabIndex >= 0);
  const met = new Set();
  const unseen = [];
  const outlined = (e) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  };
  const said = (e) => e.outerHTML.slice(0, 160);
  document.addEventListener("focusin", ({ target }) => {
    met.add(target);
    const around = [target, target.parentElement, target.nextElementSibling];
    if (!around.some((e) => e && outlined(e))) unseen.push(said(target));
  });
  /* Of a group of radio buttons Tab reaches one, and arrows the others. */
  const grouped = (e) => e.type === "radio" && [...met].some((one) => one.type === "radio" && one.name === e.name);
  const unreached = (e) => e.isConnected && !met.has(e) && !grouped(e);
  window.left = () => ({ unreached: wanted.filter(unreached).map(said), unseen });
  const days = wanted.filter((e) => ["date", "time", "datetime-local"].includes(e.type)).length;
  return wanted.length + 4 * days + 3;
}"""
"""Watches where the focus goes; answers how often Tab must be pressed to have been everywhere."""


def problems(page: Page, address: str) -> list[str]:
    """What Tab does not reach on a page, and where the focus can't be seen."""
    page.goto(address)
    for _ in range(page.evaluate(WATCH)):
        page.keyboard.press("Tab")
    left = page.evaluate("left()")
    return [f"{address}: {kind}: {html}" for kind, found in left.items() for html in found]


def test_ux_everything_is_reached_by_keyboard_and_seen_to_have_the_focus(counter: Counter) -> None:
    site = counter.site
    one, two, three, gone = (counter.contact(f"Tab {name}", country="DE") for name in ("Eins", "Zwei", "Drei", "Vier"))
    with site.begin() as session:
        tag_contact(session, site, one, ["Tastatur"], SYSTEM)
        merge_id = merge_contacts(session, site, one, two, SYSTEM).merge_id
        receipt_id = erase(session, site, [gone], SYSTEM).id
        tag_id = session.scalars(select(Tag.id).where(Tag.name == "Tastatur")).one()
    page = counter.staff()
    paths = [
        f"{LIST}?q=Tab",
        f"{LIST}?tab=inactive",
        f"{LIST}?where={COMBINED}",
        f"{LIST}/columns",
        f"{LIST}/filter",
        f"{LIST}/filter?filter=contact.tag",
        f"{LIST}/filter?filter=contact.joined",
        f"{LIST}/segments",
        f"{LIST}/segments/choose",
        f"{LIST}/segments/save",
        f"{LIST}/segments/new?where={COMBINED}",
        f"{LIST}/new",
        f"{LIST}/fields",
        f"{LIST}/fields/new",
        f"{LIST}/tags",
        f"{LIST}/tags/{tag_id}/rename",
        f"{LIST}/tags/{tag_id}/join",
        f"{LIST}/tags/{tag_id}/remove",
        f"{LIST}/duplicates",
        f"{LIST}/merge?ids={one},{three}",
        f"{LIST}/receipts",
        f"{LIST}/receipts/{receipt_id}",
        f"{LIST}/export",
        f"{LIST}/import",
        f"{LIST}/{one}",
        f"{LIST}/{one}/actions",
        f"{LIST}/{one}/activity",
        f"{LIST}/{one}/edit",
        f"{LIST}/{one}/merge?q=Drei",
        f"{LIST}/{one}/merges/{merge_id}",
        f"{LIST}/{one}/message",
        f"{LIST}/{one}/delete",
        "/dashboard/jump?q=Tab",
        "/dashboard/messages",
        "/dashboard/messages/templates/new",
    ]
    found = [problem for path in paths for problem in problems(page, counter.url + path)]
    assert not found, "\n".join(found)
