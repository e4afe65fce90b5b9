"""Alternating offers among several: coase/negotiation/stacked.py and among.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase.errors import ProtocolError, UsageError
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.mechanism import CLOCK, Close
from coase.negotiation.stacked import StackedOffers

DOMAIN = coase.Domain(price=range(5))
moves = st.lists(
    st.one_of(
        st.integers(-1, 6).map(coase.Propose),
        st.just(coase.Accept()),
        st.builds(coase.Walk, st.just("no"), st.booleans()),
    ),
    max_size=12,
)


@given(moves)
def test_two_parties_are_the_bilateral_table(made: list[Any]) -> None:
    """Same states, same ends, same refusals as `AlternatingOffers`."""
    one, other = AlternatingOffers(DOMAIN, 3), StackedOffers(domain=DOMAIN, deadline=3)
    a, b = one.start(), other.init(["buyer"], ["seller"])
    for move in made:
        party = a.turn or "buyer"
        try:
            a = one.apply(a, party, move)
        except ProtocolError:
            with pytest.raises(ProtocolError):
                other.submit(b, party, move)
            continue
        b = other.submit(b, party, move)
        assert (a.ended, a.step, a.offer, a.agreement, a.reason) == (b.ended, b.step, b.offer, b.agreement, b.reason)
        assert b.waiting == (() if a.turn is None else (a.turn,))
    if b.agreement is not None:
        assert other.clear(b).trades == (coase.Trade("buyer", "seller", b.agreement),)


def test_all_others_must_take_it() -> None:
    """Two of three acceptances are needed, and a new offer starts the count again."""
    rules = StackedOffers(domain=DOMAIN, deadline=5)
    state = rules.init(["a", "b", "c"])
    for party, move in (
        ("a", coase.Propose(1)), ("b", coase.Accept()), ("c", coase.Propose(2)), ("a", coase.Accept()),
    ):  # fmt: skip
        state = rules.submit(state, party, move)
    assert (state.step, state.taken, state.waiting) == (2, 1, ("b",))
    state = rules.submit(state, "b", coase.Accept())
    assert (state.agreement, rules.clear(state).agreement, rules.clear(state).trades) == (2, 2, ())


def test_steps_or_seconds() -> None:
    """It ends after the last step, or when the clock says so."""
    rules = StackedOffers(domain=DOMAIN, deadline=1)
    state = rules.init(["a", "b", "c"])
    for party in "abc":
        state = rules.submit(state, party, coase.Propose(1))
    assert (state.ended, state.reason, state.step) == (True, "deadline", 1)
    assert rules.submit(rules.init(["a", "b"]), CLOCK, Close()).reason == "deadline"
    ticks = iter(range(100))
    linear = coase.skill("linear")
    tables = [np.linspace(0, 1, 5)] * 2
    result = coase.negotiate_among(
        [linear, linear], DOMAIN, [1 - tables[0], tables[1]], seconds=3.0, clock=lambda: float(next(ticks))
    )
    assert (result.reason, len(result.moves), result.utilities) == ("deadline", 2, (0.0, 0.0))


def test_among_refuses_what_does_not_fit() -> None:
    """One utility and one reservation a skill, and a clock for a time limit."""
    linear, table = coase.skill("linear"), np.linspace(0, 1, 5)
    for utilities, more in (([table], {}), ([table] * 2, {"reservation": [0.0]}), ([table] * 2, {"seconds": 1.0})):
        with pytest.raises(UsageError) as error:
            coase.negotiate_among([linear, linear], DOMAIN, utilities, **more)
        assert error.value.code == "bad_parties"
    with pytest.raises(UsageError):
        coase.negotiate_among([linear], DOMAIN, [table])


@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(deadline=None, max_examples=30)
def test_no_party_of_three_goes_below_its_reservation(seed: int, deadline: int) -> None:
    """Whatever is agreed is worth the reservation to each."""
    random = np.random.default_rng(seed)
    tables = [np.round(random.random(60), 2) for _ in range(3)]
    floors = [float(x) for x in np.round(random.random(3), 2)]
    names = ["boulware", "conceder", "tit_for_tat"]
    result = coase.negotiate_among(
        [coase.skill(n) for n in names], coase.Domain(price=range(60)), tables, deadline=deadline, reservation=floors
    )
    if result.agreement is not None:
        assert all(u >= f - 1e-9 for u, f in zip(result.utilities, floors, strict=True))
    assert result.step <= deadline


def test_parity_with_negmas_for_three_parties(need: Any) -> None:
    """The peer's three-party sessions of time-based negotiators end with the same outcome in the same step."""
    outcomes, preferences, sao = (need(f"negmas.{name}") for name in ("outcomes", "preferences", "sao"))

    exponents = {"boulware": 4.0, "linear": 1.0, "conceder": 0.25}
    agreed = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        tables = [np.round(random.random(80), 6) for _ in range(3)]
        names = [str(name) for name in random.choice(sorted(exponents), 3)]
        issue = outcomes.make_issue(80, "price")
        session = sao.SAOMechanism(outcome_space=outcomes.make_os([issue]), n_steps=60, one_offer_per_step=False)
        for name, table in zip(names, tables, strict=True):
            ufun = preferences.MappingUtilityFunction(
                {(i,): float(u) for i, u in enumerate(table)}, outcome_space=session.outcome_space, reserved_value=0.1
            )
            negotiator = sao.AspirationNegotiator(max_aspiration=1.0, aspiration_type=exponents[name], presort=True)
            session.add(negotiator, ufun=ufun)
        state = session.run()
        ours = coase.negotiate_among(
            [coase.skill(n) for n in names], coase.Domain(price=range(80)), tables, deadline=60, reservation=0.1
        )
        theirs = None if state.agreement is None else state.agreement[0]
        assert (None if ours.agreement is None else ours.agreement["price"]) == theirs, (seed, names)
        if theirs is not None:
            agreed += 1
            assert abs(ours.step - state.step) <= 1
    assert agreed >= 8
