"""Same seed, same bytes: studies and sweeps on one worker, on four, over Ray, and after a kill and a resume."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import coase
from coase.loading import find

# Each: parameters beside those of the quick look, and a grid.
SWEEPS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "bilateral_bound": ({"cells_": 2}, {"pairs": [300, 500]}),
    "sybil": ({"rounds": 300, "samples": 2}, {}),
    "gpu_classes": ({"hours": 4, "samples": 2}, {}),
}
PROGRAM = f"""
import sys
from pathlib import Path
import coase
from coase.loading import find

folder, workers, executor = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for name, (own, grid) in {SWEEPS!r}.items():
    study = coase.study(name, **{{**find("studies", name).quick, **own}})
    known = []
    results = coase.sweep(
        study, grid, workers=workers, executor=executor, folder=folder / "kept" / name,
        progress=lambda done, of: known or (known.append(done), print(name, done, of, flush=True)),
    )
    results[-1].report(folder / f"{{name}}.html")
    for number, result in enumerate(results):
        for kind in ("parquet", "csv", "json"):
            result.save(folder / f"{{name}}-{{number}}.{{kind}}")
"""


def ran(folder: Path, workers: int = 1, executor: str = "processes", **environment: str) -> Any:
    """The program in a process of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(workers), executor],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=200,
    )  # fmt: skip


def written(folder: Path) -> dict[str, bytes]:
    """What is in the files that people and programs read."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def known(done: Any) -> dict[str, tuple[int, int]]:
    """Study -> (cells that were known at the start, cells in all)."""
    lines = [line.split() for line in done.stdout.splitlines()]
    return {line[0]: (int(line[1]), int(line[2])) for line in lines if line and line[0] in SWEEPS}


@pytest.fixture(scope="module")
def alone(need: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one worker writes."""
    need("matplotlib")
    need("pyarrow")
    folder = tmp_path_factory.mktemp("alone")
    done = ran(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    files = written(folder)
    assert len(files) == 3 + 3 * (2 + 1 + 1)
    assert files["bilateral_bound-0.parquet"] != files["bilateral_bound-1.parquet"]
    return files


def test_on_four_workers(alone: dict[str, bytes], tmp_path: Path) -> None:
    """Pages and tables."""
    done = ran(tmp_path / "four", 4)
    assert done.returncode == 0, done.stderr[-2000:]
    assert written(tmp_path / "four") == alone


def test_over_ray(alone: dict[str, bytes], need: Any, tmp_path: Path) -> None:
    """Pages and tables, from a local Ray."""
    need("ray")
    done = ran(tmp_path / "ray", 4, "ray", HOME=str(tmp_path), RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
    assert done.returncode == 0, done.stderr[-2000:]
    assert written(tmp_path / "ray") == alone


def test_after_a_kill_and_a_resume(alone: dict[str, bytes], tmp_path: Path) -> None:
    """kill -9 in the middle of the second study, on four workers; resumed on one, the rest is measured."""
    folder = tmp_path / "killed"
    cells = {name: cells_of(name) for name in SWEEPS}
    point = 2 * cells["bilateral_bound"] + cells["sybil"]
    killed = ran(folder, 4, COASE_CRASH_AT=str(point))
    assert killed.returncode == -9, killed.stderr[-2000:]
    assert 0 < len(written(folder)) < len(alone)
    done = ran(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert known(done) == {
        "bilateral_bound": (cells["bilateral_bound"],) * 2,
        "sybil": (cells["sybil"] // 2, cells["sybil"]),
        "gpu_classes": (0, cells["gpu_classes"]),
    }
    assert written(folder) == alone


def cells_of(name: str) -> int:
    """Cells of all combinations."""
    own, grid = SWEEPS[name]
    made = coase.study(name, **{**find("studies", name).quick, **own})
    return len(made.cells()) * math.prod(len(values) for values in grid.values())
