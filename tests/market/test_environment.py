"""The Gymnasium environment: its own checks, seeds, actions that mean what they say, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import UsageError

KINDS: dict[str, dict[str, Any]] = {
    "a shade": {},
    "one of several shades": {"shades": (0.0, 0.05, 0.1, 0.3)},
    "a seller in a call market, rendered": {"side": "sell", "market": "call_market", "render_mode": "ansi"},
    "two days, units, a world": {
        "traders": {"zi_c": 5, "zip": 6}, "days": 2, "units": 2, "world": coase.World(latency={"Learner": 3}),
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _needs_gymnasium(need: Any) -> None:
    need("gymnasium")


def play(env: Any, action: Any, seed: int | None = None) -> tuple[list[Any], list[float], dict[str, Any]]:
    """An episode with one and the same action."""
    seen, info = env.reset(seed=seed)
    seens, rewards, over = [seen], [], False
    while not over:
        seen, reward, over, truncated, info = env.step(action)
        assert not truncated
        seens.append(seen)
        rewards.append(reward)
    return seens, rewards, info


@pytest.mark.parametrize("kind", KINDS)
def test_gymnasium_finds_nothing_to_complain_about(kind: str) -> None:
    """Its checker, with determinism asked for, and its warnings as errors."""
    import gymnasium
    from gymnasium.utils.env_checker import check_env

    env = gymnasium.make("coase.market.environment:coase/Market-v0", **KINDS[kind])
    assert env.spec is not None
    assert not env.spec.nondeterministic
    check_env(env.unwrapped)


def test_episodes_of_a_seed_are_the_runs_of_simulate() -> None:
    """An action that quotes the limit is the trader that quotes its limit: the same limits, gains and trades."""
    made: dict[str, Any] = {
        "demand": coase.Uniform(50, 150),
        "supply": coase.Uniform(50, 150),
        "turns": 10,
        "compiled": False,
    }
    env = coase.MarketEnvironment(traders={"zip": 11}, side="sell", **made)
    run = coase.simulate(traders=[("zip", 11), ("truthful", 1)], runs=5, seed=4, **made)
    gained = 0
    for number, session in enumerate(run.sessions):
        _, rewards, info = play(env, [0.0], 4 if number == 0 else None)
        trades = env.session.trades
        assert info["limit"] == session.limits[0, 11]
        assert (trades == session.trades[: len(trades)]).all()
        assert sum(rewards) * 300 == pytest.approx(info["gained"])
        gained += info["gained"]
    assert gained == pytest.approx(sum(row["profit"] for row in run.profits() if row["traders"] == "truthful"))
    assert gained > 0


def test_either_side_in_turn() -> None:
    """It buys in even runs and sells in odd ones."""
    env = coase.MarketEnvironment(traders={"zi_c": 5}, turns=3)
    sides = [env.reset(seed=1 if number == 0 else None)[0][0] for number in range(4)]
    assert sides == [1, -1, 1, -1]


def test_seeds() -> None:
    """The same seed, the same episodes; another, others; without one, environments differ."""
    shades = (0.0, 0.1)
    first, again = (coase.MarketEnvironment(traders={"zi_c": 7}, shades=shades, turns=5) for _ in range(2))
    for seed in (3, None, None, 8):
        one, other = play(first, 1, seed), play(again, 1, seed)
        assert np.array_equal(one[0], other[0])
        assert one[1:] == other[1:]
    assert not np.array_equal(play(first, 1, 3)[0][0], play(first, 1, 4)[0][0])
    unseeded = [coase.MarketEnvironment(traders={"zi_c": 7}).reset()[1]["limit"] for _ in range(8)]
    assert len(set(unseeded)) > 1


def test_a_shade_by_number_is_the_shade() -> None:
    """Discrete and continuous actions make the same market."""
    listed = coase.MarketEnvironment(traders={"zip": 5}, shades=(0.0, 0.25), turns=5)
    free = coase.MarketEnvironment(traders={"zip": 5}, turns=5)
    for number in range(4):
        seed = 1 if number == 0 else None
        assert np.array_equal(play(listed, 1, seed)[0], play(free, np.array([0.25]), seed)[0])


def test_an_episode_without_a_turn_ends_with_its_first_step() -> None:
    """Where the learner comes on no day, or is never drawn, there is nothing to decide."""
    for entry in ({"Learner": 1}, {"Learner": 1, "zi_c": 1}):
        world = coase.World(entry=entry, latency={"Learner": 3})
        env = coase.MarketEnvironment(traders={"zi_c": 5}, world=world)
        seen, _ = env.reset(seed=1)
        assert seen in env.observation_space
        _, reward, over, _, info = env.step([0.0])
        assert (reward, over, info["left"]) == (0, True, 0)


def test_a_line_for_people() -> None:
    """The market, from the learner's chair."""
    env = coase.MarketEnvironment(traders={"zi_c": 5}, render_mode="ansi", side="buy")
    env.reset(seed=2)
    assert str(env.render()).startswith("day 0 turn ")
    assert "buys below" in str(env.render())
    assert coase.MarketEnvironment(traders={"zi_c": 5}).render() is None


@pytest.mark.parametrize("action", [[-0.1], [1.1], [float("nan")], [0.1, 0.2], "half", None, [float("inf")]], ids=str)
def test_what_is_no_shade_is_refused(action: Any) -> None:
    """And the episode goes on as if nothing had been said."""
    env = coase.MarketEnvironment(traders={"zi_c": 5}, side="buy")
    env.reset(seed=1)
    with pytest.raises(UsageError) as caught:
        env.step(action)
    assert caught.value.code == "bad_action"
    one = env.step([0.1])
    env.reset(seed=1)
    assert one[4] == env.step([0.1])[4]


def test_what_else_is_refused() -> None:
    """Numbers of shades that are none, shades that are none, sides, a step after the end."""
    env = coase.MarketEnvironment(traders={"zi_c": 5}, shades=(0.0, 0.1), turns=2)
    env.reset(seed=1)
    for action in (2, -1, 0.5):
        with pytest.raises(UsageError):
            env.step(action)
    play(env, 0)
    with pytest.raises(UsageError) as caught:
        env.step(0)
    assert caught.value.code == "episode_over"
    kinds: list[dict[str, Any]] = [
        {"shades": ()}, {"shades": (2.0,)}, {"side": "both"}, {"traders": {"zi_c": 4}}, {"days": 0},
    ]  # fmt: skip
    for wrong in kinds:
        with pytest.raises(UsageError) as caught:
            coase.MarketEnvironment(**wrong)
        assert caught.value.hint
