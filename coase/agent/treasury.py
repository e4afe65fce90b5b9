"""The operator of an embedded market: deploys the contracts, holds all test dollars at first, and funds new agents."""

from __future__ import annotations

from pathlib import Path

from coase.agent.journal import Journal
from coase.identity import Identity
from coase.money import DOLLAR
from coase.settlement.backend import ChainBackend
from coase.settlement.deploy import Contracts, deploy
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call
from coase.settlement.token import transfer_call

NAME = "bank"
SUPPLY = 1_000_000 * DOLLAR
ETHER = 10**18


class Treasury:
    """Every payment is an intent in the outbox, so that a restart pays nobody twice.

    Args:
        identity: the operator's key; its account holds the ether of the genesis block.
        chain: where to deploy.
        path: of its journal.
    """

    contracts: Contracts

    def __init__(self, identity: Identity, chain: ChainBackend, path: Path) -> None:
        self.identity = identity
        self.journal = Journal(path, NAME)
        self.outbox = Outbox(chain.w3, identity, self.journal.db, chain.chain_id, policy=chain.policy)

    async def deploy(self) -> Contracts:
        """Finish what an earlier process began to send; then the contracts, deployed once."""
        await self.outbox.resume()
        self.contracts = await deploy(self.outbox, holders={self.identity.account: SUPPLY})
        return self.contracts

    async def fund(self, name: str, account: str, dollars: int) -> None:
        """Give a new agent ether for gas, and test dollars (base units)."""
        await self.outbox.send(f"ether/{name}", Call(account, value=10 * ETHER, gas=21_000))
        if dollars:
            call = transfer_call(self.contracts.token, account, dollars)
            await self.outbox.send(f"dollars/{name}", call)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()
