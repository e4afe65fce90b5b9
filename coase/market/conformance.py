"""What every trading skill must keep to, tried out in a process of its own: `coase check` and `check`.

The child loads the file, trades in several worlds and prints its findings; a file that hangs, eats memory or ends the
program takes only the child with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coase import loading
from coase.errors import CoaseError
from coase.market.compiling import available, compiled
from coase.market.crowd import World
from coase.market.run import Run
from coase.market.schedule import Uniform
from coase.market.simulate import simulate
from coase.market.trader import Trader
from coase.negotiation.conformance.kit import Finding, Verdict, spec_of
from coase.terms.reading import read_json

SECONDS, MEMORY = 120.0, 4096  # a whole check, MiB
LIMITS = Uniform(20, 180)
WORLDS: dict[str, dict[str, Any]] = {
    "one day": {},
    "three days, several units": {"days": 3, "units": 3},
    "a single price": {"demand": Uniform(100, 100), "supply": Uniform(100, 100), "low": 100, "high": 100},
    "limits at the ends": {"demand": Uniform(0, 400), "supply": Uniform(0, 400)},
    "a small budget": {"budget": 150, "days": 2},
    "late views, entry and exit, shocks": {
        "days": 3,
        "world": World(shocks={1: (30, -10)}, latency={"mine": 9}, entry={"mine": 1}, redraw=True, arrivals=True),
    },
    "sealed orders": {"market": "k_double_auction", "days": 2},
}


def check(what: str | Path, *, limits: tuple[float, int] = (SECONDS, MEMORY)) -> Verdict:
    """Try a trading skill out.

    Args:
        what: a name or a path, with parameters if need be: ``"zip"``, ``"./my_trader.py:most=0.2"``.
        limits: seconds and MiB that the whole check may take.

    Raises:
        UnknownName: no skill of this name, or no file at this path.
    """
    spec_of(str(what))
    answer = _child("try", str(what), limits)
    if isinstance(answer, str):
        return Verdict(str(what), (Finding("loads and ends", False, answer, "run the file alone: python FILE"),))
    return Verdict(str(what), tuple(Finding.of(one) for one in answer))


def is_trader(what: str | Path, *, limits: tuple[float, int] = (20.0, MEMORY)) -> bool:
    """Whether a skill is for trading, by loading it in a process of its own; False where it does not load."""
    spec_of(str(what))
    return _child("kind", str(what), limits) is True


def _child(act: str, what: str, limits: tuple[float, int]) -> Any:
    """What the child printed, or a sentence on how it ended."""
    seconds, memory = limits
    command = [sys.executable, "-m", "coase.market.conformance", act, what, str(memory)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not end within {seconds:g} seconds"
    last = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    try:
        return read_json(last)
    except ValueError:
        return f"its process ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}"


def findings(skill: Any) -> Iterator[Finding]:
    """Everything that is tried, in this process.

    Args:
        skill: the trader, made with its parameters.
    """
    undocumented = [name for name, field in type(skill).model_fields.items() if not field.description]
    yield Finding(
        "documented", None if undocumented else True, f"{len(undocumented)} parameters without a description",
        f"describe {', '.join(undocumented)} with pydantic.Field(description=...)" if undocumented else "",
    )  # fmt: skip
    alone: dict[str, Run] = {name: _run(skill, name, {}) for name in WORLDS}
    failed = {name: run.failed[0][2] for name, run in alone.items() if run.failed}
    yield _judged("never raises", failed, "look at a day's first turn, an empty book, a limit at the end of the prices")
    refused = {n: f"{count} quotes refused" for n, run in alone.items() if (count := int(run.counts[..., 1].sum()))}
    refused.pop("a small budget", None)  # a trader is not told what it may spend
    yield _judged("quotes within the rules", refused, "whole ticks from view.low to view.high, at most view.left units")
    if not failed:
        other = {n: "other trades when run again" for n, run in alone.items() if not _same(run, _run(skill, n, {}))}
        yield _judged("repeatable", other, "draw by coase.draw(key, time, slot); no clock, no global, no random module")
        yield from _compiled(skill)
    lost = sum(_losses(run) for run in alone.values())
    yield Finding("keeps its limit", None, f"{lost} trades at a loss" if lost else "no trade at a loss")


def _compiled(skill: Any) -> Iterator[Finding]:
    kind: type[Trader] = type(skill)
    if not available():
        yield Finding("compiles", None, "numba is not installed", 'pip install "coase[fast]"')
        return
    if compiled(kind) is None:
        yield Finding("compiles", None, "it runs in plain Python", "see docs/market.md to have it compiled")
        return
    apart = {}
    for name, world in WORLDS.items():
        if "market" not in world:
            fast, plain = _run(skill, name, {}), _run(skill, name, {"compiled": False})
            if not _same(fast, plain):
                apart[name] = "other trades compiled than in plain Python"
    yield _judged("same compiled", apart, "whole numbers stay below 2**63, and a state's types do not change")


def _run(skill: Any, name: str, rules: dict[str, Any]) -> Run:
    made: dict[str, Any] = {"demand": LIMITS, "supply": LIMITS, "turns": 20, "seed": 7, **WORLDS[name], **rules}
    market = made.pop("market", "double_auction")
    if "world" in made:
        world: World = made["world"]
        named = {type(skill).__name__: next(iter(world.latency.values()))}
        made["world"] = world.model_copy(update={"latency": named, "entry": dict.fromkeys(named, 1)})
    return simulate(market, traders=[(skill, 6), ("zi_c", 6)], **made)


def _judged(name: str, broken: dict[str, str], mend: str) -> Finding:
    if not broken:
        return Finding(name, True, f"in {len(WORLDS)} worlds")
    where, sentence = next(iter(broken.items()))
    more = f" (and in {len(broken) - 1} more)" if len(broken) > 1 else ""
    return Finding(name, False, f"{where}: {sentence}{more}", mend)


def _same(run: Run, other: Run) -> bool:
    return [s.trades.tolist() for s in run.sessions] == [s.trades.tolist() for s in other.sessions]


def _losses(run: Run) -> int:
    lost, mine = 0, set(range(run.crowd.counts[0]))
    for session in run.sessions:
        for day, _, buyer, seller, paid, got, *_ in session.trades.tolist():
            worth = session.limits[min(day, len(session.limits) - 1)]
            lost += (buyer in mine and paid > worth[buyer]) + (seller in mine and got < worth[seller])
    return lost


def _main(act: str, what: str, memory: int) -> None:
    """The child's work; its last line is JSON."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (memory * 2**20, memory * 2**20))
    try:
        name, parameters = loading.described(what)
        skill = loading.skill(name, **parameters)
    except CoaseError as error:
        answer: Any = False
        if act == "try":
            answer = [Finding("loads", False, error.message, error.hint or "run the file alone: python FILE").as_dict()]
        print(json.dumps(answer))  # noqa: T201
        return
    if act == "kind":
        print(json.dumps(isinstance(skill, Trader)))  # noqa: T201
    elif not isinstance(skill, Trader):
        print(json.dumps([Finding("loads", False, "it is no trader", "derive from coase.Trader").as_dict()]))  # noqa: T201
    else:
        loaded = Finding("loads", True, "the file loads and makes a trader")
        print(json.dumps([one.as_dict() for one in (loaded, *findings(skill))]))  # noqa: T201


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
