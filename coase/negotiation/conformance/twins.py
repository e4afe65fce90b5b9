"""Whether a skill ends its sessions alike one by one and in a batch; tried in a process that may be killed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coase.negotiation import batch
from coase.negotiation.draws import session_seed
from coase.negotiation.session import negotiate
from coase.negotiation.tournament.entry import build
from coase.terms.domain import Domain

SESSIONS = 40


@dataclass(frozen=True)
class Twins:
    """What came of it.

    Args:
        way: how the skill ran in the batch: ``"plan"``, ``"compiled"``, ``"arrays"`` or ``"one by one"``.
        sessions: how many were compared.
        differing: how many ended otherwise.
        error: why nothing could be compared; empty otherwise.
    """

    way: str = ""
    sessions: int = 0
    differing: int = 0
    error: str = ""


def twins(spec: Mapping[str, Any], seconds: float) -> Twins:
    """Compare, in a process of its own, within `seconds`."""
    command = [sys.executable, "-m", "coase.negotiation.conformance.twins", str(int(seconds))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COASE_CRASH_AT": ""}
    try:
        done = subprocess.run(
            command, input=json.dumps(dict(spec)), capture_output=True, text=True, timeout=seconds, env=environment,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Twins(error=f"a batch of {2 * SESSIONS} sessions takes more than {seconds:g} s")
    try:
        return Twins(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        return Twins(error=f"the process that played a batch ended (status {done.returncode})")


def main() -> None:
    """What that process does: the skill comes as JSON, what came of it goes out as the last line."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]) + 1, int(sys.argv[1]) + 2))
    answer = sys.stdout
    sys.stdout = sys.stderr  # a skill may print
    try:
        found = compare(build(json.load(sys.stdin)))
    except Exception as error:  # noqa: BLE001  # an author's code may raise anything
        found = Twins(error=" ".join(f"{type(error).__name__}: {error}".split())[:300])
    answer.write(json.dumps(vars(found)) + "\n")


def compare(skill: Any) -> Twins:
    """Play both ways, in both roles, with reservations and deadlines that differ."""
    from coase.loading import skill as named

    batch.FEW = 1  # small batches are compiled too
    draw = np.random.default_rng(3)
    domain = Domain(price=range(50))
    deadlines, limits = draw.integers(1, 60, SESSIONS), (draw.uniform(0, 0.4, SESSIONS), draw.uniform(0, 0.4, SESSIONS))
    differing, way = 0, ""
    for side in (0, 1):
        pair = (skill, named("linear")) if side == 0 else (named("linear"), skill)
        buyer, seller = pair
        many = batch.negotiate_many(buyer, seller, domain, n=SESSIONS, deadline=deadlines, reservation=limits, seed=9)
        way = many.ways[side]
        for i in range(SESSIONS):
            alone = negotiate(
                buyer,
                seller,
                domain,
                deadline=int(deadlines[i]),
                reservation=(float(limits[0][i]), float(limits[1][i])),
                seed=session_seed(9, i),
            )
            deal = -1 if alone.agreement is None else domain.number(alone.agreement)
            differing += (deal, alone.step) != (many.outcome[i], many.last_step[i])
    return Twins(way, 2 * SESSIONS, int(differing))


if __name__ == "__main__":
    main()
