"""The process that runs one skill of somebody else's: it may raise, hang or fill its memory; only it suffers.

It loads the skill once and forks for each negotiation, so that nothing a skill does to its own state lives longer than
one negotiation, and a run is the same in whatever order pairs are played. It knows its own utilities and the offers:
neither the other party nor the table is in this process. This is a protection of the run, not a sandbox for hostile
code: files are run at the owner's wish.

Lines of JSON over one socket. In: ``{"load": spec}``, ``{"table": {...}}``, ``{"play": {...}}``, then offers, then
``"end"``. Out: ``["up"]`` once this process runs; ``["ready"]`` or ``["bad", why]`` after a load; as a session starts,
``["plan", ranks]`` of a skill that goes by time alone, which then is asked for nothing more, or ``["turns"]``; moves
``["propose", n]``, ``["accept"]``, ``["walk", why, failed]``; ``["gone", status]`` once the fork has ended.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import sys
from typing import Any

import numpy as np

from coase.errors import CoaseError
from coase.negotiation.moves import Accept, Action, Propose
from coase.negotiation.plan import plan_of
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem
from coase.negotiation.skill import Negotiator
from coase.negotiation.tournament.entry import build
from coase.negotiation.utility import Ranking
from coase.terms.domain import Domain

LONGEST_PLAN = 1000  # steps; a line holds as many ranks of up to six digits
NO_MEMORY = 2  # exit status
LOADING = 2**31  # bytes of data that a file may take while it loads; what it imports may be large, and is not data
LARGEST_FILE = 2**26  # bytes that a skill may write into one file
DIES_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG


def main(descriptor: int) -> None:
    """Serve negotiations over a connected socket until the other end is closed."""
    _tie_to_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    with socket.socket(fileno=descriptor) as wire, wire.makefile("rw", encoding="utf-8", newline="\n") as lines:
        skill: Negotiator | None = None
        table: Ranking | None = None
        _say(lines, ["up"])
        for line in iter(lines.readline, ""):
            order = json.loads(line)
            if "load" in order:
                skill = _loaded(order["load"], lines)
            elif "table" in order:
                table = Ranking(Domain.from_json(order["table"]["domain"]), np.array(order["table"]["utility"]))
            elif "play" in order and skill is not None and table is not None:
                child = os.fork()
                if child == 0:
                    _negotiate(skill, table, order["play"], lines)
                _, status = os.waitpid(child, 0)
                _say(lines, ["gone", os.waitstatus_to_exitcode(status)])


def _loaded(spec: dict[str, Any], lines: Any) -> Negotiator | None:
    skill: Negotiator | None = None
    answer = ["ready"]
    before = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (LOADING, before[1]))
        skill = build(spec)
    except CoaseError as error:
        answer = ["bad", error.message]
    except BaseException as error:  # noqa: BLE001  # a file may raise anything while it loads
        answer = ["bad", f"{type(error).__name__} while loading"]
    resource.setrlimit(resource.RLIMIT_DATA, before)
    _say(lines, answer)
    return skill


def _negotiate(skill: Negotiator, table: Ranking, play: dict[str, Any], lines: Any) -> None:
    """One negotiation, in the fork; never returns."""
    status = 1
    try:
        _tie_to_parent()
        _limit(play["memory"], play["seconds"])
        random.seed(play["key"])  # a skill that draws from these is repeatable, if not in other runtimes
        np.random.seed(play["key"] & 0xFFFFFFFF)
        problem = Problem(table, play["party"], play["deadline"], play["reservation"], play["key"], play["discount"])
        _say(lines, _opening(skill, problem))
        player = Player(skill, problem)
        for line in iter(lines.readline, ""):
            offer = json.loads(line)
            if offer == "end":
                break
            _say(lines, _written(player.move(None if offer is None else int(offer))))
        status = 0
    except MemoryError:
        status = NO_MEMORY
    finally:
        os._exit(status)


def _opening(skill: Negotiator, problem: Problem) -> list[Any]:
    """The whole plan, if there is one and it fits into a line: it saves a message for every move."""
    if problem.deadline <= LONGEST_PLAN:
        try:
            plan = plan_of(skill, problem)
        except Exception:  # noqa: BLE001  # an author's code may raise anything; it will again at its first move
            plan = None
        if plan is not None:
            return ["plan", plan.tolist()]
    return ["turns"]


def _limit(memory: int, seconds: float) -> None:
    most = _used() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    spent = int(seconds) + 2  # the watchdog comes first; this is for a process whose watchdog has died
    resource.setrlimit(resource.RLIMIT_CPU, (spent, spent + 1))


def _used() -> int:
    """Bytes of address space."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _written(move: Action) -> list[Any]:
    if isinstance(move, Propose):
        return ["propose", int(move.outcome)]
    if isinstance(move, Accept):
        return ["accept"]
    return ["walk", move.reason, move.failed]


def _say(lines: Any, what: list[Any]) -> None:
    lines.write(json.dumps(what) + "\n")
    lines.flush()


def _tie_to_parent() -> None:
    """Die when the parent dies, where the system can do that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
