"""The PettingZoo environment: its own tests, seeds, rewards paid when earned."""

from __future__ import annotations

from typing import Any

import pytest

import coase
from coase.errors import UsageError

KINDS: dict[str, dict[str, Any]] = {
    "shades": {},
    "one of several shades, in a line": {"shades": (0.0, 0.05, 0.1, 0.3), "render_mode": "ansi"},
    "learners alone": {"learners": 5, "traders": {}, "demand": [9, 8, 7], "supply": [1, 2]},
    "two days of a call market": {"learners": 3, "traders": {"zi_c": 9}, "market": "call_market", "days": 2},
}


@pytest.fixture(autouse=True)
def _needs_pettingzoo(need: Any) -> None:
    need("pettingzoo")


@pytest.mark.parametrize("kind", KINDS)
def test_pettingzoo_finds_nothing_to_complain_about(kind: str) -> None:
    """Its test of the interface and its test of seeds, warnings as errors."""
    from pettingzoo.test import api_test, seed_test

    api_test(coase.SharedMarketEnvironment(**KINDS[kind]), num_cycles=150)
    seed_test(lambda: coase.SharedMarketEnvironment(**KINDS[kind]), num_cycles=25)


def play(env: Any, shade: float, seed: int | None) -> dict[str, float]:
    """An episode in which all quote with one shade; what `last` paid to each."""
    env.reset(seed=seed)
    paid = dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        _, reward, over, _, _ = env.last()
        paid[agent] += reward
        env.step(None if over else [shade])
    return paid


def test_rewards_add_up_to_what_traders_gain_in_simulate() -> None:
    """Three that quote their limits are three truth-tellers; whoever is met while waiting is paid too."""
    made: dict[str, Any] = {
        "compiled": False,
        "demand": coase.Uniform(50, 150),
        "supply": coase.Uniform(50, 150),
        "turns": 10,
        "high": 300,
    }
    env = coase.SharedMarketEnvironment(learners=3, traders={"zip": 8}, **made)
    run = coase.simulate(traders=[("truthful", 3), ("zip", 8)], runs=4, seed=6, **made)
    waited = 0
    for number, session in enumerate(run.sessions):
        paid = play(env, 0.0, 6 if number == 0 else None)
        trades = env.session.trades
        assert (trades == session.trades[: len(trades)]).all()
        mean = next(r["profit"] for r in run.profits() if (r["run"], r["traders"]) == (number, "truthful"))
        assert sum(paid.values()) * 300 == pytest.approx(3 * mean)
        waited += sum(1 for row in trades.tolist() if row[3 if row[7] > 0 else 2] < 3)
    assert waited > 0


def test_a_learner_alone_sees_the_single_environment() -> None:
    """One learner is the buyer of `MarketEnvironment`: the same observations and rewards."""
    single = coase.MarketEnvironment(traders={"zip": 7}, side="buy", turns=6)
    shared = coase.SharedMarketEnvironment(learners=1, traders={"zip": 7}, turns=6)
    seen, _ = single.reset(seed=5)
    shared.reset(seed=5)
    over = False
    while not over:
        assert (shared.last()[0] == seen).all()
        seen, reward, over, _, _ = single.step([0.05])
        shared.step([0.05])
        assert shared.last()[1:3] == (reward, over)


def test_what_is_refused() -> None:
    """An action that is none, a step after the end, no learners."""
    env = coase.SharedMarketEnvironment(traders={"zi_c": 4}, turns=2)
    env.reset(seed=1)
    with pytest.raises(UsageError) as caught:
        env.step([2.0])
    assert caught.value.code == "bad_action"
    play(env, 0.0, None)
    with pytest.raises(UsageError) as caught:
        env.step([0.0])
    assert caught.value.code == "episode_over"
    with pytest.raises(UsageError):
        coase.SharedMarketEnvironment(learners=0)
