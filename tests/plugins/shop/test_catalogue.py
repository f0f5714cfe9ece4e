"""The catalogue, from outside: variants, pictures, categories, and finding what is sold (FEATURES S1, S2)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from PIL import Image
from sqlalchemy import insert, select, text

from core.contacts.files import file_path
from core.database.engine import open_database
from core.database.migrate import Migrations, downgrade, upgrade
from core.site import Site
from core.state import save_setting
from core.testing import count_queries, make_client, sign_in
from plugins.shop import demo, products
from plugins.shop import plugin as shop
from plugins.shop.demo_pictures import DRAWINGS, draw_picture
from plugins.shop.models import Category, Order, OrderLine, Picture, Product, ProductCategory, Variant
from plugins.shop.products import ProductValues, VariantValues, add_product, edit_product, variant_ids
from plugins.shop.stock import OutOfStock
from tests.plugins.shop.helpers import PERSON, Client, add, check_out, count, everything, order, put_in, stock_of
from tests.plugins.shop.test_races import at_once
from tests.plugins.shop.test_selling import lead

SHELF = "/dashboard/shop/products"
SIZES = (("500 g", 340, None, "B-1"), ("1.000 g", 590, 5, "B-2"), ("2.000 g", 1080, 0, ""))


def add_bread(site: Site, *, categories: frozenset[int] = frozenset()) -> tuple[int, list[int]]:
    """A product in three sizes, the last sold out; answers its id and its variants'."""
    values = ProductValues(
        name="Bread",
        slug="bread",
        tax_rate=700,
        option="Size",
        categories=categories,
        variants=[VariantValues(name=name, price=price, stock=stock, sku=sku) for name, price, stock, sku in SIZES],
    )
    with site.begin() as session:
        product_id = add_product(session, site, values)
        return product_id, variant_ids(session, product_id)


def add_category(site: Site, name: str, *slugs: str) -> int:
    with site.begin() as session:
        category = Category(slug=name.lower(), name=name)
        session.add(category)
        session.flush()
        for product_id in session.scalars(select(Product.id).where(Product.slug.in_(slugs))):
            session.add(ProductCategory(product_id=product_id, category_id=category.id))
        return category.id


# Variants


def test_s1_each_product_of_before_becomes_one_with_one_variant_and_back(database_url: str) -> None:
    database = open_database(database_url)
    migrations = Migrations(owner="shop", folder=Path(shop.__file__).parent / "migrations")
    downgrade(database, migrations, "0002")
    product = (
        "INSERT INTO shop_products (id, slug, name, description, price, currency, tax_rate, stock, active, position, "
        "created_at) VALUES (:id, :slug, :slug, '', :price, 'EUR', 700, :stock, true, 1, '2026-01-01')"
    )
    with database.begin() as session:
        session.execute(text(product), [
            {"id": 3, "slug": "Käse", "price": 590, "stock": 4}, {"id": 7, "slug": "b", "price": 100, "stock": None},
        ])  # fmt: skip
        session.execute(
            text("INSERT INTO shop_carts (id, token_hash, checkout_key, updated_at) VALUES (1, 'x', 'y', '2026-01-01')")
        )
        session.execute(text("INSERT INTO shop_cart_lines VALUES (1, 3, 2), (1, 7, 1)"))

    upgrade(database, [migrations])

    with database.begin() as session:
        rows = session.execute(select(Variant.id, Variant.product_id, Variant.price, Variant.stock)).all()
        assert sorted(rows) == [(3, 3, 590, 4), (7, 7, 100, None)]
        assert session.scalar(select(Product.search_text).where(Product.id == 3)) == "kase"
        lines = session.execute(text("SELECT variant_id, quantity FROM shop_cart_lines ORDER BY 1")).all()
        assert lines == [(3, 2), (7, 1)]
        # The next id is given by the database again.
        session.add(Variant(product_id=3, name="large", price=900, currency="EUR", position=1))
    downgrade(database, migrations, "0002")
    with database.session() as session:
        rows = session.execute(text("SELECT id, price, currency, stock FROM shop_products ORDER BY id")).all()
        assert rows == [(3, 590, "EUR", 4), (7, 100, "EUR", None)]
        assert session.execute(text("SELECT product_id, quantity FROM shop_cart_lines ORDER BY 1")).all() == lines
    upgrade(database, [migrations])
    database.dispose()


