"""Tries a skill out in a process of its own, situation by situation, and says what to mend.

Nothing here trusts the file: it is loaded and played under limits of time and memory, and what it answers is checked on
this side. A shipped skill goes through the same as anybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from coase import loading
from coase.errors import UnknownName, UsageError
from coase.negotiation.conformance.situations import Situation, situations
from coase.negotiation.conformance.twins import Twins, twins
from coase.negotiation.moves import Walk
from coase.negotiation.session import pair_of
from coase.negotiation.tournament.seats import Guest, Here

SECONDS, MEMORY = 10.0, 512  # a negotiation, MiB
ENOUGH = 3  # failed sessions, after which no more are tried
SLOW = 0.02  # seconds a move, from which a remark is made


@dataclass(frozen=True)
class Finding:
    """One thing that was tried.

    Args:
        name: of the rule, stable.
        passed: None where it is a remark and no rule.
        what: what happened.
        mend: what to do about it; empty when there is nothing to do.
    """

    name: str
    passed: bool | None
    what: str
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"name": self.name, "ok": self.passed, "detail": self.what, "mend": self.mend}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Finding:
        """Read what `as_dict` wrote."""
        return cls(row["name"], row["ok"], row["detail"], row["mend"])


@dataclass(frozen=True)
class Verdict:
    """All findings on one skill."""

    skill: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no rule was broken."""
        return all(one.passed is not False for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"skill": self.skill, "ok": self.passed, "checks": [one.as_dict() for one in self.findings]}


@dataclass
class Played:
    """A session: moves as (party, move), why the skill failed if it did, and the seconds that it took."""

    moves: list[tuple[str, Any]]
    failure: str
    seconds: float
    own: int  # how many of the moves are the skill's


