"""An EVM in this process, on EELS (the Ethereum execution specification in Python): one transaction a block.

`Chain` knows nothing of JSON-RPC, threads or clocks. Its history is a list of (time, raw transaction): the same list
executed from the same genesis gives the same receipts, balances and block hashes, so that the list *is* the chain.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from coase import crash
from coase.errors import ConfigurationError, MissingExtra
from coase.identity import checksum, keccak
from coase.settlement.records import Log

try:
    from ethereum import EVM_RECURSION_LIMIT
    from ethereum.exceptions import EthereumException
    from ethereum.forks.osaka import blocks, fork, fork_types, transactions, trie, vm
    from ethereum.forks.osaka import state as states
    from ethereum.forks.osaka.utils.address import compute_contract_address
    from ethereum.forks.osaka.utils.message import prepare_message
    from ethereum.forks.osaka.vm import interpreter
    from ethereum_rlp import rlp
    from ethereum_rlp.exceptions import RLPException
    from ethereum_types.bytes import Bytes, Bytes0, Bytes32
    from ethereum_types.numeric import U64, U256, Uint
except ImportError as error:
    raise MissingExtra("the embedded chain", "chain") from error

# py_ecc, which EELS imports, raises the limit to 100,000 for the whole process: deeply nested JSON of a stranger would
# then overflow the C stack and kill it. EELS itself needs a frame or a dozen for each of 1,024 nested calls.
sys.setrecursionlimit(min(sys.getrecursionlimit(), EVM_RECURSION_LIMIT))

# Half of EELS' time goes into finding jump destinations anew in every call frame; they depend on the code alone.
if not hasattr(interpreter.get_valid_jump_destinations, "cache_info"):
    interpreter.get_valid_jump_destinations = lru_cache(128)(interpreter.get_valid_jump_destinations)  # type: ignore[assignment, unused-ignore]

GAS_LIMIT = 30_000_000
CALL_GAS = 16_777_216  # the most that one transaction may ask for since Osaka (EIP-7825)
BASE_FEE = 10**9
MAX_RAW = 131_072  # bytes of one raw transaction, as in other nodes
COINBASE = b"\x99" * 20


class Reverted(Exception):
    """A dry run reverted; `data` is what the contract returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


class Refused(Exception):
    """The transaction cannot be included: malformed, bad signature, bad nonce, no funds."""


@dataclass(frozen=True)
class Block:
    """One block with its one transaction and receipt. Block 0 has neither."""

    number: int
    time: int
    hash: bytes
    raw: bytes = b""
    tx_hash: bytes = b""
    sender: str = ""
    to: str | None = None
    created: str | None = None
    succeeded: bool = True
    gas_used: int = 0
    bloom: bytes = bytes(256)
    logs: tuple[Log, ...] = ()


@dataclass(frozen=True)
class Genesis:
    """Where a chain begins.

    Args:
        chain_id: what transactions are signed for (EIP-155).
        time: of block 0, seconds.
        alloc: account -> wei.
        evm: the software that executes; another version may give other gas, hence other hashes.
    """

    chain_id: int = 31337
    time: int = 1_700_000_000
    alloc: Mapping[str, int] = field(default_factory=dict)
    evm: str = field(default_factory=lambda: f"ethereum-execution {version('ethereum-execution')} osaka")

    def __post_init__(self) -> None:
        if not 0 < self.chain_id < 2**63 or not 0 <= self.time < 2**40:
            raise ConfigurationError(f"chain id {self.chain_id} or genesis time {self.time} is out of range")
        for account, wei in self.alloc.items():
            if not 0 <= wei < 2**255:
                raise ConfigurationError(f"{account} cannot start with {wei} wei")
        object.__setattr__(self, "alloc", {checksum(a): self.alloc[a] for a in sorted(self.alloc, key=str.lower)})

    def text(self) -> str:
        """The genesis as JSON, the same for equal ones."""
        body = {"alloc": dict(self.alloc), "chain_id": self.chain_id, "evm": self.evm, "time": self.time}
        return json.dumps(body, sort_keys=True, separators=(",", ":"))


