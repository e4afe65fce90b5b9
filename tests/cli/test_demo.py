"""`coase demo`, end to end: a real chain, real messages, real training, in a process of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coase import money
from coase.cli.demo.faults import FAULTS
from coase.cli.demo.scenario import STEPS, scenario
from coase.compute import tensors

Demo = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.xdist_group("demo")


def without_timings(found: dict[str, Any]) -> dict[str, Any]:
    """What a seed determines."""
    return {name: value for name, value in found.items() if name not in ("timings", "folder")}


def settled(found: dict[str, Any], kind: str) -> dict[str, Any]:
    """The settled deal of a kind."""
    (deal,) = (deal for deal in found["deals"] if deal["kind"] == kind and deal["status"] == "settled")
    return dict(deal)


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_is_bought_and_the_model_gets_better(demo: Demo, seed: int) -> None:
    """All four kinds settle, fine-tuning reaches 95% and beats the bought weights, and the money adds up."""
    found = demo("--seed", str(seed))
    assert {deal["kind"] for deal in found["deals"] if deal["status"] == "settled"} == {
        "dataset",
        "model",
        "compute",
        "validation",
    }
    assert found["accuracy"]["tuned"] >= 0.95
    assert found["accuracy"]["tuned"] > found["accuracy"]["bought"]
    assert found["conserved"] is True
    assert found["open"] == []
    assert sum(found["balances"]["before"].values()) == sum(found["balances"]["after"].values())
    assert found["balances"]["after"]["escrow"] == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_agreed_prices_are_within_both_sides_limits(demo: Demo, seed: int) -> None:
    """No seller got less than its floor, no buyer paid above list price or ceiling, and bargaining saved something."""
    found, seats = demo("--seed", str(seed)), {seat.name: seat.parameters for seat in scenario(seed).seats}
    saved = 0
    for deal in found["deals"]:
        if deal["status"] != "settled":
            continue
        units = STEPS if deal["kind"] == "compute" else 1
        floor = money.parse(seats[deal["seller"]]["floor_price"]) * units
        ceiling = money.parse(seats["buyer"]["ceilings"][deal["kind"]])
        assert floor <= deal["agreed_price"] <= min(ceiling, deal["list_price"])
        saved += deal["list_price"] - deal["agreed_price"]
        change = found["balances"]["after"][deal["seller"]] - found["balances"]["before"][deal["seller"]]
        assert change == deal["agreed_price"]
    assert saved > 0


def test_the_result_has_the_promised_form(demo: Demo) -> None:
    """Each deal has the fields that are promised to programs, with amounts as integers."""
    found = demo("--seed", "1")
    for deal in found["deals"]:
        assert deal.keys() >= {
            *("kind", "seller", "list_price", "agreed_price", "rounds", "status", "reason", "transactions", "gas"),
        }
        assert isinstance(deal["list_price"], int)
        assert deal["agreed_price"] is None or isinstance(deal["agreed_price"], int)
    compute = settled(found, "compute")
    assert compute["transactions"].keys() == {"open", "deliver", "release"}
    assert compute["gas"] > 100_000
    assert compute["rounds"] > 1


def test_the_same_seed_gives_the_same_result(demo: Demo) -> None:
    """Twice the same seed: the same JSON but for `timings`, transaction hashes included."""
    assert without_timings(demo("--seed", "1")) == without_timings(demo("--seed", "1", fresh=True))


def test_other_seeds_have_other_winners_or_prices(demo: Demo) -> None:
    """The seed decides about more than names."""

    def essence(seed: str) -> list[tuple[str, int | None]]:
        return [(deal["seller"], deal["agreed_price"]) for deal in demo("--seed", seed)["deals"]]

    assert essence("1") != essence("2")


def test_a_run_leaves_model_journals_and_a_report_that_needs_no_network(demo: Demo) -> None:
    """The folder of a run holds what the demo says, and the page loads nothing from anywhere."""
    folder: Path = demo("--seed", "1")["folder"]
    assert "1.weight" in tensors.read((folder / "model.safetensors").read_bytes())
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 4
    assert "<script" not in page
    assert 'src="http' not in page
    assert "<link" not in page
    journal = sqlite3.connect(folder / "agents" / "buyer" / "journal.db")
    assert journal.execute("select count(*) from deal where state = 'settled'").fetchone()[0] == 4
    journal.close()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_nobody_loses_money_to_a_fault(demo: Demo, name: str) -> None:
    """Every fault ends as it should, with a reason that programs can read, and no deal or money stuck."""
    found = demo("--fault", name)
    assert found["fault"]["ok"] is True
    assert found["fault"]["name"] == name
    assert found["fault"]["code"] in FAULTS[name].codes
    assert found["fault"]["happened"] == FAULTS[name].expected
    assert found["conserved"] is True
    assert found["open"] == []


def test_a_cheated_buyer_gets_its_money_back_and_the_work_from_another(demo: Demo) -> None:
    """After the dispute the cheat has nothing, and an honest provider was paid instead."""
    found = demo("--fault", "tampered-result")
    cheat = next(deal for deal in found["deals"] if deal["seller"] == "gpu-a" and deal["kind"] == "compute")
    assert (cheat["status"], cheat["paid"], cheat["reason"]) == ("ruled", 0, "audit_mismatch")
    assert cheat["transactions"].keys() == {"open", "deliver", "dispute", "rule"}
    assert found["balances"]["after"]["gpu-a"] == found["balances"]["before"]["gpu-a"]
    assert settled(found, "compute")["seller"] != "gpu-a"


def test_the_demo_runs_over_a_broker(demo: Demo) -> None:
    """With every message over MQTT the same deals are made at the same prices."""
    over_mqtt, in_process = demo("--transport", "mqtt"), demo("--seed", "1")
    essence = [
        [(d["kind"], d["seller"], d["agreed_price"], d["status"]) for d in found["deals"]]
        for found in (over_mqtt, in_process)
    ]
    assert essence[0] == essence[1]
    assert over_mqtt["accuracy"] == in_process["accuracy"]


def test_people_see_tables_and_no_traceback(coase: Callable[..., Any], tmp_path: Path) -> None:
    """The terminal shows deals, accuracy, balances and times, and exits with 0."""
    done = coase("demo", "--seed", "1", cwd=tmp_path, COLUMNS="120")
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    for words in ("Deals, in test dollars", "held-back images", "the sum is unchanged", "settled", "runs/seed-1"):
        assert words in done.stdout
    assert json.loads((tmp_path / "runs" / "seed-1" / "result.json").read_text())["conserved"] is True
