"""The escrow through its client: each branch, with exact balances."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from coase.errors import LocalProtocolError, SettlementError, SignatureError, TransactionReverted, UsageError
from coase.identity import Identity, keccak
from coase.money import DOLLAR
from coase.settlement.escrow import EscrowClient, EscrowState
from coase.settlement.records import Call
from coase.terms.agreement import Agreement
from coase.testing.chain import DeployedChain, Fault, FlakyProvider, SlowProvider, flaky, memory_chain

START = 1_000 * DOLLAR
PRICE = 5_000_001  # odd, so that halves show where the odd unit goes
RESULT = hashlib.sha256(b"weights").digest()
BUYER, SELLER, ARBITER, STRANGER = (
    Identity.from_seed("escrow", name) for name in ("buyer", "seller", "arbiter", "stranger")
)


@dataclass
class World:
    chain: DeployedChain
    buyer: EscrowClient
    seller: EscrowClient
    arbiter: EscrowClient
    stranger: EscrowClient
    agreement: Agreement

    def signed(self, agreement: Agreement | None = None) -> str:
        return SELLER.sign(self.buyer.digest(agreement or self.agreement)).hex()

    async def open(self) -> None:
        await self.buyer.open("open", self.agreement, self.signed())

    async def deliver(self) -> None:
        await self.open()
        await self.seller.deliver("deliver", self.agreement, RESULT)

    async def dispute(self) -> None:
        await self.deliver()
        await self.buyer.dispute("dispute", self.agreement, bytes(32))

    async def balances(self) -> tuple[int, int, int]:
        """Of buyer and seller, as changes, and of the escrow."""
        found = [await self.buyer.balance(a) for a in (BUYER.account, SELLER.account, self.buyer.escrow)]
        return found[0] - START, found[1] - START, found[2]

    async def status(self) -> str:
        return (await self.buyer.status(self.agreement)).status


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A chain, four parties and an agreement that nobody has opened."""
    people = (BUYER, SELLER, ARBITER, STRANGER)
    async with memory_chain([p.account for p in people]) as chain:
        agreement = Agreement(
            buyer=BUYER.account,
            seller=SELLER.account,
            arbiter=ARBITER.account,
            token=chain.contracts.token,
            price=PRICE,
            deliver_by=await chain.backend.now() + 1_000,
            review_seconds=100,
            ruling_seconds=200,
            terms_hash="ab" * 32,
            salt="01" * 32,
        )
        buyer, seller, arbiter, stranger = (chain.client(p) for p in people)
        yield World(chain, buyer, seller, arbiter, stranger, agreement)


async def test_a_deal_that_goes_well(world: World) -> None:
    """Open, deliver, release: the price moves from buyer to escrow to seller, to the unit."""
    assert await world.buyer.status(world.agreement) == EscrowState("none", 0, bytes(24))
    await world.open()
    assert await world.balances() == (-PRICE, 0, PRICE)
    assert await world.seller.status(world.agreement) == EscrowState("funded", 0, bytes(24))
    receipt = await world.seller.deliver("deliver", world.agreement, RESULT)
    block: Any = await world.chain.w3.eth.get_block(receipt.block_number)
    assert await world.buyer.status(world.agreement) == EscrowState("delivered", block["timestamp"], RESULT[:24])
    await world.buyer.release("release", world.agreement)
    assert (await world.status(), await world.balances()) == ("settled", (-PRICE, PRICE, 0))


async def test_gas_stays_within_its_targets(world: World) -> None:
    """Open with permit and signature, deliver and release cost what the contract promises."""
    opened = await world.buyer.open("open", world.agreement, world.signed())
    delivered = await world.seller.deliver("deliver", world.agreement, RESULT)
    released = await world.buyer.release("release", world.agreement)
    assert opened.gas_used < 185_000
    assert delivered.gas_used < 40_000
    assert released.gas_used < 58_000


async def test_the_id_is_the_digest_that_the_contract_computes(world: World) -> None:
    """Python and Solidity agree on the EIP-712 hash of an agreement."""
    row = world.agreement.row()
    assert await world.buyer._contract.functions.hashAgreement(row).call() == world.buyer.digest(world.agreement)


