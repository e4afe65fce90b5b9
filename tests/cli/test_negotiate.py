"""`coase negotiate`: coase/cli/negotiate.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import coase
from coase.cli.negotiate import negotiate, skill_argument
from coase.errors import CoaseError, ConfigurationError, TermsError, UnknownName, UsageError

app = typer.Typer()
app.command()(negotiate)


def run(*arguments: str) -> Any:
    """The command with these arguments; errors of ours come through as they are."""
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "100"}, catch_exceptions=not arguments)


def test_json_is_one_object_with_the_whole_result() -> None:
    """Nothing else is on standard output, and the trace in it plays again."""
    ran = run(
        "boulware", "conceder", "--reservation-buyer", "0.1", "--reservation-seller", "0.1", "--seed", "1", "--json"
    )
    data = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert (data["agreement"], data["step"], data["reason"], data["seed"]) == ({"price": 19}, 69, "agreed", 1)
    assert coase.Trace.from_json(data["trace"]).session().agreement == 19


def test_the_table_shows_both_ends_of_the_trace() -> None:
    """Agreement, step, utilities, and the first and last moves; the middle of a long trace is left out."""
    ran = run("boulware", "conceder")
    for text in ("agreement", "price 13", "of 100", "utility of the seller", "accepts", "steps)", "buyer: boulware"):
        assert text in ran.stdout
    assert len(ran.stdout.splitlines()) < 35


def test_no_deal_is_shown_as_such() -> None:
    """The reason takes the agreement's place."""
    ran = run("linear", "linear", "--reservation-buyer", "0.9", "--reservation-seller", "0.9")
    assert "none" in ran.stdout
    assert "deadline" in ran.stdout


def test_issues_and_parameters(tmp_path: Path) -> None:
    """Price lists, further issues, and parameters of skills, shipped or from a file, all fit on the line."""
    file = tmp_path / "mine.py"
    file.write_text("import coase\nclass Mine(coase.Negotiator):\n    'Firm.'\n    label: str = 'x'\n")
    ran = run(
        "boulware:beta=0.5", f"{file}:label=a b", "--issue", "price=0..50..5", "--issue", "speed=slow, fast",
        "--issue", "hours=1,2,-4", "--deadline", "3", "--json",
    )  # fmt: skip
    data = json.loads(ran.stdout)
    assert coase.Domain.from_json(data["trace"]["domain"]) == coase.Domain(
        price=range(0, 51, 5), speed=["slow", "fast"], hours=[1, 2, -4]
    )
    assert (data["buyer"], data["trace"]["deadline"]) == ("boulware:beta=0.5", 3)
    assert skill_argument("boulware:beta=0.5") == coase.skill("boulware", beta=0.5)


def test_low_and_high_bound_the_price() -> None:
    """Both ends are prices."""
    domain = json.loads(run("linear", "linear", "--low", "10", "--high", "30", "--json").stdout)["trace"]["domain"]
    assert coase.Domain.from_json(domain) == coase.Domain(price=range(10, 31))


def test_a_picture_is_drawn_on_request(tmp_path: Path) -> None:
    """`--plot` writes the file and says where."""
    pytest.importorskip("matplotlib")
    path = tmp_path / "trace.png"
    data = json.loads(run("linear", "linear", "--plot", str(path), "--json").stdout)
    assert data["plot"] == str(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_said_first(tmp_path: Path) -> None:
    """Before the session, which may have cost money."""
    pytest.importorskip("matplotlib")
    asked = tmp_path / "mine.py"
    asked.write_text(
        "import coase\nclass Mine(coase.Negotiator):\n    def ask(self, state, now):\n        raise KeyboardInterrupt\n"
    )
    (tmp_path / "trace.png.try").mkdir()
    for name, code in (("trace.png", "unwritable_file"), ("trace.gif", "bad_picture"), ("no/a.png", "bad_picture")):
        with pytest.raises(CoaseError) as caught:
            run(str(asked), "linear", "--plot", str(tmp_path / name))
        assert caught.value.code == code


def test_what_a_skill_prints_is_not_in_the_json(tmp_path: Path) -> None:
    """Nor does one that would end the program end it: it loses."""
    file = tmp_path / "loud.py"
    file.write_text(
        "import coase, sys\nprint('loading')\nclass Loud(coase.Negotiator):\n"
        "    def ask(self, state, now):\n        print('asked')\n        sys.exit('bye')\n"
    )
    ran = run(str(file), "linear", "--json")
    assert json.loads(ran.stdout)["reason"] == "failed: buyer: the skill raised SystemExit: bye"
    assert "asked" in ran.stderr


def test_large_utilities_are_written_short() -> None:
    """A reservation of any size fits its line."""
    assert "(no deal: 1e+300)" in run("linear", "linear", "--reservation-buyer", "1e300").stdout


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["boulwar", "linear"], UnknownName),
        (["./nowhere.py", "linear"], UnknownName),
        (["boulware:beta=-1", "linear"], ConfigurationError),
        (["boulware:beta=0.2,x", "linear"], UsageError),
        (["linear", "linear", "--deadline", "0"], UsageError),
        (["linear", "linear", "--low", "5", "--high", "4"], UsageError),
        (["linear", "linear", "--high", "9999999"], TermsError),
        (["linear", "linear", "--issue", "speed"], UsageError),
        (["linear", "linear", "--issue", "a=1", "--issue", "a=2"], UsageError),
        (["linear", "linear", "--issue", "price=1..x"], UsageError),
        (["linear", "linear", "--issue", "price=5..1"], UsageError),
        (["linear", "linear", "--issue", "price=cheap,dear"], TermsError),
        (["linear", "linear", "--plot", "a.gif"], UsageError),
        (["linear", "linear", "--reservation-buyer", "nan"], UsageError),
    ],
)
def test_mistakes_are_errors_of_ours(arguments: list[str], kind: type[CoaseError]) -> None:
    """What the caller got wrong reaches the application as a `CoaseError` with a hint, not as a traceback."""
    with pytest.raises(kind) as caught:
        run(*arguments)
    assert caught.value.hint


def test_help_explains_the_options() -> None:
    """Each option says what it means."""
    text = " ".join(run("--help").stdout.split())
    for word in ("--reservation-buyer", "--deadline", "--seed", "--plot", "--issue", "--json", "alternating offers"):
        assert word in text
