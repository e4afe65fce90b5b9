"""The database: it finds what the query means, keeps what it was given, and fails in one way."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase import crash
from coase.errors import ConfigurationError, RegistryRefused
from coase.identity import Identity
from coase.registry.query import OPERATORS, Comparison, Query
from coase.registry.store import VERSION, SqliteStorage
from coase.terms.listing import Listing, Withdrawal

Offer = Callable[..., Listing]

NOW = 1_700_000_000
SELLERS = [Identity.from_seed("store tests", name) for name in "abc"]
WORDS = st.sampled_from(["digits", "Training", "steps", "GPU", "fast", "7", "naïve"])
TITLES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
TEXTS = st.one_of(
    st.sampled_from(["eu", "EU", "eu-west", "", "7", "true", "straße", "STRASSE", "é", "z", "\U0001f600"])
)
VALUES = st.one_of(TEXTS, st.integers(-3, 3), st.just(2**53), st.booleans())
NAMES = st.sampled_from(["rank", "region", "gpu"])
LISTINGS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["compute", "model"]),
        "title": TITLES,
        "description": st.one_of(st.just(""), TITLES),
        "unit": st.sampled_from(["item", "train_step"]),
        "price": st.integers(1, 4),
        "attributes": st.dictionaries(NAMES, VALUES, max_size=3),
        "sequence": st.integers(1, 3),
    }
)
COMPARISONS = st.one_of(
    st.builds(Comparison, NAMES, st.sampled_from(OPERATORS[:-1]), VALUES),
    st.builds(Comparison, NAMES, st.just("~"), TEXTS),
    st.builds(Comparison, st.sampled_from(["price", "sequence"]), st.sampled_from(OPERATORS[:-1]), st.integers(-1, 5)),
    st.builds(
        Comparison,
        st.sampled_from(["kind", "unit", "key"]),
        st.sampled_from(OPERATORS),
        st.sampled_from(["compute", "ITEM", "m", "k1"]),
    ),
)
PHRASES = st.lists(WORDS, min_size=1, max_size=2).map(" ".join)
QUERIES = st.builds(Query, st.lists(COMPARISONS, max_size=3).map(tuple), st.lists(PHRASES, max_size=2).map(tuple))


def listed(fields: dict[str, Any], number: int) -> Listing:
    """A listing of one of three sellers, in a slot of its own."""
    rest = {"lowest": 1, "issued": NOW, "expires": NOW + 100, "key": f"k{number}"}
    return Listing.signed(SELLERS[number % 3], **rest, **fields)


def folded(text: str) -> str:
    """Words apart, in lower case and without the one accent used here."""
    return f" {text.lower().replace('ï', 'i')} "


def matches(query: Query, listing: Listing) -> bool:
    """What a query means, without a database."""
    texts = [folded(listing.title), folded(listing.description)]
    return all(c.holds(listing) for c in query.comparisons) and all(
        any(folded(phrase) in text for text in texts) for phrase in query.phrases
    )


@given(st.lists(LISTINGS, max_size=8), st.lists(QUERIES, min_size=1, max_size=6))
def test_sql_agrees_with_the_meaning(fields: list[dict[str, Any]], queries: list[Query]) -> None:
    """For random listings and queries, the database finds what plain Python does, in the same order."""
    storage = SqliteStorage(None)
    listings = [listed(one, number) for number, one in enumerate(fields)]
    for listing in listings:
        storage.put(listing)
    listings.sort(key=lambda listing: (listing.price, listing.agent, listing.key))
    for query in queries:
        expected = [listing for listing in listings if matches(query, listing)]
        assert storage.search(query, NOW, 100, 0) == expected
        assert storage.search(query, NOW, 2, 1) == expected[1:3]
    storage.close()


def test_types_do_not_mix(offer: Offer) -> None:
    """Every value of an attribute against every other, with every operator: 1, true and "1" are three values."""
    values: list[int | bool | str] = [False, True, 0, 1, 2, -1, "", "0", "1", "true"]
    storage = SqliteStorage(None)
    listings = [offer(key=f"k{number}", attributes={"rank": value}) for number, value in enumerate(values)]
    for listing in listings:
        storage.put(listing)
    for comparison in (Comparison("rank", operator, value) for operator in OPERATORS for value in values):
        expected = [listing for listing in listings if comparison.holds(listing)]
        assert storage.search(Query((comparison,)), NOW, 99, 0) == expected, comparison
    storage.close()


# ---- keeping


def test_a_file_survives_its_process(tmp_path: Path, offer: Offer) -> None:
    """Listings, their attributes and words, and withdrawals, are found by the next process that opens the file."""
    path, query = tmp_path / "deep" / "er" / "registry.db", Query((Comparison("rank", "=", 3),), ("training",))
    storage = SqliteStorage(path)
    storage.put(offer(attributes={"rank": 3}))
    storage.close()
    script = (
        "import sys; from pathlib import Path; from coase.registry.query import *\n"
        "from coase.registry.store import SqliteStorage; storage = SqliteStorage(Path(sys.argv[1]))\n"
        f"print(storage.search({query!r}, {NOW}, 9, 0)[0].digest)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == offer(attributes={"rank": 3}).digest


def test_a_slot_holds_its_last_listing(offer: Offer) -> None:
    """A listing that replaces another leaves nothing of it behind, in no index."""
    storage = SqliteStorage(None)
    storage.put(offer(title="old thing", attributes={"rank": 1}))
    storage.put(offer(title="new thing", attributes={"size": 1}, sequence=2))
    assert storage.search(Query((), ("old",)), NOW, 9, 0) == []
    assert storage.search(Query((Comparison("rank", "=", 1),)), NOW, 9, 0) == []
    assert len(storage.search(Query((Comparison("size", "=", 1),), ("new",)), NOW, 9, 0)) == 1
    for table in ("listing", "attribute", "words"):
        assert storage.db.execute(f"select count(*) from {table}").fetchone() == (1,)
    storage.close()


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_slot_does_not_go_back(offer: Offer, sequence: int) -> None:
    """Another process may have been quicker: what is not newer is refused in the same transaction."""
    storage = SqliteStorage(None)
    storage.put(offer(sequence=2))
    with pytest.raises(RegistryRefused) as caught:
        storage.put(offer(sequence=sequence, title="another"))
    assert caught.value.code == "listing_replayed"
    assert storage.search(Query(), NOW, 9, 0) == [offer(sequence=2)]
    storage.close()


def test_a_failure_changes_nothing(offer: Offer) -> None:
    """When a row cannot be written, the listing that was to be replaced is still there, whole."""
    storage, first = SqliteStorage(None), offer(attributes={"rank": 1})
    storage.put(first)
    storage.db.execute("create trigger full before insert on attribute begin select raise(abort, 'disk full'); end")
    with pytest.raises(ConfigurationError, match="disk full"):
        storage.put(offer(sequence=2, attributes={"rank": 2}))
    assert not storage.db.in_transaction
    assert storage.search(Query((Comparison("rank", "=", 1),), ("training",)), NOW, 9, 0) == [first]
    storage.close()


def test_there_is_a_crash_point_on_either_side(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first point nothing is on disk, at the second everything is."""
    storage = SqliteStorage(None)
    seen: list[tuple[str, int]] = []
    monkeypatch.setattr(crash, "point", lambda name: seen.append((name, storage.count(offer().agent))))
    storage.put(offer())
    assert seen == [("registry before main", 0), ("registry after main", 1)]
    storage.close()


