"""`coase deals` after a run, and Ctrl-C during one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coase.cli.app import run

pytestmark = pytest.mark.xdist_group("demo")
Run = Callable[..., Any]


def test_deals_are_listed_and_shown_from_both_sides(coase: Run, demo: Run) -> None:
    """`list` has every side of every deal, `show` has events, terms and signatures."""
    home = str(demo("--seed", "1")["folder"])
    rows = json.loads(coase("deals", "list", "--home", home, "--json").stdout)["deals"]
    assert not any(row["open"] for row in rows)
    (bought,) = [
        row for row in rows if row["role"] == "buyer" and row["kind"] == "compute" and row["state"] == "settled"
    ]
    shown = json.loads(coase("deals", "show", bought["deal"], "--home", home, "--json").stdout)
    assert {side["role"] for side in shown["sides"]} == {"buyer", "seller"}
    assert [event for event, _ in shown["sides"][0]["events"]][:2] == ["open", "quoted"]
    agreements = [side["body"]["agreement"] for side in shown["sides"]]
    assert agreements[0] == agreements[1]
    for words in (("list",), ("show", bought["deal"])):
        told = coase("deals", *words, "--home", home)
        assert told.returncode == 0
        assert bought["deal"] in told.stdout or "buyer" in told.stdout


def test_nothing_to_resume_is_said(coase: Run, demo: Run) -> None:
    """After a run that ended well there is nothing to do, and it takes no time."""
    home = str(demo("--seed", "1")["folder"])
    assert json.loads(coase("deals", "resume", "--home", home, "--json").stdout) == {"resumed": [], "open": []}
    assert "Nothing to resume" in coase("deals", "resume", "--home", home).stdout


def test_ctrl_c_sees_open_deals_to_their_end(coase: Run, tmp_path: Path) -> None:
    """SIGINT in mid-work: what is open is finished or refunded, and a resume finds nothing left."""
    folder = tmp_path / "run"
    command = [sys.executable, "-u", "-m", "coase", "demo", "--out", str(folder)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "begins" in line and "compute" in line:
                process.send_signal(signal.SIGINT)
                break
        seen += process.stdout.readlines()
        assert process.wait(timeout=120) == 130
    text = "".join(seen)
    assert "Interrupted" in text
    assert "No deal is left open" in text
    assert "Traceback" not in text
    assert json.loads(coase("deals", "resume", "--home", str(folder), "--json").stdout)["open"] == []
    rows = json.loads(coase("deals", "list", "--home", str(folder), "--json").stdout)["deals"]
    assert rows
    assert not any(row["open"] for row in rows)


DIES = """
import os, re, signal, sys
from coase import crash
from coase.cli.app import run

def point(name, before=crash.point):
    if re.fullmatch("outbox before .*compute.*/release", name):
        os.kill(os.getpid(), signal.SIGKILL)

crash.point = point
run(["demo", "--json", "--out", sys.argv[1]])
"""


def test_an_owner_disputes_what_the_agent_would_have_paid_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed just before it pays, the buyer's owner objects: the arbiter rules, and the money follows the ruling."""
    folder = tmp_path / "run"
    assert subprocess.run([sys.executable, "-c", DIES, str(folder)], check=False).returncode == -signal.SIGKILL

    def asked(*arguments: str) -> Any:
        run(["deals", *arguments, "--home", str(folder), "--json"])
        return json.loads(capsys.readouterr().out)

    rows = asked("list")["deals"]
    (deal,) = [row["deal"] for row in rows if row["role"] == "buyer" and row["state"] == "delivered" and row["open"]]
    ended = next(row["deal"] for row in rows if row["role"] == "buyer" and row["state"] == "settled")
    assert asked("dispute", ended, "--reason", "late")["error"]["code"] == "not_disputable"
    assert asked("dispute", "no-such-deal", "--reason", "late")["error"]["code"] == "unknown_deal"
    assert asked("dispute", deal, "--reason", " ")["error"]["code"] == "bad_reason"
    done = asked("dispute", deal, "--reason", "not what I wanted")
    assert done["open"] == []
    assert done["deal"]["state"] == "ruled"
    assert sum(done["balances"].values()) == 1_000_000 * 10**6
    assert done["balances"]["escrow"] == 0
    buyer = next(side for side in asked("show", deal)["sides"] if side["role"] == "buyer")
    assert "dispute" in [event for event, _ in buyer["events"]]
    assert (buyer["body"]["unseen"], buyer["body"]["reason"]) == (True, "not what I wanted")
