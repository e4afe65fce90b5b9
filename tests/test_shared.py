"""What all tests share: a missing module skips a test, and fails it where everything is required."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

import pytest

MISSING = "coase.there_is_no_such_module"


def test_a_module_that_is_there(need: Callable[[str], ModuleType]) -> None:
    """The module is imported and returned."""
    assert need("json") is json


def test_a_missing_module_skips(need: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinarily a test that needs a missing module is skipped, and says which."""
    monkeypatch.delenv("COASE_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=MISSING):
        need(MISSING)


def test_a_missing_module_fails_where_all_are_required(
    need: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With COASE_REQUIRE_ALL a missing module is a failure."""
    monkeypatch.setenv("COASE_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="COASE_REQUIRE_ALL"):
        need(MISSING)