def test_forgotten_slots_are_free(offer: Offer) -> None:
    """Slots whose listing expired by then are gone from every table; later ones stay."""
    storage = SqliteStorage(None)
    storage.put(offer(key="early", expires=NOW + 10, attributes={"rank": 1}))
    storage.put(offer(key="late", expires=NOW + 11, attributes={"rank": 1}))
    storage.forget(NOW + 9)
    assert storage.count(offer().agent) == 2
    storage.forget(NOW + 10)
    assert storage.current(offer().agent, "early") is None
    assert storage.current(offer().agent, "late") is not None
    for table in ("listing", "attribute", "words"):
        assert storage.db.execute(f"select count(*) from {table}").fetchone() == (1,)
    storage.close()


def test_a_withdrawn_slot_remembers_its_sequence(offer: Offer, seller: Identity) -> None:
    """A withdrawn listing is not found, and what comes next must be above the withdrawal."""
    storage = SqliteStorage(None)
    storage.put(offer())
    storage.withdraw(Withdrawal.signed(seller, key="main", sequence=5))
    assert storage.search(Query(), NOW, 9, 0) == []
    with pytest.raises(RegistryRefused):
        storage.put(offer(sequence=5))
    storage.put(offer(sequence=6))
    assert storage.search(Query(), NOW, 9, 0) == [offer(sequence=6)]
    storage.close()


# ---- several at once


