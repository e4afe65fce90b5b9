"""The learned skill: its features, its weights, and the training that made them; skills/learned/."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import coase
from coase import loading
from coase.errors import ConfigurationError, JobRefused, UsageError
from coase.negotiation import batch

FOLDER = loading.content("skills") / "learned"
KIND: Any = loading.find("skills", "learned")
PRICES = coase.Domain(price=range(101))
PLANS = ("boulware", "linear", "conceder")

Need = Callable[[str], ModuleType]


@pytest.fixture(autouse=True)
def tensors(need: Need) -> Any:
    """Weights are read with safetensors."""
    need("safetensors")
    from coase.compute import tensors

    return tensors


@pytest.fixture
def train(need: Need) -> Any:
    """The training script."""
    need("torch")
    return loading.load(FOLDER / "train.py", "skills")


@pytest.fixture
def measure() -> Any:
    """The script that measures."""
    return loading.load(FOLDER / "measure.py", "skills")


@pytest.fixture
def store(tensors: Any, tmp_path: Path) -> Callable[..., str]:
    """Writes weights, zero but for the places given as (layer, row, column), and returns the file's path."""

    def write(values: dict[tuple[str, int, int], float]) -> str:
        network = {name: np.zeros(form, np.float32) for name, form in KIND.form.items()}
        for (name, row, column), value in values.items():
            network[name][row, column] = value
        path = tmp_path / "own.safetensors"
        path.write_bytes(tensors.write(network))
        sys.modules[KIND.__module__].tensors.cache_clear()
        return str(path)

    return write


class Script(coase.Negotiator):
    """Demands these shares one after the other, the last one for ever, and takes nothing less."""

    shares: tuple[float, ...]

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """The share of this step."""
        return state, self.shares[min(now.step, len(self.shares)) - 1]


def observed(shares: tuple[float, ...], buys: bool, deadline: int = 10) -> list[dict[str, float]]:
    """What the skill sees before each of its moves, when it asks for 1, 0.9, 0.8, ... itself."""
    seen: list[dict[str, float]] = []

    class Watcher(coase.Negotiator):
        """Writes down."""

        def start(self, problem: coase.Problem) -> Any:
            """As the skill's."""
            return KIND.start(self, problem)

        def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
            """A tenth less every time."""
            state, features = KIND.observe(state, now)
            seen.append(dict(zip(KIND.features, map(float, features), strict=True)))
            share = 1.0 - 0.1 * (now.step - 1)
            return KIND.asked(state, share), share

    mine, theirs = Watcher(), Script(shares=shares)
    coase.negotiate(mine if buys else theirs, theirs if buys else mine, PRICES, deadline=deadline)
    return seen


@pytest.mark.parametrize("buys", [True, False])
def test_features_are_what_they_are_called(buys: bool) -> None:
    """Recomputed from the offers alone, on both sides: as the seller it hears the first offer before it moves."""
    shares = (1.0, 0.95, 0.95, 0.8, 0.9)
    seen = observed(shares, buys)
    heard = [round(1 - x, 9) for x in shares]  # worth to the skill, when its reservation is 0
    if buys:
        heard = [0.0, *heard]
    first = 1 if buys else 0  # at which of its moves it knows an offer
    recent = yielded = 0.0
    changes = 0
    for move, one in enumerate(seen[:5]):
        known = move >= first
        if move > first:
            recent += 0.3 * (heard[move] - heard[move - 1] - recent)
            changes += heard[move] != heard[move - 1]
        if move:
            yielded += 0.3 * ((0.1 if move > 1 else 0.0) - yielded)
        expected = {
            "time": (move + 1) / 11, "urgency": 1 / (10 - move), "hurry": 0.5, "scope": 1.0, "opened": float(buys),
            "heard": float(known), "worth": heard[move], "best": max(heard[first : move + 1], default=0.0),
            "given": heard[move] - heard[first] if known else 0.0, "recent": 10 * recent, "moved": changes / (move + 1),
            "mine": 1.0 - 0.1 * max(move - 1, 0), "yielded": 10 * yielded,
        }  # fmt: skip
        assert one == pytest.approx(expected), move


