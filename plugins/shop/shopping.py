"""How visitors buy: cart and checkout; thanks and payment are in `paying.py`."""

from __future__ import annotations

from typing import Any

from litestar.datastructures import Cookie
from litestar.response import Redirect, Response

from core import (
    CaptureRejected,
    Conflict,
    Form,
    FormInput,
    InvalidInput,
    Request,
    check_public_fields,
    get,
    post,
    public_fields,
    submit_public_form,
)
from plugins.shop.addresses import home_country, read_delivery, read_details, read_email
from plugins.shop.carts import (
    LIFETIME,
    CartView,
    add_to_cart,
    cart_of,
    change_cart,
    cookie_name,
    drop_vouchers,
    empty_cart,
    find_cart,
    offer_of,
    open_cart,
    read_offer,
    token_of,
    use_voucher,
    view_cart,
)
from plugins.shop.forms import as_input, read_note, read_quantities, say, summary
from plugins.shop.orders import NewOrder, RecordedOrder, order_of_form, record_order
from plugins.shop.paying import start_paying
from plugins.shop.payments import chosen_way, ways_to_pay

CHECKOUT = "shop.checkout"
"""The name of the checkout form, under which other plugins add their tick boxes."""


def _view(request: Request) -> CartView:
    with request.site.session() as session:
        return cart_of(session, request, pictures=True)


@get("/shop/cart", public=True)
def show_cart(request: Request) -> Response[str]:
    """The visitor's cart."""
    return request.page("shop/cart.html", cart=_view(request), values={}, errors={})


@post("/shop/cart/add", public=True, max_body=10_000)
def put_into_cart(request: Request, form: FormInput) -> Redirect:
    """Put a product into the cart, which is made now if there is none: only then a cookie is set."""
    back = form.text("next") or "/shop"
    variant_id, quantity = form.whole_number("variant"), form.whole_number("quantity")
    if variant_id is None:
        form.fail(InvalidInput("Choose one of the variants first.", field="variant"))
    try:
        for error in form.errors.values():
            raise error
        with request.site.begin() as session:
            cart, token = open_cart(session, token_of(request))
            name = add_to_cart(session, request.site, cart, variant_id or 0, 1 if quantity is None else quantity)
    except InvalidInput as error:
        return request.redirect(back, say(request, error), kind="error")
    answer = request.redirect(back, "In the cart: %(name)s", name=name)
    answer.set_cookie(
        Cookie(
            key=cookie_name(request.site),
            value=token,
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.site.settings.is_secure,
        )
    )
    return answer


@post("/shop/cart", public=True, max_body=100_000)
def update_cart(request: Request, form: FormInput) -> Redirect:
    """Change quantities in the cart."""
    return _change(request, form, read_quantities(form))


@post("/shop/cart/remove", public=True, max_body=10_000)
def remove_from_cart(request: Request, form: FormInput) -> Redirect:
    """Take a product out of the cart."""
    return _change(request, form, {form.whole_number("id") or 0: 0})


def _change(request: Request, form: Form, quantities: dict[int, int]) -> Redirect:
    try:
        for error in form.errors.values():
            raise error
        with request.site.begin() as session:
            cart = find_cart(session, token_of(request), lock=True)
            if cart is not None:
                change_cart(session, cart, quantities)
    except InvalidInput as error:
        return request.redirect("/shop/cart", say(request, error), kind="error")
    return request.redirect("/shop/cart", "The cart is up to date.")


