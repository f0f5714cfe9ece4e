"""What staff see of vouchers: the list, and the form to add and change one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from core import Form, FormInput, InvalidInput, Request, currency_digits, get, post
from plugins.shop.amounts import FULL, parse_price, parse_rate, written_decimal, written_rate
from plugins.shop.balance_book import open_balances
from plugins.shop.forms import number_of, summary
from plugins.shop.voucher_batches import list_batches, list_vouchers
from plugins.shop.vouchers import (
    MAX_CODE,
    MAX_LIMIT,
    VoucherValues,
    VoucherView,
    add_voucher,
    check_code,
    code_key,
    delete_voucher,
    edit_voucher,
    get_voucher,
    make_code,
    set_voucher_active,
)

LIST = "/dashboard/shop/vouchers"

KINDS = ("percent", "fixed", "balance")

STATE_SIGNS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "active": ("Can be used", "green", "check"),
        "planned": ("Not valid yet", "blue", "clock"),
        "expired": ("Expired", "neutral", "clock"),
        "used_up": ("Used up", "neutral", "check"),
        "off": ("Switched off", "neutral", "x"),
        "other_currency": ("Other currency", "amber", "warning"),
    }
)
"""State → its name for people (a message id), and the colour and icon of its badge."""


@get(LIST, permission="shop.vouchers")
def show_vouchers(request: Request, q: FromQuery[str] = "", before: FromQuery[str] = "") -> Response[str]:
    """The vouchers that were made one by one, the newest first, or all whose code begins with `q`; and the batches."""
    q = q.replace("\x00", "").strip()[:MAX_CODE]
    place = number_of(before)
    with request.site.session() as session:
        page = list_vouchers(session, request.site, key=code_key(q), before=place)
        batches = list_batches(session)
        owed = open_balances(session)
    kept = {"q": q} if q else {}
    return request.page(
        "shop/vouchers.html",
        page=page,
        batches=batches,
        owed=owed,
        signs=STATE_SIGNS,
        q=q,
        first=LIST + (f"?{urlencode(kept)}" if kept else "") if place else None,
        older=f"{LIST}?{urlencode({**kept, 'before': page.older})}" if page.older else None,
    )


@get(f"{LIST}/new", permission="shop.vouchers")
def new_voucher(request: Request) -> Response[str]:
    """The form for a new voucher."""
    return _form(request, Form(fields={"kind": ["percent"], "code": [make_code()]}), None)


@post(f"{LIST}/new", permission="shop.vouchers", max_body=10_000)
def create_voucher(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Add a voucher; it can be used at once."""
    values = read_values(form, request.site.setting("shop.currency"))
    if values is not None:
        try:
            with request.site.begin() as session:
                add_voucher(session, request.site, values)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(LIST, "Voucher %(code)s is added.", code=values.code)
    return _form(request, form, None, 422)


@get(f"{LIST}/{{voucher_id:int}}", permission="shop.vouchers")
def show_voucher(request: Request, voucher_id: FromPath[int]) -> Response[str]:
    """The form to change a voucher."""
    with request.site.session() as session:
        voucher = get_voucher(session, request.site, voucher_id)
    return _form(request, Form(fields={name: [text] for name, text in _typed(request, voucher).items()}), voucher)


@post(f"{LIST}/{{voucher_id:int}}", permission="shop.vouchers", max_body=10_000)
def change_voucher(request: Request, form: FormInput, voucher_id: FromPath[int]) -> Response[str] | Redirect:
    """Change a voucher. Orders keep what it took off them, and what it paid."""
    with request.site.session() as session:
        voucher = get_voucher(session, request.site, voucher_id)
    values = read_values(form, _currency(request, voucher))
    if values is not None:
        try:
            with request.site.begin() as session:
                edit_voucher(session, request.site, voucher_id, values)
        except InvalidInput as error:
            form.fail(error)
        else:
            return request.redirect(LIST, "Voucher %(code)s is saved.", code=values.code)
    return _form(request, form, voucher, 422)


@post(f"{LIST}/{{voucher_id:int}}/active", permission="shop.vouchers", max_body=10_000)
def switch_voucher(request: Request, form: FormInput, voucher_id: FromPath[int]) -> Redirect:
    """Let a voucher be used, or no longer."""
    active = form.text("active") == "1"
    with request.site.begin() as session:
        code = set_voucher_active(session, voucher_id, active=active)
    toast = "Voucher %(code)s can be used." if active else "Voucher %(code)s can't be used any more."
    return request.redirect(LIST, toast, code=code)


