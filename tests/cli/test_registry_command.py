"""`coase registry`: search and show, on files of its own making."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run
from coase.identity import Identity
from coase.registry.registry import Registry
from coase.terms.listing import Listing, Withdrawal

Call = Callable[..., tuple[int, Any]]

NOW, FILE = 1_700_000_000, "registry.db"
ALICE, BOB = (Identity.from_seed("registry command tests", name) for name in ("alice", "bob"))


def listing(by: Identity, key: str, **fields: Any) -> Listing:
    """A listing with a title that a terminal might misread."""
    defaults = {"kind": "model", "title": f"[red]{key}[/] digits", "price": 50, "lowest": 50}
    times = {"issued": NOW, "expires": NOW + 100}
    return Listing.signed(by, **{"key": key, "sequence": 1} | defaults | times | fields)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of two runs, of which `two` is newer."""
    for age, (name, sellers) in enumerate((("one", (ALICE, BOB)), ("two", (ALICE,)))):
        registry = Registry(tmp_path / name / FILE, lambda: NOW)
        for seller in sellers:
            registry.publish(listing(seller, f"key_{name}", attributes={"rank": 3, "gpu": True, "zone": "[eu]"}))
            registry.publish(listing(seller, "gone"))
            registry.withdraw(Withdrawal.signed(seller, key="gone", sequence=2))
        registry.close()
        (tmp_path / name / "market.json").write_text("{}")
        os.utime(tmp_path / name / FILE, (NOW + age, NOW + age))
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs `coase registry` and gives the exit code, and what was printed: an object with --json, else text."""

    def call(*arguments: str) -> tuple[int, Any]:
        code = run(["registry", *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if "--json" in arguments else printed.out + printed.err

    return call


def test_search_as_json(call: Call, home: Path) -> None:
    """The run's listings, whole, with their digest; each still verifies."""
    code, found = call("search", "digits rank>=3", "--home", str(home / "one"), "--json")
    assert (code, found["run"]) == (0, str(home / "one"))
    assert [row["agent"] for row in found["listings"]] == sorted([ALICE.address, BOB.address])
    for row in found["listings"]:
        digest = row.pop("digest")
        again = Listing.parse(json.dumps(row))
        again.verify()
        assert (again.digest, again.key) == (digest, "key_one")


def test_search_for_people(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with titles as they are written, brackets included, and what a query can be made of."""
    monkeypatch.setenv("COLUMNS", "200")
    code, text = call("search", "--home", str(home / "one"))
    assert code == 0
    expected = (
        "[red]key_one[/] digits",
        "gpu=true",
        "rank=3",
        "zone=[eu]",
        "0.00005",
        ALICE.address[:14],
        BOB.address[:14],
    )
    assert [part for part in expected if part not in text] == []
    assert "gone" not in text


def test_the_limit(call: Call, home: Path) -> None:
    """So many listings and no more, and people are told that there may be more."""
    assert len(call("search", "--home", str(home / "one"), "--json", "--limit", "1")[1]["listings"]) == 1
    assert "may be more" in call("search", "--home", str(home / "one"), "--limit", "1")[1]
    assert "may be more" not in call("search", "--home", str(home / "one"), "--limit", "3")[1]


def test_the_newest_run_is_taken(call: Call, home: Path) -> None:
    """Of a folder of runs, the one whose registry was written last."""
    assert call("search", "--home", str(home), "--json")[1]["run"] == str(home / "two")
    os.utime(home / "one" / FILE, (NOW + 9, NOW + 9))
    assert call("search", "--home", str(home), "--json")[1]["run"] == str(home / "one")


def test_show_everything_of_an_agent(call: Call, home: Path) -> None:
    """Without a key, all of an agent's listings."""
    found = call("show", ALICE.address, "--home", str(home / "one"), "--json")[1]["listings"]
    assert [row["key"] for row in found] == ["key_one"]


def test_nothing_matches(call: Call, home: Path) -> None:
    """Nothing found is no error."""
    assert call("search", "kind=compute", "--home", str(home), "--json")[1]["listings"] == []
    code, text = call("search", "kind=compute", "--home", str(home))
    assert code == 0
    assert "Nothing matches" in text


@pytest.mark.parametrize("length", [14, 65])
def test_show(call: Call, home: Path, length: int) -> None:
    """One listing by its agent's address, or the beginning that search prints, and its key."""
    arguments = "show", BOB.address[:length], "key_one", "--home", str(home / "one")
    code, found = call(*arguments, "--json")
    assert code == 0
    assert [(row["agent"], row["key"]) for row in found["listings"]] == [(BOB.address, "key_one")]
    code, text = call(*arguments)
    assert code == 0
    assert "valid" in text
    assert "[red]key_one[/] digits" in text
    assert "[eu]" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["search", "price<cheap"], "query_malformed"),
        (["search", '"open'], "query_malformed"),
        (["show", "agent1", "key_one"], "listing_ambiguous"),
        (["show", ALICE.address, "nothing"], "listing_unknown"),
        (["show", ALICE.address, "gone"], "listing_unknown"),
        (["show", "somebody", "key_one"], "bad_address"),
        (["show", ALICE.address, 'key" kind~m'], "bad_address"),
        (["search", "--limit", "0"], "usage"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else value,
)
def test_what_cannot_be(call: Call, home: Path, arguments: list[str], expected: str) -> None:
    """What cannot be asked or found is one object with a code, and a non-zero exit."""
    code, found = call(*arguments, "--home", str(home / "one"), "--json")
    assert code != 0
    assert found["error"]["code"] == expected


