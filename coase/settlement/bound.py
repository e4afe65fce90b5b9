"""One contract at one address, for the owner of an outbox: what its typed client is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coase.identity import checksum
from coase.settlement.artifacts import artifact
from coase.settlement.events import ChainEvent, Events
from coase.settlement.logs import FoundLog
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt

if TYPE_CHECKING:
    from web3 import AsyncWeb3

Record = Callable[[], None] | None


class Bound:
    """Encodes, sends and reads by the contract's own ABI.

    Args:
        w3: the connection to read by.
        outbox: sends.
        name: of the compiled contract, ``AgentRegistry``.
        account: where it is.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, name: str, account: str) -> None:
        self.outbox, self.account = outbox, checksum(account)
        abi = artifact(name).abi
        self._contract: Any = w3.eth.contract(address=self.account, abi=list(abi))  # type: ignore[call-overload]
        self._events = Events([abi])

    def call(self, function: str, *values: Any) -> Call:
        """The call, not sent. `function` is a name, or a signature where several share the name."""
        return Call(self.account, bytes.fromhex(self._contract.encode_abi(function, list(values))[2:]))

    async def send(self, intent: str, function: str, *values: Any, record: Record = None) -> Receipt:
        """Do it, once; see `Outbox.send`."""
        return await self.outbox.send(intent, self.call(function, *values), record)

    async def read(self, function: str, *values: Any) -> Any:
        """What the contract answers now. Errors as for `Node.ask`."""
        asked = self._contract.get_function_by_name(function)(*values)
        return await self.outbox.node.ask(lambda: asked.call(ccip_read_enabled=False))

    def events(self, receipt: Receipt, name: str) -> list[ChainEvent]:
        """What this contract said in a transaction under this name."""
        found = [
            self._events.decode(FoundLog(log, receipt.block_number, receipt.block_hash, index, receipt.hash))
            for index, log in enumerate(receipt.logs)
            if log.address == self.account
        ]
        return [event for event in found if event is not None and event.name == name]
