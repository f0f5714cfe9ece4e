"""Random sequences of ordering, paying, shipping, cancelling and refunding, with vouchers and a stock that runs out.

Some vouchers take something off, some have a balance that pays. What is left of a balance is never less than nothing,
and always what was on it less what was spent, with what was given back (T-B3).
After each step a contact's total is the same on the profile, in the list's column, and by the orders' lines; at the end
also in the overview's tile; stock and uses of vouchers are never less than nothing (FEATURES S4, S5). What is expected
is kept in plain numbers beside the site, by rules of its own. TRESEN_EXAMPLES=10000 makes the long run.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from core.checking import run_checks
from core.errors import Conflict, InvalidInput
from core.site import Site
from core.testing import make_site
from core.values import SYSTEM, Money
from plugins.shop import plugin as shop
from plugins.shop.balances import paid_with_balance
from plugins.shop.holding import in_hand
from plugins.shop.models import (
    CustomerTotals,
    Order,
    OrderLine,
    OrderTax,
    Refund,
    Variant,
    Voucher,
    VoucherMovement,
)
from plugins.shop.refunds import TakeBack, TakenBack, refund
from plugins.shop.states import take_step, withdraw_payment
from plugins.shop.stock import OutOfStock
from plugins.shop.vouchers import VoucherRefused, VoucherValues, add_voucher, set_voucher_active
from tests.plugins.shop.examples import NUMBER
from tests.plugins.shop.helpers import add, order

STEPS = 12
PEOPLE = 2
CURRENCY = "EUR"


@define
class Product:
    """A variant as it should be."""

    id: int
    price: int
    stock: int | None


@define
class Code:
    """A voucher as it should be."""

    id: int
    code: str
    kind: str
    value: int
    limit: int
    per_customer: int
    used_by: list[int] = field(factory=list)

    def off(self, goods: int) -> int:
        """What it takes off, rounded half up."""
        return min((goods * self.value * 2 + 10_000) // 20_000 if self.kind == "percent" else self.value, goods)


@define
class Card:
    """A voucher with a balance as it should be."""

    id: int
    code: str
    start: int
    left: int
    active: bool = True


@define
class Placed:
    """An order as it should be: its `pieces` by line, `worth` what it still comes to; `on_card` of it is paid with the
    balance of `card`, `cash` in another way.
    """

    id: int
    person: int
    pieces: dict[int, tuple[Product, int]]
    worth: int
    code: Code | None
    card: Card | None = None
    on_card: int = 0
    cash: int = 0
    noted: int = 0
    is_noted: bool = False
    paid: bool = False
    shipped: bool = False
    over: bool = False


class Orders(RuleBasedStateMachine):
    """One site for all sequences, with people and vouchers of each sequence's own."""

    site: ClassVar[Site]
    variants: ClassVar[list[int]] = []
    sequences: ClassVar[int] = 0
    bought: ClassVar[int] = 0

    @initialize(
        prices=st.tuples(st.integers(1, 5000), st.integers(0, 99)),
        stock=st.integers(0, 6),
        percent=st.integers(1, 10_000),
        fixed=st.integers(1, 3000),
        limits=st.tuples(st.integers(1, 3), st.integers(1, 2)),
        cards=st.tuples(st.integers(1, 2000), st.integers(1, 20_000)),
    )
    def open_shop(
        self,
        prices: tuple[int, int],
        stock: int,
        percent: int,
        fixed: int,
        limits: tuple[int, int],
        cards: tuple[int, int],
    ) -> None:
        Orders.sequences += 1
        self.run = Orders.sequences
        kinds = ((prices[0], None), (prices[1], stock), (997, 3))
        self.products = [Product(one, *kind) for one, kind in zip(self.variants, kinds, strict=True)]
        self.codes = []
        with self.site.begin() as session:
            # The same products for each sequence, with another price and stock: what was ordered before keeps its own.
            for product in self.products:
                changed = {"price": product.price, "stock": product.stock}
                session.execute(update(Variant).where(Variant.id == product.id).values(changed))
            for kind, value, limit in (("percent", percent, limits[0]), ("fixed", fixed, 3)):
                number = self._add(session, f"{kind}{self.run}", kind, value, limit, limits[1])
                self.codes.append(Code(number, f"{kind}{self.run}", kind, value, limit, limits[1]))
            self.cards = [
                Card(self._add(session, code, "balance", value, None, None), code, value, value)
                for code, value in zip(
                    (f"gift-card-for-{self.run}", f"another-card-for-{self.run}"), cards, strict=True
                )
            ]
        self.orders: list[Placed] = []
        self.contacts: dict[int, int] = {}

    def _add(
        self, session: Session, code: str, kind: str, value: int, limit: int | None, per_customer: int | None
    ) -> int:
        values = VoucherValues(
            code=code,
            kind=kind,
            value=value,
            minimum=0,
            starts_on=None,
            ends_on=None,
            limit=limit,
            limit_per_customer=per_customer,
        )
        return add_voucher(session, self.site, values)

    @rule(card=st.integers(0, 1))
    def switch(self, card: int) -> None:
        self.cards[card].active = not self.cards[card].active
        with self.site.begin() as session:
            set_voucher_active(session, self.cards[card].id, active=self.cards[card].active)

    @rule(
        person=st.integers(0, PEOPLE - 1),
        wanted=st.dictionaries(st.integers(0, 2), st.integers(1, 4), min_size=1),
        code=st.one_of(st.none(), st.integers(0, 1)),
        gift=st.one_of(st.none(), st.integers(0, 1)),
        first=st.booleans(),
    )
    def place(self, person: int, wanted: dict[int, int], code: int | None, gift: int | None, first: bool) -> None:
        voucher = None if code is None else self.codes[code]
        card = None if gift is None else self.cards[gift]
        items = [(self.products[place].id, number) for place, number in wanted.items()]
        goods = sum(self.products[place].price * number for place, number in wanted.items())
        refused: tuple[type[Exception], ...] = ()
        if any(
            (stock := self.products[place].stock) is not None and stock < number for place, number in wanted.items()
        ):
            refused = (OutOfStock,)
        elif voucher is not None and (
            len(voucher.used_by) >= voucher.limit or voucher.used_by.count(person) >= voucher.per_customer
        ):
            refused = (VoucherRefused,)
        if card is not None and not (card.active and card.left):
            refused = (*refused, VoucherRefused)
        codes = {"voucher": voucher.code if voucher else "", "second_voucher": card.code if card else ""}
        if first:
            # Either field takes either.
            codes = {"voucher": codes["second_voucher"], "second_voucher": codes["voucher"]}
        try:
            made = order(self.site, *items, email=f"r{self.run}p{person}@example.org", **codes)
        except (OutOfStock, VoucherRefused) as error:
            # Said here and not by pytest.raises: whether it is refused depends on what came before.
            assert type(error) in refused  # noqa: PT017
            return
        assert refused == ()
        off = voucher.off(goods) if voucher is not None else 0
        assert made.total == Money(minor=goods - off, currency=CURRENCY)
        assert made.contact_id is not None
        self.contacts[person] = made.contact_id
        for place, number in wanted.items():
            if (stock := self.products[place].stock) is not None:
                self.products[place].stock = stock - number
        if voucher is not None:
            voucher.used_by.append(person)
        with self.site.session() as session:
            lines = session.execute(
                select(OrderLine.id, OrderLine.variant_id, OrderLine.quantity).where(OrderLine.order_id == made.id)
            ).all()
        by_id = {product.id: product for product in self.products}
        pieces = {line.id: (by_id[line.variant_id], line.quantity) for line in lines}
        placed = Placed(made.id, person, pieces, goods - off, voucher)
        if card is not None and goods > off:
            placed.card, placed.on_card = card, min(card.left, goods - off)
            card.left -= placed.on_card
            placed.paid = placed.on_card == goods - off
        self.orders.append(placed)

    def _step(self, placed: Placed, step: Any, possible: bool) -> bool:
        try:
            with self.site.begin() as session:
                take_step(session, placed.id, step, SYSTEM)
        except Conflict:
            assert not possible
            return False
        assert possible
        return True

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.orders))
        if self._step(placed, "paid", not placed.over and not placed.paid):
            placed.paid = True
            placed.noted = placed.cash = placed.worth - placed.on_card
            placed.is_noted = True

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def unpay(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.orders))
        possible = placed.is_noted and not placed.over and placed.cash == placed.noted
        try:
            with self.site.begin() as session:
                withdraw_payment(session, placed.id, SYSTEM)
        except Conflict:
            assert not possible
        else:
            assert possible
            placed.noted = placed.cash = 0
            placed.is_noted = False
            # What a balance has paid stays paid, and may be all that it comes to now.
            placed.paid = placed.card is not None and placed.on_card >= placed.worth

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.orders))
        if self._step(placed, "shipped", not placed.over and not placed.shipped):
            placed.shipped = True

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        placed = data.draw(st.sampled_from(self.orders))
        if self._step(placed, "cancelled", not placed.over and not placed.shipped):
            self._back(placed, {line: number for line, (_, number) in placed.pieces.items()}, restock=True)
            self._end(placed, cancelled=True)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), reduction=st.integers(0, 2000), restock=st.booleans())
    def take_back(self, data: st.DataObject, reduction: int, restock: bool) -> None:
        placed = data.draw(st.sampled_from(self.orders))
        pieces = {
            line: data.draw(st.integers(0, number + (0 if number else 1)))
            for line, (_, number) in placed.pieces.items()
        }
        try:
            with self.site.begin() as session:
                wanted = TakeBack(pieces={k: v for k, v in pieces.items() if v}, reduction=reduction, restock=restock)
                done = refund(session, placed.id, wanted, SYSTEM)
        except Conflict:
            assert placed.over
            return
        except InvalidInput:
            too_much = any(pieces[line] > number for line, (_, number) in placed.pieces.items())
            assert too_much or reduction > 0 or not any(pieces.values())
            return
        assert not placed.over
        assert 0 <= done.amount.minor <= placed.worth
        assert done.amount.minor >= reduction
        placed.worth -= done.amount.minor
        self._money_back(placed, done)
        self._back(placed, pieces, restock=restock)
        nothing_left = all(number == 0 for _, number in placed.pieces.values())
        if nothing_left:
            assert placed.worth == 0
        if not placed.paid and not placed.shipped:
            if nothing_left:
                self._end(placed, cancelled=True)
            elif 0 < placed.worth <= placed.on_card:
                # What is left of it is paid with the balance already.
                placed.paid = True
        elif placed.worth == 0 and (self._total(placed) or nothing_left):
            self._end(placed, cancelled=False)
        elif not placed.paid and 0 < placed.worth <= placed.on_card:
            placed.paid = True

    def _money_back(self, placed: Placed, done: TakenBack | None = None) -> None:
        """What came in beyond what the order comes to now goes back: onto the voucher first, and never twice."""
        back = max(0, placed.on_card + placed.cash - placed.worth)
        to_card = min(back, placed.on_card)
        if done is not None:
            assert (done.money_back.minor, done.to_balance.minor) == (back, to_card)
        placed.on_card -= to_card
        placed.cash -= back - to_card
        if placed.card is not None:
            placed.card.left += to_card

    def _total(self, placed: Placed) -> int:
        with self.site.session() as session:
            return session.scalar(select(Order.total).where(Order.id == placed.id)) or 0

    def _back(self, placed: Placed, pieces: dict[int, int], *, restock: bool) -> None:
        for line, back in pieces.items():
            product, number = placed.pieces[line]
            placed.pieces[line] = (product, number - back)
            if restock and product.stock is not None:
                product.stock += back

    def _end(self, placed: Placed, *, cancelled: bool) -> None:
        placed.over, placed.worth = True, 0
        self._money_back(placed)
        if cancelled and placed.code is not None:
            placed.code.used_by.remove(placed.person)

    @invariant()
    def all_say_the_same(self) -> None:
        columns = self.site.contributions.contact_columns
        load = columns["shop.total"].load
        assert load is not None
        panel = next(one for one in self.site.contributions.contact_panels if one.key == "shop.orders")
        with self.site.session() as session:
            ids = list(self.contacts.values())
            in_column: Any = load(session, ids)
            for person, contact_id in self.contacts.items():
                own = [placed for placed in self.orders if placed.person == person]
                expected = sum(placed.worth for placed in own)
                counted = [placed for placed in own if not placed.over]
                on_profile: Any = panel.load(session, contact_id)
                by_lines = session.scalar(
                    select(
                        func.sum(
                            OrderLine.unit_price * OrderLine.quantity - OrderLine.discount - OrderLine.refunded_amount
                        )
                    )
                    .join(Order, Order.id == OrderLine.order_id)
                    .where(Order.contact_id == contact_id)
                )
                amounts = [Money(minor=expected, currency=CURRENCY)] if expected else []
                assert list(in_column.get(contact_id, ())) == amounts
                assert list(on_profile.totals) == amounts
                assert by_lines == expected
                assert session.get_one(CustomerTotals, contact_id).orders == on_profile.count == len(counted)
            for product in self.products:
                assert session.get_one(Variant, product.id).stock == product.stock
                assert product.stock is None or product.stock >= 0
            for code in self.codes:
                assert session.get_one(Voucher, code.id).uses == len(code.used_by) <= code.limit
            for card in self.cards:
                found = session.get_one(Voucher, card.id)
                moved = select(func.coalesce(func.sum(VoucherMovement.amount), 0)).where(
                    VoucherMovement.voucher_id == card.id
                )
                assert 0 <= found.balance == card.left == card.start + (session.scalar(moved) or 0) <= card.start
            self._each_order_fits(session)

    def _each_order_fits(self, session: Any) -> None:
        for placed in self.orders:
            found = session.get_one(Order, placed.id)
            assert found.total - found.refunded == placed.worth
            assert (found.state in ("cancelled", "refunded")) == placed.over
            assert (found.paid_at is not None) == placed.paid
            taxes = session.scalar(select(func.sum(OrderTax.gross)).where(OrderTax.order_id == placed.id))
            assert taxes == found.total
            back = session.scalar(select(func.sum(Refund.amount)).where(Refund.order_id == placed.id)) or 0
            assert back == found.refunded
            on_card = paid_with_balance(session, [placed.id]).get(placed.id)
            assert (on_card.minor if on_card is not None else 0) == placed.on_card
            assert in_hand(session, placed.id) == placed.on_card + placed.cash

    def teardown(self) -> None:
        if not hasattr(self, "orders"):
            return
        Orders.bought += sum(placed.worth for placed in self.orders)
        tiles = {one.key: one for one in self.site.contributions.overview_tiles}
        with self.site.session() as session:
            shown: Any = tiles["shop.revenue"].load(session)
            if shown is not None:
                assert shown.value == Money(minor=Orders.bought, currency=CURRENCY)
                assert shown.series[-1][1] == Orders.bought
            else:
                assert Orders.bought == 0
        if self.run % 50 == 1:
            assert [one.problems for one in run_checks(self.site) if one.problems] == []


def without_waiting_for_the_disk(site: Site) -> None:
    """Nothing here has to survive a power cut, and ten thousand sequences write much."""
    site.database.engine.dispose()

    @event.listens_for(site.database.engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA synchronous=OFF")


def test_s4_s5_all_totals_agree_to_the_cent_whatever_happens(tmp_path: Path) -> None:
    site = make_site(tmp_path, shop)
    without_waiting_for_the_disk(site)
    Orders.site, Orders.bought = site, 0
    Orders.variants = [add(site, f"Product {rate}", 1, rate, 0) for rate in (1900, 700, 0)]
    make: Callable[[], Orders] = Orders
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        make,
        settings=hypothesis.settings(
            max_examples=NUMBER if NUMBER > 100 else 5,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=True,
        ),
    )
    assert [one.problems for one in run_checks(site) if one.problems] == []
    site.close()
