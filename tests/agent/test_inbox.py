"""coase.agent.inbox. Its work within an agent is tried in tests/agent/test_runtime.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.agent.inbox import Inbox, Limits, is_agent_address
from coase.agent.message import Message
from coase.identity import Identity

SENDERS = [Identity.from_seed("inbox", str(i)).address for i in range(4)]


class Ping(Message):
    n: int


@pytest.mark.parametrize("text", [None, 5, b"agent1", "", "agent1", "user1" + "q" * 60, "agent1" + "é" * 59])
def test_what_is_no_agent_address(text: object) -> None:
    """Only the form is looked at: length, prefix, alphabet of ASCII."""
    assert not is_agent_address(text)
    assert is_agent_address(SENDERS[0])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.booleans()), max_size=120))
def test_the_books_balance(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever comes and goes, the bounds hold, and an inbox that everybody has left is as good as new."""
    limits = Limits(waiting=8, per_sender=3, bytes_waiting=200)
    inbox = Inbox("test", limits)
    waiting: list[tuple[str, int]] = []
    for who, size, leave in steps:
        if leave and waiting:
            inbox.release(*waiting.pop(0))
        elif not inbox.admit(SENDERS[who], Ping, size):
            waiting.append((SENDERS[who], size))
        assert len(waiting) <= limits.waiting
        assert sum(size for _, size in waiting) <= limits.bytes_waiting
        assert all([sender for sender, _ in waiting].count(sender) <= limits.per_sender for sender in SENDERS)
    for one in waiting:
        inbox.release(*one)
    assert (inbox._total, inbox._bytes, dict(inbox._waiting)) == (0, 0, {})


def test_failures_are_bounded() -> None:
    """A peer that can make a handler fail cannot fill the memory with it; the first failures are kept."""
    inbox = Inbox("test", Limits(failures=2))
    for n in range(5):
        inbox.fail(ValueError(n))
    assert [str(error) for error in inbox.failures] == ["0", "1"]
