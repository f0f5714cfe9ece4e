"""What the shop's tests do again and again."""

from __future__ import annotations

import re
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import func, select

from core.contacts.models import Contact
from core.database.base import Base
from core.site import Site
from core.values import Details
from core.web.application import Application
from plugins.shop.models import Order, Variant
from plugins.shop.orders import Item, NewOrder, RecordedOrder, record_order
from plugins.shop.products import ProductValues, VariantValues, add_product, make_slug, variant_ids
from tests.support.dumps import Dump, rows_of

Client = TestClient[Application]

PERSON = {
    "email": "Anna.Mueller@example.org",
    "name": "Anna Müller",
    "phone": "030 123456",
    "street": "Lindenstraße 4",
    "postal_code": "10969",
    "city": "Berlin",
    "country": "DE",
}

SELLER = {
    "shop.seller_name": "Bäckerei Krume GmbH",
    "shop.seller_address": "Mühlengasse 3\n79098 Freiburg",
    "shop.vat_id": "DE123456789",
    "shop.iban": "DE89370400440532013000",
    "shop.mail_paid": "yes",
}
"""Settings of a site that can make invoices."""

DETAILS = Details(**{name: value for name, value in PERSON.items() if name != "email"})


def add(site: Site, name: str = "Rye bread", price: int = 590, rate: int = 700, stock: int | None = None) -> int:
    """Add a product; answers the id of its only variant."""
    values = ProductValues(
        name=name,
        slug=make_slug(name),
        tax_rate=rate,
        variants=[VariantValues(price=price, stock=stock)],
    )
    with site.begin() as session:
        return variant_ids(session, add_product(session, site, values))[0]


def product_of(site: Site, variant_id: int) -> int:
    with site.session() as session:
        return session.get_one(Variant, variant_id).product_id


def order(site: Site, *items: tuple[int, int], email: str = "anna@example.org", **values: Any) -> RecordedOrder:
    new = NewOrder(
        email=email,
        details=values.pop("details", DETAILS),
        items=[Item(variant_id=variant, quantity=quantity) for variant, quantity in items],
        **values,
    )
    with site.begin() as session:
        return record_order(session, site, new)


def count(site: Site, model: type[Base]) -> int:
    with site.session() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def everything(site: Site) -> Dump:
    """All rows of all tables: what must be the same after something was refused."""
    return rows_of(
        site, [table for table in Base.metadata.tables.values() if table.name.startswith(("shop_", "contact"))]
    )


def stock_of(site: Site, variant_id: int) -> int | None:
    with site.session() as session:
        return session.scalar(select(Variant.stock).where(Variant.id == variant_id))


def only_order(site: Site) -> Order:
    with site.session() as session:
        return session.scalars(select(Order)).one()


def contact(site: Site, key: str = "anna.mueller@example.org") -> Contact:
    with site.session() as session:
        return session.scalars(select(Contact).where(Contact.email_key == key)).one()


def put_in(client: Client, variant_id: int, quantity: object = 1, **more: Any) -> Any:
    return client.post(
        "/shop/cart/add",
        data={"variant": str(variant_id), "quantity": str(quantity), **more},
        follow_redirects=False,
    )


def offer(client: Client) -> str:
    """The hidden value of the checkout form."""
    page = client.get("/shop/checkout").text
    found = re.search(r'name="offer" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def check_out(client: Client, **changes: str) -> Any:
    """Send the checkout form."""
    data = {"offer": changes.pop("offer", "") or offer(client), **PERSON, **changes}
    return client.post("/shop/checkout", data=data, follow_redirects=False)