def test_s1_a_visitor_chooses_a_variant_and_the_order_names_it(site: Site, client: Client) -> None:
    _, (small, middle, large) = add_bread(site)
    shelf, page = client.get("/shop").text, client.get("/shop/products/bread").text
    assert "from €3.40" in shelf
    assert "3 variants" in shelf
    assert "/shop/cart/add" not in shelf
    assert re.search(rf'value="{small}" checked', page)
    assert re.search(rf'value="{large}" disabled', page)
    before = everything(site)
    put_in(client, large)
    client.post("/shop/cart/add", data={"quantity": "1"})
    assert everything(site) == before

    put_in(client, middle, 2)
    put_in(client, small)
    assert "Bread, 1.000 g" in client.get("/shop/cart").text
    answer = check_out(client)

    assert "Bread, 1.000 g" in client.get(answer.headers["location"]).text
    with site.session() as session:
        lines = session.execute(
            select(OrderLine.name, OrderLine.variant_id, OrderLine.unit_price, OrderLine.quantity).order_by(
                OrderLine.variant_id
            )
        ).all()
    assert lines == [("Bread, 500 g", small, 340, 1), ("Bread, 1.000 g", middle, 590, 2)]
    assert [stock_of(site, one) for one in (small, middle, large)] == [None, 3, 0]


def typed(page: str) -> dict[str, str]:
    """The variants' fields of a product's form, as a browser would send them."""
    found = re.findall(r'<input[^>]*name="([a-z_]+-\d+)"[^>]*>', page)
    values = {name: re.search(rf'name="{name}"[^>]*?value="([^"]*)"', page) for name in found}
    return {
        name: value[1] if value else "" for name, value in values.items() if not name.startswith(("remove", "quantity"))
    }


def test_s1_staff_write_variants_in_the_form_of_the_product(site: Site, client: Client) -> None:
    sign_in(site, client)
    data = {"name": "Tea", "tax_rate": "7", "price-0": "4,50", "stock-0": "3"}
    more = client.post(f"{SHELF}/new", data={**data, "more": "1"})
    assert more.status_code == 200
    assert 'name="price-3"' in more.text
    assert 'value="4,50"' in more.text
    assert count(site, Product) == 0

    # One without a name is refused beside its field; rows that were left empty are none.
    data |= {"option": "Weight", "variant-1": "100 g", "price-1": "8", "stock-1": "", "price-2": "", "sku-1": "T-1"}
    refused = client.post(f"{SHELF}/new", data=data)
    assert refused.status_code == 422
    assert 'id="field-variant-0-error"' in refused.text
    client.post(f"{SHELF}/new", data={**data, "variant-0": "50 g"})
    with site.session() as session:
        product_id = session.scalars(select(Product.id)).one()
        rows = session.execute(
            select(Variant.name, Variant.price, Variant.stock, Variant.sku).order_by(Variant.position)
        ).all()
    assert rows == [("50 g", 450, 3, None), ("100 g", 800, None, "T-1")]

    path = f"{SHELF}/{product_id}"
    fields = {"name": "Tea", "slug": "tea", "tax_rate": "7", **typed(client.get(path).text)}
    for wrong in ({"variant-1": "50 G"}, {"price-1": "x"}, {"remove-0": "1", "remove-1": "1"}, {"id-1": "4711"}):
        before = everything(site)
        assert client.post(path, data=fields | wrong).status_code in (409, 422), wrong
        assert everything(site) == before
    assert client.post(path, data={**fields, "remove-0": "1"}, follow_redirects=False).status_code == 303

    with site.session() as session:
        assert session.scalars(select(Variant.name)).all() == ["100 g"]
        # A number belongs to one variant of the shop.
    other = client.post(f"{SHELF}/new", data={"name": "Other", "tax_rate": "7", "price-0": "1", "sku-0": "T-1"})
    assert other.status_code == 422
    assert 'id="field-sku-0-error"' in other.text


def _take_one_number_at_once(client: Client, name: str = "N") -> list[int]:
    """Four add a product with the same number; answers the status of what each gets, in order."""
    data = {"tax_rate": "7", "price-0": "1", "sku-0": "T-1"}
    answers = at_once(
        4, lambda index: client.post(f"{SHELF}/new", data={**data, "name": f"{name}{index}"}, follow_redirects=False)
    )
    return sorted(one.status_code for one in answers)