def check(
    what: str | Path,
    *,
    limits: tuple[float, int] = (SECONDS, MEMORY),
    batches: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Verdict:
    """Try a skill out.

    Args:
        what: a name or a path, with parameters if need be: ``"./my_haggler.py:beta=0.2"``.
        limits: seconds and MiB that it may use in one negotiation.
        batches: also whether it ends alike in batches, which may have to compile it first.
        progress: called with how many of how many sessions are played.

    Raises:
        UnknownName: no skill of this name, or no file at this path.
        UsageError: the parameters are no parameters.
    """
    spec = spec_of(str(what))
    seconds, memory = pair_of(limits, "limits")
    guest = Guest(spec, float(seconds), int(memory) * 2**20)
    try:
        findings = list(_findings(guest, spec, progress))
        if batches and all(one.passed is not False for one in findings):  # else there are better things to mend
            findings += _alike(twins(spec, guest.seconds * 6))
    finally:
        guest.close()
    return Verdict(str(what), tuple(findings))


def spec_of(text: str) -> dict[str, Any]:
    """A skill as data, without running its file.

    Raises:
        UnknownName: no skill of this name, or no file at this path.
    """
    name, parameters = loading.described(text)
    if not loading.is_path(name):
        found = loading.find("skills", name)
        origin = loading.origin(found)
        return {"skill": name, "sha256": origin.sha256 if origin else "", "parameters": parameters}
    path, _, chosen = name.rpartition(":") if ".py:" in name else (name, "", "")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UnknownName(f"no file {path}", hint="paths start from the current folder")
    if file.stat().st_size > loading.LARGEST_FILE:
        raise UsageError(f"{path} is larger than {loading.LARGEST_FILE:,} bytes", code="file_too_large")
    where = str(file.resolve()) + (f":{chosen}" if chosen else "")
    return {"skill": where, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "parameters": parameters}


def _findings(guest: Guest, spec: dict[str, Any], progress: Callable[[int, int], None]) -> Iterator[Finding]:
    tried = situations()
    first = _play(guest, tried[0])
    if first.failure.startswith("it does not load"):
        yield Finding("loads", False, first.failure, "mend what it says; python FILE runs it alone")
        return
    yield Finding("loads", True, "the file loads and makes a skill")
    played: list[tuple[Situation, Played]] = []
    for number, situation in enumerate(tried):
        played.append((situation, _play(guest, situation)))
        progress(number + 1, 2 * len(tried))
        if sum(bool(one.failure) for _, one in played) >= ENOUGH:
            break
    yield from _rules(played)
    if not any(one.failure for _, one in played):  # else there are better things to mend first
        yield _repeats(guest, played, progress)
    pace = sum(p.seconds for _, p in played) / max(1, sum(p.own for _, p in played))
    slow = "precompute in `start`, or override `target` alone" if pace > SLOW else ""
    yield Finding("quick", None, f"{pace * 1e3:.2f} ms a move", slow)


def _play(guest: Guest, situation: Situation) -> Played:
    """One session of the skill against the situation's rival."""
    mine, other = situation.problems()
    seats: tuple[Any, Any] = (guest, Here(situation.rival))
    guest.sit(mine)
    seats[1].sit(other)
    moves: list[tuple[str, Any]] = []
    offer: int | None = None
    turn = 0 if situation.party == "buyer" else 1
    failure, spent, own = "", 0.0, 0
    for _ in range(2 * situation.deadline):
        start = perf_counter()
        move = seats[turn].move(offer)
        if turn == 0:
            spent, own = spent + perf_counter() - start, own + 1
        moves.append(((mine, other)[turn].party, move))
        outcome = getattr(move, "outcome", None)
        if turn == 0 and isinstance(move, Walk) and move.failed:
            failure = move.reason
        if outcome is None:
            break
        offer, turn = outcome, 1 - turn
    guest.leave()
    return Played(moves, failure, spent, own)


RULES = (  # (name, words in a failure that mean this rule, what to do)
    ("in time", ("over its time",), "bound your loops; a session may take seconds in all, not a move"),
    ("in memory", ("over its memory", "MemoryError"), "keep numbers, not whole histories"),
    ("above reservation", ("less than its reservation",), "use now.rank_for(share), or problem.acceptable(outcome)"),
    ("valid moves", ("nonsense", "made no move", "nothing is on the table", "questions"),
     "a move is Propose(outcome number), Accept() or Walk(reason); Accept needs an offer"),
    ("stays alive", ("its process ended", "SystemExit"), "do not end the process"),
    ("never raises", ("",), "look at what happens at the first and the last step, and without an offer"),
)  # fmt: skip


def _rules(played: list[tuple[Situation, Played]]) -> Iterator[Finding]:
    broken: dict[str, list[str]] = {name: [] for name, _, _ in RULES}
    for situation, one in played:
        if one.failure:
            name = next(name for name, words, _ in RULES if any(word in one.failure for word in words))
            broken[name].append(f"{situation.name}: {one.failure}")
    for name, _, mend in RULES:
        found = broken[name]
        if found:
            more = f" (and in {len(found) - 1} more)" if len(found) > 1 else ""
            yield Finding(name, False, f"{found[0]}{more}", mend)
        else:
            yield Finding(name, True, f"in {len(played)} sessions")


def _repeats(guest: Guest, played: list[tuple[Situation, Played]], progress: Callable[[int, int], None]) -> Finding:
    """The same situation again gives the same moves: what makes tournaments, restarts and replays possible."""
    for number, (situation, before) in enumerate(played):
        if not before.failure and _play(guest, situation).moves != before.moves:
            return Finding(
                "repeatable", False, f"{situation.name}: other moves when played again",
                "draw by now.uniform(slot); no clock, no global, no random module",
            )  # fmt: skip
        progress(len(played) + number + 1, 2 * len(played))
    return Finding("repeatable", True, "every session again, move for move")


def _alike(found: Twins) -> Iterator[Finding]:
    if found.error:
        yield Finding("batches", False, found.error, "see docs/negotiation.md: what an author obeys")
    elif found.differing:
        yield Finding(
            "batches", False, f"{found.differing} of {found.sessions} sessions end otherwise in a batch ({found.way})",
            "a skill is a pure function of its state and `now`; target(t) must take arrays as it takes numbers",
        )  # fmt: skip
    else:
        yield Finding("batches", True, f"{found.sessions} sessions end alike one by one and in a batch")
        hint = "" if found.way != "one by one" else "see docs/negotiation.md to have it compiled"
        yield Finding("runs batched", None, f"as '{found.way}'", hint)
