"""What it costs a server to take a voucher: microseconds on one core, beside eth_account recovering its signer.

"Read and verified" is nearly all of `Till.charge` but the disk; "charged" is with it (SQLite, write-ahead log, synced
at each write), which eth_account does not do.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from coase.bench.row import Row
from coase.errors import MissingExtra
from coase.identity import Identity
from coase.settlement.channels.accepting import Terms, check_signature
from coase.settlement.channels.config import ChannelConfig, Place
from coase.settlement.channels.payer import Payer
from coase.settlement.channels.payment import Payment, read_payment
from coase.settlement.channels.states import ChannelState
from coase.settlement.channels.till import Till

PRICE, VOUCHERS, RUNS, AT_ONCE = 7, 1_000, 5, 50
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
    texts = [json.dumps(payment.to_json()) for payment in payments]
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

        account, place = till("wal").accounts()[0], payments[0].place
        charging = iter([till("wal") for _ in range(2 * RUNS)])

        def verified() -> None:
            for text in texts:
                check_signature(read_payment(text), account, place)

        def charged() -> None:
            checks = next(charging)
            for text in texts:
                checks.charge(text, PRICE)

        def together() -> None:
            checks = next(charging)
            for low in range(0, VOUCHERS, AT_ONCE):
                checks.charge_many([(text, PRICE) for text in texts[low : low + AT_ONCE]])

        ours, peer = _microseconds(verified, theirs)
        yield Row("voucher read and verified", "microseconds", ours, peer, "eth_account recovers the signer",
                  less_is_better=True, limit=MOST_MICROSECONDS)  # fmt: skip
        yield Row("voucher charged, on disk", "microseconds", _alone(charged), less_is_better=True)
        yield Row("voucher charged, on disk, 50 at once", "microseconds", _alone(together), less_is_better=True)


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


def _alone(ours: Callable[[], object]) -> float:
    """The median a voucher, of something that nobody else does."""
    taken = []
    for _ in range(RUNS):
        start = perf_counter()
        ours()
        taken.append(perf_counter() - start)
    return median(taken) / VOUCHERS * 1e6


def _payments() -> list[Payment]:
    """Of one channel, counting up."""
    alice, bob = (Identity.from_seed("bench", name) for name in ("alice", "bob"))
    place = Place(1, "0x" + "c1" * 20)
    config = ChannelConfig(alice.account, bob.account, TOKEN, 3600)
    payer = Payer(alice, place, sqlite3.connect(":memory:", isolation_level=None), most_a_call=PRICE)
    payer.funded(config, 10**12)
    return [payer.pay(config, f"call-{i}", PRICE) for i in range(VOUCHERS)]