async def test_an_agreement_in_lower_case_is_the_same(world: World) -> None:
    """Accounts without the checksum name the same deal."""
    lower = world.agreement.model_copy(
        update={name: getattr(world.agreement, name).lower() for name in ("buyer", "seller", "arbiter", "token")}
    )
    await world.buyer.open("open", lower, bytes.fromhex(world.signed()))
    assert await world.status() == "funded"


async def test_a_permit_is_for_the_price_alone(world: World) -> None:
    """After opening, the escrow may take nothing more."""
    await world.open()
    allowance = world.buyer._dollar.functions.allowance(BUYER.account, world.buyer.escrow)
    assert await allowance.call() == 0


async def test_two_deals_open_at_once(world: World) -> None:
    """Permits count up: opening concurrently still gives each its own."""
    import asyncio

    deals = [world.agreement.model_copy(update={"salt": f"{n:064x}"}) for n in range(5)]
    await asyncio.gather(*(world.buyer.open(f"open {n}", deal, world.signed(deal)) for n, deal in enumerate(deals)))
    assert await world.balances() == (-5 * PRICE, 0, 5 * PRICE)


async def test_two_deals_open_at_once_where_blocks_take_time(world: World) -> None:
    """Where a permit is not mined at once, the next one waits for it: two with one number would undo each other."""
    import asyncio

    from coase.settlement.provider import connect

    provider: Any = world.chain.w3.provider
    w3 = connect(SlowProvider(provider))
    buyer = world.chain.client(BUYER, world.chain.outbox(BUYER, w3=w3))
    deals = [world.agreement.model_copy(update={"salt": f"{n:064x}"}) for n in range(3)]
    await asyncio.gather(*(buyer.open(f"open {n}", deal, world.signed(deal)) for n, deal in enumerate(deals)))
    assert await world.balances() == (-3 * PRICE, 0, 3 * PRICE)


async def test_opening_twice_is_one_payment(world: World) -> None:
    """The same intent again returns the first receipt; another intent for the same agreement is refused."""
    first = await world.buyer.open("open", world.agreement, world.signed())
    assert await world.buyer.open("open", world.agreement, world.signed()) == first
    with pytest.raises(TransactionReverted) as caught:
        await world.buyer.open("again", world.agreement, world.signed())
    assert caught.value.reason == f"Escrow_AlreadyOpen(0x{world.buyer.digest(world.agreement).hex()})"
    assert await world.balances() == (-PRICE, 0, PRICE)


async def test_another_signature_does_not_open(world: World) -> None:
    """Only the seller's consent counts."""
    forged = ARBITER.sign(world.buyer.digest(world.agreement))
    with pytest.raises(TransactionReverted) as caught:
        await world.buyer.open("open", world.agreement, forged)
    assert caught.value.reason == f"Escrow_NotSignedBy({SELLER.account})"


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64, b"", bytes(66)])
async def test_a_malformed_signature_is_refused(world: World, signature: str | bytes) -> None:
    """What a counterparty sends in place of a signature does not reach the chain."""
    with pytest.raises(SignatureError):
        await world.buyer.open("open", world.agreement, signature)


async def test_hashes_have_thirty_two_bytes(world: World) -> None:
    """A shorter one would be padded, and mean another result."""
    await world.deliver()
    with pytest.raises(UsageError):
        await world.seller.deliver("again", world.agreement, RESULT[:31])
    with pytest.raises(UsageError):
        await world.buyer.dispute("dispute", world.agreement, b"because")


async def test_another_token_is_not_permitted(world: World) -> None:
    """An agreement in a token of the counterparty's choice is refused before anything is signed."""
    other = world.agreement.model_copy(update={"token": ARBITER.account})
    with pytest.raises(LocalProtocolError) as caught:
        await world.buyer.open("open", other, world.signed(other))
    assert caught.value.code == "other_token"


async def test_a_buyer_without_money_is_told_by_the_token(world: World) -> None:
    """More than the balance reverts in simulation with the token's own error, decoded."""
    rich = world.agreement.model_copy(update={"price": START + 1})
    with pytest.raises(TransactionReverted) as caught:
        await world.buyer.open("open", rich, world.signed(rich))
    assert caught.value.reason == f"ERC20InsufficientBalance({BUYER.account}, {START}, {START + 1})"


