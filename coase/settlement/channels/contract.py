"""The PaymentChannels contract as a party sees it: a method for each thing that it may do, and the state read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.identity import checksum
from coase.money import check
from coase.settlement.allowance import PriceCap, permit_exactly
from coase.settlement.artifacts import artifact
from coase.settlement.channels.authorization import DepositAuthorization
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.states import ChannelState, read_states
from coase.settlement.escrow import PERMIT_SECONDS, TOKEN_NAME, TOKEN_VERSION
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt

if TYPE_CHECKING:
    from web3 import AsyncWeb3

Record = Callable[[], None] | None


@dataclass(frozen=True)
class Claim:
    """A voucher to be used: take `total` base units of the channel in all, on a signature for `amount`."""

    config: ChannelConfig
    amount: int
    signature: bytes
    total: int


class ChannelsClient:
    """The channels, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`.

    Args:
        w3: the connection to read by.
        outbox: sends.
        place: chain and contract.
        cap: the most that one deposit may take, and of which token.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, place: Place, cap: PriceCap) -> None:
        self.outbox, self.place, self.cap = outbox, place, cap
        self._w3 = w3
        self._contract: Any = w3.eth.contract(address=place.contract, abi=list(artifact("PaymentChannels").abi))  # type: ignore[call-overload]
        self._depositing = asyncio.Lock()  # permits count up: the next is made when the one before is mined

    async def deposit(self, intent: str, config: ChannelConfig, amount: int, record: Record = None) -> Receipt:
        """The payer adds to its channel, by a permit (EIP-2612) for exactly that."""
        self.cap.allows(config.token, amount)

        async def call() -> Call:
            head = await self.outbox.node.head()
            permit = await permit_exactly(
                self.outbox.node,
                self.outbox.identity,
                self.place.contract,
                amount,
                self.cap,
                deadline=head.time + PERMIT_SECONDS,
                domain=(TOKEN_NAME, TOKEN_VERSION, self.place.chain_id),
            )
            return self._call("deposit", config.row(), amount, permit.deadline, permit.v, permit.r, permit.s)

        async with self._depositing:
            return await self.outbox.send(intent, call, record)

    async def deposit_for(self, intent: str, authorization: DepositAuthorization, record: Record = None) -> Receipt:
        """Anyone sends a deposit that the payer has signed, and pays its gas."""
        authorization.check(self.place)
        a, signature = authorization, authorization.signature
        row = (a.config.row(), a.amount, 0, a.valid_before, a.salt, signature[64], signature[:32], signature[32:64])
        return await self.outbox.send(intent, self._call("depositWithAuthorization", *row), record)

    async def claim(self, intent: str, claims: Sequence[Claim], record: Record = None) -> Receipt:
        """The receiver (or its authorizer) accounts to itself what vouchers allow, of many channels at once."""
        rows = [((one.config.row(), one.amount), one.signature, one.total) for one in claims]
        return await self.outbox.send(intent, self._call("claim", rows), record)

    async def settle(self, intent: str, receiver: str, token: str, record: Record = None) -> Receipt:
        """Anyone pays a receiver all that it is owed in a token."""
        return await self.outbox.send(intent, self._call("settle", checksum(receiver), checksum(token)), record)

    async def refund(self, intent: str, config: ChannelConfig, amount: int, record: Record = None) -> Receipt:
        """The receiver gives unclaimed money back at once."""
        return await self.outbox.send(intent, self._call("refund", config.row(), check(amount)), record)

    async def initiate_withdraw(
        self, intent: str, config: ChannelConfig, amount: int, record: Record = None
    ) -> Receipt:
        """The payer asks for unclaimed money; `config.withdraw_delay` starts."""
        return await self.outbox.send(intent, self._call("initiateWithdraw", config.row(), check(amount)), record)

    async def cancel_withdraw(self, intent: str, config: ChannelConfig, record: Record = None) -> Receipt:
        """The payer leaves its money in after all."""
        return await self.outbox.send(intent, self._call("cancelWithdraw", config.row()), record)

    async def finalize_withdraw(self, intent: str, config: ChannelConfig, record: Record = None) -> Receipt:
        """Anyone pays the payer what it asked for, after the delay and within the window."""
        return await self.outbox.send(intent, self._call("finalizeWithdraw", config.row()), record)

    # ---- reading

    async def state(self, config: ChannelConfig) -> ChannelState:
        """Where a channel stands, all of it at the newest block; deposits count when they are final."""
        return (await self.states([config]))[0]

    async def states(self, configs: Sequence[ChannelConfig]) -> list[ChannelState]:
        """Where many channels stand at one block, in few requests."""
        return await read_states(self.outbox.node, self.place, configs, self.outbox.policy.finality)

    async def owed(self, receiver: str, token: str) -> int:
        """Base units that a receiver has claimed and not been paid."""
        head = await self.outbox.node.head()
        function = self._contract.functions.receivers(checksum(receiver), checksum(token))
        claimed, settled = await self._read(function, head.number)
        return int(claimed) - int(settled)

    # ---- below

    def _call(self, name: str, *values: Any) -> Call:
        return Call(self.place.contract, bytes.fromhex(self._contract.encode_abi(name, list(values))[2:]))

    async def _read(self, function: Any, block: int) -> Any:
        return await self.outbox.node.ask(lambda: function.call(block_identifier=block, ccip_read_enabled=False))
