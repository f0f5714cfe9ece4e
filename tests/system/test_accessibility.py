"""Every screen of the demonstration, looked through by axe and for its width (UX: WCAG 2.2 AA, 320 px and up)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page
from sqlalchemy import select

from core.contacts.models import Contact
from core.zone.sessions import start_session, zone_cookie_name
from plugins.shop.models import Order
from tests.support.server import ServerProcess
from tests.support.sites import open_same_site
from tests.system.test_opening_day import sign_in

PUBLIC = (
    "/",
    "/shop",
    "/shop/categories/brot",
    "/shop/products/dresdner-stollen",
    "/shop/products/bauernbrot?picture=2",
    "/shop/cart",
    "/shop/checkout",
    "/booking",
    "/forms/contact",
    "/newsletter",
    "/newsletter/thanks",
    "/newsletter/embed",
    "/newsletter/embed/thanks",
    "/nowhere",
    "/account",
    "/account/sent",
    "/account/keep/nothing",
    "/dashboard/sign-in",
)
ZONE = (
    "/account",
    "/account/orders/1",
    "/account/appointments",
    "/account/messages",
    "/account/consent",
    "/account/details",
    "/account/data",
    "/account/delete",
)
"""Pages of the Client Zone, of who has placed the first order."""
COMBINED = quote('["all",["contact.country","DE"],["any",["contact.stage","lead"],["shop.orders","1.."]]]')
"""Conditions for the list and for the page on which they are combined."""

DASHBOARD = (
    "/dashboard",
    "/dashboard/contacts",
    "/dashboard/contacts?q=nobody-has-this-name",
    f"/dashboard/contacts?where={COMBINED}",
    "/dashboard/contacts/columns",
    "/dashboard/contacts/filter",
    "/dashboard/contacts/filter?filter=contact.tag",
    "/dashboard/contacts/filter?filter=contact.joined",
    "/dashboard/contacts/segments",
    f"/dashboard/contacts/segments/new?where={COMBINED}",
    "/dashboard/contacts/segments/save",
    "/dashboard/contacts/segments/choose",
    "/dashboard/jump",
    "/dashboard/jump?q=a",
    "/dashboard/jump?q=nobody-has-this-name",
    "/dashboard/contacts/new",
    "/dashboard/contacts/fields",
    "/dashboard/contacts/fields/new",
    "/dashboard/contacts/fields/4",
    "/dashboard/contacts/fields/4/delete",
    "/dashboard/contacts/export?q=a",
    "/dashboard/contacts/import",
    "/dashboard/contacts/1",
    "/dashboard/contacts/1/edit",
    "/dashboard/contacts/1/activity",
    "/dashboard/contacts/1/message",
    "/dashboard/contacts/1/actions",
    "/dashboard/contacts/tags",
    "/dashboard/contacts/tags/1/rename",
    "/dashboard/contacts/tags/1/join",
    "/dashboard/contacts/tags/1/remove",
    "/dashboard/contacts/1/merge?q=an",
    "/dashboard/contacts/merge?ids=1,2",
    "/dashboard/contacts/duplicates",
    "/dashboard/contacts/1/delete",
    "/dashboard/contacts/5/merges/1",
    "/dashboard/contacts/receipts",
    "/dashboard/contacts/receipts/1",
    "/dashboard/messages",
    "/dashboard/messages?show=waiting",
    "/dashboard/messages?show=mine",
    "/dashboard/messages?q=Torte",
    "/dashboard/messages/pile",
    "/dashboard/messages/pile/1?q=an",
    "/dashboard/messages/pile/1/remove",
    "/dashboard/messages/mailbox",
    "/dashboard/messages/outgoing",
    "/dashboard/contacts/1/messages/assign",
    "/dashboard/messages/templates",
    "/dashboard/messages/templates/new",
    "/dashboard/newsletters",
    "/dashboard/newsletters/1",
    "/dashboard/newsletters/2",
    "/dashboard/newsletters/2/edit",
    "/dashboard/modules",
    "/dashboard/settings",
    "/dashboard/staff",
    "/dashboard/account",
    "/dashboard/components",
    "/dashboard/shop/orders",
    "/dashboard/shop/orders/1",
    "/dashboard/shop/orders/1/refund",
    "/dashboard/shop/invoices",
    "/dashboard/shop/invoices?paid=yes&since=2020-01-01",
    "/dashboard/shop/invoices/1",
    "/dashboard/shop/products",
    "/dashboard/shop/products/1",
    "/dashboard/shop/products/1/pictures",
    "/dashboard/shop/categories",
    "/dashboard/shop/categories/1",
    "/dashboard/shop/orders/new?contact=1",
    "/dashboard/shop/vouchers",
    "/dashboard/shop/vouchers/new",
    "/dashboard/shop/vouchers/1/uses",
    "/dashboard/shop/vouchers/63",
    "/dashboard/shop/vouchers/batches/2/uses",
    "/dashboard/shop/vouchers/batches/new",
    "/dashboard/shop/vouchers/batches/1",
    "/dashboard/shop/orders?paid=yes&since=2020-01-01",
    "/dashboard/shop/orders/import",
    "/dashboard/booking/appointments",
    "/dashboard/booking/services",
    "/dashboard/booking/hours",
    "/dashboard/forms",
    "/dashboard/forms/all",
    "/dashboard/consent/1",
    "/dashboard/consent/1/proof",
    "/dashboard/consent/purposes",
    "/dashboard/consent/purposes/marketing",
    "/dashboard/consent/purposes/new",
    "/dashboard/consent/signup",
)
LINKED = {"/dashboard/messages": "a[data-shortcut=o]", "/dashboard/messages/outgoing": "a[data-row-link]"}
"""Lists of what has another number in each demonstration → the links to it; the first is followed."""

LOOKS = {
    "desktop-light-de": {"locale": "de-DE", "color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "phone-dark-en": {"locale": "en-GB", "color_scheme": "dark", "viewport": {"width": 360, "height": 780}},
}


# Axe works out the same dozen colours for every letter it looks at, which takes it half of its time.
REMEMBER_COLOURS = """
const { prototype } = axe.commons.color.Color, { parseString } = prototype, known = new Map();
prototype.parseString = function (text) {
  if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
  else {
    parseString.call(this, text);
    known.set(text, [this.r, this.g, this.b, this.alpha]);
  }
  return this;
};
void 0; // else the page would call what stands last
"""
# Not through the package's `Axe`, which carries over what is right too, ten times as much as the pages themselves.
VIOLATIONS = """axe.run({ resultTypes: ["violations"] }).then(
  ({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html])
)"""


def problems(page: Page, url: str) -> list[str]:
    """What axe finds on a page, and whether it is wider than the window."""
    page.goto(url)
    return problems_here(page, url)


def problems_here(page: Page, url: str) -> list[str]:
    """The same of the page that is shown."""
    page.evaluate(f"{AXE_SCRIPT}\n{{{REMEMBER_COLOURS}}}")
    found = [f"{url}: {rule} {html[:150]}" for rule, html in page.evaluate(VIOLATIONS)]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
        found.append(f"{url}: wider than the window")
    return found


def with_conflict(page: Page, url: str) -> str:
    """Show what two see who edit the newsletter at `url` at once; answers the address."""
    page.goto(url + "/edit")
    page.evaluate("document.querySelector('[name=version]').value = '0'")
    page.locator("[name=text]").fill("Something else")
    page.locator("form:has([name=version]) .button-primary").click()
    page.locator("text=/Von Ihnen ist noch nichts gespeichert|Nothing of yours is saved yet/").wait_for()
    return page.url


def linked(page: Page, url: str, links: str) -> str:
    """The address of the first of these links on a page."""
    page.goto(url)
    return page.locator(links).first.evaluate("link => link.href")  # type: ignore[no-any-return]


def enter_zone(page: Page, demo: ServerProcess) -> None:
    """Sign a page in to the Client Zone, as who has placed the first order, who also asks for the link to it."""
    site = open_same_site(demo.database_url, demo.data_dir)
    with site.begin() as session:
        contact = session.scalars(select(Contact).join(Order).where(Order.id == 1)).one()
        email, token = contact.email, start_session(session, contact.id)
    site.close()
    page.request.post(f"{demo.url}/account/sign-in", form={"email": email}, headers={"origin": demo.url})
    page.context.add_cookies([{"name": zone_cookie_name(False), "value": token, "url": demo.url}])


@pytest.mark.parametrize("look", LOOKS)
def test_every_screen_passes_axe_and_fits(demo: ServerProcess, new_page: Callable[..., Page], look: str) -> None:
    visitor, staff = new_page(**LOOKS[look]), new_page(**LOOKS[look])
    # With an empty cart the checkout would lead to the cart.
    put_in = {"variant": "1", "quantity": "2"}
    visitor.request.post(f"{demo.url}/shop/cart/add", form=put_in, headers={"origin": demo.url})
    found = [problem for path in PUBLIC for problem in problems(visitor, demo.url + path)]
    enter_zone(visitor, demo)
    found += [problem for path in ZONE for problem in problems(visitor, demo.url + path)]
    sign_in(staff, demo.url)
    paths = [demo.url + path for path in DASHBOARD]
    paths += [linked(staff, demo.url + path, links) for path, links in LINKED.items()]
    found += [problem for path in paths for problem in problems(staff, path)]
    found += problems_here(staff, with_conflict(staff, f"{demo.url}/dashboard/newsletters/2"))

    assert not found, "\n".join(found)
