"""How a node's failures become ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from web3.exceptions import ContractLogicError, RequestTimedOut

from coase.errors import ChainUnavailable, TransactionRefused, TransactionReverted
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.node import Node, Sent
from coase.settlement.provider import connect
from coase.settlement.records import Call
from coase.testing.chain import IMPATIENT, FlakyProvider

ALICE = Identity.from_seed("node", "alice")


class Scripted(FlakyProvider):
    """Answers one method from a list: exceptions are raised, dictionaries are JSON-RPC errors."""

    def __init__(self, inner: Any, method: str, answers: list[Any]) -> None:
        super().__init__(inner, [])
        self.scripted, self.answers = method, answers

    async def make_request(self, method: Any, params: Any) -> Any:
        if method != self.scripted or not self.answers:
            return await super().make_request(method, params)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"jsonrpc": "2.0", "id": 0, "error": answer}


@pytest.fixture
async def chain() -> AsyncIterator[EmbeddedChain]:
    """A chain on which Alice has 100 ether."""
    async with EmbeddedChain(alloc={ALICE.account: 10**20}) as found:
        yield found


def node(chain: EmbeddedChain, method: str, *answers: Any) -> Node:
    """A node that answers this method from a list, then as usual."""
    return Node(connect(Scripted(chain.w3.provider, method, list(answers))), IMPATIENT)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("already known", Sent.TAKEN),
        ("ALREADY_EXISTS: already known", Sent.TAKEN),
        ("AlreadyKnown", Sent.TAKEN),
        ("transaction already imported", Sent.TAKEN),
        ("Known transaction", Sent.TAKEN),
        ("replacement transaction underpriced", Sent.TAKEN),
        ("nonce too low: next nonce 5, tx nonce 4", Sent.STALE),
        ("Nonce too low. Expected nonce to be 5 but got 4.", Sent.STALE),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", Sent.STALE),
        ("nonce too high", Sent.EARLY),
    ],
)
async def test_what_nodes_say_of_nonces(chain: EmbeddedChain, words: str, answer: Sent) -> None:
    """The words of geth, erigon, nethermind, anvil, hardhat and ours."""
    said = node(chain, "eth_sendRawTransaction", {"code": -32000, "message": words})
    assert await said.send(b"\x02") is answer


async def test_other_refusals_are_errors(chain: EmbeddedChain) -> None:
    """What has nothing to do with nonces is raised in the node's words."""
    said = node(chain, "eth_sendRawTransaction", {"code": -32000, "message": "insufficient funds for gas"})
    with pytest.raises(TransactionRefused, match="insufficient funds"):
        await said.send(b"\x02")


@pytest.mark.parametrize(
    "silence",
    [
        TimeoutError(),
        ConnectionResetError(),
        OSError("no route"),
        RequestTimedOut("slow"),
        ChainUnavailable("gone"),
        {"code": -32005, "message": "limit exceeded"},
    ],
)
async def test_silence_is_borne_a_few_times(chain: EmbeddedChain, silence: Any) -> None:
    """One less than the attempts is made good; as many as the attempts is `ChainUnavailable`."""
    few = node(chain, "eth_getBalance", *[silence] * (IMPATIENT.attempts - 1))
    assert await few.balance(ALICE.account) == 10**20
    many = node(chain, "eth_getBalance", *[silence] * IMPATIENT.attempts)
    with pytest.raises(ChainUnavailable) as caught:
        await many.balance(ALICE.account)
    assert caught.value.code == "chain_unavailable"


async def test_a_closed_chain_is_not_asked_again() -> None:
    """An embedded chain that was closed will not come back: one attempt, and its own code."""
    chain = EmbeddedChain(alloc={})
    provider = Scripted(chain.w3.provider, "", [])
    with pytest.raises(ChainUnavailable) as caught:
        await Node(connect(provider), IMPATIENT).balance(ALICE.account)
    assert caught.value.code == "chain_closed"
    assert len(provider.seen) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("0x4e487b710000000000000000000000000000000000000000000000000000000000000011", "Panic(17)"),
        ({"data": "0x4e487b710000000000000000000000000000000000000000000000000000000000000011"}, "Panic(17)"),
        (None, "execution reverted"),
        ("0x", "execution reverted"),
        ("0xzz", "execution reverted"),
        ({"odd": 1}, "execution reverted"),
    ],
)
async def test_reverts_are_decoded_however_they_are_wrapped(chain: EmbeddedChain, data: Any, reason: str) -> None:
    """Nodes put the revert data in different places; without data the node's message is the reason."""
    said = node(chain, "eth_estimateGas", *[{"code": 3, "message": "execution reverted", "data": data}] * 2)
    with pytest.raises(TransactionReverted) as caught:
        await said.gas_for(ALICE.account, Call(ALICE.account))
    assert caught.value.reason == reason


async def test_what_fails_on_the_latest_block_may_work_on_the_next(chain: EmbeddedChain) -> None:
    """A call that needs a transaction on its way, or a later time, is simulated again on the block to come."""
    said = node(chain, "eth_estimateGas", {"code": 3, "message": "execution reverted"})
    assert await said.gas_for(ALICE.account, Call(ALICE.account)) == 26_250


async def test_an_estimate_gets_a_margin(chain: EmbeddedChain) -> None:
    """A quarter more than estimated; a limit that the caller fixed is left alone."""
    plain = node(chain, "")
    assert await plain.gas_for(ALICE.account, Call(ALICE.account.lower())) == 26_250
    assert await plain.gas_for(ALICE.account, Call(ALICE.account, gas=50_000)) == 50_000


async def test_fees_leave_room_for_the_base_fee_to_double(chain: EmbeddedChain) -> None:
    """Twice the base fee plus the tip, which is nothing here."""
    assert await node(chain, "").fees() == (2 * 10**9, 0)


async def test_an_unmined_transaction_has_no_receipt(chain: EmbeddedChain) -> None:
    """Not found is None, not an error."""
    assert await node(chain, "").receipt("0x" + "00" * 32) is None


async def test_errors_of_the_library_never_get_out(chain: EmbeddedChain) -> None:
    """A revert in any request is ours, so that callers catch one error tree."""

    async def request() -> None:
        raise ContractLogicError("no", data="0x")

    with pytest.raises(TransactionReverted):
        await node(chain, "").ask(request)