def test_s1_a_number_that_four_products_take_at_once_is_one_products(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(site, client)

    assert _take_one_number_at_once(client) == [303, 422, 422, 422]
    assert count(site, Product) == count(site, Variant) == 1

    # Nor does it take the look before: the unique key alone decides, and the page says the same.
    monkeypatch.setattr(products, "_check_numbers", lambda *_: None)
    assert _take_one_number_at_once(client, "Other") == [422] * 4
    assert count(site, Product) == count(site, Variant) == 1


def test_s1_control_without_the_unique_key_four_products_have_one_number(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(site, client)
    monkeypatch.setattr(products, "_check_numbers", lambda *_: None)
    with site.database.engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("shop_variants") as batch:
            batch.drop_constraint("uq_shop_variants_sku")

    assert _take_one_number_at_once(client) == [303] * 4
    with site.session() as session:
        assert session.scalars(select(Variant.sku)).all() == ["T-1"] * 4


def test_t_f1_what_a_mistake_brings_back_does_not_undo_an_order(site: Site, client: Client) -> None:
    sign_in(site, client)
    cake = add(site, "Cake", stock=5)
    path = f"{SHELF}/{cake}"
    fields = {"name": "Cake", "slug": "cake", "tax_rate": "7", **typed(client.get(path).text)}
    order(site, (cake, 2))

    refused = client.post(path, data={**fields, "price-0": "x"})
    client.post(path, data={**fields, **typed(refused.text), "price-0": "9"})

    assert stock_of(site, cake) == 3


def test_s1_two_who_add_the_same_variant_at_once_end_with_one(site: Site) -> None:
    assert _add_large_at_once(site) == 1


def test_s1_control_without_the_check_behind_the_lock_there_are_several(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_check_names", lambda *_: None)

    assert _add_large_at_once(site) > 1


def _add_large_at_once(site: Site) -> int:
    product_id, _ = add_bread(site)

    def work(_index: int) -> None:
        large = VariantValues(name="Large", price=100)
        values = ProductValues(name="Bread", slug="bread", tax_rate=700, variants=[large])
        with site.begin() as session:
            edit_product(session, site, product_id, values)

    at_once(4, work)
    with site.session() as session:
        return len(session.scalars(select(Variant.id).where(Variant.name == "Large")).all())


def test_orders_and_edits_at_once_do_not_wait_in_a_circle(site: Site) -> None:
    product_id, (small, middle, _) = add_bread(site)

    def work(index: int) -> Any:
        if index % 3:
            return order(site, (middle, 1), (small, 1), email=f"person{index % 4}@example.org")
        variants = [
            VariantValues(id=small, name="500 g", price=340, sku=f"S-{index}"),
            VariantValues(id=middle, name="1.000 g", price=590, stock=5, seen_stock="5", sku=f"M-{index}"),
        ]
        values = ProductValues(name="Bread", slug=f"bread-{index}", tax_rate=700, variants=variants)
        with site.begin() as session:
            return edit_product(session, site, product_id, values)

    results = at_once(12, work)

    assert [one for one in results if isinstance(one, Exception) and not isinstance(one, OutOfStock)] == []
    assert stock_of(site, middle) == 0
    assert count(site, Order) == 5


# Pictures


def picture(kind: str = "JPEG", size: tuple[int, int] = (90, 60)) -> bytes:
    image, target, exif = Image.new("RGB", size, "red"), io.BytesIO(), Image.Exif()
    exif[0x010E] = "Taken at home"
    image.save(target, kind, exif=exif)
    return target.getvalue()


def upload(client: Client, path: str, *files: bytes, **fields: str) -> Any:
    sent = [("files", (f"{number}.jpg", content, "image/jpeg")) for number, content in enumerate(files)]
    return client.post(path, data=fields, files=sent or [("files", ("", b"", ""))], follow_redirects=False)


def files_of(site: Site) -> set[str]:
    folder = site.settings.data_dir / "files"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_s1_t_u5_pictures_are_made_anew_put_in_order_and_removed(site: Site, client: Client) -> None:
    sign_in(site, client)
    product_id, _ = add_bread(site)
    path = f"{SHELF}/{product_id}/pictures"

    assert upload(client, path, picture(), picture("PNG", (2000, 500))).status_code == 303
    with site.session() as session:
        first, second = session.scalars(select(Picture).order_by(Picture.position)).all()
    assert (second.width, second.height) == (1280, 320)
    with make_client(site) as visitor:
        answer = visitor.get(f"/shop/pictures/{first.large}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "immutable" in answer.headers["cache-control"]
        assert b"Taken at home" not in answer.content
        assert Image.open(io.BytesIO(visitor.get(f"/shop/pictures/{first.small}").content)).size == (640, 480)
        for other in ("0" * 32 + ".webp", "..%2f..%2ftresen.sqlite", "x"):
            assert visitor.get(f"/shop/pictures/{other}").status_code == 404
    assert client.get("/shop").text.count("<img") == 1

    upload(client, path, **{f"alt-{first.id}": "", f"alt-{second.id}": "A <b>bread</b>", f"position-{second.id}": "0"})
    page = client.get("/shop/products/bread").text
    assert page.index(second.large) < page.index(first.small)
    assert 'alt="A &lt;b&gt;bread&lt;/b&gt;"' in page
    assert first.large in client.get("/shop/products/bread?picture=2").text
    assert client.get("/shop/products/bread?picture=99").status_code == 200

    upload(client, path, **{f"alt-{first.id}": "", f"remove-{first.id}": "1"})
    assert files_of(site) == {second.large, second.small}
    assert client.get(f"/shop/pictures/{first.large}").status_code == 404


def test_t_u1_t_u2_a_picture_that_is_none_is_refused_and_nothing_is_kept(site: Site, client: Client) -> None:
    sign_in(site, client)
    product_id, _ = add_bread(site)
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"

    for bad in (svg, b"GIF89a<script>", picture()[:200], b"x" * 10_000_001):
        answer = upload(client, f"{SHELF}/{product_id}/pictures", picture(), bad)

        assert answer.status_code == 422
        assert 'id="field-files-error"' in answer.text
        assert (count(site, Picture), files_of(site)) == (0, set())
    assert upload(client, f"{SHELF}/{product_id}/pictures", *[picture()] * 13).status_code == 422
    assert (count(site, Picture), files_of(site)) == (0, set())


def test_h7_pictures_and_categories_are_for_those_who_edit_products(site: Site, client: Client) -> None:
    sign_in(site, client, "assistant")
    product_id, _ = add_bread(site)
    category = add_category(site, "Loaves", "bread")
    before = everything(site)

    assert upload(client, f"{SHELF}/{product_id}/pictures", picture()).status_code == 403
    for path in ("/dashboard/shop/categories/new", f"/dashboard/shop/categories/{category}"):
        assert client.post(path, data={"name": "Mine"}).status_code == 403
    assert client.post(f"/dashboard/shop/categories/{category}/delete").status_code == 403

    assert (everything(site), files_of(site)) == (before, set())


def test_a_file_of_a_contact_is_not_found_among_the_pictures(site: Site, client: Client) -> None:
    name = "a" * 32 + ".webp"
    path = file_path(site.settings.data_dir, name)
    path.parent.mkdir(parents=True)
    path.write_bytes(picture())

    assert client.get(f"/shop/pictures/{name}").status_code == 404


def test_the_demonstration_draws_its_pictures(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PRODUCTS", demo.PRODUCTS[:1])
    with site.begin() as session:
        demo._add_products(session, site)

    demo.add_pictures(site)

    page = client.get("/shop/products/bauernbrot").text
    assert page.count("/shop/pictures/") == 3
    assert DRAWINGS["loaf"][2] in page
    for name in DRAWINGS:
        Image.open(draw_picture(name)[0]).verify()


# Categories, and finding


def test_s1_categories_are_shelves_of_the_shop(site: Site, client: Client) -> None:
    sign_in(site, client)
    add_bread(site)
    add(site, "Cup")
    assert "tabs" not in client.get("/shop").text
    client.post("/dashboard/shop/categories/new", data={"name": "Brot & Brötchen", "description": "Fresh"})
    client.post("/dashboard/shop/categories/new", data={"name": "Empty"})
    with site.session() as session:
        bread, empty = session.scalars(select(Category).order_by(Category.id)).all()
        product_id = session.scalar(select(Product.id).where(Product.slug == "bread"))
    path = f"{SHELF}/{product_id}"
    fields = {"name": "Bread", "slug": "bread", "tax_rate": "7", "option": "Size", **typed(client.get(path).text)}
    client.post(path, data={**fields, "category": [str(bread.id), "4711", "x"]})

    page = client.get(f"/shop/categories/{bread.slug}").text
    assert bread.slug == "brot-broetchen"
    assert "Fresh" in page
    assert "Cup" not in page
    assert "/shop/categories/empty" not in page
    assert client.get("/shop/categories/empty").status_code == 200
    assert client.get("/shop/categories/none").status_code == 404
    assert f'value="{bread.id}" checked' in client.get(path).text
    assert (
        client.post(f"/dashboard/shop/categories/{empty.id}", data={"name": "X", "slug": bread.slug}).status_code == 422
    )
    client.post(f"/dashboard/shop/categories/{bread.id}/delete")
    assert client.get(f"/shop/categories/{bread.slug}").status_code == 404
    assert (count(site, ProductCategory), count(site, Product)) == (0, 2)
    assert client.post(f"/dashboard/shop/categories/{bread.id}/delete").status_code == 404


def add_many(site: Site, number: int, start: int = 0) -> None:
    with site.begin() as session:
        for index in range(start, start + number):
            product = Product(slug=f"p{index}", name=f"Item {index:03}", tax_rate=0, search_text=f"item {index:03}")
            session.add(product)
            session.flush()
            rows = [{"product_id": product.id, "name": name, "price": 5, "currency": "EUR"} for name in ("a", "b")]
            session.execute(insert(Variant), rows)
            session.add(Picture(product_id=product.id, large=f"l{index}", small=f"s{index}", width=4, height=3))


def test_the_shop_is_shown_in_pages_with_as_many_queries_for_one_product_as_for_fifty(
    site: Site, client: Client
) -> None:
    sign_in(site, client)
    add_many(site, 1)
    paths = ("/shop", SHELF, "/dashboard/shop/orders/new?email=new@example.org")
    client.get("/shop")
    queries = []
    for path in paths:
        with count_queries(site) as counted:
            client.get(path)
        queries.append(sum("shop_" in one for one in counted.statements))
    add_many(site, 59, start=1)

    for path, expected in zip(paths, queries, strict=True):
        with count_queries(site) as counted:
            first = client.get(path)
        assert sum("shop_" in one for one in counted.statements) == expected, (path, counted.statements)
    for path in paths[:2]:
        first = client.get(path).text
        assert ("Item 047" in first, "Item 048" in first) == (True, False)
        following = re.search(r'href="([^"]+)"[^>]*rel="next"', first)
        assert following is not None
        second = client.get(following[1].replace("&amp;", "&")).text
        assert ("Item 047" in second, "Item 048" in second, "Item 059" in second) == (False, True, True)
        assert "Item 007" in client.get(f"{path}?q=ITEM+007").text
        assert "No product fits" in client.get(f"{path}?q=%25").text
    assert client.get("/shop?after=x&picture=y").status_code == 200


def test_s2_staff_find_a_product_in_the_order_form_and_keep_what_they_chose(site: Site, client: Client) -> None:
    sign_in(site, client)
    add_many(site, 30)
    _, (small, middle, large) = add_bread(site)
    path = f"/dashboard/shop/orders/new?contact={lead(site)}"
    page = client.get(path).text
    assert "Bread, 500 g" not in page
    assert "There are more products" in page
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    data = {"key": key[1], "name": "", "street": "Typed 7", "find": "b-2", "search": "1"}
    before = everything(site)

    # One word of the number finds all sizes of it, with what is in stock; nothing is ordered or complained about yet.
    found = client.post(path, data=data)
    assert found.status_code == 200
    assert 'value="Typed 7"' in found.text
    assert "field-name-error" not in found.text
    for shown in (f'name="quantity-{small}"', f'name="quantity-{middle}"', "€5.90", "B-2"):
        assert shown in found.text, shown
    assert re.search(rf'name="quantity-{large}"[^>]* disabled', found.text)
    data |= {f"quantity-{middle}": "2", "find": "item 029"}
    again = client.post(path, data=data).text
    assert re.search(rf'name="quantity-{middle}" value="2"', again)
    assert "Item 029" in again
    assert everything(site) == before

    del data["search"]
    answer = client.post(path, data={**data, "name": "Lea"}, follow_redirects=False)

    assert answer.status_code == 303
    with site.session() as session:
        assert session.execute(select(OrderLine.name, OrderLine.quantity)).all() == [("Bread, 1.000 g", 2)]


# The checkout


def test_the_checkout_leads_to_the_privacy_policy(site: Site) -> None:
    clean = next(one.clean for one in shop.settings_fields() if one.key == "shop.privacy_policy")
    assert clean is not None
    for address in ("https://example.org/privacy?a=b", "/privacy", ""):
        assert clean(f" {address} ") == address
    for address in ("javascript:alert(1)", "//evil.example", "/\\evil", "https:evil", "data:text/html,x", "privacy"):
        with pytest.raises(Exception, match="Enter a page of this site"):
            clean(address)

    bread = add(site)
    with site.begin() as session:
        save_setting(session, "shop.privacy_policy", "https://example.org/privacy")
    with make_client(site.refreshed()) as client:
        put_in(client, bread)
        page = client.get("/shop/checkout").text
        refused = client.post("/shop/checkout", data={**PERSON, "name": ""}).text
    for one in (page, refused):
        assert '<a href="https://example.org/privacy" target="_blank" rel="noopener">' in one