def test_readers_read_while_a_writer_writes(tmp_path: Path, offer: Offer) -> None:
    """Readers of the same file see whole listings, never fewer than before, and are not in the writer's way."""
    path, failures = tmp_path / "registry.db", list[BaseException]()
    writer = SqliteStorage(path)
    writer.put(offer(key="k0", attributes={"rank": 0}))
    written, query = threading.Event(), Query((Comparison("rank", ">=", 0),), ("training",))

    def read() -> None:
        seen, ending = 0, False
        try:
            reader = SqliteStorage(path, read_only=True)
            while not ending:
                ending = written.is_set()
                found = len(reader.search(query, NOW, 100, 0))
                assert found >= seen
                seen = found
            assert seen == 40
            reader.close()
        except BaseException as error:  # noqa: BLE001  # reported below, in the thread of the test
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 40):
        writer.put(offer(key=f"k{number}", attributes={"rank": number}))
    written.set()
    for reader in readers:
        reader.join()
    writer.close()
    assert failures == []


def test_two_writers_of_one_file(tmp_path: Path, offer: Offer) -> None:
    """Two that hold the same file both write, and each sees what the other wrote."""
    one, other = SqliteStorage(tmp_path / "registry.db"), SqliteStorage(tmp_path / "registry.db")
    one.put(offer(key="a"))
    other.put(offer(key="b"))
    assert one.search(Query(), NOW, 9, 0) == other.search(Query(), NOW, 9, 0) == [offer(key="a"), offer(key="b")]
    one.close()
    other.close()


def test_a_reader_writes_nothing(tmp_path: Path, offer: Offer) -> None:
    """Opened for reading only, a registry refuses to be written."""
    path = tmp_path / "registry.db"
    SqliteStorage(path).close()
    reader = SqliteStorage(path, read_only=True)
    with pytest.raises(ConfigurationError, match="readonly"):
        reader.put(offer())
    reader.close()


# ---- files that are none


@pytest.mark.parametrize("body", [b"not a database at all" * 100, b"\x00" * 5000])
def test_another_file_is_refused(tmp_path: Path, body: bytes) -> None:
    """A file that is no database is refused, and left as it is."""
    path = tmp_path / "registry.db"
    path.write_bytes(body)
    with pytest.raises(ConfigurationError) as caught:
        SqliteStorage(path)
    assert caught.value.code == "registry_unusable"
    assert path.read_bytes() == body


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A folder, a missing file to be read, and a place under a file are refused with their path."""
    (tmp_path / "file").write_text("")
    for path, read_only in ((tmp_path, False), (tmp_path / "none.db", True), (tmp_path / "file" / "x.db", False)):
        with pytest.raises(ConfigurationError, match=re.escape(path.name)):
            SqliteStorage(path, read_only=read_only)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_another_layout_is_refused(tmp_path: Path, read_only: bool) -> None:
    """A file of another version is not guessed at."""
    path = tmp_path / "registry.db"
    SqliteStorage(path).close()
    db = sqlite3.connect(path)
    db.execute(f"pragma user_version={VERSION + 1}")
    db.close()
    with pytest.raises(ConfigurationError, match="version"):
        SqliteStorage(path, read_only=read_only)


def test_a_damaged_row_is_one_clear_error(tmp_path: Path, offer: Offer) -> None:
    """A row that is no listing makes the registry unusable, rather than something nobody expects."""
    storage = SqliteStorage(tmp_path / "registry.db")
    storage.put(offer())
    storage.db.execute("update listing set body = '{}'")
    with pytest.raises(ConfigurationError) as caught:
        storage.search(Query(), NOW, 9, 0)
    assert caught.value.code == "registry_unusable"
    storage.close()


def test_after_closing(offer: Offer) -> None:
    """A closed registry says so."""
    storage = SqliteStorage(None)
    storage.close()
    with pytest.raises(ConfigurationError, match="closed"):
        storage.search(Query(), NOW, 9, 0)
    with pytest.raises(ConfigurationError, match="closed"):
        storage.put(offer())


def test_odd_names_of_files(tmp_path: Path, offer: Offer) -> None:
    """A path with characters that mean something in an address is still that path."""
    path = tmp_path / "a?mode=memory#b %41 c.db"
    SqliteStorage(path).close()
    assert path.is_file()
    reader = SqliteStorage(path, read_only=True)
    assert reader.newest() == 0
    reader.close()


def test_the_newest(offer: Offer) -> None:
    """The newest listing's time is a lower bound of now."""
    storage = SqliteStorage(None)
    assert storage.newest() == 0
    storage.put(offer(key="a", issued=NOW - 5))
    storage.put(offer(key="b", issued=NOW - 9))
    assert storage.newest() == NOW - 5
    storage.close()
