"""Checkpoints: an interrupted job goes on from the last one that can be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coase.compute import checkpoints, tensors


def state(step: int) -> tensors.Tensors:
    """A state that tells its step."""
    return {"w.x": np.full(3, step, np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints after 0, 5 and 10 of 20 steps."""
    for step in (0, 5, 10):
        checkpoints.write(tmp_path, step, state(step))
    return tmp_path


def found(folder: Path, unusable: int = -1) -> tuple[int, int] | None:
    """The step of the latest usable checkpoint, and the number of digests; its state is checked."""
    latest = checkpoints.latest(folder, 20, 5, lambda s: s["w.x"][0] != unusable)
    if latest is None:
        return None
    assert tensors.digest(latest.state) == tensors.digest(state(latest.step))
    assert latest.points == [tensors.digest(state(step)) for step in range(0, latest.step + 1, 5)]
    return latest.step, len(latest.points)


def test_the_latest_one_is_found_with_all_digests(folder: Path) -> None:
    """From the folder alone."""
    assert found(folder) == (10, 3)


def test_none_in_an_empty_folder(tmp_path: Path) -> None:
    """A job then begins anew."""
    assert found(tmp_path) is None


def test_a_file_without_its_note_does_not_count(folder: Path) -> None:
    """The worker died between the two."""
    (folder / "checkpoint-10.json").unlink()
    assert found(folder) == (5, 2)


@pytest.mark.parametrize("note", ["", '{"dig', "[]", "7", '{"digest": 7}', "[" * 10_000])
def test_a_note_that_says_nothing_does_not_count(folder: Path, note: str) -> None:
    """The worker died while it wrote."""
    (folder / "checkpoint-10.json").write_text(note)
    assert found(folder) == (5, 2)


@pytest.mark.parametrize("body", [b"", b"cut short", tensors.write(state(9))], ids=["empty", "short", "other"])
def test_a_file_that_is_not_what_its_note_says_does_not_count(folder: Path, body: bytes) -> None:
    """Cut short, or another state."""
    (folder / checkpoints.file_name(10)).write_bytes(body)
    assert found(folder) == (5, 2)


def test_a_state_that_does_not_fit_does_not_count(folder: Path) -> None:
    """The training is asked."""
    assert found(folder, unusable=10) == (5, 2)


def test_a_gap_ends_the_row(folder: Path) -> None:
    """Without the digest of every earlier checkpoint there is no result to be had."""
    (folder / "checkpoint-5.json").unlink()
    assert found(folder) == (0, 1)
    (folder / "checkpoint-0.json").unlink()
    assert found(folder) is None
