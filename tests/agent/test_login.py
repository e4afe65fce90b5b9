"""coase.agent.login."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.agent.login import WINDOW, Doorkeeper, password
from coase.identity import Identity
from coase.testing.clock import ManualClock

ALICE, BOB = Identity.from_seed("login", "alice"), Identity.from_seed("login", "bob")


@pytest.fixture
def clock() -> ManualClock:
    """The clock of broker and agents."""
    return ManualClock()


@pytest.fixture
def door(clock: ManualClock) -> Doorkeeper:
    """Of the realm ``here``."""
    return Doorkeeper("here", clock)


def test_a_fresh_signature_lets_its_agent_in(clock: ManualClock, door: Doorkeeper) -> None:
    """The right key at the right time is welcome as often as it signs anew."""
    assert [door.check(ALICE.address, password(ALICE, "here", clock())) for _ in range(3)] == ["", "", ""]


def test_a_password_works_once(clock: ManualClock, door: Doorkeeper) -> None:
    """Whoever saw it on the wire cannot use it again, now or later."""
    seen = password(ALICE, "here", clock())
    assert [door.check(ALICE.address, seen), door.check(ALICE.address, seen)] == ["", "used_password"]
    clock.advance(WINDOW)
    assert door.check(ALICE.address, seen) == "used_password"
    clock.advance(1)
    assert door.check(ALICE.address, seen) == "stale_password"


def test_it_works_for_nobody_else_and_nowhere_else(clock: ManualClock, door: Doorkeeper) -> None:
    """Another agent's name, another broker's realm, another time."""
    assert door.check(BOB.address, password(ALICE, "here", clock())) == "bad_password"
    assert door.check(ALICE.address, password(ALICE, "there", clock())) == "bad_password"
    for skew in (-WINDOW - 1, WINDOW + 1):
        assert door.check(ALICE.address, password(ALICE, "here", clock() + skew)) == "stale_password"
    seconds, nonce, signature = password(ALICE, "here", clock()).split(":")
    assert door.check(ALICE.address, f"{int(seconds) + 1}:{nonce}:{signature}") == "bad_password"
    assert door.check(ALICE.address, f"{seconds}:{'0' * 32}:{signature}") == "bad_password"


@pytest.mark.parametrize("username", [None, "", "alice", "user1" + "q" * 60, 5])
def test_only_agents_have_a_name(clock: ManualClock, door: Doorkeeper, username: object) -> None:
    """Anonymous and unsigned visitors stay out."""
    assert door.check(username, password(ALICE, "here", clock())) == "not_an_agent"


@given(st.none() | st.text(max_size=300) | st.binary(max_size=20))
def test_noise_is_a_bad_password(given_password: object) -> None:
    """Whatever a client sends as its password, the answer is a word, not an exception."""
    assert Doorkeeper("here", ManualClock()).check(ALICE.address, given_password) in ("bad_password", "stale_password")


def test_the_memory_of_the_door_is_bounded(clock: ManualClock) -> None:
    """It refuses rather than forgets a password that could still be used, and forgets those that could not."""
    door = Doorkeeper("here", clock, most=2)
    answers = [door.check(ALICE.address, password(ALICE, "here", clock())) for _ in range(3)]
    assert answers == ["", "", "busy"]
    clock.advance(WINDOW + 1)
    assert door.check(ALICE.address, password(ALICE, "here", clock())) == ""
    assert len(door._used) == len(door._by_time) == 1
