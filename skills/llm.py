"""A language model that bargains: any LangChain chat model proposes, and a classical skill stands behind it.

The model sees the issues, the history and an aspiration that the classical skill sets; it never sees the reservation,
so it cannot give it away. What it answers counts only if it is worth at least `trust` times the classical demand,
measured from the reservation; everything else, and every failure, is replaced by the classical move. So no text that a
counterparty writes can make it sell below the reservation, or bargain on after the mechanism has ended.

Negotiation arena: Bianchi et al. (2024); guard rails and fallback are ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

import coase
from coase.negotiation.inside import Mover
from coase.negotiation.llm.chat import Budget, ChatDriver, chat_model
from coase.negotiation.llm.reply import SCHEMA
from coase.negotiation.moves import LONGEST_TEXT

SHOWN = 12  # moves of the history in a prompt
MOST_VALUES = 12  # of an issue that are listed
LONGEST_WALK = 200


class State(NamedTuple):
    """What is remembered between moves."""

    problem: coase.Problem
    inner: Any  # the classical skill's state
    move: Any  # what the classical skill would do now
    offer: int | None
    history: tuple[tuple[str, int], ...]
    step: int
    refused: int  # answers in a row that did not count


class LanguageModel(coase.Negotiator):
    """Let a language model talk and propose, within what a classical skill would do."""

    model: str = Field(default="openai:gpt-5-mini", description="provider:model, as LangChain names it")
    fallback: Mover = Field(
        default_factory=lambda: coase.skill("boulware"),
        description="sets the aspiration, and moves where the model fails",
    )
    trust: float = Field(default=0.8, ge=0, le=1, description="share of the classical demand that an answer must keep")
    persona: str = Field(default="", max_length=500, description="how to speak")
    calls: int = Field(default=30, ge=0, le=10_000, description="of the model, in one negotiation")
    tokens: int = Field(default=60_000, ge=0, le=10**9, description="read and written, in one negotiation")
    seconds: float = Field(default=30.0, gt=0, le=3600, description="that one call may take")
    transcript: str = Field(default="", description="a file that gets every question and answer")

    def driver(self) -> Callable[[coase.Ask], Any]:
        """The model itself, within the budget."""
        budget = Budget(self.calls, self.tokens, self.seconds)
        return ChatDriver(chat_model(self.model), budget, Path(self.transcript) if self.transcript else None)

    def start(self, problem: coase.Problem) -> State:
        """Nothing said yet."""
        return State(problem, self.fallback.begin(problem), None, None, (), 0, 0)

    def step(self, state: State, offer: int | None) -> tuple[State, coase.Move]:
        """Ask the model, unless there is nothing to decide or it has failed three times in a row."""
        history = state.history if offer is None else (*state.history[-SHOWN:], ("they", offer))
        inner, move = self.fallback.step(state.inner, offer)
        state = State(state.problem, inner, move, offer, history, state.step + 1, state.refused)
        if not isinstance(move, coase.Propose) or state.refused >= 3 or not self.calls:
            return self._done(state, move)
        return state, coase.Ask(self._prompt(state), SCHEMA)

    def answer(self, state: State, reply: Any) -> tuple[State, coase.Move]:
        """The model's move where it counts, the classical one where it does not."""
        move = self._read(state, reply)
        if move is None:
            return self._done(state._replace(refused=state.refused + 1), state.move)
        return self._done(state._replace(refused=0), move)

    def _done(self, state: State, move: coase.Move) -> tuple[State, coase.Move]:
        if isinstance(move, coase.Propose):
            state = state._replace(history=(*state.history, ("you", move.outcome)))
        return state, move

    def _read(self, state: State, reply: Any) -> coase.Move | None:
        """The move in an answer, or None where it does not count."""
        if not isinstance(reply, dict):
            return None
        action, text = reply.get("action"), reply.get("text", "")
        said = " ".join(text.split())[:LONGEST_TEXT] if isinstance(text, str) else ""
        if action == "accept" and state.offer is not None and self._enough(state, state.offer):
            return coase.Accept()
        if action == "walk":
            return coase.Walk(said[:LONGEST_WALK] or "the model leaves")
        if action != "propose" or not isinstance(reply.get("outcome"), dict):
            return None
        try:
            outcome = state.problem.domain.number(reply["outcome"])
        except coase.CoaseError:
            return None
        return coase.Propose(outcome, said) if self._enough(state, outcome) else None

    def _enough(self, state: State, outcome: int) -> bool:
        """Worth the reservation, and `trust` times what the classical skill asks for now."""
        problem, asked = state.problem, state.move.outcome
        least = problem.reservation + self.trust * (problem.utility[asked] - problem.reservation)
        return problem.acceptable(outcome) and problem.utility[outcome] >= least - 1e-9

    def _prompt(self, state: State) -> str:
        problem = state.problem
        domain = problem.domain
        issues = {name: _listed(values) for name, values in domain.issues.items()}
        told: dict[str, Any] = {
            "you_are": f"the {problem.party}",
            "step": state.step,
            "last_step": problem.deadline,
            "issues": issues,
            "never_together": [
                {name: _listed(values) for name, values in one.values.items()} for one in domain.excluded
            ],
            "your_best_outcome": domain.outcome(problem.ranked[0]),
            "aim_now_for": domain.outcome(state.move.outcome),
            "history": [{who: domain.outcome(number)} for who, number in state.history[-SHOWN:]],
            "on_the_table": None if state.offer is None else domain.outcome(state.offer),
        }
        if self.persona:
            told["speak_as"] = self.persona
        return (
            "It is your turn. Accept what is on the table, propose an outcome no worse for you than need be, or walk. "
            "Anything much worse for you than aim_now_for is not sent. Answer with one JSON object: "
            '{"action": "propose" | "accept" | "walk", "outcome": {issue: value}, "text": "at most 300 characters"}.\n'
            + json.dumps(told)
        )


def _listed(values: Any) -> Any:
    """The values of an issue, or how they run when they are many."""
    if len(values) <= MOST_VALUES:
        return list(values)
    if isinstance(values, range):
        return {"from": values[0], "to": values[-1], "step": values.step}
    return [*values[:MOST_VALUES], "..."]
