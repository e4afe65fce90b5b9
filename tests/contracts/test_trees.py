"""The behaviour trees say what the forge tests test."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2] / "contracts" / "test"
TREES = sorted(TESTS.glob("**/*.tree"))
# Folders with one tree a subject; in the others, there is one a function.
SUBJECTS = ("registry", "pool", "reputation", "governance", "assets")
LEAF = re.compile(r"── it should .* \[(\w+)\]$")
BRANCH = re.compile(r"── (given|when) \S")


def test_every_external_function_has_a_tree() -> None:
    """Each function of these interfaces that has behaviour has a tree named after it."""
    functions = set()
    for name in ("IServiceEscrow", "IERC3009", "IPaymentChannels"):
        text = (TESTS.parent / "src" / "interfaces" / f"{name}.sol").read_text(encoding="utf-8")
        functions |= set(re.findall(r"function ([a-z]\w*)\(", text))
    assert {path.stem for path in TREES if path.parent.name not in SUBJECTS} == functions - {
        "deals",
        "bundles",
        "owed",
        "rules",
        "bundleKey",
        "authorizationState",
        "channels",
        "receivers",
        "pendingWithdrawals",
        "getChannelId",  # with getVoucherDigest in digests.t.sol
        "getVoucherDigest",
    }


def test_every_subject_has_a_tree() -> None:
    """In the folders by subject, each test file but the gas table has a tree beside it."""
    files = {path for folder in SUBJECTS for path in (TESTS / folder).glob("*.t.sol") if path.name != "gas.t.sol"}
    assert {path.with_name(path.name.replace(".t.sol", ".tree")) for path in files} == {
        tree for tree in TREES if tree.parent.name in SUBJECTS
    }


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.stem)
def test_leaves_are_tests(tree: Path) -> None:
    """Each leaf names one test of the file beside it, each test has one leaf, and there is nothing else in the tree."""
    head, *lines = tree.read_text(encoding="utf-8").splitlines()
    assert head == tree.stem
    assert [line for line in lines if not (LEAF.search(line) or BRANCH.search(line))] == []
    leaves = Counter(match[1] for line in lines if (match := LEAF.search(line)))
    source = tree.with_name(f"{tree.stem}.t.sol").read_text(encoding="utf-8")
    assert leaves == Counter(re.findall(r"function (test\w*)\(", source))
