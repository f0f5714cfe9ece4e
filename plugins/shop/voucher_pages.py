"""What staff see of vouchers in bulk: making them, their codes as a file, and who has used them (FEATURES S3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Stream

from core import Form, FormInput, InvalidInput, Money, Request, currency_digits, download_table, get, post
from plugins.shop.balance_book import all_movements, list_movements, sum_balances
from plugins.shop.forms import number_of, summary
from plugins.shop.voucher_batches import (
    MAX_NUMBER,
    add_batch,
    all_uses,
    codes_of,
    delete_unused,
    list_uses,
    list_vouchers,
    read_batch,
    sum_uses,
    switch_batch,
)
from plugins.shop.vouchers import VoucherView, get_voucher
from plugins.shop.vouching import LIST, STATE_SIGNS, read_values

BATCHES = f"{LIST}/batches"


@get(f"{BATCHES}/new", permission="shop.vouchers")
def new_batch(request: Request) -> Response[str]:
    """The form for many codes at once; each can be used once unless something else is said."""
    return _form(request, Form(fields={"kind": ["percent"], "limit": ["1"]}))


@post(f"{BATCHES}/new", permission="shop.vouchers", max_body=10_000)
def create_batch(request: Request, form: FormInput) -> Response[str] | Redirect:
    """Make the codes; they can be used at once."""
    number = form.whole_number("number")
    if number is None and "number" not in form.errors:
        form.fail(InvalidInput("Enter a number from 1 to %(max)s.", field="number", max=MAX_NUMBER))
    values = read_values(form, request.site.setting("shop.currency"))
    if values is not None and number is not None:
        try:
            with request.site.begin() as session:
                batch_id = add_batch(
                    session, request.site, form.text("name"), number, form.text("prefix"), values, request.actor
                )
        except InvalidInput as error:
            form.fail(error, "prefix" if error.field == "code" else "")
        else:
            return request.redirect(f"{BATCHES}/{batch_id}", "%(number)s codes are made.", number=number)
    return _form(request, form, 422)


def _form(request: Request, form: Form, status: int = 200) -> Response[str]:
    return request.page(
        "shop/voucher_batch_form.html",
        status=status,
        currency=request.site.setting("shop.currency"),
        most=MAX_NUMBER,
        values=form.values,
        errors=form.errors,
        summary=summary(request, form),
    )


@get(f"{BATCHES}/{{batch_id:int}}", permission="shop.vouchers")
def show_batch(request: Request, batch_id: FromPath[int], before: FromQuery[str] = "") -> Response[str]:
    """The codes of a batch, and what came of them."""
    place = number_of(before)
    with request.site.session() as session:
        batch = read_batch(session, batch_id)
        page = list_vouchers(session, request.site, batch_id=batch_id, before=place)
        _, taken_off, bought = sum_uses(session, batch_id=batch_id)
        balances = sum_balances(session, batch_id=batch_id)
    return request.page(
        "shop/voucher_batch.html",
        batch=batch,
        page=page,
        balances=balances,
        signs=STATE_SIGNS,
        taken_off=_amounts(request, taken_off),
        bought=_amounts(request, bought),
        files=_files(request, f"{batch.href}/codes"),
        first=batch.href if place else None,
        older=f"{batch.href}?before={page.older}" if page.older else None,
    )


@get(f"{BATCHES}/{{batch_id:int}}/codes", permission="shop.vouchers")
def download_codes(request: Request, batch_id: FromPath[int], format: FromQuery[str] = "") -> Stream:
    """All codes as a file, such as for a mailing."""
    text = request.language.text
    with request.site.session() as session:
        kind = read_batch(session, batch_id).kind
    more = ("Currency", "Amount", "Left on it") if kind == "balance" else ()
    heads = [text(label) for label in ("Code", "State", "Used", "First day", "Last day", *more)]
    rows: Iterator[list[str | Decimal]] = (
        [
            one.code,
            text(STATE_SIGNS[one.state][0]),
            Decimal(one.uses),
            one.starts_on.isoformat() if one.starts_on else "",
            one.ends_on.isoformat() if one.ends_on else "",
            *_balance_cells(one),
        ]
        for one in codes_of(request.site, batch_id)
    )
    return download_table(request, text("codes"), format, heads, rows)


def _balance_cells(voucher: VoucherView) -> list[str | Decimal]:
    if voucher.amount is None or voucher.balance is None:
        return []
    return [voucher.currency, _decimal(voucher.amount), _decimal(voucher.balance)]


@post(f"{BATCHES}/{{batch_id:int}}/active", permission="shop.vouchers", max_body=10_000)
def switch_all(request: Request, form: FormInput, batch_id: FromPath[int]) -> Redirect:
    """Let all codes of a batch be used, or none any longer."""
    active = form.text("active") == "1"
    with request.site.begin() as session:
        batch = switch_batch(session, batch_id, active=active)
    toast = "The codes of “%(name)s” can be used." if active else "The codes of “%(name)s” can’t be used any more."
    return request.redirect(batch.href, toast, name=batch.name)


@get(f"{BATCHES}/{{batch_id:int}}/delete", permission="shop.vouchers")
def confirm_deleting(request: Request, batch_id: FromPath[int]) -> Response[str]:
    """Ask before unused codes are deleted."""
    with request.site.session() as session:
        batch = read_batch(session, batch_id)
    return request.page("shop/voucher_batch_delete.html", batch=batch)


@post(f"{BATCHES}/{{batch_id:int}}/delete", permission="shop.vouchers", max_body=10_000)
def remove_unused(request: Request, batch_id: FromPath[int]) -> Redirect:
    """Delete the codes that nobody has used."""
    with request.site.begin() as session:
        name, number = delete_unused(session, batch_id)
    return request.redirect(LIST, "%(number)s codes of “%(name)s” are deleted.", number=number, name=name)


# Who has used them


@get(f"{LIST}/{{voucher_id:int}}/uses", permission="shop.vouchers")
def show_uses(request: Request, voucher_id: FromPath[int], before: FromQuery[str] = "") -> Response[str]:
    """The orders that use a voucher, or the movements of its balance."""
    with request.site.session() as session:
        voucher = get_voucher(session, request.site, voucher_id)
    title = request.language.text("Voucher %(code)s", code=voucher.code)
    if voucher.kind == "balance":
        return _movements_page(request, title, voucher.href, before, voucher_id=voucher_id)
    return _uses_page(request, title, voucher.href, before, voucher_id=voucher_id)


@get(f"{BATCHES}/{{batch_id:int}}/uses", permission="shop.vouchers")
def show_uses_of_batch(request: Request, batch_id: FromPath[int], before: FromQuery[str] = "") -> Response[str]:
    """The orders that use a code of a batch, or the movements of their balances."""
    with request.site.session() as session:
        batch = read_batch(session, batch_id)
    if batch.kind == "balance":
        return _movements_page(request, batch.name, batch.href, before, batch_id=batch_id)
    return _uses_page(request, batch.name, batch.href, before, batch_id=batch_id)


@get(f"{LIST}/{{voucher_id:int}}/uses/export", permission="shop.export")
def export_uses(request: Request, voucher_id: FromPath[int], format: FromQuery[str] = "") -> Stream:
    """The orders that use a voucher, as a file."""
    with request.site.session() as session:
        kind = get_voucher(session, request.site, voucher_id).kind
    if kind == "balance":
        return _movements_file(request, format, voucher_id=voucher_id)
    return _uses_file(request, format, voucher_id=voucher_id)


@get(f"{BATCHES}/{{batch_id:int}}/uses/export", permission="shop.export")
def export_uses_of_batch(request: Request, batch_id: FromPath[int], format: FromQuery[str] = "") -> Stream:
    """The orders that use a code of a batch, as a file."""
    with request.site.session() as session:
        kind = read_batch(session, batch_id).kind
    if kind == "balance":
        return _movements_file(request, format, batch_id=batch_id)
    return _uses_file(request, format, batch_id=batch_id)


def _uses_page(request: Request, title: str, path: str, before: str, **of: int) -> Response[str]:
    place = number_of(before)
    with request.site.session() as session:
        page = list_uses(session, before=place, **of)
        number, taken_off, bought = sum_uses(session, **of)
    return request.page(
        "shop/voucher_uses.html",
        title=title,
        back=path,
        page=page,
        of_batch="batch_id" in of,
        number=number,
        taken_off=_amounts(request, taken_off),
        bought=_amounts(request, bought),
        files=_files(request, f"{path}/uses/export") if request.allows("shop.export") and page.uses else [],
        first=f"{path}/uses" if place else None,
        older=f"{path}/uses?before={page.older}" if page.older else None,
    )


def _uses_file(request: Request, format: str, **of: int) -> Stream:
    text, zone = request.language.text, request.site.settings.zone
    heads = ["Code", "Order", "Name", "Placed", "State", "Currency", "Taken off", "Total"]
    rows: Iterator[list[str | Decimal]] = (
        [
            one.code,
            one.number,
            one.name,
            f"{one.placed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            text(one.sign[0]),
            one.total.currency,
            _decimal(one.discount),
            _decimal(one.total),
        ]
        for one in all_uses(request.site, **of)
    )
    return download_table(request, text("voucher-uses"), format, [text(head) for head in heads], rows)


def _movements_page(request: Request, title: str, path: str, before: str, **of: int) -> Response[str]:
    place = number_of(before)
    with request.site.session() as session:
        page = list_movements(session, before=place, **of)
        balances = sum_balances(session, **of)
    return request.page(
        "shop/voucher_movements.html",
        title=title,
        back=path,
        page=page,
        of_batch="batch_id" in of,
        balances=balances,
        files=_files(request, f"{path}/uses/export") if request.allows("shop.export") and page.movements else [],
        first=f"{path}/uses" if place else None,
        older=f"{path}/uses?before={page.older}" if page.older else None,
    )


def _movements_file(request: Request, format: str, **of: int) -> Stream:
    text, zone = request.language.text, request.site.settings.zone
    heads = ["Code", "Date", "Movement", "Order", "Name", "Currency", "Amount"]
    rows: Iterator[list[str | Decimal]] = (
        [
            one.code,
            f"{one.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            text(one.label),
            one.number,
            one.name,
            one.amount.currency,
            _decimal(one.amount),
        ]
        for one in all_movements(request.site, **of)
    )
    return download_table(request, text("voucher-movements"), format, [text(head) for head in heads], rows)


def _decimal(amount: Money) -> Decimal:
    digits = currency_digits(amount.currency)
    return Decimal(amount.minor).scaleb(-digits) if digits else Decimal(amount.minor)


def _amounts(request: Request, amounts: Sequence[Money]) -> str:
    return " · ".join(request.language.money(one) for one in amounts) or "–"


def _files(request: Request, path: str) -> list[dict[str, Any]]:
    text = request.language.text
    kinds = {"excel": text("CSV for Excel"), "csv": text("CSV for other programs"), "xlsx": "XLSX"}
    return [{"label": label, "href": f"{path}?format={kind}", "icon": "download"} for kind, label in kinds.items()]


ROUTES: list[Any] = [
    new_batch,
    create_batch,
    show_batch,
    download_codes,
    switch_all,
    confirm_deleting,
    remove_unused,
    show_uses,
    show_uses_of_batch,
    export_uses,
    export_uses_of_batch,
]
