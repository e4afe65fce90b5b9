"""`coase run`: the agents that ship, from their TOML files, and a seller and a skill of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]

SKILL = '''
import coase

class Patient(coase.Negotiator):
    """Hold firm, concede late."""
    def target(self, t):
        return 1 - t**5
'''
SELLER = '''
from typing import ClassVar
import coase

class Poems(coase.SellerAgent):
    """Sells one poem."""
    kind: ClassVar[str] = "poem"

    async def offering(self, tools):
        return coase.Offering(kind="poem", title="A poem", goods={"text": b"Roses are red"})

    async def perform(self, order, buyer, tools, progress):
        return tools.goods(order)
'''
SELLER_TOML = """
agent = "poems.py"
[parameters]
list_price = "1.00"
floor_price = "0.40"
negotiator = "./patient.py"
"""
BUYER_TOML = """
agent = "buyer"
[parameters]
budget = "5.00"
[[want]]
kind = "poem"
query = '"a poem"'
"""


@pytest.mark.xdist_group("demo")
def test_the_agents_that_ship_trade_from_their_files(coase: Run, tmp_path: Path) -> None:
    """All of agents/*/agent.toml together: the buyer gets the two things it wants."""
    files = [str(path) for path in sorted(ROOT.glob("agents/*/agent.toml"))]
    assert len(files) == 5
    done = coase("run", *files, "--seed", "7", "--home", str(tmp_path / "home"), "--json")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    deals = json.loads(done.stdout)["deals"]
    assert [(deal["status"], deal["reason"]) for deal in deals] == [("settled", "as_ordered"), ("settled", "validated")]


def test_a_seller_and_a_skill_of_ones_own_go_live_as_they_are(coase: Run, tmp_path: Path) -> None:
    """The skill file that a tournament would load bargains in a live deal, for a seller loaded by path."""
    for name, text in (("patient.py", SKILL), ("poems.py", SELLER), ("s.toml", SELLER_TOML), ("b.toml", BUYER_TOML)):
        (tmp_path / name).write_text(text)
    alone = coase("negotiate", "conceder", "./patient.py", "--json", cwd=tmp_path)
    assert json.loads(alone.stdout)["reason"] == "agreed"
    done = coase("run", "s.toml", "b.toml", "--home", "home", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    (deal,) = json.loads(done.stdout)["deals"]
    assert deal["status"] == "settled"
    assert 400_000 <= deal["price"] <= 1_000_000
