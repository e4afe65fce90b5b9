"""Many sessions at once: coase/negotiation/batch.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import coase
from coase.errors import CoaseError
from coase.negotiation import batch as module

PRICE = coase.Domain(price=range(100))


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("equality", Path(__file__).with_name("equality.py"))
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


equality = _load()
differing = equality.differing
NAMES = equality.batchable()


@pytest.fixture(autouse=True)
def compiled_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches are compiled too."""
    monkeypatch.setattr(module, "FEW", 1)


@pytest.mark.xdist_group("kernels")
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(domain=equality.domains, seed=st.integers(0, 2**63))
def test_a_batch_is_its_sessions(name: str, domain: coase.Domain, seed: int) -> None:
    """Against every skill, sessions with everything of their own end alike alone and batched: 200 a pair."""
    for other in NAMES:
        wrong, _ = differing((name, other), domain, 100, seed)
        assert not wrong, f"{name} and {other}: {wrong} of 100 differ"


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_a_large_batch_is_its_sessions(name: str, other: str) -> None:
    """100,000 sessions a pair, over prices and over issues."""
    issues = coase.Domain(a=range(5), b=range(5), c=["x", "y", "z"], d=range(4))
    assert [differing((name, other), domain, 50_000, 7)[0] for domain in (PRICE, issues)] == [0, 0]


@pytest.mark.xdist_group("kernels")
@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="without numba they run one by one")
@pytest.mark.parametrize("name", NAMES)
def test_what_ships_runs_batched(name: str) -> None:
    """No shipped skill of the first three rungs is played one by one."""
    batch = coase.negotiate_many(coase.skill(name), coase.skill("linear"), PRICE, n=64, seed=1)
    assert batch.ways[0] in ("plan", "compiled", "arrays")


