"""A marketplace in one process, with an executor that runs nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import coase
from coase.agent import marketplace
from coase.agent.home import MANIFEST
from coase.agent.marketplace import Marketplace
from coase.errors import AmountError, ConfigurationError, UnknownName, UsageError
from coase.money import DOLLAR
from coase.testing.transport import MemoryTransport

SHOP = '''
"""A shop for tests."""

from typing import ClassVar

import coase


class CornerShop(coase.SellerAgent):
    """Sells one file."""

    kind: ClassVar[str] = "dataset"

    async def offering(self, tools):
        """One file."""
        return coase.Offering(kind="dataset", title="Digits", goods={"data.txt": b"seven digits"})

    async def perform(self, order, buyer, tools, progress):
        """Hand it over."""
        return tools.goods(order)
'''
CUSTOMER = '''
"""A customer for tests."""

import coase


class Customer(coase.BuyerAgent):
    """Buys."""
'''
PRICES = {"list_price": "4.00", "floor_price": "2.00"}


class Idle:
    """An executor that runs nothing, and says when it starts and stops."""

    log: list[str] = []

    def __init__(self, root: Path) -> None:
        self.root = root

    async def start(self) -> None:
        """Begin."""
        self.log.append("start")

    async def stop(self) -> None:
        """End."""
        self.log.append("stop")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a market, with two agents beside it."""
    monkeypatch.setattr(marketplace, "LocalExecutor", Idle)
    Idle.log = []
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "customer.py").write_text(CUSTOMER)
    return tmp_path / "home"


def _market(home: Path, seed: int | None = 7, **options: Any) -> Marketplace:
    return Marketplace.embedded(home, seed=seed, transport=MemoryTransport(7), patience=5.0, **options)


async def _people(market: Marketplace, home: Path, **buyer: Any) -> tuple[Any, Any]:
    shop = await market.add(home.parent / "shop.py", name="shop", **PRICES)
    return shop, await market.add(home.parent / "customer.py", name="customer", **{"budget": "25.00", **buyer})


async def test_a_market_from_beginning_to_end(home: Path) -> None:
    """Agents come, trade and go; the sum of all balances stays; everything that was started is stopped."""
    events: list[Any] = []
    async with _market(home, on_event=events.append) as market:
        _, buyer = await _people(market, home)
        before = await market.balances()
        deal = await buyer.buy(coase.Want(kind="dataset"))
        await market.quiet()
        after = await market.balances()
        assert deal.settled
        price = deal.price
        assert not market.open_deals()
        assert not market.failures
    assert sum(before.values()) == sum(after.values())
    assert after["shop"] - before["shop"] == price == before["customer"] - after["customer"]
    assert after["escrow"] == 0
    assert {event.what for event in events} >= {"listed", "agreed", "settled"}
    assert Idle.log == ["start", "stop"]


async def test_the_same_home_again_knows_the_same_agents(home: Path) -> None:
    """Chain, contracts, listings, journals and balances are as they were, and nobody is paid twice."""
    async with _market(home) as market:
        shop, buyer = await _people(market, home)
        deal = await buyer.buy(coase.Want(kind="dataset"))
        await market.quiet()
        balances, listing, address = await market.balances(), shop.listing, buyer.address
    async with _market(home, seed=None) as market:
        assert await market.resume() == []
        assert set(market.parties) == {"shop", "customer"}
        again: Any = market.parties["customer"]
        assert again.address == address
        assert again.journal.need(deal.name).state == "settled"
        assert market.world.registry.search("kind=dataset") == [listing]
        assert await market.balances() == balances
        assert (await again.buy(coase.Want(kind="dataset"))).settled


async def test_open_deals_are_finished_after_a_restart(home: Path, crashes: Any) -> None:
    """A buyer that died after funding finds its money at work, and the deal ends."""
    async with _market(home) as market:
        _, buyer = await _people(market, home)
        crashes.watch("customer", 10)
        with pytest.raises(BaseException, match="customer"):
            await buyer.buy(coase.Want(kind="dataset"))
        crashes.watch("")
        name = buyer.journal.deals()[0].deal
        found = {row["agent"]: row for row in market.open_deals()}["customer"]
        assert (found["deal"], found["role"]) == (name, "buyer")
    async with _market(home) as market:
        assert await market.resume() == []
        assert market.parties["customer"].journal.need(name).ended
        balances = await market.balances()
        assert balances["escrow"] == 0


