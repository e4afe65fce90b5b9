"""Sessions of bargaining a second, beside NegMAS at the same work in the same run.

One price of 100 values and 100 steps, reservation 0.1; or four issues with 1,000 outcomes and fresh utilities in each
session. Ours and theirs take turns, so that a machine that slows down slows both. Every session is played.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from coase.bench import cores
from coase.bench.row import Row, versus
from coase.errors import MissingExtra
from coase.loading import skill
from coase.negotiation.batch import negotiate_many
from coase.negotiation.session import negotiate
from coase.negotiation.utility import Floats, additive
from coase.terms.domain import Domain

PRICE = Domain(price=range(100))
SIZES = (10, 5, 5, 4)
ISSUES = Domain(**{f"i{k}": range(size) for k, size in enumerate(SIZES)})
RESERVED = 0.1
STEPS = 100
BATCH = 100_000

Work = tuple[Callable[[], object], float]


def rows() -> Iterator[Row]:
    """All cases."""
    try:
        import negmas  # type: ignore[import-untyped] # noqa: F401
    except ImportError as error:
        raise MissingExtra("the bench of negotiation", "negmas") from error
    peer = f"NegMAS {version('negmas')}"
    timed, reacting = ("boulware", "conceder"), ("micro", "micro")
    for pair, kept, own, shared in ((timed, 120.0, 8_000.0, 20_000.0), (reacting, 60.0, 5_000.0, None)):
        name = " v ".join(pair)
        ours, theirs, ratio = versus(alone(pair, 300), by_negmas(pair, 20))
        yield Row(f"{name}, trace kept", "sessions/s", ours, theirs, peer, target=kept, measured=ratio)
        ours, theirs, ratio = versus(batched(pair, own=True), by_negmas(pair, 20))
        yield Row(f"{name}, batched, own parameters", "sessions/s", ours, theirs, peer, target=own, measured=ratio)
        if shared:
            ours, theirs, ratio = versus(batched(pair, own=False), by_negmas(pair, 20))
            case = f"{name}, batched, own reservations"
            yield Row(case, "sessions/s", ours, theirs, peer, target=shared, measured=ratio)
    ours, theirs, ratio = versus(four_issues(300), four_issues_by_negmas(5))
    yield Row("four issues, fresh utilities", "sessions/s", ours, theirs, peer, target=80.0, measured=ratio)
    many = 10 * BATCH
    ours, theirs, ratio = versus(batched(timed, own=True, n=many, workers=2), batched(timed, own=True, n=many))
    yield Row("batched, two cores", "sessions/s", ours, theirs, "one core", target=1.8, measured=ratio)
    yield cores.row()


def alone(pair: tuple[str, str], sessions: int) -> Work:
    """One by one, each with its trace; reservations differ a little, so that no curve serves two sessions."""
    buyer, seller = (skill(name) for name in pair)
    limits = [(RESERVED + i * 1e-7, RESERVED) for i in range(sessions)]

    def work() -> None:
        for limit in limits:
            negotiate(buyer, seller, PRICE, deadline=STEPS, reservation=limit)

    return work, sessions


def batched(pair: tuple[str, str], *, own: bool, n: int = BATCH, workers: int = 1) -> Work:
    """All at once, each with parameters (where the skill has any) and reservations of its own."""
    draw = np.random.default_rng(1)
    limits = (draw.uniform(0, 0.3, n), draw.uniform(0, 0.3, n))
    spread = {"boulware": (0.1, 0.9), "conceder": (1.5, 8.0)}
    skills = [
        skill(name, beta=draw.uniform(*spread[name], n)) if own and name in spread else skill(name) for name in pair
    ]
    return (
        lambda: negotiate_many(skills[0], skills[1], PRICE, n=n, deadline=STEPS, reservation=limits, workers=workers),
        n,
    )


def four_issues(sessions: int) -> Work:
    """Fresh additive utilities in every session."""
    buyer, seller = skill("boulware"), skill("conceder")
    tables = [_tables(seed)[0] for seed in range(sessions)]

    def work() -> None:
        for pair in tables:
            negotiate(buyer, seller, ISSUES, deadline=STEPS, reservation=(RESERVED, RESERVED), utilities=pair)

    return work, sessions


def by_negmas(pair: tuple[str, str], sessions: int) -> Work:
    """NegMAS at the price."""
    kit = _kit()
    issues = [kit["issue"](100, "price")]
    space = kit["space"](issues)
    utilities = [
        kit["additive"](values={"price": kit["affine"](slope, bias)}, issues=issues, reserved_value=RESERVED)
        for slope, bias in ((-1 / 99, 1.0), (1 / 99, 0.0))
    ]
    return lambda: [_theirs(kit, pair, space, utilities) for _ in range(sessions)], sessions


def four_issues_by_negmas(sessions: int) -> Work:
    """NegMAS at four issues; the utilities are made before, as ours are."""
    kit = _kit()
    issues = [kit["issue"](size, f"i{k}") for k, size in enumerate(SIZES)]
    space = kit["space"](issues)
    utilities = [
        [
            kit["additive"](
                values={name: kit["table"](dict(enumerate(row))) for name, row in worth.items()},
                weights=weights,
                issues=issues,
                reserved_value=RESERVED,
            )
            for weights, worth in _tables(seed)[1]
        ]
        for seed in range(sessions)
    ]
    return lambda: [_theirs(kit, ("boulware", "conceder"), space, pair) for pair in utilities], sessions


def _tables(seed: int) -> tuple[tuple[Floats, Floats], list[tuple[dict[str, float], dict[str, list[float]]]]]:
    """Additive utilities of both parties: as tables, and as weights and worths."""
    draw = np.random.default_rng(seed)
    parts: list[tuple[dict[str, float], dict[str, list[float]]]] = []
    for _ in range(2):
        weights = draw.dirichlet(np.ones(len(SIZES)))
        worth = {f"i{k}": draw.permutation(np.linspace(0, 1, size)).tolist() for k, size in enumerate(SIZES)}
        parts.append(({f"i{k}": float(w) for k, w in enumerate(weights)}, worth))
    one, two = (additive(ISSUES, weights, worth) for weights, worth in parts)
    return (one, two), parts


def _theirs(kit: dict[str, Any], pair: tuple[str, str], space: Any, utilities: list[Any]) -> Any:
    game = kit["mechanism"](outcome_space=space, n_steps=STEPS)
    for name, utility in zip(pair, utilities, strict=True):
        game.add(kit[name](), ufun=utility)
    return game.run()


def _kit() -> dict[str, Any]:
    random.seed(0)  # their own draws
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sao = import_module("negmas.sao")
        outcomes, preferences = import_module("negmas.outcomes"), import_module("negmas.preferences")
        values = import_module("negmas.preferences.value_fun")
    return {
        "boulware": sao.BoulwareTBNegotiator,
        "conceder": sao.ConcederTBNegotiator,
        "micro": sao.MiCRONegotiator,
        "mechanism": sao.SAOMechanism,
        "space": outcomes.make_os,
        "issue": outcomes.make_issue,
        "additive": preferences.LinearAdditiveUtilityFunction,
        "affine": values.AffineFun,
        "table": values.TableFun,
    }
