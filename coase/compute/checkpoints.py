"""Checkpoints on disk: what a job writes, and what an interrupted job goes on from. This file never imports torch.

`checkpoint-N.safetensors` holds the state after N steps; `checkpoint-N.json` is written after it, holds its digest, and
makes it count.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coase.compute import tensors
from coase.errors import JobRefused
from coase.terms.reading import read_json


def file_name(step: int) -> str:
    """The file of the state after this step."""
    return f"checkpoint-{step}.safetensors"


@dataclass(frozen=True)
class Found:
    """Where an interrupted job was: the step, the digests of all checkpoints up to it, the state."""

    step: int
    points: list[str]
    state: tensors.Tensors


def write(folder: Path, step: int, state: tensors.Tensors) -> str:
    """Write a checkpoint. Returns its digest."""
    point = tensors.digest(state)
    (folder / file_name(step)).write_bytes(tensors.write(state))
    (folder / f"checkpoint-{step}.json").write_text(json.dumps({"digest": point}))
    return point


def latest(folder: Path, steps: int, every: int, usable: Callable[[tensors.Tensors], bool]) -> Found | None:
    """The latest checkpoint that is what its note says, is usable, and has a note for each one before it; or None.

    A job that was killed while writing leaves a file without a note, or one that its note does not describe.
    """
    points: list[str] = []
    for step in range(0, steps + 1, every):
        point = _note(folder, step)
        if point is None:
            break
        points.append(point)
    for count in range(len(points), 0, -1):
        step = (count - 1) * every
        try:
            state = tensors.read((folder / file_name(step)).read_bytes())
        except (OSError, JobRefused):
            continue
        if tensors.digest(state) == points[count - 1] and usable(state):
            return Found(step, points[:count], state)
    return None


def _note(folder: Path, step: int) -> str | None:
    try:
        note = read_json((folder / f"checkpoint-{step}.json").read_bytes())
    except (OSError, ValueError):
        return None
    point = note.get("digest") if isinstance(note, dict) else None
    return point if isinstance(point, str) else None
