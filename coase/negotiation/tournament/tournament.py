"""Skills against each other, all pairs, over many scenarios."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coase import parallel
from coase.errors import UsageError
from coase.negotiation.tournament import play, schedule
from coase.negotiation.tournament.entry import entries
from coase.negotiation.tournament.result import TournamentResult
from coase.negotiation.tournament.scenario import Scenario
from coase.negotiation.tournament.scores import Row

WORK = "coase.negotiation.tournament.play:play"
RESULTS = "results.sqlite"
SECONDS, MEMORY = 10.0, 512  # a negotiation, MiB


def tournament(
    skills: Sequence[Any],
    scenarios: str | Scenario | Sequence[str | Scenario] = "anac-like",
    *,
    repeats: int = 20,
    seed: int = 0,
    workers: int = 1,
    executor: parallel.Where = "processes",
    folder: str | Path | None = None,
    limits: tuple[float, int] = (SECONDS, MEMORY),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> TournamentResult:
    """Let every skill bargain with every other and with itself, in both roles, over the same scenarios.

    A skill that does not ship with coase runs in a process of its own. One that raises, hangs, takes too much memory or
    answers nonsense loses that negotiation: it scores 0, the other party its reservation, and the reason is kept.

    Args:
        skills: names, paths of files of one's own, or instances.
        scenarios: packs by name (`anac-like`, `price-only`, `multi-issue`, `opposed`, `cooperative`), or scenarios.
        repeats: fresh scenarios of each pack; each given scenario is played as often, with other random draws.
        seed: of everything that is drawn.
        workers: processes; the result is the same for any number.
        executor: "ray" for a Ray cluster of one's own (extra `ray`).
        folder: where finished work is kept: the same call with the same folder goes on after a kill.
        limits: seconds and MiB that a skill that does not ship with coase may use in one negotiation.
        progress: called with how many tasks of how many are done.

    Raises:
        UsageError: an argument is not usable.
        UnknownName: no such skill, file or pack.
        ConfigurationError: the folder cannot be used.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UsageError(f"seed={seed!r}", hint="a whole number", code="bad_seed")
    who = entries(skills)
    seconds, memory = _limits(limits)
    scenes = schedule.places(scenarios, repeats, seed)
    bounds = {"seconds": seconds, "memory": memory * 2**20}
    tasks = schedule.tasks(who, scenes, seed, bounds)
    alone = {one.label: one.alone for one in who if one.alone is not None}
    if alone and (workers != 1 or executor != "processes"):
        raise UsageError(
            f"{', '.join(alone)}: a class that no file brought cannot go to other processes",
            hint="put it into a file and give its path, or use one worker",
            code="skill_without_file",
        )
    play.alone.update(alone)
    store = None if folder is None else Path(folder) / RESULTS
    if alone and store is not None:
        raise UsageError(
            f"{', '.join(alone)}: work of a class that no file brought cannot be kept",
            hint="put it into a file and give its path",
            code="skill_without_file",
        )
    try:
        done = parallel.run(WORK, tasks, workers=workers, executor=executor, store=store, progress=progress)
    finally:
        play.close()
        for label in alone:
            del play.alone[label]
    rows = sorted(_row(task["place"], found) for task, some in zip(tasks, done, strict=True) for found in some)
    names = tuple(place["name"] if "name" in place else f"{place['pack']}-{place['number'] + 1}" for place in scenes)
    asked = {"repeats": repeats, "seed": seed, "seconds": seconds, "memory": memory}
    return TournamentResult(tuple(one.label for one in who), rows, names, asked)


def _row(place: int, found: Sequence[Any]) -> Row:
    buyer, seller, first, second, step, end, failed, distance = found
    return Row(place, buyer, seller, (first, second), step, end, failed, distance)


def _limits(limits: Any) -> tuple[float, int]:
    match limits:
        case [int() | float() as seconds, int(memory)] if (
            math.isfinite(seconds) and 0 < seconds <= 86400 and 1 <= memory <= 2**20
        ):
            return float(seconds), memory
    raise UsageError(f"limits={limits!r}", hint="(seconds, MiB), for example (10, 512)", code="bad_limits")
