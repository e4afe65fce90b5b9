"""Sessions with everything of their own, scalar and batched; skills as they are listed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import coase
from coase import loading
from coase.negotiation.utility import additive

RUNGS = ("begin", "step", "answer")
ALONE = {"nash_seeker", "kalai_seeker"}  # they model the other side with objects: always one by one


def batchable() -> list[str]:
    """The shipped skills that do not move by `step`."""
    kinds = {name: loading.find("skills", name) for name in loading.names("skills")}
    return [
        name
        for name, kind in kinds.items()
        if issubclass(kind, coase.Negotiator)
        and name not in ALONE
        and all(getattr(kind, rung) is getattr(coase.Negotiator, rung) for rung in RUNGS)
    ]


def varied(name: str, n: int, rng: np.random.Generator) -> Any:
    """A skill with a value a session for each parameter that is a fraction, within its field's bounds."""
    kind = loading.find("skills", name)
    columns = {}
    for field, info in kind.model_fields.items():
        if info.annotation is not float or not isinstance(info.default, float):
            continue
        bounds = {
            key: getattr(rule, key) for rule in info.metadata for key in ("ge", "gt", "le", "lt") if hasattr(rule, key)
        }
        low = bounds.get("ge", bounds.get("gt", info.default / 2))
        high = bounds.get("le", bounds.get("lt", max(2 * info.default, 1.0)))
        columns[field] = low + (high - low) * rng.uniform(0.01, 0.99, n)
    return coase.skill(name, **columns)


domains = st.one_of(
    st.integers(1, 120).map(lambda top: coase.Domain(price=range(top + 1))),
    st.tuples(st.integers(1, 12), st.integers(1, 4), st.integers(1, 3)).map(
        lambda s: coase.Domain(a=range(s[0]), b=range(s[1]), c=["x", "y", "z"][: s[2]])
    ),
)


def tables(domain: coase.Domain, rng: np.random.Generator) -> Any:
    """Linear in the price; or additive, with values on a grid so coarse that many tie."""
    if "price" in domain.issues:
        return None
    return tuple(
        additive(
            domain,
            {issue: float(rng.integers(1, 9)) / 32 for issue in domain.issues},
            {
                issue: list(rng.integers(0, 11, size) / 10)
                for issue, size in zip(domain.issues, domain.sizes, strict=True)
            },
        )
        for _ in range(2)
    )


def differing(
    pair: tuple[str, str], domain: coase.Domain, n: int, seed: int, way: Any = None
) -> tuple[int, coase.Batch]:
    """How many of n sessions end otherwise in a batch than alone, and the batch."""
    rng = np.random.default_rng(seed)
    arguments: dict[str, Any] = {
        "n": n,
        "deadline": rng.integers(1, 121, n),
        "reservation": (rng.uniform(0, 0.6, n), np.round(rng.uniform(0, 0.5, n), 2)),
        "utilities": tables(domain, rng),
        "seed": seed,
    }
    skills = [varied(name, n, rng) for name in pair]
    batch = coase.negotiate_many(skills[0], skills[1], domain, **arguments, way=way)
    wrong = 0
    for i in range(n):
        buyer, seller = (skill.at(i) if isinstance(skill, coase.SkillArray) else skill for skill in skills)
        alone = coase.negotiate(
            buyer,
            seller,
            domain,
            deadline=int(arguments["deadline"][i]),
            reservation=(float(arguments["reservation"][0][i]), float(arguments["reservation"][1][i])),
            utilities=arguments["utilities"],
            seed=coase.session_seed(seed, i),
        )
        deal = -1 if alone.agreement is None else domain.number(alone.agreement)
        same = (deal, alone.step) == (batch.outcome[i], batch.last_step[i])
        worth = alone.utilities == (batch.utilities[0][i], batch.utilities[1][i])
        wrong += not (same and worth)
    return wrong, batch
