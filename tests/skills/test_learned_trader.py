"""The learned trader: trained in the environment, the same for the same seed, within its limit, better than chance."""

from __future__ import annotations

import importlib.util
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
from coase.errors import ConfigurationError

FOLDER = loading.content("skills") / "learned_trader"
LIMITS = coase.Uniform(50, 150)


@pytest.fixture(scope="module")
def trainer(need: Callable[[str], ModuleType]) -> Any:
    """The program that trains."""
    for name in ("torch", "safetensors", "gymnasium"):
        need(name)
    spec = importlib.util.spec_from_file_location("train_learned_trader", FOLDER / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(trainer: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, bytes]:
    """Trains for a moment by the command line; the files that it wrote."""
    monkeypatch.setattr(sys, "argv", ["train.py", str(folder), "--rounds", "2", "--steps", "4", *options])
    trainer.main()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_training_is_repeatable_and_writes_a_skill(
    trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same seed, the same bytes; another seed, another trader; each carries the hash of its weights."""
    first = made(trainer, tmp_path / "a", monkeypatch)
    assert sorted(first) == ["policy.json", "policy.safetensors", "skill.py"]
    assert made(trainer, tmp_path / "b", monkeypatch) == first
    assert (
        made(trainer, tmp_path / "c", monkeypatch, "--seed", "2")["policy.safetensors"] != first["policy.safetensors"]
    )
    own = str(tmp_path / "a" / "skill.py")
    run = coase.simulate(traders={own: 4, "zi_c": 4}, demand=LIMITS, supply=LIMITS, runs=2, compiled=False)
    assert not run.failed
    assert run.counts[..., 1].sum() == 0
    (tmp_path / "b" / "policy.safetensors").write_bytes(bytes(reversed(first["policy.safetensors"])))
    with pytest.raises(ConfigurationError, match="hash is another"):
        coase.skill(str(tmp_path / "b" / "skill.py"))


def test_the_skill_acts_as_the_network_that_was_trained(trainer: Any, tmp_path: Path) -> None:
    """What torch computes from an observation is what the skill asks for, to single precision."""
    import torch

    from coase.market.policy import load, shade

    torch.manual_seed(3)
    actor = trainer.Actor()
    trainer.write(actor, tmp_path, {})
    text = (tmp_path / "skill.py").read_text()
    policy = load(tmp_path, text.split('SHA256 = "')[1][:64])
    rng = np.random.default_rng(1)
    for _ in range(20):
        seen = rng.uniform(-1, 1, len(trainer.FEATURES))
        with torch.no_grad():
            wanted = actor(torch.tensor(seen, dtype=torch.float32))[0].mean.item()
        assert shade(tuple(seen.tolist()), *policy) == pytest.approx(min(max(wanted, 0), 1), abs=1e-5)


def test_what_ships_is_small_and_says_how_it_was_made() -> None:
    """Tens of kilobytes; the seed and the rounds of its training."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 50_000
    trained = json.loads((FOLDER / "policy.json").read_text())["trained"]
    assert set(trained) == {"seed", "rounds", "steps"}


@pytest.mark.parametrize(("others", "errors"), [("zi_c", 3), ("zip", 2)])
def test_it_earns_more_than_those_among_whom_it_trades(
    others: str, errors: float, need: Callable[[str], ModuleType]
) -> None:
    """In the same seat, of the same runs, as a buyer and as a seller, by so many standard errors."""
    need("numba")
    gained: dict[str, list[float]] = {"learned_trader": [], others: []}
    for name, profits in gained.items():
        for traders in ([(name, 1), (others, 11)], [(others, 11), (name, 1)]):
            run = coase.simulate(traders=traders, demand=LIMITS, supply=LIMITS, runs=200, seed=11)
            mine = run.crowd.names[0 if traders[0][1] == 1 else 1]
            profits += [row["profit"] for row in run.profits() if row["traders"] == mine]
    more = np.array(gained["learned_trader"]) - np.array(gained[others])
    assert more.mean() > errors * more.std() / np.sqrt(len(more))
