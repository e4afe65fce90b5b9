"""The transition table of alternating offers: coase/negotiation/alternating.py."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import coase
from coase.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from coase.negotiation.alternating import TABLE, TURN, AlternatingOffers, Event, Phase, Session
from coase.negotiation.moves import Accept, Ask, Move, Propose, Walk

DOMAIN = coase.Domain(price=range(5))
parties = st.sampled_from(["buyer", "seller"])
moves = st.one_of(
    st.integers(-1, 6).map(Propose),
    st.just(Accept()),
    st.builds(Walk, st.sampled_from(["", "enough", "x" * 501]), st.booleans()),
    st.just(Ask("?", {})),
    st.sampled_from([None, "accept", 3, Propose("3"), Propose(True), Propose(1.0), Walk(None)]),  # type: ignore[arg-type]
)


class Model(RuleBasedStateMachine):
    """Drives the table with any moves at all beside a few lines that say what should happen."""

    def __init__(self) -> None:
        super().__init__()
        self.mechanism = AlternatingOffers(DOMAIN, 3)
        self.state = self.mechanism.start()
        self.made = 0  # moves so far; the buyer's are the even ones
        self.offer: int | None = None
        self.end = ""

    @rule(party=parties, move=moves)
    def any_move(self, party: Literal["buyer", "seller"], move: Any) -> None:
        """A move is taken exactly when the model says that it is allowed, and refused without effect otherwise."""
        before = self.state
        legal = not self.end and party == ("buyer", "seller")[self.made % 2] and self.fits(move)
        if not legal:
            with pytest.raises(ProtocolError):
                self.mechanism.apply(before, party, move)
            return
        self.state = self.mechanism.apply(before, party, move)
        self.advance(party, move)

    def fits(self, move: Any) -> bool:
        """Whether a move in turn is allowed."""
        if isinstance(move, Propose):
            return type(move.outcome) is int and 0 <= move.outcome < 5
        if isinstance(move, Accept):
            return self.offer is not None
        return isinstance(move, Walk) and isinstance(move.reason, str) and len(move.reason) <= 500

    def advance(self, party: str, move: Move) -> None:
        """What the model expects of an allowed move."""
        if isinstance(move, Propose):
            self.offer = move.outcome
            self.made += 1
            self.end = "deadline" if self.made == 6 else ""
        elif isinstance(move, Walk):
            self.end = f"failed: {party}: {move.reason}" if move.failed else f"walked: {move.reason}"
        else:
            self.end = "agreed"

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Every public attribute is what the model says."""
        state = self.state
        assert (state.ended, state.reason) == (bool(self.end), self.end)
        assert state.turn == (None if self.end else ("buyer", "seller")[self.made % 2])
        assert state.step == min(self.made // 2 + 1, 3)
        assert state.agreement == (self.offer if self.end == "agreed" else None)
        if not self.end:
            assert state.offer == self.offer

    @precondition(lambda self: bool(self.end))
    @rule(party=parties)
    def nothing_follows_the_end(self, party: Literal["buyer", "seller"]) -> None:
        """The mechanism owns termination: whoever goes on talking breaks the protocol."""
        for move in (Propose(0), Accept(), Walk("")):
            with pytest.raises(ProtocolError) as caught:
                self.mechanism.apply(self.state, party, move)
            assert caught.value.code == ("past_deadline" if self.end == "deadline" else "session_ended")


Model.TestCase.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)
TestModel = Model.TestCase


@given(st.lists(st.integers(0, 4), min_size=60, max_size=60), st.integers(1, 30))
def test_every_session_ends_by_the_deadline(offers: list[int], deadline: int) -> None:
    """Two who only propose are stopped after exactly two moves a step."""
    rules = AlternatingOffers(DOMAIN, deadline)
    state = rules.start()
    made = 0
    while not state.ended:
        state = rules.apply(state, state.turn, Propose(offers[made]))
        made += 1
        assert state.step <= deadline
    assert (made, state.reason, state.step) == (2 * deadline, "deadline", deadline)


def test_the_table_covers_what_it_should() -> None:
    """Every open phase has a walk and a proposal, only answers accept, and closed phases have no row."""
    assert {phase for phase, _ in TABLE} == set(TURN)
    for phase in TURN:
        assert (phase, Event.PROPOSE) in TABLE
        assert (phase, Event.WALK) in TABLE
        assert ((phase, Event.ACCEPT) in TABLE) == (phase is not Phase.BUYER_OPENS)
    assert [key for key in TABLE if key[1] is Event.LAST_PROPOSE] == [(Phase.SELLER_RESPONDS, Event.LAST_PROPOSE)]


@pytest.mark.parametrize(
    ("state", "party", "move", "code"),
    [
        (Session(), "seller", Propose(0), "out_of_turn"),
        (Session(), "nobody", Propose(0), "out_of_turn"),
        (Session(), "buyer", Accept(), "nothing_to_accept"),
        (Session(), "buyer", Propose(5), "unknown_outcome"),
        (Session(), "buyer", Propose(-1), "unknown_outcome"),
        (Session(), "buyer", Propose(None), "unknown_outcome"),  # type: ignore[arg-type]
        (Session(), "buyer", Walk("x" * 501), "reason_too_long"),
        (Session(), "buyer", Ask("?", {}), "not_a_move"),
        (Session(Phase.EXPIRED, 3, 1), "buyer", Accept(), "past_deadline"),
        (Session(Phase.AGREED, 3, 1), "buyer", Accept(), "session_ended"),
    ],
)
def test_forbidden_moves_have_codes(state: Session, party: Any, move: Any, code: str) -> None:
    """Each refusal has its own code; whose mistake it is depends on which side we are."""
    rules = AlternatingOffers(DOMAIN, 3)
    them: Literal["buyer", "seller"] = "seller" if party == "buyer" else "buyer"
    for us, kind in ((None, LocalProtocolError), (party, LocalProtocolError), (them, RemoteProtocolError)):
        with pytest.raises(kind) as caught:
            rules.apply(state, party, move, us=us)
        assert caught.value.code == code


def test_a_session_step_by_step() -> None:
    """Buyer first; a step is a round; accepting takes what the other side put on the table."""
    rules = AlternatingOffers(DOMAIN, 10)
    state = rules.start()
    assert (state.turn, state.step, state.offer, state.ended, state.reason, state.agreement) == (
        "buyer", 1, None, False, "", None,
    )  # fmt: skip
    state = rules.apply(state, "buyer", Propose(0))
    assert (state.turn, state.step, state.offer) == ("seller", 1, 0)
    state = rules.apply(state, "seller", Propose(4))
    assert (state.turn, state.step, state.offer) == ("buyer", 2, 4)
    state = rules.apply(state, "buyer", Propose(2))
    state = rules.apply(state, "seller", Accept())
    assert (state.turn, state.step, state.reason, state.agreement) == (None, 2, "agreed", 2)


def test_integers_of_numpy_are_outcomes_too() -> None:
    """A skill that computes with arrays need not convert, and the state holds plain integers."""
    import numpy as np

    state = AlternatingOffers(DOMAIN, 3).apply(Session(), "buyer", Propose(np.int64(4)))  # type: ignore[arg-type]
    assert type(state.offer) is int
