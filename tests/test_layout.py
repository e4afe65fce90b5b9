"""The rules of the house that a test can keep: who imports whom, what is light, what ships."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "coase"
CONTENT = ("agents", "skills", "contracts", "simulation", "examples")
HEAVY = (
    "torch",
    "ray",
    "web3",
    "uagents",
    "langchain",
    "numba",
    "eth_account",
    "sqlalchemy",
    "matplotlib",
    "pyarrow",
    "gymnasium",
    "negmas",
    "pettingzoo",
)

# Rooms from the ground up. A room may import those named; the ground floor, only what is before it.
GROUND = ["_version", "errors", "money", "identity", "crash", "terms", "loading", "whole", "page", "parallel"]
ROOMS = {
    "negotiation": {*GROUND},
    "market": {*GROUND, "negotiation"},
    "compute": {*GROUND},
    "registry": {*GROUND},
    "settlement": {*GROUND},
    "agent": {*GROUND, "negotiation", "compute", "registry", "settlement"},
    "testing": {*GROUND, "negotiation", "market", "compute", "registry", "settlement", "agent"},
    "bench": {*GROUND, "negotiation", "market", "compute", "registry", "settlement", "agent", "testing"},
    "cli": {*GROUND, "negotiation", "market", "compute", "registry", "settlement", "agent", "bench"},
}


def sources(folder: Path) -> list[Path]:
    """Python files that belong to the project."""
    return [path for path in sorted(folder.rglob("*.py")) if "node_modules" not in path.parts]


def imported(path: Path) -> set[str]:
    """Full names of what a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def room_of(path: Path) -> str:
    """The room a file of the library is in."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources(LIBRARY), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_a_room_imports_only_what_it_may_know(path: Path) -> None:
    """Imports inside the library go down the house, never up or across."""
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return  # the flat names; the command
    allowed = ROOMS[room] if room in ROOMS else set(GROUND[: GROUND.index(room)])
    known = {name.split(".")[1] for name in imported(path) if name.startswith("coase.")}
    rooms = {*ROOMS, *GROUND}
    assert (known & rooms) - {room} <= allowed


def test_the_library_never_imports_content() -> None:
    """Content is loaded by name or path, never imported."""
    for path in sources(LIBRARY):
        assert not {name.split(".")[0] for name in imported(path)} & set(CONTENT), path


def test_content_imports_nothing_of_ours_but_the_library() -> None:
    """A file of content does not import another."""
    stems = {path.stem for folder in CONTENT for path in sources(ROOT / folder)}
    for folder in CONTENT:
        for path in sources(ROOT / folder):
            assert not {name.split(".")[0] for name in imported(path)} & {*CONTENT, *stems} - {"coase"}, path


def test_content_folders_are_no_packages() -> None:
    """An ``__init__.py`` there would shadow other distributions' packages of the same name in a clone."""
    assert not [
        path for folder in CONTENT for path in (ROOT / folder).rglob("__init__.py") if "node_modules" not in path.parts
    ]


def test_no_name_is_both_in_the_library_and_beside_it() -> None:
    """`coase/agents` beside `agents/` would confuse everybody."""
    assert not {path.name for path in LIBRARY.iterdir() if path.is_dir()} & set(CONTENT)


def test_errors_are_defined_in_one_file() -> None:
    """Every exception class that users can meet is in errors.py."""
    allowed = {"Interrupted", "Reverted", "Refused"}  # between two functions of one room; users never see them
    for path in sources(LIBRARY):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases}
                public = any(base.endswith(("Error", "Exception", "Refused")) for base in bases)
                assert not public or node.name in allowed or node.name.startswith("_"), f"{path}: {node.name}"


def test_importing_the_library_is_light() -> None:
    """`import coase` pulls in none of the heavy packages."""
    script = f"import coase, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists_and_no_other_is_listed() -> None:
    """The lazy table, `dir(coase)` and what can be had agree."""
    import coase

    for name in coase._NAMES:
        assert getattr(coase, name) is not None
    assert set(coase._NAMES) <= set(dir(coase))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = coase.no_such_name


def test_a_missing_extra_says_which_command_installs_it() -> None:
    """Without web3, the chain says `pip install "coase[chain]"`."""
    script = (
        "import sys; sys.modules['web3'] = None\n"
        "try:\n    import coase; coase.Marketplace\n"
        "except Exception as error: print(type(error).__name__, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'MissingExtra pip install "coase[chain]"'


@pytest.mark.parametrize(
    ("name", "missing"), [("MarketEnvironment", "gymnasium"), ("SharedMarketEnvironment", "pettingzoo")]
)
def test_environments_name_their_extra(name: str, missing: str) -> None:
    """Without gymnasium or pettingzoo, an environment says `pip install "coase[rl]"`."""
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"try:\n    import coase; coase.{name}\n"
        "except coase.CoaseError as error: print(type(error).__name__, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'MissingExtra pip install "coase[rl]"'


def tracked() -> set[str]:
    """Files that git tracks, or would."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


def test_the_wheel_ships_the_library_and_the_content(tmp_path: Path) -> None:
    """Every tracked file of the library and of content is in the wheel, under `coase/`, and nothing else is."""
    if importlib.util.find_spec("hatchling") is None or not (ROOT / ".git").exists():
        pytest.skip("needs hatchling and a git checkout")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    shipped = {name for name in names if not name.startswith("coase-")}
    expected = set()
    for name in tracked():
        top = name.split("/")[0]
        if top == "coase":
            expected.add(name)
        elif top in CONTENT and (top != "contracts" or name.startswith("contracts/src/")):
            expected.add(f"coase/content/{name}")
    assert shipped == expected
