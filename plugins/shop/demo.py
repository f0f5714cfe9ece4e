"""Demonstration data: what a bakery sells, and two years in which people order it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import evolve, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import SYSTEM, Demo, DemoPerson, InvalidInput, Site, storing
from plugins.shop.categories import CategoryValues, add_category
from plugins.shop.demo_pictures import draw_picture
from plugins.shop.invoices import issue_invoice
from plugins.shop.models import OrderLine, Product, Voucher
from plugins.shop.orders import History, Item, NewOrder, record_order
from plugins.shop.pictures import change_pictures, save_upload
from plugins.shop.products import ProductValues, VariantValues, add_product, make_slug, variant_ids
from plugins.shop.refunds import TakeBack, refund
from plugins.shop.seller import PICKUP, TRANSFER, read_seller
from plugins.shop.states import Step, take_step
from plugins.shop.voucher_batches import add_batch
from plugins.shop.vouchers import VoucherValues, add_voucher

REDUCED, FULL = 700, 1900


@frozen
class Goods:
    """A product to come: what its variants are called, what each costs in cents and how many there are of it."""

    name: str
    description: str
    categories: tuple[str, ...]
    drawings: tuple[str, ...]
    variants: tuple[tuple[str, int, int | None], ...]
    rate: int = REDUCED
    option: str = ""


CATEGORIES: Sequence[tuple[str, str]] = (
    ("Brot", "Täglich frisch, mit Natursauerteig und langer Teigführung."),
    ("Gebäck", "Für den Frühstückstisch und zwischendurch."),
    ("Kuchen und Torten", "Ganze Kuchen bestellen Sie bitte zwei Tage vorher."),
    ("Geschenke", "Zum Verschenken, und für alle, die selbst backen."),
)
"""Name and description."""

BREAD, PASTRY, CAKES, GIFTS = (name for name, _ in CATEGORIES)

PRODUCTS: Sequence[Goods] = (
    Goods(
        "Bauernbrot",
        "Roggenmischbrot mit Natursauerteig\nKräftige Kruste, lange haltbar. Der Teig ruht 24 Stunden.",
        (BREAD,),
        ("loaf", "tin"),
        (("500 g", 340, None), ("1.000 g", 590, None), ("2.000 g", 1080, None)),
        option="Größe",
    ),
    Goods(
        "Dinkelvollkornbrot",
        "Aus frisch gemahlenem Dinkel, 750 g",
        (BREAD,),
        ("tin",),
        (("am Stück", 640, None), ("geschnitten", 640, None)),
        option="Zuschnitt",
    ),
    Goods("Walnussbrot", "Weizen und Roggen mit gerösteten Walnüssen, 500 g", (BREAD,), ("loaf",), (("", 520, None),)),
    Goods("Kartoffelbrot", "Saftig und mild, 750 g", (BREAD,), ("tin",), (("", 480, None),)),
    Goods("Baguette", "Lange Teigführung, knusprige Kruste", (BREAD, PASTRY), ("baguette",), (("", 290, None),)),
    Goods(
        "Brötchentüte",
        "Zehn Brötchen gemischt, zum Abholen ab sieben Uhr",
        (PASTRY,),
        ("rolls",),
        (("", 550, None),),
    ),
    Goods("Butterhörnchen", "Sechs Stück, mit Butter aus der Region", (PASTRY,), ("crescents",), (("", 890, None),)),
    Goods(
        "Apfelkuchen",
        "Gedeckt, mit Boskop und Zimt",
        (CAKES,),
        ("cake",),
        (("18 cm", 1650, None), ("26 cm", 2450, None)),
        option="Durchmesser",
    ),
    Goods(
        "Käsekuchen",
        "Mit Quark und Zitrone",
        (CAKES,),
        ("cake",),
        (("18 cm", 1750, None), ("26 cm", 2650, None)),
        option="Durchmesser",
    ),
    Goods(
        "Schwarzwälder Kirschtorte",
        "Für zwölf Stücke, zwei Tage vorher bestellen",
        (CAKES,),
        ("torte",),
        (("", 4200, 24),),
    ),
    Goods("Nusszopf", "Hefeteig mit Haselnuss, 600 g", (PASTRY, CAKES), ("braid",), (("", 1150, None),)),
    Goods(
        "Dresdner Stollen",
        "Im Leinensäckchen gereift",
        (CAKES, GIFTS),
        ("stollen",),
        (("500 g", 1350, 40), ("1.000 g", 2400, 60), ("2.000 g", 4500, 3)),
        option="Größe",
    ),
    Goods("Plätzchenmischung", "Neun Sorten, 500 g", (PASTRY, GIFTS), ("cookies",), (("", 1690, 40),)),
    Goods(
        "Geschenkkorb Frühstück",
        "Brot, Marmelade, Honig und Kaffee",
        (GIFTS,),
        ("basket", "rolls"),
        (("", 3900, 18),),
        FULL,
    ),
    Goods(
        "Geschenkkorb Kaffeezeit",
        "Gebäck, Kaffee und zwei Tassen",
        (GIFTS,),
        ("basket", "cookies"),
        (("", 4900, 4),),
        FULL,
    ),
    Goods(
        "Gärkorb",
        "Aus Peddigrohr",
        (GIFTS,),
        ("bowl",),
        (("rund, bis 750 g", 1650, 30), ("rund, bis 1.000 g", 1850, 35), ("lang, bis 1.000 g", 1990, 0)),
        FULL,
        "Form",
    ),
    Goods("Backbuch „Sauerteig“", "Unsere Rezepte, 160 Seiten", (GIFTS,), ("book",), (("", 2200, 50),)),
    Goods("Schürze mit Namen", "Baumwolle, bestickt", (GIFTS,), ("apron",), (("", 2900, 0),), FULL),
)
"""What a bakery sells. Of a variant without a name there is one only."""

VOUCHERS: Sequence[tuple[str, str, int, int, int | None]] = (
    ("WILLKOMMEN10", "percent", 1000, 0, None),
    ("STAMMKUNDE", "fixed", 500, 2500, 100),
)
"""Code, kind, basis points or cents, from an order of so many cents, how often in all."""

CARDS = 20
"""Gift cards; of the older orders one of so many as `PAID_WITH_CARD` is paid with one."""

CARD = 5000
"""Cents on each of them."""

PAID_WITH_CARD = 40

NOTES = ("Bitte klingeln.", "Abholung am Samstag.", "Bitte ohne Nüsse.", "Für einen Geburtstag.")

REFUNDED = 20
"""One of so many orders has a refund."""

REASON = "Beschädigt angekommen"

SHARE = 0.45
"""Of all people, those who order."""

BATCH = 100
"""Orders in one transaction: a disk waits once for all of them."""


Later = tuple[datetime, int, str]
"""When, with which order, and whether "invoice" or "refund"."""


@frozen
class Planned:
    """An order to come, and the steps it then takes."""

    new: NewOrder
    steps: Sequence[tuple[Step, datetime]]


def make_history(site: Site, demo: Demo) -> None:
    """Write products and orders through the same use cases as real visitors, the oldest first."""
    with site.begin() as session:
        products = _add_products(session, site)
        cards = iter(_add_vouchers(session, site))
    planned = [order for person in demo.people for order in _orders_of(person, demo, products)]
    planned.sort(key=lambda order: order.new.placed_at)
    later: list[Later] = []
    for start in range(0, len(planned), BATCH):
        with site.begin() as session:
            for place, order in enumerate(planned[start : start + BATCH]):
                method = PICKUP if place % 4 == 0 else TRANSFER
                steps = dict(order.steps)
                shipped = steps.get("shipped")
                history = History(paid_at=steps.get("paid"), shipped_at=shipped)
                card = next(cards, "") if place % PAID_WITH_CARD == PAID_WITH_CARD // 2 else ""
                new = evolve(order.new, payment_method=method, history=history, voucher=card)
                recorded = record_order(session, site, new)
                if "cancelled" in steps:
                    take_step(session, recorded.id, "cancelled", SYSTEM, steps["cancelled"])
                if shipped is not None:
                    later.append((shipped, recorded.id, "invoice"))
                    if place % REFUNDED == 1:
                        later.append((min(shipped + timedelta(days=1), demo.now), recorded.id, "refund"))
    # In the order of their days, so that the numbers of invoices and corrections grow with time.
    later.sort()
    for start in range(0, len(later), BATCH):
        with site.begin() as session:
            for at, order_id, what in later[start : start + BATCH]:
                if what == "refund":
                    _refund(session, order_id, at)
                elif read_seller(site).is_complete:
                    # Without an address there is none of more than €250.
                    with suppress(InvalidInput):
                        issue_invoice(session, site, order_id, SYSTEM, at)


def _refund(session: Session, order_id: int, at: datetime) -> None:
    """One piece of the order was not good."""
    line = session.scalars(select(OrderLine.id).where(OrderLine.order_id == order_id).limit(1)).one()
    refund(session, order_id, TakeBack(pieces={line: 1}, restock=False, reason=REASON), SYSTEM, at)


def _add_vouchers(session: Session, site: Site) -> Sequence[str]:
    """All vouchers; answers the codes of half of the gift cards, which orders are paid with."""
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
    # One for each visitor of the market, each good for one order.
    each = VoucherValues(
        code="",
        kind="fixed",
        value=300,
        minimum=1500,
        starts_on=None,
        ends_on=None,
        limit=1,
        limit_per_customer=None,
    )
    add_batch(session, site, "Wochenmarkt", 60, "MARKT", each, SYSTEM)
    gift = evolve(each, kind="balance", value=CARD, minimum=0, limit=None)
    batch_id = add_batch(session, site, "Geschenkgutscheine", CARDS, "GESCHENK", gift, SYSTEM)
    codes = session.scalars(select(Voucher.code).where(Voucher.batch_id == batch_id).order_by(Voucher.id))
    return list(codes)[: CARDS // 2]


def _add_products(session: Session, site: Site) -> list[int]:
    """All products; answers the ids of the variants whose stock is not counted: past orders are of these."""
    categories = {
        name: add_category(
            session,
            CategoryValues(name=name, slug=make_slug(name), description=description, position=(place + 1) * 10),
        )
        for place, (name, description) in enumerate(CATEGORIES)
    }
    uncounted: list[int] = []
    for place, goods in enumerate(PRODUCTS):
        product_id = add_product(
            session,
            site,
            ProductValues(
                name=goods.name,
                slug=make_slug(goods.name),
                description=goods.description,
                option=goods.option,
                tax_rate=goods.rate,
                position=(place + 1) * 10,
                categories=frozenset(categories[name] for name in goods.categories),
                variants=[
                    VariantValues(name=name, price=price, stock=stock, sku=f"{101 + place}-{number + 1}")
                    for number, (name, price, stock) in enumerate(goods.variants)
                ],
            ),
        )
        ids = variant_ids(session, product_id)
        uncounted += [one for one, (_, _, stock) in zip(ids, goods.variants, strict=True) if stock is None]
    return uncounted


def add_pictures(site: Site) -> None:
    """Draw the pictures of the products that are there."""
    with site.session() as session:
        ids = {slug: product_id for product_id, slug in session.execute(select(Product.id, Product.slug))}
    with storing(site.settings.data_dir) as store:
        drawn = [
            (ids[make_slug(goods.name)], save_upload(store, *draw_picture(drawing)))
            for goods in PRODUCTS
            for drawing in goods.drawings
        ]
        with site.begin() as session:
            for product_id, picture in drawn:
                change_pictures(session, product_id, {}, [picture])


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
            items=[Item(variant_id=one, quantity=random.choice((1, 1, 1, 2, 2, 3))) for one in chosen],
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
