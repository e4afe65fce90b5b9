"""Models of the other side and the skills that use them: coase/negotiation/opponent.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import coase
from coase.negotiation.opponent import Bayesian, Frequency
from coase.negotiation.utility import additive

SIZES = (5, 4, 5, 3)
DOMAIN = coase.Domain(**{f"i{k}": range(size) for k, size in enumerate(SIZES)})


def tables(seed: int) -> tuple[Any, Any]:
    """Additive utilities of two parties."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        weights = draw.dirichlet(np.ones(4))
        worth = {f"i{k}": draw.permutation(np.linspace(0, 1, size)).tolist() for k, size in enumerate(SIZES)}
        made.append(additive(DOMAIN, {f"i{k}": float(w) for k, w in enumerate(weights)}, worth))
    return made[0], made[1]


def correlation(a: Any, b: Any) -> float:
    """Spearman's: of ranks."""
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


@pytest.mark.parametrize("kind", [Frequency, Bayesian])
def test_estimates_get_better(kind: Any) -> None:
    """From nothing to something: the mean rank correlation with the truth after the offers of a conceding party."""
    found = []
    for seed in range(12):
        mine, theirs = tables(seed)
        offers = coase.negotiate(
            coase.skill("linear"), coase.skill("ultimatum"), DOMAIN, utilities=(theirs, mine)
        ).trace.offers("buyer")
        model = kind.of(coase.Problem.of(DOMAIN, "seller", utility=mine))
        for step, offer in offers:
            model = model.after(offer, step / 101)
        estimate = model.estimate()
        assert estimate.shape == (DOMAIN.size,)
        assert (estimate >= 0).all()
        assert (estimate <= 1 + 1e-9).all()
        found.append(correlation(estimate, theirs))
    assert np.mean(found) > 0.3, found


def test_a_price_is_understood_at_once() -> None:
    """With one ordered issue a few offers tell which way the other side pulls."""
    domain = coase.Domain(price=range(100))
    model = Bayesian.of(coase.Problem.of(domain, "buyer"))
    for offer, t in ((99, 0.05), (97, 0.1), (95, 0.15)):
        model = model.after(offer, t)
    assert correlation(model.estimate(), np.arange(100)) > 0.99


@pytest.mark.parametrize("name", ["nash_seeker", "kalai_seeker"])
@pytest.mark.parametrize("model", ["frequency", "bayesian"])
def test_seekers_do_well_for_both(name: str, model: str) -> None:
    """Against time-based skills they get more than the linear skill does, and no deal is lost."""
    mine, plain = [], []
    for seed in range(8):
        utilities = tables(seed)
        for other in ("linear", "conceder"):
            rival = coase.skill(other)
            common: dict[str, Any] = {"utilities": utilities, "reservation": (0.2, 0.2)}
            found = coase.negotiate(coase.skill(name, model=model), rival, DOMAIN, **common)
            assert found.agreement is not None
            mine.append(found.utilities[0])
            plain.append(coase.negotiate(coase.skill("linear"), rival, DOMAIN, **common).utilities[0])
    assert np.mean(mine) > np.mean(plain)


def test_nothing_worth_the_reservation() -> None:
    """A seeker leaves when no outcome suffices."""
    result = coase.negotiate(
        coase.skill("nash_seeker"), coase.skill("linear"), DOMAIN, utilities=tables(1), reservation=(2, 0)
    )
    assert (result.left, result.agreement) == ("buyer", None)
