"""Skills of ours at tables of NegMAS do what they do here."""

from __future__ import annotations

import contextlib
import io
import itertools
import subprocess
import sys
from typing import Any

import pytest

import coase
from coase.errors import CoaseError
from coase.negotiation.utility import linear

pytestmark = pytest.mark.xdist_group("negmas")

SKILLS = ("boulware", "conceder", "tit_for_tat", "micro", "nash_seeker")
PRICE = coase.Domain(price=range(100))
TABLES = (linear(PRICE, "buyer"), linear(PRICE, "seller"))


@pytest.mark.parametrize("pair", list(itertools.product(SKILLS, SKILLS)), ids="-".join)
def test_two_of_ours_end_as_they_do_here(at_home: Any, places: Any, pair: tuple[str, str]) -> None:
    """The same outcome and the same step to within one, over a price and over three issues."""
    for domain, tables in places:
        agreement, step = at_home(*(coase.to_negmas(name, seed=4) for name in pair), domain, tables, 40)
        buyer, seller = (coase.skill(name) for name in pair)
        ours = coase.negotiate(buyer, seller, domain, utilities=tables, reservation=(0.1, 0.1), deadline=40, seed=4)
        assert agreement == ours.agreement
        assert abs(ours.step - step) <= 1


@pytest.mark.parametrize("theirs", ["BoulwareTBNegotiator", "ConcederTBNegotiator", "NaiveTitForTatNegotiator"])
def test_mixed_pairs_end_alike_at_both_tables(negmas: Any, at_home: Any, theirs: str) -> None:
    """One of ours against one of theirs, in both roles: their table and ours come to the same."""
    for name in ("linear", "micro"):
        for ours_first in (True, False):
            own, other = coase.to_negmas(name), getattr(negmas.sao, theirs)()
            agreement, step = at_home(*((own, other) if ours_first else (other, own)), PRICE, TABLES)
            skills = coase.skill(name), coase.skill("from_negmas", negotiator=theirs)
            buyer, seller = skills if ours_first else skills[::-1]
            here = coase.negotiate(buyer, seller, PRICE, reservation=(0.1, 0.1))
            assert here.agreement == agreement
            assert abs(here.step - step) <= 1


def test_a_tournament_of_theirs_takes_ours(negmas: Any) -> None:
    """As a class with parameters; every game ends."""
    from coase.negotiation.negmas.negotiator import CoaseNegotiator

    space = negmas.outcomes.make_os([negmas.outcomes.make_issue(20, "price")])
    worth = [{(price,): (19 - price) / 19 for price in range(20)}, {(price,): price / 19 for price in range(20)}]
    utilities = tuple(
        negmas.preferences.MappingUtilityFunction(table, outcome_space=space, reserved_value=0.1) for table in worth
    )
    with contextlib.redirect_stdout(io.StringIO()):
        found = negmas.hold(
            [CoaseNegotiator, negmas.sao.ConcederTBNegotiator],
            [negmas.scenario(outcome_space=space, ufuns=utilities)],
            competitor_params=[{"skill": "boulware:beta=0.2"}, {}],
            competitor_names=["ours", "theirs"],
            n_steps=20,
            njobs=-1,
            process_isolation=False,
            verbosity=0,
        )
    assert found.final_scores["strategy"].iloc[0] == "ours"
    assert not found.details["has_error"].any()


def test_values_and_names_that_we_do_not_have(negmas: Any) -> None:
    """Fractions, spaces in names and issues of one name still make a domain; reservations may be missing."""
    make = negmas.outcomes.make_issue
    space = negmas.outcomes.make_os([make([0.5, 1.5, 2.5], "price per hour"), make(["a", "b"], "kind")])
    outcomes = list(space.enumerate_or_sample())
    game = negmas.sao.SAOMechanism(outcome_space=space, n_steps=20)
    for sign in (1, -1):
        worth = {outcome: sign * outcome[0] + 3 for outcome in outcomes}
        game.add(coase.to_negmas("linear"), ufun=negmas.preferences.MappingUtilityFunction(worth, outcome_space=space))
    assert game.run().agreement in outcomes


def test_a_skill_that_fails_ends_the_negotiation(negmas: Any, at_home: Any) -> None:
    """With its reason kept."""

    class Raises(coase.Negotiator):
        def ask(self, state: Any, now: coase.Now) -> Any:
            raise ValueError("no")

    bad = coase.to_negmas(Raises())
    assert at_home(bad, negmas.sao.BoulwareTBNegotiator(), PRICE, TABLES)[0] is None
    assert bad.left == "the skill raised ValueError: no"


@pytest.mark.parametrize("case", ["three parties", "no steps", "no utility", "continuous"])
def test_tables_that_are_refused(negmas: Any, case: str) -> None:
    """With a sentence that says what is wrong with them."""
    values: Any = (0.0, 1.0) if case == "continuous" else 5
    space = negmas.outcomes.make_os([negmas.outcomes.make_issue(values, "price")])
    steps = {"time_limit": 5.0} if case == "no steps" else {"n_steps": 5}
    game = negmas.sao.SAOMechanism(outcome_space=space, **steps)
    utility = None
    if case != "no utility":
        utility = negmas.preferences.LinearAdditiveUtilityFunction({"price": lambda x: x}, issues=space.issues)
    for _ in range(3 if case == "three parties" else 2):
        game.add(coase.to_negmas("linear"), ufun=utility)
    with pytest.raises(CoaseError) as caught:
        game.run()
    assert caught.value.code == "unfit_for_negmas"


def test_without_negmas_the_extra_is_named() -> None:
    """In both directions, and before anything is played."""
    script = (
        "import sys; sys.modules['negmas'] = sys.modules['negmas.sao'] = None\n"
        "import coase\n"
        "for call in (lambda: coase.skill('from_negmas'), lambda: coase.to_negmas('boulware')):\n"
        "    try: call()\n"
        "    except Exception as error: print(type(error).__name__, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ['MissingExtra pip install "coase[negmas]"'] * 2
