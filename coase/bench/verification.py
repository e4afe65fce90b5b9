"""What it costs a server to take a voucher: microseconds on one core, beside eth_account recovering its signer.

`verified` is all of `Till.charge` but the disk; `charged` is with it (SQLite, write-ahead log, synced at each call).
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from coase.bench.row import Row
from coase.errors import MissingExtra
from coase.identity import Identity
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.payment import Payment, read_payment
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till import Terms, Till

PRICE, VOUCHERS, RUNS = 7, 1_000, 5
MOST_MICROSECONDS = 200.0  # 5,000 a second
TOKEN = "0x" + "70" * 20


def rows() -> Iterator[Row]:
    """All cases."""
    try:
        from eth_account import Account
        from eth_account.messages import encode_typed_data
    except ImportError as error:
        raise MissingExtra("the bench of verification", "chain") from error
    payments = _payments()
    texts = [str(payment.to_json()).replace("'", '"') for payment in payments]
    types = {"Voucher": [{"name": "channelId", "type": "bytes32"}, {"name": "maxClaimableAmount", "type": "uint128"}]}

    def theirs() -> None:
        for payment in payments:
            place = payment.place
            domain = {"name": "x402 Batch Settlement", "version": "1", "chainId": place.chain_id,
                      "verifyingContract": place.contract}  # fmt: skip
            voucher = {"channelId": payment.channel, "maxClaimableAmount": payment.amount}
            Account.recover_message(encode_typed_data(domain, types, voucher), signature=payment.signature)

    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(10**6))

        def till(journal: str) -> Till:
            db = sqlite3.connect(Path(folder) / f"{next(numbers)}.sqlite", isolation_level=None)
            db.execute(f"pragma journal_mode = {journal}")
            db.execute("pragma synchronous = full")
            made = Till(payments[0].place, Terms(payments[0].config.receiver, TOKEN), db, lambda: 1)
            made.admit(payments[0].config, ChannelState(10**12, 0, 0, 0, False, 1))
            return made

        def verified() -> None:
            account, checks = till("wal").accounts()[0], till("wal")
            for text in texts:
                checks.verify(read_payment(text), account)

        def charged() -> None:
            checks = till("wal")
            for text in texts:
                checks.charge(text, PRICE)

        ours, peer = _microseconds(verified, theirs)
        yield Row("voucher read and verified", "microseconds", ours, peer, "eth_account recovers the signer",
                  less_is_better=True, limit=MOST_MICROSECONDS)  # fmt: skip
        ours, peer = _microseconds(charged, theirs)
        yield Row("voucher charged, on disk", "microseconds", ours, peer, "eth_account recovers the signer",
                  less_is_better=True)  # fmt: skip


def _microseconds(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Medians a voucher, in turn."""
    taken: tuple[list[float], list[float]] = ([], [])
    for work in (ours, theirs):
        work()
    for _ in range(RUNS):
        for work, seconds in zip((ours, theirs), taken, strict=True):
            start = perf_counter()
            work()
            seconds.append(perf_counter() - start)
    return median(taken[0]) / VOUCHERS * 1e6, median(taken[1]) / VOUCHERS * 1e6


def _payments() -> list[Payment]:
    """Of one channel, counting up."""
    alice, bob = (Identity.from_seed("bench", name) for name in ("alice", "bob"))
    place = Place(1, "0x" + "c1" * 20)
    config = ChannelConfig(alice.account, bob.account, TOKEN, 3600)
    payer = Payer(alice, place, sqlite3.connect(":memory:", isolation_level=None), most_a_call=PRICE)
    payer.funded(config, 10**12)
    return [payer.pay(config, f"call-{i}", PRICE) for i in range(VOUCHERS)]
