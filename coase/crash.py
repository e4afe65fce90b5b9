"""Named points at which a test may kill the process: ``COASE_CRASH_AT=17`` dies with SIGKILL at the 17th point passed.

Every journal row, outbox row, block and message has a point before and a point after it. Enumerating them
(die at the n-th, for every n) finds faults in recovery that random kills miss.
"""

from __future__ import annotations

import os
import signal

from coase.errors import ConfigurationError


def _chosen(text: str) -> int:
    """The number of a point, 0 for none. A typing error is no 0: a test that kills nobody would pass."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ConfigurationError(
            f"COASE_CRASH_AT is {text[:40]!r}, not the number of a point",
            hint="unset it; only tests that kill processes need it",
            code="bad_crash_point",
        )
    return int(text)


_at = _chosen(os.environ.get("COASE_CRASH_AT") or "0")
passed = 0


def point(name: str) -> None:
    """Count a point; die here without any clean-up when it is the chosen one."""
    global passed
    passed += 1
    if passed == _at:
        os.write(2, f"crash at point {passed}: {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
