"""The escrow as a party sees it: one method for each thing that a party may do, and the state read back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import LocalProtocolError, SettlementError, SignatureError, UsageError
from coase.identity import checksum, keccak
from coase.settlement.artifacts import artifact
from coase.settlement.logs import find_logs
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt
from coase.terms.agreement import Agreement
from coase.terms.eip712 import domain_separator, permit_digest

if TYPE_CHECKING:
    from web3 import AsyncWeb3

STATUSES = ("none", "funded", "delivered", "settled", "refunded", "disputed", "offered")  # in the contract's order
TOKEN_NAME, TOKEN_VERSION = "Test Dollar", "1"  # the token's EIP-712 domain; never asked of a contract, which might lie
RESULT_BYTES = 24  # of a result's hash, kept in the contract's state
PERMIT_SECONDS = 30 * 24 * 3600  # of a permit, from the latest block on: an old one where nobody sends
_DELIVERED = keccak(b"Delivered(bytes32,bytes32)")

Record = Callable[[], None] | None


@dataclass(frozen=True)
class EscrowState:
    """A deal on the chain.

    Args:
        status: "none", "offered", "funded", "delivered", "settled", "refunded" or "disputed".
        at: chain time in seconds of the delivery or, later, of the dispute; 0 before.
        result: the first 24 bytes of the result's hash; zeros before delivery.
        fee_basis_points: the market's share of what the seller is paid.
    """

    status: str
    at: int
    result: bytes
    fee_basis_points: int = 0


@dataclass(frozen=True)
class BundleState:
    """A bundle on the chain.

    Args:
        legs: how many deals it has; 0 when it was never opened.
        accepted: how many of them their sellers have agreed to.
        broken: a leg was given back before all were accepted; every leg can be refunded.
    """

    legs: int
    accepted: int
    broken: bool

    @property
    def complete(self) -> bool:
        """Whether work may begin."""
        return self.legs == self.accepted > 0


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
        return await self._open(intent, agreement, _signature(seller_signature), record)

    async def offer(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """The buyer puts the price into escrow before the seller has agreed, which has until `accept_by`."""
        return await self._open(intent, agreement, b"", record)

    async def open_bundle(
        self,
        intent: str,
        legs: Sequence[Agreement],
        seller_signatures: Sequence[str | bytes | None],
        record: Record = None,
    ) -> Receipt:
        """The buyer funds all legs of a bundle together, by a permit for exactly the sum.

        Args:
            legs: 2 to 16 agreements with equal buyer, token, `accept_by` and `bundle`.
            seller_signatures: one a leg; None where the seller is still to accept.
        """
        if len(legs) != len(seller_signatures):
            raise UsageError(f"{len(legs)} legs and {len(seller_signatures)} signatures", code="bad_bundle")
        for leg in legs:
            self._check_token(leg)
        signatures = [b"" if given is None else _signature(given) for given in seller_signatures]
        total, ends = sum(leg.price for leg in legs), min(leg.deliver_by for leg in legs)

        async def call() -> Call:
            structs = [self._struct(leg) for leg in legs]
            return self._encoded("openBundle", [structs, signatures, *await self._permit(total, ends)])

        async with self._opening:
            return await self.outbox.send(intent, call, record)

    async def accept(
        self, intent: str, agreement: Agreement, seller_signature: str | bytes | None = None, record: Record = None
    ) -> Receipt:
        """The seller agrees to an offer or a leg; anyone else needs its signature of the digest."""
        signature = b"" if seller_signature is None else _signature(seller_signature)
        return await self._do(intent, "accept", agreement, signature, record=record)

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
        """The buyer disputes within the review window, and puts the bond in by a permit for exactly that.

        `reason_hash` is 32 bytes. The ruling window starts.
        """
        reason = _hash(reason_hash)
        if not agreement.bond:
            return await self._do(intent, "dispute", agreement, reason, 0, 0, bytes(32), bytes(32), record=record)
        self._check_token(agreement)

        async def call() -> Call:
            ends = await self.outbox.node.ask(lambda: self._w3.eth.get_block("latest"))
            permit = await self._permit(agreement.bond, int(ends.get("timestamp", 0)) + PERMIT_SECONDS)
            return self._call("dispute", agreement, reason, *permit)

        async with self._opening:
            return await self.outbox.send(intent, call, record)

    async def rule(self, intent: str, agreement: Agreement, basis_points: int, record: Record = None) -> Receipt:
        """The arbiter gives the seller 0 to 10,000 basis points of the price, and the buyer the rest."""
        return await self._do(intent, "rule", agreement, _points(basis_points), record=record)

    async def settle_unruled(self, intent: str, agreement: Agreement, record: Record = None) -> Receipt:
        """Anyone halves the price after the ruling window; an odd unit goes to the buyer."""
        return await self._do(intent, "settleUnruled", agreement, record=record)

    def propose(self, agreement: Agreement, basis_points: int, valid_until: int) -> bytes:
        """A signed proposal that the seller get these basis points of the price, for the other party to `settle`.

        It serves until the chain time `valid_until`, and cannot be taken back before.
        """
        digest = agreement.proposal(_points(basis_points), valid_until, self.chain_id, self.escrow)
        return self.outbox.identity.sign(digest)

    async def settle(
        self,
        intent: str,
        agreement: Agreement,
        basis_points: int,
        valid_until: int,
        signature: str | bytes,
        record: Record = None,
    ) -> Receipt:
        """Either party divides the price as the other has proposed."""
        return await self._do(
            intent, "settle", agreement, _points(basis_points), valid_until, _signature(signature), record=record
        )

    async def withdraw(self, intent: str, to: str, record: Record = None) -> Receipt:
        """Take what the token once refused to pay to us, to an account that it does pay."""
        return await self.outbox.send(intent, self._encoded("withdraw", [self.token, checksum(to)]), record)

    # ---- reading

    def digest(self, agreement: Agreement) -> bytes:
        """What the parties sign, and the deal's id here: 32 bytes."""
        return agreement.digest(self.chain_id, self.escrow)

    async def status(self, agreement: Agreement) -> EscrowState:
        """Where the deal stands."""
        status, at, fee, result = await self._read(self._contract.functions.deals(self.digest(agreement)))
        return EscrowState(STATUSES[status], int(at), bytes(result), int(fee))

    async def bundle(self, buyer: str, word: str) -> BundleState:
        """Where the bundle of a buyer with this word (64 hexadecimal digits) stands."""
        key = keccak(bytes(12) + bytes.fromhex(checksum(buyer)[2:]) + bytes.fromhex(word))
        legs, accepted, broken = await self._read(self._contract.functions.bundles(key))
        return BundleState(int(legs), int(accepted), bool(broken))

    async def owed(self, account: str) -> int:
        """Base units that the token refused to pay an account."""
        return int(await self._read(self._contract.functions.owed(self.token, checksum(account))))

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
        topics = [_DELIVERED, self.digest(agreement)]
        found = [one.log.data for one in await find_logs(self.outbox.node, self.escrow, topics)]
        if len(found) != 1 or len(found[0]) != 32 or found[0][:RESULT_BYTES] != state.result:
            raise SettlementError(
                "the node's Delivered event does not fit the contract's state",
                hint="ask another node",
                code="bad_event",
            )
        return found[0]

    # ---- below

    async def _do(self, intent: str, name: str, agreement: Agreement, *values: Any, record: Record) -> Receipt:
        return await self.outbox.send(intent, self._call(name, agreement, *values), record)

    async def _open(self, intent: str, agreement: Agreement, signature: bytes, record: Record) -> Receipt:
        self._check_token(agreement)

        async def call() -> Call:
            permit = await self._permit(agreement.price, agreement.deliver_by)
            return self._call("open", agreement, signature, *permit)

        async with self._opening:
            return await self.outbox.send(intent, call, record)

    def _call(self, name: str, agreement: Agreement, *values: Any) -> Call:
        return self._encoded(name, [self._struct(agreement), *values])

    def _encoded(self, name: str, values: list[Any]) -> Call:
        return Call(self.escrow, bytes.fromhex(self._contract.encode_abi(name, values)[2:]))

    def _struct(self, agreement: Agreement) -> tuple[Any, ...]:
        row = agreement.row()
        return (*(checksum(account) for account in row[:4]), *row[4:])

    def _check_token(self, agreement: Agreement) -> None:
        if checksum(agreement.token) != self.token:
            raise LocalProtocolError(
                f"the agreement is in {agreement.token}, this escrow client pays in {self.token}", code="other_token"
            )

    async def _permit(self, amount: int, deadline: int) -> tuple[int, int, bytes, bytes]:
        """(deadline, v, r, s) for exactly `amount`. It ends: unused, it is worth nothing later."""
        owner = self.outbox.identity
        nonce = int(await self._read(self._dollar.functions.nonces(owner.account)))
        digest = permit_digest(
            domain_separator(TOKEN_NAME, TOKEN_VERSION, self.chain_id, self.token),
            owner=owner.account,
            spender=self.escrow,
            value=amount,
            nonce=nonce,
            deadline=deadline,
        )
        signature = owner.sign(digest)
        return deadline, signature[64], signature[:32], signature[32:64]

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


def _points(value: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= 10_000:
        raise UsageError(f"a ruling is 0 to 10,000 basis points, not {value!r}", code="bad_ruling")
    return value


def _hash(value: bytes) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise UsageError("a hash is 32 bytes", code="bad_hash")
    return value
