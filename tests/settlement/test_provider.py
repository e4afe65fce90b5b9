"""The JSON-RPC face of the embedded chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coase.identity import Identity
from coase.settlement.evm import BASE_FEE, Chain, Genesis
from coase.settlement.provider import handle
from coase.settlement.records import Call
from coase.settlement.signing import sign

ALICE = Identity.from_seed("provider", "alice")
NOBODY = "0x" + "11" * 20


@pytest.fixture
def chain() -> Chain:
    """A chain on which Alice has 100 ether."""
    return Chain(Genesis(alloc={ALICE.account: 10**20}))


def send(chain: Chain, nonce: int, call: Call, gas: int = 200_000) -> str:
    """The hash of a transaction of Alice that was mined."""
    raw = sign(ALICE, call, chain_id=chain.chain_id, nonce=nonce, gas=gas, fees=(BASE_FEE, 0))
    return str(ask(chain, "eth_sendRawTransaction", "0x" + raw.hex()))


def ask(chain: Chain, method: str, *params: Any) -> Any:
    """The result of a request that must not fail."""
    answer = handle(chain, method, params)
    assert "error" not in answer, answer
    return answer["result"]


def error(chain: Chain, method: str, *params: Any) -> dict[str, Any]:
    """The error of a request that must fail."""
    found = handle(chain, method, params)["error"]
    assert isinstance(found, dict)
    return found


def test_facts_about_the_chain(chain: Chain) -> None:
    """Numbers are hexadecimal, as in the execution API."""
    assert ask(chain, "eth_chainId") == "0x7a69"
    assert ask(chain, "net_version") == "31337"
    assert ask(chain, "eth_blockNumber") == "0x0"
    assert ask(chain, "eth_gasPrice") == hex(BASE_FEE)
    assert ask(chain, "eth_syncing") is False
    assert ask(chain, "eth_accounts") == []
    assert "ethereum-execution" in ask(chain, "web3_clientVersion")


def test_a_method_that_is_not_there(chain: Chain) -> None:
    """It gets the standard code."""
    assert error(chain, "eth_mine")["code"] == -32601


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", ()),
        ("eth_getBalance", ("0x12",)),
        ("eth_getBalance", (12,)),
        ("eth_getBalance", ("0x" + "zz" * 20,)),
        ("eth_getBalance", (NOBODY, "0xq")),
        ("eth_getBalance", (NOBODY, None)),
        ("eth_call", ({"to": NOBODY, "value": "-"},)),
        ("eth_call", ({"to": NOBODY, "data": "00"},)),
        ("eth_call", ("to",)),
        ("eth_call", ({"to": NOBODY, "value": -1},)),
        ("eth_sendRawTransaction", ("nonsense",)),
        ("eth_getBlockByNumber", ("latest", True)),
        ("eth_getLogs", ({"topics": ["0xz"]},)),
        ("eth_getLogs", (None,)),
        ("eth_getStorageAt", (NOBODY, -1)),
        ("eth_getStorageAt", (NOBODY, 2**256)),
        ("evm_increaseTime", ("soon",)),
        ("eth_chainId", (1, 2, 3)),
    ],
)
def test_bad_parameters_are_answered_not_raised(chain: Chain, method: str, params: tuple[Any, ...]) -> None:
    """Whatever comes in, a JSON-RPC error goes out."""
    assert error(chain, method, *params)["code"] == -32602


def test_only_the_latest_state_is_kept(chain: Chain) -> None:
    """Asking for an older state is refused rather than answered with the present one."""
    send(chain, 0, Call(NOBODY, value=7))
    assert ask(chain, "eth_getBalance", NOBODY, "latest") == "0x7"
    assert ask(chain, "eth_getBalance", NOBODY, "0x1") == "0x7"
    assert "kept" in error(chain, "eth_getBalance", NOBODY, "0x0")["message"]
    assert "kept" in error(chain, "eth_call", {"to": NOBODY}, "earliest")["message"]


def test_blocks_by_number_tag_and_hash(chain: Chain) -> None:
    """Blocks link to their parents; the pending block has the time to come and no hash; unknown ones are null."""
    sent = send(chain, 0, Call(NOBODY, value=7))
    zero, one = ask(chain, "eth_getBlockByNumber", "earliest"), ask(chain, "eth_getBlockByNumber", "0x1")
    assert one["parentHash"] == zero["hash"]
    assert one["transactions"] == [sent]
    assert one == ask(chain, "eth_getBlockByNumber", "latest") == ask(chain, "eth_getBlockByHash", one["hash"])
    chain.advance(9)
    pending = ask(chain, "eth_getBlockByNumber", "pending")
    assert int(pending["timestamp"], 16) == chain.next_time()
    assert (pending["number"], pending["hash"], pending["parentHash"]) == ("0x2", None, one["hash"])
    assert ask(chain, "eth_getBlockByNumber", "0x2") is None
    assert ask(chain, "eth_getBlockByHash", "0x" + "00" * 32) is None


def test_receipts(chain: Chain, creation: Callable[[str], bytes]) -> None:
    """A receipt says what was created or called, what it cost and whether it worked; an unknown one is null."""
    made = ask(chain, "eth_getTransactionReceipt", send(chain, 0, Call(None, creation("602a5f5260205ffd"))))
    assert (made["status"], made["to"], made["type"]) == ("0x1", None, "0x2")
    assert ask(chain, "eth_getCode", made["contractAddress"]) == "0x602a5f5260205ffd"
    failed = ask(chain, "eth_getTransactionReceipt", send(chain, 1, Call(made["contractAddress"])))
    assert (failed["status"], failed["contractAddress"]) == ("0x0", None)
    assert failed["from"] == ALICE.account
    assert ask(chain, "eth_getTransactionReceipt", "0x" + "00" * 32) is None


def test_a_revert_has_code_three_and_data(chain: Chain, creation: Callable[[str], bytes]) -> None:
    """As geth answers it, so that web3 decodes it."""
    made = ask(chain, "eth_getTransactionReceipt", send(chain, 0, Call(None, creation("602a5f5260205ffd"))))
    for method in ("eth_call", "eth_estimateGas"):
        found = error(chain, method, {"to": made["contractAddress"]})
        assert (found["code"], int(found["data"], 16)) == (3, 42)


def test_an_estimate_is_enough_and_not_much_more(chain: Chain, creation: Callable[[str], bytes]) -> None:
    """A plain payment costs 21,000; a contract's transaction fits its estimate."""
    assert ask(chain, "eth_estimateGas", {"from": ALICE.account, "to": NOBODY, "value": "0x1"}) == hex(21_000)
    tx = {"from": ALICE.account, "data": "0x" + creation("5f54600101805f555f5260205ff3").hex()}
    estimate = int(ask(chain, "eth_estimateGas", tx), 16)
    send(chain, 0, Call(None, bytes.fromhex(tx["data"][2:])), gas=estimate)
    assert chain.head.succeeded
    assert chain.head.gas_used < estimate < chain.head.gas_used * 1.3


