"""One party's moves, one at a time: coase/negotiation/player.py."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.errors import LocalProtocolError, UsageError
from coase.negotiation.alternating import AlternatingOffers
from coase.negotiation.moves import Accept, Ask, Move, Propose, Walk
from coase.negotiation.player import Player
from coase.negotiation.trace import Turn

DOMAIN = coase.Domain(price=range(10))


class Says(coase.Negotiator):
    """Say whatever it was given."""

    move: Any

    def step(self, state: Any, offer: int | None) -> tuple[Any, Any]:
        """The same always."""
        return state, self.move


class Wild(coase.Negotiator):
    """Do anything at random, sensible or not."""

    rung: str

    def start(self, problem: coase.Problem) -> Any:
        """The problem and a count."""
        return problem, 0

    def step(self, state: Any, offer: int | None) -> tuple[Any, Any]:
        """Propose any number, accept, or something that is no move."""
        problem, count = state
        dice = coase.Now(problem, count + 1, -1).uniform(1)
        moves = [Propose(int(14 * dice) - 2), Accept(), Propose(int(10 * dice)), None]
        return (problem, count + 1), moves[int(dice * 97) % (4 if self.rung == "rude" else 3)]


class Talker(coase.Negotiator):
    """Ask before every move, as a language model does."""

    questions: int = 1

    def start(self, problem: coase.Problem) -> tuple[Any, ...]:
        """No answers yet."""
        return ()

    def step(self, state: tuple[Any, ...], offer: int | None) -> tuple[Any, Move]:
        """Ask."""
        return (), Ask(f"on the table: {offer}", {"type": "integer"})

    def answer(self, state: tuple[Any, ...], reply: Any) -> tuple[Any, Move]:
        """Propose what was answered last."""
        state = (*state, reply)
        return state, Propose(reply) if len(state) == self.questions else Ask("and then?", {})


def player(skill: coase.Negotiator, reservation: float = 0.0, deadline: int = 100) -> Player:
    """A buyer at the prices 0 to 9."""
    return Player(skill, coase.Problem.of(DOMAIN, "buyer", reservation=reservation, deadline=deadline))


@pytest.mark.parametrize(
    ("move", "offer", "says"),
    [
        (Accept(), None, "nothing is on the table"),
        (Accept(), 6, "accept less than its reservation"),
        (Propose(6), None, "propose less than its reservation"),
        (Propose(10), None, "TermsError"),
        (Propose(-1), None, "TermsError"),
        (Propose(True), None, "TermsError"),
        (Propose("3"), None, "TermsError"),  # type: ignore[arg-type]
        (Propose(2.0), None, "TermsError"),  # type: ignore[arg-type]
        (Walk(None), None, "no move, but Walk"),  # type: ignore[arg-type]
        (Ask("?", {}), None, "nobody is here to answer"),
        (None, None, "no move, but NoneType"),
        ("accept", None, "no move, but str"),
        (3, 3, "no move, but int"),
    ],
)
def test_nonsense_becomes_a_failure(move: Any, offer: int | None, says: str) -> None:
    """Whatever a skill says, a move comes out; nonsense leaves the table with a reason, marked as a failure."""
    made = player(Says(move=move), reservation=0.5).move(offer)
    assert isinstance(made, Walk)
    assert made.failed
    assert says in made.reason


@pytest.mark.parametrize(("move", "offer"), [(Accept(), 4), (Propose(4), None), (Walk("enough"), None)])
def test_sense_goes_through(move: Move, offer: int | None) -> None:
    """A move that the reservation allows is handed on as it is."""
    assert player(Says(move=move), reservation=0.5).move(offer) == move


def test_integers_of_numpy_become_plain() -> None:
    """A skill may propose the number that an array gave it."""
    made = player(Says(move=Propose(np.int64(3)))).move(None)  # type: ignore[arg-type]
    assert made == Propose(3)
    assert isinstance(made, Propose)
    assert type(made.outcome) is int


def test_reasons_are_short_and_on_one_line() -> None:
    """Reasons travel in messages: a long one is cut, and an exception that cannot describe itself is named at least."""

    class Mute(Exception):
        """Has no text."""

        def __str__(self) -> str:
            raise RuntimeError

    class Breaks(coase.Negotiator):
        """Raise."""

        text: str

        def step(self, state: Any, offer: int | None) -> Any:
            """A long error, or a mute one."""
            raise ValueError(self.text) if self.text else Mute

    assert player(Says(move=Walk("x" * 1000))).move(None) == Walk("x" * 297 + "...")
    long, mute = (player(Breaks(text=text)).move(None) for text in ("a\n" * 1000, ""))
    assert isinstance(long, Walk)
    assert len(long.reason) == 300
    assert "\n" not in long.reason
    assert mute == Walk("the skill raised Mute:", failed=True)


@given(
    st.sampled_from([Wild(rung="polite"), Wild(rung="rude"), coase.skill("boulware"), coase.skill("tit_for_tat")]),
    st.sampled_from([Wild(rung="polite"), Wild(rung="rude"), Says(move=Propose(0)), coase.skill("linear")]),
    st.floats(0, 1.1),
    st.floats(0, 1.1),
    st.integers(1, 30),
    st.integers(0, 99),
)
def test_nobody_ends_below_its_reservation(
    first: coase.Negotiator, second: coase.Negotiator, low: float, high: float, deadline: int, seed: int
) -> None:
    """Against any opponent and with any skill, each offer made and each deal is worth the reservation or more."""
    result = coase.negotiate(first, second, DOMAIN, deadline=deadline, reservation=(low, high), seed=seed)
    assert result.step <= deadline
    assert result.utilities[0] >= low - 1e-9
    assert result.utilities[1] >= high - 1e-9
    for party, table, floor in zip(("buyer", "seller"), result.tables, (low, high), strict=True):
        assert all(table[o] >= floor - 1e-9 for _, o in result.trace.offers(party))  # type: ignore[arg-type]


@given(st.sampled_from(["boulware", "tit_for_tat", "wild"]), st.integers(1, 40), st.integers(0, 99), st.integers(0, 80))
def test_a_trace_recreates_the_player(name: str, deadline: int, seed: int, cut: int) -> None:
    """Replayed up to any point, a fresh player makes the moves that the first one made."""
    skill = Wild(rung="polite") if name == "wild" else coase.skill(name)
    result = coase.negotiate(skill, coase.skill("linear"), DOMAIN, deadline=deadline, seed=seed)
    problem = coase.Problem.of(DOMAIN, "buyer", deadline=deadline, seed=seed)
    cut = min(cut, len(result.trace))
    again = Player(skill, problem).replay(result.trace.turns[:cut])
    rules, state = (
        AlternatingOffers(DOMAIN, deadline),
        coase.Trace(DOMAIN, deadline, result.trace.turns[:cut]).session(),
    )
    for turn in result.trace.turns[cut:]:
        if turn.party == "buyer":
            assert again.move(state.offer) == turn.move
        state = rules.apply(state, turn.party, turn.move)


@pytest.mark.parametrize("name", ["boulware", "tit_for_tat"])
@given(cut=st.integers(0, 40), mixed=st.integers(0, 2**30))
async def test_moves_may_be_awaited_or_not(name: str, cut: int, mixed: int) -> None:
    """Replayed, awaited and plain moves mix: a resumed live session moves as `negotiate` does."""

    async def nobody(ask: Ask) -> Any:
        """These skills ask nothing."""
        raise AssertionError(ask)

    result = coase.negotiate(coase.skill(name), coase.skill("linear"), DOMAIN, deadline=20)
    one = player(coase.skill(name), deadline=20).replay(result.trace.turns[:cut])
    state = coase.Trace(DOMAIN, 20, result.trace.turns[:cut]).session()
    rules = AlternatingOffers(DOMAIN, 20)
    for turn in result.trace.turns[cut:]:
        if turn.party == "buyer":
            awaited = mixed >> turn.step & 1
            assert (await one.amove(state.offer, nobody) if awaited else one.move(state.offer)) == turn.move
        state = rules.apply(state, turn.party, turn.move)


def test_another_skill_does_not_replay() -> None:
    """A trace that the skill would not make now says so: its file or its parameters changed."""
    result = coase.negotiate(coase.skill("boulware"), coase.skill("linear"), DOMAIN, deadline=9)
    with pytest.raises(LocalProtocolError) as caught:
        player(coase.skill("conceder"), deadline=9).replay(result.trace)
    assert caught.value.code == "replay_differs"


@pytest.mark.parametrize("questions", [1, 8])
async def test_questions_are_answered_by_the_driver(questions: int) -> None:
    """Answers go back into the skill, are kept for the trace, and replay without a driver."""
    heard: list[str] = []

    async def model(ask: Ask) -> int:
        """A language model that always has the same idea."""
        heard.append(ask.prompt)
        await asyncio.sleep(0)
        return 3

    talker = player(Talker(questions=questions))
    assert await talker.amove(7, model) == Propose(3)
    assert (heard[0], len(heard), talker.answers) == ("on the table: 7", questions, (3,) * questions)
    turns = [Turn(1, "buyer", Propose(3), talker.answers)]
    assert player(Talker(questions=questions)).replay(turns).step == 1
    assert player(Talker(questions=questions)).move(7, lambda ask: 3) == Propose(3)


async def test_questions_without_end_are_ended() -> None:
    """A skill may ask eight times before a move."""

    async def model(ask: Ask) -> int:
        """Answers anything."""
        return 3

    made = await player(Talker(questions=9)).amove(None, model)
    assert made == Walk("the skill asked more than 8 questions before a move", failed=True)


async def test_a_driver_that_fails_ends_the_session_and_replays() -> None:
    """A model that is down is a reason to leave; the same trace replays though nobody raises now."""

    async def down(ask: Ask) -> int:
        """No connection."""
        raise ConnectionError("refused")

    def also_down(ask: Ask) -> int:
        """No connection."""
        raise ConnectionError("refused")

    made = await player(Talker()).amove(None, down)
    assert made == Walk("no answer came ConnectionError: refused", failed=True)
    assert player(Talker()).move(None, also_down) == made
    player(Talker()).replay([Turn(1, "buyer", made)])


async def test_cancelling_is_not_swallowed() -> None:
    """Who cancels the task gets it cancelled, not a move."""

    async def cancelled(ask: Ask) -> int:
        """The task was cancelled."""
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await player(Talker()).amove(None, cancelled)


def test_a_skill_that_asks_must_hear_the_answer() -> None:
    """Asking without a method `answer` is a failure that says what is missing."""
    made = player(Says(move=Ask("?", {}))).move(None, lambda ask: 1)
    assert isinstance(made, Walk)
    assert "Says asks and has no method `answer`" in made.reason


def test_drivers_that_break_the_rules_raise() -> None:
    """Moving after the deadline, and offers outside the domain, are mistakes of the driver."""
    one = player(coase.skill("linear"), deadline=1)
    for offer in (10, -1):
        with pytest.raises(LocalProtocolError) as caught:
            one.move(offer)
        assert caught.value.code == "unknown_outcome"
    one.move(None)
    with pytest.raises(LocalProtocolError) as caught:
        one.move(None)
    assert caught.value.code == "past_deadline"
    with pytest.raises(UsageError):
        Player("boulware", one.problem)  # type: ignore[arg-type]