@post("/shop/cart/voucher", public=True, max_body=10_000)
def put_voucher(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Use a voucher for what is in the cart; an empty code takes away the one of the sort `drop`, or all (S3)."""
    code = form.text("voucher")
    try:
        with request.site.begin() as session:
            cart = find_cart(session, token_of(request), lock=True)
            if cart is None:
                code = ""
            elif code:
                code = use_voucher(session, request.site, cart, code)
            else:
                drop_vouchers(cart, form.text("drop"))
    except InvalidInput as error:
        form.fail(as_input(error, "voucher"))
        return request.page("shop/cart.html", status=422, cart=_view(request), values=form.values, errors=form.errors)
    if code:
        return request.redirect("/shop/cart", "Voucher %(code)s is used.", code=code)
    toast = "The voucher is not used any more." if form.text("drop") else "No voucher is used."
    return request.redirect("/shop/cart", toast, kind="info")


@get("/shop/checkout", public=True)
def show_checkout(request: Request) -> Response[str] | Redirect:
    """The form that orders what is in the cart. Nothing in it is filled in from what is known of anybody
    (T-P3).
    """
    if not (view := _view(request)).can_be_ordered:
        return request.redirect("/shop/cart")
    home = [home_country(request.site)]
    return _checkout(request, Form(fields={"country": home, "delivery_country": home}), view)


def _checkout(request: Request, form: Form, view: CartView, status: int = 200) -> Response[str]:
    return request.page(
        "shop/checkout.html",
        status=status,
        cart=view,
        offer=offer_of(request.site, view),
        boxes=public_fields(request, CHECKOUT),
        ticked=frozenset(name for name in form.fields if form.ticked(name)),
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
        ways=ways_to_pay(request.site, request.language),
        privacy_policy=request.site.setting("shop.privacy_policy"),
    )


@post("/shop/checkout", public=True, max_body=100_000)
def place_order(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Order what the form showed. Sent again, by double click or later, it leads to the same order (T-P1)."""
    offer = read_offer(request.site, form.text("offer"))
    if offer is not None:
        with request.site.session() as session:
            if (known := order_of_form(session, offer.key)) is not None:
                return _thanks(request, known)
    boxes = public_fields(request, CHECKOUT)
    email = read_email(form)
    details = read_details(form, request.language, spoken=request.language.code)
    delivery = read_delivery(form, request.language)
    note = read_note(form)
    payment = _read_payment(request, form)
    check_public_fields(boxes, form)
    status = 422
    if not form.errors:
        try:
            with request.site.begin() as session:
                # Locked: of two clicks the second waits here, and then finds the order of the first.
                cart = find_cart(session, token_of(request), lock=True)
                if offer is None or cart is None or cart.checkout_key != offer.key:
                    known = order_of_form(session, offer.key) if offer is not None else None
                    if known is not None:
                        return _thanks(request, known)
                    raise Conflict("Your cart has changed in the meantime. Check it, then order again.")
                ordered = view_cart(session, request.site, cart)
                new = NewOrder(
                    email=email,
                    details=details,
                    items=ordered.items,
                    delivery=delivery,
                    voucher=ordered.voucher,
                    second_voucher=ordered.balance_voucher,
                    note=note,
                    checkout_key=offer.key,
                    expected=offer.total,
                    expected_balance=offer.balance,
                    payment_method=payment,
                    mail=True,
                )
                order = record_order(session, request.site, new)
                empty_cart(session, cart)
                if order.contact_id is not None:
                    submit_public_form(
                        session,
                        request,
                        form,
                        CHECKOUT,
                        boxes,
                        contact_id=order.contact_id,
                        email=email,
                        occurred_at=new.placed_at,
                    )
        except (Conflict, InvalidInput, CaptureRejected) as error:
            status = 409 if isinstance(error, Conflict) else 422
            form.fail(as_input(error))
        else:
            return _thanks(request, order, start_paying(request, order.id))
    view = _view(request)
    if not view.can_be_ordered:
        # What was typed is lost only here, where nothing is left to be ordered: the cart says why.
        first = next(iter(form.errors.values()))
        return request.redirect("/shop/cart", say(request, first), kind="error")
    return _checkout(request, form, view, status)


def _read_payment(request: Request, form: Form) -> str:
    try:
        return chosen_way(request.site, form.text("payment"))
    except InvalidInput as error:
        form.fail(error)
        return ""


def _thanks(request: Request, order: RecordedOrder, problem: str = "") -> Redirect:
    return request.redirect(f"/shop/thanks/{order.token}", problem, kind="error")


ROUTES: list[Any] = [
    show_cart,
    put_into_cart,
    update_cart,
    put_voucher,
    remove_from_cart,
    show_checkout,
    place_order,
]