@pytest.mark.parametrize("pair", [("boulware", "conceder"), ("micro", "linear"), ("noise", "boulware")])
def test_without_numba(pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same results from numpy, and one by one where a skill reacts."""
    quick = differing(pair, PRICE, 60, 3)[1]
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "coase.negotiation.compiled", raising=False)
    monkeypatch.delattr("coase.negotiation.compiled", raising=False)
    monkeypatch.setattr(module, "_built", {})
    wrong, batch = differing(pair, PRICE, 60, 3)
    assert not wrong
    assert "compiled" not in batch.ways
    assert (batch.outcome == quick.outcome).all()


class Columns(coase.Negotiator):
    """Reacts, and takes numbers as well as columns."""

    arrays = True
    pull: float = 0.3

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Asks for less the more is offered, with some noise."""
        return state, 1 - self.pull * np.maximum(now.worth, 0) - 0.5 * now.t * now.uniform(2)


def own_columns_end_as_alone(kind: type[coase.Negotiator]) -> None:
    """The sessions of a batch of a skill that declares `arrays` end as each alone."""
    rng, n = np.random.default_rng(1), 300
    many = coase.skill(kind, pull=rng.uniform(0, 1, n))
    common: dict[str, Any] = {"n": n, "deadline": rng.integers(1, 60, n), "reservation": (rng.uniform(0, 0.5, n), 0.1)}
    batch = coase.negotiate_many(many, coase.skill("linear"), PRICE, **common)
    alone = coase.negotiate_many(many, coase.skill("linear"), PRICE, **common, way="one by one")
    assert batch.ways == ("arrays", "plan")
    assert batch.agreed.sum() > 0
    assert (batch.outcome == alone.outcome).all()
    assert (batch.last_step == alone.last_step).all()


@pytest.mark.parametrize("numba", [True, False])
def test_columns_of_ones_own(numba: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A skill that declares `arrays` moves in all sessions at once, with or without numba."""
    if not numba:
        monkeypatch.setitem(sys.modules, "numba", None)
    own_columns_end_as_alone(Columns)


class Tensors(coase.Negotiator):
    """Computes in torch, for one session and for columns of them."""

    arrays = True
    pull: float = 0.3

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Asks for less the more is offered."""
        import torch

        worth, pull, t = (torch.as_tensor(x, dtype=torch.float64) for x in (now.worth, self.pull, now.t))
        return state, 1 - pull * torch.clamp(worth, min=0) - 0.5 * t


def test_a_skill_that_computes_in_torch(need: Callable[[str], Any]) -> None:
    """Tensors in, tensors out."""
    need("torch")
    own_columns_end_as_alone(Tensors)


@pytest.mark.xdist_group("kernels")
@pytest.mark.parametrize("pair", [("boulware", "conceder"), ("micro", "boulware"), ("micro", "micro")])
def test_utilities_of_each_session(pair: tuple[str, str]) -> None:
    """Fresh utilities a session, some outcomes never acceptable: as `negotiate` with each row."""
    rng, n = np.random.default_rng(4), 120
    domain = coase.Domain(a=range(6), b=range(5))
    utilities = (rng.integers(0, 21, (n, domain.size)) / 20, rng.integers(0, 21, (n, domain.size)) / 20)
    utilities[0][rng.random((n, domain.size)) < 0.2] = -np.inf
    buyer, seller = (coase.skill(name) for name in pair)
    batch = coase.negotiate_many(buyer, seller, domain, n=n, utilities=utilities, reservation=(0.1, 0.2), seed=9)
    for i in range(n):
        rows = (utilities[0][i], utilities[1][i])
        own = coase.session_seed(9, i)
        alone = coase.negotiate(buyer, seller, domain, utilities=rows, reservation=(0.1, 0.2), seed=own)
        assert (alone.agreement or {"a": -1, "b": -1}) == {k: v[i] for k, v in batch.agreement.items()}
        assert alone.step == batch.last_step[i]
        assert alone.utilities == (batch.utilities[0][i], batch.utilities[1][i])


@pytest.mark.xdist_group("kernels")
@pytest.mark.parametrize("pair", [("boulware", "conceder"), ("noise", "micro")])
def test_workers_and_chunks_do_not_matter(pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads and small chunks give the same bytes, and progress is told."""
    told: list[int] = []
    buyer, seller = (coase.skill(name) for name in pair)
    one = coase.negotiate_many(buyer, seller, PRICE, n=1_000, seed=2)
    monkeypatch.setattr(module, "CHUNK", 170)

    def note(done: int, of: int) -> None:
        told.append(done)

    two = coase.negotiate_many(buyer, seller, PRICE, n=1_000, seed=2, workers=2, progress=note)
    assert (one.outcome.tobytes(), one.step.tobytes()) == (two.outcome.tobytes(), two.step.tobytes())
    assert told == [167, 334, 501, 668, 835, 1_000]  # equal shares of at most 170


def test_what_no_deal_looks_like() -> None:
    """agreed False, price and step -1, and the reservations as utilities."""
    batch = coase.negotiate_many(
        coase.skill("boulware"), coase.skill("boulware"), PRICE, n=3, reservation=(np.array([0.1, 0.9, 2.0]), 0.5)
    )
    assert batch.agreed.tolist() == [True, False, False]
    assert batch.agreement["price"][1:].tolist() == batch.step[1:].tolist() == [-1, -1]
    assert [u[1:].tolist() for u in batch.utilities] == [[0.9, 2.0], [0.5, 0.5]]
    assert batch.reasons() == {"agreed": 1, "walked": 1, "deadline": 1, "failed": 0}


class Impure(coase.Negotiator):
    """Remembers outside its state."""

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, Any]:
        """Less each time that it is called."""
        COUNT.append(1)
        return state, 1 - len(COUNT) / 1000


COUNT: list[int] = []


def test_a_skill_that_is_not_pure_is_found() -> None:
    """Sessions played again must end alike."""
    with pytest.raises(CoaseError, match="otherwise alone"):
        coase.negotiate_many(Impure(), coase.skill("linear"), PRICE, n=50, way="arrays")


def test_negotiate_refuses_many() -> None:
    """One session takes one skill."""
    with pytest.raises(CoaseError) as caught:
        coase.negotiate(coase.skill("boulware", beta=np.array([0.2, 0.3])), coase.skill("linear"), PRICE)
    assert caught.value.code == "skill_array"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"domain": range(5)}, "bad_domain"),
        ({"n": 0}, "bad_n"),
        ({"workers": 0}, "bad_workers"),
        ({"deadline": np.array([1, 2])}, "bad_deadline"),
        ({"deadline": 0}, "bad_deadline"),
        ({"reservation": (np.nan, 0)}, "bad_reservation"),
        ({"reservation": (np.zeros(7), 0)}, "bad_reservation"),
        ({"utilities": (np.zeros((3, 3)), None)}, "bad_utility"),
        ({"buyer": "boulware"}, "not_a_skill"),
        ({"buyer": coase.skill("boulware", beta=np.ones(4))}, "bad_columns"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], code: str) -> None:
    """Bad arguments have a code."""
    usual: dict[str, Any] = {"buyer": coase.skill("boulware"), "seller": coase.skill("linear"), "domain": PRICE, "n": 5}
    with pytest.raises(CoaseError) as caught:
        coase.negotiate_many(**usual | changed)
    assert caught.value.code == code


def test_one_skill_at_two_paths_is_kept_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, need: Callable[[str], Any]
) -> None:
    """What numba keeps names the author's module, which a process that loads another path does not have."""
    need("numba")
    from coase.negotiation import compiled

    monkeypatch.setenv("COASE_KERNELS", str(tmp_path / "kernels"))
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("same = True\n")
    one, again, two = (compiled._file("X", "text", {str(tmp_path / name)}) for name in ("a.py", "a.py", "b.py"))
    assert one == again != two


class Waves(coase.Negotiator):
    """Asks for less and more again, with a step of its own in each session."""

    speed: float = 3.0
    depth: float = 0.5

    def target(self, t: Any) -> Any:
        """Cosine waves that sink."""
        return 1 - self.depth * t - 0.4 * (1 - np.cos(self.speed * 6 * t)) / 2


@pytest.mark.parametrize("own", [("speed",), ("speed", "depth"), ()])
def test_curves_drawn_in_blocks_play_as_whole_ones(own: tuple[str, ...]) -> None:
    """A curve that rises again, deadlines of one to many blocks, and one side with a curve of its own or both."""
    n, draw = 60, np.random.default_rng(2)
    columns = {name: draw.uniform(0.3, 1.0, n) * (8 if name == "speed" else 1) for name in own}
    deadlines = draw.integers(1, 400, n)
    pairs: Any = (
        (coase.skill(Waves, **columns), coase.skill("boulware")),
        (Waves(), coase.skill(Waves, **columns)),
    )
    for one, two in pairs:
        terms: dict[str, Any] = {
            "n": n,
            "deadline": deadlines,
            "reservation": (draw.uniform(0, 0.8, n), 0.3),
            "seed": 6,
        }
        many = coase.negotiate_many(one, two, PRICE, **terms)
        assert many.ways == ("plan", "plan")
        alone = coase.negotiate_many(one, two, PRICE, **terms, way="one by one")
        assert many.outcome.tolist() == alone.outcome.tolist()
        assert many.last_step.tolist() == alone.last_step.tolist()
        assert many.agreed.sum() > 0
