"""The chain in this process: restarts, crashes, locks, threads."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ChainUnavailable, ConfigurationError, UsageError
from coase.identity import Identity
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.evm import BASE_FEE
from coase.settlement.records import Call
from coase.settlement.signing import sign

ALICE = Identity.from_seed("embedded", "alice")
ALLOC = {ALICE.account: 10**20}
NOBODY = "0x" + "11" * 20


def pay(nonce: int) -> bytes:
    """A raw payment of one wei."""
    return sign(ALICE, Call(NOBODY, value=1), chain_id=31337, nonce=nonce, gas=21_000, fees=(BASE_FEE, 0))


def start(folder: Path | None = None) -> EmbeddedChain:
    """A chain on which Alice has ether; not entered yet."""
    return EmbeddedChain(folder, alloc=ALLOC)


async def head(chain: EmbeddedChain) -> tuple[int, str]:
    """Number and hash of the latest block."""
    block: Any = await chain.w3.eth.get_block("latest")
    return block["number"], block["hash"].hex()


async def test_a_restart_continues_where_it_was(tmp_path: Path) -> None:
    """Blocks, balances and hashes outlive the process."""
    async with start(tmp_path / "deep" / "folder") as chain:
        for nonce in range(3):
            await chain.w3.eth.send_raw_transaction(pay(nonce))
        left = await head(chain)
    async with start(tmp_path / "deep" / "folder") as chain:
        assert await head(chain) == left
        assert await chain.w3.eth.get_balance(NOBODY) == 3  # type: ignore[arg-type]
        await chain.w3.eth.send_raw_transaction(pay(3))
        assert (await head(chain))[0] == 4


async def test_an_advance_survives_only_in_a_block(tmp_path: Path) -> None:
    """Time that was advanced without a block is forgotten by a restart; time in a block is not."""
    async with start(tmp_path) as chain:
        began = await chain.now()
        await chain.wait(1000)
        assert await chain.now() == began + 1000
    async with start(tmp_path) as chain:
        assert await chain.now() == began
        await chain.wait(1000)
        await chain.w3.eth.send_raw_transaction(pay(0))
    async with start(tmp_path) as chain:
        assert await chain.now() == began + 1001


async def test_waiting_for_one_deadline_moves_time_once() -> None:
    """Two parties that wait until the same second get there together; a past second is no wait."""
    async with start() as chain:
        goal = await chain.now() + 50
        await asyncio.gather(chain.wait_until(goal), chain.wait_until(goal))
        assert await chain.now() == goal
        await chain.wait_until(goal - 10)
        assert await chain.now() == goal


@pytest.mark.parametrize("at", range(1, 7))
async def test_a_crash_at_any_block_point_leaves_a_whole_chain(tmp_path: Path, crashes: Any, at: int) -> None:
    """After a crash before the row the block never happened; after it, it did; sending again gives one transaction."""
    died: list[str] = []
    with crashes.die_at(at):
        async with start(tmp_path) as chain:
            for nonce in range(3):
                try:
                    await chain.w3.eth.send_raw_transaction(pay(nonce))
                except BaseException as error:
                    died.append(str(error))
                    raise
    assert died == [f"block {(at + 1) // 2} {'executed' if at % 2 else 'on disk'}"]
    async with start(tmp_path) as chain:
        assert (await head(chain))[0] == at // 2
        for nonce in range(3):
            await chain.w3.eth.send_raw_transaction(pay(nonce)) if nonce >= at // 2 else None
        assert (await head(chain))[0] == 3
        assert await chain.w3.eth.get_transaction_count(ALICE.account) == 3  # type: ignore[arg-type]


_CHILD = """
import asyncio, pathlib, sys
sys.path.insert(0, {here!r})
from test_embedded import pay, start

async def main():
    async with start(pathlib.Path({folder!r})) as chain:
        for nonce in range(100):
            sent = await chain.w3.eth.send_raw_transaction(pay(nonce))
            print(sent.hex(), flush=True)

asyncio.run(main())
"""


def child(folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Another process that sends up to 100 payments on the chain in this folder, and prints their hashes."""
    code = _CHILD.format(here=str(Path(__file__).parent), folder=str(folder))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


