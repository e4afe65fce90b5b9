"""What the verbs of `coase channels` do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from coase.cli.channel_books import desk, one
from coase.errors import SettlementError, TransactionReverted, UsageError

if TYPE_CHECKING:
    from coase.identity import Identity
    from coase.settlement.channels.config import ChannelConfig
    from coase.settlement.channels.contract import ChannelsClient
    from coase.settlement.records import Receipt


LOOK = ("unknown_channel", "state_is_old", "overdrawn", "withdrawal_pending")  # the chain may say otherwise by now


async def deposit(
    home: Path,
    rpc: str | None,
    identity: Identity,
    receiver: str,
    amount: int,
    kind: tuple[str, int],
    *,
    add: bool,
    blocks: int,
) -> dict[str, Any]:
    """Open a channel (`kind`: its salt as a word, its delay), or with `add` put more into it."""
    from coase.identity import keccak
    from coase.settlement.channels.config import ChannelConfig, channel_id

    async with desk(home, rpc, identity.account, blocks) as d:
        salt = "0x" + keccak(kind[0].encode()).hex()
        config = ChannelConfig(identity.account, receiver, d.cover.token, kind[1], salt=salt)
        client = await d.client(identity, amount)
        named, before = channel_id(config, d.cover.place), await client.state(config)
        if before.balance and not add:
            d.payer(identity).funded(config, before.balance)
            raise UsageError(
                f"the channel 0x{named.hex()} is open, with {before.balance} base units",
                hint="--add to deposit more, or another --salt",
                code="channel_open",
            )
        receipt = await client.deposit(await _intent(client, "deposit", named), config, amount)
        balance = (await client.state(config)).balance
        d.payer(identity).funded(config, balance)
    return {"id": "0x" + named.hex(), "config": config.to_json(), "balance": balance, "transaction": receipt.hash}


def sign(home: Path, identity: Identity, channel: str, call: str, price: int) -> dict[str, Any]:
    """A payment for a call."""
    from coase.cli.channel_books import FOLDER
    from coase.settlement.channels.book import open_book, peek
    from coase.settlement.channels.config import ChannelConfig
    from coase.settlement.channels.payer import Payer

    row = one(home, channel, "payer")
    config = ChannelConfig.from_json(row["config"])
    for path in sorted((home / FOLDER).glob("*.db")):
        with peek(path) as (cover, _):
            pass
        if (cover.place.network, cover.place.contract, cover.account) == (
            row["network"],
            row["contract"],
            identity.account,
        ):
            with open_book(path, cover) as db:
                return Payer(identity, cover.place, db, most_a_call=price).pay(config, call, price).to_json()
    raise UsageError("this wallet does not pay by that channel", hint="choose another --wallet", code="other_wallet")


async def take(
    home: Path, rpc: str | None, account: str, text: str, price: int, least_delay: int, blocks: int
) -> dict[str, Any]:
    """Charge a payment; the chain is asked when the channel is new here, or was looked at too long ago."""
    from coase.errors import PaymentRefused
    from coase.settlement.channels.payment import read_payment

    async with desk(home, rpc, account, blocks) as d:
        till, payment = d.till(shortest_delay=least_delay), read_payment(text)
        try:
            charge = till.charge(payment, price)
        except PaymentRefused as error:
            if error.code not in LOOK:
                raise
            till.admit(payment.config, await d.state(payment.config))
            charge = till.charge(payment, price)
    return {**charge._asdict(), "channel": "0x" + charge.channel.hex()}


async def collect(home: Path, rpc: str | None, identity: Identity, blocks: int) -> dict[str, Any]:
    """Claim everything and have it paid out."""
    from coase.settlement.channels.collector import Collector

    async with desk(home, rpc, identity.account, blocks) as d:
        till, client = d.till(shortest_delay=900), await d.client(identity)
        await till.look_at_all(client)
        collector = Collector(till, client)
        receipts = await collector.collect(everything=True)
        owed = await client.owed(identity.account, d.cover.token)
        paid = await collector.settle(await _intent(client, "settle", b"")) if owed else None
        trouble = [
            {"id": "0x" + account.channel.hex(), "unclaimed": account.unclaimed, "reason": _why(account.trouble)}
            for account in till.accounts()
            if account.unclaimed > 0
        ]
    hashes = [receipt.hash for receipt in (*receipts, *([paid] if paid else []))]
    return {"paid": owed, "transactions": hashes, "trouble": trouble}


async def take_back(
    home: Path,
    rpc: str | None,
    identity: Identity,
    channel: str,
    amount: int | None,
    *,
    cancel: bool,
    blocks: int,
) -> dict[str, Any]:
    """Ask for money, or have it when the delay is over."""
    from coase.settlement.channels.config import ChannelConfig

    row = one(home, channel, "payer")
    config, named = ChannelConfig.from_json(row["config"]), bytes.fromhex(row["id"][2:])
    async with desk(home, rpc, identity.account, blocks) as d:
        client = await d.client(identity)
        state = await client.state(config)
        ready = state.initiated_at + config.withdraw_delay
        hashes: list[Receipt] = []
        if cancel:
            did, amount = "cancelled", state.withdrawing
            hashes.append(await client.cancel_withdraw(await _intent(client, "stay", named), config))
        elif state.pending(config) and amount is None:
            amount, finished = (
                min(state.withdrawing, state.balance - state.claimed),
                await _finish(client, config, named),
            )
            did, hashes = ("waits", hashes) if finished is None else ("taken", [finished])
        else:
            did, amount = "asked", state.balance - state.claimed if amount is None else amount
            hashes.append(await client.initiate_withdraw(await _intent(client, "ask", named), config, amount))
            ready = (await client.state(config)).initiated_at + config.withdraw_delay
        d.payer(identity).funded(config, (await client.state(config)).balance)
    return {
        "id": row["id"],
        "did": did,
        "amount": amount,
        "ready_at": ready if did in ("asked", "waits") else None,
        "transactions": [receipt.hash for receipt in hashes],
    }


async def _finish(client: ChannelsClient, config: ChannelConfig, named: bytes) -> Receipt | None:
    """Have the money of a withdrawal; None while it is too early."""
    try:
        return await client.finalize_withdraw(await _intent(client, "finish", named), config)
    except TransactionReverted as error:
        if not error.reason.startswith("Channels_TooEarly"):
            raise
        return None


async def _intent(client: ChannelsClient, what: str, channel: bytes) -> str:
    """A name of its own for each time that somebody asks: what a crash left open has been ended before."""
    head = await client.outbox.node.head()
    for number in range(1_000):
        name = f"cli/{what}/{channel.hex()}/{head.number}/{number}"
        if not client.outbox.knows(name):
            return name
    raise SettlementError("the chain stands still", hint="does it mine?", code="chain_unavailable")


def _why(trouble: str) -> str:
    return trouble or "the channel holds less than was charged"
