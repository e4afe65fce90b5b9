"""Skills that answer what they see, and wrappers: each against its formula, recomputed from the moves alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import coase
from coase.cli.negotiate import skill_argument
from coase.errors import ConfigurationError

DOMAIN = coase.Domain(price=range(1001))


class Script(coase.Negotiator):
    """Demands these shares one after the other, the last one for ever, and takes nothing less."""

    shares: tuple[float, ...]

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """The share of this step."""
        return state, self.shares[min(now.step, len(self.shares)) - 1]


def demands(skill: Any, *shares: float, deadline: int = 20) -> list[float]:
    """What a buyer asks for, step by step, against a seller that demands these shares. One rank is 0.001."""
    result = coase.negotiate(skill, Script(shares=shares), DOMAIN, deadline=deadline)
    return [1 - outcome / 1000 for _, outcome in result.trace.offers("buyer")]


def test_exponential_is_the_formula() -> None:
    """1 - k^((1 - t)^beta): nearly everything at the start, nothing at the end, falling."""
    t = np.linspace(0, 1, 101)
    for beta, k in ((1.0, 0.01), (0.5, 0.1), (3.0, 0.05)):
        asked = coase.skill("exponential", beta=beta, opening=k).target(t)
        assert asked == pytest.approx(1 - k ** ((1 - t) ** beta))
        assert asked[0] == pytest.approx(1 - k)
        assert asked[-1] == pytest.approx(0)
        assert (np.diff(asked) < 0).all()


def test_absolute_tit_for_tat_gives_what_it_gets() -> None:
    """To the rank, when nothing is given at random; and a demand that rises again is answered in kind."""
    asked = demands(coase.skill("absolute_tit_for_tat", most=0.0), 1.0, 0.9, 0.9, 0.7, 0.8, 0.8)
    assert asked[:7] == pytest.approx([1.0, 1.0, 0.9, 0.9, 0.7, 0.8, 0.8], abs=0.0011)
    loose = demands(coase.skill("absolute_tit_for_tat", most=0.05), 1.0)
    assert all(0 <= a - b <= 0.051 for a, b in itertools.pairwise(loose[1:]))


def test_averaged_tit_for_tat_is_relative_with_a_window_of_one() -> None:
    """And with a longer one it answers a jump with the mean factor."""
    shares = (1.0, 0.9, 0.85, 0.6, 0.6)
    one = demands(coase.skill("averaged_tit_for_tat", window=1), *shares)
    assert one == pytest.approx(demands(coase.skill("tit_for_tat"), *shares), abs=0.0011)
    asked = demands(coase.skill("averaged_tit_for_tat", window=2), 1.0, 1.0, 0.5, 0.5)
    factor = 0.5**0.5
    assert asked == pytest.approx([1.0, 0.98, 0.98, 0.98 * factor], abs=0.003)  # the next is worth 0.49: it accepts


def test_hybrid_is_the_formula() -> None:
    """Written again in plain Python, offer by offer."""
    shares = (1.0, 0.95, 0.9, 0.9, 0.7, 0.65, 0.6, 0.6)
    weights = {1: [1.0], 2: [0.25, 0.75], 3: [0.11, 0.22, 0.66], 4: [0.05, 0.15, 0.3, 0.5]}
    expected: list[float] = []
    worth: list[float] = []
    mine = 1.0
    for step in range(1, 13):
        t = step / 21
        clock = (1 - t) ** 2 + 1.5 * (1 - t) * t + 0.55 * t * t
        gains = [b - a for a, b in itertools.pairwise(worth[-5:])]
        if gains:
            behaviour = mine - (0.5 + 0.5 * t) * float(np.dot(gains, weights[len(gains)]))
            mine = min(max(t * t * clock + (1 - t * t) * behaviour, 0.0), 1.0)
        else:
            mine = clock
        expected.append(mine)
        worth.append(round(1 - shares[min(step, len(shares)) - 1], 3))
    asked = demands(coase.skill("hybrid"), *shares)
    assert asked[:12] == pytest.approx(expected[: len(asked[:12])], abs=0.0015)


def test_mixture_lies_between_its_parts() -> None:
    """With weight 1 it is the first, with weight 0 the second, with 0.5 the mean; a weight may move with time."""
    shares = (1.0, 0.9, 0.8, 0.7)
    first, second = coase.skill("linear"), coase.skill("tit_for_tat")
    one, two = demands(first, *shares), demands(second, *shares)
    parts = {"first": first, "second": second}
    assert demands(coase.skill("mixture", **parts, early=1.0, late=1.0), *shares) == one
    assert demands(coase.skill("mixture", **parts, early=0.0, late=0.0), *shares) == two
    half = demands(coase.skill("mixture", **parts), *shares)
    assert half[:5] == pytest.approx([(a + b) / 2 for a, b in zip(one, two, strict=False)][:5], abs=0.0011)
    drift = demands(coase.skill("mixture", **parts, early=1.0, late=0.0), *shares)
    assert drift[0] == pytest.approx(one[0] * 20 / 21 + two[0] / 21, abs=0.0011)


def test_ultimatum_offers_once() -> None:
    """Everything until the last step, then 1 - gift; and it takes at the end what is worth that."""
    asked = demands(coase.skill("ultimatum", gift=0.4), 1.0, deadline=5)
    assert asked == pytest.approx([1.0] * 4 + [0.6])
    result = coase.negotiate(coase.skill("ultimatum", gift=0.4), coase.skill("linear"), DOMAIN, deadline=5)
    assert result.step == 5
    assert result.utilities[0] >= 0.6


def test_patience_waits() -> None:
    """Everything before its time, then the skill inside."""
    asked = demands(coase.skill("patience", inner=coase.skill("linear"), wait=0.5), 1.0)
    plain = demands(coase.skill("linear"), 1.0)
    assert asked == [1.0] * 10 + plain[10:]


def test_give_up_leaves_who_stands_still() -> None:
    """After that many offers without progress, and not while there is some."""
    stubborn = coase.negotiate(coase.skill("give_up", steps=3), Script(shares=(1.0,)), DOMAIN, deadline=50)
    assert (stubborn.left, stubborn.step, stubborn.reason) == ("buyer", 5, "walked: the skill leaves")
    moving = coase.negotiate(coase.skill("give_up", steps=3), coase.skill("linear"), DOMAIN, deadline=50)
    assert moving.agreement is not None


def test_reserve_guard_keeps_its_margin() -> None:
    """Whatever the skill inside would take."""
    inner = coase.skill("conceder", beta=20.0)
    alone = coase.negotiate(inner, coase.skill("boulware"), DOMAIN)
    guarded = coase.negotiate(coase.skill("reserve_guard", inner=inner, margin=0.35), coase.skill("boulware"), DOMAIN)
    assert alone.utilities[0] < 0.35 <= guarded.utilities[0]


@pytest.mark.parametrize(
    ("wrapper", "inner"),
    [
        ("noise", "micro"),
        ("patience", "micro"),
        ("patience", "give_up"),
        ("mixture", "nash_seeker"),
        ("give_up", "llm"),
        ("reserve_guard", "llm"),
        ("nash_seeker", "tit_for_tat"),
    ],
)
def test_a_skill_that_would_not_be_asked_is_refused(wrapper: str, inner: str) -> None:
    """Inside a wrapper that asks by a lower rung it would stand still; the sentence says by which it moves."""
    with pytest.raises(ConfigurationError, match=r"moves by `(ask|bid|step)`; here is asked for"):
        coase.skill(wrapper, **{"first" if wrapper == "mixture" else "inner": coase.skill(inner)})


def test_a_skill_inside_may_be_named() -> None:
    """On the command line as in Python; a name that is none is a mistake of the parameter."""
    assert coase.skill("noise", inner="conceder") == coase.skill("noise", inner=coase.skill("conceder"))
    assert skill_argument("give_up:inner=micro,steps=3") == coase.skill("give_up", inner=coase.skill("micro"), steps=3)
    with pytest.raises(ConfigurationError, match="inner: no skill 'nobody'"):
        coase.skill("noise", inner="nobody")
