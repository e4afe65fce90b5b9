"""Plays a mechanism to its end with one strategy a party: the scalar driver of every market rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coase.errors import UsageError
from coase.negotiation.draws import party_key, uniform
from coase.negotiation.mechanism import CLOCK, Clearing, Close, Mechanism

MOST_MOVES = 10_000_000

Strategy = Callable[[Any, str], Any]  # (state, own name) -> move


def hold(
    mechanism: Mechanism,
    strategies: Mapping[str, Strategy],
    buyers: Sequence[str],
    sellers: Sequence[str] = (),
    *,
    seed: int = 0,
    seconds: float | None = None,
    clock: Callable[[], float] | None = None,
) -> Clearing:
    """Let parties play, until the mechanism ends it.

    Where several may move at once, who is first is drawn.

    Args:
        mechanism: the rule.
        strategies: by party, a function of (state, own name) that gives its move. It sees the whole state: what must
            stay secret is not in it, or belongs to a live session.
        buyers: names of the buyers.
        sellers: names of the sellers.
        seed: of who comes first.
        seconds: time after which the clock closes what is open; needs `clock`.
        clock: gives seconds, from any start.

    Raises:
        ProtocolError: a strategy made a move that the rule does not allow.
    """
    missing = [name for name in (*buyers, *sellers) if name not in strategies]
    if missing or (seconds is not None and clock is None):
        text = f"no strategy for {', '.join(missing)}" if missing else "a time limit needs a clock"
        raise UsageError(text, hint="one function a party, and clock=time.monotonic", code="bad_strategies")
    state = mechanism.init(buyers, sellers)
    key, began = party_key(seed, 2), clock() if clock else 0.0
    for number in range(MOST_MOVES):
        if state.ended:
            return mechanism.clear(state)
        waiting = state.waiting
        late = seconds is not None and clock is not None and clock() - began >= seconds
        if late or not waiting:
            state = mechanism.submit(state, CLOCK, Close())
            continue
        party = waiting[int(uniform(key, number) * len(waiting))] if len(waiting) > 1 else waiting[0]
        state = mechanism.submit(state, party, strategies[party](state, party))
    raise UsageError(f"the mechanism did not end in {MOST_MOVES:,} moves", code="endless_mechanism")
