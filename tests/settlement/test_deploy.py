"""Deployment happens once, whatever dies in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coase.errors import AmountError
from coase.identity import Identity
from coase.settlement.deploy import deploy
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.escrow import EscrowClient
from coase.settlement.outbox import Outbox
from coase.testing.chain import IMPATIENT, memory_chain

DEPLOYER, HOLDER = Identity.from_seed("deploy", "deployer"), Identity.from_seed("deploy", "holder")


async def test_holders_get_what_was_asked() -> None:
    """All dollars are where they should be, and the deployer has none."""
    async with memory_chain([HOLDER.account], dollars=123) as chain:
        client = chain.client(HOLDER)
        assert await client.balance(HOLDER.account) == 123
        assert await client.balance(DEPLOYER.account) == 0
        assert int(await client._dollar.functions.totalSupply().call()) == 123


async def test_accounts_are_the_same_in_every_run() -> None:
    """The contracts' accounts depend on the deployer alone; holders may be written in any case and order."""
    async with memory_chain([HOLDER.account]) as one, memory_chain([DEPLOYER.account, HOLDER.account]) as two:
        assert one.contracts == two.contracts
        with pytest.raises(AmountError):
            await deploy(one.outbox(HOLDER), {HOLDER.account.lower(): -1})


@pytest.mark.parametrize("at", range(1, 25))
async def test_a_crash_while_deploying_deploys_once(tmp_path: Path, crashes: Any, at: int) -> None:
    """Die at each point, begin again with the same folder: four transactions, and the same contracts."""
    import sqlite3

    for point in (at, 0):
        with crashes.die_at(point):
            async with EmbeddedChain(tmp_path / "chain", alloc={DEPLOYER.account: 10**20}) as chain:
                db = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
                try:
                    outbox = Outbox(chain.w3, DEPLOYER, db, chain.chain_id, patience=IMPATIENT)
                    contracts = await deploy(outbox, {HOLDER.account: 5})
                    assert await chain.w3.eth.get_transaction_count(DEPLOYER.account) == 4  # type: ignore[arg-type]
                    client = EscrowClient(chain.w3, outbox, contracts.token, contracts.escrow, chain.chain_id)
                    assert await client.balance(HOLDER.account) == 5
                finally:
                    db.close()
    assert len(crashes.names) <= 24