@post(f"{LIST}/{{voucher_id:int}}/delete", permission="shop.vouchers", max_body=10_000)
def remove_voucher(request: Request, voucher_id: FromPath[int]) -> Redirect:
    """Remove a voucher that nobody has used."""
    with request.site.begin() as session:
        code = delete_voucher(session, voucher_id)
    return request.redirect(LIST, "Voucher %(code)s is deleted.", code=code)


def read_values(form: Form, currency: str) -> VoucherValues | None:
    """Check what staff typed; None when something is wrong, which `form.errors` then says."""
    code = form.text("code") or make_code()
    try:
        code = check_code(code)
    except InvalidInput as error:
        form.fail(error)
    kind = form.text("kind") if form.text("kind") in KINDS else KINDS[0]
    value = _amount(form, "value", kind, currency)
    if not value and "value" not in form.errors:
        lacking = "Enter what is on the voucher." if kind == "balance" else "Enter what the voucher takes off."
        form.fail(InvalidInput(lacking, field="value"))
    minimum = _amount(form, "minimum", "fixed", currency)
    starts_on, ends_on = _day(form, "starts_on"), _day(form, "ends_on")
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        form.fail(InvalidInput("The last day is before the first.", field="ends_on"))
    limit = per_customer = None
    if kind != "balance":
        # A balance is used until it is used up: the form has no limits for it.
        limit, per_customer = _limit(form, "limit"), _limit(form, "limit_per_customer")
    if form.errors:
        return None
    return VoucherValues(
        code=code,
        kind=kind,
        value=value,
        minimum=minimum,
        starts_on=starts_on,
        ends_on=ends_on,
        limit=limit,
        limit_per_customer=per_customer,
    )


def _amount(form: Form, name: str, kind: str, currency: str) -> int:
    text = form.text(name)
    if not text:
        return 0
    try:
        number = parse_rate(text, name=name) if kind == "percent" else parse_price(text, currency, name=name)
    except InvalidInput as error:
        form.fail(error)
        return 0
    if kind == "percent" and number > FULL:
        form.fail(InvalidInput("100 % at most.", field=name))
    return number


def _day(form: Form, name: str) -> date | None:
    text = form.text(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2999:
        form.fail(InvalidInput("Enter a day, such as 2026-12-24.", field=name))
        return None
    return day


def _limit(form: Form, name: str) -> int | None:
    number = form.whole_number(name)
    if number is not None and not 1 <= number <= MAX_LIMIT:
        form.fail(InvalidInput("Enter a number from 1 to %(max)s, or leave it empty.", field=name, max=MAX_LIMIT))
    return number


def _form(request: Request, form: Form, voucher: VoucherView | None, status: int = 200) -> Response[str]:
    return request.page(
        "shop/voucher_form.html",
        status=status,
        voucher=voucher,
        currency=_currency(request, voucher),
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


def _currency(request: Request, voucher: VoucherView | None) -> str:
    """The currency of the amounts in the form: the shop's, or the one that a balance is in."""
    if voucher is not None and voucher.kind == "balance":
        return voucher.currency
    return request.site.setting("shop.currency")


def _typed(request: Request, voucher: VoucherView) -> dict[str, str]:
    """A voucher as a person would type it."""
    comma = request.language.code == "de"
    digits = currency_digits(voucher.currency)
    # An amount in another currency than the site's has to be thought of anew.
    strange = voucher.currency != _currency(request, voucher)

    def amount(number: int) -> str:
        return "" if strange or not number else written_decimal(number, digits, comma=comma)

    return {
        "code": voucher.code,
        "kind": voucher.kind,
        "value": written_rate(voucher.value, comma=comma) if voucher.kind == "percent" else amount(voucher.value),
        "minimum": amount(voucher.minimum),
        "starts_on": voucher.starts_on.isoformat() if voucher.starts_on else "",
        "ends_on": voucher.ends_on.isoformat() if voucher.ends_on else "",
        "limit": "" if voucher.limit is None else str(voucher.limit),
        "limit_per_customer": "" if voucher.limit_per_customer is None else str(voucher.limit_per_customer),
    }


ROUTES: list[Any] = [
    show_vouchers,
    new_voucher,
    create_voucher,
    show_voucher,
    change_voucher,
    switch_voucher,
    remove_voucher,
]
