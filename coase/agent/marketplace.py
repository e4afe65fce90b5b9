"""A marketplace in this process: chain, contracts, registry, messages, executor, and the agents that meet there."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coase import loading, money
from coase.agent.buyer import Buyer
from coase.agent.content import BuyerAgent, SellerAgent
from coase.agent.deal import HOLDS_MONEY
from coase.agent.home import MANIFEST, find_home, read_json, usable, write_json
from coase.agent.party import Party
from coase.agent.seller import Seller
from coase.agent.transport import Transport
from coase.agent.treasury import ETHER, NAME, Treasury
from coase.agent.world import ChainTime, Event, World
from coase.compute.executor import LocalExecutor
from coase.errors import ConfigurationError, UsageError
from coase.identity import Identity
from coase.registry.registry import Registry
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.escrow import EscrowClient

ESCROW = "escrow"  # in `balances`; no agent's name, and neither is the bank's
FUNDS = "100.00"
GENESIS_TIME = 1_700_000_000

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)  # it names a folder, jobs and intents


class Marketplace:
    """``async with Marketplace.embedded() as market``: everything in one process, gone without a trace when left.

    State lives in `home`; entering the same home again replays the chain and knows the same agents, whose open deals
    `resume` takes up.
    """

    def __init__(
        self, home: Path, seed: int | None, transport: Transport, emit: Callable[[Event], None], patience: float
    ) -> None:
        self.home, self._seed, self._transport, self._emit, self._patience = home, seed, transport, emit, patience
        self.parties: dict[str, Party] = {}
        self._stack = contextlib.AsyncExitStack()

    @classmethod
    def embedded(
        cls,
        home: str | Path | None = None,
        *,
        seed: int | None = None,
        transport: str | Transport = "memory",
        port: int = 0,
        on_event: Callable[[Event], None] = lambda event: None,
        patience: float = 60.0,
    ) -> Self:
        """A market of one's own.

        Args:
            home: the folder of its state; None: `COASE_HOME`, ``./.coase`` or the user's folder.
            seed: what keys and draws derive from; None: drawn at random once and kept in the home. Whoever knows the
                seed owns the money.
            transport: ``"memory"`` (uAgents, in process), ``"mqtt"`` (uAgents over an embedded broker), or your own.
            port: of the broker; 0: any free one.
            on_event: told about everything that happens.
            patience: wall seconds without a word after which an agent asks the chain instead of its counterparty.

        Raises (on entering):
            ConfigurationError: the home cannot be written or is in use, or the port is.
            MissingExtra: one of the extras chain, agents and compute is not installed.
        """
        folder = find_home() / "market" if home is None else Path(home)
        return cls(folder, seed, _transport(transport, port), on_event, patience)

    # ---- up and down

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        usable(self.home)
        self.manifest = self._read_manifest()
        seed = self.manifest["seed"]
        bank = Identity.from_seed(seed, NAME)
        executor = self.executor = LocalExecutor(self.home / "jobs")
        chain = await self._stack.enter_async_context(
            EmbeddedChain(self.home / "chain", alloc={bank.account: 1_000_000 * ETHER}, genesis_time=GENESIS_TIME)
        )
        write_json(self.home / MANIFEST, self.manifest)  # only now is the folder ours
        await self._stack.enter_async_context(self._transport)
        await executor.start()  # torch loads over there while everything else happens here
        self._stack.push_async_callback(executor.stop)
        self.treasury = Treasury(bank, chain, self.home / "bank.db")
        self._stack.callback(self.treasury.close)
        contracts = await self.treasury.deploy()
        time = ChainTime(chain)
        await time.read()
        registry = Registry(self.home / "registry.db", now=time)
        self._stack.callback(registry.close)
        self.world = World(
            folder=self.home,
            seed=seed,
            transport=self._transport,
            chain=chain,
            token=contracts.token,
            escrow=contracts.escrow,
            operator=bank.account,
            registry=registry,
            time=time,
            executor=executor,
            emit=self._emit,
            patience=self._patience,
        )
        self._stack.push_async_callback(self._close_parties)

    def _read_manifest(self) -> dict[str, Any]:
        known = read_json(self.home / MANIFEST)
        if known is None:
            seed = secrets.randbits(128) if self._seed is None else self._seed
            return {"version": 1, "seed": seed, "agents": {}}
        if self._seed not in (None, known["seed"]):
            raise ConfigurationError(
                f"{self.home} holds a market with another seed", hint="choose another folder", code="other_seed"
            )
        return dict(known)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _close_parties(self) -> None:
        for party in reversed(self.parties.values()):
            await party.close()
        self.parties.clear()

    # ---- agents

    async def add(self, what: str | Path, *, name: str = "", funds: str = FUNDS, **parameters: Any) -> Any:
        """Bring an agent to the market: fund its account, connect it, and open its shop if it sells.

        Args:
            what: an agent by name (``"gpu_provider"``) or path.
            name: unique here. Without one, an agent of this kind and with these parameters that this home knows comes
                back; else it is the kind, with a number if need be.
            funds: test dollars that it gets, as text.
            parameters: of the agent, see its class.

        Returns:
            The `Buyer` or `Seller`.
        """
        name = name or self._absent(what, parameters) or self._free_name(Path(what).stem)
        if not _PLAIN.fullmatch(name):
            raise UsageError(
                f"{name[:40]!r} is not a name for an agent", hint="letters, digits, '-', '_' and '.'", code="bad_name"
            )
        if name in self.parties or name in (NAME, ESCROW):
            raise UsageError(f"an agent named '{name}' is already here", hint="give another name", code="name_taken")
        agent = loading.make(loading.find("agents", what), parameters)
        loading.skill(agent.negotiator, **dict(agent.negotiator_parameters))  # a skill that is not there is said now
        if isinstance(agent, BuyerAgent):
            agent.mandate()  # and so is a mandate that allows nothing, before anything is paid
        entry = {"what": str(what), "funds": funds, "parameters": parameters}
        dollars = money.parse(funds)
        if self.manifest["agents"].get(name) != entry:
            self.manifest["agents"][name] = entry
            write_json(self.home / MANIFEST, self.manifest)
        return await self._join(name, agent, dollars)

    async def _join(self, name: str, agent: Any, dollars: int) -> Party:
        identity = Identity.from_seed(self.manifest["seed"], name)
        await self.treasury.fund(name, identity.account, dollars)
        party: Party
        if isinstance(agent, SellerAgent):
            party = Seller(name, identity, self.world, agent)
        else:
            party = Buyer(name, identity, self.world, agent)
        self.parties[name] = party
        await party.start()
        if isinstance(party, Seller):
            await party.open_shop()
        return party

    def _absent(self, what: str | Path, parameters: dict[str, Any]) -> str:
        """The name of an agent of this kind and with these parameters that was here in an earlier life of the home."""
        for name, entry in self.manifest["agents"].items():
            if name not in self.parties and (entry["what"], entry["parameters"]) == (str(what), parameters):
                return str(name)
        return ""

    def _free_name(self, stem: str) -> str:
        stem = stem.replace("_", "-")
        numbers = (f"{stem}-{n}" for n in range(1, 10_000))
        return next(n for n in [stem, *numbers] if n not in self.manifest["agents"])

    async def rebuild(self, name: str) -> Party:
        """Throw an agent's object away and make it anew from its journal, as after a crash of that agent alone."""
        old = self.parties.pop(name)
        await old.close()
        party = await self._rejoin(name)
        await party.resume()
        return party

    async def _rejoin(self, name: str) -> Party:
        entry = self.manifest["agents"][name]
        agent = loading.make(loading.find("agents", entry["what"]), entry["parameters"])
        return await self._join(name, agent, money.parse(entry["funds"]))

    # ---- after a crash

    async def resume(self) -> list[dict[str, str]]:
        """Bring back the agents of this home and see every open deal to its end. Returns what is left open.

        An agent that had not opened its shop yet stays away: nobody can have dealt with it.
        """
        for name in self.manifest["agents"]:
            if name not in self.parties and (self.home / "agents" / name).is_dir() and self._has_begun(name):
                await self._rejoin(name)
        for party in self._in_order():
            await party.resume()
        await self.quiet()
        return self.open_deals()

    def _has_begun(self, name: str) -> bool:
        from coase.agent.journal import Journal

        journal = Journal(self.home / "agents" / name / "journal.db", name)
        try:
            return journal.recall("listing") is not None or bool(journal.deals())
        finally:
            journal.close()

    def _in_order(self) -> list[Party]:
        """Sellers first: they only wait."""
        return sorted(self.parties.values(), key=lambda party: isinstance(party, Buyer))

    async def finish(self) -> list[dict[str, str]]:
        """Begin nothing new and see every open deal to its end. Returns what is left open."""
        for party in self._in_order():
            if isinstance(party, Buyer):
                await party.resume()
        await self.quiet()
        return self.open_deals()

    async def quiet(self, seconds: float = 10.0) -> None:
        """Wait until no deal is open anywhere, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.open_deals():
                    self.world.moved.clear()
                    await self.world.moved.wait()

    def open_deals(self) -> list[dict[str, str]]:
        """Every deal that has not ended: agent, deal, role, state, and whether money is in the escrow."""
        return [
            {
                "agent": name,
                "deal": record.deal,
                "role": record.role,
                "state": record.state,
                "money": "in escrow" if record.state in HOLDS_MONEY else "none",
            }
            for name, party in self.parties.items()
            for record in party.journal.deals(open_only=True)
        ]

    async def balances(self) -> dict[str, int]:
        """Test dollars (base units) of every agent that was ever here, the bank and the escrow."""
        reader = EscrowClient(
            self.world.chain.w3,
            self.treasury.outbox,
            self.world.token,
            self.world.escrow,
            self.world.chain.chain_id,
        )
        seed = self.manifest["seed"]
        accounts = {name: Identity.from_seed(seed, name).account for name in self.manifest["agents"]}
        accounts |= {NAME: self.treasury.identity.account, ESCROW: self.world.escrow}
        return {name: await reader.balance(account) for name, account in accounts.items()}

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong in the agents' own code."""
        return [failure for party in self.parties.values() for failure in party.failures]


def _transport(transport: str | Transport, port: int) -> Transport:
    if not isinstance(transport, str):
        return transport
    if transport == "memory":
        from coase.agent.runtime import InProcessTransport

        return InProcessTransport()
    if transport == "mqtt":
        from coase.agent.mqtt import MqttTransport

        return MqttTransport.embedded(port=port)
    raise ConfigurationError(f"no transport '{transport}'", hint="memory or mqtt", code="unknown_transport")
