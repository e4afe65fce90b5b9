"""What the settlement tests share: keys, a crash that can be chosen, hand-written contracts, a node on loopback."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from coase import crash
from coase.errors import ConfigurationError
from coase.identity import Identity
from coase.settlement.anvil import find_anvil
from coase.settlement.embedded import EmbeddedChain
from coase.settlement.server import serve
from coase.testing.backends import KINDS, AnyChain, Kind, any_chain
from coase.testing.chain import DEPLOYER

ALICE, BOB, CAROL = (Identity.from_seed("settlement tests", name) for name in ("alice", "bob", "carol"))


class Died(BaseException):
    """Stands for the end of the process: nothing in the code may catch it and go on."""


class Crash:
    """Counts crash points, and dies at the one that is chosen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.at = 0

    def point(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.at:
            raise Died(name)

    @contextmanager
    def die_at(self, number: int) -> Iterator[None]:
        self.names, self.at = [], number
        try:
            yield
        except Died:
            pass
        finally:
            self.at = 0


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crash:
    """Crash points that raise rather than kill."""
    found = Crash()
    monkeypatch.setattr(crash, "point", found.point)
    return found


@pytest.fixture
def alice() -> Identity:
    """A party."""
    return ALICE


@pytest.fixture
def bob() -> Identity:
    """Another party."""
    return BOB


@pytest.fixture
def carol() -> Identity:
    """A third party."""
    return CAROL


@pytest.fixture
def creation() -> Callable[[str], bytes]:
    """The code that creates a contract with this runtime code (hexadecimal, below 32 bytes)."""

    def make(runtime: str) -> bytes:
        code = bytes.fromhex(runtime)
        size = len(code)
        # PUSHn code, PUSH0, MSTORE, PUSH1 size, PUSH1 32 - size, RETURN
        return bytes([0x5F + size, *code, 0x5F, 0x52, 0x60, size, 0x60, 32 - size, 0xF3])

    return make


@pytest.fixture
async def served() -> AsyncIterator[tuple[EmbeddedChain, str]]:
    """An embedded chain behind JSON-RPC over HTTP on loopback, and its address."""
    async with EmbeddedChain(alloc={ALICE.account: 10**20}) as chain, serve(chain) as url:
        yield chain, url


@pytest.fixture(params=KINDS)
async def chain_of_any_kind(request: pytest.FixtureRequest) -> AsyncIterator[AnyChain]:
    """The embedded chain, the same behind HTTP, and anvil; Alice, Bob and the deployer have 100 ether each."""
    kind: Kind = request.param
    if kind == "anvil":
        require_anvil()
    async with any_chain(kind, dict.fromkeys((ALICE.account, BOB.account, DEPLOYER.account), 10**20)) as chain:
        yield chain


def require_anvil() -> None:
    """Skip the test where there is no anvil; fail it where everything is required."""
    try:
        find_anvil()
    except ConfigurationError as error:
        if os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail(f"COASE_REQUIRE_ALL is set, but {error.message}")
        pytest.skip(error.message)
