"""A seller that charges by the call, and a buyer that pays: a thousand calls, three transactions on the chain.

Buyer and seller share nothing but what they send each other (here: function calls, as if over HTTP) and the chain.

Run it: ``python examples/paid_calls.py``
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import Any

from coase import money
from coase.errors import PaymentRefused
from coase.identity import Identity
from coase.settlement.allowance import PriceCap
from coase.settlement.channels.accepting import Terms
from coase.settlement.channels.collector import Collector
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.contract import ChannelsClient
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.till import Till
from coase.testing.chain import DeployedChain, memory_chain

BUYER, SELLER = (Identity.from_seed("paid calls", name) for name in ("buyer", "seller"))
CALLS = 1_000
A_WORD = 50  # base units: 0.00005 dollars
MOST_WORDS = 10


class Server:
    """Counts words, for money. What it has answered it remembers: asked the same again, it does not work again."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.answers: dict[tuple[bytes, str], dict[str, Any]] = {}

    def handle(self, request: str) -> str:
        """What an HTTP handler would do."""
        body = json.loads(request)
        words = body["text"].split()
        try:
            charge = self.till.charge(body["payment"], A_WORD * min(len(words), MOST_WORDS))
        except PaymentRefused as error:
            return json.dumps({"error": error.as_dict()})  # HTTP would say 402
        if not charge.again:
            answer = {"words": len(words), "longest": max(words, key=len)}
            self.answers[charge.channel, charge.call] = {"answer": answer, "cost": charge.price}
        return json.dumps(self.answers[charge.channel, charge.call])


class Client:
    """Pays at most the price of ten words for a call, and notes what it really cost."""

    def __init__(self, payer: Payer, channel: ChannelConfig) -> None:
        self.payer, self.channel = payer, channel

    def request(self, number: int, text: str) -> str:
        """What is sent: the text, and a payment that is on disk before it leaves."""
        payment = self.payer.pay(self.channel, f"call-{number}", A_WORD * MOST_WORDS)
        return json.dumps({"text": text, "payment": payment.to_json()})

    def read(self, number: int, reply: str) -> dict[str, Any]:
        """What came back. A refused call costs nothing."""
        body: dict[str, Any] = json.loads(reply)
        self.payer.ended(self.channel, f"call-{number}", body.get("cost", 0))
        return body


def book(path: str) -> sqlite3.Connection:
    """Where a party remembers. In earnest it is a file, opened by `coase.settlement.channels.book.open_book`."""
    return sqlite3.connect(path, isolation_level=None)


async def main() -> None:
    """Deposit, call, claim."""
    async with memory_chain([BUYER.account, SELLER.account]) as chain:
        place, token = Place(chain.chain_id, chain.contracts.channels), chain.contracts.token
        buying, selling = (
            ChannelsClient(chain.w3, chain.outbox(who), place, PriceCap(token, money.parse("1.00")))
            for who in (BUYER, SELLER)
        )
        first = await chain.w3.eth.block_number
        channel = ChannelConfig(BUYER.account, SELLER.account, token, withdraw_delay=3600)
        await buying.deposit("deposit", channel, money.parse("1.00"))

        till = Till(place, Terms(SELLER.account, token), book(":memory:"), clock=lambda: 0)
        await till.look(selling, channel)  # the one time that the seller asks the chain, until the claim
        payer = Payer(BUYER, place, book(":memory:"), most_a_call=A_WORD * MOST_WORDS)
        payer.funded(channel, (await buying.state(channel)).balance)

        server, client = Server(till), Client(payer, channel)
        texts = ["to be or not to be", "money is integers", "a voucher counts up"]
        for number in range(CALLS):
            client.read(number, server.handle(client.request(number, texts[number % 3])))

        stolen = json.loads(client.request(CALLS, "all the words that I can get"))
        stolen["payment"]["voucher"]["maxClaimableAmount"] = "900000"
        print("a thief's call:", client.read(CALLS, server.handle(json.dumps(stolen)))["error"]["code"])

        collector = Collector(till, selling)
        await collector.collect(everything=True)
        await collector.settle("payout")
        await report(chain, payer, channel, first)


async def report(chain: DeployedChain, payer: Payer, channel: ChannelConfig, first: int) -> None:
    """Who has what now."""
    purse, transactions = payer.purse(channel), await chain.w3.eth.block_number - first
    print(f"{CALLS} calls for {money.show(purse.spent)} dollars, in {transactions} transactions")
    earned = await chain.client(SELLER).balance(SELLER.account) - 1_000 * money.DOLLAR
    print(f"the seller was paid {money.show(earned)}, and {money.show(purse.left)} are left in the channel")


if __name__ == "__main__":
    asyncio.run(main())
