"""The order book, beside a reference that looks at every order each time."""

from __future__ import annotations

import random
from typing import Any

import pytest

import coase
from coase.errors import UnknownOrder, UsageError


class Reference:
    """The rules and nothing else: a list of orders in the order of arrival, searched from end to end."""

    def __init__(self) -> None:
        self.orders: list[list[Any]] = []  # [id, side, price, quantity, owner]
        self.next = 1

    def best(self, side: str) -> list[Any] | None:
        """The order of a side that trades first."""
        mine = [o for o in self.orders if o[1] == side]
        return (max if side == "buy" else min)(mine, key=lambda o: o[2], default=None)  # the first of equals

    def submit(self, side: str, price: int | None, quantity: int, owner: Any) -> tuple[int, list[Any], int]:
        """Trade while prices cross, then rest."""
        number, self.next = self.next, self.next + 1
        trades = []
        while quantity:
            found = self.best("sell" if side == "buy" else "buy")
            if found is None or (price is not None and (price < found[2] if side == "buy" else price > found[2])):
                break
            size = min(quantity, found[3])
            buyer, seller = (owner, found[4]) if side == "buy" else (found[4], owner)
            trades.append((found[2], size, buyer, seller, found[0]))
            quantity -= size
            found[3] -= size
            if not found[3]:
                self.orders.remove(found)
        if quantity and price is not None:
            self.orders.append([number, side, price, quantity, owner])
            return number, trades, quantity
        return number, trades, 0

    def cancel(self, number: int) -> int | None:
        """What was left of an order, or None."""
        for order in self.orders:
            if order[0] == number:
                self.orders.remove(order)
                return int(order[3])
        return None

    def depth(self) -> dict[str, list[tuple[int, int]]]:
        """Quantity by price."""
        sides: dict[str, dict[int, int]] = {"buy": {}, "sell": {}}
        for _, side, price, quantity, _ in self.orders:
            sides[side][price] = sides[side].get(price, 0) + quantity
        return {"bids": sorted(sides["buy"].items(), reverse=True), "asks": sorted(sides["sell"].items())}


def refused(book: coase.OrderBook, number: int) -> bool:
    """Whether the book says that it knows no such order."""
    try:
        book.cancel(number)
    except UnknownOrder:
        return True
    return False


def compare(operations: int, seed: int) -> int:
    """Random operations on both; equal after each. Returns how many trades there were."""
    draw = random.Random(seed)
    book, reference, trades = coase.OrderBook(), Reference(), 0
    for _ in range(operations):
        if draw.random() < 0.42:
            known = draw.random() < 0.9 and reference.orders
            number = draw.choice(reference.orders)[0] if known else draw.randint(0, reference.next)
            left = reference.cancel(number)
            if left is None:
                assert refused(book, number)
            else:
                assert book.cancel(number) == left
        else:
            side = draw.choice(("buy", "sell"))
            price = None if draw.random() < 0.05 else draw.randint(0, 12) + (0 if side == "buy" else 2)
            quantity, owner = draw.randint(1, 9), draw.randint(0, 5)
            placed = book.submit(side, price=price, quantity=quantity, owner=owner)  # type: ignore[arg-type]
            assert tuple(placed) == reference.submit(side, price, quantity, owner)
            trades += len(placed[1])
        depth = reference.depth()
        assert book.depth() == depth
        assert book.best_bid == (depth["bids"][0][0] if depth["bids"] else None)
        assert book.best_ask == (depth["asks"][0][0] if depth["asks"] else None)
        assert len(book) == len(reference.orders)
    return trades


def test_a_hundred_thousand_operations_equal_the_reference() -> None:
    """Limit and market orders, partial fills and cancels, known and unknown; equal after each."""
    assert compare(100_000, 1) > 20_000


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_million_operations_equal_the_reference(seed: int) -> None:
    """The same, ten times, from other seeds."""
    assert compare(100_000, 100 + seed) > 20_000


def test_the_documented_example() -> None:
    """Price-time priority, the resting price, partial fills, what rests."""
    book = coase.OrderBook()
    first = book.submit("sell", price=101, quantity=2, owner="a")
    second = book.submit("sell", price=101, quantity=2, owner="b")
    better = book.submit("sell", price=100, quantity=1, owner="c")
    assert (book.best_bid, book.best_ask) == (None, 100)
    placed = book.submit("buy", price=105, quantity=4, owner="d")
    assert [(t.price, t.quantity, t.buyer, t.seller) for t in placed.trades] == [
        (100, 1, "d", "c"),
        (101, 2, "d", "a"),
        (101, 1, "d", "b"),
    ]
    assert placed.resting == 0
    assert book.depth() == {"bids": [], "asks": [(101, 1)]}
    assert book.cancel(second.order_id) == 1
    for gone in (first, second, better, placed):
        with pytest.raises(UnknownOrder) as caught:
            book.cancel(gone.order_id)
        assert caught.value.code == "unknown_order"


def test_a_market_order_never_rests() -> None:
    """What finds no counterparty is gone."""
    book = coase.OrderBook()
    book.submit("buy", price=7, quantity=2)
    placed = book.submit("sell", quantity=5)
    assert (len(placed.trades), placed.resting, len(book)) == (1, 0, 0)


@pytest.mark.parametrize(
    "order",
    [
        {"side": "hold", "price": 1},
        {"side": "buy", "price": -1},
        {"side": "buy", "price": 1.0},
        {"side": "buy", "price": True},
        {"side": "buy", "price": 2**53},
        {"side": "buy", "price": float("nan")},
        {"side": "sell", "price": 1, "quantity": 0},
        {"side": "sell", "price": 1, "quantity": -3},
        {"side": "sell", "price": 1, "quantity": "2"},
        {"side": "sell", "price": None, "quantity": None},
    ],
    ids=str,
)
def test_nonsense_is_refused_and_changes_nothing(order: dict[str, Any]) -> None:
    """Sides, prices and quantities that are none."""
    book = coase.OrderBook()
    book.submit("buy", price=5)
    before = book.depth()
    with pytest.raises(UsageError) as caught:
        book.submit(order.pop("side"), **order)
    assert caught.value.code == "bad_order"
    assert book.depth() == before


@pytest.mark.parametrize("number", [0, -1, 99, None, "1", 1.5, [1]])
def test_an_unknown_order_cannot_be_cancelled(number: Any) -> None:
    """Numbers that never were, and things that are no numbers."""
    with pytest.raises(UnknownOrder):
        coase.OrderBook().cancel(number)
