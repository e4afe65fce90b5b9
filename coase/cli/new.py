"""`coase new`: files to begin with, which work as they are."""

from __future__ import annotations

import json
import keyword
import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from coase.errors import ConfigurationError, UsageError

app = typer.Typer(
    name="new",
    help="Begin a skill, an agent or a study of your own: files that work as they are.",
    no_args_is_help=True,
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)

Name = Annotated[str, typer.Argument(help="Small letters, digits and underscores: my_haggler", show_default=False)]
Folder = Annotated[Path, typer.Option("--in", help="The folder to write to.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

SKILL = '''"""{title}: say in a line what it does, and below by which formula and whose.

The share of my utility range that I still ask for at relative time t (0 at the start, 1 at the deadline) is
1 - t^(1 / beta): everything at first, less and less towards the deadline.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

import coase


class {kind}(coase.Negotiator):
    """Hold firm, concede late. Change `target`, or override `ask` to react to their offers (`now.worth`)."""

    beta: float = Field(default=0.3, gt=0, allow_inf_nan=False, description="the smaller, the firmer; 1 is linear")

    def target(self, t: Any) -> Any:
        """1 is the best that I can get, 0 what no deal is worth to me. `t` may be an array."""
        return 1 - t ** (1 / self.beta)
'''

TEST = '''"""Run me with pytest: what I promise about {name}.py."""

from __future__ import annotations

from pathlib import Path

import coase
from coase.negotiation.conformance.kit import check

SKILL = Path(__file__).with_name("{name}.py")


def test_it_keeps_the_rules() -> None:
    """In time, within memory, never below its reservation, the same again, alone and in batches."""
    verdict = check(SKILL)
    assert verdict.passed, [one.what for one in verdict.findings if one.passed is False]


def test_it_gets_a_good_price() -> None:
    """Against a seller that concedes steadily it pays less than half way."""
    domain = coase.Domain(price=range(100))
    result = coase.negotiate(coase.skill(SKILL), coase.skill("linear"), domain, reservation=(0.1, 0.1))
    assert result.agreement is not None
    assert result.utilities[0] > 0.5
'''


@app.command("skill")
def skill(name: Name, folder: Folder = Path(), as_json: Json = False) -> None:
    """Write a bargaining skill and its test.

    coase new skill my_haggler && coase check ./my_haggler.py
    """
    _check_name(name)
    kind = "".join(part.capitalize() for part in name.split("_"))
    title = name.replace("_", " ").capitalize()
    files = {
        folder / f"{name}.py": SKILL.format(title=title, kind=kind),
        folder / f"test_{name}.py": TEST.format(name=name),
    }
    _write(files)
    path = f"./{(folder / name).as_posix()}.py"
    _tell(
        list(files),
        as_json,
        (
            f"coase check {path}",
            f"coase negotiate {path} conceder",
            f"coase tournament {path} boulware micro tit_for_tat",
        ),
    )


@app.command("study")
def study(name: Name, folder: Folder = Path(), as_json: Json = False) -> None:
    """Write a study and its readme into a folder of their own.

    coase new study my_market && coase simulate ./my_market/study.py --quick
    """
    from coase.cli.study_template import README, STUDY

    _check_name(name)
    kind = "".join(part.capitalize() for part in name.split("_"))
    place = folder / name
    path = f"{'' if place.is_absolute() else './'}{(place / 'study.py').as_posix()}"
    _write(
        {
            place / "study.py": STUDY.format(title=name.replace("_", " ").capitalize(), kind=kind),
            place / "README.md": README.format(name=name, path=path),
        }
    )
    _tell(
        [place / "study.py", place / "README.md"], as_json, (f"coase simulate {path} --quick", f"coase simulate {path}")
    )


@app.command("agent")
def agent(
    name: Name,
    like: Annotated[str, typer.Option(help="The shipped agent to begin from.")] = "gpu_provider",
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Copy a shipped agent, code and settings, into a folder of your own.

    coase new agent my_gpu --like gpu_provider && coase run ./my_gpu/agent.toml
    """
    from coase import loading

    _check_name(name)
    loading.find("agents", like)  # says which there are
    source = loading.content("agents") / like
    settings = source / "agent.toml"
    if not settings.is_file():
        raise UsageError(f"the agent '{like}' has no settings to copy", hint="gpu_provider, for example")
    place = folder / name
    if place.exists():
        raise _there(place)
    text = settings.read_text(encoding="utf-8")
    text = re.sub(r'(?m)^agent = ".*"$', 'agent = "./agent.py"', text)
    text = re.sub(r'(?m)^name = ".*"$', f"name = {json.dumps(name.replace('_', '-'))}", text)
    try:
        place.mkdir(parents=True)
        shutil.copyfile(source / "agent.py", place / "agent.py")
        (place / "agent.toml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(place, error) from error
    _tell([place / "agent.py", place / "agent.toml"], as_json, (f"coase run {place / 'agent.toml'}",))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f"'{name}' is no name for a file", hint="small letters, digits and underscores: my_haggler", code="bad_name"
        )


def _write(files: dict[Path, str]) -> None:
    """All of them, or none where one is there already."""
    for path in files:
        if path.exists():
            raise _there(path)
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise _unwritable(path, error) from error


def _tell(files: list[Path], as_json: bool, then: tuple[str, ...]) -> None:
    if as_json:
        typer.echo(json.dumps({"files": [str(path) for path in files], "next": list(then)}))
        return
    for path in files:
        typer.echo(f"wrote  {path}")
    typer.echo("\nnext:")
    for command in then:
        typer.echo(f"  {command}")


def _there(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is there already", hint="choose another name, or --in another folder", code="exists"
    )


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot write {path}: {error.strerror}", code="not_writable")