def test_without_weights_it_is_linear(store: Callable[..., str]) -> None:
    """A network that says 0 leaves 1 - t."""
    none = coase.skill("learned", weights=store({}))
    for name in ("boulware", "micro"):
        found, expected = (
            coase.negotiate(skill, coase.skill(name), PRICES, reservation=(0.2, 0.1), seed=4)
            for skill in (none, coase.skill("linear"))
        )
        assert found.trace == expected.trace


def test_it_asks_for_what_the_network_says(store: Callable[..., str]) -> None:
    """One that passes on the time and the best offer so far asks for half its range and that."""
    time, best = (1 + KIND.features.index(name) for name in ("time", "best"))
    wires = {("first", 0, time): 1.0, ("first", 1, best): 1.0, ("second", 0, 1): 1.0, ("second", 1, 2): 1.0}
    wires |= {("last", 0, 1): 1.0, ("last", 0, 2): 1.0, ("last", 0, 0): -0.5}
    skill = coase.skill("learned", weights=store(wires))  # 1 - t + t + best - 0.5
    result = coase.negotiate(skill, Script(shares=(0.9, 0.7, 0.8, 0.5)), PRICES, deadline=20)
    asked = [1 - outcome / 100 for _, outcome in result.trace.offers("buyer")]
    assert asked == pytest.approx([0.5, 0.6, 0.8, 0.8] + [1.0] * 16)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_and_columns_have_the_same_bits(seed: int) -> None:
    """Whatever the weights: each column's output is that of its numbers."""
    random = np.random.default_rng(seed)
    network = {name: random.normal(0, 1, form) for name, form in KIND.form.items()}
    seen = random.normal(0, 1, (len(KIND.features), 200))
    columns = KIND.output(network, tuple(seen))
    assert columns.tolist() == [KIND.output(network, tuple(map(float, one))) for one in seen.T]


