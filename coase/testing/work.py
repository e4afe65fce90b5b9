"""Tasks for tests of `coase.parallel`: one that works, one that may fail, one that kills its process."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any


def square(task: Mapping[str, Any]) -> dict[str, int]:
    """The square of `x`."""
    return {"square": int(task["x"]) ** 2}


def inverse(task: Mapping[str, Any]) -> dict[str, float]:
    """1 / `x`."""
    return {"inverse": 1 / task["x"]}


def die(task: Mapping[str, Any]) -> None:
    """No result: the worker is killed, as for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
