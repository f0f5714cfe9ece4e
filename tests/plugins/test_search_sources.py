"""What the bundled plugins add to the search for everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from core.settings import Settings
from core.site import Site, open_site
from core.values import SearchHit
from plugins.booking.models import BookingAppointment, BookingService
from plugins.shop.models import Order, OrderCounter, Voucher
from plugins.shop.products import ProductValues, VariantValues, add_product

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    site = open_site(Settings(data_dir=tmp_path, database_url=database_url))
    yield site
    site.close()


def search(site: Site, key: str, text: str) -> list[SearchHit]:
    [source] = [one for one in site.contributions.search_sources if one.key == key]
    with site.session() as session:
        return list(source.search(session, text, 8))


def titles(site: Site, key: str, text: str) -> list[str]:
    return [hit.title for hit in search(site, key, text)]


def test_the_shop_finds_orders_by_number_products_by_name_and_vouchers_by_code(site: Site) -> None:
    with site.begin() as session:
        session.add_all(OrderCounter(year=year, last=12) for year in (2025, 2026))
        for number in ("2025-0007", "2026-0007", "2026-0070", "2026-0012"):
            session.add(
                Order(
                    number=number, token=number, checkout_key=number, currency="EUR", total=100, email="a@example.org",
                    name="Anna Müller", placed_at=NOW,
                )
            )  # fmt: skip
        variant = VariantValues(price=100, sku="B-7")
        add_product(session, site, ProductValues(slug="b", name="Brötchen, dunkel", tax_rate=700, variants=[variant]))
        session.execute(
            insert(Voucher),
            [{"code": "SOMMER-26", "code_key": "sommer26", "kind": "percent", "value": 1000, "currency": "EUR"}],
        )

    assert titles(site, "shop.orders", "2026-00") == ["2026-0070", "2026-0012", "2026-0007"]
    assert titles(site, "shop.orders", "7") == ["2026-0007", "2025-0007"]
    assert search(site, "shop.orders", "2026-0012")[0].detail == "Anna Müller"
    assert titles(site, "shop.orders", "%") == titles(site, "shop.orders", "9" * 30) == []
    assert titles(site, "shop.products", "broet") == []
    assert titles(site, "shop.products", "dunkel brot") == titles(site, "shop.products", "b-7") == ["Brötchen, dunkel"]
    assert titles(site, "shop.vouchers", "sommer 2") == ["SOMMER-26"]


def test_booking_finds_upcoming_appointments_and_any_by_its_number(site: Site) -> None:
    with site.begin() as session:
        session.add(BookingService(name="Haarschnitt", slug="haarschnitt", minutes=30))
        for days, name in ((-3, "Anna Müller"), (2, "Berta Müller"), (1, "Cem Çelik")):
            starts = datetime.now(UTC) + timedelta(days=days)
            session.add(
                BookingAppointment(
                    service_name="Haarschnitt", starts_at=starts, ends_at=starts + timedelta(minutes=30),
                    email=f"{days}@example.org", name=name, token_hash=name, booked_at=NOW,
                )
            )  # fmt: skip
            session.flush()

    assert titles(site, "booking.appointments", "muller") == ["Berta Müller"]
    assert titles(site, "booking.appointments", "haar") == ["Cem Çelik", "Berta Müller"]
    assert titles(site, "booking.appointments", "1001") == ["Anna Müller"]
    assert titles(site, "booking.services", "HAAR") == ["Haarschnitt"]


def test_forms_are_found_by_their_name_in_both_languages(site: Site) -> None:
    assert titles(site, "forms.forms", "kontakt") == titles(site, "forms.forms", "contact") == ["Contact"]
    assert titles(site, "forms.forms", "nothing") == []
