"""What all tests share: a peer's software is compared with where it is installed, and required where all must be."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from types import ModuleType

import pytest


def require(name: str) -> ModuleType:
    """A module. Where it is missing the test is skipped, or fails if COASE_REQUIRE_ALL is set."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("COASE_REQUIRE_ALL"):
            pytest.fail(f"COASE_REQUIRE_ALL is set, but {name} cannot be imported: {error}")
        pytest.skip(f"{name} cannot be imported: {error}")


@pytest.fixture(scope="session")
def need() -> Callable[[str], ModuleType]:
    """Imports a module, or skips the test; or fails it, if COASE_REQUIRE_ALL is set."""
    return require
