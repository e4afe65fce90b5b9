"""Games of a tournament a second, beside NegMAS' Cartesian tournament over the same scenarios in the same run.

Four skills, every one with every other and itself in both roles, 100 steps: 16 games a scenario, all played. The
scenarios come from our packs, NegMAS gets them as ready tables of utilities and runs in one process, as ours does; ours
are generated within the time that is measured. Table, intervals and scores are made on both sides; nothing is written.
"""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from itertools import count
from typing import Any

from coase.bench import cores
from coase.bench.negotiation import Work
from coase.bench.row import Row, versus
from coase.errors import MissingExtra
from coase.negotiation.tournament.packs import scenario
from coase.negotiation.tournament.result import TournamentResult
from coase.negotiation.tournament.tournament import tournament

SKILLS = ("boulware", "linear", "conceder", "micro")
PEERS = ("BoulwareTBNegotiator", "LinearTBNegotiator", "ConcederTBNegotiator", "MiCRONegotiator")
PACKS = ("price-only", "anac-like", "multi-issue")
GAMES = len(SKILLS) ** 2  # a scenario
TARGET = 60.0


def rows() -> Iterator[Row]:
    """All cases."""
    try:
        import negmas  # type: ignore[import-untyped] # noqa: F401
    except ImportError as error:
        raise MissingExtra("the bench of tournaments", "negmas") from error
    peer = f"NegMAS {version('negmas')}"
    for pack in PACKS:
        ours, theirs, ratio = versus(held(pack, 40), held_by_negmas(pack, 2))
        yield Row(f"{pack}, one core", "games/s", ours, theirs, peer, target=TARGET, measured=ratio)
    ours, theirs, ratio = versus(held("anac-like", 5_000, workers=2), held("anac-like", 5_000), runs=3)
    yield Row("anac-like, two workers, their start included", "games/s", ours, theirs, "one worker", measured=ratio)
    yield cores.row()


def held(pack: str, scenarios: int, workers: int = 1) -> Work:
    """Ours; each run has a seed of its own, so that nothing is remembered from the last."""
    seeds = count(1)

    def work() -> TournamentResult:
        result = tournament(SKILLS, pack, repeats=scenarios, seed=next(seeds), workers=workers)
        result.table()
        return result

    return work, GAMES * scenarios


def held_by_negmas(pack: str, scenarios: int) -> Work:
    """Theirs; the scenarios are made before."""
    random.seed(0)  # their own draws
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sao = import_module("negmas.sao")
        hold = import_module("negmas.tournaments.neg.simple").cartesian_tournament
        places = [_as_theirs(pack, number) for number in range(scenarios)]

    def work() -> object:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # they show progress there
            warnings.simplefilter("ignore")
            return hold(
                [getattr(sao, name) for name in PEERS],
                places,
                n_steps=100,
                rotate_ufuns=False,
                normalize_ufuns=False,
                njobs=-1,
                process_isolation=False,
                save_stats=False,
                randomize_runs=False,
                verbosity=0,
                final_score=("utility", "mean"),
            )

    return work, GAMES * scenarios


def _as_theirs(pack: str, number: int) -> Any:
    """A scenario of ours as one of theirs: the same outcomes in the same order, utilities in tables."""
    outcomes, preferences = import_module("negmas.outcomes"), import_module("negmas.preferences")
    place = scenario(pack, 1, number)
    space = outcomes.make_os([outcomes.make_issue(size, f"i{k}") for k, size in enumerate(place.domain.sizes)])
    every = list(space.enumerate_or_sample())
    utilities = tuple(
        preferences.MappingUtilityFunction(
            dict(zip(every, table.tolist(), strict=True)), outcome_space=space, reserved_value=limit
        )
        for table, limit in zip(place.utilities, place.reservation, strict=True)
    )
    return import_module("negmas.scenarios").Scenario(outcome_space=space, ufuns=utilities)