async def test_rebuilding_one_agent(home: Path) -> None:
    """An agent thrown away and made anew is the same agent with the same listing, in a market that goes on."""
    async with _market(home) as market:
        shop, buyer = await _people(market, home)
        again: Any = await market.rebuild("shop")
        assert again is not shop
        assert (again.address, again.listing) == (shop.address, shop.listing)
        assert (await buyer.buy(coase.Want(kind="dataset"))).settled


async def test_another_seed(home: Path) -> None:
    """The keys of a home come from its seed: another one is refused before anything is touched."""
    async with _market(home):
        pass
    with pytest.raises(ConfigurationError, match="another seed") as caught:
        async with _market(home, seed=8):
            pass
    assert caught.value.code == "other_seed"


async def test_a_home_in_use(home: Path) -> None:
    """Two markets cannot share a home; the first is not disturbed."""
    async with _market(home) as market:
        before = (home / MANIFEST).read_text()
        with pytest.raises(ConfigurationError) as caught:
            async with _market(home):
                pass
        assert caught.value.code == "chain_in_use"
        assert str(os.getpid()) in caught.value.message
        assert (home / MANIFEST).read_text() == before
        await _people(market, home)


async def test_a_home_that_cannot_be_written(home: Path) -> None:
    """A file in the way is said before anything starts."""
    home.write_bytes(b"")  # noqa: ASYNC240  # a test may
    with pytest.raises(ConfigurationError) as caught:
        async with _market(home):
            pass
    assert caught.value.code == "home_not_writable"
    assert Idle.log == []


async def test_a_damaged_manifest(home: Path) -> None:
    """It is named, not overwritten."""
    home.mkdir()  # noqa: ASYNC240  # a test may
    (home / MANIFEST).write_text("{")
    with pytest.raises(ConfigurationError, match=MANIFEST) as caught:
        async with _market(home):
            pass
    assert caught.value.code == "unreadable_file"


def test_an_unknown_transport(home: Path) -> None:
    """The choices are named."""
    with pytest.raises(ConfigurationError, match="pigeon") as caught:
        Marketplace.embedded(home, transport="pigeon")
    assert caught.value.code == "unknown_transport"
    assert "mqtt" in caught.value.hint


async def test_agents_that_cannot_be_added(home: Path) -> None:
    """Taken and impossible names, unknown agents, empty budgets and odd sums are refused; nothing is left behind."""
    shop, customer = home.parent / "shop.py", home.parent / "customer.py"
    async with _market(home) as market:
        await market.add(shop, name="shop", **PRICES)
        refusals: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
            (shop, {"name": "shop", **PRICES}, UsageError, "name_taken"),
            (shop, {"name": "bank", **PRICES}, UsageError, "name_taken"),
            (shop, {"name": "escrow", **PRICES}, UsageError, "name_taken"),
            (shop, {"name": "../shop", **PRICES}, UsageError, "bad_name"),
            (shop, {"name": "a/b", **PRICES}, UsageError, "bad_name"),
            ("nobody", {}, UnknownName, "unknown_name"),
            (customer, {"budget": "0"}, ConfigurationError, "budget_zero"),
            (customer, {"budget": "1.00", "funds": "-1"}, AmountError, "amount"),
            (shop, {"list_price": "1.00", "floor_price": "2.00"}, coase.CoaseError, ""),
            (shop, {**PRICES, "colour": "red"}, coase.CoaseError, ""),
            (shop, {**PRICES, "negotiator": "nobody"}, UnknownName, "unknown_name"),
        ]
        for what, parameters, kind, code in refusals:
            with pytest.raises(kind) as caught:
                await market.add(what, **parameters)
            assert isinstance(caught.value, coase.CoaseError)
            assert caught.value.message
            assert not code or caught.value.code == code
        assert set(market.parties) == {"shop"}
        assert set(market.manifest["agents"]) == {"shop"}


async def test_names_are_made_up(home: Path) -> None:
    """Without a name an agent gets its kind's, with a number if need be."""
    async with _market(home) as market:
        names = [(await market.add(home.parent / "shop.py", **PRICES)).name for _ in range(3)]
        assert names == ["shop", "shop-1", "shop-2"]


async def test_funds_are_what_was_said(home: Path) -> None:
    """Each agent gets its sum once, also when it is rebuilt; the bank pays."""
    async with _market(home) as market:
        await market.add(home.parent / "customer.py", name="poor", funds="0", budget="1.00")
        await market.add(home.parent / "customer.py", name="rich", funds="7.50", budget="1.00")
        await market.rebuild("rich")
        balances = await market.balances()
    assert (balances["poor"], balances["rich"]) == (0, 7_500_000)
    assert sum(balances.values()) == 1_000_000 * DOLLAR
