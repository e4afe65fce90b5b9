"""Turns charges into money: claims many channels in one transaction, when it is worth it or when it must be.

Which channels, and how much of each, is on disk before the transaction; after a crash the same batch is sent again, and
a claim of what is claimed already changes nothing (see the contract).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coase.errors import TransactionReverted
from coase.identity import keccak
from coase.settlement.channels.contract import ChannelsClient, Claim
from coase.settlement.channels.till import Till
from coase.settlement.channels.till_table import Account
from coase.settlement.records import Receipt

MOST_AT_ONCE = 50  # channels in one transaction; about 26,000 gas each


@dataclass(frozen=True)
class ClaimPolicy:
    """When to claim a channel.

    Args:
        worth: base units unclaimed from which it pays to claim.
        after: seconds after which any unclaimed money is claimed.
    """

    worth: int = 1_000_000
    after: int = 24 * 3600

    def due(self, account: Account, now: int) -> bool:
        """Whether to claim now: it is worth it, it is old, or the payer is taking its money back."""
        if account.claimable <= 0 or account.trouble:
            return False
        old = account.since is not None and now - account.since >= self.after
        return account.claimable >= self.worth or old or account.state.pending(account.config)


class Collector:
    """Claims and settles for a till.

    Args:
        till: knows what was charged.
        client: of the receiver, or of whom channels name as its authorizer.
        policy: when to claim.
    """

    def __init__(self, till: Till, client: ChannelsClient, policy: ClaimPolicy | None = None) -> None:
        self.till, self.client, self.policy = till, client, policy or ClaimPolicy()

    async def resume(self) -> list[Receipt]:
        """Finish batches that a crash left open."""
        return [
            receipt for number, totals in self.till.table.open_batches() for receipt in await self._send(number, totals)
        ]

    async def collect(self, *, everything: bool = False) -> list[Receipt]:
        """Claim what is due, or all that is unclaimed. A channel that the contract refuses is noted and left out.

        Returns:
            The receipts of the claims.

        Raises:
            SettlementError: as for `Outbox.send`; call again, or `resume` later.
        """
        receipts = await self.resume()
        now = self.till.clock()
        due = [
            one
            for one in self.till.accounts()
            if self.policy.due(one, now) or (everything and one.claimable > 0 and not one.trouble)
        ]
        for low in range(0, len(due), MOST_AT_ONCE):
            totals = {one.channel: one.state.claimed + one.claimable for one in due[low : low + MOST_AT_ONCE]}
            receipts += await self._send(self.till.table.begin(totals), totals)
        return receipts

    async def settle(self, intent: str) -> Receipt | None:
        """Have all that was claimed paid out; None when nothing is owed."""
        terms = self.till.terms
        if not self.client.outbox.knows(intent) and not await self.client.owed(terms.receiver, terms.token):
            return None
        return await self.client.settle(intent, terms.receiver, terms.token)

    # ---- below

    async def _send(self, number: int, totals: dict[bytes, int]) -> list[Receipt]:
        accounts = [self.till.account(name) for name in totals]
        try:
            claims = [Claim(one.config, one.authorised, one.signature, totals[one.channel]) for one in accounts]
            receipt = await self.client.claim(_intent(number, totals), claims)
        except TransactionReverted as error:
            return await self._apart(number, accounts, totals, error.reason)
        await self._over(number, accounts)
        return [receipt]

    async def _apart(
        self, number: int, accounts: Sequence[Account], totals: dict[bytes, int], reason: str
    ) -> list[Receipt]:
        """One refused channel must not hold up the others: halve the batch until it is alone."""
        if len(accounts) == 1:
            self._note(number, [replace(accounts[0], trouble=reason or "refused")])
            return []
        half = len(accounts) // 2
        parts = [{one.channel: totals[one.channel] for one in some} for some in (accounts[:half], accounts[half:])]
        numbers = [self.till.table.begin(part) for part in parts]
        self._note(number, [])
        return [receipt for n, part in zip(numbers, parts, strict=True) for receipt in await self._send(n, part)]

    async def _over(self, number: int, accounts: Sequence[Account]) -> None:
        after = []
        for one, state in zip(accounts, await self.client.states([one.config for one in accounts]), strict=True):
            kept = self.till.account(one.channel)
            since = None if kept.charged <= state.claimed else self.till.clock()
            after.append(replace(kept, state=state, since=since))
        self._note(number, after)

    def _note(self, number: int, accounts: Sequence[Account]) -> None:
        self.till.table.end(number, list(accounts))
        self.till.remember(accounts)


def _intent(number: int, totals: dict[bytes, int]) -> str:
    """Names what is claimed: the books of two tokens count their batches alike, and may share an outbox."""
    claimed = b"".join(name + total.to_bytes(16, "big") for name, total in sorted(totals.items()))
    return f"claim/{number}/{keccak(claimed)[:8].hex()}"
