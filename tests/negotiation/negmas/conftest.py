"""Sessions wholly in NegMAS: the oracle of the adapters."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import coase
from coase.negotiation.utility import additive, linear

SIZES = (6, 4, 3)
PRICE = coase.Domain(price=range(100))
ISSUES = coase.Domain(hours=[1, 2, 4, 8, 16, 32], speed=["slow", "fair", "fast", "best"], rush=range(3))


def drawn(seed: int) -> tuple[Any, Any]:
    """Additive utilities over `ISSUES`."""
    draw = np.random.default_rng(seed)
    pair = [
        additive(
            ISSUES,
            dict(zip(ISSUES.issues, draw.dirichlet(np.ones(3)).tolist(), strict=True)),
            {n: draw.permutation(np.linspace(0, 1, k)).tolist() for n, k in zip(ISSUES.issues, SIZES, strict=True)},
        )
        for _ in range(2)
    ]
    return pair[0], pair[1]


@pytest.fixture(scope="session")
def places() -> list[tuple[coase.Domain, tuple[Any, Any]]]:
    """A price and three issues, each with the utilities of both parties."""
    return [(PRICE, (linear(PRICE, "buyer"), linear(PRICE, "seller"))), (ISSUES, drawn(1))]


@pytest.fixture(scope="session")
def negmas(need: Callable[[str], Any]) -> Any:
    """What the tests use of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        need("negmas")
        sao, outcomes = need("negmas.sao"), need("negmas.outcomes")
        preferences = need("negmas.preferences")
        hold = need("negmas.tournaments.neg.simple").cartesian_tournament
        scenario = need("negmas.scenarios").Scenario
    return SimpleNamespace(sao=sao, outcomes=outcomes, preferences=preferences, hold=hold, scenario=scenario)


@pytest.fixture(autouse=True)
def quiet(negmas: Any) -> Iterator[None]:
    """NegMAS warns as it runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def at_home(negmas: Any) -> Callable[..., tuple[dict[str, Any] | None, int]]:
    """Plays two negotiators in an `SAOMechanism`: agreement and step."""

    def play(first: Any, second: Any, domain: coase.Domain, tables: Any, steps: int = 100) -> Any:
        random.seed(0)
        space = negmas.outcomes.make_os([negmas.outcomes.make_issue(list(v), n) for n, v in domain.issues.items()])
        game = negmas.sao.SAOMechanism(outcome_space=space, n_steps=steps)
        every = [tuple(domain.outcome(number).values()) for number in range(domain.size)]
        for one, table in zip((first, second), tables, strict=True):
            worth = dict(zip(every, [float(u) for u in table], strict=True))
            utility = negmas.preferences.MappingUtilityFunction(worth, outcome_space=space, reserved_value=0.1)
            game.add(one, ufun=utility)
        end = game.run()
        return (dict(zip(domain.issues, end.agreement, strict=True)) if end.agreement else None), end.step

    return play