class Chain:
    """State and blocks.

    Args:
        genesis: where it begins.
        persist: called with each executed block before anybody can see it; when it raises, the block never happened.
    """

    def __init__(self, genesis: Genesis, persist: Callable[[Block], None] | None = None) -> None:
        self.genesis, self.chain_id, self.persist = genesis, genesis.chain_id, persist
        self.state = states.State()
        for account, wei in genesis.alloc.items():
            states.set_account_balance(self.state, _address(account), U256(wei))
        self.blocks = [Block(0, genesis.time, keccak(genesis.text().encode()))]
        self.by_transaction: dict[bytes, Block] = {}
        self.offset = 0

    @property
    def head(self) -> Block:
        """The latest block."""
        return self.blocks[-1]

    def next_time(self) -> int:
        """The timestamp of the block to come: one second a block, plus what was advanced. Ask this, never a clock."""
        return self.head.time + 1 + self.offset

    def advance(self, seconds: int) -> None:
        """Let time pass until the next block. It lasts only through that block's timestamp."""
        if not 0 <= seconds < 2**40 - self.next_time():
            raise Refused(f"time cannot be moved by {seconds} seconds")
        self.offset += seconds

    def send(self, raw: bytes) -> bytes:
        """Execute, persist, publish; returns the transaction's hash. A known transaction is not executed again.

        Raises:
            Refused: it cannot be included.
        """
        if known := self.by_transaction.get(keccak(raw)):
            return known.tx_hash
        with self._copy() as undo:
            try:
                block = self.execute(raw, self.next_time())
                if self.persist is not None:
                    crash.point(f"block {block.number} executed")
                    self.persist(block)
            except BaseException:  # whatever it was: without its row the block never happened
                undo()
                raise
        self.adopt(block)
        if self.persist is not None:
            crash.point(f"block {block.number} on disk")
        return block.tx_hash

    def execute(self, raw: bytes, time: int) -> Block:
        """Run a transaction on the state, which is left half-changed when this raises."""
        if not 0 < len(raw) <= MAX_RAW:
            raise Refused(f"a raw transaction has 1 to {MAX_RAW} bytes, not {len(raw)}")
        out = vm.BlockOutput()
        try:
            typed = raw[0] < 0x80
            tx = transactions.decode_transaction(
                Bytes(raw) if typed else rlp.decode_to(transactions.LegacyTransaction, raw)
            )
            self._check_kind(tx)
            fork.process_transaction(self._environment(time), out, tx, Uint(0))
        except (EthereumException, RLPException, RecursionError, OverflowError) as error:
            raise Refused(_why(error)) from error
        receipt = trie.trie_get(out.receipts_trie, out.receipt_keys[0])
        assert receipt is not None
        encoded = bytes(receipt) if typed else rlp.encode(receipt)
        receipt = blocks.decode_receipt(receipt)
        sender = transactions.recover_sender(U64(self.chain_id), tx)
        creates = isinstance(tx.to, Bytes0)
        number, tx_hash = self.head.number + 1, keccak(raw)
        return Block(
            number=number,
            time=time,
            hash=keccak(rlp.encode((self.head.hash, Uint(number), Uint(time), tx_hash, encoded))),
            raw=raw,
            tx_hash=tx_hash,
            sender=_text(sender),
            to=None if creates else _text(tx.to),
            created=_text(compute_contract_address(sender, Uint(tx.nonce))) if creates else None,
            succeeded=bool(receipt.succeeded),
            gas_used=int(out.block_gas_used),
            bloom=bytes(receipt.bloom),
            logs=tuple(
                Log(_text(log.address), tuple(bytes(t) for t in log.topics), bytes(log.data)) for log in receipt.logs
            ),
        )

    def _check_kind(self, tx: Any) -> None:
        """What EELS leaves to the node: transactions for another chain, or for any, must not be replayed here."""
        if isinstance(tx, transactions.BlobTransaction):
            raise Refused("blob transactions are not served")
        if isinstance(tx, transactions.LegacyTransaction):
            if tx.v in (27, 28):
                raise Refused("only replay-protected (EIP-155) transactions are taken")
        elif int(tx.chain_id) != self.chain_id:
            raise Refused(f"invalid chain id: signed for {int(tx.chain_id)}, this is {self.chain_id}")

    def adopt(self, block: Block) -> None:
        """Make an executed block the head."""
        self.blocks.append(block)
        self.by_transaction[block.tx_hash] = block
        self.offset = 0  # spent: the next block counts from this one

    def call(self, sender: str, to: str | None, data: bytes, value: int = 0, gas: int = CALL_GAS) -> tuple[bytes, int]:
        """Dry run on the block to come; returns what the contract returned and the gas used before refunds.

        Raises:
            Reverted: with the contract's error.
            Refused: it could not be run at all.
        """
        gas = min(gas, CALL_GAS)
        tx = transactions.FeeMarketTransaction(
            chain_id=U64(self.chain_id),
            nonce=U256(0),
            max_priority_fee_per_gas=Uint(0),
            max_fee_per_gas=Uint(BASE_FEE),
            gas=Uint(gas),
            to=_address(to) if to else Bytes0(b""),
            value=U256(value),
            data=Bytes(data),
            access_list=(),
            y_parity=U256(0),
            r=U256(0),
            s=U256(0),
        )
        intrinsic, floor = (int(gas) for gas in transactions.calculate_intrinsic_cost(tx))
        who = _address(sender)
        if gas < max(intrinsic, floor) or int(self.account(sender).balance) < value:
            raise Refused(
                "insufficient funds for transfer" if gas >= max(intrinsic, floor) else "intrinsic gas too low"
            )
        running = vm.TransactionEnvironment(
            origin=who,
            gas_price=Uint(BASE_FEE),
            gas=Uint(gas - intrinsic),
            access_list_addresses={fork_types.Address(COINBASE)},
            access_list_storage_keys=set(),
            transient_storage=states.TransientStorage(),
            blob_versioned_hashes=(),
            authorizations=(),
            index_in_block=Uint(0),
            tx_hash=None,
        )
        with self._copy() as undo:
            try:
                states.increment_nonce(self.state, who)
                message = prepare_message(self._environment(self.next_time()), running, tx)
                out = interpreter.process_message_call(message)
            except (EthereumException, RecursionError) as error:
                raise Refused(_why(error)) from error
            finally:
                undo()
        if out.error is not None:
            raise Reverted(bytes(out.return_data))
        return bytes(out.return_data), max(gas - int(out.gas_left), floor)

    def account(self, account: str) -> Any:
        """The account's `nonce`, `balance` (wei) and `code`."""
        return states.get_account(self.state, _address(account))

    def storage(self, account: str, slot: int) -> int:
        """One storage word of a contract."""
        return int(states.get_storage(self.state, _address(account), Bytes32(slot.to_bytes(32, "big"))))

    @contextmanager
    def _copy(self) -> Iterator[Callable[[], None]]:
        """Work on a copy of the state; what is yielded goes back to the one before."""
        before = self.state
        self.state = states.State(
            _main_trie=trie.copy_trie(before._main_trie),
            _storage_tries={key: trie.copy_trie(kept) for key, kept in before._storage_tries.items()},
        )

        def undo() -> None:
            self.state = before

        yield undo

    def _environment(self, time: int) -> Any:
        return vm.BlockEnvironment(
            chain_id=U64(self.chain_id),
            state=self.state,
            block_gas_limit=Uint(GAS_LIMIT),
            block_hashes=[Bytes32(block.hash) for block in self.blocks[-256:]],
            coinbase=fork_types.Address(COINBASE),
            number=Uint(self.head.number + 1),
            base_fee_per_gas=Uint(BASE_FEE),
            time=U256(time),
            prev_randao=Bytes32(keccak(self.head.hash)),
            excess_blob_gas=U64(0),
            parent_beacon_block_root=Bytes32(bytes(32)),
        )


def _why(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _address(account: str) -> Any:
    return fork_types.Address(bytes.fromhex(account.removeprefix("0x")))


def _text(address: Any) -> str:
    return checksum("0x" + bytes(address).hex())
