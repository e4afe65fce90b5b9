"""The journal: durable, append-only about the past, and all or nothing."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from coase.agent.deal import EVENTS, STATES, TRANSITIONS, Event, State, path
from coase.agent.journal import Journal, Record
from coase.errors import ConfigurationError, DealError, LocalProtocolError

BODIES = st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=5) | st.none(), max_size=2)
DEALS = st.sampled_from(["deal-1", "deal-2", "deal-3"])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    opened = Journal(tmp_path / "journal.db", "tester")
    yield opened
    opened.close()


class JournalModel(RuleBasedStateMachine):
    """The journal against plain Python; the file is closed and opened again at any time."""

    @initialize()
    def begin(self) -> None:
        """An empty folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.journal = Journal(self.folder / "journal.db", "tester")
        self.deals: dict[str, Record] = {}
        self.events: dict[str, list[tuple[str, State]]] = {}
        self.facts: dict[str, Any] = {}

    @rule()
    def reopen(self) -> None:
        """A restart."""
        self.journal.close()
        self.journal = Journal(self.folder / "journal.db", "tester")

    @rule(deal=DEALS, role=st.sampled_from(["buyer", "seller"]), body=BODIES, state=st.sampled_from(STATES))
    def open(self, deal: str, role: str, body: dict[str, Any], state: State) -> None:
        """Begin a deal, once."""
        if deal in self.deals:
            with pytest.raises(DealError) as caught:
                self.journal.open(deal, role, body, state)
            assert caught.value.code == "deal_exists"
            return
        record = self.journal.open(deal, role, body, state)
        assert record == Record(deal, role, state, body)
        self.deals[deal], self.events[deal] = record, [("open", state)]

    @rule(deal=DEALS, event=st.sampled_from(EVENTS), changes=BODIES)
    def apply(self, deal: str, event: Event, changes: dict[str, Any]) -> None:
        """Move along the table or not at all."""
        before = self.deals.get(deal)
        after = TRANSITIONS[before.state].get(event) if before else None
        if before is None or after is None:
            with pytest.raises((DealError, LocalProtocolError)):
                self.journal.apply(deal, event, **changes)
            return
        self._set(self.journal.apply(deal, event, **changes), before, after, changes, [(event, after)])

    @rule(deal=DEALS, goal=st.sampled_from(STATES), changes=BODIES)
    def catch_up(self, deal: str, goal: State, changes: dict[str, Any]) -> None:
        """Several moves at once, or none."""
        before = self.deals.get(deal)
        try:
            events = path(before.state, goal) if before else None
        except LocalProtocolError:
            events = None
        if before is None or events is None:
            with pytest.raises((DealError, LocalProtocolError)):
                self.journal.catch_up(deal, goal, **changes)
            return
        moves, state = [], before.state
        for event in events:
            state = TRANSITIONS[state][event]
            moves.append((event, state))
        self._set(self.journal.catch_up(deal, goal, **changes), before, goal, changes if moves else {}, moves)

    @rule(deal=DEALS, changes=BODIES)
    def note(self, deal: str, changes: dict[str, Any]) -> None:
        """Add to the body."""
        before = self.deals.get(deal)
        if before is None:
            with pytest.raises(DealError):
                self.journal.note(deal, "noted", **changes)
            return
        record = self.journal.note(deal, "noted", **changes)
        self._set(record, before, before.state, changes, [("noted", before.state)])

    @rule(name=st.sampled_from("xy"), value=BODIES)
    def remember(self, name: str, value: Any) -> None:
        """Keep a fact."""
        self.journal.remember(name, value)
        self.facts[name] = value

    def _set(
        self, got: Record, before: Record, state: State, changes: dict[str, Any], moves: list[tuple[Any, State]]
    ) -> None:
        wanted = Record(before.deal, before.role, state, {**before.body, **changes})
        assert got == wanted
        self.deals[before.deal] = wanted
        self.events[before.deal] += moves

    @invariant()
    def agrees(self) -> None:
        """Present, past and facts are those of the model."""
        if not hasattr(self, "journal"):
            return
        assert self.journal.deals() == list(self.deals.values())
        for deal, record in self.deals.items():
            assert self.journal.get(deal) == record
            assert self.journal.events(deal) == self.events[deal]
        assert self.journal.deals("buyer") == [r for r in self.deals.values() if r.role == "buyer"]
        assert self.journal.deals(open_only=True) == [r for r in self.deals.values() if not r.ended]
        assert {name: self.journal.recall(name) for name in self.facts} == self.facts

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)


