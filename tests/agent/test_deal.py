"""The life of a deal, as a table."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.agent.deal import ENDED, EVENTS, HOLDS_MONEY, STATES, TRANSITIONS, Event, State, apply, path
from coase.errors import LocalProtocolError

EXITS = {
    "proposed": {"agree", "refuse", "walk", "expire"},
    "agreed": {"fund", "refuse", "expire"},
    "funded": {"accept", "refund"},
    "accepted": {"deliver", "refund"},
    "delivered": {"settle", "refund", "dispute"},
    "disputed": {"rule"},
}


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_each_state_has_the_exits_of_the_design(state: State, event: Event) -> None:
    """Every pair of state and event is either in the design or refused with a code and a way on."""
    if event in EXITS.get(state, set()):
        assert apply(state, event) in STATES
    else:
        with pytest.raises(LocalProtocolError) as caught:
            apply(state, event)
        assert caught.value.code == "deal_transition"
        assert caught.value.hint


def test_ended_states_have_no_exits_and_hold_no_money() -> None:
    """A deal that has ended stays as it is, and nobody's money is in it."""
    assert {"settled", "refused", "walked", "expired", "refunded", "ruled"} == ENDED
    assert all(not TRANSITIONS[state] for state in ENDED)
    assert not ENDED & HOLDS_MONEY


def test_money_goes_in_by_one_door() -> None:
    """Only `fund` leads into the states that hold money, and each of them leads out."""
    for state, exits in TRANSITIONS.items():
        for event, after in exits.items():
            assert (after in HOLDS_MONEY) == ((state in HOLDS_MONEY and after not in ENDED) or event == "fund")


@given(st.sampled_from(STATES), st.lists(st.sampled_from(EVENTS), max_size=8))
def test_a_walk_never_leaves_the_table(state: State, events: list[Event]) -> None:
    """Whatever is tried, a deal is in a state of the table, and one that has ended does not move."""
    for event in events:
        try:
            after = apply(state, event)
        except LocalProtocolError:
            continue
        assert state not in ENDED
        state = after
    assert state in STATES


def _distances(start: State) -> dict[State, int]:
    found: dict[State, int] = {start: 0}
    ring: list[State] = [start]
    while ring:
        ring = [after for state in ring for after in TRANSITIONS[state].values() if after not in found]
        distance = max(found.values()) + 1
        for state in ring:
            found[state] = distance
    return found


@pytest.mark.parametrize(("start", "goal"), list(product(STATES, STATES)))
def test_a_path_is_a_shortest_one(start: State, goal: State) -> None:
    """`path` gives events that lead to the goal, as few as breadth-first search needs, or says that there are none."""
    distance = _distances(start).get(goal)
    if distance is None:
        with pytest.raises(LocalProtocolError) as caught:
            path(start, goal)
        assert caught.value.code == "deal_transition"
        return
    events = path(start, goal)
    assert len(events) == distance
    state = start
    for event in events:
        state = apply(state, event)
    assert state == goal
