"""kill -9 at the points where something is about to be, or has just been, decided, sent or mined; then resume.

`make test` kills at a sample; `make soak` at every point of the honest demo, at a sample of a disputed one, and at
pairs of points, the second one in the resume.
"""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    """The script beside this file, which is in no package."""
    spec = importlib.util.spec_from_file_location("soak_crashes", Path(__file__).with_name("crashes.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


crashes = _load()
LEAST = 590  # points that a demo passes, at least: fewer would mean that some have lost their mark
SAMPLE = (60, 300, 440, 560)
DISPUTED = (430, 560, 640, 700, 760, 800, 830)


@pytest.mark.parametrize("point", SAMPLE)
def test_a_killed_demo_resumes_without_loss(point: int) -> None:
    """Whatever the point, resume ends every deal on both sides, and every account holds what the deals say."""
    crashes.crash_and_resume(point)


@pytest.mark.parametrize(("point", "again"), [(570, 25)])
def test_a_killed_resume_resumes_without_loss(point: int, again: int) -> None:
    """A crash during the resume is no worse than the first."""
    crashes.crash_and_resume(point, again=again)


def test_the_demo_still_passes_all_its_points() -> None:
    """The number of points does not shrink unnoticed."""
    assert crashes.points() >= LEAST


@pytest.mark.soak
@pytest.mark.parametrize("point", range(1, 621))
def test_every_point_of_a_demo(point: int) -> None:
    """All of them, one after another; a point that a shorter run does not reach is no failure."""
    try:
        crashes.crash_and_resume(point)
    except AssertionError as error:
        if "not killed" not in str(error) or point <= LEAST:
            raise


@pytest.mark.soak
@pytest.mark.parametrize("point", DISPUTED)
def test_points_of_a_disputed_demo(point: int) -> None:
    """A crash around a dispute or a ruling."""
    crashes.crash_and_resume(point, fault="tampered-result")


@pytest.mark.soak
@pytest.mark.parametrize("pair", range(40))
def test_double_crashes(pair: int) -> None:
    """A crash, and another one while resuming, at points drawn from a seed."""
    draw = random.Random(pair)
    crashes.crash_and_resume(draw.randrange(150, LEAST), again=draw.randrange(1, 120))
