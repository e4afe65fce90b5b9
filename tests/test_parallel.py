"""Tasks over workers: order, resume after a kill, workers that die, and the same results for any number of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coase.errors import ConfigurationError, UsageError
from coase.parallel import call, call_many, key_of, run

WORK = "coase.testing.work:square"
TASKS = [{"x": x} for x in (3, 1, 2, 1)]


def test_results_come_in_the_order_of_the_tasks() -> None:
    """Equal tasks are done once and answered each time."""
    assert run(WORK, TASKS) == [{"square": 9}, {"square": 1}, {"square": 4}, {"square": 1}]
    assert run(WORK, []) == []


def test_any_number_of_workers_gives_the_same() -> None:
    """Two processes return what one does."""
    tasks = [{"x": x} for x in range(20)]
    assert run(WORK, tasks, workers=2) == run(WORK, tasks)


def test_progress_counts_up_to_all() -> None:
    """Each task once; what was known before is counted at once."""
    seen: list[tuple[int, int]] = []
    run(WORK, TASKS, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_what_is_kept_is_not_done_again(tmp_path: Path) -> None:
    """A second run reads the file; a task that failed would have been done again."""
    store = tmp_path / "deep" / "results.sqlite"
    first = run(WORK, TASKS, store=store)
    seen: list[tuple[int, int]] = []
    assert run(WORK, TASKS, store=store, progress=lambda done, of: seen.append((done, of))) == first
    assert seen == [(3, 3)]


@pytest.mark.parametrize("point", [1, 2, 3, 6])
def test_a_killed_run_goes_on_where_it_was(point: int, tmp_path: Path) -> None:
    """kill -9 before and after a result is kept; afterwards the results are those of an unbroken run."""
    code = (
        "import sys; from pathlib import Path; from coase.parallel import run\n"
        f"run({WORK!r}, {TASKS!r}, store=Path(sys.argv[1]))"
    )
    store = tmp_path / "results.sqlite"
    environment = {**os.environ, "COASE_CRASH_AT": str(point)}
    killed = subprocess.run([sys.executable, "-c", code, str(store)], env=environment, capture_output=True)
    assert killed.returncode == -9
    known: list[int] = []
    assert run(WORK, TASKS, store=store, progress=lambda done, of: known.append(done)) == run(WORK, TASKS)
    assert known[0] == point // 2


def test_no_worker_outlives_a_killed_run(tmp_path: Path) -> None:
    """kill -9 of the run while its workers wait for more: they end, too, and let go of its output."""
    code = f"""
import os
from coase.parallel import run
run({WORK!r}, [{{"x": x}} for x in range(9)], workers=2, progress=lambda done, of: done > 2 and os.kill(os.getpid(), 9))
"""
    # The pipe ends when nobody holds it any more: a worker that stays would run into the time limit.
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60)
    assert killed.returncode == -9


def test_an_error_of_a_task_reaches_the_caller() -> None:
    """From this process and from another one."""
    for workers in (1, 2):
        with pytest.raises(ZeroDivisionError):
            run("coase.testing.work:inverse", [{"x": 1}, {"x": 0}], workers=workers)


def test_a_worker_takes_several_small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to one that fails, which fails the next time; or as many as it has time for, and one at least."""
    texts = ['{"x": 1}', '{"x": 2}', '{"x": 0}']
    assert call_many("coase.testing.work:inverse", texts) == ['{"inverse": 1.0}', '{"inverse": 0.5}']
    with pytest.raises(ZeroDivisionError):
        call_many("coase.testing.work:inverse", texts[2:])
    monkeypatch.setattr("coase.parallel.SPELL", -1)
    assert len(call_many(WORK, texts)) == 1


def test_workers_that_die_again_and_again(tmp_path: Path) -> None:
    """The run gives up with a sentence; what was done is kept."""
    with pytest.raises(ConfigurationError, match="worker processes died 3 times") as caught:
        run("coase.testing.work:die", [{"x": 1}, {"x": 2}], workers=2)
    assert caught.value.code == "workers_died"


def test_a_store_that_cannot_be_used(tmp_path: Path) -> None:
    """A folder in its place, or a file that is no database."""
    (tmp_path / "text").write_text("not a database, and long enough to be read as one" * 100)
    for path in (tmp_path, tmp_path / "text"):
        with pytest.raises(ConfigurationError) as caught:
            run(WORK, TASKS, store=path)
        assert caught.value.code == "results_not_written"


def test_what_cannot_be(tmp_path: Path) -> None:
    """Not a number of workers, no such executor."""
    workers: Any
    for workers in (0, -1, 1.5, True, 10_000):
        with pytest.raises(UsageError):
            run(WORK, TASKS, workers=workers)
    executor: Any = "threads"
    with pytest.raises(UsageError, match="executor"):
        run(WORK, TASKS, executor=executor)


def test_a_key_names_work_and_task() -> None:
    """The order of names does not matter, all else does."""
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert len({key_of("a", {"x": 1}), key_of("b", {"x": 1}), key_of("a", {"x": 2})}) == 3


def test_text_in_text_out() -> None:
    """What crosses between processes is JSON."""
    assert call(WORK, '{"x": 5}') == '{"square": 25}'


def test_over_ray(need: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same results from a local Ray."""
    need("ray")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    code = f"from coase.parallel import run; print(run({WORK!r}, {TASKS!r}, workers=2, executor='ray'))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.stdout.strip() == str(run(WORK, TASKS)), ran.stderr[-2000:]