def test_no_market(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder, or without a market in it, the error says what would make one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COASE_HOME", str(tmp_path / "nowhere"))
    assert call("search", "--json")[1]["error"]["code"] == "no_registry"
    assert call("search", "--home", str(tmp_path), "--json")[1]["error"]["code"] == "no_registry"
    code, found = call("search", "--home", str(tmp_path / "nowhere"), "--json")
    assert (code, found["error"]["code"]) == (1, "no_such_home")
    assert "coase demo" in found["error"]["hint"]


def test_runs_are_found_without_a_flag(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a folder `runs`, where the demo puts its runs, no home need be named."""
    (home.parent / "work").mkdir()
    home.rename(home.parent / "work" / "runs")
    monkeypatch.chdir(home.parent / "work")
    monkeypatch.setenv("COASE_HOME", str(home.parent / "nowhere"))
    assert call("search", "--json")[1]["run"] == str(Path("runs", "two"))


def test_a_file_that_was_tampered_with(call: Call, home: Path) -> None:
    """A listing that is not signed as it stands is not shown as if it were."""
    db = sqlite3.connect(home / "one" / FILE)
    db.execute("update listing set body = replace(body, '\"price\":50,', '\"price\":51,')")
    db.commit()
    db.close()
    code, found = call("search", "--home", str(home / "one"), "--json")
    assert (code, found["error"]["code"]) == (1, "registry_tampered")


def test_an_agent_whose_address_goes_on_with_a_z(call: Call, home: Path) -> None:
    """The beginning of an address finds it, whatever letter comes next."""
    seller = next(one for one in (Identity.from_seed(number, "z") for number in range(999)) if one.address[8] == "z")
    registry = Registry(home / "one" / FILE, lambda: NOW)
    registry.publish(listing(seller, "zed"))
    registry.close()
    _, found = call("show", seller.address[:8], "zed", "--home", str(home / "one"), "--json")
    assert [row["agent"] for row in found["listings"]] == [seller.address]


def test_what_has_surely_expired_is_not_shown(call: Call, home: Path) -> None:
    """It is no earlier than when the newest listing was issued; what expired before that is gone."""
    late = NOW + 100
    registry = Registry(home / "one" / FILE, lambda: late)
    registry.publish(listing(BOB, "fresh", issued=late, expires=late + 1))
    registry.close()
    _, found = call("search", "--home", str(home / "one"), "--json")
    assert [row["key"] for row in found["listings"]] == ["fresh"]


def test_a_running_market_is_read(call: Call, home: Path) -> None:
    """The file is read while its owner has it open, and what the owner wrote last is seen."""
    registry = Registry(home / "one" / FILE, lambda: NOW)
    registry.publish(listing(BOB, "fresh"))
    assert len(call("search", "--home", str(home / "one"), "--json")[1]["listings"]) == 3
    registry.close()