def test_storage_words(chain: Chain, creation: Callable[[str], bytes]) -> None:
    """A slot is 32 bytes of hexadecimal."""
    send(chain, 0, Call(None, creation("5f54600101805f555f5260205ff3")))
    contract = chain.head.created
    send(chain, 1, Call(contract))
    assert int(ask(chain, "eth_getStorageAt", contract, "0x0"), 16) == 1
    assert len(ask(chain, "eth_getStorageAt", contract, 1)) == 66


def test_logs_are_filtered(chain: Chain, creation: Callable[[str], bytes]) -> None:
    """By block, by one or several addresses, by topics with gaps and alternatives."""
    criers = []
    for nonce in range(2):
        send(chain, nonce, Call(None, creation("602a5f52600860075f5fa200")))  # LOG2 with topics 7, 8
        criers.append(chain.head.created)
    for nonce, crier in enumerate(criers, 2):
        send(chain, nonce, Call(crier))
    seven, eight, nine = ("0x" + f"{n:064x}" for n in (7, 8, 9))

    def found(**query: Any) -> list[int]:
        return [int(log["blockNumber"], 16) for log in ask(chain, "eth_getLogs", query)]

    assert found() == [3, 4]
    assert found(fromBlock="0x4") == found(address=criers[1]) == [4]
    assert found(toBlock="0x3") == [3]
    assert found(fromBlock="earliest", toBlock="latest", address=criers) == [3, 4]
    assert found(topics=[seven]) == found(topics=[None, eight]) == found(topics=[[nine, seven]]) == [3, 4]
    assert found(topics=[eight]) == found(topics=[seven, nine]) == found(topics=[seven, eight, None]) == []
    assert found(fromBlock="0x5", toBlock="0x9") == []


def test_time_can_be_moved_by_request(chain: Chain) -> None:
    """As on other development chains."""
    before = chain.next_time()
    ask(chain, "evm_increaseTime", 10)
    ask(chain, "evm_increaseTime", "0xa")
    assert chain.next_time() == before + 20
    assert error(chain, "evm_increaseTime", -1)["code"] == -32000