TestJournalModel = JournalModel.TestCase
TestJournalModel.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_a_failed_transaction_leaves_nothing(journal: Journal) -> None:
    """A body that is not JSON, in the middle of a move, changes neither the present nor the past."""
    journal.open("d", "buyer", {"a": 1})
    for attempt in (
        lambda: journal.apply("d", "agree", bad=object()),
        lambda: journal.catch_up("d", "delivered", bad=object()),
        lambda: journal.note("d", "noted", bad=object()),
        lambda: journal.open("e", "buyer", {"bad": object()}),
        lambda: journal.remember("f", object()),
    ):
        with pytest.raises(TypeError):
            attempt()
    assert journal.deals() == [Record("d", "buyer", "proposed", {"a": 1})]
    assert journal.events("d") == [("open", "proposed")]
    assert journal.recall("f") is None
    assert not journal.db.in_transaction


def test_an_unknown_deal_is_named(journal: Journal) -> None:
    """Asking for what is not there says so."""
    assert journal.get("nothing") is None
    with pytest.raises(DealError, match="nothing") as caught:
        journal.need("nothing")
    assert caught.value.code == "unknown_deal"


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    """Reading a deal after its market was left is an error with a way out."""
    journal = Journal(tmp_path / "journal.db", "tester")
    journal.close()
    with pytest.raises(DealError, match="closed") as caught:
        journal.get("d")
    assert caught.value.code == "journal_closed"


def test_an_intent_belongs_to_a_transaction(journal: Journal) -> None:
    """An intent that would be committed alone is refused; inside a transaction it lives or dies with it."""
    journal.open("d", "buyer", {})
    with pytest.raises(LocalProtocolError) as caught:
        journal.intend("d", "open")
    assert caught.value.code == "no_transaction"
    journal.db.execute("begin immediate")
    journal.intend("d", "open")
    journal.db.execute("rollback")
    assert journal.events("d") == [("open", "proposed")]
    journal.db.execute("begin immediate")
    journal.intend("d", "open")
    journal.db.execute("commit")
    assert journal.events("d")[-1] == ("intend open", "proposed")


def test_a_crash_before_the_commit_writes_nothing_and_after_it_everything(
    journal: Journal, tmp_path: Path, crashes: Any
) -> None:
    """Each write has a point before and a point after it, and what is on disk is what was before or after."""
    journal.open("d", "buyer", {})
    for at, state in ((1, "proposed"), (2, "agreed")):
        crashes.watch("tester", at)
        with pytest.raises(BaseException, match="tester"):
            journal.apply("d", "agree")
        crashes.watch("")
        other = Journal(tmp_path / "journal.db", "reader")
        assert other.need("d").state == state
        other.close()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Whatever is in the way, the error says which file and what to do."""
    (tmp_path / "journal.db").write_bytes(b"not a database" * 100)
    (tmp_path / "file").write_bytes(b"")
    for file in (tmp_path / "journal.db", tmp_path / "file" / "journal.db"):
        with pytest.raises(ConfigurationError, match=file.name) as caught:
            Journal(file, "tester")
        assert caught.value.code == "home_not_writable"
        assert caught.value.hint


def test_the_past_cannot_be_rewritten_by_later_bodies(journal: Journal) -> None:
    """Each event keeps the body as it was then."""
    journal.open("d", "buyer", {"n": 1})
    journal.note("d", "noted", n=2)
    rows = journal.db.execute("select body from event order by seq").fetchall()
    assert [row[0] for row in rows] == ['{"n": 1}', '{"n": 2}']
    assert isinstance(journal.db, sqlite3.Connection)
