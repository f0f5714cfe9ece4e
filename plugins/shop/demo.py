"""Demonstration data: what a bakery sells, and two years in which people order it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from sqlalchemy.orm import Session

from core import SYSTEM, Demo, DemoPerson, Site
from plugins.shop.models import Product
from plugins.shop.orders import Item, NewOrder, record_order
from plugins.shop.products import make_slug
from plugins.shop.states import Step, take_step
from plugins.shop.vouchers import VoucherValues, add_voucher

REDUCED, FULL = 700, 1900

PRODUCTS: Sequence[tuple[str, str, int, int, int | None]] = (
    ("Bauernbrot", "Roggenmischbrot mit Natursauerteig, 1.000 g", 590, REDUCED, None),
    ("Dinkelvollkornbrot", "Aus frisch gemahlenem Dinkel, 750 g", 640, REDUCED, None),
    ("Walnussbrot", "Weizen und Roggen mit gerösteten Walnüssen, 500 g", 520, REDUCED, None),
    ("Kartoffelbrot", "Saftig und mild, 750 g", 480, REDUCED, None),
    ("Baguette", "Lange Teigführung, knusprige Kruste", 290, REDUCED, None),
    ("Brötchentüte", "Zehn Brötchen gemischt, zum Abholen ab sieben Uhr", 550, REDUCED, None),
    ("Butterhörnchen", "Sechs Stück, mit Butter aus der Region", 890, REDUCED, None),
    ("Apfelkuchen", "Gedeckt, mit Boskop und Zimt, 26 cm", 2450, REDUCED, None),
    ("Käsekuchen", "Mit Quark und Zitrone, 26 cm", 2650, REDUCED, None),
    ("Schwarzwälder Kirschtorte", "Für zwölf Stücke, zwei Tage vorher bestellen", 4200, REDUCED, 24),
    ("Nusszopf", "Hefeteig mit Haselnuss, 600 g", 1150, REDUCED, None),
    ("Dresdner Stollen", "Im Leinensäckchen gereift, 1.000 g", 2400, REDUCED, 60),
    ("Plätzchenmischung", "Neun Sorten, 500 g", 1690, REDUCED, 40),
    ("Geschenkkorb Frühstück", "Brot, Marmelade, Honig und Kaffee", 3900, FULL, 18),
    ("Geschenkkorb Kaffeezeit", "Gebäck, Kaffee und zwei Tassen", 4900, FULL, 4),
    ("Gärkorb", "Peddigrohr, für Brote bis 1.000 g", 1850, FULL, 35),
    ("Backbuch „Sauerteig“", "Unsere Rezepte, 160 Seiten", 2200, REDUCED, 50),
    ("Schürze mit Namen", "Baumwolle, bestickt", 2900, FULL, 0),
)
"""Name, description, price in cents with the tax in it, tax rate in basis points, stock."""

VOUCHERS: Sequence[tuple[str, str, int, int, int | None]] = (
    ("WILLKOMMEN10", "percent", 1000, 0, None),
    ("STAMMKUNDE", "fixed", 500, 2500, 100),
)
"""Code, kind, basis points or cents, from an order of so many cents, how often in all."""

NOTES = ("Bitte klingeln.", "Abholung am Samstag.", "Bitte ohne Nüsse.", "Für einen Geburtstag.")

SHARE = 0.45
"""Of all people, those who order."""

BATCH = 100
"""Orders in one transaction: a disk waits once for all of them."""


@frozen
class Planned:
    """An order to come, and the steps it then takes."""

    new: NewOrder
    steps: Sequence[tuple[Step, datetime]]


def make_history(site: Site, demo: Demo) -> None:
    """Write products and orders through the same use cases as real visitors, the oldest first."""
    with site.begin() as session:
        products = _add_products(session, site)
        _add_vouchers(session, site)
    planned = [order for person in demo.people for order in _orders_of(person, demo, products)]
    planned.sort(key=lambda order: order.new.placed_at)
    for start in range(0, len(planned), BATCH):
        with site.begin() as session:
            for order in planned[start : start + BATCH]:
                recorded = record_order(session, site, order.new)
                for step, at in order.steps:
                    take_step(session, recorded.id, step, SYSTEM, at)


def _add_vouchers(session: Session, site: Site) -> None:
    for code, kind, value, minimum, limit in VOUCHERS:
        voucher = VoucherValues(
            code=code,
            kind=kind,
            value=value,
            minimum=minimum,
            starts_on=None,
            ends_on=None,
            limit=limit,
            limit_per_customer=1,
        )
        add_voucher(session, site, voucher)


def _add_products(session: Session, site: Site) -> list[int]:
    """All products; answers the ids of those whose stock is not counted: past orders are of these."""
    made = [
        Product(
            slug=make_slug(name),
            name=name,
            description=description,
            price=price,
            currency=site.setting("shop.currency"),
            tax_rate=rate,
            stock=stock,
            position=(place + 1) * 10,
        )
        for place, (name, description, price, rate, stock) in enumerate(PRODUCTS)
    ]
    session.add_all(made)
    session.flush()
    return [product.id for product in made if product.stock is None]


def _orders_of(person: DemoPerson, demo: Demo, products: Sequence[int]) -> list[Planned]:
    random = demo.random
    if random.random() > SHARE:
        return []
    count = random.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 8))
    times = sorted(demo.moment(person) for _ in range(count))
    # Most people come to the site with their first order.
    times[0] = person.since
    details = person.details
    moves_at = random.randint(1, count) if person.moved_to else None
    planned = []
    for turn, when in enumerate(times):
        if turn == moves_at and person.moved_to is not None:
            details = person.moved_to
        chosen = random.sample(products, random.choice((1, 1, 2, 2, 3, 4)))
        new = NewOrder(
            # Some write their address another way each time.
            email=person.email.upper() if random.random() < 0.03 else person.email,
            details=details,
            items=[Item(product_id=one, quantity=random.choice((1, 1, 1, 2, 2, 3))) for one in chosen],
            note=random.choice(NOTES) if random.random() < 0.15 else "",
            placed_at=when,
        )
        planned.append(Planned(new, _steps(when, demo)))
    return planned


def _steps(placed_at: datetime, demo: Demo) -> list[tuple[Step, datetime]]:
    """Old orders are shipped, some cancelled, and the newest still open."""
    random = demo.random

    def later(hours: float) -> datetime:
        return placed_at + timedelta(hours=hours)

    if random.random() < 0.05:
        plan: list[tuple[Step, datetime]] = [("cancelled", later(random.uniform(1, 30)))]
    else:
        paid = random.uniform(1, 90)
        plan = [("paid", later(paid)), ("shipped", later(paid + random.uniform(5, 60)))]
    return [(step, at) for step, at in plan if at <= demo.now]
