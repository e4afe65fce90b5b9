"""Reading what a job left behind: reports of its end, and answers by a stranger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coase.compute import outcome
from coase.compute.spec import JobSpec
from coase.errors import JobFailed, JobRefused

SPEC = JobSpec.build(kind="train_steps", steps=100, inputs={"data": "a" * 64})
INFER = JobSpec.build(kind="infer", inputs={"data": "a" * 64, "model": "b" * 64})
GOOD = '{"result": {"model": "x", "labels": [1, 2]}, "tier": "none"}'


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A job's output folder with a good answer."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "result.json").write_text(GOOD)
    return folder


def read(out: Path, code: int = 0, verdict: str = "", **fields: Any) -> outcome.JobResult:
    """Read a folder by a report."""
    report = {"code": code, "verdict": verdict, "wall_seconds": 1.5, "cpu_seconds": 1.0, "peak_bytes": 7}
    return outcome.read(out.parent, fields.get("spec", SPEC), fields.get("segment"), report)


def test_a_good_answer(out: Path) -> None:
    """Result, files, tier, and what it used."""
    (out / "model.safetensors").write_bytes(b"12345")
    (out / "log.txt").write_text("noise")
    done = read(out)
    assert done.result["model"] == "x"
    assert done.tier == "none"
    assert list(done.files) == ["model.safetensors"]
    assert done.metering.counters == {"train_steps": 100, "rows_in": 6400, "rows_out": 2, "bytes_out": 5}
    assert (done.metering.wall_seconds, done.metering.peak_bytes) == (1.5, 7)


def test_a_replay_is_metered_by_its_segment(out: Path) -> None:
    """Not by the whole job."""
    assert read(out, segment=1).metering.train_steps == 50


def test_inference_is_metered_by_rows(out: Path) -> None:
    """One label a row."""
    assert read(out, spec=INFER).metering.counters == {"train_steps": 0, "rows_in": 2, "rows_out": 2, "bytes_out": 0}


@pytest.mark.parametrize("verdict", ["wall_time", "too_much_output", "too_many_files", "unexpected_file"])
def test_what_was_stopped_says_why(out: Path, verdict: str) -> None:
    """Even when it had written an answer."""
    with pytest.raises(JobFailed) as failed:
        read(out, -9, verdict)
    assert failed.value.code == verdict


@pytest.mark.parametrize(
    ("code", "expected"), [(-9, "worker_killed"), (-11, "worker_killed"), (70, "worker_died"), (71, "out_of_memory")]
)
def test_an_end_without_an_answer(out: Path, code: int, expected: str) -> None:
    """Killed, crashed, failed."""
    with pytest.raises(JobFailed) as failed:
        read(out, code)
    assert failed.value.code == expected


@pytest.mark.parametrize(
    ("log", "word"),
    [
        (None, "it left no word"),
        (b"", "it left no word"),
        (b'  File "/home/somebody/secret.py"\nValueError: no\n\n', "ValueError: no"),
        (b"\xff\xfe" * 5000 + b"\nx", "x"),
        (b"y" * 5000, "y" * 300),
    ],
)
def test_only_the_last_line_of_a_log_is_told(out: Path, log: bytes | None, word: str) -> None:
    """Paths of a traceback stay where they are."""
    if log is not None:
        (out / "log.txt").write_bytes(log)
    with pytest.raises(JobFailed) as failed:
        read(out, 70)
    assert failed.value.message == f"the worker ended with 70: {word}"


def test_a_refusal_is_passed_on(out: Path) -> None:
    """With its code, within bounds."""
    (out / "refused.json").write_text('{"code": "diverged", "message": "' + "x" * 9000 + '", "hint": "less"}')
    with pytest.raises(JobRefused) as refused:
        read(out, outcome.REFUSED)
    assert (refused.value.code, refused.value.hint) == ("diverged", "less")
    assert len(refused.value.message) == 500


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 10_000,
        '{"result": [], "tier": "none"}',
        '{"result": {}, "tier": 7}',
        '{"result": {"accuracy": 0.5}, "tier": "none"}',
        '{"result": {"x": NaN}, "tier": "none"}',
        '{"result": {"x": "\\ud800"}, "tier": "none"}',
        '{"result": {"x": ' + "[" * 20 + "]" * 20 + '}, "tier": "none"}',
        '{"result": {"x": "' + "x" * outcome.MAX_ANSWER + '"}, "tier": "none"}',
    ],
    ids=lambda text: text[:40],
)
def test_an_answer_that_is_none(out: Path, answer: str) -> None:
    """Malformed, too large, or with a float in it."""
    (out / "result.json").write_text(answer)
    with pytest.raises(JobFailed) as failed:
        read(out)
    assert failed.value.code == "bad_answer"


def test_links_are_not_followed(out: Path, tmp_path: Path) -> None:
    """Neither in answers nor among files."""
    (tmp_path / "elsewhere").write_text(GOOD)
    (out / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    (out / "folder.safetensors").mkdir()
    assert read(out).files == {}
    (out / "result.json").unlink()
    (out / "result.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JobFailed) as failed:
        read(out)
    assert failed.value.code == "bad_answer"
