"""coase.agent.runtime: one canary for each thing that we change about uAgents.

Most canaries have two halves: stock uAgents still does what we guard against, and our agents do not. When an upgrade of
uAgents breaks the first half, the guard may go; when it breaks the second, the guard no longer guards.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import uagents.agent as stock  # type: ignore[import-untyped]
from uagents.dispatch import dispatcher  # type: ignore[import-untyped]
from uagents_core.identity import Identity as StockIdentity  # type: ignore[import-untyped]
from uagents_core.models import Field as StockField  # type: ignore[import-untyped]
from uagents_core.models import Model as StockModel

from coase.agent.inbox import Limits
from coase.agent.message import Message
from coase.agent.runtime import GuestAgent, InProcessTransport, SigningIdentity
from coase.errors import AddressInUse, LocalProtocolError, TransportError, Undeliverable
from coase.identity import Identity

SECONDS = 10.0
ALICE, BOB, CAROL = (Identity.from_seed("runtime", name) for name in ("alice", "bob", "carol"))


class Ping(Message):
    n: int


class Pong(Message):
    n: int


class StockPing(StockModel):  # type: ignore[misc]
    """How somebody who uses stock uAgents writes our Ping: pydantic v1, the same schema."""

    deal: str = StockField(regex=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")
    n: int

    class Config:
        title = "Ping"
        extra = "forbid"

        @staticmethod
        def schema_extra(schema: dict[str, Any]) -> None:
            schema.pop("description", None)


class StockPong(StockPing):
    class Config:
        title = "Pong"


class Heard:
    """A handler that keeps what it hears."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[str, Message]] = asyncio.Queue()

    async def __call__(self, sender: str, message: Message) -> None:
        self.messages.put_nowait((sender, message))

    async def next(self) -> Any:
        return (await asyncio.wait_for(self.messages.get(), SECONDS))[1]


@pytest.fixture
def heard() -> Heard:
    """A handler that keeps what it hears."""
    return Heard()


@pytest.fixture
async def transport() -> AsyncIterator[InProcessTransport]:
    """An open transport, checked afterwards to have taken all its agents with it."""
    async with InProcessTransport() as transport:
        yield transport
    assert not [sink for sinks in dispatcher.sinks.values() for sink in sinks if isinstance(sink, GuestAgent)]


@pytest.fixture
async def stock_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Builds stock agents without a network: what would call home is replaced, nothing of how messages are handled."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stock, "get_ledger", lambda *_, **__: None)
    monkeypatch.setattr(stock, "get_almanac_contract", lambda *_, **__: None)
    monkeypatch.setattr(stock, "update_agent_status", nothing)
    agents: list[Any] = []

    def build(name: str) -> Any:
        agent = stock.Agent(
            name=name,
            seed=f"{name} of the runtime tests",
            loop=asyncio.get_running_loop(),
            report_events=False,
            enable_agent_inspector=False,
            mark_inactive_on_shutdown=False,
            shutdown_timeout=1,
        )
        agents.append(agent)
        return agent

    yield build
    for agent in agents:
        if agent in dispatcher.sinks.get(agent.address, ()):
            dispatcher.unregister(agent.address, agent)
        await agent._shutdown([])


async def passes(number: int = 20) -> None:
    """Let the event loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


def run(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own."""
    return subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=120)


# ---- offline


def test_six_agents_start_offline_in_less_than_two_seconds() -> None:
    """Starting, talking and stopping opens no connection and asks no name server; watched by an audit hook."""
    code = """
import asyncio, sys, time
seen = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        seen.append((event, arguments[1:]))
sys.addaudithook(watch)
from coase.agent.message import Message
from coase.agent.runtime import InProcessTransport
from coase.identity import Identity

class Ping(Message):
    n: int

async def main():
    got = asyncio.Queue()
    async def handler(sender, message):
        got.put_nowait(message)
    start = time.perf_counter()
    async with InProcessTransport() as transport:
        agents = [await transport.connect(f"a{i}", Identity.from_seed(1, f"a{i}"), [Ping], handler) for i in range(6)]
        for agent in agents:
            await agent.send(agents[0].address, Ping(deal="d", n=1))
            await got.get()
        took = time.perf_counter() - start
    assert took < 2, took

asyncio.run(main())
print(seen)
"""
    done = run(code, "-W", "error")
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