async def test_an_unpaid_seller_claims_after_the_review(world: World) -> None:
    """Before the window ends the error says when; afterwards anyone may claim for the seller."""
    await world.deliver()
    ready = (await world.buyer.status(world.agreement)).at + 101
    with pytest.raises(TransactionReverted) as caught:
        await world.seller.claim("claim", world.agreement)
    assert caught.value.reason == f"Escrow_TooEarly({ready})"
    await world.chain.backend.wait_until(ready)
    await world.stranger.claim("claim", world.agreement)
    assert (await world.status(), await world.balances()) == ("settled", (-PRICE, PRICE, 0))


async def test_an_intent_that_was_too_early_works_later(world: World) -> None:
    """A refund tried one block early does not block the refund."""
    await world.open()
    with pytest.raises(TransactionReverted, match="TooEarly"):
        await world.buyer.refund("refund", world.agreement)
    await world.chain.backend.wait_until(world.agreement.deliver_by + 1)
    await world.buyer.refund("refund", world.agreement)
    assert (await world.status(), await world.balances()) == ("refunded", (0, 0, 0))


async def test_a_seller_may_give_the_job_back(world: World) -> None:
    """The seller refunds at any time, before and after delivery."""
    await world.deliver()
    await world.seller.refund("refund", world.agreement)
    assert (await world.status(), await world.balances()) == ("refunded", (0, 0, 0))


async def test_a_late_delivery_is_refused(world: World) -> None:
    """After the deadline the seller learns which it was."""
    await world.open()
    await world.chain.backend.wait_until(world.agreement.deliver_by + 1)
    with pytest.raises(TransactionReverted) as caught:
        await world.seller.deliver("deliver", world.agreement, RESULT)
    assert caught.value.reason == f"Escrow_TooLate({world.agreement.deliver_by})"


@pytest.mark.parametrize(
    ("points", "to_seller", "status"),
    [(0, 0, "refunded"), (1, 500, "settled"), (5_000, 2_500_000, "settled"), (10_000, PRICE, "settled")],
)
async def test_an_arbiter_divides_the_price(world: World, points: int, to_seller: int, status: str) -> None:
    """Basis points are rounded down for the seller, and the parts add up."""
    await world.dispute()
    assert await world.status() == "disputed"
    await world.arbiter.rule("rule", world.agreement, points)
    assert (await world.status(), await world.balances()) == (status, (-to_seller, to_seller, 0))


async def test_a_ruling_has_a_range_and_an_author(world: World) -> None:
    """More than 10,000 basis points, less than none, or another's ruling, is refused."""
    await world.dispute()
    for points in (-1, 10_001):
        with pytest.raises(UsageError):
            await world.arbiter.rule("rule", world.agreement, points)
    with pytest.raises(TransactionReverted) as caught:
        await world.buyer.rule("rule", world.agreement, 0)
    assert caught.value.reason == f"Escrow_WrongParty({BUYER.account})"


