"""The EVM: execution, refusals, time, determinism."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from coase.errors import ConfigurationError
from coase.identity import Identity
from coase.settlement.artifacts import artifact
from coase.settlement.evm import BASE_FEE, COINBASE, MAX_RAW, Block, Chain, Genesis, Refused, Reverted
from coase.settlement.records import Call
from coase.settlement.signing import sign

ALICE, BOB = Identity.from_seed("evm", "alice"), Identity.from_seed("evm", "bob")


def chain(persist: Callable[[Block], None] | None = None) -> Chain:
    """A chain on which Alice has 100 ether."""
    return Chain(Genesis(alloc={ALICE.account: 10**20}), persist)


def raw(nonce: int, call: Call, *, gas: int = 21_000, chain_id: int = 31337, fee: int = BASE_FEE) -> bytes:
    """A raw transaction of Alice."""
    return sign(ALICE, call, chain_id=chain_id, nonce=nonce, gas=gas, fees=(fee, 0))


def pay(nonce: int, wei: int = 5) -> bytes:
    """A raw payment to Bob."""
    return raw(nonce, Call(BOB.account, value=wei))


def legacy(chain_id: int | None) -> bytes:
    """The same before EIP-1559, for one chain or for any."""
    tx = {"nonce": 0, "gasPrice": BASE_FEE, "gas": 21_000, "to": BOB.account, "value": 5, "data": b""}
    signed = Account.sign_transaction(tx if chain_id is None else {**tx, "chainId": chain_id}, ALICE.secret)
    return bytes(signed.raw_transaction)


def create(on: Chain, nonce: int, code: bytes, gas: int = 5_000_000) -> str:
    """The account of a new contract."""
    on.send(raw(nonce, Call(None, code), gas=gas))
    assert on.head.created is not None
    assert on.head.succeeded
    return on.head.created


def word(account: str) -> bytes:
    """An account as a word of the ABI."""
    return bytes(12) + bytes.fromhex(account[2:])


def test_a_payment_moves_ether_and_burns_the_base_fee() -> None:
    """Balances after one payment are exact, and nobody tips the miner."""
    on = chain()
    on.send(pay(0, 5))
    assert int(on.account(BOB.account).balance) == 5
    assert int(on.account(ALICE.account).balance) == 10**20 - 5 - 21_000 * BASE_FEE
    assert int(on.account("0x" + COINBASE.hex()).balance) == 0
    assert (on.head.number, on.head.gas_used, on.head.sender, on.head.to) == (1, 21_000, ALICE.account, BOB.account)


def test_a_legacy_transaction_for_this_chain_is_mined() -> None:
    """Old wallets work, as long as they name the chain."""
    on = chain()
    on.send(legacy(31337))
    assert int(on.account(BOB.account).balance) == 5


def test_gas_of_a_token_transfer_is_that_of_other_clients() -> None:
    """An ERC-20 transfer costs about 51.5k gas to a new holder and 34.3k to an old one, as on geth and anvil."""
    on = chain()
    arguments = (64).to_bytes(32, "big") + (128).to_bytes(32, "big")
    arguments += (1).to_bytes(32, "big") + word(ALICE.account) + (1).to_bytes(32, "big") + (10**9).to_bytes(32, "big")
    token = create(on, 0, artifact("TestDollar").bytecode + arguments)
    transfer = bytes.fromhex("a9059cbb") + word(BOB.account) + (1000).to_bytes(32, "big")
    used = []
    for nonce in (1, 2):
        on.send(raw(nonce, Call(token, transfer), gas=100_000))
        assert on.head.succeeded
        used.append(on.head.gas_used)
    assert 51_000 < used[0] < 52_000
    assert 33_900 < used[1] < 34_700
    assert used[0] - used[1] == 17_100  # writing zero -> non-zero rather than non-zero -> non-zero (EIP-2929)


def test_a_known_transaction_is_not_executed_again() -> None:
    """Sending the same bytes twice gives the same hash and one block."""
    on = chain()
    assert on.send(pay(0)) == on.send(pay(0))
    assert on.head.number == 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (pay(1), "nonce too high"),
        (raw(0, Call(BOB.account), chain_id=1), "chain id"),
        (legacy(31338), "bad v"),
        (legacy(None), "replay-protected"),
        (raw(0, Call(BOB.account, value=10**20)), "insufficient sender balance"),
        (raw(0, Call(BOB.account), gas=20_999), "Insufficient gas"),
        (raw(0, Call(BOB.account), gas=16_777_217), "Gas limit too high"),
        (raw(0, Call(BOB.account), fee=1), "Insufficient max fee"),
        (b"", "1 to"),
        (b"\x02" * (MAX_RAW + 1), "1 to"),
        (b"\x03\xc0", "cannot decode"),
        (b"\x7f", "unknown transaction type"),
        (b"\xc0", "needs 9 field"),
        (b"\xf8", "truncated"),
        (b"\x02", "Cannot decode"),
    ],
)
def test_what_cannot_be_included_is_refused(bad: bytes, why: str) -> None:
    """A bad transaction is refused, without a block and without a trace in the state."""
    on = chain()
    before = dict(on.state._main_trie._data)
    with pytest.raises(Refused, match=why):
        on.send(bad)
    assert on.head.number == 0
    assert dict(on.state._main_trie._data) == before
    on.send(pay(0))


@given(st.data())
@settings(max_examples=300, deadline=None, database=None)
def test_hostile_bytes_are_refused_or_executed_and_nothing_else(data: st.DataObject) -> None:
    """Damaged transactions never raise anything but `Refused`, and never move the head when they do."""
    good = pay(0)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.just(good[:at] + data.draw(st.binary(max_size=8)) + good[at + data.draw(st.integers(0, 8)) :]),
        )
    )
    on = chain()
    try:
        on.send(bad)
    except Refused:
        assert on.head.number == 0
    else:
        assert on.head.number == 1


def test_a_stale_nonce_is_refused() -> None:
    """A second transaction with a used nonce says so in the words that clients look for."""
    on = chain()
    on.send(pay(0))
    with pytest.raises(Refused, match="nonce too low"):
        on.send(pay(0, 6))


def test_a_block_that_is_not_persisted_never_happened() -> None:
    """When the disk refuses, the state is the one before, and the same transaction works later."""
    full = True

    def persist(block: Block) -> None:
        if full:
            raise OSError("disk full")

    on = chain(persist)
    with pytest.raises(OSError, match="disk full"):
        on.send(pay(0))
    assert (on.head.number, int(on.account(BOB.account).balance)) == (0, 0)
    full = False
    on.send(pay(0))
    assert (on.head.number, int(on.account(BOB.account).balance)) == (1, 5)


def test_time_is_one_second_a_block_and_advances_on_demand() -> None:
    """An advance counts for the next block only; the one after follows it by a second."""
    on = chain()
    start = on.genesis.time
    on.send(pay(0))
    on.advance(100)
    assert on.next_time() == start + 102
    on.send(pay(1))
    on.send(pay(2))
    assert [block.time for block in on.blocks] == [start, start + 1, start + 102, start + 103]


@pytest.mark.parametrize("seconds", [-1, 2**40])
def test_time_does_not_go_back_or_overflow(seconds: int) -> None:
    """Advances that are negative or leave the range of a timestamp are refused."""
    with pytest.raises(Refused, match="time"):
        chain().advance(seconds)


def test_equal_inputs_give_equal_hashes() -> None:
    """Two chains with the same genesis and transactions agree on every hash; another time or order does not."""
    one, two, three = chain(), chain(), chain()
    three.advance(1)
    for on in (one, two, three):
        on.send(pay(0))
    assert one.head == two.head
    assert one.head.hash != three.head.hash


def test_a_dry_run_changes_nothing(creation: Callable[[str], bytes]) -> None:
    """A call that writes storage and reverts or succeeds leaves the state alone."""
    on = chain()
    counter = create(on, 0, creation("5f54600101805f555f5260205ff3"))  # returns ++slot 0
    for _ in range(2):
        assert int.from_bytes(on.call(ALICE.account, counter, b"")[0], "big") == 1
    assert on.storage(counter, 0) == 0
    on.send(raw(1, Call(counter), gas=100_000))
    assert on.storage(counter, 0) == 1


def test_a_revert_carries_its_data(creation: Callable[[str], bytes]) -> None:
    """What the contract returned with REVERT comes out of the dry run, and the transaction is mined as failed."""
    on = chain()
    rude = create(on, 0, creation("602a5f5260205ffd"))
    with pytest.raises(Reverted) as caught:
        on.call(ALICE.account, rude, b"")
    assert int.from_bytes(caught.value.data, "big") == 42
    on.send(raw(1, Call(rude), gas=100_000))
    assert not on.head.succeeded
    assert on.head.logs == ()


@pytest.mark.parametrize(("gas", "value"), [(20_000, 0), (21_000, 10**30)])
def test_a_dry_run_that_cannot_start_is_refused(gas: int, value: int) -> None:
    """Too little gas for the call itself, or more ether than there is, is refused rather than reverted."""
    with pytest.raises(Refused):
        chain().call(ALICE.account, BOB.account, b"", value, gas)


def test_a_contract_that_calls_itself_without_end_is_survived(creation: Callable[[str], bytes]) -> None:
    """Recursion ends by gas or depth as the EVM says, and the chain goes on."""
    on = chain()
    loop = create(on, 0, creation("5f5f5f5f5f305af100"))  # call(gas, this, 0, ...)
    on.call(ALICE.account, loop, b"")
    on.send(raw(1, Call(loop), gas=16_000_000))
    on.send(pay(2))
    assert on.head.number == 3


def test_logs_come_with_their_topics(creation: Callable[[str], bytes]) -> None:
    """LOG1 shows up in the block with topic and data, and in the bloom filter."""
    on = chain()
    crier = create(on, 0, creation("602a5f52600760205fa100"))
    on.send(raw(1, Call(crier), gas=100_000))
    (log,) = on.head.logs
    assert log.address == crier
    assert [int.from_bytes(topic, "big") for topic in log.topics] == [7]
    assert int.from_bytes(log.data, "big") == 42
    assert any(on.head.bloom)


@pytest.mark.parametrize(
    "arguments",
    [{"chain_id": 0}, {"chain_id": 2**63}, {"time": -1}, {"time": 2**40}, {"alloc": {ALICE.account: -1}}],
)
def test_an_impossible_genesis_is_refused(arguments: dict[str, object]) -> None:
    """Chain id, time and balances have ranges."""
    with pytest.raises(ConfigurationError):
        Genesis(**arguments)  # type: ignore[arg-type]


def test_a_genesis_does_not_depend_on_the_order_or_case_of_accounts() -> None:
    """Equal allocations are equal genesis texts."""
    one = Genesis(alloc={ALICE.account: 1, BOB.account: 2})
    two = Genesis(alloc={BOB.account.lower(): 2, ALICE.account.lower(): 1})
    assert one.text() == two.text()


def test_nested_json_cannot_kill_the_process() -> None:
    """With the embedded chain imported, what a stranger nests is a `RecursionError`, not the end of everything."""
    import json

    for text in ("[" * 200_000, '{"a":' * 200_000):
        with pytest.raises(RecursionError):
            json.loads(text)