async def test_the_constructor_asks_no_ledger(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    """Stock asks two gRPC services for their version in its constructor; ours does not, and leaves stock alone."""

    def called(*_: Any, **__: Any) -> None:
        raise AssertionError("called home")

    for name in ("get_ledger", "get_almanac_contract"):
        monkeypatch.setattr(stock, name, called)
    guest = GuestAgent("alice", ALICE, [Ping], heard)
    await guest.close()
    assert stock.get_ledger is called
    with pytest.raises(AssertionError, match="called home"):
        stock.Agent(name="x", seed="x", loop=asyncio.get_running_loop())


async def test_nothing_waits_for_the_almanac(stock_agent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock waits for the Almanac before the first startup handler; a guest has no such step and cannot take it."""
    asked = asyncio.Event()

    async def almanac(*_: Any, **__: Any) -> None:
        asked.set()

    monkeypatch.setattr(stock, "update_agent_status", almanac)
    agent = stock_agent("stock")
    agent.setup()
    await asyncio.wait_for(asked.wait(), SECONDS)

    async with InProcessTransport() as transport:
        guest = await transport.connect("alice", ALICE, [Ping], Heard())
        assert isinstance(guest, GuestAgent)
        for start in (guest.setup, guest.run):
            with pytest.raises(LocalProtocolError):
                start()
        with pytest.raises(LocalProtocolError):
            await guest.run_async()


async def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    """Stock writes keys and storage into the working directory as plain text."""
    monkeypatch.chdir(tmp_path)
    stock.KeyValueStore("stock").set("key", 1)
    assert os.listdir(tmp_path) == ["stock_data.json"]
    async with InProcessTransport() as transport:
        guest: Any = await transport.connect("alice", ALICE, [Ping], heard)
        guest.storage.set("key", 1)
        assert (guest.storage.get("key"), guest.storage.has("key")) == (1, True)
        guest.storage.remove("key")
        guest.storage.clear()
        assert guest.storage.get("key") is None
    assert os.listdir(tmp_path) == ["stock_data.json"]


# ---- quiet


def test_importing_us_leaves_logging_alone() -> None:
    """Stock configures the root logger and prints to standard output; importing us first does neither."""
    look = (
        "import logging, sys\n"
        "names = [n for n, l in logging.Logger.manager.loggerDict.items() if getattr(l, 'handlers', None)]\n"
        "prints = lambda n: any(getattr(h, 'stream', None) is sys.stdout for h in logging.getLogger(n).handlers)\n"
        "out = [n for n in names if prints(n)]\n"
        "print(len(logging.getLogger().handlers), logging.getLogger().level, sorted(out))\n"
        "for name in ('dispenser', 'mailbox', 'network', 'uagents'): logging.getLogger(name).info('chatter')\n"
    )
    ours = run("import coase.agent.runtime, coase.agent.mqtt, coase.agent.broker\n" + look)
    assert (ours.stdout, ours.stderr) == ("0 30 []\n", "")
    theirs = run("import uagents\n" + look)
    assert "dispenser" in theirs.stdout
    assert "chatter" in theirs.stdout


def test_an_agent_at_work_prints_nothing() -> None:
    """Starting, refusing, failing and stopping keep standard output for the program."""
    code = """
import asyncio, logging
from coase.agent.message import Message
from coase.agent.runtime import InProcessTransport
from coase.identity import Identity
logging.basicConfig(level=logging.DEBUG)

class Ping(Message):
    n: int

async def main():
    done = asyncio.Event()
    async def handler(sender, message):
        done.set()
        raise RuntimeError("boom")
    async with InProcessTransport() as transport:
        a = await transport.connect("a", Identity.from_seed(1, "a"), [Ping], handler)
        await a.send(a.address, Ping(deal="d", n=1))
        await done.wait()
        a._logger.error("with a logger of ours")
        assert not logging.getLogger("a").handlers and a._logger.propagate

asyncio.run(main())
"""
    done = run(code)
    assert (done.stdout, done.returncode) == ("", 0)
    assert "boom" in done.stderr
    assert "with a logger of ours" in done.stderr


def test_a_missing_or_foreign_uagents_is_named() -> None:
    """Without the extra, and with a minor version that nobody hardened, the import says what to install."""
    code = "import sys; sys.modules['uagents'] = None; sys.modules['uagents.agent'] = None; import coase.agent.runtime"
    assert "coase.errors.MissingExtra: the uAgents runtime needs the extra 'agents'" in run(code).stderr
    code = "import importlib.metadata as m; m.version = lambda name: '0.27.0'; import coase.agent.runtime"
    assert "uAgents 0.27.0 is installed, but this version of coase hardens uAgents 0.26" in run(code).stderr


# ---- hostile messages


async def test_a_malformed_message_does_not_end_the_agent(stock_agent: Callable[..., Any], heard: Heard) -> None:
    """One bad payload kills the message loop of a stock agent for good; ours refuses it and takes the next."""
    victim = stock_agent("victim")

    @victim.on_message(StockPing)  # type: ignore[untyped-decorator]
    async def _(ctx: Any, sender: str, message: StockPing) -> None:
        raise AssertionError("never parsed")

    victim.setup()
    digest, session = Ping.digest(), uuid.uuid4()
    await dispatcher.dispatch_msg(ALICE.address, victim.address, digest, '{"n": "x"}', session)
    await passes()
    assert victim._message_queue_task.done()
    assert victim._message_queue_task.exception() is not None

    async with InProcessTransport() as transport:
        bob = await transport.connect("bob", BOB, [Ping], heard)
        for payload in ('{"n": "x"}', "", "[" * 10_000, '{"deal":"d","n":1}' + " " * 70_000, "\ud800"):
            await dispatcher.dispatch_msg(ALICE.address, bob.address, digest, payload, session)
        await dispatcher.dispatch_msg(ALICE.address, bob.address, digest, '{"deal":"d","n":5}', session)
        assert await heard.next() == Ping(deal="d", n=5)
        assert bob.refused == {"malformed": 4, "message_too_large": 1}
        assert not bob.failures


async def test_a_validator_that_raises_does_not_end_the_agent(transport: InProcessTransport, heard: Heard) -> None:
    """A bug in a message class is a failure of ours, and the agent goes on."""

    class Odd(Message):
        @classmethod
        def model_validate_json(cls, *_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

    bob = await transport.connect("bob", BOB, [Odd, Ping], heard)
    await dispatcher.dispatch_msg(ALICE.address, bob.address, Odd.digest(), "{}", uuid.uuid4())
    await bob.send(bob.address, Ping(deal="d", n=1))
    assert await heard.next() == Ping(deal="d", n=1)
    assert [type(error) for error in bob.failures] == [ZeroDivisionError]


async def test_strangers_and_unknown_messages_are_refused(transport: InProcessTransport, heard: Heard) -> None:
    """Unsigned senders (``user1...``), things that are no address, and messages we do not know stop at the door."""
    bob = await transport.connect("bob", BOB, [Ping], heard)
    text, session = Ping(deal="d", n=1).encode(), uuid.uuid4()
    for sender in ("user1" + "q" * 60, "", "agent1short", "agent1" + "é" * 59):
        await dispatcher.dispatch_msg(sender, bob.address, Ping.digest(), text, session)
    await dispatcher.dispatch_msg(ALICE.address, bob.address, Pong.digest(), text, session)
    await dispatcher.dispatch_msg(
        ALICE.address, bob.address, StockModel.build_schema_digest(stock.ErrorMessage), "{}", session
    )
    await passes()
    assert bob.refused == {"unsigned_sender": 4, "unknown_message": 2}
    assert heard.messages.empty()


async def test_the_inbox_is_bounded_for_one_sender_and_for_all() -> None:
    """Stock queues without bound; ours says no to the sender that floods, while others still get through."""
    heard = Heard()
    async with InProcessTransport(Limits(waiting=5, per_sender=3)) as transport:
        alice = await transport.connect("alice", ALICE, [], heard)
        carol = await transport.connect("carol", CAROL, [], heard)
        bob = await transport.connect("bob", BOB, [Ping], heard)
        for n in range(3):
            await alice.send(bob.address, Ping(deal="d", n=n))
        with pytest.raises(Undeliverable) as caught:
            await alice.send(bob.address, Ping(deal="d", n=3))
        assert caught.value.code == "inbox_full"
        await carol.send(bob.address, Ping(deal="d", n=10))
        assert [(await heard.next()).n for _ in range(4)] == [0, 1, 2, 10]
        await alice.send(bob.address, Ping(deal="d", n=4))
        assert (await heard.next()).n == 4
        assert bob.refused == {"inbox_full": 1}


async def test_the_bytes_that_wait_are_bounded() -> None:
    """A few large messages fill an inbox as well as many small ones."""
    async with InProcessTransport(Limits(bytes_waiting=100)) as transport:
        bob = await transport.connect("bob", BOB, [Ping], Heard())
        await bob.send(bob.address, Ping(deal="d" * 60, n=0))
        with pytest.raises(Undeliverable):
            await bob.send(bob.address, Ping(deal="d" * 60, n=1))


# ---- handlers


async def test_what_a_handler_raises_is_collected(
    stock_agent: Callable[..., Any], transport: InProcessTransport
) -> None:
    """Stock logs and forgets, so that tests pass blind; ours keeps the failure and goes on."""
    careless = stock_agent("careless")

    @careless.on_message(StockPing)  # type: ignore[untyped-decorator]
    async def _(ctx: Any, sender: str, message: StockPing) -> None:
        raise KeyError("forgotten")

    careless.setup()
    await dispatcher.dispatch_msg(ALICE.address, careless.address, Ping.digest(), '{"deal":"d","n":1}', uuid.uuid4())
    await passes()
    assert not careless._message_queue_task.done()
    assert not hasattr(careless, "failures")

    done = asyncio.Event()

    async def handler(sender: str, message: Message) -> None:
        assert isinstance(message, Ping)
        if message.n == 3:
            done.set()
        elif message.n == 2:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            await future  # somebody else's cancellation, not ours
        elif message.n == 1:
            raise TimeoutError("of the handler's own")
        else:
            raise KeyError("kept")

    bob = await transport.connect("bob", BOB, [Ping], handler)
    for n in range(4):
        await bob.send(bob.address, Ping(deal="d", n=n))
    await asyncio.wait_for(done.wait(), SECONDS)
    assert [type(error) for error in bob.failures] == [KeyError, TimeoutError, asyncio.CancelledError]


async def test_a_slow_handler_blocks_nobody_else_and_is_ended() -> None:
    """While one handler waits for ever, other agents work; after its time limit its own agent works again."""
    heard, entered = Heard(), asyncio.Event()

    async def slow(sender: str, message: Message) -> None:
        if message == Ping(deal="d", n=0):
            entered.set()
            await asyncio.Event().wait()
        await heard(sender, message)

    async with InProcessTransport(Limits(handler_seconds=0.05)) as transport:
        bob = await transport.connect("bob", BOB, [Ping], slow)
        carol = await transport.connect("carol", CAROL, [Ping], heard)
        await bob.send(bob.address, Ping(deal="d", n=0))
        await bob.send(bob.address, Ping(deal="d", n=1))
        await entered.wait()
        await bob.send(carol.address, Ping(deal="d", n=2))
        assert [(await heard.next()).n, (await heard.next()).n] == [2, 1]
        assert isinstance(bob.failures[0], TransportError)
        assert bob.failures[0].code == "slow_handler"


async def test_a_handler_that_is_no_coroutine_is_a_failure(transport: InProcessTransport) -> None:
    """A plain function raises before there is anything to await; the agent survives that too."""

    def plain(sender: str, message: Message) -> Any:
        raise ValueError("plain")

    bob = await transport.connect("bob", BOB, [Ping], plain)
    await bob.send(bob.address, Ping(deal="d", n=0))
    await passes()
    assert [type(error) for error in bob.failures] == [ValueError]


# ---- addresses and keys


async def test_one_key_has_one_agent(
    stock_agent: Callable[..., Any], transport: InProcessTransport, heard: Heard
) -> None:
    """Stock lets two agents of one key both receive every message; ours refuses the second, and the first stays."""
    first, second = stock_agent("twin"), stock_agent("twin")
    assert first.address == second.address
    assert len(dispatcher.sinks[first.address]) == 2

    alice = await transport.connect("alice", ALICE, [Ping], heard)
    with pytest.raises(AddressInUse):
        await transport.connect("impostor", ALICE, [Ping], heard)
    async with InProcessTransport() as other:
        with pytest.raises(AddressInUse):
            await other.connect("impostor", ALICE, [Ping], heard)
    await alice.send(alice.address, Ping(deal="d", n=1))
    assert await heard.next() == Ping(deal="d", n=1)
    await alice.close()
    again = await transport.connect("alice", ALICE, [Ping], heard)
    assert again.address == alice.address


async def test_our_key_makes_stock_addresses_and_signatures() -> None:
    """One key has one address, and stock verifies what our identity signs in each of its notations."""
    ours, theirs = SigningIdentity(ALICE), StockIdentity.from_string(ALICE.secret.hex())
    assert (ours.address, ours.pub_key, ours.private_key) == (theirs.address, theirs.pub_key, theirs.private_key)
    digest = hashlib.sha256(b"data").digest()
    assert StockIdentity.verify_digest(ours.address, digest, ours.sign_digest(digest))
    assert StockIdentity.verify_digest(ours.address, digest, ours.sign(b"data"))
    assert ours.sign_b64(b"data") != ""


# ---- stock agents of third parties


async def test_a_stock_agent_and_ours_understand_each_other(
    stock_agent: Callable[..., Any], transport: InProcessTransport
) -> None:
    """An unmodified uagents.Agent with pydantic v1 models sends to ours, and its send_and_receive finds our reply."""

    async def answer(sender: str, message: Message) -> None:
        assert isinstance(message, Ping)
        await bob.send(sender, Pong(deal=message.deal, n=message.n + 1))

    bob = await transport.connect("bob", BOB, [Ping], answer)
    friend, got = stock_agent("friend"), asyncio.Queue[Any]()

    @friend.on_message(StockPong)  # type: ignore[untyped-decorator]
    async def _(ctx: Any, sender: str, message: StockPong) -> None:
        got.put_nowait((sender, message.n))

    @friend.on_event("startup")  # type: ignore[untyped-decorator]
    async def _(ctx: Any) -> None:
        await ctx.send(bob.address, StockPing(deal="d1", n=1))

    friend.setup()
    assert await asyncio.wait_for(got.get(), SECONDS) == (bob.address, 2)
    reply, status = await friend._build_context().send_and_receive(
        bob.address, StockPing(deal="d2", n=5), response_type=StockPong, timeout=SECONDS
    )
    assert (reply, status.status) == (StockPong(deal="d2", n=6), "delivered")
    assert not bob.failures


async def test_sessions_of_strangers_are_bounded(transport: InProcessTransport, heard: Heard) -> None:
    """Whoever opens deal after deal does not fill our memory; a deal without a session has one that follows from it."""
    bob: Any = await transport.connect("bob", BOB, [Ping], heard)
    for n in range(1_500):
        text = Ping(deal=f"d{n}", n=1).encode()
        await dispatcher.dispatch_msg(ALICE.address, bob.address, Ping.digest(), text, uuid.uuid4())
        await heard.next()
    assert len(bob._peer_sessions) == 1_024
    assert bob.session_with(ALICE.address, "d0") == bob.session_with(CAROL.address, "d0")


# ---- the end


async def test_stopping_leaves_the_host_alone(heard: Heard) -> None:
    """Stock cancels every task of the loop on its way out; here the host's tasks, sinks and threads are as before."""
    host = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    before = (asyncio.all_tasks(), set(threading.enumerate()))
    async with InProcessTransport() as transport:
        agents = [
            await transport.connect(f"a{i}", Identity.from_seed("left", f"a{i}"), [Ping], heard) for i in range(20)
        ]
        for agent in agents:
            await agent.send(agents[0].address, Ping(deal="d", n=1))
    assert (asyncio.all_tasks(), set(threading.enumerate())) == before
    assert not dispatcher.sinks
    assert not dispatcher.pending_responses
    assert not host.done()
    host.cancel()


@pytest.mark.parametrize("how", ["exception", "cancel"])
async def test_nothing_is_left_behind_after_a_bad_end(how: str) -> None:
    """Whether the body raises or is cancelled in mid-handler: no task, no sink."""
    before, entered, ended = asyncio.all_tasks(), asyncio.Event(), asyncio.Event()
    agents: list[Any] = []

    async def endless(sender: str, message: Message) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def body() -> None:
        async with InProcessTransport() as transport:
            bob = await transport.connect("bob", BOB, [Ping], endless)
            agents.append(bob)
            await bob.send(bob.address, Ping(deal="d", n=1))
            await entered.wait()
            if how == "exception":
                raise KeyError("body")
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await entered.wait()
    if how == "cancel":
        task.cancel()
    with pytest.raises((KeyError, asyncio.CancelledError)):
        await task
    assert ended.is_set()
    assert agents[0].failures == []  # to be stopped is no failure
    assert asyncio.all_tasks() == before
    assert not dispatcher.sinks


async def test_what_still_waits_is_not_run_at_the_end(stock_agent: Callable[..., Any]) -> None:
    """Stock runs the handlers of all waiting messages after it was told to stop; ours stops."""
    late: list[str] = []
    eager = stock_agent("eager")

    @eager.on_message(StockPing)  # type: ignore[untyped-decorator]
    async def _(ctx: Any, sender: str, message: StockPing) -> None:
        late.append("stock")

    eager.setup()
    await passes()
    await dispatcher.dispatch_msg(ALICE.address, eager.address, Ping.digest(), '{"deal":"d","n":1}', uuid.uuid4())
    await eager._shutdown([])
    assert late == ["stock"]

    async def handler(sender: str, message: Message) -> None:
        late.append("ours")

    async with InProcessTransport() as transport:
        bob = await transport.connect("bob", BOB, [Ping], handler)
        await passes()
        await bob.send(bob.address, Ping(deal="d", n=1))
    await passes()
    assert late == ["stock"]


async def test_an_agent_may_close_itself_and_close_twice(transport: InProcessTransport) -> None:
    """Closing from within a handler ends the agent after that handler; sending and connecting later say so."""
    closed = asyncio.Event()

    async def handler(sender: str, message: Message) -> None:
        await bob.close()
        closed.set()

    bob: Any = await transport.connect("bob", BOB, [Ping], handler)
    await bob.send(bob.address, Ping(deal="d", n=1))
    await asyncio.wait_for(closed.wait(), SECONDS)
    await passes()
    assert bob._message_queue_task.done()
    await bob.close()
    with pytest.raises(TransportError) as caught:
        await bob.send(BOB.address, Ping(deal="d", n=1))
    assert caught.value.code == "closed"
    with pytest.raises(TransportError):
        await InProcessTransport().connect("x", ALICE, [], handler)


async def test_a_handler_that_ignores_cancellation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not hang on a handler that will not end; it says that something was left behind."""
    monkeypatch.setattr("coase.agent.runtime._STOP_SECONDS", 0.01)
    entered, release = asyncio.Event(), asyncio.Event()

    async def stubborn(sender: str, message: Message) -> None:
        entered.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    transport = InProcessTransport()
    async with transport:
        bob = await transport.connect("bob", BOB, [Ping], stubborn)
        await bob.send(bob.address, Ping(deal="d", n=1))
        await entered.wait()
    assert isinstance(bob.failures[0], TransportError)
    assert bob.failures[0].code == "stuck_handler"
    release.set()
    await passes()


async def test_a_thousand_agents_start_quickly(heard: Heard) -> None:
    """Agents are cheap: a population fits into one process."""
    start = time.perf_counter()
    async with InProcessTransport() as transport:
        for i in range(1_000):
            await transport.connect(f"a{i}", Identity.from_seed("many", f"a{i}"), [Ping, Pong], heard)
    assert time.perf_counter() - start < 30
