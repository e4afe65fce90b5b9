"""Whether floating-point arithmetic has divided by zero: the processor's own flags, which vector code sets too."""

from __future__ import annotations

import ctypes
import platform
from functools import lru_cache
from typing import Any

FLAGS = {"x86_64": 0b101, "AMD64": 0b101, "aarch64": 0b11, "arm64": 0b11}  # invalid operation, and division by zero


@lru_cache(1)
def _library() -> Any:
    try:
        library = ctypes.CDLL(None)
        return library.feclearexcept, library.fetestexcept, FLAGS[platform.machine()]
    except (AttributeError, KeyError, OSError):
        return None


def watched() -> bool:
    """Whether flags can be read here."""
    return _library() is not None


def clear() -> None:
    """Lower the flags of this thread."""
    lower, _, mask = _library()
    lower(mask)


def raised() -> bool:
    """Whether something was divided by zero in this thread since `clear`, or had no number for a result."""
    _, test, mask = _library()
    return bool(test(mask))
