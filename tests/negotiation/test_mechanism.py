"""What holds for every market rule, all that ship and one of one's own: coase/negotiation/mechanism.py and hold.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coase
from coase import loading
from coase.errors import (
    ConfigurationError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    UnknownName,
    UsageError,
)
from coase.negotiation.contract_net import Announce
from coase.negotiation.mechanism import CLOCK, LARGEST, SHIPPED, Award, Bid, Close, Decline, Mechanism
from coase.negotiation.posted_price import Post
from coase.negotiation.sealed_window import Commit, Reveal, commitment

OWN = '''
"""A rule of one's own: whoever comes first sells at the list price."""
from typing import Any, NamedTuple
import coase

class Queue(NamedTuple):
    sellers: tuple[str, ...]
    buyer: str
    first: str = ""
    @property
    def waiting(self) -> tuple[str, ...]:
        return () if self.ended else self.sellers
    @property
    def ended(self) -> bool:
        return bool(self.first)

class FirstCome(coase.Mechanism):
    price: int = 7
    def init(self, buyers: Any, sellers: Any) -> Queue:
        return Queue(tuple(sellers), buyers[0])
    def submit(self, state: Queue, party: str, move: Any, *, us: Any = None) -> Queue:
        return state._replace(first=party if party in state.sellers else "nobody")
    def clear(self, state: Queue) -> coase.Clearing:
        return coase.Clearing((coase.Trade(state.buyer, state.first, self.price),), "sold")
'''
PARAMETERS: dict[str, dict[str, Any]] = {
    "alternating_offers": {"domain": coase.Domain(price=range(5)), "deadline": 3},
    "second_price": {"reserve": 60},
    "first_price": {"reserve": 60},
    "sealed_window": {"seed": 3},
}
SELLERS = ("x", "y", "z")
moves = st.one_of(
    st.builds(Bid, st.integers(-1, 70) | st.sampled_from([LARGEST, LARGEST + 1, True, 1.5, None, "3"])),
    st.builds(Announce, st.integers(-1, 70)),
    st.builds(Award, st.sampled_from(["x", "y", "b", "nobody"])),
    st.builds(Commit, st.sampled_from([commitment("x", 5, "s"), commitment("y", 6, "s"), "", "x" * 64, None])),
    st.builds(Reveal, st.sampled_from([5, 6, -1]), st.sampled_from(["s", "t", "x" * 129, "ä", None])),
    st.builds(Post, st.integers(-1, 70), st.integers(-1, 3)),
    st.builds(coase.Propose, st.integers(-1, 6)),
    st.builds(coase.Walk, st.sampled_from(["no", "x" * 501])),
    st.sampled_from([Decline(), coase.Accept(), Close(), None, "bid", 3, coase.Ask("?")]),
)


def rule(name: str) -> Mechanism:
    """A shipped rule with parameters for these tests."""
    made = coase.mechanism(name, **PARAMETERS.get(name, {}))
    assert isinstance(made, Mechanism)
    return made


def sides(name: str) -> tuple[list[str], list[str]]:
    """Parties that can play it."""
    return (["b", "x", "y"], ["z"]) if name == "posted_price" else (["b"], [*SELLERS])


@pytest.mark.parametrize("name", SHIPPED)
@given(made=st.lists(st.tuples(st.sampled_from(["b", *SELLERS, CLOCK, "stranger"]), moves), max_size=40))
@settings(max_examples=120, deadline=None)
def test_any_moves_at_all(name: str, made: list[tuple[str, Any]]) -> None:
    """A move gives a new state or a breach, no other error; nothing moves after the end; the clock always ends it."""
    mechanism = rule(name)
    state = mechanism.init(*sides(name))
    for party, move in made:
        before = repr(state)
        try:
            after = mechanism.submit(state, party, move)
        except ProtocolError:
            assert repr(state) == before
            continue
        assert party == CLOCK or party in state.waiting
        assert not state.ended
        assert repr(state) == before  # the state given in is not changed
        state = after
        assert state.ended != bool(state.waiting)
    for _ in range(10):
        if not state.ended:
            with pytest.raises(UsageError, match="not over"):
                mechanism.clear(state)
            state = mechanism.submit(state, CLOCK, Close())
    assert state.ended
    cleared = mechanism.clear(state)
    assert cleared.reason
    for trade in cleared.trades:
        assert {trade.buyer, trade.seller} <= {"b", *SELLERS}
        assert 0 <= trade.price <= LARGEST
    for party in ("b", "x", CLOCK):
        with pytest.raises(ProtocolError):
            mechanism.submit(state, party, Close())


@pytest.mark.parametrize("name", SHIPPED)
def test_breaches_name_whose_fault_it_is(name: str) -> None:
    """A wrong move of ours is a bug, of another party a breach."""
    mechanism = rule(name)
    state = mechanism.init(*sides(name))
    with pytest.raises(LocalProtocolError):
        mechanism.submit(state, "stranger", Bid(3), us="stranger")
    with pytest.raises(RemoteProtocolError):
        mechanism.submit(state, "stranger", Bid(3), us="b")


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("parties", [([], []), (["b", "b"], ["x"]), (["b"], [CLOCK]), ([3], ["x"]), (["b"], [""])])
def test_parties_that_cannot_play(name: str, parties: Any) -> None:
    """Too few, two of one name, the clock's name, no text."""
    with pytest.raises(UsageError) as error:
        rule(name).init(*parties)
    assert error.value.code == "bad_parties"


def test_rules_are_found_by_name_class_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of one's own works wherever one that ships does; mistakes say what there is."""
    path = tmp_path / "first_come.py"
    path.write_text(OWN)
    own = coase.mechanism(path, price=9)
    got = coase.hold(own, {"b": coase.Decline, "x": lambda _, __: coase.Bid(1)}, ["b"], ["x"])  # type: ignore[dict-item]
    assert got == coase.Clearing((coase.Trade("b", "x", 9),), "sold")
    assert coase.mechanism(type(own)) == coase.mechanism(path)
    with pytest.raises(UnknownName) as unknown:
        coase.mechanism("second_prise")
    assert "second_price" in unknown.value.hint
    with pytest.raises(ConfigurationError):
        coase.mechanism("k_double_auction", k=2)
    monkeypatch.setattr(loading, "names", lambda kind: ["first_price"])
    with pytest.raises(ConfigurationError) as clash:
        coase.mechanism("first_price")
    assert clash.value.code == "name_clash"


def test_hold_needs_a_strategy_of_each_and_a_clock_for_seconds() -> None:
    """Both are refused before anything is played."""
    for strategies, more in (({}, {}), ({"b": None, "x": None}, {"seconds": 1.0})):
        with pytest.raises(UsageError) as error:
            coase.hold(rule("contract_net"), strategies, ["b"], ["x"], **more)  # type: ignore[arg-type]
        assert error.value.code == "bad_strategies"


def test_a_time_limit_closes_what_is_open() -> None:
    """The clock's second reading is past the limit: nobody is asked any more."""
    ticks = iter(range(100))
    got = coase.hold(
        rule("second_price"), {"b": coase.Decline, "x": lambda *_: 1 / 0}, ["b"], ["x"],  # type: ignore[dict-item]
        seconds=1.0, clock=lambda: float(next(ticks)),
    )  # fmt: skip
    assert got.reason == "no ask within the reserve"