async def test_a_hash_that_was_returned_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL after some blocks: every hash that the process had printed is on the restored chain."""
    process = child(tmp_path)
    assert process.stdout is not None
    printed = [process.stdout.readline().strip() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    printed += process.communicate()[0].split()
    assert process.returncode == -signal.SIGKILL
    async with start(tmp_path) as chain:
        for number, tx_hash in enumerate(printed, 1):
            receipt = await chain.w3.eth.get_transaction_receipt("0x" + tx_hash)  # type: ignore[arg-type]
            assert receipt["blockNumber"] == number
        assert (await head(chain))[0] - len(printed) in (0, 1)  # one block may be on disk that nobody heard of


async def test_the_real_crash_point_kills(tmp_path: Path) -> None:
    """COASE_CRASH_AT ends the process between executing block 2 and writing it; block 1 stays, block 2 never was."""
    process = child(tmp_path, COASE_CRASH_AT="3")
    out, err = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert "block 2 executed" in err
    assert len(out.split()) == 1
    async with start(tmp_path) as chain:
        assert (await head(chain))[0] == 1


@pytest.mark.parametrize("seconds", [-1, 2**50])
async def test_time_goes_forward(seconds: int) -> None:
    """Waiting backwards, or beyond all time, is refused."""
    async with start() as chain:
        with pytest.raises(UsageError):
            await chain.wait(seconds)


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """While one process runs the chain another is told which one has it; afterwards it may."""
    async with start(tmp_path):
        process = child(tmp_path)
        _, err = process.communicate()
        assert process.returncode == 1
        assert f"in use by process {os.getpid()}" in err
    async with start(tmp_path) as chain:
        assert (await head(chain))[0] == 0


async def test_a_second_chain_in_this_process_is_refused_too(tmp_path: Path) -> None:
    """The lock belongs to the chain, not to the process; a failed start leaves it with its holder."""
    async with start(tmp_path):
        for _ in range(2):
            with pytest.raises(ConfigurationError) as caught:
                await start(tmp_path).__aenter__()
            assert caught.value.code == "chain_in_use"


async def test_a_failed_start_leaves_no_lock(tmp_path: Path) -> None:
    """After a refusal for another genesis the right one starts at once."""
    async with start(tmp_path):
        pass
    with pytest.raises(ConfigurationError) as caught:
        await EmbeddedChain(tmp_path, alloc={}).__aenter__()
    assert caught.value.code == "other_genesis"
    async with start(tmp_path):
        pass


async def test_a_closed_chain_says_so() -> None:
    """Before entering and after leaving, requests are refused; closing twice does no harm; it does not start twice."""
    chain = start()
    with pytest.raises(ChainUnavailable) as caught:
        await chain.now()
    assert caught.value.code == "chain_closed"
    async with chain:
        with pytest.raises(ConfigurationError):
            await chain.__aenter__()
        await chain.now()
    await chain.aclose()
    with pytest.raises(ChainUnavailable):
        await chain.w3.eth.block_number


async def test_what_was_asked_before_closing_is_answered(tmp_path: Path) -> None:
    """Requests in flight finish before the store closes: nothing is lost between memory and disk."""
    async with start(tmp_path) as chain:
        sending = [asyncio.ensure_future(chain.w3.eth.send_raw_transaction(pay(nonce))) for nonce in range(10)]
        while (await head(chain))[0] == 0:
            pass
    done = [task for task in await asyncio.gather(*sending, return_exceptions=True) if not isinstance(task, Exception)]
    async with start(tmp_path) as chain:
        assert (await head(chain))[0] >= len(done) > 0


async def test_the_same_requests_give_the_same_chain() -> None:
    """Concurrent senders in one loop are served in the order in which they asked: hashes repeat from run to run."""

    async def run() -> tuple[int, str]:
        async with start() as chain:
            await asyncio.gather(*(chain.w3.eth.send_raw_transaction(pay(nonce)) for nonce in range(20)))
            return await head(chain)

    assert await run() == await run()


async def test_the_loop_stays_free_while_the_chain_works() -> None:
    """Other tasks run while a transaction is executed."""
    async with start() as chain:
        sending = asyncio.ensure_future(chain.w3.eth.send_raw_transaction(pay(0)))
        turns = 0
        while not sending.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 3
