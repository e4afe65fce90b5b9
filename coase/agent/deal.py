"""The life of a deal as a pure transition table: no clock, no chain, no network.

::

    proposed ──agree──▶ agreed ──fund──▶ funded ──accept──▶ accepted ──deliver──▶ delivered ──settle──▶ settled
       │ refuse, walk,    │ refuse, expire  │ refund           │ refund              │ refund, dispute
       ▼ expire           ▼                 ▼                  ▼                     ▼
    refused walked expired             refunded           refunded            refunded, disputed ──rule──▶ ruled

Both parties keep one such state each, in their journals. The escrow contract is the judge between them: whatever the
journal says, the money is where the chain says it is.
"""

from __future__ import annotations

from typing import Literal, get_args

from coase.errors import LocalProtocolError

State = Literal[
    "proposed",
    "agreed",
    "funded",
    "accepted",
    "delivered",
    "settled",
    "refused",
    "walked",
    "expired",
    "refunded",
    "disputed",
    "ruled",
]
Event = Literal["agree", "fund", "accept", "deliver", "settle", "refuse", "walk", "expire", "refund", "dispute", "rule"]

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)

TRANSITIONS: dict[State, dict[Event, State]] = {
    "proposed": {"agree": "agreed", "refuse": "refused", "walk": "walked", "expire": "expired"},
    "agreed": {"fund": "funded", "refuse": "refused", "expire": "expired"},
    "funded": {"accept": "accepted", "refund": "refunded"},
    "accepted": {"deliver": "delivered", "refund": "refunded"},
    "delivered": {"settle": "settled", "refund": "refunded", "dispute": "disputed"},
    "disputed": {"rule": "ruled"},
    "settled": {},
    "refused": {},
    "walked": {},
    "expired": {},
    "refunded": {},
    "ruled": {},
}
ENDED: frozenset[State] = frozenset(state for state, exits in TRANSITIONS.items() if not exits)
HOLDS_MONEY: frozenset[State] = frozenset({"funded", "accepted", "delivered", "disputed"})


def apply(state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        LocalProtocolError: the table has no such exit from this state.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        exits = ", ".join(TRANSITIONS.get(state, {})) or "none: it has ended"
        raise LocalProtocolError(
            f"a deal that is {state} cannot {event}", hint=f"possible here: {exits}", code="deal_transition"
        ) from None


def path(state: State, goal: State) -> tuple[Event, ...]:
    """The shortest events that lead from one state to another: how a journal catches up with the chain.

    Raises:
        LocalProtocolError: there is no such way.
    """
    ways: list[tuple[State, tuple[Event, ...]]] = [(state, ())]
    seen = {state}
    for here, events in ways:
        if here == goal:
            return events
        for event, after in TRANSITIONS[here].items():
            if after not in seen:
                seen.add(after)
                ways.append((after, (*events, event)))
    raise LocalProtocolError(f"no way leads from {state} to {goal}", code="deal_transition")
