"""What staff see of the shop's shelves: categories, and the pictures of a product."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.exc import IntegrityError

from core import Form, FormInput, InvalidInput, Request, get, post, remove_bytes, storing
from plugins.shop.catalogue import get_product
from plugins.shop.categories import (
    CategoryView,
    add_category,
    all_categories,
    delete_category,
    edit_category,
    get_category,
    read_category_form,
)
from plugins.shop.forms import just_taken, summary
from plugins.shop.pictures import MAX_ALT, MAX_PICTURES, PictureChange, SavedPicture, change_pictures, save_upload

CATEGORIES = "/dashboard/shop/categories"
PICTURES = "/dashboard/shop/products/{product_id:int}/pictures"


@get(CATEGORIES, permission="shop.products")
def show_categories(request: Request) -> Response[str]:
    """All categories."""
    with request.site.session() as session:
        categories = all_categories(session)
    return request.page("shop/categories.html", categories=categories)


@get(f"{CATEGORIES}/new", permission="shop.products")
def new_category(request: Request) -> Response[str]:
    """The form for a new category."""
    return _category_form(request, Form(), None)


@post(f"{CATEGORIES}/new", permission="shop.products", max_body=100_000)
def create_category(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a category."""
    values = read_category_form(form)
    if values is not None:
        try:
            with request.site.begin() as session:
                add_category(session, values)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(CATEGORIES, "%(name)s is added.", name=values.name)
    return _category_form(request, form, None, 422)


@get(f"{CATEGORIES}/{{category_id:int}}", permission="shop.products")
def show_category(request: Request, category_id: FromPath[int]) -> Response[str]:
    """The form to change a category."""
    with request.site.session() as session:
        category = get_category(session, category_id)
    typed = {
        "name": category.name,
        "slug": category.slug,
        "description": category.description,
        "position": str(category.position),
    }
    return _category_form(request, Form(fields={name: [value] for name, value in typed.items()}), category)


@post(f"{CATEGORIES}/{{category_id:int}}", permission="shop.products", max_body=100_000)
def change_category(request: Request, form: FormInput, category_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a category."""
    values = read_category_form(form)
    if values is not None:
        try:
            with request.site.begin() as session:
                edit_category(session, category_id, values)
        except InvalidInput as error:
            form.fail(error)
        except IntegrityError:
            form.fail(just_taken())
        else:
            return request.redirect(CATEGORIES, "%(name)s is saved.", name=values.name)
    with request.site.session() as session:
        category = get_category(session, category_id)
    return _category_form(request, form, category, 422)


@post(f"{CATEGORIES}/{{category_id:int}}/delete", permission="shop.products", max_body=10_000)
def remove_category(request: Request, category_id: FromPath[int]) -> Redirect:
    """Remove a category; its products stay."""
    with request.site.begin() as session:
        name = delete_category(session, category_id)
    return request.redirect(CATEGORIES, "Category %(name)s is deleted. Its products are still there.", name=name)


def _category_form(request: Request, form: Form, category: CategoryView | None, status: int = 200) -> Response[str]:
    return request.page(
        "shop/category_form.html",
        status=status,
        category=category,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


@get(PICTURES, permission="shop.products")
def show_pictures(request: Request, product_id: FromPath[int]) -> Response[str]:
    """The pictures of a product."""
    return _pictures(request, product_id, Form())


@post(PICTURES, permission="shop.products", max_body=60_000_000)
def save_pictures(request: Request, form: FormInput, product_id: FromPath[int]) -> Response[str] | Redirect:
    """Add pictures, put them in order, say what they show, remove some: all of it, or nothing."""
    site = request.site
    with site.session() as session:
        product = get_product(session, site, product_id)
    changes = {}
    for place, picture in enumerate(product.pictures):
        if f"alt-{picture.id}" not in form.fields:
            continue
        alt = form.text(f"alt-{picture.id}")
        if len(alt) > MAX_ALT:
            form.fail(
                InvalidInput("This is too long: %(max)s characters at most.", max=MAX_ALT, field=f"alt-{picture.id}")
            )
        position = form.whole_number(f"position-{picture.id}")
        changes[picture.id] = PictureChange(
            alt=alt, position=place + 1 if position is None else position, remove=form.ticked(f"remove-{picture.id}")
        )
    uploads = form.file("files")
    if len(uploads) > MAX_PICTURES:
        form.fail(InvalidInput("A product has at most %(max)s pictures.", max=MAX_PICTURES, field="files"))
    if form.errors:
        return _pictures(request, product_id, form, 422)
    with storing(site.settings.data_dir) as store:
        try:
            # UploadFile holds a SpooledTemporaryFile; Litestar gives it no type that says so.
            added: list[SavedPicture] = [save_upload(store, cast(BinaryIO, one.file)) for one in uploads]
            with site.begin() as session:
                forgotten = change_pictures(session, product_id, changes, added)
        except InvalidInput as error:
            store.take_back()
            form.fail(error, "files")
            return _pictures(request, product_id, form, 422)
    remove_bytes(site.settings.data_dir, forgotten)
    return request.redirect(request.url.path, "The pictures of %(name)s are saved.", name=product.name)


def _pictures(request: Request, product_id: int, form: Form, status: int = 200) -> Response[str]:
    with request.site.session() as session:
        product = get_product(session, request.site, product_id)
    return request.page(
        "shop/pictures.html",
        status=status,
        product=product,
        values=form.values,
        errors=form.errors,
        had_files=bool(form.file("files")),
        summary=summary(request, form),
    )


ROUTES: list[Any] = [
    show_categories,
    new_category,
    create_category,
    show_category,
    change_category,
    remove_category,
    show_pictures,
    save_pictures,
]