async def test_an_arbiter_that_is_silent_halves_the_price(world: World) -> None:
    """After the ruling window anyone may settle; the odd unit goes to the buyer."""
    await world.dispute()
    with pytest.raises(TransactionReverted, match="TooEarly"):
        await world.seller.settle_unruled("settle", world.agreement)
    await world.chain.backend.wait(201)
    await world.stranger.settle_unruled("settle", world.agreement)
    assert (await world.status(), await world.balances()) == ("settled", (-(PRICE // 2), PRICE // 2, 0))


async def test_a_buyer_may_give_in_during_a_dispute(world: World) -> None:
    """Release works while the arbiter thinks."""
    await world.dispute()
    await world.buyer.release("release", world.agreement)
    assert (await world.status(), await world.balances()) == ("settled", (-PRICE, PRICE, 0))


async def test_the_whole_result_hash_comes_from_the_event(world: World) -> None:
    """None before delivery, 32 bytes after it, and still after the deal is over; of this deal, not of another."""
    await world.open()
    assert await world.buyer.result_hash(world.agreement) is None
    other = world.agreement.model_copy(update={"salt": "02" * 32})
    await world.buyer.open("open other", other, world.signed(other))
    await world.seller.deliver("deliver other", other, keccak(b"other"))
    await world.seller.deliver("deliver", world.agreement, RESULT)
    await world.buyer.release("release", world.agreement)
    assert await world.buyer.result_hash(world.agreement) == RESULT
    assert await world.buyer.result_hash(other) == keccak(b"other")


async def test_a_node_that_hides_or_forges_the_event_is_caught(world: World) -> None:
    """The event is compared with the 24 bytes in the contract's state."""
    from coase.settlement.provider import connect

    await world.deliver()
    inner: Any = world.chain.w3.provider

    class Liar(FlakyProvider):
        hides = False

        async def make_request(self, method: Any, params: Any) -> Any:
            found: Any = await super().make_request(method, params)
            if method == "eth_getLogs":
                found["result"] = [] if self.hides else [{**found["result"][0], "data": "0x" + "00" * 32}]
            return found

    for hides in (True, False):
        liar = Liar(inner, [])
        liar.hides = hides
        w3 = connect(liar)
        box = world.chain.outbox(BUYER, w3=w3)
        client = EscrowClient(w3, box, world.buyer.token, world.buyer.escrow, world.chain.chain_id)
        with pytest.raises(SettlementError) as caught:
            await client.result_hash(world.agreement)
        assert caught.value.code == "bad_event"


async def test_a_permit_that_somebody_submitted_first_still_opens(world: World) -> None:
    """Whoever front-runs the permit only gives the allowance that opening needs."""
    async with world.buyer.outbox.lock:
        deadline, v, r, s = await world.buyer._permit(PRICE, world.agreement.deliver_by)
        call = world.buyer._call("open", world.agreement, bytes.fromhex(world.signed()), deadline, v, r, s)
        prepared = await world.buyer.outbox.prepare("open", call)
        world.buyer.outbox.store(prepared)
    permit = world.buyer._dollar.encode_abi("permit", [BUYER.account, world.buyer.escrow, PRICE, deadline, v, r, s])
    await world.stranger.outbox.send("front-run", Call(world.buyer.token, bytes.fromhex(permit[2:])))
    receipt = await world.buyer.outbox.broadcast("open")
    assert receipt.status == 1
    assert await world.balances() == (-PRICE, 0, PRICE)


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_deal_survives_a_faulty_node(world: World, fault: Fault) -> None:
    """Every send of the buyer goes wrong once; the deal ends with the same balances."""
    w3 = flaky(world.chain.w3, [fault, Fault.NONE, fault])
    box = world.chain.outbox(BUYER, w3=w3)
    world.buyer = world.chain.client(BUYER, box)
    await world.deliver()
    await world.buyer.release("release", world.agreement)
    assert (await world.status(), await world.balances()) == ("settled", (-PRICE, PRICE, 0))


async def test_a_crash_while_opening_pays_once(world: World, crashes: Any) -> None:
    """Die at each point of opening, begin again with the same journal: the price is paid once."""
    for at in (1, 2, 3):
        deal = world.agreement.model_copy(update={"salt": f"{at:064x}"})
        db = world.chain.database()
        with crashes.die_at(at):
            await world.chain.client(BUYER, world.chain.outbox(BUYER, db)).open("open", deal, world.signed(deal))
        assert len(crashes.names) == at
        await world.chain.client(BUYER, world.chain.outbox(BUYER, db)).open("open", deal, world.signed(deal))
        assert await world.balances() == (-at * PRICE, 0, at * PRICE)


async def test_no_contract_there_is_a_configuration_error(world: World) -> None:
    """Reading from an account without code says that the contract is not there."""
    from coase.errors import ConfigurationError

    box = world.chain.outbox(BUYER)
    client = EscrowClient(world.chain.w3, box, STRANGER.account, STRANGER.account, world.chain.chain_id)
    with pytest.raises(ConfigurationError) as caught:
        await client.balance(BUYER.account)
    assert caught.value.code == "no_contract"
