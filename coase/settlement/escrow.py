"""The escrow as a party sees it: one method for each thing that a party may do, and the state read back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import LocalProtocolError, SettlementError, SignatureError, UsageError
from coase.identity import checksum, keccak
from coase.settlement.artifacts import artifact
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt
from coase.terms.agreement import Agreement
from coase.terms.eip712 import domain_separator, permit_digest

if TYPE_CHECKING:
    from web3 import AsyncWeb3

STATUSES = ("none", "funded", "delivered", "settled", "refunded", "disputed")  # in the contract's order
TOKEN_NAME, TOKEN_VERSION = "Test Dollar", "1"  # the token's EIP-712 domain; never asked of a contract, which might lie
_DELIVERED = keccak(b"Delivered(bytes32,bytes32)")

Record = Callable[[], None] | None


@dataclass(frozen=True)
class EscrowState:
    """A deal on the chain.

    Args:
        status: "none", "funded", "delivered", "settled", "refunded" or "disputed".
        at: chain time in seconds of the delivery or, later, of the dispute; 0 before.
        result: the first 26 bytes of the result's hash; zeros before delivery.
    """

    status: str
    at: int
    result: bytes


class EscrowClient:
    """The escrow, for the owner of an outbox.

    Every action takes the intent that names it, does it once, and returns its receipt; `record` commits together with
    the transaction (see `Outbox.send`, also for the errors). An action that the contract would refuse raises
    `TransactionReverted`, whose `reason` is the contract's error, before anything is sent or paid.

    Args:
        w3: the connection to read by.
        outbox: sends.
        token, escrow: the contracts' accounts.
        chain_id: EIP-155.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, token: str, escrow: str, chain_id: int) -> None:
        self.outbox, self.chain_id = outbox, chain_id
        self.token, self.escrow = checksum(token), checksum(escrow)
        contract: Any = w3.eth.contract
        self._dollar: Any = contract(address=self.token, abi=list(artifact("TestDollar").abi))
        self._contract: Any = contract(address=self.escrow, abi=list(artifact("ServiceEscrow").abi))
        self._w3 = w3
        self._opening = asyncio.Lock()  # permits count up: the next is made when the one before is mined

    async def open(
        self, intent: str, agreement: Agreement, seller_signature: str | bytes, record: Record = None
    ) -> Receipt:
        """The buyer puts the price into escrow, by a permit (EIP-2612) for exactly that.

        Args:
            seller_signature: of the agreement's digest; 65 bytes, or their hexadecimal.
        """
        if checksum(agreement.token) != self.token:
            raise LocalProtocolError(
                f"the agreement is in {agreement.token}, this escrow client pays in {self.token}", code="other_token"
            )
        signature = _signature(seller_signature)

        async def call() -> Call:
            return self._call("open", agreement, signature, *await self._permit(agreement))

        async with self._opening:
            return await self.outbox.send(intent, call, record)

    async def deliver(self, intent: str, agreement: Agreement, result_hash: bytes, record: Record = None) -> Receipt:
        """The seller commits to a result (32 bytes), by `deliver_by`. The review window starts."""
        return await self._do(intent, "deliver", agreement, _hash(result_hash), record=record)

    async def release(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """The buyer accepts the result, or gives in during a dispute: the seller is paid."""
        return await self._do(intent, "release", agreement, record=record)

    async def claim(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """Anyone pays the seller after the review window."""
        return await self._do(intent, "claim", agreement, record=record)

    async def refund(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """The buyer gets its money back: by anyone when nothing was delivered in time, by the seller at any time."""
        return await self._do(intent, "refund", agreement, record=record)

    async def dispute(self, intent: str, agreement: Agreement, reason_hash: bytes, record: Record = None) -> Receipt:
        """The buyer disputes within the review window; `reason_hash` is 32 bytes. The ruling window starts."""
        return await self._do(intent, "dispute", agreement, _hash(reason_hash), record=record)

    async def rule(self, intent: str, agreement: Agreement, basis_points: int, record: Record = None) -> Receipt:
        """The arbiter gives the seller 0 to 10,000 basis points of the price, and the buyer the rest."""
        if not isinstance(basis_points, int) or not 0 <= basis_points <= 10_000:
            raise UsageError(f"a ruling is 0 to 10,000 basis points, not {basis_points!r}", code="bad_ruling")
        return await self._do(intent, "rule", agreement, basis_points, record=record)

    async def settle_unruled(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """Anyone halves the price after the ruling window; an odd unit goes to the buyer."""
        return await self._do(intent, "settleUnruled", agreement, record=record)

    # ---- reading

    def digest(self, agreement: Agreement) -> bytes:
        """What the parties sign, and the deal's id here: 32 bytes."""
        return agreement.digest(self.chain_id, self.escrow)

    async def status(self, agreement: Agreement) -> EscrowState:
        """Where the deal stands."""
        status, at, result = await self._read(self._contract.functions.deals(self.digest(agreement)))
        return EscrowState(STATUSES[status], int(at), bytes(result))

    async def balance(self, account: str) -> int:
        """Base units of an account."""
        return int(await self._read(self._dollar.functions.balanceOf(checksum(account))))

    async def result_hash(self, agreement: Agreement) -> bytes | None:
        """The 32 bytes that the seller committed to, from the event; None when nothing was delivered.

        Raises:
            SettlementError: the node's event does not fit the contract's state.
        """
        state = await self.status(agreement)
        if not state.at:
            return None
        topics = ["0x" + _DELIVERED.hex(), "0x" + self.digest(agreement).hex()]
        query: Any = {"address": self.escrow, "topics": topics, "fromBlock": "earliest"}
        logs = await self.outbox.node.ask(lambda: self._w3.eth.get_logs(query))
        found = [bytes(log["data"]) for log in logs]
        if len(found) != 1 or len(found[0]) != 32 or found[0][:26] != state.result:
            raise SettlementError(
                "the node's Delivered event does not fit the contract's state",
                hint="ask another node",
                code="bad_event",
            )
        return found[0]

    # ---- below

    async def _do(self, intent: str, name: str, agreement: Agreement, *values: Any, record: Record) -> Receipt:
        return await self.outbox.send(intent, self._call(name, agreement, *values), record)

    def _call(self, name: str, agreement: Agreement, *values: Any) -> Call:
        row = agreement.row()
        struct = (*(checksum(account) for account in row[:4]), *row[4:])
        return Call(self.escrow, bytes.fromhex(self._contract.encode_abi(name, [struct, *values])[2:]))

    async def _permit(self, agreement: Agreement) -> tuple[int, int, bytes, bytes]:
        """(deadline, v, r, s). It ends with the agreement's own deadline: an unused one is worth nothing later."""
        owner = self.outbox.identity
        nonce = int(await self._read(self._dollar.functions.nonces(owner.account)))
        digest = permit_digest(
            domain_separator(TOKEN_NAME, TOKEN_VERSION, self.chain_id, self.token),
            owner=owner.account,
            spender=self.escrow,
            value=agreement.price,
            nonce=nonce,
            deadline=agreement.deliver_by,
        )
        signature = owner.sign(digest)
        return agreement.deliver_by, signature[64], signature[:32], signature[32:64]

    async def _read(self, function: Any) -> Any:
        request: Callable[[], Awaitable[Any]] = lambda: function.call(ccip_read_enabled=False)  # noqa: E731  # a thunk
        return await self.outbox.node.ask(request)


def _signature(signature: str | bytes) -> bytes:
    try:
        raw = bytes.fromhex(signature) if isinstance(signature, str) else signature
    except ValueError as error:
        raise SignatureError("the seller's signature is not hexadecimal") from error
    if len(raw) != 65:
        raise SignatureError(f"the seller's signature has {len(raw)} bytes, not 65")
    return raw


def _hash(value: bytes) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise UsageError("a hash is 32 bytes", code="bad_hash")
    return value
