"""Allowances: exact, below the cap, never without end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from coase.errors import AmountError, ConfigurationError, SettlementError
from coase.identity import Identity, verify
from coase.settlement.allowance import PriceCap, allowance, approve_call, approve_exactly, permit_exactly
from coase.settlement.escrow import TOKEN_NAME, TOKEN_VERSION
from coase.terms.eip712 import domain_separator, permit_digest
from coase.testing.chain import memory_chain

ALICE = Identity.from_seed("allowance", "alice")
SPENDER = "0x" + "11" * 20


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A journal in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        yield found


async def test_an_allowance_is_exact_whatever_it_was(db: sqlite3.Connection) -> None:
    """Set, set again, lowered, taken back: the chain has the number that was asked for, and no call is wasted."""
    async with memory_chain([ALICE.account]) as chain:
        cap, box = PriceCap(chain.contracts.token, 100), chain.outbox(ALICE, db)
        for number, amount in enumerate((100, 100, 30, 0, 0, 5)):
            await approve_exactly(box, f"approve {number}", SPENDER, amount, cap)
            assert await allowance(box.node, chain.contracts.token, ALICE.account, SPENDER) == amount
        assert [row[0] for row in db.execute("select intent from outbox order by nonce")] == [
            "approve 0",
            "approve 2/reset",
            "approve 2",
            "approve 3",
            "approve 5",
        ]
        first = await approve_exactly(box, "approve 0", SPENDER, 100, cap)
        assert first is not None
        assert await allowance(box.node, chain.contracts.token, ALICE.account, SPENDER) == 5


async def test_the_cap_is_checked_before_anything_is_signed(db: sqlite3.Connection) -> None:
    """More than the cap, or another token, is refused by approval and by permit; nothing is stored."""
    async with memory_chain([ALICE.account]) as chain:
        cap, box = PriceCap(chain.contracts.token, 100), chain.outbox(ALICE, db)
        with pytest.raises(SettlementError) as caught:
            await approve_exactly(box, "approve", SPENDER, 101, cap)
        assert caught.value.code == "price_cap"
        domain = (TOKEN_NAME, TOKEN_VERSION, chain.chain_id)
        with pytest.raises(SettlementError):
            await permit_exactly(box.node, ALICE, SPENDER, 101, cap, deadline=10**10, domain=domain)
        with pytest.raises(SettlementError):
            cap.allows(chain.contracts.escrow, 1)
        with pytest.raises(ConfigurationError):
            await permit_exactly(box.node, ALICE, SPENDER, 1, cap, deadline=2**64, domain=domain)
        with pytest.raises(ConfigurationError):
            await allowance(box.node, SPENDER, ALICE.account, SPENDER)
        assert db.execute("select count(*) from outbox").fetchone() == (0,)


async def test_a_permit_is_for_exactly_that(db: sqlite3.Connection) -> None:
    """What is signed is the amount, the spender, the present nonce and the deadline."""
    async with memory_chain([ALICE.account]) as chain:
        cap, domain = PriceCap(chain.contracts.token, 100), (TOKEN_NAME, TOKEN_VERSION, chain.chain_id)
        node = chain.outbox(ALICE, db).node
        permit = await permit_exactly(node, ALICE, SPENDER, 60, cap, deadline=10**10, domain=domain)
        separator = domain_separator(TOKEN_NAME, TOKEN_VERSION, chain.chain_id, chain.contracts.token)
        digest = permit_digest(separator, owner=ALICE.account, spender=SPENDER, value=60, nonce=0, deadline=10**10)
        verify(digest, permit.r + permit.s + bytes([permit.v]), ALICE.account)
        assert (permit.amount, permit.deadline) == (60, 10**10)


@pytest.mark.parametrize("amount", [2**256 - 1, 2**96, -1, 1.0, True])
def test_there_is_no_allowance_without_end(amount: int) -> None:
    """What is more than any price, or no number of base units, is refused."""
    with pytest.raises(AmountError):
        approve_call(SPENDER, SPENDER, amount)
