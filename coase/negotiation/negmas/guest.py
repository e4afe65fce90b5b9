"""A negotiator of NegMAS at our table.

It sits in a mechanism of its own software, whose other seat is a puppet that says what we heard. So it sees steps,
relative time, callbacks and history as it would at home; only the table is ours.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from coase.negotiation.moves import ACCEPT, Action, Propose, Walk
from coase.negotiation.negmas.kit import kind_of, kit
from coase.negotiation.problem import Problem
from coase.terms.domain import Domain

LEFT = Walk("the NegMAS negotiator leaves")
SILENT = Walk("the NegMAS negotiator makes no move", failed=True)


class Guest:
    """One negotiator in one negotiation. It changes as it moves.

    Args:
        name: its class, as `kind_of` takes it.
        parameters: what the class is called with.
        problem: its side of the negotiation.

    Attributes:
        moves: how many it has made.
    """

    def __init__(self, name: str, parameters: Mapping[str, Any], problem: Problem) -> None:
        theirs = kit()
        self.moves = 0
        self._first = problem.party == "buyer"
        self._outcomes = outcomes_of(problem.domain)
        self._number = {outcome: number for number, outcome in enumerate(self._outcomes)}
        self._draws = _Draws(problem.key)
        with self._draws.used():
            space = space_of(problem.domain)
            utility = theirs.table(
                dict(zip(self._outcomes, problem.ranking.given.tolist(), strict=True)),
                outcome_space=space,
                reserved_value=problem.reservation,
            )
            self._table = theirs.mechanism(outcome_space=space, n_steps=problem.deadline, name="coase")
            self._puppet, self._guest = _puppet_kind()(name="them"), kind_of(name)(**parameters)
            if self._first:
                self._table.add(self._guest, ufun=utility)
                self._table.add(self._puppet)
            else:
                self._table.add(self._puppet)
                self._table.add(self._guest, ufun=utility)

    def move(self, offer: int | None) -> Action:
        """Its move, given the outcome on the table. What it raises comes through."""
        theirs = kit()
        heard = None
        if offer is not None:
            heard = theirs.response(theirs.reject, self._outcomes[offer])
        elif self.moves or not self._first:
            heard = theirs.response(theirs.reject, None, {"text": "no offer"})
        self._puppet.says = heard
        with self._draws.used():
            if self._first and self.moves:
                self._table.step()  # the puppet ends the round in which it was waited for
            state = self._table.step()
        self.moves += 1
        if state.agreement is not None:
            return ACCEPT
        if state.broken or state.timedout:
            return LEFT
        if state.current_proposer != self._guest.id or state.current_offer not in self._number:
            return SILENT
        return Propose(self._number[state.current_offer])


def outcomes_of(domain: Domain) -> Sequence[tuple[Any, ...]]:
    """All outcomes by number, as NegMAS writes them."""
    return list(itertools.product(*domain.issues.values()))


def space_of(domain: Domain) -> Any:
    """The domain as an outcome space of NegMAS."""
    theirs = kit()
    issues = []
    for name, values in domain.issues.items():
        plain = isinstance(values, range) and (values.start, values.step) == (0, 1)
        issues.append(theirs.issue(len(values) if plain else list(values), name))
    return theirs.space(issues)


@lru_cache(1)
def _puppet_kind() -> type[Any]:
    theirs = kit()

    class Puppet(theirs.by_call):  # type: ignore[misc, name-defined]
        """Says what it was told to say, and else has the mechanism wait."""

        says: Any = None

        def __call__(self, state: Any, dest: str | None = None) -> Any:
            said, self.says = self.says, None
            return theirs.response(theirs.wait, None) if said is None else said

    return Puppet


class _Draws:
    """Random numbers of one negotiator: it draws from Python's and numpy's global generators, which it gets as its own
    and which are put back afterwards, so that a session depends on its seed alone.
    """

    def __init__(self, key: int) -> None:
        self._python = random.Random(key).getstate()  # noqa: S311  # not for secrets
        self._numpy = np.random.RandomState(key & 0xFFFFFFFF).get_state()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Its generators in place, its warnings unheard."""
        python, numpy = random.getstate(), np.random.get_state()
        random.setstate(self._python)
        np.random.set_state(self._numpy)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._python, self._numpy = random.getstate(), np.random.get_state()
            random.setstate(python)
            np.random.set_state(numpy)
