"""What two cores of this machine are worth: two processes that share nothing, beside one.

Cores that are threads of one core, or that a host shares out among guests, give less than two of anything; a program's
gain from a second core can be judged only beside this.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from coase.bench.row import Row, versus

LOOPS = 10_000_000
WORK = f"for _ in range({LOOPS}): pass"


def row() -> Row:
    """The case."""
    ours, theirs, ratio = versus(_processes(2), _processes(1))
    return Row("two processes that share nothing", "loops/s", ours, theirs, "one process", measured=ratio)


def _processes(count: int) -> tuple[Callable[[], object], float]:
    def work() -> None:
        for started in [subprocess.Popen([sys.executable, "-c", WORK]) for _ in range(count)]:
            started.wait()

    return work, count * LOOPS
