"""Where a skill sits: in this process, or in a process of its own with a watchdog."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol

from coase.negotiation.guards import LONGEST
from coase.negotiation.moves import ACCEPT, Accept, Action, Propose, Walk
from coase.negotiation.player import Player
from coase.negotiation.problem import Problem
from coase.negotiation.skill import Negotiator, choose
from coase.negotiation.utility import Ranking
from coase.terms.reading import read_json

NO_MEMORY = 2  # exit status of a fork that ran out of memory outside the skill's own methods
LONGEST_LINE = 8192  # bytes of a guest's line
STARTING = 60.0  # seconds that a guest's interpreter may take to start
LOADING = 30.0  # seconds that its file may take to load; only then does the skill's own time count


class Seat(Protocol):
    """Makes moves for one party of one negotiation after another."""

    def sit(self, problem: Problem) -> None:
        """Begin a negotiation."""

    def move(self, offer: int | None) -> Action:
        """The move in answer to an offer."""
        ...

    def leave(self) -> None:
        """The negotiation is over."""

    def close(self) -> None:
        """No more negotiations."""


class Here:
    """A skill in this process."""

    def __init__(self, skill: Negotiator) -> None:
        self.skill = skill

    def sit(self, problem: Problem) -> None:
        """Begin a negotiation."""
        self.player = Player(self.skill, problem)

    def move(self, offer: int | None) -> Action:
        """The move in answer to an offer."""
        return self.player.move(offer)

    def leave(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Aside:
    """A skill of a class that no file brought, in this process: it plays on copies, and its moves are checked again.

    It may raise, answer nonsense or change what it was given; against hanging and hoarding there is no protection here.
    """

    def __init__(self, skill: Negotiator) -> None:
        self.skill = skill

    def sit(self, problem: Problem) -> None:
        """Begin a negotiation."""
        copied = Ranking(problem.domain, problem.ranking.given.copy())
        self.problem = problem
        copy = Problem(copied, problem.party, problem.deadline, problem.reservation, problem.key, problem.discount)
        copy.times = list(problem.times)
        self.player = Player(self.skill, copy)

    def move(self, offer: int | None) -> Action:
        """The move in answer to an offer."""
        move = self.player.move(offer)
        outcome = move.outcome if isinstance(move, Propose) else offer if isinstance(move, Accept) else None
        if outcome is not None and not self.problem.acceptable(outcome):
            return Walk("it would go below its reservation", failed=True)
        return move

    def leave(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class Guest:
    """A skill in a process of its own. What is against the rules there is a failed `Walk` here, with the reason.

    Args:
        spec: the skill as data.
        seconds: of its own thinking, in one negotiation.
        memory: bytes that it may allocate, in one negotiation.
    """

    def __init__(self, spec: Mapping[str, Any], seconds: float, memory: int) -> None:
        self.spec, self.seconds, self.memory = spec, seconds, memory
        self._limit = seconds  # that is being counted
        self._process: subprocess.Popen[bytes] | None = None
        self._held = b""
        self._table: object = None
        self._broken = ""  # why every negotiation fails: the file does not load
        self._playing = False
        self._failure = ""
        self._plan: list[int] | None = None  # the rank asked for at each step, of a skill that goes by time alone
        self._made = 0

    def sit(self, problem: Problem) -> None:
        """Begin a negotiation, with a fresh process if the last one was lost."""
        self.problem, self._left, self._failure = problem, self.seconds, self._broken
        self._plan, self._made = None, 0
        if self._failure:
            return
        try:
            self._start()
            if self._process is None:
                return
            if self._table is not problem.ranking:
                table = {"domain": problem.domain.to_json(), "utility": problem.ranking.given.tolist()}
                self._send({"table": table})
                self._table = problem.ranking
            self._send({"play": self._terms(problem)})
            self._playing = True
            self._read_opening(self._receive())
        except _Lost as error:
            self._fail(str(error))

    def move(self, offer: int | None) -> Action:
        """The move in answer to an offer; the time for it is taken from the negotiation's."""
        if not self._failure:
            if self._plan is not None:
                rank = self._plan[self._made]
                self._made += 1
                return choose(self.problem, offer, rank, rank)
            try:
                self._send(offer)
                return self._read_move(self._receive(), offer)
            except _Lost as error:
                self._fail(str(error))
        return Walk(self._failure, failed=True)

    def leave(self) -> None:
        """End the fork. A guest that does not is replaced."""
        if not self._playing:
            return
        self._playing, self._left = False, max(self._left, 1.0)
        try:
            self._send("end")
            if self._receive()[0] != "gone":
                self.close()
        except _Lost:
            self.close()

    def close(self) -> None:
        """Kill the process and what it started."""
        process, self._process, self._table, self._playing = self._process, None, None, False
        if process is None:
            return
        self._wire.close()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.wait()

    def _start(self) -> None:
        if self._process is not None:
            return
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "coase.negotiation.tournament.guest", str(theirs.fileno())]
        quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={
                    **os.environ,
                    **quiet,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "COASE_CRASH_AT": "",
                },
            )
        self._wire, self._held = ours, b""
        left, self._left = self._left, STARTING
        try:
            self._receive()
            self._left = self._limit = LOADING
            self._send({"load": dict(self.spec)})
            answer = self._receive()
        except _Lost as error:
            self._broken = f"it does not load: {error}"
        else:
            self._broken = "" if answer == ["ready"] else f"it does not load: {_text(answer[-1])}"
        self._left, self._limit = left, self.seconds
        if self._broken:
            self._fail(self._broken)

    def _terms(self, problem: Problem) -> dict[str, Any]:
        return {
            "party": problem.party,
            "deadline": problem.deadline,
            "reservation": problem.reservation,
            "discount": problem.discount,
            "key": problem.key,
            "memory": self.memory,
            "seconds": self.seconds,
        }

    def _read_opening(self, answer: list[Any]) -> None:
        """Whether the skill goes by a plan; its ranks are bounded again on this side."""
        match answer:
            case ["turns"]:
                return
            case ["plan", [*ranks]] if len(ranks) == self.problem.deadline:
                least = min(0, self.problem.count - 1)
                if all(type(rank) is int and least <= rank < self.problem.count for rank in ranks):
                    self._plan = ranks
                    return
            case ["gone", int(status)]:
                self._end(status)
                return
        raise _Lost("it answered nonsense")

    def _end(self, status: int) -> None:
        """The fork is gone and has been collected; its parent is well."""
        self._playing = False
        over = f"over its memory of {self.memory // 2**20:,} MiB"
        self._failure = over if status == NO_MEMORY else f"its process ended ({_status(status)})"

    def _read_move(self, answer: list[Any], offer: int | None) -> Action:
        """The move that a line stands for, checked again on this side: the guest's own guards are in its reach."""
        match answer:
            case ["propose", int(outcome)] if type(outcome) is int and 0 <= outcome < len(self.problem.utility):
                if self.problem.acceptable(outcome):
                    return Propose(outcome)
                raise _Lost("it would propose less than its reservation")
            case ["accept"] if offer is not None:
                if self.problem.acceptable(offer):
                    return ACCEPT
                raise _Lost("it would accept less than its reservation")
            case ["walk", str(reason), bool(failed)]:
                return Walk(_text(reason), failed)
            case ["gone", int(status)]:
                self._end(status)
                return Walk(self._failure, failed=True)
        raise _Lost("it answered nonsense")

    def _fail(self, why: str) -> None:
        self._failure = why
        self.close()

    def _send(self, what: Any) -> None:
        self._timed(lambda: self._wire.sendall(json.dumps(what).encode() + b"\n"))

    def _receive(self) -> list[Any]:
        while b"\n" not in self._held:
            if len(self._held) > LONGEST_LINE:
                raise _Lost("it answered nonsense")
            more = self._timed(lambda: self._wire.recv(65536))
            if not more:
                raise _Lost("its process ended")
            self._held += more
        line, _, self._held = self._held.partition(b"\n")
        try:
            answer = read_json(line)
        except ValueError:
            answer = None
        if not isinstance(answer, list) or not answer:
            raise _Lost("it answered nonsense")
        return answer

    def _timed(self, act: Any) -> Any:
        start = monotonic()
        try:
            self._wire.settimeout(max(self._left, 1e-3))
            done = act()
        except TimeoutError:
            raise _Lost(f"over its time of {self._limit:g} s") from None
        except OSError:
            raise _Lost("its process ended") from None
        self._left -= monotonic() - start
        if self._left <= 0:
            raise _Lost(f"over its time of {self._limit:g} s")
        return done


class _Lost(Exception):
    """The guest broke a rule, or is gone."""


def _status(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _text(reason: object) -> str:
    text = " ".join(str(reason).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
