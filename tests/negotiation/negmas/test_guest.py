"""Negotiators of NegMAS at our table do what they do at home."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import CoaseError

pytestmark = pytest.mark.xdist_group("negmas")

PRICE = coase.Domain(price=range(100))
KINDS = (
    "BoulwareTBNegotiator",
    "LinearTBNegotiator",
    "ConcederTBNegotiator",
    "AspirationNegotiator",
    "HybridNegotiator",
    "NaiveTitForTatNegotiator",
    "NiceTitForTatNegotiator",
    "ToughNegotiator",
)


def guest(name: str, **parameters: Any) -> Any:
    """The skill."""
    return coase.skill("from_negmas", negotiator=name, parameters=parameters)


@pytest.mark.parametrize("pair", list(itertools.product(KINDS[:5], KINDS[2:])), ids="-".join)
def test_two_guests_end_as_they_do_at_home(negmas: Any, at_home: Any, places: Any, pair: tuple[str, str]) -> None:
    """The same outcome, and the same step to within one, over a price and over three issues."""
    for domain, tables in places:
        agreement, step = at_home(*(getattr(negmas.sao, name)() for name in pair), domain, tables, 40)
        buyer, seller = (guest(name) for name in pair)
        ours = coase.negotiate(buyer, seller, domain, utilities=tables, reservation=(0.1, 0.1), deadline=40)
        assert ours.agreement == agreement
        assert abs(ours.step - step) <= 1


def test_a_guest_is_repeatable_and_leaves_the_generators_alone(negmas: Any) -> None:
    """Its draws follow the session's seed; Python's and numpy's own generators are where they were."""
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    play = [
        coase.negotiate(guest("RandomNegotiator"), coase.skill("boulware"), PRICE, deadline=5, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]
    assert play[0].trace == play[1].trace
    assert play[0].trace != play[2].trace


def test_states_may_be_gone_on_from_twice(negmas: Any) -> None:
    """`step` is a function of the state, though the negotiator changes as it moves; traces replay."""
    skill = guest("NaiveTitForTatNegotiator")
    problem = coase.Problem.of(PRICE, "seller", deadline=10)
    first = skill.begin(problem)
    second, move = skill.step(first, 3)
    _, later = skill.step(second, 40)
    assert skill.step(first, 3)[1] == move
    assert skill.step(second, 40)[1] == later
    result = coase.negotiate(coase.skill("linear"), skill, PRICE, deadline=10)
    coase.Player(skill, problem).replay(result.trace)


def test_our_rules_hold_for_guests(negmas: Any) -> None:
    """One that would go below its reservation, raises, or says nothing leaves the table, with the reason."""
    ends = {
        "NiceNegotiator": "would accept less than its reservation",
        "WABNegotiator": "would propose less than its reservation",
        "UtilBasedNegotiator": "the skill raised NotImplementedError",
        "LimitedOutcomesAcceptor": "makes no move",
    }
    for name, reason in ends.items():
        result = coase.negotiate(coase.skill("boulware"), guest(name), PRICE, reservation=(0.1, 0.1))
        assert (result.left, reason in result.reason, "failed" in result.reason) == ("seller", True, True), name


def test_deadlines_of_one_step_and_single_outcomes(negmas: Any) -> None:
    """The smallest tables there are, on both sides."""
    for domain, deadline in ((PRICE, 1), (coase.Domain(price=[7]), 3)):
        skills = guest("AspirationNegotiator"), coase.skill("conceder")
        for buyer, seller in (skills, skills[::-1], (skills[0], skills[0])):
            result = coase.negotiate(buyer, seller, domain, deadline=deadline)
            assert result.reason in ("agreed", "deadline")


def test_parameters_reach_the_negotiator(negmas: Any) -> None:
    """An aspiration that falls faster agrees sooner."""
    slow, fast = (
        coase.negotiate(guest("AspirationNegotiator", aspiration_type=kind), coase.skill("linear"), PRICE)
        for kind in ("boulware", "conceder")
    )
    assert fast.step < slow.step


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AspirationNegotiater", "unknown_name"),
        ("no_such_module.Negotiator", "negotiator_does_not_load"),
        ("json.JSONDecoder", "not_a_negotiator"),
        ("negmas.sao.NoSuch", "unknown_name"),
    ],
)
def test_names_that_are_refused(negmas: Any, name: str, code: str) -> None:
    """Before any negotiation, each with a code of its own."""
    with pytest.raises(CoaseError) as caught:
        guest(name)
    assert caught.value.code == code


def test_a_guest_plays_a_tournament_in_a_process_of_its_own(negmas: Any) -> None:
    """It is somebody else's code, so limits hold; it gets there what it gets here."""
    skills = ["conceder", guest("BoulwareTBNegotiator")]
    result = coase.tournament(skills, "price-only", repeats=1, seed=1)
    own = coase.tournament(["conceder", "boulware"], "price-only", repeats=1, seed=1)
    assert [line.failed for line in result.standings] == [0, 0]
    assert [row.gains for row in result.rows] == [pytest.approx(row.gains, abs=0.02) for row in own.rows]