def test_weights_are_checked(tensors: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no safetensors, another network, not what ships: refused when the skill is made."""
    bad = tmp_path / "bad.safetensors"
    with pytest.raises(ConfigurationError, match="cannot read") as missing:
        coase.skill("learned", weights=str(bad))
    assert missing.value.code == "unreadable_file"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(JobRefused, match="not usable"):
        coase.skill("learned", weights=str(bad))
    bad.write_bytes(tensors.write({"first": np.zeros((2, 2), np.float32)}))
    with pytest.raises(ConfigurationError, match="another network") as other:
        coase.skill("learned", weights=str(bad))
    assert other.value.code == "other_weights"
    module = sys.modules[KIND.__module__]
    monkeypatch.setattr(module, "SHIPPED", "0" * 64)
    module.tensors.cache_clear()
    with pytest.raises(ConfigurationError, match="not what ships"):
        coase.skill("learned")


def test_what_ships_is_what_its_settings_say(tensors: Any) -> None:
    """The file of settings beside the weights names them, and the network's form."""
    config = json.loads((FOLDER / "config.json").read_text())
    assert config["sha256"] == sys.modules[KIND.__module__].SHIPPED
    assert tuple(config["features"]) == KIND.features
    assert {name: tuple(form) for name, form in config["form"].items()} == KIND.form
    assert config["gained"][-1] > config["gained"][0]


def test_what_ships_gains_more_than_the_classics(measure: Any) -> None:
    """In the same sessions, against opponents of its training and one that it never met, beyond the noise."""
    chosen = {name: measure.environment.TRAINING[name] for name in (*PLANS, "tit_for_tat", "micro")}
    chosen["mixture"] = measure.environment.HELD_OUT["mixture"]
    mine, *others = (
        np.concatenate([*measure.gains(coase.skill(name), chosen, 60, 7).values()]) for name in ("learned", *PLANS)
    )
    for other in others:
        more = measure.Gain.of(mine - other)
        assert more.mean > more.half


def test_training_improves_and_repeats(train: Any, measure: Any) -> None:
    """Three small rounds gain more than the start, in sessions that were not trained in; the seed gives the bytes."""
    opponents = {name: train.environment.TRAINING[name] for name in PLANS}
    settings = train.Settings(seed=3, rounds=3, sessions=32, opponents=PLANS, minibatch=1024)
    networks = [tensors for _, tensors in train.train(settings)]
    start = train.Learner(settings).tensors()
    before, after = (
        np.concatenate([*measure.gains(train.Explorer(tensors=t, noise=0.0, log=None), opponents, 100, 5).values()])
        for t in (start, networks[-1])
    )
    more = measure.Gain.of(after - before)
    assert more.mean > more.half
    again = next(tensors for _, tensors in train.train(settings))
    assert train.stored(again) == train.stored(networks[0]) != train.stored(networks[1])


def test_the_script_writes_what_the_skill_reads(train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights and settings in a folder; the skill plays them as the last round had them."""
    train.main(["--out", str(tmp_path), "--rounds", "2", "--sessions", "16", "--opponents", "linear", "itself"])
    assert "round 2 of 2" in capsys.readouterr().out
    skill = coase.skill("learned", weights=str(tmp_path / "weights.safetensors"))
    assert coase.negotiate(skill, coase.skill("linear"), PRICES).agreement is not None
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["settings"]["rounds"], config["settings"]["opponents"]) == (2, ["linear", "itself"])
    assert len(config["gained"]) == 2


def test_nothing_is_learnt_one_by_one(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A skill that would be played one by one cannot be an opponent in so few sessions."""
    monkeypatch.setattr(batch, "_built", {})  # others may have had it compiled
    with pytest.raises(UsageError, match="one by one") as refused:
        list(train.train(train.Settings(rounds=1, sessions=4, opponents=("tit_for_tat",))))
    assert refused.value.code == "not_batched"


def test_moves_after_the_end_do_not_count(train: Any) -> None:
    """The moves that training learns from are those that `negotiate` makes, move for move, on both sides."""
    environment = train.environment
    network = train.Learner(train.Settings(opponents=PLANS)).tensors()
    for role in (0, 1):
        random = np.random.default_rng(role)
        sessions = environment.drawn(random, 40, role)
        mine = train.Explorer(tensors=network, noise=0.3, log=[])
        theirs = coase.skill("conceder")
        batch, _ = environment.played(mine, theirs, sessions)
        made = train._made(batch, np.stack([move[2] for move in mine.log]), role).sum(axis=0)
        for i in range(40):
            pair = (theirs, mine) if role else (mine, theirs)
            alone = coase.negotiate(
                *pair, environment.DOMAIN, deadline=int(sessions.deadline[i]),
                reservation=(float(sessions.reservation[0][i]), float(sessions.reservation[1][i])),
                seed=coase.session_seed(sessions.seed, i),
            )  # fmt: skip
            assert made[i] == sum(turn.party == ("buyer", "seller")[role] for turn in alone.trace)


def test_a_table_of_gains(measure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A row an opponent, a column a skill, a mean and an interval each; the last row is over all opponents."""
    skills = {name: coase.skill(name) for name in ("linear", "boulware")}
    rows = measure.table(skills, {name: measure.environment.TRAINING[name] for name in PLANS}, 40, 1)
    assert [row[0] for row in rows] == ["against", *PLANS, "all"]
    assert rows[0][1:] == ["linear", "boulware"]
    means = [[float(cell.split(" ± ")[0]) for cell in row[1:]] for row in rows[1:]]
    assert np.mean(means[:-1], axis=0) == pytest.approx(means[-1], abs=0.001)
    half = 1.96 * np.std([0.0, 1.0, 2.0, 3.0], ddof=1) / 2
    assert measure.Gain.of(np.arange(4.0)) == pytest.approx((1.5, half))
    with pytest.raises(SystemExit):
        measure.main(["--sessions", "1"])
    assert "at least 4" in capsys.readouterr().err
