"""One negotiation from start to end: coase/negotiation/session.py."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import TermsError, UsageError

DOMAIN = coase.Domain(price=range(100))


class Flat(coase.Negotiator):
    """Ask for the same share all the time."""

    share: float = 1.0

    def target(self, t: Any) -> Any:
        """A constant, in the shape of t."""
        return self.share + 0 * t


class Breaks(coase.Negotiator):
    """Raise at a given step."""

    at: int = 1

    def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
        """Everything, until it breaks."""
        if now.step >= self.at:
            raise RuntimeError("out of\npaper")
        return state, 1.0


class Leaves(coase.Negotiator):
    """Walk at once."""

    def start(self, problem: coase.Problem) -> int:
        """Nothing to remember."""
        return 0

    def step(self, state: int, offer: int | None) -> tuple[int, coase.Move]:
        """Leave."""
        return state, coase.Walk("enough")


def test_boulware_against_conceder_is_the_published_example() -> None:
    """Price 0 to 99, reservation 0.1, 100 steps, beta 0.25 against 4: price 19 in step 69, as NegMAS finds."""
    result = coase.negotiate(
        coase.skill("boulware"), coase.skill("conceder"), DOMAIN, deadline=100, reservation=(0.1, 0.1), seed=1
    )
    assert (result.agreement, result.step, result.reason) == ({"price": 19}, 69, "agreed")
    assert result.utilities == pytest.approx((80 / 99, 19 / 99))
    assert (result.trace[0].party, result.trace[0].step) == ("buyer", 1)
    assert result.trace[-1].move == coase.Accept()


def test_two_who_do_not_concede_reach_the_deadline() -> None:
    """No deal leaves both with their reservations, in the last step, after two moves a step."""
    result = coase.negotiate(Flat(), Flat(), DOMAIN, deadline=7, reservation=(0.2, 0.3))
    assert (result.agreement, result.step, result.reason) == (None, 7, "deadline")
    assert result.utilities == (0.2, 0.3)
    assert len(result.trace) == 14


def test_a_walk_keeps_its_reason() -> None:
    """Who leaves gives a reason, which the result repeats word for word."""
    result = coase.negotiate(Flat(), Leaves(), DOMAIN)
    assert (result.reason, result.left, result.step) == ("walked: enough", "seller", 1)


@pytest.mark.parametrize("at", [1, 5])
def test_a_skill_that_raises_ends_its_negotiation_only(at: int) -> None:
    """The error becomes the reason, on one line, and says whose skill it was."""
    result = coase.negotiate(Flat(), Breaks(at=at), DOMAIN)
    assert result.reason == "failed: seller: the skill raised RuntimeError: out of paper"
    assert (result.agreement, result.step, result.left) == (None, at, "seller")


def test_nothing_worth_the_reservation_walks_in_step_one() -> None:
    """A party for which no outcome is worth its reservation leaves at its first move."""
    result = coase.negotiate(Flat(), Flat(), DOMAIN, reservation=(1.5, 0.0))
    assert (result.reason, result.step, len(result.trace)) == ("walked: nothing is worth the reservation", 1, 1)


def test_equal_utilities_break_by_outcome_number() -> None:
    """Among outcomes of equal worth the lower number ranks better, so the worst that suffices is the highest number."""
    table = [0.0, 1.0, 1.0, 0.5, 1.0]
    domain = coase.Domain(price=range(5))
    result = coase.negotiate(Flat(), Flat(share=0.0), domain, utilities=(table, [0.5] * 5))
    assert result.trace[0].move == coase.Propose(4)
    assert result.agreement == {"price": 4}


@pytest.mark.parametrize(("short", "expected"), [(0.9e-9, "agreed"), (1.1e-9, "deadline")])
def test_a_target_is_met_from_a_billionth_below(short: float, expected: str) -> None:
    """`u >= target - 1e-9` is the comparison: the seller takes what falls short by less, and no less than that."""
    domain = coase.Domain(price=range(2))
    utilities = ([1.0, 0.0], [0.5 - short, 1.0])
    result = coase.negotiate(Flat(), Flat(share=0.5), domain, deadline=3, utilities=utilities)
    assert result.reason == expected


def test_relative_time_is_the_step_over_the_deadline_plus_one() -> None:
    """In step s, t = s / (deadline + 1), for plans and for skills that react."""
    seen: list[float] = []

    class Watch(coase.Negotiator):
        """Note the time."""

        def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
            """Everything."""
            seen.append(now.t)
            return state, 1.0

    coase.negotiate(Watch(), Flat(), DOMAIN, deadline=4)
    assert seen == [1 / 5, 2 / 5, 3 / 5, 4 / 5]


def test_equal_seeds_give_equal_results_and_others_differ() -> None:
    """All randomness comes from the seed and differs between the parties."""

    class Random(coase.Negotiator):
        """Ask for anything."""

        def ask(self, state: Any, now: coase.Now) -> tuple[Any, float]:
            """A uniform share in the upper half."""
            return state, 0.75 + 0.25 * now.uniform(0)

    first, again, third = (coase.negotiate(Random(), Random(), DOMAIN, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.trace != third.trace
    assert [99 - o for _, o in first.trace.offers("buyer")] != [o for _, o in first.trace.offers("seller")]


def test_utilities_are_reported_as_they_were_given() -> None:
    """Functions of outcomes and tables both do, and the result has their very numbers."""
    third = 1 / 3
    result = coase.negotiate(
        Flat(share=0.0), Flat(share=0.0), DOMAIN, utilities=(lambda o: third, np.full(100, 2 * third))
    )
    assert result.utilities == (third, 2 * third)


def test_the_result_is_plain_json() -> None:
    """What `--json` prints needs no encoder of its own, and the trace in it reads back."""
    result = coase.negotiate(coase.skill("linear"), coase.skill("tit_for_tat"), DOMAIN)
    data = json.loads(json.dumps(result.to_json()))
    assert data["agreement"] == result.agreement
    assert coase.Trace.from_json(data["trace"]) == result.trace


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"deadline": 0}, "bad_deadline"),
        ({"deadline": 2.5}, "bad_deadline"),
        ({"deadline": True}, "bad_deadline"),
        ({"reservation": 0.1}, "bad_reservation"),
        ({"reservation": (0.1, float("nan"))}, "bad_reservation"),
        ({"utilities": ([0.0] * 100,)}, "bad_utilities"),
        ({"utilities": ([0.0] * 99, None)}, "bad_utility"),
        ({"utilities": ([float("inf")] * 100, None)}, "bad_utility"),
        ({"domain": range(5)}, "bad_domain"),
        ({"domain": coase.Domain(hours=[1, 2])}, "no_price"),
        ({"domain": coase.Domain(price=["cheap", "dear"])}, "no_price"),
        ({"buyer": "boulware"}, "not_a_skill"),
        ({"seller": Flat}, "not_a_skill"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, Any], code: str) -> None:
    """The caller's own mistakes raise, with a code for programs."""
    given: Any = {"buyer": Flat(), "seller": Flat(), "domain": DOMAIN} | arguments
    with pytest.raises((UsageError, TermsError)) as caught:
        coase.negotiate(**given)
    assert caught.value.code == code


def test_a_hundred_thousand_outcomes_stay_usable() -> None:
    """Four issues: skills of each rung, models of the other side among them, end well, and so do the metrics."""
    domain = coase.Domain(a=range(50), b=range(40), c=range(10), d=range(5))
    draw = np.random.default_rng(0)
    tables = draw.random(domain.size), draw.random(domain.size)
    for name in ("boulware", "tit_for_tat", "micro", "nash_seeker"):
        result = coase.negotiate(
            coase.skill(name), coase.skill("boulware"), domain, utilities=tables, reservation=(0.1, 0.1)
        )
        assert result.reason == "agreed"
        assert result.metrics().optimality["pareto"] > 0.8
