"""Counter-based random numbers: coase/negotiation/draws.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coase
from coase.negotiation.draws import GOLDEN, MASK, mix, party_key, uniform


def test_mix_is_splitmix64() -> None:
    """The published first outputs of SplitMix64 for the seeds 0 and 1234567."""
    assert mix(0) == 0xE220A8397B1DCDAF
    assert [mix((1234567 + k * GOLDEN) & MASK) for k in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**40), st.integers(1, 10**6), st.integers(0, 1023))
def test_draws_lie_in_the_unit_interval_and_repeat(seed: int, session: int, step: int, slot: int) -> None:
    """A draw depends on its arguments only, and never reaches 1."""
    key = party_key(coase.session_seed(seed, session), 0)
    assert 0 <= uniform(key, step, slot) < 1
    assert uniform(key, step, slot) == uniform(key, step, slot)


def test_no_two_draws_share_a_counter() -> None:
    """Neighbouring seeds, sessions, parties, steps and slots all draw something else."""
    seen = {
        uniform(party_key(coase.session_seed(seed, session), party), step, slot)
        for seed in range(4)
        for session in range(4)
        for party in (0, 1)
        for step in range(1, 6)
        for slot in range(3)
    }
    assert len(seen) == 4 * 4 * 2 * 5 * 3
    assert party_key(0, 1) != party_key(1, 0)


def test_draws_are_uniform() -> None:
    """Ten bins of 20,000 draws lie within five standard deviations of their expectation."""
    key = party_key(7, 1)
    bins = [0] * 10
    for step in range(20_000):
        bins[int(10 * uniform(key, step))] += 1
    assert all(abs(count - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5 for count in bins)


@pytest.mark.parametrize("slot", [-1, 1024])
def test_slots_of_one_step_do_not_reach_the_next(slot: int) -> None:
    """A slot that would collide with another step's draws is refused."""
    with pytest.raises(ValueError, match="slot"):
        uniform(1, 1, slot)
