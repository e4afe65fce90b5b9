"""Cuts a tournament into tasks, each plain JSON that any process can do alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coase.errors import UsageError
from coase.negotiation.draws import session_seed
from coase.negotiation.tournament.entry import Entry
from coase.negotiation.tournament.packs import scenario
from coase.negotiation.tournament.scenario import Scenario

SIDE = 8  # skills on each side of one task, which is all pairs of them at most: what a kill can cost
MOST = 10_000_000  # negotiations


def places(scenarios: Any, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Scenarios as data: `repeats` fresh ones of each pack, and each given scenario `repeats` times."""
    if not isinstance(repeats, int) or isinstance(repeats, bool) or not 1 <= repeats <= 100_000:
        raise UsageError(f"repeats={repeats!r}", hint="a whole number from 1 to 100,000", code="bad_repeats")
    given = [scenarios] if isinstance(scenarios, str | Scenario) else list(scenarios)
    if not given:
        raise UsageError("no scenarios", hint='scenarios="anac-like"', code="bad_scenario")
    found: list[dict[str, Any]] = []
    for one in given:
        if isinstance(one, Scenario):
            found += [one.to_json()] * repeats
        elif isinstance(one, str):
            scenario(one, seed, 0)  # raises where there is no such pack
            found += [{"pack": one, "seed": seed, "number": number} for number in range(repeats)]
        else:
            raise UsageError(f"{one!r} is no scenario", hint="a pack's name or a Scenario", code="bad_scenario")
    return found


def tasks(
    entries: Sequence[Entry], scenes: Sequence[dict[str, Any]], seed: int, limits: dict[str, Any]
) -> list[dict[str, Any]]:
    """Tasks in order: scenario by scenario, every ordered pair in both roles, a skill against itself too.

    A task is a few buyers against a few sellers, so that of many skills only a few are at the table at a time.
    """
    count = len(entries)
    if len(scenes) * count * count > MOST:
        raise UsageError(f"more than {MOST:,} negotiations", hint="fewer skills or repeats", code="too_many")
    who = [{"label": one.label, "spec": one.spec, "shipped": one.shipped} for one in entries]
    some = [range(at, min(at + SIDE, count)) for at in range(0, count, SIDE)]
    blocks = [[[i, j, i * count + j] for i in buyers for j in sellers] for buyers in some for sellers in some]
    return [
        {
            "scenario": place,
            "place": number,
            "entries": who,
            "pairs": block,
            "seed": session_seed(seed, number),
            "limits": limits,
        }
        for number, place in enumerate(scenes)
        for block in blocks
    ]
